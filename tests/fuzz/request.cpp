// Requests behind one another on a connection: heads, their framing, bodies passed over.
#include <algorithm>
#include <string>
#include <vector>

#include "check.hpp"
#include "lsend/net/chunked.hpp"
#include "lsend/net/http_head.hpp"
#include "lsend/protocol/query.hpp"

namespace {

using namespace lsend;
using fuzz::require;

/// How many fields of this name a reader sees who knows nothing but lines.
std::size_t count_fields(std::string_view head, std::string_view lower_case_name) {
  std::string text(head);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::string field = "\n" + std::string(lower_case_name) + ":";
  std::size_t count = 0;
  for (auto at = text.find(field); at != std::string::npos; at = text.find(field, at + 1)) ++count;
  return count;
}

void check(const net::RequestHead& head, std::string_view text) {
  const auto codings = count_fields(text, "transfer-encoding");
  const auto lengths = count_fields(text, "content-length");
  require(codings == 0 || lengths == 0, "a body ends in one way only");
  require(head.framing.chunked == (codings == 1), "a coding is chunked or refused");
  require(head.framing.content_length.has_value() == (lengths > 0), "a length is never ignored");
  require(count_fields(text, "host") <= 1, "a request is for one host");
  require(!head.method.empty() && head.target.size() <= net::kMaxTarget,
          "a target keeps its limit");
  (void)protocol::parse_target(head.target);
}

/// What is behind the body; nothing when it is broken or not whole.
std::string_view pass_over_body(const net::Framing& framing, std::string_view rest) {
  if (!framing.chunked) {
    const auto length = framing.content_length.value_or(0);
    return length < rest.size() ? rest.substr(static_cast<std::size_t>(length)) : "";
  }
  const auto bytes = std::as_bytes(std::span(rest));
  std::vector<std::byte> body(bytes.begin(), bytes.end());
  net::ChunkDecoder decoder;
  const auto step = decoder.decode(body);
  return step && decoder.done() ? rest.substr(step->consumed) : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  while (!rest.empty()) {
    const auto blank = rest.find("\r\n\r\n");
    const std::string_view text =
        rest.substr(0, blank == std::string_view::npos ? blank : blank + 4);
    const auto head = net::parse_request_head(text);
    if (!head) break;
    check(*head, text);
    rest = pass_over_body(head->framing, rest.substr(text.size()));
  }
  return 0;
}
