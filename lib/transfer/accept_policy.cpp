#include "lsend/transfer/accept_policy.hpp"

#include <numeric>

#include "lsend/model/text.hpp"

namespace lsend::transfer {
namespace {

Result<> check_limits(const PrepareUpload& request, const AcceptLimits& limits,
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

Result<Decision> AcceptPolicy::judge(const PrepareUpload& request, std::uint64_t free_space) const {
  const auto total = total_size(request);
  if (!total) return total.error();
  if (auto ok = check_limits(request, limits_, *total); !ok) return ok.error();
  // A message is shown, never stored: the disk does not matter to it.
  if (is_message(request)) return Decision{Decision::Kind::message, {}};
  if (auto ok = check_space(*total, free_space, limits_.min_free); !ok) return ok.error();
  if (!auto_accept_) return Decision{};

  Decision all{Decision::Kind::accept, std::vector<std::size_t>(request.files.size())};
  std::iota(all.files.begin(), all.files.end(), std::size_t{0});
  return all;
}

}  // namespace lsend::transfer
