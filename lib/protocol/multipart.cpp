#include "lsend/protocol/multipart.hpp"

#include <algorithm>
#include <utility>

#include "form_fields.hpp"

namespace lsend::protocol {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kCloseMark = "--";
constexpr std::size_t kMaxPadding = 16;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// May `next` follow `tail` in what stands behind a boundary: ["--"] blanks CR LF?
bool continues_tail(std::string_view tail, char next) {
  const bool half_mark = tail == "-";
  const bool line_ends = tail.ends_with('\r');
  if (next == '-') return tail.empty() || half_mark;
  if (next == '\n') return line_ends;
  if (half_mark || line_ends) return false;
  if (next == '\r') return true;
  return (next == ' ' || next == '\t') && tail.size() < kCloseMark.size() + kMaxPadding;
}

}  // namespace

Result<MultipartParser> MultipartParser::for_type(std::string_view content_type) {
  const auto boundary = read_boundary(content_type);
  if (!boundary) return boundary.error();
  return MultipartParser(*boundary);
}

MultipartParser::MultipartParser(const std::string& boundary)
    : delimiter_(std::string(kLineEnd) + "--" + boundary),
      candidate_(kLineEnd),
      borrowed_(kLineEnd.size()) {}

Result<> MultipartParser::feed(std::span<const std::byte> bytes, FormHandler& handler) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    if (state_ == State::done) return ignore(text.size());
    const auto taken =
        state_ == State::content ? take_content(text, handler) : take_head(text, handler);
    if (!taken) return taken.error();
    text.remove_prefix(*taken);
  }
  return {};
}

Result<> MultipartParser::finish(FormHandler& handler) {
  // The last line may come without its end.
  if (state_ == State::content && candidate_.size() > delimiter_.size() &&
      std::string_view(candidate_).substr(delimiter_.size()).starts_with(kCloseMark))
    return end_section(Match::close, handler);
  if (state_ == State::done) return {};
  return fail(Errc::bad_request, "malformed form: it ends before its last boundary");
}

/// Content up to the next delimiter or the end of `text`: all but what may become a delimiter is
/// handed over, in one piece.
Result<std::size_t> MultipartParser::take_content(std::string_view text, FormHandler& handler) {
  std::size_t carried = candidate_.size();  // bytes of the candidate that came before this text
  std::size_t begin = 0;                    // of the candidate in this text
  std::size_t at = 0;
  while (at < text.size()) {
    if (candidate_.empty()) {
      begin = at = std::min(text.find('\r', at), text.size());
      if (at == text.size()) break;
    }
    const auto found = match(text[at]);
    if (found == Match::none) {
      // text[at] is looked at again: it may begin the next candidate, and nothing before it can.
      const auto before = std::string_view(candidate_).substr(0, carried);
      if (auto ok = hand_over(before.substr(borrowed_), handler); !ok) return ok.error();
      drop_candidate();
      carried = 0;
      continue;
    }
    ++at;
    if (found == Match::more) continue;
    if (auto ok = hand_over(text.substr(0, begin), handler); !ok) return ok.error();
    if (auto ok = end_section(found, handler); !ok) return ok.error();
    return at;
  }
  const auto end = candidate_.empty() ? at : begin;
  if (auto ok = hand_over(text.substr(0, end), handler); !ok) return ok.error();
  return at;
}

/// What follows a delimiter, up to the blank line.
Result<std::size_t> MultipartParser::take_head(std::string_view text, FormHandler& handler) {
  std::size_t at = 0;
  while (at < text.size()) {
    head_ += text[at++];
    const bool ends = head_.ends_with(kHeadEnd) || head_ == kLineEnd;
    if (!ends && head_.size() < kMaxPartHead) continue;
    if (!ends) return fail(Errc::bad_request, "malformed form: the head of a part is too long");
    const auto lines = std::string_view(head_).substr(0, head_.size() - kLineEnd.size());
    auto name = read_part_head(lines, kMaxPartFields);
    if (!name) return name.error();
    in_file_ = name->has_value();
    const auto ok = in_file_ ? handler.begin_file(std::move(**name)) : ignore(head_.size());
    if (!ok) return ok.error();
    head_.clear();
    state_ = State::content;
    // The blank line is also the one before a delimiter: a part without content may have no other.
    candidate_ = kLineEnd;
    borrowed_ = kLineEnd.size();
    return at;
  }
  return at;
}

/// Adds `next` to the candidate when it fits.
MultipartParser::Match MultipartParser::match(char next) {
  const auto size = candidate_.size();
  if (size < delimiter_.size()) {
    if (delimiter_[size] != next) return Match::none;
    candidate_ += next;
    return Match::more;
  }
  const auto tail = std::string_view(candidate_).substr(delimiter_.size());
  if (!continues_tail(tail, next)) return Match::none;
  const bool close = tail.starts_with(kCloseMark);
  candidate_ += next;
  if (next != '\n') return Match::more;
  return close ? Match::close : Match::delimiter;
}

void MultipartParser::drop_candidate() {
  candidate_.clear();
  borrowed_ = 0;
}

Result<> MultipartParser::hand_over(std::string_view content, FormHandler& handler) {
  if (content.empty()) return {};
  return in_file_ ? handler.file_bytes(bytes_of(content)) : ignore(content.size());
}

Result<> MultipartParser::ignore(std::size_t bytes) {
  ignored_ += bytes;
  if (ignored_ <= kMaxIgnored) return {};
  return fail(Errc::limit, "a form has more than 1 MiB that belongs to no file");
}

Result<> MultipartParser::end_section(Match how, FormHandler& handler) {
  drop_candidate();
  state_ = how == Match::close ? State::done : State::head;
  if (!std::exchange(in_file_, false)) return {};
  return handler.end_file();
}

}  // namespace lsend::protocol
