#include "lsend/transfer/accept_policy.hpp"

#include <algorithm>

#include "lsend/model/text.hpp"

namespace lsend::transfer {
namespace {

Result<> check_sizes(const PrepareUpload& request, const AcceptLimits& limits,
                     std::uint64_t total) {
  if (request.files.size() > limits.max_files) {
    return fail(Errc::limit, "the request names " + std::to_string(request.files.size()) +
                                 " files, the limit is " + std::to_string(limits.max_files) +
                                 " (--max-files)");
  }
  if (limits.max_file_size) {
    for (const auto& file : request.files) {
      if (file.size <= *limits.max_file_size) continue;
      return fail(Errc::limit, "'" + escape_for_terminal(file.file_name) + "' has " +
                                   format_size(file.size) + ", the limit for one file is " +
                                   format_size(*limits.max_file_size) + " (--max-file-size)");
    }
  }
  if (limits.max_size && total > *limits.max_size) {
    return fail(Errc::limit, "the request has " + format_size(total) + " in all, the limit is " +
                                 format_size(*limits.max_size) + " (--max-size)");
  }
  return {};
}

Result<> check_leftover(std::uint64_t total, const AcceptLimits& limits, std::uint64_t leftover) {
  if (!limits.max_size || leftover <= *limits.max_size - total) return {};
  return fail(Errc::limit, "the request has " + format_size(total) +
                               " in all and broken transfers left " + format_size(leftover) +
                               " in .lsend, the limit for both is " +
                               format_size(*limits.max_size) +
                               " (--max-size); what they left is removed after a day");
}

Result<> check_space(std::uint64_t total, std::uint64_t free_space, std::uint64_t min_free) {
  const std::uint64_t usable = free_space > min_free ? free_space - min_free : 0;
  if (total <= usable) return {};
  return fail(Errc::no_space, "the request needs " + format_size(total) + ", the disk has " +
                                  format_size(free_space) + " free and keeps " +
                                  format_size(min_free) +
                                  " (--min-free): make room or lower the reserve");
}

}  // namespace

Result<std::uint64_t> total_size(const PrepareUpload& request) {
  std::uint64_t total = 0;
  for (const auto& file : request.files) {
    if (__builtin_add_overflow(total, file.size, &total)) {
      return fail(Errc::limit, "the sizes of the request's files add up to more than 64 bits hold");
    }
  }
  return total;
}

Result<> check_limits(const PrepareUpload& request, const AcceptLimits& limits,
                      std::uint64_t free_space, std::uint64_t leftover) {
  const auto total = total_size(request);
  if (!total) return total.error();
  if (auto ok = check_sizes(request, limits, *total); !ok) return ok;
  // A message is shown, never stored: the disk does not matter to it.
  if (is_message(request)) return {};
  if (auto ok = check_leftover(*total, limits, leftover); !ok) return ok;
  std::uint64_t needed = 0;
  for (const auto& file : request.files) needed += room_of(file);
  return check_space(needed, free_space, limits.min_free);
}

Ruling rule_on(const AcceptRules& rules, const Sender& sender, bool message) {
  if (sender.blocked) return Ruling::decline;
  const auto named = std::any_of(rules.from.begin(), rules.from.end(),
                                 [&](const auto& selector) { return selector.matches(sender); });
  if (named) return Ruling::accept;
  if (rules.program) return Ruling::ask_program;
  if (rules.person) return message ? Ruling::accept : Ruling::ask_person;
  const bool everyone = rules.from.empty() && (rules.auto_accept || rules.pin);
  return everyone ? Ruling::accept : Ruling::decline;
}

}  // namespace lsend::transfer
