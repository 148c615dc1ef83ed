#include "lsend/storage/disk_name.hpp"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/safe_path.hpp"
#include "part_folder.hpp"
#include "publish.hpp"

namespace lsend::storage {
namespace {

constexpr std::string_view kRefusedSomewhere = "<>:\"|?*\\";
constexpr std::string_view kProbeFolder = "twins-";
constexpr std::size_t kNamesKept = 4096;
/// Encrypting file systems take 143 bytes; a number has to fit as well.
constexpr std::array<std::size_t, 2> kShorter = {128, 64};
constexpr int kMake = O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

/// CON, PRN, AUX, NUL, COM0 to COM9, LPT0 to LPT9.
bool is_device(std::string_view stem) {
  const std::string word(stem);
  const bool numbered = stem.size() == 4 && stem[3] >= '0' && stem[3] <= '9';
  if (numbered)
    return strncasecmp(word.c_str(), "com", 3) == 0 || strncasecmp(word.c_str(), "lpt", 3) == 0;
  constexpr std::array<const char*, 4> devices = {"con", "prn", "aux", "nul"};
  return std::any_of(devices.begin(), devices.end(), [&](const char* device) {
    return strcasecmp(word.c_str(), device) == 0;
  });
}

std::string only_ascii(std::string_view name) {
  std::string ascii;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) ascii += c;
    if (byte >= 0xc0) ascii += '_';  // one for each character
  }
  return ascii;
}

