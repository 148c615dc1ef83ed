#pragma once

#include <cstdint>
#include <optional>

#include "cmd/channel.hpp"
#include "cmd/reporter.hpp"

namespace lsend::cmd {

/// Machine output (cli.md, JSON): one object a line, flushed as it happens; `result` is the last.
class JsonLines final : public Reporter {
 public:
  enum class Result : std::uint8_t { transfer, devices };

  JsonLines(Channel& out, Result result, bool progress)
      : out_(out), result_(result), progress_(progress) {}

  void on(const app::Event& event) override;
  void finish(const Totals& totals, const Error* error) override;
  bool full() const override { return out_.queue() && out_.queue()->full(); }
  void on_room(std::function<void()> told) override {
    if (out_.queue()) out_.queue()->on_room(std::move(told));
  }

 private:
  Channel& out_;
  Result result_;
  bool progress_;
  std::optional<TimePoint> last_progress_;
};

/// The warning in the stream that something was dropped from it.
std::string dropped_line(const Dropped& dropped);

}  // namespace lsend::cmd
