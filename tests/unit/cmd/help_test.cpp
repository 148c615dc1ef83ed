#include "cmd/help.hpp"

#include <filesystem>
#include <fstream>
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

}  // namespace

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
