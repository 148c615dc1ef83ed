#include "lib/app/payload.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <thread>

#include "lsend/model/text.hpp"
#include "lsend/storage/sha256.hpp"

namespace lsend::app {

namespace {

/// A pre-pass over so many bytes costs a blink; more is left to TLS and the size check
/// (performance.md 3.8).
constexpr std::uint64_t kCheapToHash = 64 * 1024 * 1024;
/// One disk serves no more at a time.
constexpr std::size_t kMostHashers = 8;

FileInfo describe(const storage::LocalFile& file, const std::string& prefix) {
  FileInfo info;
  info.id = FileId(storage::random_uuid());
  info.file_name = prefix + file.file_name;
  info.size = file.size;
  info.file_type = storage::mime_type_of(file.file_name);
  info.modified = file.modified;
  info.executable = file.executable;
  info.allocated = file.allocated;
  return info;
}

Payload message_payload(const std::string& text) {
  Payload payload;
  FileInfo info;
  info.id = FileId(storage::random_uuid());
  info.file_name = storage::random_uuid() + ".txt";
  info.size = text.size();
  info.file_type = "text/plain";
  info.preview = text;
  payload.files.push_back(std::move(info));
  payload.text = text;
  payload.is_message = true;
  return payload;
}

std::string clean_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.front() == '/') prefix.erase(0, 1);
  if (!prefix.empty() && prefix.back() != '/') prefix += '/';
  return prefix;
}

/// On a new account it is not there yet; what is wrong with it, its user tells.
void make_private(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::create_directories(folder, ignored))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ignored);
}

/// Where standard input may wait until its size is known: not in memory, where there is a disk.
std::vector<std::filesystem::path> spool_folders(const storage::Home& home) {
  std::vector<std::filesystem::path> folders;
  if (!home.nowhere()) folders.push_back(home.state);
  const char* chosen = std::getenv("TMPDIR");
  if (chosen && *chosen == '/') folders.emplace_back(chosen);
  folders.insert(folders.end(), {"/var/tmp", "/tmp"});
  return folders;
}

Result<> add_stdin(Payload& payload, const SendOptions& options, const storage::Home& home) {
  storage::LocalFile file;
  file.file_name = options.name.value_or("stdin");
  file.modified =
      std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  if (options.stdin_size) {
    file.size = *options.stdin_size;
    payload.from_stdin = true;
  } else {
    if (!home.nowhere()) make_private(home.state);
    auto spool = storage::Spool::from(STDIN_FILENO, spool_folders(home));
    if (!spool) return spool.error();
    file.size = spool->size();
    file.path = "standard input";
    file.descriptor = spool->descriptor();
    payload.spool = std::move(*spool);
  }
  payload.files.push_back(describe(file, clean_prefix(options.prefix)));
  payload.local.push_back(std::move(file));
  return {};
}

/// It was there a moment ago, and now it cannot be read.
void leave_behind(Payload& payload, std::size_t file, Error why) {
  storage::Unsendable left;
  left.file_name = std::move(payload.files[file].file_name);
  left.name_bytes = std::move(payload.local[file].name_bytes);
  left.size = payload.files[file].size;
  left.why = std::move(why);
  payload.unsendable.push_back(std::move(left));
}

/// Why nothing may go, if so: what the user named is not there, all is wanted or nothing, or
/// nothing is left.
std::optional<Error> find_refusal(const Payload& payload, const SendOptions& options) {
  const auto& failed = payload.unsendable;
  const auto named = std::find_if(failed.begin(), failed.end(),
                                  [](const storage::Unsendable& each) { return each.named; });
  if (named != failed.end()) {
    const auto others = std::count_if(named + 1, failed.end(),
                                      [](const storage::Unsendable& each) { return each.named; });
    if (others == 0) return named->why;
    return fail(named->why.code(), named->why.message() + "; and so " + std::to_string(others) +
                                       (others == 1 ? " other" : " others"));
  }
  if (failed.empty()) return std::nullopt;
  if (payload.files.empty()) return cannot_send(payload, failed.front().why.code());
  if (options.require_all)
    return cannot_send(payload, Errc::io, ", and --require-all wants all of them");
  return std::nullopt;
}

