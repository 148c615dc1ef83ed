#include "lsend/protocol/routes.hpp"

#include <algorithm>
#include <array>

#include "lsend/model/text.hpp"
#include "v1.hpp"
#include "v2.hpp"

namespace lsend::protocol {
namespace {

/// Of no wire version: for scripts and curl.
std::span<const Route> plain_routes() {
  static const std::array<Route, 2> routes{{
      {Action::send_form, Method::post, "/api/send", &codec_v2()},
      {Action::clipboard, Method::post, "/api/clipboard", &codec_v2()},
  }};
  return routes;
}

std::array<std::span<const Route>, 3> all_routes() {
  return {v2_routes(), v1_routes(), plain_routes()};
}

std::string_view to_string(Method method) { return method == Method::get ? "GET" : "POST"; }

}  // namespace

Result<Route> find_route(std::string_view method, std::string_view path) {
  for (const auto routes : all_routes()) {
    for (const Route& route : routes) {
      if (route.path != path) continue;
      if (to_string(route.method) == method) return route;
      return fail(Errc::unknown_method, std::string{path} + " is not for " +
                                            escape_for_terminal(method, 32) + " but for " +
                                            std::string{to_string(route.method)});
    }
  }
  return fail(Errc::unknown_route, "there is nothing at '" + escape_for_terminal(path) + "'");
}

const Route& route_to(Action action, const Codec& codec) {
  const auto routes = &codec == &codec_v1() ? v1_routes() : v2_routes();
  return *std::find_if(routes.begin(), routes.end(),
                       [action](const Route& route) { return route.action == action; });
}

}  // namespace lsend::protocol
