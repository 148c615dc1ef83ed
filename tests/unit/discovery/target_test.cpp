#include "lsend/discovery/target.hpp"

#include "catch.hpp"

using lsend::Errc;
using lsend::Scheme;
using lsend::discovery::AddressTarget;
using lsend::discovery::FingerprintTarget;
using lsend::discovery::NameTarget;
using lsend::discovery::parse_target_spec;
using lsend::discovery::TargetSpec;

namespace {

/// One line for a reading: "address https [host] 53317 ip", "name [Bob]", "fingerprint 1234ABCD".
std::string shown(const TargetSpec& spec) {
  if (const auto* target = std::get_if<FingerprintTarget>(&spec)) {
    return "fingerprint " + target->prefix;
  }
  if (const auto* target = std::get_if<NameTarget>(&spec)) {
    return "name [" + target->name + "]" +
           (target->port ? " " + std::to_string(*target->port) : "");
  }
  const auto& target = std::get<AddressTarget>(spec);
  return "address " + (target.scheme ? std::string(to_string(*target.scheme)) + " " : "") + "[" +
         target.host + "]" + (target.port ? " " + std::to_string(*target.port) : "") +
         (target.is_ip ? " ip" : "");
}

}  // namespace

TEST_CASE("target: the first reading that fits") {
  struct Row {
    std::string text;
    std::string expected;
  };
  const std::vector<Row> rows{
      {"http://phone", "address http [phone]"},
      {"https://phone.lan:443", "address https [phone.lan] 443"},
      {"HTTPS://Phone/", "address https [Phone]"},
      {"http://192.168.1.2", "address http [192.168.1.2] ip"},
      {"https://192.168.1.2:53317/", "address https [192.168.1.2] 53317 ip"},
      {"https://[::1]", "address https [::1] ip"},
      {"https://[fe80::1%eth0]:1", "address https [fe80::1%eth0] 1 ip"},
      {"https://[fe80::1%25eth0]:1", "address https [fe80::1%eth0] 1 ip"},
      {"https://[fe80::1%25]", "address https [fe80::1%25] ip"},
      {"https://[fe80::1%253]", "address https [fe80::1%253] ip"},
      {"fp:12345678", "fingerprint 12345678"},
      {"FP:abcdef0123", "fingerprint ABCDEF0123"},
      {"fp:" + std::string(64, 'a'), "fingerprint " + std::string(64, 'A')},
      {"1.2.3.4", "address [1.2.3.4] ip"},
      {"1.2.3.4:53317", "address [1.2.3.4] 53317 ip"},
      {"::1", "address [::1] ip"},
      {"fe80::1", "address [fe80::1] ip"},
      {"fe80::1%3", "address [fe80::1%3] ip"},
      {"fe80::1%eth0", "address [fe80::1%eth0] ip"},
      {"fe80::1%br-lan.2@if3", "address [fe80::1%br-lan.2@if3] ip"},
      {"::ffff:1.2.3.4", "address [::ffff:1.2.3.4] ip"},
      {"[::1]", "address [::1] ip"},
      {"[fe80::1%eth0]:53317", "address [fe80::1%eth0] 53317 ip"},
      {"host", "name [host]"},
      {"host:8080", "name [host] 8080"},
      {"my_host.lan:65535", "name [my_host.lan] 65535"},
      {"host:", "name [host:]"},
      {"host:port", "name [host:port]"},
      {"host:1a", "name [host:1a]"},
      {"a:b:1", "name [a:b:1]"},
      {"1.2.3", "name [1.2.3]"},
      {"1.2.3.4.5", "name [1.2.3.4.5]"},
      {"256.1.1.1", "name [256.1.1.1]"},
      {"1.2.3.4%eth0", "name [1.2.3.4%eth0]"},
      {"fe80::zz", "name [fe80::zz]"},
      {"fe80::1%", "name [fe80::1%]"},
      {"Bob: phone", "name [Bob: phone]"},
      {"Bob's phone: 2", "name [Bob's phone: 2]"},
      {"Bob's phone:2", "name [Bob's phone:2]"},
      {"[Work] phone", "name [[Work] phone]"},
      {"Büro", "name [Büro]"},
      {"http:phone", "name [http:phone]"},
      {"@group", "name [@group]"},
      {" ", "name [ ]"},
      {"fingerprint", "name [fingerprint]"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto spec = parse_target_spec(row.text);
    REQUIRE(spec.has_value());
    CHECK(shown(*spec) == row.expected);
  }
}

TEST_CASE("target: what cannot be a target is said") {
  const std::string port = "has no usable port behind its last ':'; a port is a number, 1 to 65535";
  const std::string path = "has a path; a target is a host and a port: http://192.168.1.2:53317";
  struct Row {
    std::string text;
    std::string why;
  };
  const std::vector<Row> rows{
      {"http://", "names no host"},
      {"https:///", "names no host"},
      {"https://:80", "names no host"},
      {"https://h:0", port},
      {"https://h:", port},
      {"https://h:70000", port},
      {"https://h:+80", port},
      {"https://h/x", path},
      {"https://h//", path},
      {"https://h?x", path},
      {"https://h#x", path},
      {"https://user@h", "has something in it that is no host name"},
      {"https://a b", "has something in it that is no host name"},
      {"https://-h", "has something in it that is no host name"},
      {"https://::1", "has an IPv6 address without brackets; write it like http://[fe80::1%eth0]"},
      {"https://[::1", "has no ']' behind its IPv6 address"},
      {"https://[phone]", "has no IPv6 address between '[' and ']'"},
      {"https://[::1]80", "has something other than ':port' behind its ']'"},
      {"ftp://h", "is a URL of another kind; a target's URL begins with http:// or https://"},
      {"fp:12", "is too short for a fingerprint; give at least 8 hex digits behind 'fp:'"},
      {"fp:", "is too short for a fingerprint; give at least 8 hex digits behind 'fp:'"},
      {"fp:xyz", "is no fingerprint: behind 'fp:' stand hex digits only"},
      {"fp:" + std::string(65, 'A'), "is too long for a fingerprint, which has 64 hex digits"},
      {"host:70000", port},
      {"host:0", port},
      {"host:99999999999999999999", port},
      {"1.2.3.4:", port},
      {"1.2.3.4:x", port},
      {"1.2.3.4:65536", port},
      {"[::1]:", port},
      {"[::1]:0", port},
      {"[::1]:53317x", port},
      {"[::1", "has no ']' behind its IPv6 address"},
      {"[::zz]:53317", "has no IPv6 address between '[' and ']'"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto spec = parse_target_spec(row.text);
    REQUIRE(spec.has_error());
    CHECK(spec.error().code() == Errc::usage);
    CHECK(spec.error().message() == "'" + row.text + "' " + row.why);
  }
  CHECK(parse_target_spec("").error().message() ==
        "the target is empty; give the name of a device, an address, or fp: and hex digits of its "
        "fingerprint");
  CHECK(parse_target_spec("http://\x1b[31m").error().message() ==
        "'http://\\x1B[31m' has something in it that is no host name");
}

TEST_CASE("target: a NUL hides nothing") {
  const auto spec = parse_target_spec(std::string_view("1.2.3.4\0x", 9));
  REQUIRE(spec.has_value());
  CHECK(std::holds_alternative<NameTarget>(*spec));
}
