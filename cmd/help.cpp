#include "cmd/help.hpp"

#include <array>

namespace lsend::cmd {
namespace {

struct Help {
  std::string_view command;
  std::string_view usage;
  std::string_view notes;
};

constexpr std::array<Help, 7> kHelp{{
    {"lsend", "Usage: lsend [OPTIONS] COMMAND [OPTIONS] [ARGS]\n",
     "'lsend COMMAND --help' lists the options of a command.\n"},
    {"discover", "Usage: lsend discover [OPTIONS] [PATTERN]\n",
     "PATTERN is a part of an alias, a glob ('Pixel*'), an address or fp:HEX.\n"
     "\n"
     "Examples:\n"
     "  lsend discover\n"
     "  lsend discover --count 1 --timeout 30s 'Pixel*'\n"
     "  lsend discover --scan=192.168.1.0/24 --json\n"},
    {"send",
     "Usage: lsend send [OPTIONS] TARGET PATH...\n"
     "       lsend send [OPTIONS] TARGET -m TEXT\n"
     "       lsend send [OPTIONS] --to TARGET --to TARGET... PATH...\n"
     "       COMMAND | lsend send [OPTIONS] TARGET - --name NAME\n",
     "TARGET is an alias, fp:HEX, an address, a host name, a URL or a @group of the\n"
     "configuration. PATH is a file, a folder or '-' for standard input. '--' ends the\n"
     "options.\n"
     "\n"
     "Examples:\n"
     "  lsend send Pixel holiday.jpg notes/\n"
     "  lsend send 192.168.1.20 --pin-file nas.pin backup.tar\n"
     "  lsend send fp:3F2A99C0 -m 'https://example.org'\n"
     "  lsend send --to laptop --to nas --exclude '*.o' project/\n"
     "  make 2>&1 | lsend send laptop - --name build.log\n"},
    {"receive", "Usage: lsend receive [OPTIONS]\n",
     "The path of each stored file and the text of each message go to standard output.\n"
     "\n"
     "Examples:\n"
     "  lsend receive --pin random\n"
     "  lsend receive --auto-accept --dir /srv/inbox --max-size 10G\n"
     "  lsend receive --auto-accept --once --json\n"},
    {"info", "Usage: lsend info [OPTIONS] [TARGET]\n",
     "Without a TARGET it shows this machine.\n"
     "\n"
     "Examples:\n"
     "  lsend info\n"
     "  lsend info 192.168.1.20 --json\n"},
    {"doctor", "Usage: lsend doctor [OPTIONS]\n",
     "A line for each check: ok, warn or fail, and below it what would mend it.\n"
     "\n"
     "Examples:\n"
     "  lsend doctor\n"
     "  lsend doctor --json | jq -r '.checks[] | select(.status != \"ok\").remedy'\n"},
    {"devices",
     "Usage: lsend devices [OPTIONS] [list]\n"
     "       lsend devices [OPTIONS] show|trust|block|forget DEVICE\n"
     "       lsend devices [OPTIONS] rename DEVICE NAME\n",
     "DEVICE is a name, an alias or fp:HEX. trust and block also take a device that\n"
     "was never met: its whole fingerprint, or a TARGET of send that answers now.\n"
     "\n"
     "Examples:\n"
     "  lsend devices\n"
     "  lsend devices trust Pixel\n"
     "  lsend devices rename fp:3F2A99C0 backup\n"
     "  lsend devices forget backup\n"},
}};

const Help& help_of(std::string_view command) {
  for (const auto& help : kHelp)
    if (help.command == command) return help;
  return kHelp.front();
}

}  // namespace

std::string short_help() {
  std::string text(usage_of("lsend"));
  text +=
      "\n"
      "  lsend discover                     find devices on the network\n"
      "  lsend send Pixel photo.jpg notes/  send files and folders to one of them\n"
      "  lsend send Pixel -m 'see you'      send a message\n"
      "  lsend receive --pin random         accept what comes from who knows the PIN\n"
      "\n"
      "'lsend --help' lists all commands and options.\n";
  return text;
}

std::string_view usage_of(std::string_view command) { return help_of(command).usage; }
std::string_view notes_of(std::string_view command) { return help_of(command).notes; }

}  // namespace lsend::cmd
