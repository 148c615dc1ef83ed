#include "lsend/transfer/upload_failure.hpp"

#include <charconv>

namespace lsend::transfer {
namespace {

constexpr std::uint64_t kMostSeconds = 60;

}  // namespace

FailureCause cause_of(const UploadFailure& failure) {
  switch (failure.error.code()) {
    case Errc::checksum_mismatch:
      return FailureCause::damaged;
    case Errc::unreachable:
    case Errc::handshake:
    case Errc::timed_out:
      return FailureCause::broke;
    case Errc::failed:
    case Errc::shutting_down:
      return failure.decided ? FailureCause::lasting : FailureCause::broke;
    case Errc::forbidden:
      return FailureCause::forbidden;
    case Errc::too_many_requests:
      return FailureCause::too_many;
    case Errc::busy:
      return FailureCause::no_session;
    case Errc::cancelled:
    case Errc::interrupted:
    case Errc::terminated:
    case Errc::hung_up:
    case Errc::quit:
    case Errc::identity:  // someone else answers there now: nothing more may go out
    case Errc::plain_http:
    case Errc::cloned:
      return FailureCause::called_off;
    default:
      return FailureCause::lasting;
  }
}

bool follows_a_break(Errc code) {
  switch (code) {
    case Errc::unreachable:
    case Errc::handshake:
    case Errc::timed_out:
    case Errc::forbidden:
    case Errc::busy:
      return true;
    default:
      return false;
  }
}

Duration wait_told(std::string_view retry_after) {
  const char* const end = retry_after.data() + retry_after.size();
  std::uint64_t seconds = 0;
  const auto [stop, error] = std::from_chars(retry_after.data(), end, seconds);
  if (error != std::errc{} || stop != end || seconds > kMostSeconds) return kUsuallyTold;
  return std::chrono::seconds(seconds);
}

}  // namespace lsend::transfer
