#include <arpa/inet.h>

#include <limits>

#include "cmd/converter.hpp"
#include "cmd/raw_options.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMostJobs = 64;

bool is_multicast(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 28U) == 0xEU;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && v6.s6_addr[0] == 0xFF;
}

Output read_output(const RawShared& raw, Converter& in) {
  Output output;
  output.json = raw.json;
  output.quiet = raw.quiet;
  const auto progress = raw.progress.value_or("auto");
  const auto color = raw.color.value_or("auto");
  if (progress == "bar")
    output.progress = ProgressMode::bar;
  else if (progress == "plain")
    output.progress = ProgressMode::plain;
  else if (progress == "none")
    output.progress = ProgressMode::none;
  else if (progress != "auto")
    in.reject("--progress: write auto, bar, plain or none");
  if (color == "always")
    output.color = ColorMode::always;
  else if (color == "never")
    output.color = ColorMode::never;
  else if (color != "auto")
    in.reject("--color: write auto, always or never");
  return output;
}

void read_network(const RawShared& raw, Converter& in, app::Settings& settings) {
  const auto port = in.given("--port", raw.port, "LSEND_PORT");
  in.number(port, settings.port, 0, 65535);
  settings.port_chosen = port.has_value();
  const auto groups = in.list(raw.multicast_groups, "LSEND_MULTICAST_GROUP");
  for (const auto& group : groups)
    if (!is_multicast(group))
      in.reject("--multicast-group: '" + escape_for_terminal(group, 64) +
                "' is no multicast address");
  if (!groups.empty()) settings.multicast_groups = groups;
  in.number(in.given("--multicast-port", raw.multicast_port, "LSEND_MULTICAST_PORT"),
            settings.multicast_port, 1, 65535);
  settings.interfaces = in.list(raw.interfaces, "LSEND_INTERFACE");
}

app::Settings read_settings(const RawShared& raw, Converter& in) {
  app::Settings settings;
  const auto home = storage::Home::locate();
  if (home)
    settings.home = *home;
  else
    in.reject(home.error().message());
  settings.alias = storage::host_name();
  in.text(in.given("--alias", raw.alias, "LSEND_ALIAS"), settings.alias);
  read_network(raw, in, settings);
  settings.http = in.flag(raw.http, "LSEND_HTTP");
  in.duration(in.given("--connect-timeout", raw.connect_timeout, "LSEND_CONNECT_TIMEOUT"),
              settings.connect_timeout);
  in.duration(in.given("--stall-timeout", raw.stall_timeout, "LSEND_STALL_TIMEOUT"),
              settings.stall_timeout);
  return settings;
}

DiscoverCommand read_discover(const RawOptions& all, Converter& in) {
  const auto& raw = all.discover;
  DiscoverCommand command;
  auto& options = command.options;
  if (all.operands.size() > 1) in.reject("discover takes one PATTERN; quote it when it has blanks");
  if (!all.operands.empty()) options.pattern = all.operands.front();
  in.duration(in.given("--timeout", raw.timeout), options.timeout);
  in.number(in.given("--count", raw.count), options.count, 1, kAny);
  options.watch = raw.watch;
  command.long_format = raw.long_format;
  if (raw.watch && (raw.timeout || raw.count))
    in.reject("--watch goes on until it is stopped: leave out --timeout and --count");
  if (raw.scan && raw.no_scan) in.reject("--scan and --no-scan exclude one another");
  if (raw.scan) options.scan = app::ScanMode::always;
  if (raw.scan) options.scan_cidr = *raw.scan;
  if (raw.no_scan) options.scan = app::ScanMode::never;
  return command;
}

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
  in.text(in.given("--pin", raw.pin, "LSEND_PIN"), options.pin);
  in.text(in.given("--prefix", raw.prefix), options.prefix);
  in.number(in.given("--jobs", raw.jobs), options.jobs, 1, kMostJobs);
  in.duration(in.given("--wait", raw.wait), options.wait);
  in.duration(in.given("--accept-timeout", raw.accept_timeout), options.accept_timeout);
  options.follow_links = raw.follow;
  if (raw.checksum && raw.no_checksum)
    in.reject("--checksum and --no-checksum exclude one another");
  if (raw.checksum) options.checksum = app::ChecksumMode::always;
  if (raw.no_checksum) options.checksum = app::ChecksumMode::never;
  if (raw.message)
    read_message(raw, in, command);
  else
    read_stdin_options(raw, in, options);
  return command;
}

ReceiveCommand read_receive(const RawOptions& all, const app::Settings& settings, Converter& in) {
  const auto& raw = all.receive;
  ReceiveCommand command;
  auto& options = command.options;
  if (!all.operands.empty())
    in.reject("receive takes no '" + escape_for_terminal(all.operands.front(), 64) +
              "'; --dir names the folder");
  options.folder = settings.home.downloads;
  in.path(in.given("--dir", raw.dir), options.folder);
  in.path(in.given("--ready-file", raw.ready_file), options.ready_file);
  in.text(in.given("--pin", raw.pin, "LSEND_RECEIVE_PIN"), options.pin);
  if (!raw.auto_accept && !options.pin)
    in.reject("nobody is here to accept a transfer: add --auto-accept or --pin");
  options.auto_accept = true;
  if (raw.once && raw.count) in.reject("--once and --count exclude one another");
  in.number(in.given("--count", raw.count), options.count, 1, kAny);
  if (raw.once) options.count = 1;
  in.size(in.given("--max-size", raw.max_size), options.limits.max_size);
  in.size(in.given("--max-file-size", raw.max_file_size), options.limits.max_file_size);
  in.number(in.given("--max-files", raw.max_files), options.limits.max_files, 1, kAny);
  in.size(in.given("--min-free", raw.min_free), options.limits.min_free);
  options.checksum = !raw.no_checksum;
  options.announce = !raw.no_announce;
  return command;
}

InfoCommand read_info(const RawOptions& all, Converter& in) {
  if (all.operands.size() > 1) in.reject("info takes one TARGET");
  return InfoCommand{all.operands.empty() ? std::string() : all.operands.front()};
}

}  // namespace

Result<Options> convert(const RawOptions& raw, const Environment& environment) {
  Converter in(environment);
  Options options;
  options.output = read_output(raw.shared, in);
  options.settings = read_settings(raw.shared, in);
  if (raw.command == "discover") options.command = read_discover(raw, in);
  if (raw.command == "send") options.command = read_send(raw, in);
  if (raw.command == "receive") options.command = read_receive(raw, options.settings, in);
  if (raw.command == "info") options.command = read_info(raw, in);
  if (in.error()) return *in.error();
  return options;
}

}  // namespace lsend::cmd
