#include "lsend/storage/safe_path.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "arrival.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"

namespace lsend::storage {
namespace {

constexpr std::size_t kMaxName = 255;  // NAME_MAX of nearly every file system
constexpr std::size_t kMaxComponents = 32;
constexpr std::size_t kMaxPath = 1024;
/// What is longer belongs to the name: no extension says anything in so many bytes.
constexpr std::size_t kMaxExtension = 64;

Error refuse(std::string_view name, const std::string& why) {
  return fail(Errc::name_refused, "'" + escape_for_terminal(name) + "' is refused: " + why);
}

/// C0, DEL, C1, U+2028 and U+2029, each as one '_'.
std::string without_controls(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::string_view rest = text.substr(i);
    std::size_t control = byte < 0x20 || byte == 0x7f ? 1 : 0;
    if (byte == 0xc2 && rest.size() >= 2 && static_cast<unsigned char>(rest[1]) < 0xa0) control = 2;
    if (rest.starts_with("\u2028") || rest.starts_with("\u2029")) control = 3;
    clean += control > 0 ? '_' : text[i];
    i += std::max<std::size_t>(control, 1);
  }
  return clean;
}

/// `stem` + `suffix` + extension, the stem cut so that all fits a file name.
std::string fit(std::string_view name, std::string_view suffix) {
  const std::size_t dot = name.rfind('.');
  const bool has_extension =
      dot != std::string_view::npos && dot > 0 && name.size() - dot <= kMaxExtension;
  const std::string_view extension = has_extension ? name.substr(dot) : std::string_view();
  const std::string_view stem = name.substr(0, name.size() - extension.size());
  std::string fitted(cut_utf8(stem, kMaxName - suffix.size() - extension.size()));
  return fitted.append(suffix).append(extension);
}

bool is_drive(const std::string& component) {
  const char letter = component[0];
  return component.size() == 2 && component[1] == ':' &&
         ((letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z'));
}

Result<> check_component(const std::string& component) {
  if (component.empty() || component == "." || component == ".." ||
      component.find('/') != std::string::npos || component.find('\0') != std::string::npos) {
    return refuse(component, "it names no folder below the inbox");
  }
  return {};
}

UniqueFd open_whole(int root_fd, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof(how))));
}

UniqueFd open_one(int parent_fd, const std::string& component) {
  return UniqueFd(
      openat(parent_fd, component.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Result<UniqueFd> walk(int root_fd, const std::vector<std::string>& components, bool make,
                      const Arrival* arrival) {
  if (components.empty()) {
    UniqueFd root = open_one(root_fd, ".");
    if (!root) return disk_error("cannot open the inbox", errno);
    return root;
  }
  for (const auto& component : components) {
    if (auto ok = check_component(component); !ok) return ok.error();
  }
  const std::string path = join_components(components);
  const std::string shown = "the folder '" + escape_for_terminal(path) + "'";
  // Most often the folder is there: one call. Whatever is wrong, the walk below finds and names it,
  // also where the kernel or a filter knows no openat2.
  UniqueFd folder = open_whole(root_fd, path);
  if (folder) return folder;
  for (const auto& component : components) {
    const int parent_fd = folder ? folder.get() : root_fd;
    UniqueFd next = open_one(parent_fd, component);
    if (!next && errno == ENOENT) {
      if (!make) return fail(Errc::not_found, shown + " is not there");
      const unsigned mode = arrival ? arrival->folder_mode(rules_of(parent_fd)) : 0755U;
      const bool made = mkdirat(parent_fd, component.c_str(), mode) == 0;
      if (!made && errno != EEXIST) return disk_error("cannot make " + shown, errno);
      next = open_one(parent_fd, component);
      const auto settled = made && next && arrival ? arrival->settle_folder(next.get()) : Result<>();
      if (!settled) return settled.error();
    }
    if (!next && (errno == ENOTDIR || errno == ELOOP)) {
      return refuse(path, "'" + escape_for_terminal(component) +
                              "' is there as a file or a symbolic link, and a folder is needed");
    }
    if (!next) return disk_error("cannot open " + shown, errno);
    folder = std::move(next);
  }
  return folder;
}

}  // namespace

Result<std::vector<std::string>> clean_file_name(std::string_view file_name) {
  if (!is_utf8(file_name)) return refuse(file_name, "it is no UTF-8");
  std::vector<std::string> components;
  std::string_view rest = file_name;
  if (rest.starts_with(R"(\\?\)")) rest.remove_prefix(4);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("/\\"), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == "..") return refuse(file_name, "'..' would leave the folder");
    if (part == ".") continue;
    std::string clean = without_controls(part);
    if (clean.size() > kMaxName) clean = fit(clean, "");
    // After the cut: it may leave nothing but blanks.
    if (clean.find_first_not_of(' ') == std::string::npos) continue;
    components.push_back(std::move(clean));
    if (components.size() > kMaxComponents) {
      return refuse(file_name, "it has more than " + std::to_string(kMaxComponents) + " folders");
    }
  }
  while (components.size() > 1 && is_drive(components.front())) {
    components.erase(components.begin());
  }
  if (components.empty()) components.emplace_back("untitled");
  if (join_components(components).size() > kMaxPath) {
    return refuse(file_name, "its path has more than " + std::to_string(kMaxPath) + " bytes");
  }
  return components;
}

std::string join_components(const std::vector<std::string>& components) {
  std::string path;
  for (const auto& component : components) {
    if (!path.empty()) path += '/';
    path += component;
  }
  return path;
}

std::string numbered_name(std::string_view name, unsigned number) {
  return fit(name, " (" + std::to_string(number) + ")");
}

Result<UniqueFd> open_folder_beneath(int root_fd, const std::vector<std::string>& components,
                                     const Arrival* arrival) {
  return walk(root_fd, components, true, arrival);
}

Result<UniqueFd> find_folder_beneath(int root_fd, const std::vector<std::string>& components) {
  return walk(root_fd, components, false, nullptr);
}

}  // namespace lsend::storage
