// Any name becomes harmless components, and a file of that name stays in the folder.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "check.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/safe_path.hpp"
#include "temp_folder.hpp"

namespace {

using namespace lsend;
using fuzz::require;
using Components = std::vector<std::string>;

/// A folder with a way out in it: "l" is a symbolic link to its parent.
struct Root {
  Root() : fd(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    std::filesystem::create_directory_symlink("..", folder.path() / "l");
  }
  fuzz::TempFolder folder;
  storage::UniqueFd fd;
};

void check_component(const std::string& name) {
  require(!name.empty() && name != "." && name != "..", "a component names something below");
  require(name.size() <= 255, "a component is at most 255 bytes");
  require(name.find_first_of("/\\") == std::string::npos, "a component has no separator");
  require(is_utf8(name) && !fuzz::has_control(name), "a component is text without controls");
}

void check_place(const Components& components) {
  static const Root root;
  const Components folders(components.begin(), components.end() - 1);
  if (const auto folder = storage::open_folder_beneath(root.fd.get(), folders); folder) {
    const storage::UniqueFd file(::openat(folder->get(), components.back().c_str(),
                                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                          0600));
    const auto link = "/proc/self/fd/" + std::to_string(file.get());
    const auto expected = root.folder.path() / storage::join_components(components);
    require(file || components == Components{"l"}, "a clean name can be stored");
    require(!file || std::filesystem::read_symlink(link) == expected, "a file is where it says");
  } else {
    require(components.front() == "l", "only the link is refused");
  }
  if (components.front() != "l") {
    std::filesystem::remove_all(root.folder.path() / components.front());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto cleaned = storage::clean_file_name(fuzz::text_of(data, size));
  if (!cleaned) {
    require(cleaned.error().code() == Errc::name_refused, "a refusal says so");
    require(!fuzz::has_control(cleaned.error().message()), "an error is safe to print");
    return 0;
  }
  require(!cleaned->empty(), "a name has a component");
  std::for_each(cleaned->begin(), cleaned->end(), check_component);
  const auto again = storage::clean_file_name(storage::join_components(*cleaned));
  require(again && *again == *cleaned, "a clean name stays as it is");
  check_component(storage::numbered_name(cleaned->back(), 2));
  check_place(*cleaned);
  return 0;
}
