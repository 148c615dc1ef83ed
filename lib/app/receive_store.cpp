#include "lib/app/receive_store.hpp"

#include <unistd.h>

#include "lib/app/watched_work.hpp"
#include "lsend/storage/safe_path.hpp"

namespace lsend::app {

namespace {

/// So many files are flushed one by one: syncfs also waits for what other programs write.
constexpr std::size_t kFew = 8;

}  // namespace

Result<storage::PublishTerms> ReceiveStore::terms_of(const FileInfo& file) const {
  storage::PublishTerms terms;
  if (options_.output.empty()) {
    auto name = storage::clean_file_name(file.file_name);
    if (!name) return name.error();
    terms.name = std::move(*name);
  } else {
    terms.name = {options_.output.filename().string()};
  }
  terms.size = file.size;
  terms.sha256 = file.sha256;
  terms.modified = file.modified;
  terms.conflict = options_.conflict;
  terms.executable = options_.executable && file.executable;
  return terms;
}

bool ReceiveStore::flushes_each(const transfer::ReceiveSession& session) const {
  return options_.durability == Durability::file ||
         (options_.durability == Durability::session && session.files().size() <= kFew);
}

Task<Result<>> ReceiveStore::seal(storage::PartFile& part, const storage::PublishTerms& terms) {
  if (!part.slow_to_seal()) co_return part.seal(terms);
  auto work = [&part, &terms] { return part.seal(terms); };
  auto whole = co_await pool_.run(std::move(work));
  co_return whole;
}

Task<Result<storage::StoredFile>> ReceiveStore::publish(storage::PartFile& part,
                                                        storage::PublishTerms terms, Upload upload,
                                                        net::Exchange& exchange) {
  const auto whole = co_await seal(part, terms);
  if (!whole) co_return whole.error();
  // A cancel that was answered 200 is never followed by a published file.
  if (!upload.session->may_publish(upload.ticket)) co_return upload.session->ending();
  if (options_.to_standard_output()) {
    auto handed = co_await hand_over(part, upload.session, exchange);
    co_return handed;
  }
  if (flushes_each(*upload.session)) {
    auto flushed = co_await publish_flushed(part, std::move(terms), std::move(upload));
    co_return flushed;
  }
  if (options_.durability == Durability::session) {
    co_await start_flush(part);
    if (!upload.session->may_publish(upload.ticket)) co_return upload.session->ending();
  }
  auto stored = part.publish(terms);
  if (!stored && stored.error().code() == Errc::not_found) {
    auto again = co_await publish_rescued(part, std::move(terms), upload);
    stored = std::move(again);
  }
  if (!stored) co_return stored;
  upload.session->published(upload.ticket);
  published_unflushed();
  if (upload.session->open_files() > 1) co_return stored;
  auto durable = co_await flush_rest();
  if (!durable) co_return durable.error();
  co_return stored;
}

/// A disk that is busy takes no more at once.
Task<> ReceiveStore::start_flush(const storage::PartFile& part) {
  auto start = [&part] {
    part.start_flush();
    return Result<>();
  };
  if (part.slow_to_flush()) {
    (void)co_await pool_.run(std::move(start));
  } else {
    part.start_flush();
  }
}

Task<Result<storage::StoredFile>> ReceiveStore::publish_flushed(storage::PartFile& part,
                                                                storage::PublishTerms terms,
                                                                Upload upload) {
  auto flush = [&part] { return part.flush(); };
  auto flushed = co_await pool_.run(std::move(flush));
  if (!flushed) co_return flushed.error();
  if (!upload.session->may_publish(upload.ticket)) co_return upload.session->ending();
  auto stored = part.publish(terms);
  if (!stored && stored.error().code() == Errc::not_found) {
    auto again = co_await publish_rescued(part, std::move(terms), upload);
    stored = std::move(again);
  }
  if (!stored) co_return stored;
  upload.session->published(upload.ticket);
  // Should this fail, the file stays: it is whole, and only its sender is told to send again.
  auto sync = [this, path = stored->path] { return inbox_.sync_names(path); };
  auto synced = co_await pool_.run(std::move(sync));
  if (!synced) co_return synced.error();
  co_return stored;
}

/// Somebody has cleaned up among the parts: all bytes are still there while the part is open.
Task<Result<storage::StoredFile>> ReceiveStore::publish_rescued(const storage::PartFile& lost,
                                                                storage::PublishTerms terms,
                                                                Upload upload) {
  const bool flushes = flushes_each(*upload.session);
  auto copy = [this, &lost, &terms, flushes]() -> Result<storage::PartFile> {
    auto part = inbox_.rescue(lost, terms);
    if (!part || !flushes) return part;
    auto flushed = part->flush();
    if (!flushed) return flushed.error();
    return part;
  };
  auto part = co_await pool_.run(std::move(copy));
  if (!part) co_return part.error();
  if (!upload.session->may_publish(upload.ticket)) co_return upload.session->ending();
  auto stored = part->publish(terms);
  if (!stored && stored.error().code() == Errc::not_found)
    co_return fail(Errc::io, stored.error().message());
  co_return stored;
}

Task<Result<storage::StoredFile>> ReceiveStore::hand_over(const storage::PartFile& part,
                                                          transfer::UploadSlot::SessionPtr session,
                                                          net::Exchange& exchange) {
  output_begun_ = true;
  WatchedWork watched(exchange, std::move(session));
  auto copy = [&part, &watched] { return part.hand_over(STDOUT_FILENO, watched.stop()); };
  auto handed = co_await watched.run(pool_, std::move(copy));
  co_return handed;
}

Task<Result<>> ReceiveStore::flush_rest() {
  if (!unflushed_) co_return Result<>();
  // What is published from now on is not in it.
  unflushed_ = false;
  auto flush = [this] { return inbox_.sync_all(); };
  auto flushed = co_await pool_.run(std::move(flush));
  if (!flushed) unflushed_ = true;
  co_return flushed;
}

}  // namespace lsend::app
