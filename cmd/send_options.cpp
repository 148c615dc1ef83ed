#include "cmd/command_options.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kMostJobs = 64;
constexpr std::uint64_t kMostRetries = 1000;

void read_stdin_options(const RawSend& raw, Converter& in, app::SendOptions& options) {
  const bool one_file = options.paths.size() == 1 && !raw.files_from;
  if (!options.standard_input && raw.size)
    in.reject("--size describes standard input: add the path '-'");
  if (!options.standard_input && raw.name && !one_file)
    in.reject("--name is for one file or standard input ('-'); --prefix puts a folder in front of "
              "all names");
  if (options.standard_input && (!options.paths.empty() || raw.files_from))
    in.reject("standard input ('-') cannot be sent together with files");
  if (options.standard_input && !raw.rules.empty())
    in.reject("--exclude and --include choose files: leave out the path '-'");
  if (options.standard_input && options.dry_run && !raw.size)
    in.reject("--dry-run reads nothing: give the length of standard input by --size");
  if (raw.size && raw.checksum)
    in.reject("--checksum reads everything before it sends: leave out --size");
  if (const auto name = in.given("--name", raw.name)) {
    in.remote_path(name, options.name);
    if (name->text.ends_with('/') || (options.name && options.name->empty()))
      in.reject("--name: '" + escape_for_terminal(name->text, 64) + "' names no file");
  }
  in.size(in.given("--size", raw.size), options.stdin_size);
}

void read_trust(const RawSend& raw, Converter& in, app::SendOptions& options) {
  using identity::TrustMode;
  if (const auto mode = in.given("--trust", raw.trust)) {
    if (mode->text == "tofu")
      options.trust = TrustMode::tofu;
    else if (mode->text == "ask")
      options.trust = TrustMode::ask;
    else if (mode->text == "strict")
      options.trust = TrustMode::strict;
    else if (mode->text == "off")
      options.trust = TrustMode::off;
    else
      in.reject(mode->name + ": write tofu, ask, strict or off");
  }
  for (auto hex : raw.fingerprints) {
    // openssl writes them with colons.
    std::erase(hex, ':');
    const Fingerprint fingerprint(hex);
    if (!fingerprint.is_sha256())
      in.reject("--fingerprint: '" + escape_for_terminal(hex, 96) +
                "' is not the 64 hex digits of a certificate's SHA-256");
    options.fingerprints.push_back(fingerprint);
  }
}

void read_message(const RawSend& raw, Converter& in, SendCommand& command) {
  const bool about_files = raw.name || raw.size || raw.prefix || raw.follow || raw.checksum ||
                           raw.no_checksum || raw.resume || raw.no_resume || raw.files_from ||
                           !raw.rules.empty() || raw.require_all;
  if (!command.options.paths.empty() || command.options.standard_input)
    in.reject("a message goes alone: leave out the paths or --message");
  if (about_files || raw.jobs)
    in.reject(
        "--name, --size, --prefix, --follow, --checksum, --no-checksum, --resume, --no-resume, "
        "--jobs, --files-from, --exclude, --include and --require-all are for files, not for a "
        "message");
  command.message_from_stdin = *raw.message == "-";
  if (command.message_from_stdin)
    command.options.message.emplace();
  else
    in.text(Given{"--message", *raw.message}, command.options.message);
}

/// TARGET and PATHs, or only PATHs where --to names the targets.
void read_operands(const RawOptions& all, Converter& in, app::SendOptions& options) {
  const auto& raw = all.send;
  auto operands = all.operands;
  options.targets = raw.to;
  if (raw.to.empty()) {
    if (operands.empty()) in.reject("send needs a TARGET; 'lsend discover' shows who is there");
    if (!operands.empty()) {
      options.targets.push_back(operands.front());
      operands.erase(operands.begin());
    }
  }
  for (const auto& target : options.targets)
    if (target.empty()) in.reject("the TARGET is empty");
  if (operands.empty() && !raw.message && !raw.files_from)
    in.reject("send needs a PATH to send, '-' for standard input, or --message TEXT");
  for (const auto& operand : operands) {
    if (operand.empty()) in.reject("a PATH is empty");
    if (operand == "-")
      options.standard_input = true;
    else
      options.paths.emplace_back(operand);
  }
}

