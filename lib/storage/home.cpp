#include "lsend/storage/home.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/sha256.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {
namespace {

namespace fs = std::filesystem;
using OptionalPath = std::optional<fs::path>;

/// XDG: a relative path is no path. systemd: the first of several wins.
OptionalPath folder_from(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value != '/') return std::nullopt;
  const std::string_view text(value);
  return fs::path(text.substr(0, text.find(':')));
}

OptionalPath home_folder() {
  if (auto home = folder_from("HOME")) return home;
  const passwd* entry = getpwuid(geteuid());
  if (entry == nullptr || entry->pw_dir == nullptr || *entry->pw_dir != '/') return std::nullopt;
  return fs::path(entry->pw_dir);
}

/// Asked once a user: a receiver that is fenced in cannot ask any more when it reads its options
/// again.
OptionalPath home_of(const std::string& user) {
  static std::map<std::string, fs::path> known;
  if (const auto found = known.find(user); found != known.end()) return found->second;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr || entry->pw_dir == nullptr || *entry->pw_dir != '/') return std::nullopt;
  return known.emplace(user, entry->pw_dir).first->second;
}

OptionalPath xdg_folder(const char* variable, const OptionalPath& home, const char* below_home) {
  if (auto folder = folder_from(variable)) return *folder / "lsend";
  if (home) return *home / below_home / "lsend";
  return std::nullopt;
}

/// The entry of `user-dirs.dirs`: XDG_DOWNLOAD_DIR="$HOME/Downloads" or an absolute path.
OptionalPath download_entry(const fs::path& file, const OptionalPath& home) {
  std::ifstream lines(file);
  constexpr std::string_view key = "XDG_DOWNLOAD_DIR=\"";
  constexpr std::string_view home_variable = "$HOME";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    std::string value = line.substr(key.size(), line.rfind('"') - key.size());
    if (value.starts_with(home_variable) && home) {
      // An entry that is the home folder itself says that there is no such folder.
      value.erase(0, home_variable.size());
      while (value.starts_with('/')) value.erase(0, 1);
      return value.empty() ? OptionalPath() : OptionalPath(*home / value);
    }
    if (value.starts_with('/')) return fs::path(value);
  }
  return std::nullopt;
}

OptionalPath downloads_folder(const OptionalPath& home) {
  if (auto folder = folder_from("XDG_DOWNLOAD_DIR")) return *folder / "lsend";
  auto config = folder_from("XDG_CONFIG_HOME");
  if (!config && home) config = *home / ".config";
  if (config) {
    if (auto folder = download_entry(*config / "user-dirs.dirs", home)) return *folder / "lsend";
  }
  if (home) return *home / "Downloads" / "lsend";
  return std::nullopt;
}

int sync_folder(const fs::path& folder) {
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

Result<Home> Home::locate() {
  const auto home = home_folder();
  OptionalPath config, data, state;
  if (const char* all = std::getenv("LSEND_HOME"); all != nullptr && *all != '\0') {
    const auto expanded = expand_home(all);
    if (!expanded) return fail(Errc::usage, "LSEND_HOME: " + expanded.error().message());
    std::error_code error;
    const fs::path folder = fs::absolute(*expanded, error).lexically_normal();
    if (error) return fail_errno(Errc::usage, "LSEND_HOME cannot be used", error.value());
    config = data = state = folder;
  } else {
    config = folder_from("CONFIGURATION_DIRECTORY");
    data = state = folder_from("STATE_DIRECTORY");
    if (!config) config = xdg_folder("XDG_CONFIG_HOME", home, ".config");
    if (!data) data = xdg_folder("XDG_DATA_HOME", home, ".local/share");
    if (!state) state = xdg_folder("XDG_STATE_HOME", home, ".local/state");
  }
  if (!config || !data || !state) {
    return fail(Errc::usage,
                "there is no folder for the configuration and the identity: set HOME or "
                "LSEND_HOME");
  }
  return Home{*config, *data, *state, downloads_folder(home).value_or(*state / "inbox")};
}

Result<std::filesystem::path> expand_home(const std::string& path) {
  if (!path.starts_with('~')) return fs::path(path);
  const auto slash = std::min(path.find('/'), path.size());
  const auto user = path.substr(1, slash - 1);
  const auto home = user.empty() ? home_folder() : home_of(user);
  const auto shown = "'" + escape_for_terminal(path) + "'";
  if (!home && user.empty())
    return fail(Errc::usage, shown + " is below the home folder, and this user has none: set HOME");
  if (!home)
    return fail(Errc::usage, shown + " is below the home folder of the user '" +
                                 escape_for_terminal(user, 64) +
                                 "', and there is none: './~' stands for a name with '~'");
  const auto rest = path.substr(std::min(path.find_first_not_of('/', slash), path.size()));
  return rest.empty() ? *home : *home / rest;
}

std::string host_name() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "lsend";
  const std::string_view full(buffer.data());
  const std::string_view name = full.substr(0, full.find('.'));
  return name.empty() ? "lsend" : std::string(name);
}

Result<> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                               unsigned mode) {
  const std::string what = "cannot write '" + escape_for_terminal(path.string()) + "'";
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = folder / ("." + random_text());
  UniqueFd fd(open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return disk_error(what, errno);
  int error = write_all(fd.get(), std::as_bytes(std::span(text)));
  if (error == 0 && fchmod(fd.get(), mode) != 0 && !is_unsupported(errno)) error = errno;
  if (error == 0 && fsync(fd.get()) != 0 && !is_unsupported(errno)) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return disk_error(what, error);
  }
  // The file is there, whole; a file system that cannot sync folders does not make it less so.
  (void)sync_folder(folder);
  return {};
}

}  // namespace lsend::storage
