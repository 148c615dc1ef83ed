#include "cmd/command_options.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kMostJobs = 64;

void read_stdin_options(const RawSend& raw, Converter& in, app::SendOptions& options) {
  if (!options.standard_input && (raw.name || raw.size))
    in.reject("--name and --size describe standard input: add the path '-'");
  if (options.standard_input && !options.paths.empty())
    in.reject("standard input ('-') cannot be sent together with files");
  if (raw.size && raw.checksum)
    in.reject("--checksum reads everything before it sends: leave out --size");
  in.text(in.given("--name", raw.name), options.stdin_name);
  in.size(in.given("--size", raw.size), options.stdin_size);
}

void read_trust(const RawSend& raw, Converter& in, app::SendOptions& options) {
  using identity::TrustMode;
  if (const auto mode = in.given("--trust", raw.trust, "LSEND_TRUST")) {
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
  const bool about_files =
      raw.name || raw.size || raw.prefix || raw.follow || raw.checksum || raw.no_checksum;
  if (!command.options.paths.empty() || command.options.standard_input)
    in.reject("a message goes alone: leave out the paths or --message");
  if (about_files || raw.jobs)
    in.reject(
        "--name, --size, --prefix, --follow, --checksum, --no-checksum and --jobs are for files, "
        "not for a message");
  command.message_from_stdin = *raw.message == "-";
  if (command.message_from_stdin)
    command.options.message.emplace();
  else
    in.text(Given{"--message", *raw.message}, command.options.message);
}

}  // namespace

void declare_send(Declarer& in, RawSend& raw) {
  in.value("-m,--message", raw.message, "TEXT|-", "a text message, or '-' to read it");
  in.value("--name", raw.name, "NAME", "of standard input at the receiver [stdin]");
  in.value("--size", raw.size, "BYTES", "of standard input: it is not spooled then");
  in.value("--prefix", raw.prefix, "PATH", "a folder in front of every name");
  in.flag("-L,--follow", raw.follow, "follow symbolic links inside folders");
  in.value("--pin", raw.pin, "PIN", "the receiver's PIN [LSEND_PIN]");
  in.value("--trust", raw.trust, "HOW", "tofu, ask, strict or off [tofu]");
  in.values("--fingerprint", raw.fingerprints, "HEX",
            "the receiver's certificate must be this one;\nmay be repeated");
  in.flag("--checksum", raw.checksum, "send a sha256 with every file");
  in.flag("--no-checksum", raw.no_checksum, "send none [where it costs little]");
  in.value("-j,--jobs", raw.jobs, "N", "files at a time [4]");
  in.value("--wait", raw.wait, "TIME", "for a target that is away or busy [0]");
  in.value("--accept-timeout", raw.accept_timeout, "TIME", "for the person to accept [5m]");
}

SendCommand read_send(const RawOptions& all, Converter& in) {
  const auto& raw = all.send;
  SendCommand command;
  auto& options = command.options;
  if (all.operands.empty()) in.reject("send needs a TARGET; 'lsend discover' shows who is there");
  if (all.operands.size() == 1 && !raw.message)
    in.reject("send needs a PATH to send, '-' for standard input, or --message TEXT");
  for (std::size_t i = 0; i < all.operands.size(); ++i) {
    const auto& operand = all.operands[i];
    if (operand.empty()) in.reject(i == 0 ? "the TARGET is empty" : "a PATH is empty");
    if (i == 0)
      options.target = operand;
    else if (operand == "-")
      options.standard_input = true;
    else
      options.paths.emplace_back(operand);
  }
  in.text(in.given("--pin", raw.pin), options.pin);
  in.text(in.given("--prefix", raw.prefix), options.prefix);
  read_trust(raw, in, options);
  in.number(in.given("--jobs", raw.jobs), options.jobs, 1, kMostJobs);
  in.duration(in.given("--wait", raw.wait), options.wait);
  in.duration(in.given("--accept-timeout", raw.accept_timeout), options.accept_timeout);
  options.follow_links = in.flag("--follow", raw.follow);
  if (const auto hash = in.either("--checksum", raw.checksum, "--no-checksum", raw.no_checksum))
    options.checksum = *hash ? app::ChecksumMode::always : app::ChecksumMode::never;
  if (raw.message)
    read_message(raw, in, command);
  else
    read_stdin_options(raw, in, options);
  return command;
}

}  // namespace lsend::cmd
