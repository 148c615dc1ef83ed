#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "check.hpp"

namespace lsend::fuzz {

/// One a process, gone at its end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = std::filesystem::temp_directory_path() / "lsend-fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
    path_ = std::filesystem::canonical(name);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace lsend::fuzz