void read_choice(const RawSend& raw, Converter& in, app::SendOptions& options) {
  in.path(in.given("--files-from", raw.files_from), options.files_from);
  options.files_from_null = raw.null;
  if (raw.null && !raw.files_from) in.reject("--null is about the list of --files-from: name one");
  options.rules = raw.rules;
  for (const auto& rule : raw.rules)
    if (rule.pattern.empty() || rule.pattern == "/")
      in.reject(std::string(rule.include ? "--include" : "--exclude") + ": a pattern is missing");
}

}  // namespace

void declare_send(Declarer& in, RawSend& raw) {
  in.values("-t,--to", raw.to, "TARGET",
            "send to this target; may be repeated, and all\noperands are PATHs then");
  in.value("-m,--message", raw.message, "TEXT|-", "a text message, or '-' to read it");
  in.value("--name", raw.name, "NAME",
           "at the receiver, of the only file or of\nstandard input [stdin]");
  in.value("--size", raw.size, "BYTES", "of standard input: it is not spooled then");
  in.value("--prefix", raw.prefix, "PATH", "a folder in front of every name");
  const auto rule = [&raw](bool include) {
    return [&raw, include](const std::string& pattern) { raw.rules.push_back({include, pattern}); };
  };
  in.each("--exclude", rule(false), "GLOB", "leave out what fits; may be repeated");
  in.each("--include", rule(true), "GLOB", "send what fits; the first GLOB that fits counts");
  in.value("--files-from", raw.files_from, "FILE|-", "also what this list names, a path a line");
  in.flag("-0,--null", raw.null, "each path of the list ends with NUL");
  in.flag("-L,--follow", raw.follow, "follow symbolic links inside folders");
  in.value("--pin", raw.pin, "PIN", "the receiver's PIN [LSEND_PIN, asked for]");
  in.value("--pin-file", raw.pin_file, "FILE", "its first line is the PIN");
  in.value("--trust", raw.trust, "HOW", "tofu, ask, strict or off [tofu]");
  in.values("--fingerprint", raw.fingerprints, "HEX",
            "the receiver's certificate must be this one;\nmay be repeated");
  in.flag("--checksum", raw.checksum, "send a sha256 with every file");
  in.flag("--no-checksum", raw.no_checksum, "send none [where it costs little]");
  in.flag("--resume", raw.resume, "go on where an upload broke off (default)");
  in.flag("--no-resume", raw.no_resume, "send every file from its beginning");
  in.value("-j,--jobs", raw.jobs, "N", "files at a time [1 to 16, as it pays]");
  in.value("--wait", raw.wait, "TIME", "for a target that is away or busy [0]");
  in.value("--retry", raw.retry, "N", "again after temporary failures [0]");
  in.value("--accept-timeout", raw.accept_timeout, "TIME", "for the person to accept [5m]");
  in.flag("--require-all", raw.require_all, "all files or none: partial acceptance is exit 8");
  in.flag("-n,--dry-run", raw.dry_run, "find the target and show the plan, send nothing");
}

SendCommand read_send(const RawOptions& all, Converter& in) {
  const auto& raw = all.send;
  SendCommand command;
  auto& options = command.options;
  read_operands(all, in, options);
  read_choice(raw, in, options);
  options.dry_run = raw.dry_run;
  command.pin_is_public =
      in.pin(raw.pin, raw.pin_file, options.pin) == Converter::PinFrom::command_line;
  in.remote_path(in.given("--prefix", raw.prefix), options.prefix);
  read_trust(raw, in, options);
  in.number(in.given("--jobs", raw.jobs), options.jobs, 1, kMostJobs);
  in.duration(in.given("--wait", raw.wait), options.wait, Duration(0));
  in.duration(in.given("--accept-timeout", raw.accept_timeout), options.accept_timeout);
  in.number(in.given("--retry", raw.retry), options.retry, 0, kMostRetries);
  options.require_all = in.flag("--require-all", raw.require_all);
  options.follow_links = in.flag("--follow", raw.follow);
  if (const auto hash = in.either("--checksum", raw.checksum, "--no-checksum", raw.no_checksum))
    options.checksum = *hash ? app::ChecksumMode::always : app::ChecksumMode::never;
  if (const auto on = in.either("--resume", raw.resume, "--no-resume", raw.no_resume))
    options.resume = *on;
  if (raw.message)
    read_message(raw, in, command);
  else
    read_stdin_options(raw, in, options);
  return command;
}

}  // namespace lsend::cmd
