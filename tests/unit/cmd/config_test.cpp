#include <map>
#include <sstream>

#include "catch.hpp"
#include "cmd/config_keys.hpp"
#include "cmd/options.hpp"
#include "cmd/sources.hpp"
#include "tests/unit/storage/temp_folder.hpp"

using namespace lsend;
using namespace lsend::cmd;

namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

/// A user's and a system's configuration, and how a command line is read with them.
struct Place {
  storage::TempFolder folder;
  ConfigPaths paths{folder / "user.toml", folder / "system.toml"};
  Variables variables;

  void user(std::string_view text) const { folder.write("user.toml", text); }
  void system(std::string_view text) const { folder.write("system.toml", text); }

  CommandLine read(const Words& words) const {
    const auto environment = [this](const char* name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    return read_command_line(words, environment, paths);
  }
  Options good(const Words& words) const {
    const auto line = read(words);
    const auto* bad = std::get_if<BadUsage>(&line);
    INFO((bad ? bad->error.message() : std::string()));
    REQUIRE(std::holds_alternative<Options>(line));
    return std::get<Options>(line);
  }
  app::ReceiveOptions receive(const Words& words) const {
    return std::get<ReceiveCommand>(good(words).command).options;
  }
  app::SendOptions send(const Words& words) const {
    return std::get<SendCommand>(good(words).command).options;
  }
  std::string refused(const Words& words) const {
    const auto line = read(words);
    REQUIRE(std::holds_alternative<BadUsage>(line));
    CHECK(std::get<BadUsage>(line).error.code() == Errc::usage);
    return std::get<BadUsage>(line).error.message();
  }
};

}  // namespace

TEST_CASE("flag, environment, user's file, system's file, built in: the first that speaks") {
  Place place;
  CHECK(place.good({"info"}).settings.port == 53317);
  place.system("port = 1\n");
  CHECK(place.good({"info"}).settings.port == 1);
  place.user("port = 2\n");
  CHECK(place.good({"info"}).settings.port == 2);
  CHECK(place.good({"info"}).settings.port_chosen);
  place.variables["LSEND_PORT"] = "3";
  CHECK(place.good({"info"}).settings.port == 3);
  CHECK(place.good({"info", "--port", "4"}).settings.port == 4);
}

TEST_CASE("the files are laid over one another key by key") {
  const Place place;
  place.system("alias = \"all\"\nmulticast-port = 7\n[groups]\nlab = [\"a\"]\nhome = [\"b\"]\n");
  place.user("alias = \"mine\"\n[groups]\nlab = [\"c\", \"d\"]\n");
  const auto settings = place.good({"info"}).settings;
  CHECK(settings.alias == "mine");
  CHECK(settings.multicast_port == 7);
  CHECK(settings.groups == std::map<std::string, Words>{{"lab", {"c", "d"}}, {"home", {"b"}}});
}

TEST_CASE("LSEND_CONFIG and --config stand for the user's file, and it has to be there") {
  Place place;
  place.user("alias = \"user\"\n");
  place.system("port = 9\n");
  const auto other = place.folder.write("other.toml", "alias = \"other\"\n").string();
  const auto settings = place.good({"info", "--config", other}).settings;
  CHECK(settings.alias == "other");
  CHECK(settings.port == 9);
  CHECK(place.good({"--config", other, "info"}).settings.alias == "other");
  place.variables["LSEND_CONFIG"] = other;
  CHECK(place.good({"info"}).settings.alias == "other");
  CHECK(place.refused({"info", "--config", "/nonexistent/x"}) ==
        "--config: there is no file '/nonexistent/x'");
}

TEST_CASE("sections reach their command and no other") {
  Place place;
  place.user(
      "json = true\n"
      "[send]\njobs = 7\npin = \"11\"\nfollow = true\nno-checksum = true\n"
      "[receive]\nauto-accept = true\npin = \"22\"\nmax-size = \"1Mi\"\nmax-files = 5\n"
      "no-announce = true\ndir = \"/srv/in\"\n");
  const auto send = place.send({"send", "A", "f"});
  CHECK(send.jobs == 7);
  CHECK(send.pin == "11");
  CHECK(send.follow_links);
  CHECK(send.checksum == app::ChecksumMode::never);
  const auto receive = place.receive({"receive"});
  CHECK(receive.pin == "22");
  CHECK(receive.folder == "/srv/in");
  CHECK(receive.limits.max_size == 1024U * 1024U);
  CHECK(receive.limits.max_files == 5);
  CHECK(!receive.announce);
  CHECK(receive.checksum);
  CHECK(place.good({"discover"}).output.json);
  place.variables = {{"LSEND_PIN", "33"},
                     {"LSEND_RECEIVE_PIN", "44"},
                     {"LSEND_MAX_SIZE", "1k"},
                     {"LSEND_NO_ANNOUNCE", "0"}};
  CHECK(place.send({"send", "A", "f"}).pin == "33");
  CHECK(place.receive({"receive"}).pin == "44");
  CHECK(place.receive({"receive"}).limits.max_size == 1000U);
  CHECK(place.receive({"receive"}).announce);
}

