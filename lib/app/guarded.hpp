#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "lsend/model/result.hpp"
#include "lsend/net/asio.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

/// An exception that nobody has handled, as a failure.
Error error_of(const std::exception_ptr& thrown);

/// What a job gives; its exception is a failure, so that whoever waits can still tidy up.
template <class T>
net::Task<Result<T>> guarded(net::Task<Result<T>> job) {
  std::exception_ptr thrown;
  std::optional<Result<T>> result;
  try {
    result.emplace(co_await std::move(job));
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown && net::is_cancellation(thrown)) std::rethrow_exception(thrown);
  if (thrown) co_return error_of(thrown);
  co_return std::move(*result);
}

}  // namespace lsend::app
