#include "lsend/discovery/subnet_plan.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"

using lsend::Errc;
using lsend::discovery::Ipv4Net;
using lsend::discovery::sweep_cidr;
using lsend::discovery::sweep_hosts;

namespace {

using Hosts = std::vector<std::string>;

Ipv4Net net(std::string_view cidr) {
  const auto parsed = Ipv4Net::parse(cidr);
  REQUIRE(parsed);
  return *parsed;
}

bool has(const Hosts& hosts, const std::string& host) {
  return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

}  // namespace

TEST_CASE("subnet plan: networks are read strictly") {
  struct Row {
    std::string text;
    bool good;
    std::uint32_t address;
    int prefix;
    std::uint32_t mask;
  };
  const std::vector<Row> rows{
      {"192.168.1.0/24", true, 0xC0A80100, 24, 0xFFFFFF00},
      {"192.168.1.7/24", true, 0xC0A80107, 24, 0xFFFFFF00},
      {"10.0.0.5", true, 0x0A000005, 32, 0xFFFFFFFF},
      {"0.0.0.0/0", true, 0, 0, 0},
      {"255.255.255.255/32", true, 0xFFFFFFFF, 32, 0xFFFFFFFF},
      {"172.16.0.1/12", true, 0xAC100001, 12, 0xFFF00000},
      {"", false, 0, 0, 0},
      {"/24", false, 0, 0, 0},
      {"10.0.0.0/", false, 0, 0, 0},
      {"10.0.0.0/33", false, 0, 0, 0},
      {"10.0.0.0/-1", false, 0, 0, 0},
      {"10.0.0.0/+8", false, 0, 0, 0},
      {"10.0.0.0/024", false, 0, 0, 0},
      {"10.0.0.0/8/8", false, 0, 0, 0},
      {"10.0.0/8", false, 0, 0, 0},
      {"10.0.0.256/8", false, 0, 0, 0},
      {" 10.0.0.1/8", false, 0, 0, 0},
      {std::string("10.0.0.1\0x/8", 12), false, 0, 0, 0},
      {"fe80::1/64", false, 0, 0, 0},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto parsed = Ipv4Net::parse(row.text);
    CHECK(parsed.has_value() == row.good);
    if (!parsed || !row.good) continue;
    CHECK(parsed->address == row.address);
    CHECK(parsed->prefix == row.prefix);
    CHECK(parsed->mask() == row.mask);
  }
}

TEST_CASE("subnet plan: an address is in its network") {
  CHECK(net("192.168.1.7/24").contains(0xC0A801FF));
  CHECK_FALSE(net("192.168.1.7/24").contains(0xC0A80207));
  CHECK(net("1.2.3.4/0").contains(0xFFFFFFFF));
  CHECK_FALSE(net("1.2.3.4/32").contains(0x01020305));
  CHECK(Ipv4Net::to_string(0xC0A80107) == "192.168.1.7");
}

TEST_CASE("subnet plan: a sweep calls the nearest hosts first, and never us") {
  struct Row {
    std::vector<std::string> own;
    Hosts expected;
  };
  const std::vector<Row> rows{
      {{}, {}},
      {{"10.0.0.5/32"}, {}},
      {{"10.0.0.4/31"}, {"10.0.0.5"}},
      {{"10.0.0.5/30"}, {"10.0.0.6"}},
      {{"10.0.0.3/29"}, {"10.0.0.2", "10.0.0.4", "10.0.0.1", "10.0.0.5", "10.0.0.6"}},
      {{"10.0.0.1/30", "10.0.0.2/30"}, {}},
      {{"10.0.0.1/30", "10.0.1.2/30"}, {"10.0.0.2", "10.0.1.1"}},
      {{"255.255.255.254/30"}, {"255.255.255.253"}},
      {{"0.0.0.1/30"}, {"0.0.0.2"}},
  };
  for (const Row& row : rows) {
    std::vector<Ipv4Net> own;
    for (const std::string& cidr : row.own) {
      INFO(cidr);
      own.push_back(net(cidr));
    }
    CHECK(sweep_hosts(own) == row.expected);
  }
}

TEST_CASE("subnet plan: a whole /24 without its ends and without us") {
  const Hosts hosts = sweep_hosts({net("192.168.1.77/24")});
  CHECK(hosts.size() == 253);
  CHECK(std::set<std::string>(hosts.begin(), hosts.end()).size() == 253);
  for (const char* absent : {"192.168.1.0", "192.168.1.255", "192.168.1.77"}) {
    CHECK_FALSE(has(hosts, absent));
  }
}

TEST_CASE("subnet plan: a wide network is cut to a window around us") {
  struct Row {
    std::string own;
    std::string first_inside;
    std::string last_inside;
    std::string outside;
  };
  const std::vector<Row> rows{
      {"10.0.100.0/16", "10.0.92.0", "10.0.107.255", "10.0.108.0"},
      {"10.0.0.1/16", "10.0.0.2", "10.0.16.0", "10.0.16.1"},
      {"10.0.255.254/8", "10.0.247.254", "10.1.7.253", "10.1.7.254"},
      {"10.255.255.254/8", "10.255.239.255", "10.255.255.253", "10.255.239.254"},
      {"255.255.255.254/0", "255.255.239.255", "255.255.255.253", "255.255.239.254"},
  };
  for (const Row& row : rows) {
    INFO(row.own);
    const Hosts hosts = sweep_hosts({net(row.own)});
    CHECK(hosts.size() == 4095);
    CHECK(has(hosts, row.first_inside));
    CHECK(has(hosts, row.last_inside));
    CHECK_FALSE(has(hosts, row.outside));
  }
  CHECK(sweep_hosts({net("10.0.100.0/16")}, 30).size() == 3);
  CHECK(sweep_hosts({net("10.0.0.9/20")}).size() == 4093);
}

TEST_CASE("subnet plan: the smallest network first, and an end to all of them") {
  std::vector<Ipv4Net> own{net("172.17.0.1/16"), net("192.168.1.77/24"), net("10.0.0.1/8"),
                           net("10.9.9.1/30")};
  const Hosts hosts = sweep_hosts(own);
  REQUIRE(hosts.size() == 4096);
  CHECK(hosts[0] == "10.9.9.2");
  for (std::size_t i = 1; i <= 253; ++i) CHECK(hosts[i].starts_with("192.168.1."));
  CHECK(hosts[254] == "172.17.0.2");
  CHECK(std::set<std::string>(hosts.begin(), hosts.end()).size() == 4096);
}

TEST_CASE("subnet plan: who is known to be there is called before all others, and once") {
  const Hosts hosts = sweep_hosts({net("10.0.0.1/29")}, 20, {0xAC110202, 0x0A000003, 0x0A000001});
  CHECK(hosts == Hosts{"172.17.2.2", "10.0.0.3", "10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"});
}

TEST_CASE("subnet plan: the user's own network is swept whole") {
  const auto hosts = sweep_cidr("10.1.2.0/29", {0x0A010203, 0x01020304});
  REQUIRE(hosts.has_value());
  CHECK(*hosts == Hosts{"10.1.2.1", "10.1.2.2", "10.1.2.4", "10.1.2.5", "10.1.2.6"});
  CHECK(*sweep_cidr("10.1.2.3", {}) == Hosts{"10.1.2.3"});
  CHECK(*sweep_cidr("10.1.2.2/31", {}) == Hosts{"10.1.2.2", "10.1.2.3"});
  CHECK(sweep_cidr("10.1.0.0/16", {})->size() == 65534);
}

TEST_CASE("subnet plan: what the user cannot mean is said") {
  struct Row {
    std::string cidr;
    std::string message;
  };
  const std::vector<Row> rows{
      {"10.0.0.0/15",
       "'10.0.0.0/15' has 131070 hosts, and a sweep takes 65536 at most; give a network of /16 or "
       "smaller"},
      {"0.0.0.0/0",
       "'0.0.0.0/0' has 4294967294 hosts, and a sweep takes 65536 at most; give a network of /16 "
       "or smaller"},
      {"lan\x1b", "'lan\\x1B' is not an IPv4 network; write it like 192.168.1.0/24"},
      {"", "'' is not an IPv4 network; write it like 192.168.1.0/24"},
  };
  for (const Row& row : rows) {
    const auto hosts = sweep_cidr(row.cidr, {});
    REQUIRE(hosts.has_error());
    CHECK(hosts.error().code() == Errc::usage);
    CHECK(hosts.error().message() == row.message);
  }
}
