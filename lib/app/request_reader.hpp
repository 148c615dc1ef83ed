#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lib/app/api_handler.hpp"
#include "lib/app/receive_book.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/protocol/prepare_decoder.hpp"
#include "lsend/transfer/pin_guard.hpp"

namespace lsend::app {

/// What a request tells before anybody looks at who sends what: its PIN, and a body that can be
/// read within the memory that all of them have.
class RequestReader {
 public:
  using Request = ApiHandler::Request;

  RequestReader(const ReceiveOptions& options, ReceiveBook& book);

  /// What the head tells: the PIN, and a body that we can read.
  Task<Result<>> check_head(const Request& request);
  /// The body of a request whose head is right.
  Task<Result<std::string>> read_json(const Request& request);
  struct Offer {
    PrepareUpload message;
    bool kept_out = false;  ///< its files were counted, not kept: whatever it asks, the answer is "busy"
    bool declined = false;  ///< they were counted, not kept: no rule accepts such a sender
    std::size_t files = 0;
    std::uint64_t bytes = 0;
  };
  /// Will the caller be declined, whatever it offers?
  using Declines = std::function<bool(const net::Exchange& exchange)>;
  Task<Result<Offer>> read_prepare(const Request& request, const protocol::DeviceDefaults& defaults,
                                   Declines declines);

  /// The options are not what they were.
  void options_changed() { pins_.change(options_.pin); }

 private:
  Task<Result<>> read_body(const Request& request, net::Exchange::TakeBlock take);
  void tell_of_pin(const net::Exchange& exchange, const Error& error);

  const ReceiveOptions& options_;
  ReceiveBook& book_;
  transfer::PinGuard pins_;
  std::optional<TimePoint> told_of_lock_;
  std::uint64_t json_in_flight_ = 0;  ///< bytes of prepare bodies that are being read
};

/// Who sends a form or a clipboard says nothing of itself.
DeviceInfo nameless_device(const net::Exchange& exchange);

}  // namespace lsend::app
