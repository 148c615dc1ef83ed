#include "lib/app/receive_reload.hpp"

#include <csignal>
#include <utility>

#include "lsend/model/log.hpp"

namespace lsend::app {

ReceiveReload::ReceiveReload(net::Executor executor, ReceiveOptions& options,
                             const Deciders& deciders, const ServiceManager& manager,
                             Interrupt& interrupt, ProgressSink& sink)
    : options_(options),
      deciders_(deciders),
      manager_(manager),
      interrupt_(interrupt),
      sink_(sink),
      hangups_(executor) {
  if (options_.reload) hangups_.add(SIGHUP);
}

net::Task<> ReceiveReload::run() {
  while (options_.reload) {
    const auto [ec, number] = co_await hangups_.async_wait(net::use_tuple);
    if (ec) co_return;
    manager_.reloading();
    reload();
    manager_.tell("READY=1");
  }
}

void ReceiveReload::reload() {
  auto fresh = options_.reload();
  if (!fresh && is_stop(fresh.error().code())) return interrupt_.request(fresh.error());
  const auto taken = fresh ? take_over(std::move(*fresh)) : Result<>(fresh.error());
  if (!taken)
    return sink_.on(WarningEvent{"the options stay as they were: " + taken.error().message()});
  on_change();
  log(LogLevel::info, "the options were read again");
}

Result<> ReceiveReload::take_over(ReceiveOptions fresh) {
  if (!can_accept(fresh, deciders_)) return fail(Errc::usage, "nobody could be accepted any more");
  if (confined_ && !fresh.accept_exec.empty())
    return fail(Errc::usage,
                "a command of --accept-exec needs a new start: this receiver is fenced in");
  if (fresh.random_pin && !options_.random_pin)
    return fail(Errc::usage, "a random PIN needs a new start");
  // The one that was made up stays.
  if (!fresh.random_pin) options_.pin = std::move(fresh.pin);
  options_.random_pin = fresh.random_pin;
  options_.filter = std::move(fresh.filter);
  options_.auto_accept = fresh.auto_accept;
  options_.accept_from = std::move(fresh.accept_from);
  options_.accept_exec = std::move(fresh.accept_exec);
  options_.limits = fresh.limits;
  options_.checksum = fresh.checksum;
  return {};
}

}  // namespace lsend::app
