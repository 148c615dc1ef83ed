// The receiver's side for programs that are no LocalSend: files as a form, texts as JSON.
#include "lib/app/form_upload.hpp"
#include "lib/app/hold_back.hpp"
#include "lib/app/receive_handler.hpp"
#include "lsend/transfer/pace.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kBlock = 256 * 1024;

PrepareUpload as_message(const net::Exchange& exchange, std::string text) {
  FileInfo file;
  file.id = FileId("text");
  file.file_name = "text.txt";
  file.size = text.size();
  file.file_type = "text/plain";
  file.preview = std::move(text);
  return {nameless_device(exchange), {std::move(file)}};
}

}  // namespace

Task<> ReceiveHandler::send_form(Request& request) {
  auto& exchange = request.exchange;
  const auto head = co_await admission_.check_head(request);
  auto parser = head ? protocol::MultipartParser::for_type(exchange.head().content_type)
                     : Result<protocol::MultipartParser>(head.error());
  if (!parser) {
    auto error = parser.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  const auto session = co_await admission_.admit_form(request);
  if (!session) {
    auto error = session.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  exchange.protect();
  std::optional<SessionRequests::Entry> entry;
  entry.emplace(book_.requests(), *session, exchange);
  const auto report = [this, &exchange, &session](const auto& file, const auto& stored) {
    if (stored) {
      this->stored(exchange, **session, file, *stored);
      store_.published_unflushed();
    } else {
      book_.file(file, stored);
    }
  };
  auto count = [this] { return Result<std::uint64_t>(inbox_.leftover()); };
  std::uint64_t leftover = 0;
  if (options_.limits.max_size) {
    const auto counted = co_await pool_.run(std::move(count));
    leftover = counted ? *counted : 0;
  }
  FormUpload form(*session, inbox_, options_, store_, report, leftover);
  auto whole = co_await read_form(exchange, *parser, form, *session);
  if (whole && form.holds_a_file()) {
    whole = co_await form.hand_over(exchange);
  }
  form.end(whole);
  entry.reset();
  // Nothing has begun: it was no transfer, and nothing else tells of it.
  if ((*session)->files().empty()) {
    const auto error = whole.error();
    admission_.form_failed(request, *session, error);
  }
  book_.settle();
  // A form is acknowledged once, for all its files.
  auto flushed = co_await store_.flush_rest();
  if (whole && !flushed) whole = flushed;
  if (whole) {
    co_await respond_json(exchange, "{}");
  } else {
    auto error = whole.error();
    co_await respond_error(exchange, std::move(error));
  }
  finish_request();
}

Task<Result<>> ReceiveHandler::read_form(net::Exchange& exchange, protocol::MultipartParser& parser,
                                         FormUpload& form, const SessionPtr& session) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBlock);
  transfer::Pace pace(Clock::now());
  std::uint64_t moved = 0;
  while (true) {
    const auto bytes = co_await exchange.read_body(std::span(buffer.get(), kBlock));
    if (!session->running()) co_return session->ending();
    if (!bytes) co_return bytes.error();
    if (*bytes == 0) break;
    auto taken = parser.feed(std::span<const std::byte>(buffer.get(), *bytes), form);
    if (!taken) co_return taken;
    auto settled = co_await form.settle();
    if (!settled) co_return settled;
    moved += *bytes;
    const auto now = Clock::now();
    session->touch(now);
    if (pace.crawls(moved, now) && book_.somebody_waits(now))
      co_return fail(Errc::timed_out, "a form that hardly moves, while another sender waits");
    book_.progress(*session, std::nullopt, *bytes);
    if (room_.full()) {
      (void)co_await hold_back(room_, exchange, session);
    }
  }
  auto finished = parser.finish(form);
  if (finished) {
    finished = co_await form.settle();
  }
  if (finished && session->files().empty())
    co_return fail(Errc::bad_request, "a form without a file");
  co_return finished;
}

Task<> ReceiveHandler::clipboard(Request& request) {
  const auto body = co_await admission_.read_json(request);
  auto text = body ? protocol::decode_clipboard(*body, protocol::JsonLimits())
                   : Result<std::string>(body.error());
  if (!text) {
    auto error = text.error();
    co_await respond_error(request.exchange, std::move(error));
    co_return;
  }
  auto message = as_message(request.exchange, std::move(*text));
  const auto delivered = co_await admission_.admit(request, std::move(message));
  if (delivered) {
    co_await respond_json(request.exchange, "{}");
  } else {
    auto error = delivered.error();
    co_await respond_error(request.exchange, std::move(error));
  }
  finish_request();
}

}  // namespace lsend::app