std::string lower_ascii(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

/// Without what may stand for letters beyond ASCII, or what those may be taken apart into.
std::string without_folded(std::string_view name) {
  constexpr std::string_view kNeverFolded = "0123456789-_.,+()[] ";
  std::string rest;
  for (const char c : name)
    if (kNeverFolded.find(c) != std::string_view::npos) rest += c;
  return rest;
}

/// The beginning, with the extension where that is short.
std::string shortened(const std::string& name, std::size_t most) {
  if (name.size() <= most) return name;
  const auto dot = name.rfind('.');
  const bool keeps = dot != std::string::npos && dot > 0 && name.size() - dot <= most / 4;
  const auto extension = keeps ? name.substr(dot) : std::string();
  return std::string(cut_utf8(name, most - extension.size())) + extension;
}

/// What says of a name that it cannot be, and not of the disk that it is full or broken.
bool refuses_name(int error) {
  return error == EINVAL || error == EILSEQ || error == ENAMETOOLONG || error == ENOENT ||
         error == EACCES || error == EPERM || error == EPROTO || error == EISDIR;
}

/// 0, or the errno: EEXIST where the disk takes the name for one that is there. Inode numbers do
/// not say that: many file systems make one up for each spelling.
int make_file(int folder_fd, const std::string& name) {
  return UniqueFd(openat(folder_fd, name.c_str(), kMake | O_EXCL, 0600)) ? 0 : errno;
}

/// Makes a file of the name in an empty folder and removes it. Some disks take a name and keep
/// another, without its dots and blanks at the end. Nothing where the disk does not say.
std::optional<bool> is_taken_by(int folder_fd, const std::string& name) {
  if (const int error = make_file(folder_fd, name); error != 0)
    return refuses_name(error) ? std::optional(false) : std::nullopt;
  struct stat status {};
  const auto end = name.find_last_not_of(". ");
  const bool kept =
      end == std::string::npos || end + 1 == name.size() ||
      fstatat(folder_fd, name.substr(0, end + 1).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0;
  unlinkat(folder_fd, name.c_str(), 0);
  return kept;
}

std::string name_on_disk(const PartHome& home, const std::string& name) {
  const auto portable = portable_name(name);
  const bool odd_letters = home.close_tells && !is_ascii(name);  // of a disk that we know nothing of
  if (portable == name && name.size() <= kShorter[0] && !odd_letters) return name;
  if (home.names)
    if (auto known = home.names->find(name)) return *std::move(known);
  const ProbeFolder probe(home.part_folder_fd(), home.part_prefix);
  if (probe.descriptor() < 0) return name;
  std::vector<std::string> tries = {name, portable};
  for (const auto most : kShorter) tries.push_back(shortened(portable, most));
  for (const auto most : kShorter) tries.push_back(shortened(only_ascii(portable), most));
  for (const auto& other : tries) {
    const auto taken = is_taken_by(probe.descriptor(), other);
    if (taken == false) continue;
    if (taken && home.names) home.names->keep(name, other);
    return other;
  }
  // Whatever is wrong, it is not the name.
  return name;
}

}  // namespace

std::string portable_name(std::string_view name) {
  std::string portable(name);
  for (char& c : portable)
    if (is_control(c) || kRefusedSomewhere.find(c) != std::string_view::npos) c = '_';
  for (auto c = portable.rbegin(); c != portable.rend() && (*c == '.' || *c == ' '); ++c) *c = '_';
  const auto stem = std::min(portable.find('.'), portable.size());
  if (is_device(std::string_view(portable).substr(0, stem))) portable.insert(stem, 1, '_');
  return portable;
}

std::vector<std::string> names_on_disk(const PartHome& home, std::vector<std::string> components) {
  for (auto& component : components) component = name_on_disk(home, component);
  return components;
}

bool folds_names(int part_folder_fd, std::string_view prefix) {
  static const std::array<std::pair<std::string, std::string>, 3> twins = {
      {{"ascii", "ASCII"}, {"case-\u00e9", "case-\u00c9"}, {"code-\u00e9", "code-e\u0301"}}};
  const ProbeFolder probe(part_folder_fd, prefix);
  return probe.descriptor() >= 0 &&
         std::any_of(twins.begin(), twins.end(), [&probe](const auto& pair) {
           return make_file(probe.descriptor(), pair.first) == 0 &&
                  make_file(probe.descriptor(), pair.second) == EEXIST;
         });
}

std::optional<std::string> DiskNames::find(const std::string& name) const {
  const std::lock_guard lock(guard_);
  const auto known = known_.find(name);
  return known == known_.end() ? std::nullopt : std::optional(known->second);
}

void DiskNames::keep(const std::string& name, const std::string& on_disk) {
  const std::lock_guard lock(guard_);
  if (known_.size() >= kNamesKept) known_.clear();
  known_.insert_or_assign(name, on_disk);
}

ProbeFolder::ProbeFolder(int part_folder_fd, std::string_view prefix)
    : above_(part_folder_fd),
      name_(std::string(prefix).append(kProbeFolder).append(random_text())) {
  if (mkdirat(above_, name_.c_str(), 0700) == 0)
    fd_.reset(openat(above_, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

ProbeFolder::~ProbeFolder() {
  if (fd_) remove_probe_folder(above_, name_);
}

NameTwins::NameTwins(const Inbox& inbox) : inbox_(inbox), home_(inbox.home()) {}

Result<std::string> NameTwins::key(std::vector<std::string> components) {
  components = names_in_inbox(home_, std::move(components));
  if (!inbox_.folds_names()) return join_components(components);
  std::string key;
  for (const auto& component : components) {
    const auto part = key_of(component);
    if (!part) return part.error();
    key.append("/").append(*part);
  }
  return key;
}

Result<std::string> NameTwins::key_of(const std::string& component) {
  const auto known = keys_.find(component);
  if (known != keys_.end()) return known->second;
  auto number = std::to_string(keys_.size());
  auto& alike = alike_[without_folded(component)];
  if (!alike.odd && !is_ascii(component)) {
    for (const auto& [folded, first] : alike.first)
      if (auto asked = ask(first, keys_.at(first)); !asked) return asked;
    alike.odd = true;
  }
  if (!alike.odd) {
    const auto [first, is_new] = alike.first.try_emplace(lower_ascii(component), component);
    if (is_new) return keys_.emplace(component, std::move(number)).first->second;
    if (auto asked = ask(first->second, keys_.at(first->second)); !asked) return asked;
  }
  auto key = ask(component, std::move(number));
  if (key) keys_.emplace(component, *key);
  return key;
}

/// The disk itself says what is one name: a file for each, with the key of the first in it.
Result<std::string> NameTwins::ask(const std::string& component, std::string key) {
  constexpr const char* kCannot = "cannot find out which names are one on this disk";
  if (!folder_)
    folder_ = std::make_unique<ProbeFolder>(home_.part_folder_fd(), home_.part_prefix);
  if (folder_->descriptor() < 0) return fail(Errc::io, kCannot);
  const UniqueFd fd(openat(folder_->descriptor(), component.c_str(), kMake, 0600));
  // What the disk refuses cannot be stored either, and is told when it comes.
  if (!fd && refuses_name(errno)) return "=" + component;
  std::array<char, 32> text{};
  const auto size = fd ? read_some(fd.get(), std::as_writable_bytes(std::span(text))) : -1;
  if (size < 0) return disk_error(kCannot, errno);
  if (size > 0) return std::string(text.data(), static_cast<std::size_t>(size));
  if (const int error = write_all(fd.get(), std::as_bytes(std::span(key))); error != 0)
    return disk_error(kCannot, error);
  return key;
}

bool is_probe_folder(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  return is_part_name(name.substr(prefix.size()), kProbeFolder);
}

void remove_probe_folder(int part_folder_fd, const std::string& name) {
  const UniqueFd folder(openat(part_folder_fd, name.c_str(),
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return;
  for (const auto& entry : names_in(folder.get()))
    if (entry != "." && entry != "..") unlinkat(folder.get(), entry.c_str(), 0);
  unlinkat(part_folder_fd, name.c_str(), AT_REMOVEDIR);
}

}  // namespace lsend::storage
