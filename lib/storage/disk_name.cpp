#include "lsend/storage/disk_name.hpp"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "descriptor_io.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/safe_path.hpp"
#include "part_folder.hpp"

namespace lsend::storage {
namespace {

constexpr std::string_view kRefusedSomewhere = "<>:\"|?*\\";
constexpr std::string_view kTwinsFolder = "twins-";
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

bool is_same(int folder_fd, const std::string& name, const struct stat& status) {
  struct stat there {};
  return fstatat(folder_fd, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_ino == status.st_ino && there.st_dev == status.st_dev;
}

/// Makes a file of the name and removes it. Some disks take a name and keep another, without its
/// dots and blanks at the end.
bool is_taken_by(int folder_fd, const std::string& name) {
  const UniqueFd fd(openat(folder_fd, name.c_str(), kMake | O_EXCL, 0600));
  if (!fd) return !refuses_name(errno);
  struct stat status {};
  const auto end = name.find_last_not_of(". ");
  const bool kept = end == std::string::npos || end + 1 == name.size() ||
                    fstat(fd.get(), &status) != 0 ||
                    !is_same(folder_fd, name.substr(0, end + 1), status);
  unlinkat(folder_fd, name.c_str(), 0);
  return kept;
}

std::string name_on_disk(const PartHome& home, const std::string& name) {
  const int folder = home.part_folder_fd();
  auto portable = portable_name(name);
  const bool odd_letters = home.close_tells && !is_ascii(name);  // of a disk that we know nothing of
  if (portable == name && name.size() <= kShorter[0] && !odd_letters) return name;
  if (is_taken_by(folder, name)) return name;
  std::vector<std::string> others = {portable};
  for (const auto most : kShorter) others.push_back(shortened(portable, most));
  for (const auto most : kShorter) others.push_back(shortened(only_ascii(portable), most));
  for (const auto& other : others)
    if (other != name && is_taken_by(folder, other)) return other;
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

bool folds_names(int part_folder_fd) {
  const auto random = random_text();
  const std::string name = "Aa\u00e9" + random;
  const UniqueFd fd(openat(part_folder_fd, name.c_str(), kMake | O_EXCL, 0600));
  struct stat status {};
  const bool made = fd && fstat(fd.get(), &status) == 0;
  const bool folds = made && (is_same(part_folder_fd, "aA\u00e9" + random, status) ||
                              is_same(part_folder_fd, "Aae\u0301" + random, status));
  if (fd) unlinkat(part_folder_fd, name.c_str(), 0);
  return folds;
}

NameTwins::NameTwins(const Inbox& inbox) : inbox_(inbox), home_(inbox.home()) {}

NameTwins::~NameTwins() {
  if (folder_) remove_twins_folder(home_.part_folder_fd(), name_);
}

std::string NameTwins::key(std::vector<std::string> components) {
  components = names_on_disk(home_, std::move(components));
  if (!inbox_.folds_names()) return join_components(components);
  std::string key;
  for (const auto& component : components) key.append("/").append(key_of(component));
  return key;
}

/// The disk itself says what is one name: a file for each, with a number of its own in it.
std::string NameTwins::key_of(const std::string& component) {
  const auto known = keys_.find(component);
  if (known != keys_.end()) return known->second;
  if (!folder_) {
    name_ = std::string(kTwinsFolder) + random_text();
    mkdirat(home_.part_folder_fd(), name_.c_str(), 0700);
    folder_.reset(openat(home_.part_folder_fd(), name_.c_str(),
                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  const UniqueFd fd(openat(folder_.get(), component.c_str(), kMake, 0600));
  std::array<char, 32> text{};
  const auto size = fd ? read_some(fd.get(), std::as_writable_bytes(std::span(text))) : -1;
  std::string key(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size == 0) {
    key = std::to_string(keys_.size());
    (void)write_all(fd.get(), std::as_bytes(std::span(key)));
  }
  if (size < 0) key = "=" + component;
  keys_.emplace(component, key);
  return key;
}

bool is_twins_folder(std::string_view name) { return name.starts_with(kTwinsFolder); }

void remove_twins_folder(int part_folder_fd, const std::string& name) {
  const UniqueFd folder(openat(part_folder_fd, name.c_str(),
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return;
  for (const auto& entry : names_in(folder.get()))
    if (entry != "." && entry != "..") unlinkat(folder.get(), entry.c_str(), 0);
  unlinkat(part_folder_fd, name.c_str(), AT_REMOVEDIR);
}

}  // namespace lsend::storage
