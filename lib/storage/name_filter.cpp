#include "lsend/storage/name_filter.hpp"

#include <fnmatch.h>

namespace lsend::storage {
namespace {

bool fits(std::string pattern, std::string_view name, bool folder) {
  if (pattern.ends_with('/')) {
    if (!folder) return false;
    pattern.pop_back();
  }
  const bool anchored = pattern.starts_with('/');
  if (anchored) pattern.erase(0, 1);
  const bool across = pattern.find("**") != std::string::npos;
  const bool parts = across || pattern.find('/') != std::string::npos;
  const int flags = across ? 0 : FNM_PATHNAME;
  const std::string whole(name);
  if (anchored) return fnmatch(pattern.c_str(), whole.c_str(), flags) == 0;
  const auto last = whole.rfind('/');
  if (!parts) {
    const auto* base = whole.c_str() + (last == std::string::npos ? 0 : last + 1);
    return fnmatch(pattern.c_str(), base, flags) == 0;
  }
  std::size_t start = 0;
  while (fnmatch(pattern.c_str(), whole.c_str() + start, flags) != 0) {
    const auto slash = whole.find('/', start);
    if (slash == std::string::npos) return false;
    start = slash + 1;
  }
  return true;
}

}  // namespace

bool NameFilter::takes(std::string_view name, bool folder) const {
  for (const auto& rule : rules_)
    if (fits(rule.pattern, name, folder)) return rule.include;
  return true;
}

}  // namespace lsend::storage
