#include "lsend/storage/fence.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {
namespace {

// The kernel's own header (linux/landlock.h) is often older than the kernel: what it lacks would be
// compiled away. The numbers are part of the system call interface and never change.
constexpr unsigned kVersionFlag = 1U << 0U;
constexpr int kRuleBelowPath = 1;

enum Right : std::uint64_t {
  kExecute = 1ULL << 0U,
  kWriteFile = 1ULL << 1U,
  kReadFile = 1ULL << 2U,
  kReadFolder = 1ULL << 3U,
  kRemoveFolder = 1ULL << 4U,
  kRemoveFile = 1ULL << 5U,
  kMakeFolder = 1ULL << 7U,
  kMakeFile = 1ULL << 8U,
  kFirst = (1ULL << 13U) - 1,    ///< all of ABI 1
  kMoveAround = 1ULL << 13U,     ///< ABI 2
  kTruncate = 1ULL << 14U,       ///< ABI 3
  kDeviceControl = 1ULL << 15U,  ///< ABI 5
};
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

struct RulesetAttributes {
  std::uint64_t handled_files;
};

struct [[gnu::packed]] PathAttributes {
  std::uint64_t allowed;
  std::int32_t descriptor;
};

std::uint64_t known_to(int abi) {
  std::uint64_t rights = kFirst | kMoveAround;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kDeviceControl;
  return rights;
}

std::uint64_t rights_of(Below below) {
  constexpr std::uint64_t change =
      kReadFile | kReadFolder | kWriteFile | kMakeFile | kRemoveFile | kTruncate;
  switch (below) {
    case Below::read:
      return kReadFile;
    case Below::list:
      return kReadFile | kReadFolder;
    case Below::remove:
      return kRemoveFile;
    case Below::change:
      return change;
    case Below::fill:
      break;
  }
  return change | kMakeFolder | kRemoveFolder | kMoveAround;
}

Error not_fenced(const std::string& what) {
  return fail(Errc::failed, what + ": " + std::strerror(errno));
}

/// False, with errno: the place is there and could not be added.
bool add(int ruleset, const FencePlace& place, int abi) {
  UniqueFd opened;
  int fd = place.descriptor;
  if (fd < 0) {
    opened.reset(open(place.path.c_str(), O_PATH | O_CLOEXEC));
    if (!opened) return true;
    fd = opened.get();
  }
  struct stat status {};
  if (fstat(fd, &status) != 0) return false;
  std::uint64_t allowed = rights_of(place.rights) & known_to(abi);
  if (!S_ISDIR(status.st_mode)) allowed &= kOfFiles;
  if (allowed == 0) return true;
  const PathAttributes rule{allowed, fd};
  return syscall(SYS_landlock_add_rule, ruleset, kRuleBelowPath, &rule, 0U) == 0;
}

}  // namespace

Result<int> landlock_abi() {
  const auto abi = syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, kVersionFlag);
  if (abi < 0 && errno == EOPNOTSUPP)
    return fail(Errc::failed, "Landlock is switched off in this kernel (its parameter lsm=)");
  if (abi < 0) return not_fenced("this kernel offers no Landlock");
  if (abi < 2)
    return fail(Errc::failed,
                "this kernel's Landlock cannot let files move between folders; that of Linux 5.19 "
                "can");
  return static_cast<int>(abi);
}

Result<int> raise_fence(std::span<const FencePlace> places) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return not_fenced("privileges cannot be given up for good");
  auto abi = landlock_abi();
  if (!abi) return abi;
  const RulesetAttributes attributes{known_to(*abi)};
  const UniqueFd ruleset(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0U)));
  if (!ruleset) return not_fenced("Landlock made no ruleset");
  for (const auto& place : places)
    if (!add(ruleset.get(), place, *abi))
      return not_fenced("Landlock took no rule for '" + place.path.string() + "'");
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0U) != 0)
    return not_fenced("Landlock did not begin");
  return abi;
}

}  // namespace lsend::storage
