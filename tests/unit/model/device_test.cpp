#include "lsend/model/device.hpp"

#include "catch.hpp"

namespace lsend {
namespace {

TEST_CASE("Device types: any case, unknown words are desktop") {
  CHECK(parse_device_type("mobile") == DeviceType::mobile);
  CHECK(parse_device_type("MOBILE") == DeviceType::mobile);
  CHECK(parse_device_type("Headless") == DeviceType::headless);
  CHECK(parse_device_type("toaster") == DeviceType::desktop);
  CHECK(parse_device_type("") == DeviceType::desktop);
  for (auto type : {DeviceType::mobile, DeviceType::desktop, DeviceType::web, DeviceType::headless,
                    DeviceType::server}) {
    CHECK(parse_device_type(to_string(type)) == type);
  }
}

TEST_CASE("Schemes are exact") {
  CHECK(parse_scheme("http") == Scheme::http);
  CHECK(parse_scheme("https") == Scheme::https);
  CHECK_FALSE(parse_scheme("HTTPS"));
  CHECK_FALSE(parse_scheme("ftp"));
  CHECK(to_string(Scheme::http) == "http");
}

TEST_CASE("Versions are two numbers") {
  CHECK(Version::parse("1.0") == Version{1, 0});
  CHECK(Version::parse("2.1") == Version{2, 1});
  CHECK(Version::parse("10.25") == Version{10, 25});
  for (const char* bad : {"", ".", "2", "2.", ".1", "2.1.0", "-2.1", "2.-1", " 2.1", "2.1 ", "a.b",
                          "99999999999.0", "2.99999999999"}) {
    INFO(bad);
    CHECK_FALSE(Version::parse(bad));
  }
  CHECK(Version{1, 9}.is_v1());
  CHECK_FALSE(Version{2, 0}.is_v1());
  CHECK_FALSE(Version{3, 0}.is_v1());
  CHECK(kOurVersion.to_string() == "2.1");
}

TEST_CASE("Endpoints: brackets around IPv6, the zone in the URL but not in the Host header") {
  struct Case {
    Endpoint endpoint;
    const char* url;
    const char* authority;
  };
  const Case cases[] = {
      {{Scheme::https, "192.168.1.2", 53317}, "https://192.168.1.2:53317", "192.168.1.2:53317"},
      {{Scheme::http, "fe80::1%eth0", 80}, "http://[fe80::1%eth0]:80", "[fe80::1]:80"},
      {{Scheme::https, "2001:db8::1", 443}, "https://[2001:db8::1]:443", "[2001:db8::1]:443"},
  };
  for (const Case& c : cases) {
    CHECK(c.endpoint.url() == c.url);
    CHECK(c.endpoint.authority() == c.authority);
  }
}

}  // namespace
}  // namespace lsend
