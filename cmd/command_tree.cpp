#include "cmd/command_tree.hpp"

#include <CLI/CLI.hpp>

#include "cmd/command_options.hpp"
#include "cmd/help.hpp"
#include "cmd/json_schema.hpp"
#include "cmd/suggest.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::size_t kHelpColumn = 30;
constexpr const char* kShared = "Shared options";

/// CLI11's own usage line knows nothing of TARGET and PATH.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kHelpColumn); }
  std::string make_description(const CLI::App* app) const override {
    return app->get_description() + ".\n\n";
  }
  std::string make_usage(const CLI::App* app, std::string) const override {
    return std::string(usage_of(app->get_name()));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const auto type = option->get_type_name();
    return type.empty() || type.front() == '[' ? type : " " + type;
  }
  std::string make_footer(const CLI::App* app) const override {
    return std::string(notes_of(app->get_name()));
  }
};

/// CLI11's options behind the interface, so that it is compiled in one file.
class CliDeclarer final : public Declarer {
 public:
  CliDeclarer(CLI::App& app, std::string group) : app_(app), group_(std::move(group)) {}

  void value(const char* names, Text& target, const char* type, const char* description) override {
    const CLI::callback_t store = [&target](const CLI::results_t& results) {
      target = results.back();
      return true;
    };
    app_.add_option(names, store, description)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->type_name(type)
        ->group(group_);
  }

  void values(const char* names, Texts& target, const char* type,
              const char* description) override {
    const CLI::callback_t store = [&target](const CLI::results_t& results) {
      target = results;
      return true;
    };
    app_.add_option(names, store, description)
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args(false)
        ->type_name(type)
        ->group(group_);
  }

  void each(const char* names, std::function<void(const std::string&)> take, const char* type,
            const char* description) override {
    const CLI::callback_t store = [take = std::move(take)](const CLI::results_t& results) {
      take(results.back());
      return true;
    };
    app_.add_option(names, store, description)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->trigger_on_parse()
        ->type_name(type)
        ->group(group_);
  }

  void flag(const char* names, bool& target, const char* description) override {
    app_.add_flag(names, target, description)->disable_flag_override()->group(group_);
  }

  void flag_or_value(const char* names, Text& target, const char* type,
                     const char* description) override {
    const CLI::callback_t store = [&target](const CLI::results_t& results) {
      target = results.back() == "true" ? std::string() : results.back();
      return true;
    };
    app_.add_option(names, store, description)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->expected(0)
        ->type_name(type)
        ->group(group_);
  }

  void counter(const char* names, unsigned& target, const char* description) override {
    app_.add_flag(names, target, description)->disable_flag_override()->group(group_);
  }

 private:
  CLI::App& app_;
  std::string group_;
};

Error parse_failure(const CLI::ParseError& error, const std::vector<std::string>& words) {
  const auto& last = words.back();
  if (last.size() > 1 && last.front() == '-' && last.find('=') == std::string::npos)
    return fail(Errc::usage, "'" + escape_for_terminal(last, 64) + "' lacks its value");
  return fail(Errc::usage, escape_for_terminal(error.what()));
}

}  // namespace

class CommandTree::Tree {
 public:
  explicit Tree(RawOptions& raw) : raw_(raw) {
    // Commands copy the help flag of the program; theirs belongs behind their own options.
    root_.set_help_flag();
    root_.formatter(std::make_shared<HelpFormatter>());
    root_.require_subcommand(0, 1);
    add("discover", "scan", "Find devices on the network",
        [this](Declarer& in) { declare_discover(in, raw_.discover); });
    add("send", "", "Send files, folders, standard input or a message",
        [this](Declarer& in) { declare_send(in, raw_.send); });
    add("receive", "recv", "Accept incoming transfers into a folder",
        [this](Declarer& in) { declare_receive(in, raw_.receive); });
    add("info", "", "Show this machine's identity, or ask one device",
        [this](Declarer& in) { declare_info(in, raw_.info); });
    add("doctor", "", "Check this machine and its network; say what to mend", {});
    add("devices", "", "Known devices: list, show, trust, block, forget, rename", {});
    declare_common(root_, before_);
  }

  /// Throws CLI::ParseError.
  void parse(const std::vector<std::string>& words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    root_.parse(reversed);
    merge_shared();
  }

  std::string help() const { return root_.help(); }
  const CLI::App* command() const {
    const auto parsed = root_.get_subcommands();
    return parsed.empty() ? nullptr : parsed.front();
  }

