// Request targets: percent decoding, duplicates, the parameters of an upload.
#include "lsend/protocol/query.hpp"

#include <set>

#include "check.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/routes.hpp"

namespace {

using namespace lsend;
using fuzz::require;

std::string written_again(const protocol::Target& target) {
  std::string text = target.path;
  char separator = '?';
  for (const auto& [name, value] : target.query.items) {
    text += separator + protocol::percent_encode(name) + '=' + protocol::percent_encode(value);
    separator = '&';
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto target = protocol::parse_target(fuzz::text_of(data, size));
  if (!target) return 0;
  require(target->path.starts_with('/') && target->path.find('?') == std::string::npos,
          "a path is a path");
  std::set<std::string> names;
  for (const auto& [name, value] : target->query.items) {
    require(names.insert(name).second, "a parameter is named once");
    require(is_utf8(name) && is_utf8(value), "a parameter is text");
    require((name + value).find('\0') == std::string::npos, "a parameter has no NUL");
  }
  const auto text = written_again(*target);
  const auto again = protocol::parse_target(text);
  require(again ? again->query.items == target->query.items : text.size() > 8192,
          "a query means the same when it is written again");
  const auto upload = protocol::read_upload_params(target->query, true);
  require(!upload || !upload->session.empty(), "a v2 upload names its session");
  const auto send = protocol::read_upload_params(target->query, false);
  require(!send || send->session.empty(), "a v1 upload names none");
  const auto route = protocol::find_route("POST", target->path);
  require(!route || route->path == target->path, "a route is found by its own path");
  return 0;
}
