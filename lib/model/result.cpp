#include "lsend/model/result.hpp"

#include <boost/throw_exception.hpp>
#include <stdexcept>
#include <system_error>

namespace lsend {

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(error.message()), where);
}

bool is_stop(Errc code) {
  return code == Errc::interrupted || code == Errc::terminated || code == Errc::hung_up ||
         code == Errc::quit;
}

bool is_temporary(Errc code) {
  switch (code) {
    case Errc::not_found:
    case Errc::unreachable:
    case Errc::handshake:
    case Errc::shutting_down:
    case Errc::busy:
    case Errc::too_many_requests:
    case Errc::size_mismatch:
    case Errc::checksum_mismatch:
    case Errc::timed_out:
      return true;
    default:
      return false;
  }
}

Error fail_errno(Errc code, std::string message, int error_number) {
  message += ": ";
  message += std::generic_category().message(error_number);
  return fail(code, std::move(message));
}

}  // namespace lsend
