#include <algorithm>

#include "lsend/discovery/target.hpp"
#include "lsend/model/text.hpp"

namespace lsend::discovery {
namespace {

constexpr std::size_t kMostCandidates = 8;
constexpr std::size_t kLongestAlias = 64;

/// ASCII only: the case of other scripts needs tables that are not worth their size here.
std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string describe(const Device& device) {
  std::string text = escape_for_terminal(device.info.alias, kLongestAlias) + " (";
  const std::string host =
      device.endpoints.empty() ? "no address" : escape_for_terminal(device.endpoints.front().host);
  text += host;
  if (!device.info.fingerprint.empty()) {
    text += ", fp:" + escape_for_terminal(device.info.fingerprint.brief());
  }
  return text + ")";
}

Error ambiguous(std::string_view what, const std::vector<const Device*>& candidates) {
  std::string text = "'" + escape_for_terminal(what) + "' fits " +
                     std::to_string(candidates.size()) + " devices: ";
  const std::size_t shown = std::min(candidates.size(), kMostCandidates);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += ", ";
    text += describe(*candidates[i]);
  }
  if (shown < candidates.size()) {
    text += " and " + std::to_string(candidates.size() - shown) + " more";
  }
  return fail(Errc::ambiguous, text + "; give more of the name, its fp:, or its address");
}

template <class Fits>
std::vector<const Device*> select(const std::vector<Device>& devices, Fits fits) {
  std::vector<const Device*> found;
  for (const Device& device : devices) {
    if (fits(device)) found.push_back(&device);
  }
  return found;
}

std::size_t character_size(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  return end - at;
}

/// '*' is any text, '?' one character. Goes back to the last '*' only, so that time stays bounded
/// by the product of the lengths.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += character_size(text, t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      star_text += character_size(text, star_text);
      t = star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

Result<Device> find_by_fingerprint(const std::vector<Device>& devices, std::string_view prefix) {
  const auto found = select(devices, [prefix](const Device& device) {
    return !prefix.empty() && device.info.fingerprint.starts_with(prefix);
  });
  if (found.size() > 1) return ambiguous("fp:" + std::string(prefix), found);
  if (found.size() == 1) return *found.front();
  return fail(Errc::not_found, "no device with the fingerprint 'fp:" + escape_for_terminal(prefix) +
                                   "' was seen; 'lsend discover' shows who is there");
}

Result<Device> find_by_name(const std::vector<Device>& devices, std::string_view name) {
  const std::string wanted = lower(name);
  std::vector<const Device*> found;
  if (!name.empty()) {
    found = select(devices, [name](const Device& device) { return device.info.alias == name; });
    if (found.empty()) {
      found = select(
          devices, [&wanted](const Device& device) { return lower(device.info.alias) == wanted; });
    }
    if (found.empty()) {
      found = select(devices, [&wanted](const Device& device) {
        return lower(device.info.alias).starts_with(wanted);
      });
    }
  }
  if (found.size() > 1) return ambiguous(name, found);
  if (found.size() == 1) return *found.front();
  return fail(Errc::not_found, "no device named '" + escape_for_terminal(name) +
                                   "' was seen; 'lsend discover' shows who is there");
}

bool matches(const Device& device, std::string_view pattern) {
  const std::string wanted = lower(pattern);
  if (wanted.starts_with("fp:") && wanted.size() > 3) {
    return device.info.fingerprint.starts_with(wanted.substr(3));
  }
  const std::string alias = lower(device.info.alias);
  const bool is_glob = wanted.find_first_of("*?") != std::string::npos;
  if (is_glob ? glob(wanted, alias) : alias.find(wanted) != std::string::npos) return true;
  return std::any_of(device.endpoints.begin(), device.endpoints.end(),
                     [&](const Endpoint& endpoint) {
                       const std::string host = lower(endpoint.host);
                       return is_glob ? glob(wanted, host) : host == wanted;
                     });
}

}  // namespace lsend::discovery
