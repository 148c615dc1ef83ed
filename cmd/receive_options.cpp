#include <charconv>
#include <limits>

#include "cmd/command_options.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMostConnections = 20'000;

constexpr std::uint64_t kMostSessions = 1000;

void read_pin(const RawReceive& raw, Converter& in, ReceiveCommand& command) {
  auto& options = command.options;
  const auto from = in.pin(raw.pin, raw.pin_file, options.pin);
  options.random_pin = from != Converter::PinFrom::file && options.pin == "random";
  command.pin_is_public = from == Converter::PinFrom::command_line && !options.random_pin;
  if (const auto file = in.given("--pin-file", raw.pin_file))
    in.path(file, options.reload_reads.emplace_back());
  if (options.random_pin) options.pin.reset();
}

void read_accept(const RawReceive& raw, Converter& in, app::ReceiveOptions& options) {
  for (const auto& text : in.list("--accept-from", raw.accept_from)) {
    auto selector = transfer::AcceptSelector::parse(text);
    if (selector)
      options.accept_from.push_back(std::move(*selector));
    else
      in.reject("--accept-from: " + selector.error().message());
  }
  in.text(in.given("--accept-exec", raw.accept_exec), options.accept_exec);
}

using storage::Conflict;
constexpr std::pair<const char*, Conflict> kConflicts[] = {{"rename", Conflict::rename},
                                                           {"skip", Conflict::skip},
                                                           {"overwrite", Conflict::overwrite},
                                                           {"fail", Conflict::fail}};
constexpr std::pair<const char*, app::Durability> kDurabilities[] = {
    {"none", app::Durability::none},
    {"session", app::Durability::session},
    {"file", app::Durability::file}};

void read_fsync(const std::optional<Given>& given, app::ReceiveOptions& options, Converter& in) {
  if (given && given->text.empty())
    options.durability = app::Durability::session;
  else
    in.word(given, options.durability, kDurabilities);
}

/// Octal digits, for files: their owner reads and writes them, and nobody gains rights by them.
void read_mode(const std::optional<Given>& given, app::ReceiveOptions& options, Converter& in) {
  if (!given) return;
  constexpr unsigned kLargest = 0777, kOwner = 0600;
  unsigned mode = 0;
  const auto end = given->text.data() + given->text.size();
  const auto [last, error] = std::from_chars(given->text.data(), end, mode, 8);
  const bool octal = error == std::errc() && last == end;
  if (!octal || mode > kLargest || (mode & kOwner) != kOwner || (mode & 0111U) != 0)
    return in.reject(given->name +
                     ": write the octal mode of a file that its owner can read and write, without "
                     "x, as 640; folders get x where it has r");
  options.file_mode = mode;
}

/// One file, so one transfer.
void read_output_rules(bool json, app::ReceiveOptions& options, Converter& in) {
  if (options.count > 1)
    in.reject("--output takes one file: --count " + std::to_string(options.count) + " does not");
  if (options.max_sessions > 1)
    in.reject("--output takes one file: --max-sessions " + std::to_string(options.max_sessions) +
              " does not");
  if (json && options.to_standard_output())
    in.reject("--output - and --json both want standard output");
  options.count = 1;
  options.limits.max_files = 1;
}

}  // namespace

