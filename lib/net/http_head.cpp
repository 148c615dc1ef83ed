#include "lsend/net/http_head.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

namespace lsend::net {

namespace {

namespace http = boost::beast::http;

template <bool is_request>
using HeadParser = http::parser<is_request, http::empty_body>;

/// Feeds a whole head; true when it was one and was well-formed.
template <bool is_request>
bool feed(HeadParser<is_request>& parser, std::string_view head) {
  parser.header_limit(kMaxHead + 1024);
  parser.body_limit(boost::none);
  boost::system::error_code ec;
  parser.put(boost::asio::buffer(head.data(), head.size()), ec);
  const bool only_the_body_is_missing =
      !ec || ec == http::error::need_more || ec == http::error::unexpected_body;
  return only_the_body_is_missing && parser.is_header_done();
}

std::string text(boost::beast::string_view view) { return std::string(view.data(), view.size()); }

template <class Fields>
std::size_t count_fields(const Fields& fields) {
  return static_cast<std::size_t>(std::distance(fields.begin(), fields.end()));
}

/// Beast takes any transfer coding that does not end in "chunked" for no body at all.
template <class Fields>
bool only_chunked(const Fields& fields) {
  std::size_t seen = 0;
  bool plain = true;
  for (const auto& field : fields) {
    if (field.name() != http::field::transfer_encoding) continue;
    ++seen;
    plain = plain && boost::beast::iequals(field.value(), "chunked");
  }
  return seen == 0 || (seen == 1 && plain);
}

template <bool is_request>
Framing framing_of(const HeadParser<is_request>& parser) {
  Framing framing;
  framing.chunked = parser.chunked();
  if (const auto length = parser.content_length(); length && !framing.chunked)
    framing.content_length = *length;
  return framing;
}

bool is_cross_site(const http::fields& fields) {
  const auto site = fields.find("Sec-Fetch-Site");
  if (site != fields.end()) return site->value() != "none" && site->value() != "same-origin";
  return fields.find(http::field::origin) != fields.end();
}

bool has_raw_bytes(std::string_view target) {
  return std::any_of(target.begin(), target.end(),
                     [](unsigned char c) { return c <= 0x20 || c >= 0x7f; });
}

Result<RequestHead> check_request(const http::request<http::empty_body>& message,
                                  RequestHead head) {
  if (count_fields(message.base()) > kMaxFields)
    return fail(Errc::head_too_large, "a request has more than 100 header fields");
  if (head.target.size() > kMaxTarget)
    return fail(Errc::target_too_long, "a request target is longer than 8 KiB");
  if (has_raw_bytes(head.target))
    return fail(Errc::bad_request, "a request target has bytes that must be escaped");
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11))
    return fail(Errc::bad_request, "a request must have exactly one Host field");
  if (!only_chunked(message.base()))
    return fail(Errc::transfer_coding, "a request has a transfer coding other than chunked");
  const auto expect = message[http::field::expect];
  if (!expect.empty() && !boost::beast::iequals(expect, "100-continue"))
    return fail(Errc::expectation, "a request expects something other than 100-continue");
  head.expects_continue = !expect.empty() && message.version() >= 11;
  return head;
}

}  // namespace

Result<RequestHead> parse_request_head(std::string_view text_of_head) {
  // RFC 9112, 5.2: what one reader takes for a field of its own is another's continued value.
  const bool folded = text_of_head.find("\r\n ") != std::string_view::npos ||
                      text_of_head.find("\r\n\t") != std::string_view::npos;
  if (folded) return fail(Errc::bad_request, "a request head has a folded field");
  HeadParser<true> parser;
  if (!feed(parser, text_of_head)) return fail(Errc::bad_request, "a request head is malformed");
  const auto& message = parser.get();
  RequestHead head;
  head.method = text(message.method_string());
  head.target = text(message.target());
  head.content_type = text(message[http::field::content_type]);
  head.content_encoding = text(message[http::field::content_encoding]);
  head.framing = framing_of(parser);
  head.keep_alive = message.keep_alive();
  head.cross_site = is_cross_site(message.base());
  return check_request(message, std::move(head));
}

Result<ResponseHead> parse_response_head(std::string_view text_of_head) {
  HeadParser<false> parser;
  if (!feed(parser, text_of_head) || count_fields(parser.get().base()) > kMaxFields ||
      !only_chunked(parser.get().base()))
    return fail(Errc::protocol, "the peer's answer is not well-formed HTTP");
  const auto& message = parser.get();
  ResponseHead head;
  head.status = message.result_int();
  head.framing = framing_of(parser);
  head.keep_alive = message.keep_alive();
  const bool never_a_body = head.status / 100 == 1 || head.status == 204 || head.status == 304;
  if (never_a_body) head.framing = {};
  head.until_close = !never_a_body && !head.framing.chunked && !head.framing.content_length;
  head.content_type = text(message[http::field::content_type]);
  head.content_encoding = text(message[http::field::content_encoding]);
  head.retry_after = text(message[http::field::retry_after]);
  head.repr_digest = text(message["Repr-Digest"]);
  head.present = text(message["Lsend-Present"]);
  return head;
}

std::string_view reason_phrase(unsigned status) {
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  return {reason.data(), reason.size()};
}

}  // namespace lsend::net
