#include "lib/app/guarded.hpp"

#include <new>

namespace lsend::app {

Error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return fail(Errc::failed, "out of memory");
  } catch (const std::exception& known) {
    return fail(Errc::failed, known.what());
  } catch (...) {
    return fail(Errc::failed, "an exception of an unknown kind");
  }
}

}  // namespace lsend::app