  /// With allow_extras() CLI11 keeps silent about what it does not know.
  std::optional<Error> unknown_words() {
    const auto* chosen = command();
    if (!chosen && !root_.remaining().empty()) return unknown_before_command();
    for (const auto* app : {static_cast<const CLI::App*>(&root_), chosen}) {
      if (!app) continue;
      for (const auto& word : app->remaining()) {
        if (word.size() > 1 && word.front() == '-') return unknown_option(*app, word);
        if (app == &root_) return unknown_before_command();
        raw_.operands.push_back(word);
      }
    }
    if (chosen) raw_.command = chosen->get_name();
    return std::nullopt;
  }

 private:
  static void declare_common(CLI::App& app, RawShared& shared) {
    CliDeclarer in(app, kShared);
    declare_shared(in, shared);
    app.set_help_flag("-h,--help", "this help")->group(kShared);
    app.set_version_flag("--version", "lsend " LSEND_VERSION, "the version")->group(kShared);
    app.add_flag_callback(
           "--json-schema", [] { throw CLI::CallForVersion(std::string(json_schema()), 0); },
           "the JSON Schema of what --json prints")
        ->group(kShared);
    app.allow_extras();
  }

  /// Its options are put down once the words have named it: all of them for all commands would be
  /// most of what `lsend --version` does.
  void add(const char* name, const std::string& alias, const char* description,
           std::function<void(Declarer&)> declare) {
    auto* command = root_.add_subcommand(name, description);
    if (!alias.empty()) command->alias(alias);
    command->group("Commands");
    command->preparse_callback([this, command, declare = std::move(declare)](std::size_t) {
      CliDeclarer in(*command, "Options");
      if (declare) declare(in);
      declare_common(*command, raw_.shared);
    });
    commands_.push_back(command);
  }

  /// Shared options stand before the command or behind it; behind it wins, lists grow.
  void merge_shared() {
    auto& after = raw_.shared;
    for (const auto member :
         {&RawShared::progress, &RawShared::color, &RawShared::alias, &RawShared::port,
          &RawShared::multicast_port, &RawShared::connect_timeout, &RawShared::stall_timeout,
          &RawShared::config, &RawShared::log_level})
      if (!(after.*member)) after.*member = before_.*member;
    for (const auto member : {&RawShared::multicast_groups, &RawShared::interfaces})
      (after.*member)
          .insert((after.*member).begin(), (before_.*member).begin(), (before_.*member).end());
    after.json = after.json || before_.json;
    after.http = after.http || before_.http;
    after.quiet += before_.quiet;
    after.verbose += before_.verbose;
  }

  static std::string meant(const std::string& word) {
    return word.empty() ? ";" : "; did you mean '" + word + "'?";
  }

  Error unknown_before_command() const {
    for (const auto& word : root_.remaining()) {
      if (word.size() > 1 && word.front() == '-') continue;
      std::vector<std::string> names;
      for (const auto* command : commands_) {
        names.push_back(command->get_name());
        for (const auto& alias : command->get_aliases()) names.push_back(alias);
      }
      return fail(Errc::usage, "unknown command '" + escape_for_terminal(word, 64) + "'" +
                                   meant(nearest(word, names)) +
                                   " 'lsend --help' lists the commands");
    }
    return unknown_option(root_, root_.remaining().front());
  }

  static Error unknown_option(const CLI::App& app, const std::string& word) {
    const auto name = word.substr(0, word.find('='));
    std::vector<std::string> names;
    for (const auto* option : app.get_options())
      for (const auto& known : option->get_lnames()) names.push_back("--" + known);
    const bool is_long = name.starts_with("--");
    const auto help = "lsend " + (app.get_parent() ? app.get_name() + " " : "") + "--help";
    return fail(Errc::usage, "unknown option '" + escape_for_terminal(name, 64) + "'" +
                                 meant(is_long ? nearest(name, names) : std::string()) + " '" +
                                 help + "' lists the options");
  }

  RawShared before_;
  RawOptions& raw_;
  CLI::App root_{"Headless LocalSend: send and receive files on the local network", "lsend"};
  std::vector<CLI::App*> commands_;
};

CommandTree::CommandTree() : tree_(std::make_unique<Tree>(raw_)) {}
CommandTree::~CommandTree() = default;

Result<std::optional<std::string>> CommandTree::parse(const std::vector<std::string>& words) {
  try {
    tree_->parse(words);
  } catch (const CLI::CallForHelp&) {
    return std::optional(tree_->help());
  } catch (const CLI::CallForVersion& version) {
    std::string text = version.what();
    if (!text.ends_with('\n')) text += '\n';
    return std::optional(std::move(text));
  } catch (const CLI::ParseError& error) {
    return parse_failure(error, words);
  }
  if (auto error = tree_->unknown_words()) return std::move(*error);
  return std::optional<std::string>();
}

std::string CommandTree::command() const {
  const auto* command = tree_->command();
  return command ? command->get_name() : std::string();
}

}  // namespace lsend::cmd
