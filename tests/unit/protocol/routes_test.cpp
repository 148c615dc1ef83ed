#include "lsend/protocol/routes.hpp"

#include "catch.hpp"

namespace lsend::protocol {
namespace {

TEST_CASE("Every route is found and can be called") {
  struct Case {
    const char* method;
    std::string path;
    Action action;
    const Codec& codec;
  };
  const Case cases[] = {
      {"GET", "/api/localsend/v2/info", Action::info, codec_v2()},
      {"POST", "/api/localsend/v2/register", Action::register_device, codec_v2()},
      {"POST", "/api/localsend/v2/prepare-upload", Action::prepare_upload, codec_v2()},
      {"POST", "/api/localsend/v2/upload", Action::upload, codec_v2()},
      {"POST", "/api/localsend/v2/cancel", Action::cancel, codec_v2()},
      {"GET", "/api/localsend/v1/info", Action::info, codec_v1()},
      {"POST", "/api/localsend/v1/register", Action::register_device, codec_v1()},
      {"POST", "/api/localsend/v1/send-request", Action::prepare_upload, codec_v1()},
      {"POST", "/api/localsend/v1/send", Action::upload, codec_v1()},
      {"POST", "/api/localsend/v1/cancel", Action::cancel, codec_v1()},
  };
  for (const Case& c : cases) {
    INFO(c.path);
    const auto route = find_route(c.method, c.path);
    REQUIRE(route.has_value());
    CHECK(route->action == c.action);
    CHECK(route->codec == &c.codec);
    CHECK(route_to(c.action, c.codec).path == c.path);
    for (const char* method : {"HEAD", "OPTIONS", "PUT", "get", ""}) {
      CHECK(find_route(method, c.path).error().code() == Errc::unknown_method);
    }
  }
  CHECK(find_route("HEAD", "/api/localsend/v2/info").error().message() ==
        "/api/localsend/v2/info is not for HEAD but for GET");
}

TEST_CASE("Programs that are no LocalSend have routes of their own") {
  CHECK(find_route("POST", "/api/send").value().action == Action::send_form);
  CHECK(find_route("POST", "/api/clipboard").value().action == Action::clipboard);
  CHECK(find_route("GET", "/api/send").error().message() ==
        "/api/send is not for GET but for POST");
  CHECK(find_route("POST", "/api/send/").error().code() == Errc::unknown_route);
}

TEST_CASE("Other paths lead nowhere") {
  for (const char* path :
       {"", "/", "/api/localsend/v2", "/api/localsend/v2/info/", "/api/localsend/v2/Info",
        "/api/localsend/v2/send", "/api/localsend/v1/upload", "/api/localsend/v3/register",
        "/api/localsend/v2/%69nfo", "/api/localsend/v2/../v2/info"}) {
    INFO(path);
    CHECK(find_route("GET", path).error().code() == Errc::unknown_route);
  }
  CHECK(find_route("GET", "/\x1B").error().message() == "there is nothing at '/\\x1B'");
}

}  // namespace
}  // namespace lsend::protocol
