// A peer's answer: one way to end its body, and a status that has three digits.
#include "check.hpp"
#include "lsend/net/http_head.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lsend;
  using fuzz::require;
  const auto head = net::parse_response_head(fuzz::text_of(data, size));
  if (!head) {
    require(head.error().code() == Errc::protocol, "a broken answer is the peer's fault");
    return 0;
  }
  require(head->status <= 999, "a status has three digits");
  const auto& framing = head->framing;
  require(framing.chunked + framing.content_length.has_value() + head->until_close <= 1,
          "a body ends in one way only");
  const bool empty = head->status / 100 == 1 || head->status == 204 || head->status == 304;
  require(!empty || (!framing.has_body() && !head->until_close), "some answers have no body");
  (void)net::reason_phrase(head->status);
  return 0;
}
