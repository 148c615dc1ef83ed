#include "arrival.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "disk_error.hpp"

namespace lsend::storage {
namespace {

constexpr char kDefaultAcl[] = "system.posix_acl_default";
constexpr char kAccessAcl[] = "system.posix_acl_access";
constexpr std::size_t kLargestAcl = 4096;
constexpr auto kLookAgain = std::chrono::seconds(1);

/// As the kernel stores it, little endian: a header, then entries.
constexpr std::size_t kAclHeader = 4;
constexpr std::size_t kAclEntry = 8;
enum Tag : std::uint16_t { kOwner = 0x01, kGroup = 0x04, kMask = 0x10, kOther = 0x20 };

std::uint16_t read16(const std::byte* at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) |
                                    std::to_integer<unsigned>(at[1]) << 8U);
}

unsigned with_x(unsigned mode) { return mode | (mode & 0444U) >> 2U; }

}  // namespace

FolderRules rules_of(int folder_fd) {
  FolderRules rules;
  struct stat status {};
  if (fstat(folder_fd, &status) != 0) return rules;
  rules.writers = status.st_mode & (S_IWGRP | S_IWOTH);
  rules.gives_group = (status.st_mode & S_ISGID) != 0;
  rules.group = status.st_gid;
  std::array<std::byte, kLargestAcl> acl{};
  const auto size = fgetxattr(folder_fd, kDefaultAcl, acl.data(), acl.size());
  if (size > 0) rules.acl.assign(acl.begin(), acl.begin() + size);
  return rules;
}

std::vector<std::byte> inherited_acl(const std::vector<std::byte>& acl, unsigned& mode) {
  const std::size_t entries = acl.size() < kAclHeader ? 0 : (acl.size() - kAclHeader) / kAclEntry;
  if (entries < 3 || acl.size() != kAclHeader + entries * kAclEntry) return {};
  auto inherited = acl;
  bool has_mask = false;
  const auto entry = [&](std::size_t i) { return inherited.data() + kAclHeader + i * kAclEntry; };
  for (std::size_t i = 0; i < entries; ++i) has_mask |= read16(entry(i)) == kMask;
  unsigned shown = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    const auto tag = read16(entry(i));
    const bool group = tag == (has_mask ? kMask : kGroup);
    if (tag != kOwner && tag != kOther && !group) continue;
    const unsigned shift = tag == kOwner ? 6U : group ? 3U : 0U;
    const unsigned allowed = read16(entry(i) + 2) & (mode >> shift) & 7U;
    entry(i)[2] = static_cast<std::byte>(allowed);
    entry(i)[3] = std::byte{0};
    shown |= allowed << shift;
  }
  mode = shown;
  return entries > 3 ? inherited : std::vector<std::byte>();
}

unsigned Arrival::file_mode(const FolderRules& rules, bool executable) const {
  unsigned mode = 0;
  if (access_.mode)
    mode = *access_.mode;
  else if (rules.acl.empty())
    mode = (0644U | rules.writers) & ~umask_;
  else
    mode = 0666;
  return executable ? with_x(mode) : mode;
}

unsigned Arrival::folder_mode(const FolderRules& rules) const {
  if (access_.mode) return with_x(*access_.mode);
  return rules.acl.empty() ? 0755U | rules.writers : 0777U;
}

Result<> Arrival::settle_folder(int folder_fd) const {
  if (access_.group && fchown(folder_fd, static_cast<uid_t>(-1), *access_.group) != 0)
    return disk_error("cannot give a new folder to the group of --group", errno);
  struct stat status {};
  if (!access_.mode || fstat(folder_fd, &status) != 0) return {};
  const unsigned mode = with_x(*access_.mode);
  const unsigned kept = status.st_mode & S_ISGID;
  if ((status.st_mode & 0777U) != mode && fchmod(folder_fd, mode | kept) != 0)
    return disk_error("cannot give a new folder the mode of --mode", errno);
  return {};
}

const FolderRules& Arrival::rules_at(int folder_fd, const std::string& path) {
  const auto now = std::chrono::steady_clock::now();
  const bool known = last_look_ != std::chrono::steady_clock::time_point() && path == last_path_ &&
                     now - last_look_ < kLookAgain;
  if (known) return last_;
  last_ = rules_of(folder_fd);
  last_path_ = path;
  last_look_ = now;
  return last_;
}

Result<> Arrival::settle_file(int fd, unsigned mode, gid_t group, int folder_fd,
                              const std::string& path, bool executable) {
  const auto& rules = rules_at(folder_fd, path);
  const gid_t wanted =
      access_.group.value_or(rules.gives_group ? rules.group : group);
  // Whoever makes a file in a setgid folder gives it to a group that need not be his; to move one
  // there he has to be in that group. The option was tried at the start.
  if (wanted != group) (void)fchown(fd, static_cast<uid_t>(-1), wanted);
  const unsigned asked = file_mode(rules, executable);
  unsigned listed = asked;
  const auto acl = inherited_acl(rules.acl, listed);
  if (!acl.empty()) {
    if (fsetxattr(fd, kAccessAcl, acl.data(), acl.size(), 0) != 0 && !is_unsupported(errno))
      return disk_error("cannot give a file the access list of its folder", errno);
    mode = listed;  // the list has set it
  }
  const unsigned last = access_.mode || rules.acl.empty() ? asked : listed;
  if (last != mode && fchmod(fd, last) != 0 && !is_unsupported(errno))
    return disk_error("cannot set the mode of a file", errno);
  return {};
}

}  // namespace lsend::storage