TEST_CASE("a default is no order: it contradicts no flag") {
  const Place place;
  place.user("[send]\njobs = 7\nno-checksum = true\nprefix = \"p\"\n");
  CHECK(place.send({"send", "A", "f", "--checksum"}).checksum == app::ChecksumMode::always);
  CHECK(place.send({"send", "A", "-m", "hi"}).message == "hi");
  place.system("[send]\nchecksum = true\n");
  CHECK(place.send({"send", "A", "f"}).checksum == app::ChecksumMode::never);
}

TEST_CASE("what is wrong in a file is refused with its place and what was meant") {
  struct Row {
    std::string text, message;
  };
  const auto row = GENERATE(
      Row{"prot = 1\n", ":1:1: unknown key 'prot'; did you mean 'port'?"},
      Row{"max-size = 1\n", ":1:1: unknown key 'max-size'; it belongs in [receive]"},
      Row{"[send]\nalias = \"a\"\n",
          ":2:1: unknown key 'alias' in [send]; it belongs before any "
          "table"},
      Row{"[send]\nxyzzy = 1\n",
          ":2:1: unknown key 'xyzzy' in [send]; lsend-config(5) lists the "
          "keys"},
      Row{"[send]\nmessage = \"a\"\n",
          ":2:1: unknown key 'message' in [send]; lsend-config(5) "
          "lists the keys"},
      Row{"[recieve]\n", ":1:1: unknown table [recieve]; did you mean 'receive'?"},
      Row{"[x]\n", ":1:1: unknown table [x]; there are [send], [receive] and [groups]"},
      Row{"port = true\n", ":1:1: port: a text in quotes or a number is wanted"},
      Row{"http = \"yes\"\n", ":1:1: http: true or false is wanted"},
      Row{"interface = 3\n", ":1:1: interface: a list of texts is wanted, as [\"a\", \"b\"]"},
      Row{"quiet = true\n", ":1:1: quiet: a number is wanted"},
      Row{"[groups]\nlab = \"a\"\n",
          ":2:1: the group 'lab' is no list of targets, as "
          "[\"laptop\", \"192.168.1.20\"]"},
      Row{"\nport = 70000\n", ":2:1: port: '70000' is no number from 0 to 65535"},
      Row{"progress = \"fast\"\n", ":1:1: progress: write auto, bar, plain or none"},
      Row{"alias = \"\"\n", ":1:1: alias: a text is missing"});
  const Place place;
  place.user(row.text);
  CHECK(place.refused({"info"}) == place.paths.user.string() + row.message);
}

TEST_CASE("every key is read by the command that it belongs to") {
  // An option that nobody asks for would be accepted and do nothing.
  for (const auto& key : config_keys()) {
    const auto section = key.section.empty() ? std::string("send") : key.section;
    INFO(key.section + "." + key.name);
    const Place place;
    const Words words = section == "send" ? Words{"send", "A", "f"} : Words{"receive"};
    bool asked = false;
    const auto environment = [&](const char* name) -> std::optional<std::string> {
      if (name == variable_of(key)) asked = true;
      return std::nullopt;
    };
    (void)read_command_line(words, environment, place.paths);
    CHECK(asked);
  }
}

TEST_CASE("send and receive never share a variable") {
  std::map<std::string, std::string> owner;
  for (const auto& key : config_keys()) {
    const auto variable = variable_of(key);
    INFO(variable);
    CHECK(owner.emplace(variable, key.section).second);
    CHECK(variable != "LSEND_HOME");
  }
  CHECK(owner.at("LSEND_RECEIVE_PIN") == "receive");
  CHECK(owner.at("LSEND_MULTICAST_GROUP").empty());
}

TEST_CASE("the example in the repository shows every key, and each of its lines is right") {
  std::istringstream lines(storage::read_text(std::filesystem::path(LSEND_MAN) / "config.toml"));
  std::string text;
  for (std::string line; std::getline(lines, line);)
    text += (line.starts_with("#") && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
  const storage::TempFolder folder;
  const auto file = storage::read_config(folder.write("config.toml", text));
  INFO((file ? std::string() : file.error().message()));
  REQUIRE(file.has_value());
  REQUIRE(file->has_value());
  const auto error = check_config(**file);
  CHECK((error ? error->message() : std::string()).empty());
  for (const auto& key : config_keys()) {
    INFO(key.section + "." + key.name + " is not in man/config.toml");
    CHECK((*file)->tables.at(key.section).values.count(key.name) == 1);
  }
  CHECK((*file)->tables.at("groups").values.size() == 1);
}
