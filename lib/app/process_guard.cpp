#include "lib/app/process_guard.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/real_path.hpp"

namespace lsend::app {
namespace {

namespace fs = std::filesystem;
using storage::Below;

/// Others' files lie in these: none of them is opened for the sake of one file.
bool is_common(const fs::path& folder) {
  static constexpr std::array<std::string_view, 10> folders{
      "/", "/etc", "/home", "/root", "/run", "/srv", "/tmp", "/usr", "/var", "/var/tmp"};
  const char* home = std::getenv("HOME");
  return std::find(folders.begin(), folders.end(), folder.string()) != folders.end() ||
         (home != nullptr && (fs::path(home) / "x").lexically_normal().parent_path() == folder);
}

fs::path folder_of(const fs::path& file) {
  std::error_code error;
  return fs::absolute(file, error).lexically_normal().parent_path();
}

/// A file that is read again, and may have been replaced by then: the folder that it is named in,
/// where it really lies, and the folder there.
void add_file(std::vector<storage::FencePlace>& places, const fs::path& file) {
  std::error_code error;
  const auto real = storage::real_path(file, error);
  places.push_back({file, Below::read});
  for (const auto& folder : {folder_of(file), error ? fs::path() : real.parent_path()})
    if (!folder.empty() && !is_common(folder)) places.push_back({folder, Below::read});
}

}  // namespace

void hide_memory() {
  // The hard limit stays: a command of --exec may want core files of its own.
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = 0;
    (void)setrlimit(RLIMIT_CORE, &limit);
  }
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

std::vector<storage::FencePlace> receiver_places(const ReceiveOptions& options,
                                                 const storage::Home& home,
                                                 const storage::Inbox& inbox) {
  std::vector<storage::FencePlace> places;
  places.push_back({inbox.folder(), Below::fill, inbox.descriptor()});
  places.push_back({home.data, Below::change});
  add_file(places, home.data / "known_devices.json");
  for (const auto& file : options.reload_reads) add_file(places, file);
  if (!options.ready_file.empty()) places.push_back({folder_of(options.ready_file), Below::remove});
  // For the libraries below us: random numbers; a sanitizer that looks at its own process.
  places.push_back({"/dev/urandom", Below::read});
  places.push_back({"/proc/self", Below::list});
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  // Its report has names only where it can read the program and the libraries.
  for (const auto* path : {"/proc/self/exe", "/lib", "/usr/lib"})
    places.push_back({path, Below::read});
#endif
  return places;
}

bool confine_receiver(const ReceiveOptions& options, const storage::Home& home,
                      const storage::Inbox& inbox) {
  if (!options.hook.empty() || !options.accept_exec.empty()) {
    log(LogLevel::info, "not fenced in: the commands of --exec and --accept-exec would be, too");
    return false;
  }
  // The log's local times need a file once.
  ::tzset();
  const auto abi = storage::raise_fence(receiver_places(options, home, inbox));
  if (abi)
    log(LogLevel::info, "fenced in by Landlock (ABI " + std::to_string(*abi) +
                            "): of all files, '" +
                            escape_for_terminal(inbox.folder().string(), 4096) +
                            "' and lsend's own are within reach");
  else
    log(LogLevel::info, "not fenced in: " + abi.error().message());
  return true;
}

}  // namespace lsend::app
