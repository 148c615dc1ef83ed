// The receiver's side for programs that are no LocalSend: files as a form, texts as JSON.
#include "lib/app/form_upload.hpp"
#include "lib/app/pace.hpp"
#include "lib/app/receive_handler.hpp"

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

/// A form that arrives, in the list of what a cancel or the end wakes.
class ReceiveHandler::Listed {
 public:
  Listed(ReceiveHandler& handler, const SessionPtr& session, net::Exchange& exchange)
      : handler_(handler), exchange_(exchange) {
    handler_.uploads_.push_back(Running{session, &exchange_});
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() {
    std::erase_if(handler_.uploads_,
                  [&](const Running& running) { return running.exchange == &exchange_; });
  }

 private:
  ReceiveHandler& handler_;
  net::Exchange& exchange_;
};

Task<> ReceiveHandler::send_form(Request& request) {
  auto& exchange = request.exchange;
  auto parser = check_form(request);
  auto session = parser ? admission_.admit_form(request) : Result<SessionPtr>(parser.error());
  if (!session) {
    auto error = session.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  exchange.protect();
  const Listed listed(*this, *session, exchange);
  FormUpload form(*session, inbox_, options_,
                  [this](const auto& file, const auto& stored) { book_.file(file, stored); });
  const auto whole = co_await read_form(exchange, *parser, form, *session);
  form.end(whole);
  // Nothing has begun: it was no transfer, and nothing else tells of it.
  if ((*session)->files().empty()) {
    const auto error = whole.error();
    book_.refused(form_event(exchange), error);
  }
  book_.settle();
  if (whole) {
    co_await respond_json(exchange, "{}");
  } else {
    auto error = whole.error();
    co_await respond_error(exchange, std::move(error));
  }
  finish_request();
}

/// What can be told from the head.
Result<protocol::MultipartParser> ReceiveHandler::check_form(const Request& request) {
  if (auto ok = admission_.check_head(request); !ok) return ok.error();
  return protocol::MultipartParser::for_type(request.exchange.head().content_type);
}

Task<Result<>> ReceiveHandler::read_form(net::Exchange& exchange, protocol::MultipartParser& parser,
                                         protocol::FormHandler& form, const SessionPtr& session) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBlock);
  Pace pace(Clock::now());
  std::uint64_t moved = 0;
  while (true) {
    const auto bytes = co_await exchange.read_body(std::span(buffer.get(), kBlock));
    if (!session->running()) co_return fail(Errc::cancelled, "the session has ended");
    if (!bytes) co_return bytes.error();
    if (*bytes == 0) break;
    auto taken = parser.feed(std::span<const std::byte>(buffer.get(), *bytes), form);
    if (!taken) co_return taken;
    moved += *bytes;
    const auto now = Clock::now();
    session->touch(now);
    if (pace.crawls(moved, now) && book_.somebody_waits())
      co_return fail(Errc::timed_out, "a form that hardly moves, while another sender waits");
    book_.progress(*session, *bytes);
  }
  auto finished = parser.finish(form);
  if (finished && session->files().empty())
    co_return fail(Errc::bad_request, "a form without a file");
  co_return finished;
}

Task<> ReceiveHandler::clipboard(Request& request) {
  const auto body = co_await admission_.read_json(request);
  auto text = body ? protocol::decode_clipboard(*body, protocol::JsonLimits())
                   : Result<std::string>(body.error());
  auto delivered = text ? admission_.admit(request, as_message(request.exchange, std::move(*text)))
                        : Result<std::optional<PrepareUploadReply>>(text.error());
  if (delivered) {
    co_await respond_json(request.exchange, "{}");
  } else {
    auto error = delivered.error();
    co_await respond_error(request.exchange, std::move(error));
  }
  finish_request();
}

}  // namespace lsend::app
