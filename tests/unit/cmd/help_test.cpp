#include "cmd/help.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "catch.hpp"
#include "cmd/options.hpp"

using namespace lsend::cmd;

namespace {

std::string help_of(const std::vector<std::string>& words) {
  return std::get<TextForUser>(read_command_line(words, process_environment())).text;
}

std::string page(const std::string& name) {
  std::ifstream file(std::filesystem::path(LSEND_MAN) / (name + ".1.scd"));
  INFO(name);
  REQUIRE(file.is_open());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Options at the beginning of a line of --help.
std::set<std::string> declared(const std::string& help) {
  std::set<std::string> options;
  const std::regex line(R"(\n  (?:-\w,)?(--[a-z-]+))");
  for (std::sregex_iterator i(help.begin(), help.end(), line), end; i != end; ++i)
    options.insert((*i)[1]);
  return options;
}

/// Options at the beginning of a paragraph of a page: "*-p*, *--port* _N_".
std::set<std::string> documented(const std::string& text) {
  std::set<std::string> options;
  const std::regex line(R"(\n(?:\*-\w\*, )?\*(--[a-z-]+)\*)");
  for (std::sregex_iterator i(text.begin(), text.end(), line), end; i != end; ++i)
    options.insert((*i)[1]);
  return options;
}

/// The defaults that --help states in brackets at the end of an option: {option: default}.
std::map<std::string, std::string> stated(const std::string& help) {
  std::map<std::string, std::string> defaults;
  const std::regex entry(R"(\n  (?:-\w,)?(--[a-z-]+)((?:[^\n]|\n {10,})*))");
  const std::regex bracket(R"( \[([^\]]*)\]$)");
  for (std::sregex_iterator i(help.begin(), help.end(), entry), end; i != end; ++i) {
    const auto text = std::regex_replace((*i)[2].str(), std::regex("\\s+"), " ");
    std::smatch found;
    if (std::regex_search(text, found, bracket)) defaults[(*i)[1]] = found[1];
  }
  return defaults;
}

/// What stands in the manual below an option.
std::string paragraph(const std::string& text, const std::string& option) {
  const auto begin = text.find("*" + option + "*", text.find("# OPTIONS"));
  REQUIRE(begin != std::string::npos);
  const auto end = text.find("\n*-", begin);
  return std::regex_replace(text.substr(begin, end - begin), std::regex("\\s+"), " ");
}

/// What comes of the words that have a stated default.
std::string meaning(std::vector<std::string> words) {
  const Environment nothing = [](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "LSEND_HOME") return "/nowhere";
    return std::nullopt;
  };
  const auto line = read_command_line(words, nothing);
  INFO(words.back());
  REQUIRE(std::holds_alternative<Options>(line));
  const auto& options = std::get<Options>(line);
  std::ostringstream out;
  const auto& settings = options.settings;
  out << settings.port << ' ' << settings.multicast_port << ' ' << settings.connect_timeout.count()
      << ' ' << settings.stall_timeout.count() << ' ' << static_cast<int>(options.output.log) << ' '
      << static_cast<int>(options.output.progress) << ' ' << static_cast<int>(options.output.color);
  for (const auto& group : settings.multicast_groups) out << ' ' << group;
  if (const auto* discover = std::get_if<DiscoverCommand>(&options.command))
    out << ' ' << discover->options.timeout.count();
  if (const auto* send = std::get_if<SendCommand>(&options.command))
    out << ' ' << send->options.name.value_or("stdin") << ' ' << static_cast<int>(send->options.trust) << ' '
        << send->options.wait.count() << ' ' << send->options.retry << ' '
        << send->options.accept_timeout.count();
  if (const auto* receive = std::get_if<ReceiveCommand>(&options.command))
    out << ' ' << receive->options.max_sessions << ' ' << receive->options.limits.max_files << ' '
        << receive->options.limits.min_free << ' ' << receive->options.max_connections << ' '
        << static_cast<int>(receive->options.conflict);
  return out.str();
}

}  // namespace

TEST_CASE("each default that --help states is the real one, and the manual states it too") {
  // In words, or not of one value: where they come from is what these say.
  const std::set<std::string> in_words{"--alias", "--interface",   "--config",
                                       "--pin",   "--dir",         "--jobs",
                                       "--fsync", "--no-checksum", "--multicast-group",
                                       "--mode",  "--group"};
  const std::map<std::string, std::vector<std::string>> calls{
      {"discover", {"discover"}}, {"send", {"send", "somewhere", "-"}}, {"receive", {"receive"}}};
  std::set<std::string> tried;
  for (const auto& [command, words] : calls) {
    const auto whole = meaning(words);
    for (const auto& [option, value] : stated(help_of({command, "--help"}))) {
      if (in_words.count(option) != 0) continue;
      INFO(command << " " << option << " " << value);
      auto more = words;
      more.insert(more.end(), {option, value});
      CHECK(meaning(more) == whole);
      const bool shared = page("lsend").find("*" + option + "*") != std::string::npos &&
                          documented(page("lsend")).count(option) != 0;
      CHECK_THAT(paragraph(page(shared ? "lsend" : "lsend-" + command), option),
                 Catch::Contains(value) && Catch::Contains("efault"));
      tried.insert(option);
    }
  }
  CHECK(tried.size() >= 15);
  // The two that --help has on one line are a list.
  const std::vector<std::string> groups{"receive", "--multicast-group", "224.0.0.167",
                                        "--multicast-group", "ff12::fd3a:e420"};
  CHECK(meaning(groups) == meaning({"receive"}));
}

TEST_CASE("the manual and --help name the same options") {
  const auto shared = declared(help_of({"--help"}));
  CHECK(shared.size() > 10);
  CHECK(documented(page("lsend")) == shared);
  for (const std::string command : {"discover", "send", "receive", "info", "doctor", "devices"}) {
    INFO(command);
    auto own = declared(help_of({command, "--help"}));
    for (const auto& option : shared) CHECK(own.erase(option) == 1);
    CHECK(documented(page("lsend-" + command)) == own);
  }
}

TEST_CASE("help of a command begins with what it does and how it is called") {
  CHECK(help_of({"send", "--help"})
            .starts_with("Send files, folders, standard input or a message.\n"
                         "\n"
                         "Usage: lsend send [OPTIONS] TARGET PATH...\n"));
  CHECK(help_of({"-h", "receive"}).find("Usage: lsend receive [OPTIONS]\n") != std::string::npos);
  CHECK(help_of({"discover", "-h"}).find("  --scan[=CIDR] ") != std::string::npos);
}

TEST_CASE("help fits a terminal") {
  for (const std::string command : {"discover", "send", "receive", "info", "doctor", "devices"}) {
    std::istringstream lines(help_of({command, "--help"}));
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      CHECK(line.size() <= 80);
    }
  }
}

TEST_CASE("lsend alone shows four examples") {
  const auto text = short_help();
  std::size_t examples = 0;
  for (auto at = text.find("\n  lsend "); at != std::string::npos;
       at = text.find("\n  lsend ", at + 1))
    ++examples;
  CHECK(examples == 4);
}
