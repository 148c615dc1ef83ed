#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include <cerrno>
#include <cstring>

#include "lib/app/doctor_checks.hpp"
#include "lsend/identity/identity.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/file_source.hpp"

namespace lsend::app {
namespace {

namespace fs = std::filesystem;

/// For a shell, whatever is in the name.
std::string quoted(const fs::path& path) {
  std::string text = "'";
  for (const char c : path.string()) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return escape_for_terminal(text + "'", 4096);
}

fs::path nearest_existing(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

void check_clock(const fs::path& known_file, Checks& checks) {
  const auto now = std::chrono::system_clock::now();
  const auto text = format_rfc3339(std::chrono::time_point_cast<std::chrono::seconds>(now));
  struct stat status {};
  // Nothing here can be newer than now; a day is left for time zones that were set wrong.
  constexpr std::time_t day = 24 * 3600;
  if (stat(known_file.c_str(), &status) == 0 &&
      status.st_mtime > std::chrono::system_clock::to_time_t(now) + day)
    return (void)checks.emplace_back("clock", Health::fail,
                                     "it is " + text + ", before the identity was made",
                                     "timedatectl set-ntp true, or date -s with the right time");
  timex state{};
  const bool synchronised = adjtimex(&state) != TIME_ERROR;
  checks.emplace_back("clock", synchronised ? Health::ok : Health::warn,
                      "it is " + text + (synchronised ? "" : ", not synchronised with a server"),
                      synchronised ? "" : "timedatectl set-ntp true");
}

void check_folder(const DoctorOptions& options, Checks& checks) {
  const auto folder = nearest_existing(options.folder);
  const auto shown = quoted(options.folder);
  if (!fs::is_directory(folder))
    return (void)checks.emplace_back("folder", Health::fail, quoted(folder) + " is no folder",
                                     "name another folder with --dir or [receive] dir");
  if (const int error = storage::writing_error(folder); error != 0)
    return (void)checks.emplace_back("folder", Health::fail,
                                     shown + " cannot be written: " + std::strerror(error),
                                     "chown \"$USER\" " + quoted(folder) +
                                         ", or name another folder with --dir or [receive] dir");
  checks.emplace_back("folder", Health::ok,
                      shown + (folder == options.folder ? " can be written" : " can be made"));
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) return;
  const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const auto left = format_size(free) + " free";
  if (free <= options.min_free)
    checks.emplace_back("disk", Health::fail,
                        left + ", and " + format_size(options.min_free) + " are to stay free",
                        "free some space, or lower --min-free");
  else if (disk.f_files != 0 && disk.f_favail == 0)
    checks.emplace_back("disk", Health::fail, left + ", but no more files can be made (inodes)",
                        "remove files that are not needed");
  else
    checks.emplace_back("disk", Health::ok, left);
}

void check_identity(const fs::path& folder, const fs::path& file, Checks& checks) {
  if (folder.empty())
    return (void)checks.emplace_back("identity", Health::fail,
                                     "there is no folder for it, as HOME is not set",
                                     "set HOME or LSEND_HOME");
  struct stat status {};
  if (lstat(file.c_str(), &status) != 0) {
    const auto parent = nearest_existing(folder);
    if (const int error = storage::writing_error(parent); error != 0)
      return (void)checks.emplace_back("identity", Health::fail,
                                       quoted(folder) + " cannot be made: " + std::strerror(error),
                                       "chown \"$USER\" " + quoted(parent) + ", or set LSEND_HOME");
    return (void)checks.emplace_back("identity", Health::ok, "none yet: it is made at first use");
  }
  const auto identity = identity::Identity::load_or_create(folder);
  if (identity) {
    checks.emplace_back("identity", Health::ok, "fingerprint " + identity->fingerprint().str());
    return;
  }
  constexpr mode_t others = 0077;
  const bool open = (status.st_mode & others) != 0 ||
                    (stat(folder.c_str(), &status) == 0 && (status.st_mode & others) != 0);
  checks.emplace_back("identity", Health::fail, identity.error().message(),
                      open ? "chmod 600 " + quoted(file) + " && chmod 700 " + quoted(folder)
                           : "rm " + quoted(file) +
                                 " (a new identity is made; other devices see "
                                 "a new one)");
}

}  // namespace

void check_host(const Settings& settings, const DoctorOptions& options, Checks& checks) {
  const auto& folder = settings.home.data;
  const auto file = folder / "identity.pem";
  check_identity(folder, file, checks);
  check_folder(options, checks);
  check_clock(file, checks);
}

}  // namespace lsend::app