void declare_receive(Declarer& in, RawReceive& raw) {
  in.value("-d,--dir", raw.dir, "DIR", "where files go [lsend in the download folder]");
  in.flag("--shared-dir", raw.shared_dir, "the folder may be one that others can write");
  in.value("--mode", raw.mode, "MODE", "of what arrives, as 640 [by the folder and umask]");
  in.value("--group", raw.group, "GROUP", "of what arrives [the folder's, if it is setgid]");
  in.flag("--no-executable", raw.no_executable, "nothing that arrives can be run");
  in.flag("-y,--auto-accept", raw.auto_accept, "accept everyone (who has the PIN)");
  in.values(
      "--accept-from", raw.accept_from, "SEL",
      "accept without asking: 'trusted', 'fp:HEX', an\naddress or a network; may be repeated");
  in.value("--accept-exec", raw.accept_exec, "CMD", "a shell command that decides; see the manual");
  in.value("--pin", raw.pin, "PIN",
           "senders must know it; 'random' makes one up\n[LSEND_RECEIVE_PIN]");
  in.value("--pin-file", raw.pin_file, "FILE", "its first line is the PIN");
  in.values("--allow", raw.allow, "GLOB", "take only files of such names; may be repeated");
  in.values("--deny", raw.deny, "GLOB", "take no files of such names; may be repeated");
  in.value("--idle-timeout", raw.idle_timeout, "TIME", "stop after so long without a transfer");
  in.value("--max-sessions", raw.max_sessions, "N", "transfers at a time [1]");
  in.flag("--once", raw.once, "stop after one transfer");
  in.value("--count", raw.count, "N", "stop after N transfers");
  in.value("--max-size", raw.max_size, "SIZE", "of one transfer");
  in.value("--max-file-size", raw.max_file_size, "SIZE", "of one file");
  in.value("--max-files", raw.max_files, "N", "in one transfer [100000]");
  in.value("--min-free", raw.min_free, "SIZE", "to be left on the disk [200M]");
  in.value("--max-connections", raw.max_connections, "N", "open at a time [512]");
  in.value("--conflict", raw.conflict, "HOW", "taken names: rename|skip|overwrite|fail [rename]");
  in.value("-o,--output", raw.output, "FILE", "take one file, to FILE or to standard output (-)");
  in.value("-x,--exec", raw.exec, "CMD", "run after each file, its path is \"$1\"");
  in.flag_or_value("--fsync", raw.fsync, "WHEN", "be durable: none|session|file [none, session]");
  in.flag("--no-checksum", raw.no_checksum, "hash only what came with a sha256");
  in.flag("--no-announce", raw.no_announce, "reachable by address only");
  in.value("--ready-file", raw.ready_file, "PATH", "written when listening, as JSON");
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
  options.shared_folder = in.flag("--shared-dir", raw.shared_dir);
  read_mode(in.given("--mode", raw.mode), options, in);
  in.text(in.given("--group", raw.group), options.group);
  options.executable = !in.flag("--no-executable", raw.no_executable);
  read_pin(raw, in, command);
  options.filter.allow = in.list("--allow", raw.allow);
  options.filter.deny = in.list("--deny", raw.deny);
  if (const auto idle = in.given("--idle-timeout", raw.idle_timeout))
    in.duration(idle, options.idle_timeout.emplace());
  in.number(in.given("--max-sessions", raw.max_sessions), options.max_sessions, 1, kMostSessions);
  options.auto_accept = in.flag("--auto-accept", raw.auto_accept);
  read_accept(raw, in, options);
  if (raw.once && raw.count) in.reject("--once and --count exclude one another");
  in.number(in.given("--count", raw.count), options.count, 1, kAny);
  if (raw.once) options.count = 1;
  in.size(in.given("--max-size", raw.max_size), options.limits.max_size);
  in.size(in.given("--max-file-size", raw.max_file_size), options.limits.max_file_size);
  in.number(in.given("--max-files", raw.max_files), options.limits.max_files, 1, kAny);
  in.size(in.given("--min-free", raw.min_free), options.limits.min_free);
  in.number(in.given("--max-connections", raw.max_connections), options.max_connections, 1,
            kMostConnections);
  options.checksum = !in.flag("--no-checksum", raw.no_checksum);
  in.word(in.given("--conflict", raw.conflict), options.conflict, kConflicts);
  read_fsync(in.given("--fsync", raw.fsync), options, in);
  in.path(in.given("--output", raw.output), options.output);
  if (!options.output.empty()) read_output_rules(all.shared.json, options, in);
  in.text(in.given("--exec", raw.exec), options.hook);
  options.announce = !in.flag("--no-announce", raw.no_announce);
  return command;
}

}  // namespace lsend::cmd
