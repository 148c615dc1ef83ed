#include "lsend/app/known_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "lsend/model/text.hpp"
#include "lsend/storage/file_source.hpp"
#include "lsend/storage/shared_file.hpp"

namespace lsend::app {

namespace {

/// 1,000 devices with long names and all their addresses take 1 MB.
constexpr std::size_t kMostBytes = 16 * 1024 * 1024;
constexpr Duration kLockLimit = std::chrono::seconds(3);

std::filesystem::path file_in(const storage::Home& home) {
  return home.data / "known_devices.json";
}

Error no_place(const std::string& what) {
  return fail(Errc::io, what + "; set LSEND_HOME to a folder that this user can write to");
}

/// What the disk says of a folder that is closed to us names the way out.
Error name_the_way_out(const Error& error, const storage::Home& home) {
  const bool closed = storage::writing_error(home.data) != 0;
  return error.code() == Errc::io && closed ? no_place(error.message()) : error;
}

}  // namespace

Result<identity::KnownDevices> load_known(const storage::Home& home) {
  if (home.nowhere()) return no_place("there is no folder for the known devices");
  const auto path = file_in(home);
  const auto text = storage::read_small_file(path, kMostBytes);
  if (!text) return name_the_way_out(text.error(), home);
  if (!*text) return identity::KnownDevices();
  auto known = identity::KnownDevices::parse(**text);
  if (known) return known;
  return fail(known.error().code(),
              "'" + escape_for_terminal(path.string(), 4096) +
                  "' is no list of known devices: " + known.error().message() +
                  "; mend it, or move it away and every device is a new one");
}

Result<> change_known(const storage::Home& home, const ChangeKnown& change,
                      const std::atomic<bool>* stop) {
  if (home.nowhere()) return no_place("there is no folder for the known devices");
  const auto lock = storage::FileLock::take(home.data / ".known_devices.lock", kLockLimit, stop);
  if (!lock) return name_the_way_out(lock.error(), home);
  auto known = load_known(home);
  if (!known) return known.error();
  const auto changed = change(*known);
  if (!changed) return changed.error();
  if (!*changed) return {};
  return storage::write_file_atomically(file_in(home), known->to_json(), 0600);
}

KnownView::KnownView(const storage::Home& home) : home_(home) {}

KnownView::Stamp KnownView::stamp() const {
  struct stat info {};
  if (::stat(file_in(home_).c_str(), &info) != 0) return {};
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {info.st_ino, info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec, info.st_size};
}

const identity::KnownDevices& KnownView::now() {
  const auto there = stamp();
  if (read_ == there) return known_;
  read_ = there;
  auto known = load_known(home_);
  if (known)
    known_ = std::move(*known);
  else
    problem_ = known.error();
  return known_;
}

std::optional<Error> KnownView::take_problem() { return std::exchange(problem_, std::nullopt); }

}  // namespace lsend::app
