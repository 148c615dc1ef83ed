#include "lib/app/output_room.hpp"

#include <boost/asio/post.hpp>

namespace lsend::app {

struct OutputRoom::State {
  explicit State(net::Executor executor) : changed(executor) {}
  net::Event changed;
  bool released = false;
};

OutputRoom::OutputRoom(net::Executor executor, ProgressSink* sink)
    : state_(std::make_shared<State>(executor)), sink_(sink) {
  if (!sink_) return;
  // It is told on another thread.
  const auto told = [executor, weak = std::weak_ptr(state_)] {
    net::asio::post(executor, [weak] {
      if (const auto state = weak.lock()) state->changed.set();
    });
  };
  sink_->on_room(told);
}

OutputRoom::~OutputRoom() {
  if (sink_) sink_->on_room(nullptr);
}

bool OutputRoom::full() const { return sink_ && !state_->released && sink_->full(); }

net::Task<bool> OutputRoom::wait(TimePoint limit) {
  while (full()) {
    state_->changed.clear();
    const bool changed = co_await state_->changed.wait(limit);
    if (!changed) co_return !full();
  }
  co_return true;
}

void OutputRoom::release() {
  state_->released = true;
  state_->changed.set();
}

}  // namespace lsend::app
