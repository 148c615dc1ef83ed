// Where the bytes of an upload come from, and from where on (reliability.md 7.5).
#include <algorithm>

#include "lib/app/send_uploads.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/transfer/resume.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kReadBlock = 1024 * 1024;
/// Well within the time that peers keep a silent connection.
constexpr Duration kQuick = std::chrono::seconds(5);

}  // namespace

/// Where the peer says that it has the beginning, and that is ours, what follows it; else all.
Task<Result<SendUploads::Opened>> SendUploads::open_at_point(std::size_t file) {
  const auto point = session_.plan.point(file);
  auto opened = open_whole(file, point || worth_hashing(file));
  if (!opened || !point) co_return opened;
  const auto began = Clock::now();
  const bool same = co_await begins_with(*opened->bytes, *point);
  if (session_.calls.stopped()) co_return session_.calls.reason();
  if (same) {
    opened->from = point->offset;
  } else {
    log(LogLevel::info, "'" + escape_for_terminal(session_.plan.files()[file].info.file_name) +
                            "' begins anew: what the peer has is not its beginning now");
    session_.plan.forget_point(file);
    opened = open_whole(file, worth_hashing(file));
  }
  if (opened) opened->slow = Clock::now() - began > kQuick;
  co_return opened;
}

Result<SendUploads::Opened> SendUploads::open_whole(std::size_t file, bool hash) const {
  auto source = open_source(file);
  if (!source) return source.error();
  Opened opened;
  opened.source = std::move(*source);
  const auto size = session_.plan.files()[file].info.size;
  opened.bytes = std::make_unique<HashedSource>(*opened.source, hash, size);
  return opened;
}

/// In steps between which others run. The bytes have passed then.
Task<bool> SendUploads::begins_with(HashedSource& bytes, ResumePoint point) {
  const auto until = Clock::now() + transfer::kMostChecking;
  std::vector<std::byte> buffer(kReadBlock);
  for (std::uint64_t left = point.offset; left > 0;) {
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    const auto count = bytes.read(std::span(buffer).first(room));
    if (!count || *count == 0) co_return false;
    left -= *count;
    co_await net::sleep_for(Duration::zero());
    if (session_.calls.stopped() || Clock::now() > until) co_return false;
  }
  co_return bytes.sha256_so_far() == point.sha256_prefix;
}

Result<std::unique_ptr<ByteSource>> SendUploads::open_source(std::size_t file) const {
  const auto& payload = session_.payload;
  if (payload.is_message) return std::make_unique<TextSource>(payload.text);
  if (payload.from_stdin)
    return std::make_unique<StdinSource>(session_.plan.files()[file].info.size);
  auto source = storage::FileSource::open(local_file(file));
  if (!source) return source.error();
  return std::unique_ptr<ByteSource>(std::move(*source));
}

/// The size is the announced one, which may have changed since the files were listed.
storage::LocalFile SendUploads::local_file(std::size_t file) const {
  auto local = session_.payload.local[file];
  const auto& info = session_.plan.files()[file].info;
  local.size = info.size;
  if (info.modified) local.modified = *info.modified;
  return local;
}

}  // namespace lsend::app
