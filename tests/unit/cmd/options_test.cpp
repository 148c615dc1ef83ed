#include "cmd/options.hpp"

#include <map>
#include <vector>

#include "catch.hpp"
#include "cmd/suggest.hpp"

using namespace lsend;
using namespace lsend::cmd;

namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

CommandLine read(const Words& words, Variables variables = {}) {
  return read_command_line(words, [variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

Options good(const Words& words, Variables variables = {}) {
  const auto line = read(words, std::move(variables));
  const auto* bad = std::get_if<BadUsage>(&line);
  INFO((bad ? bad->error.message() : std::string()));
  REQUIRE(std::holds_alternative<Options>(line));
  return std::get<Options>(line);
}

template <class Command>
Command command(const Words& words, Variables variables = {}) {
  const auto options = good(words, std::move(variables));
  REQUIRE(std::holds_alternative<Command>(options.command));
  return std::get<Command>(options.command);
}

std::string refused(const Words& words, Variables variables = {}) {
  const auto line = read(words, std::move(variables));
  REQUIRE(std::holds_alternative<BadUsage>(line));
  CHECK(std::get<BadUsage>(line).error.code() == Errc::usage);
  return std::get<BadUsage>(line).error.message();
}

std::vector<std::string> paths_of(const SendCommand& send) {
  std::vector<std::string> paths;
  for (const auto& path : send.options.paths) paths.push_back(path.string());
  return paths;
}

}  // namespace

TEST_CASE("send: the first operand is the target, the rest are paths") {
  struct Row {
    Words words;
    std::string target;
    Words paths;
  };
  const auto row = GENERATE(
      Row{{"send", "A", "f"}, "A", {"f"}}, Row{{"send", "A", "f", "-p", "0", "g"}, "A", {"f", "g"}},
      Row{{"send", "--", "A", "f"}, "A", {"f"}},
      Row{{"send", "A", "f", "g", "--", "-c", "--", "--json"},
          "A",
          {"f", "g", "-c", "--", "--json"}},
      Row{{"send", "A", "[x,y]"}, "A", {"[x,y]"}},
      Row{{"send", "send", "receive", "info"}, "send", {"receive", "info"}},
      Row{{"-q", "send", "-j", "2", "A", "f"}, "A", {"f"}},
      Row{{"send", "[fe80::1%eth0]:53317", "f"}, "[fe80::1%eth0]:53317", {"f"}},
      Row{{"send", "A", "--", "++"}, "A", {"++"}});
  const auto send = command<SendCommand>(row.words);
  CHECK(send.options.targets == Words{row.target});
  CHECK(paths_of(send) == row.paths);
}

TEST_CASE("send: options") {
  const auto send =
      command<SendCommand>({"send", "A", "-", "--name=log", "--size", "10k", "--prefix", "p", "-L",
                            "--pin", "1", "-j", "8", "--accept-timeout", "90s", "--no-checksum"});
  CHECK(send.options.standard_input);
  CHECK(send.options.name == "log");
  CHECK(send.options.stdin_size == 10'000U);
  CHECK(send.options.prefix == "p");
  CHECK(send.options.follow_links);
  CHECK(send.options.pin == "1");
  CHECK(send.options.jobs == 8);
  CHECK(send.options.accept_timeout == std::chrono::seconds(90));
  CHECK(send.options.checksum == app::ChecksumMode::never);
  CHECK(command<SendCommand>({"send", "A", "f", "--checksum"}).options.checksum ==
        app::ChecksumMode::always);
  CHECK(send.options.resume);
  CHECK(command<SendCommand>({"send", "A", "f", "--resume"}).options.resume);
  CHECK_FALSE(command<SendCommand>({"send", "A", "f", "--no-resume"}).options.resume);
}

TEST_CASE("send: with --to all operands are paths") {
  const auto send = command<SendCommand>({"send", "--to", "A", "f", "-t", "@lab", "g"});
  CHECK(send.options.targets == Words{"A", "@lab"});
  CHECK(paths_of(send) == Words{"f", "g"});
  CHECK(refused({"send", "--to", "", "f"}) == "the TARGET is empty");
  CHECK(refused({"send", "--to", "A"}) ==
        "send needs a PATH to send, '-' for standard input, or --message TEXT");
}

TEST_CASE("send: rules keep their order, whichever option gives them") {
  const auto send = command<SendCommand>({"send", "--exclude", "a", "T", "f", "--include=b", "g",
                                          "--exclude", "c", "--include", "d", "-n"});
  std::string rules;
  for (const auto& rule : send.options.rules) rules += (rule.include ? "+" : "-") + rule.pattern;
  CHECK(rules == "-a+b-c+d");
  CHECK(paths_of(send) == Words{"f", "g"});
  CHECK(send.options.dry_run);
  CHECK(refused({"send", "T", "f", "--exclude", ""}) == "--exclude: a pattern is missing");
}

TEST_CASE("send: lists, retries, all or nothing") {
  const auto send = command<SendCommand>(
      {"send", "T", "--files-from", "-", "-0", "--retry", "3", "--require-all"});
  CHECK(send.options.paths.empty());
  CHECK(send.options.files_from == "-");
  CHECK(send.options.files_from_null);
  CHECK(send.options.retry == 3);
  CHECK(send.options.require_all);
  CHECK(refused({"send", "T", "f", "-0"}) == "--null is about the list of --files-from: name one");
  CHECK(refused({"send", "T", "-", "-n"}) ==
        "--dry-run reads nothing: give the length of standard input by --size");
  CHECK(refused({"send", "T", "f", "--retry", "1001"}) ==
        "--retry: '1001' is no number from 0 to 1000");
}

TEST_CASE("send: messages") {
  CHECK(command<SendCommand>({"send", "A", "-m", "hi there"}).options.message == "hi there");
  CHECK(command<SendCommand>({"send", "A", "--message=-x"}).options.message == "-x");
  const auto piped = command<SendCommand>({"send", "A", "-m", "-"});
  CHECK(piped.message_from_stdin);
  CHECK(piped.options.message.has_value());
}

TEST_CASE("receive: options") {
  const auto receive = command<ReceiveCommand>({"recv",
                                                "-d",
                                                "/in",
                                                "-y",
                                                "--count",
                                                "3",
                                                "--max-size",
                                                "1G",
                                                "--max-file-size",
                                                "1M",
                                                "--max-files",
                                                "7",
                                                "--min-free",
                                                "0",
                                                "--no-checksum",
                                                "--no-announce",
                                                "--ready-file",
                                                "r",
                                                "--max-connections",
                                                "20000"});
  CHECK(receive.options.folder == "/in");
  CHECK(receive.options.auto_accept);
  CHECK(!receive.options.pin);
  CHECK(receive.options.count == 3);
  CHECK(receive.options.limits.max_size == 1'000'000'000U);
  CHECK(receive.options.limits.max_file_size == 1'000'000U);
  CHECK(receive.options.limits.max_files == 7);
  CHECK(receive.options.limits.min_free == 0);
  CHECK(!receive.options.checksum);
  CHECK(!receive.options.announce);
  CHECK(receive.options.ready_file == "r");
  CHECK(receive.options.max_connections == 20'000);
  CHECK(command<ReceiveCommand>({"receive", "-y", "--once"}).options.count == 1);
}

TEST_CASE("receive: who may use what arrives") {
  const auto plain = command<ReceiveCommand>({"receive", "-y"}).options;
  CHECK_FALSE(plain.shared_folder);
  CHECK_FALSE(plain.file_mode.has_value());
  CHECK(plain.group.empty());
  CHECK(plain.executable);
  const auto team = command<ReceiveCommand>({"receive", "-y", "--shared-dir", "--mode", "0664",
                                             "--group", "team", "--no-executable"})
                        .options;
  CHECK(team.shared_folder);
  CHECK(team.file_mode == 0664U);
  CHECK(team.group == "team");
  CHECK_FALSE(team.executable);
  for (const char* mode : {"", "640x", "u=rw", "-640", "0440", "755", "4644", "2664", "1644", "888",
                           "07777777777777777777777"}) {
    INFO(mode);
    CHECK(refused({"receive", "-y", "--mode", mode}) ==
          "--mode: write the octal mode of a file that its owner can read and write, without x, as "
          "640; folders get x where it has r");
  }
  CHECK(refused({"receive", "-y", "--group", ""}) == "--group: a text is missing");
}

TEST_CASE("receive: who is accepted") {
  const auto pin = command<ReceiveCommand>({"receive", "--pin", "12"}).options;
  CHECK(!pin.auto_accept);
  CHECK(pin.pin == "12");
  CHECK(app::can_accept(pin, {}));
  const auto named = command<ReceiveCommand>(
                         {"receive", "--accept-from", "trusted", "--accept-from", "10.0.0.0/8"})
                         .options;
  CHECK(named.accept_from.size() == 2);
  CHECK(app::can_accept(named, {}));
  const auto program = command<ReceiveCommand>({"receive", "--accept-exec", "grep x"}).options;
  CHECK(program.accept_exec == "grep x");
  CHECK(app::can_accept(program, {}));
  CHECK(!app::can_accept(command<ReceiveCommand>({"receive"}).options, {}));
  CHECK(refused({"receive", "--accept-from", "eth0"}) ==
        "--accept-from: 'eth0' is none of 'trusted', 'fp:HEX', an address and a network like "
        "192.168.1.0/24");
  CHECK(refused({"receive", "--accept-exec", ""}) == "--accept-exec: a text is missing");
}

TEST_CASE("receive: what becomes of the files") {
  using storage::Conflict;
  const auto plain = command<ReceiveCommand>({"receive", "-y"}).options;
  CHECK(plain.conflict == Conflict::rename);
  CHECK(plain.durability == app::Durability::none);
  CHECK(plain.output.empty());
  CHECK(plain.hook.empty());
  const auto with = [](const char* option) {
    return command<ReceiveCommand>({"receive", "-y", option}).options;
  };
  CHECK(with("--conflict=skip").conflict == Conflict::skip);
  CHECK(with("--conflict=overwrite").conflict == Conflict::overwrite);
  CHECK(with("--conflict=fail").conflict == Conflict::fail);
  CHECK(with("--fsync").durability == app::Durability::session);
  CHECK(with("--fsync=file").durability == app::Durability::file);
  CHECK(with("--fsync=none").durability == app::Durability::none);
  CHECK(with("--exec=a \"$1\"").hook == "a \"$1\"");
  const auto piped = command<ReceiveCommand>({"receive", "-y", "-o", "-", "--max-files", "5"});
  CHECK(piped.options.to_standard_output());
  CHECK(piped.options.count == 1);
  CHECK(piped.options.limits.max_files == 1);
  CHECK(refused({"receive", "-y", "-o", "-", "--json"}) ==
        "--output - and --json both want standard output");
  CHECK(refused({"receive", "-y", "-o", "f", "--count", "2"}) ==
        "--output takes one file: --count 2 does not");
  CHECK(refused({"receive", "-y", "--fsync=x"}) == "--fsync: write none, session or file");
}

TEST_CASE("discover and info") {
  const auto discover = command<DiscoverCommand>({"scan", "--scan", "Pix", "-l", "--count=2"});
  CHECK(discover.options.pattern == "Pix");
  CHECK(discover.options.scan == app::ScanMode::always);
  CHECK(discover.options.scan_cidr.empty());
  CHECK(discover.options.count == 2);
  CHECK(discover.long_format);
  CHECK(command<DiscoverCommand>({"discover", "--scan=10.0.0.0/24"}).options.scan_cidr ==
        "10.0.0.0/24");
  CHECK(command<DiscoverCommand>({"discover", "--no-scan"}).options.scan == app::ScanMode::never);
  CHECK(command<DiscoverCommand>({"discover", "-w"}).options.watch);
  CHECK(command<InfoCommand>({"info"}).target.empty());
  CHECK(command<InfoCommand>({"info", "A"}).target == "A");
}

TEST_CASE("shared options stand before and after the command, and after wins") {
  const auto options = good({"-a", "one", "-i", "lo", "--json", "-q", "info", "--alias=two", "-i",
                             "10.0.0.0/8", "-q", "-p", "0", "--stall-timeout", "1m"});
  CHECK(options.settings.alias == "two");
  CHECK(options.settings.interfaces == Words{"lo", "10.0.0.0/8"});
  CHECK(options.output.json);
  CHECK(options.output.quiet == 2);
  CHECK(options.settings.port == 0);
  CHECK(options.settings.port_chosen);
  CHECK(options.settings.stall_timeout == std::chrono::minutes(1));
  CHECK(!good({"info"}).settings.port_chosen);
  CHECK(good({"info", "-p", "1", "-p", "2"}).settings.port == 2);
}

TEST_CASE("a flag wins over the environment, which wins over the default") {
  const Variables variables{{"LSEND_ALIAS", "env"},
                            {"LSEND_PORT", "7"},
                            {"LSEND_MULTICAST_GROUP", "224.0.0.1,ff12::1"},
                            {"LSEND_MULTICAST_PORT", "9"},
                            {"LSEND_INTERFACE", "lo,eth0,"},
                            {"LSEND_HTTP", "1"},
                            {"LSEND_CONNECT_TIMEOUT", "1s"},
                            {"LSEND_STALL_TIMEOUT", "2s"},
                            {"LSEND_PIN", "send"},
                            {"LSEND_RECEIVE_PIN", "receive"}};
  const auto from_env = good({"send", "A", "f"}, variables);
  const auto& settings = from_env.settings;
  CHECK(settings.alias == "env");
  CHECK(settings.port == 7);
  CHECK(settings.port_chosen);
  CHECK(settings.multicast_groups == Words{"224.0.0.1", "ff12::1"});
  CHECK(settings.multicast_port == 9);
  CHECK(settings.interfaces == Words{"lo", "eth0"});
  CHECK(settings.http);
  CHECK(settings.connect_timeout == std::chrono::seconds(1));
  CHECK(settings.stall_timeout == std::chrono::seconds(2));
  CHECK(std::get<SendCommand>(from_env.command).options.pin == "send");
  CHECK(command<ReceiveCommand>({"receive"}, variables).options.pin == "receive");
  CHECK(command<ReceiveCommand>({"receive", "--pin", "flag"}, variables).options.pin == "flag");
  const auto flags = good({"info", "-p", "8", "-i", "wlan0", "-a", "flag"}, variables).settings;
  CHECK(flags.port == 8);
  CHECK(flags.interfaces == Words{"wlan0"});
  CHECK(flags.alias == "flag");
}

TEST_CASE("everything that is wrong is refused and named") {
  struct Row {
    Words words;
    std::string message;
  };
  const auto row = GENERATE(
      Row{{"sned", "A", "f"},
          "unknown command 'sned'; did you mean 'send'? 'lsend --help' lists the commands"},
      Row{{"foo", "send", "A", "f"}, "unknown command 'foo'; 'lsend --help' lists the commands"},
      Row{{"--jsno", "info"},
          "unknown option '--jsno'; did you mean '--json'? 'lsend --help' lists the options"},
      Row{{"send", "A", "f", "--chekcsum"},
          "unknown option '--chekcsum'; did you mean '--checksum'? 'lsend send --help' lists the "
          "options"},
      Row{{"send", "A", "-z", "f"}, "unknown option '-z'; 'lsend send --help' lists the options"},
      Row{{"receive", "-yz"}, "unknown option '-z'; 'lsend receive --help' lists the options"},
      Row{{"send"}, "send needs a TARGET; 'lsend discover' shows who is there"},
      Row{{"send", "A"}, "send needs a PATH to send, '-' for standard input, or --message TEXT"},
      Row{{"send", "A", "-m"}, "'-m' lacks its value"},
      Row{{"send", "--name=", "A", "f"}, "'--name=' lacks its value"},
      Row{{"send", "A", "-m", "x", "f"}, "a message goes alone: leave out the paths or --message"},
      Row{{"send", "A", "-m", ""}, "--message: a text is missing"},
      Row{{"send", "A", "-m", "\xff"}, "--message: the text is not UTF-8"},
      Row{{"send", "A", "f", "-"}, "standard input ('-') cannot be sent together with files"},
      Row{{"send", "A", "f", "--size", "1"}, "--size describes standard input: add the path '-'"},
      Row{{"send", "A", "f", "g", "--name", "n"},
          "--name is for one file or standard input ('-'); --prefix puts a folder in front of all "
          "names"},
      Row{{"send", "A", "f", "--files-from", "l", "--name", "n"},
          "--name is for one file or standard input ('-'); --prefix puts a folder in front of all "
          "names"},
      Row{{"send", "A", "f", "--name", ".."},
          "--name: '..' has '..' in it, which would leave the receiver's folder"},
      Row{{"send", "A", "-", "--name", "a/../b"},
          "--name: 'a/../b' has '..' in it, which would leave the receiver's folder"},
      Row{{"send", "A", "f", "--name", "."}, "--name: '.' names no file"},
      Row{{"send", "A", "f", "--name", "a/"}, "--name: 'a/' names no file"},
      Row{{"send", "A", "f", "--name", "a\\b"},
          "--name: 'a\\b' has a '\\' in it, which some receivers take for a '/'"},
      Row{{"send", "A", "f", "--prefix", "a/.."},
          "--prefix: 'a/..' has '..' in it, which would leave the receiver's folder"},
      Row{{"send", "A", "f", "--prefix", "..\\x"},
          "--prefix: '..\\x' has a '\\' in it, which some receivers take for a '/'"},
      Row{{"send", "A", "f", "--prefix", "a/ /b"}, "--prefix: 'a/ /b' has a part of blanks only"},
      Row{{"send", "A", "f", "--pin", "12\r"},
          "--pin: the PIN has a control character in it, such as the end of a line"},
      Row{{"send", "A", "f", "--pin", "\xEF\xBB\xBF" "12"},
          "--pin: the PIN begins with a byte order mark"},
      Row{{"receive", "-y", "--dir", "~nosuchuser0/x"},
          "--dir: '~nosuchuser0/x' is below the home folder of the user 'nosuchuser0', and there "
          "is none: './~' stands for a name with '~'"},
      Row{{"send", "A", "f", "--config=~nosuchuser0"},
          "--config: '~nosuchuser0' is below the home folder of the user 'nosuchuser0', and there "
          "is none: './~' stands for a name with '~'"},
      Row{{"send", "A", "f", "--checksum", "--no-checksum"},
          "--checksum and --no-checksum exclude one another"},
      Row{{"send", "A", "f", "--resume", "--no-resume"},
          "--resume and --no-resume exclude one another"},
      Row{{"send", "A", "-m", "x", "--no-resume"},
          "--name, --size, --prefix, --follow, --checksum, --no-checksum, --resume, --no-resume, "
          "--jobs, --files-from, --exclude, --include and --require-all are for files, not for a "
          "message"},
      Row{{"send", "A", "f", "++"}, "the operand '++' is ambiguous: put it behind '--'"},
      Row{{"send", "A", "f", "-j", "0"}, "--jobs: '0' is no number from 1 to 64"},
      Row{{"send", "", "f"}, "the TARGET is empty"},
      Row{{"receive", "-y", "x"}, "receive takes no 'x'; --dir names the folder"},
      Row{{"receive", "-y", "--once", "--count", "2"}, "--once and --count exclude one another"},
      Row{{"receive", "-y", "-d", ""}, "--dir: a path is missing"},
      Row{{"discover", "a", "b"}, "discover takes one PATTERN; quote it when it has blanks"},
      Row{{"discover", "--scan", "--no-scan"}, "--scan and --no-scan exclude one another"},
      Row{{"discover", "-w", "--count", "1"},
          "--watch goes on until it is stopped: leave out --timeout and --count"},
      Row{{"info", "a", "b"}, "info takes one TARGET"},
      Row{{"info", "--progress", "x"}, "--progress: write auto, bar, plain or none"},
      Row{{"info", "--color", "x"}, "--color: write auto, always or never"},
      Row{{"info", "-p", "65536"}, "--port: '65536' is no number from 0 to 65535"},
      Row{{"info", "--multicast-group", "10.0.0.1"},
          "--multicast-group: '10.0.0.1' is no multicast address"},
      Row{{"--", "send"}, "a command is missing before '--'"});
  CHECK(refused(row.words) == row.message);
}

TEST_CASE("an error names the variable it came from") {
  CHECK(refused({"info"}, {{"LSEND_PORT", "x"}}) == "LSEND_PORT: 'x' is no number from 0 to 65535");
  CHECK(refused({"info"}, {{"LSEND_HTTP", "perhaps"}}) ==
        "LSEND_HTTP: 'perhaps' is neither 1 nor 0");
}

TEST_CASE("usage errors know whether JSON was wanted, and of which kind") {
  const auto bad = [](const Words& words) { return std::get<BadUsage>(read(words)); };
  CHECK(bad({"send", "A", "--json"}).json);
  CHECK(!bad({"send", "A", "--json"}).query);
  CHECK(bad({"info", "a", "b", "--json"}).query);
  CHECK(bad({"discover", "a", "b", "--json"}).query);
  CHECK(!bad({"discover", "-w", "a", "b", "--json"}).query);
  CHECK(!bad({"send", "A"}).json);
}

TEST_CASE("help, version and nothing at all") {
  CHECK(std::get<TextForUser>(read({"--version"})).text == "lsend " LSEND_VERSION "\n");
  CHECK(std::get<TextForUser>(read({"send", "--version"})).text == "lsend " LSEND_VERSION "\n");
  CHECK(std::holds_alternative<NoCommand>(read({})));
  CHECK(std::holds_alternative<NoCommand>(read({"--json"})));
}

TEST_CASE("suggestions") {
  const Words words{"discover", "send", "receive", "info", "doctor"};
  CHECK(nearest("sned", words) == "send");
  CHECK(nearest("recieve", words) == "receive");
  CHECK(nearest("disc", words) == "discover");
  CHECK(nearest("xyz", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest(std::string(100'000, 'x'), words).empty());
}
