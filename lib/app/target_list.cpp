#include "lib/app/target_list.hpp"

#include <algorithm>

#include "lsend/model/text.hpp"

namespace lsend::app {
namespace {

Error unknown_group(const Settings& settings, const std::string& name) {
  std::string known;
  for (const auto& [group, members] : settings.groups)
    known += (known.empty() ? "@" : ", @") + escape_for_terminal(group, 64);
  return fail(Errc::usage, "there is no group '" + escape_for_terminal(name, 64) +
                               "' in [groups] of the configuration" +
                               (known.empty() ? ", which names none" : "; it names " + known));
}

}  // namespace

Result<std::vector<std::string>> expand_targets(const Settings& settings,
                                                const std::vector<std::string>& targets) {
  std::vector<std::string> expanded;
  const auto add = [&expanded](const std::string& target) {
    if (std::find(expanded.begin(), expanded.end(), target) == expanded.end())
      expanded.push_back(target);
  };
  for (const auto& target : targets) {
    if (!target.starts_with('@')) {
      add(target);
      continue;
    }
    const auto group = settings.groups.find(target.substr(1));
    if (group == settings.groups.end()) return unknown_group(settings, target);
    if (group->second.empty())
      return fail(Errc::usage, "the group '" + escape_for_terminal(target, 64) +
                                   "' of the configuration has no targets");
    for (const auto& member : group->second) add(member);
  }
  return expanded;
}

}  // namespace lsend::app
