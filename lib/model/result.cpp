#include "lsend/model/result.hpp"

#include <boost/throw_exception.hpp>
#include <stdexcept>
#include <system_error>

namespace lsend {

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(error.message()), where);
}

Error fail_errno(Errc code, std::string message, int error_number) {
  message += ": ";
  message += std::generic_category().message(error_number);
  return fail(code, std::move(message));
}

}  // namespace lsend
