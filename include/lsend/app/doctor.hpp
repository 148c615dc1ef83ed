#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lsend/app/settings.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

enum class Health : std::uint8_t { ok, warn, fail };

/// One thing that was looked at.
struct Check {
  Check(std::string of, Health how, std::string what, std::string remedy_text = {})
      : name(std::move(of)),
        health(how),
        finding(std::move(what)),
        remedy(std::move(remedy_text)) {}

  std::string name;
  Health health;
  std::string finding;
  std::string remedy;  ///< what to do or to run, where it is not ok
};

struct DoctorOptions {
  std::filesystem::path folder;  ///< where `receive` would store
  std::uint64_t min_free = 0;    ///< what it would leave on the disk
};

/// Looks at what lsend needs of this machine; changes nothing that stays. Never fails as a whole.
std::vector<Check> examine(const Settings& settings, const DoctorOptions& options);

}  // namespace lsend::app