/// With --checksum each file has its digest before anybody hears of it; else it depends on who that
/// is.
Result<> add_checksums(Payload& payload, ChecksumMode mode) {
  if (payload.from_stdin || mode == ChecksumMode::never) return {};
  if (mode == ChecksumMode::automatic) {
    std::uint64_t total = 0;
    for (const auto& file : payload.files) total += file.size;
    payload.cheap_to_hash = total <= kCheapToHash;
    return {};
  }
  auto digests = hash_all(payload, nullptr);
  if (!digests) return digests.error();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < digests->size(); ++i) {
    auto& digest = (*digests)[i];
    if (!digest) {
      leave_behind(payload, i, digest.error());
      continue;
    }
    payload.files[i].sha256 = std::move(*digest);
    if (kept != i) {
      payload.files[kept] = std::move(payload.files[i]);
      payload.local[kept] = std::move(payload.local[i]);
    }
    ++kept;
  }
  payload.files.resize(kept);
  payload.local.resize(kept);
  return {};
}

/// The list of --files-from, read.
Result<std::vector<std::filesystem::path>> listed_paths(const SendOptions& options) {
  if (options.files_from == "-")
    return storage::read_path_list(STDIN_FILENO, options.files_from_null);
  const storage::UniqueFd file(::open(options.files_from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail_errno(Errc::io, "cannot open '" + escape_for_terminal(options.files_from) + "'",
                      errno);
  return storage::read_path_list(file.get(), options.files_from_null);
}

Result<storage::Selection> select(const SendOptions& options) {
  storage::Selection selection;
  selection.paths = options.paths;
  selection.name = options.name.value_or(std::string());
  selection.filter = storage::NameFilter(options.rules);
  selection.prefix = clean_prefix(options.prefix);
  selection.follow = options.follow_links;
  if (options.files_from.empty()) return selection;
  auto listed = listed_paths(options);
  if (!listed) return listed.error();
  selection.listed = std::move(*listed);
  return selection;
}

}  // namespace

Error cannot_send(const Payload& payload, Errc code, const std::string& consequence) {
  const auto& first = payload.unsendable.front();
  const auto count = payload.unsendable.size();
  const auto all = count + payload.files.size();
  if (all == 1) return fail(code, first.why.message());
  return fail(code, std::to_string(count) + " of " + std::to_string(all) +
                        " files cannot be sent (first: '" + escape_for_terminal(first.file_name) +
                        "': " + first.why.message() + ")" + consequence);
}

Result<std::vector<Digest256>> hash_all(const Payload& payload, const std::atomic<bool>* stop) {
  std::vector<Digest256> digests(payload.local.size(), Digest256(std::string()));
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < digests.size(); i = next++) {
      if (stop && *stop) return;
      digests[i] = storage::hash_file(payload.local[i], stop);
    }
  };
  const auto threads = std::min<std::size_t>(
      {digests.size(), kMostHashers, std::max(1U, std::thread::hardware_concurrency())});
  std::vector<std::jthread> others;
  try {
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
  } catch (const std::system_error&) {
    // No more threads to be had: these will do.
  }
  work();
  others.clear();
  if (stop && *stop) return fail(Errc::interrupted, "interrupted");
  return digests;
}

Result<Payload> gather_payload(const SendOptions& options, const storage::Home& home,
                               ProgressSink& sink) {
  if (options.message) return message_payload(*options.message);
  Payload payload;
  if (options.standard_input) {
    if (!options.paths.empty())
      return fail(Errc::usage, "standard input ('-') cannot be sent together with files");
    auto added = add_stdin(payload, options, home);
    if (!added) return added.error();
  } else {
    auto selection = select(options);
    if (!selection) return selection.error();
    auto collected = storage::collect_files(*selection);
    if (!collected) return collected.error();
    for (const auto& warning : collected->warnings) sink.on(WarningEvent{warning});
    if (collected->files.empty() && collected->unsendable.empty())
      return fail(Errc::io, collected->filtered > 0
                                ? "there is no file to send: --exclude and --include leave out all"
                                : "there is no file to send in what was named");
    payload.unsendable = std::move(collected->unsendable);
    payload.left_out = collected->filtered + collected->links_skipped + payload.unsendable.size();
    const auto prefix = clean_prefix(options.prefix);
    for (auto& each : payload.unsendable) each.file_name.insert(0, prefix);
    payload.files.reserve(collected->files.size());
    for (auto& file : collected->files) {
      payload.files.push_back(describe(file, prefix));
      file.file_name = std::string();
    }
    collected->files.shrink_to_fit();
    payload.local = std::move(collected->files);
  }
  payload.refusal = find_refusal(payload, options);
  // A plan needs none.
  if (payload.refusal || options.dry_run) return payload;
  const auto hashed = add_checksums(payload, options.checksum);
  if (!hashed) return hashed.error();
  payload.refusal = find_refusal(payload, options);
  return payload;
}

}  // namespace lsend::app
