#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "lsend/transfer/receive_session.hpp"

namespace lsend::fuzz {

using transfer::FileState;

/// What protocol.md 1.4 says, in as few words as possible.
struct Model {
  using State = transfer::ReceiveSession::State;

  struct File {
    FileState state = FileState::offered;
    unsigned attempts = 0;
    unsigned published = 0;
    bool promised = false;  ///< has a token
  };
  bool v1 = false;
  std::string sender;
  State state = State::waiting;
  std::vector<File> files;
  TimePoint last{};

  bool running() const { return state == State::waiting || state == State::active; }
  std::size_t count(FileState wanted) const {
    return static_cast<std::size_t>(std::count_if(
        files.begin(), files.end(), [wanted](const File& f) { return f.state == wanted; }));
  }
  void settle() {
    const auto open = count(FileState::pending) + count(FileState::receiving);
    if (state == State::active && open == 0) state = State::finished;
  }
  void expire(TimePoint now) {
    const bool idle = state == State::active && count(FileState::receiving) == 0;
    if ((state == State::waiting && now >= last + std::chrono::seconds(60)) ||
        (idle && now >= last + std::chrono::seconds(30)))
      state = State::expired;
  }
};

}  // namespace lsend::fuzz
