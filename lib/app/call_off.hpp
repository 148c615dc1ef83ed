#pragma once

#include <optional>
#include <vector>

#include "lsend/net/http_client.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

/// How a job is called off: what it waits for is closed and fails, and the reason is kept, so that
/// nobody takes the closed connections for a failure of the network.
class CallOff {
 public:
  CallOff() = default;
  CallOff(const CallOff&) = delete;
  CallOff& operator=(const CallOff&) = delete;

  /// Keeps something in a list of what stop() ends.
  template <class T>
  class Entry {
   public:
    Entry(std::vector<T*>& list, T* entry) : list_(list), entry_(entry) { list_.push_back(entry_); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { std::erase(list_, entry_); }

   private:
    std::vector<T*>& list_;
    T* entry_;
  };
  using Using = Entry<net::HttpClient>;
  using Opening = Entry<net::Connecting>;

  Using in_use(net::HttpClient& client) { return {clients_, &client}; }
  Opening opening(net::Connecting& connecting) { return {connecting_, &connecting}; }

  /// The first reason stays.
  void stop(const Error& reason) {
    if (!reason_) reason_ = reason;
    const auto clients = clients_;
    for (auto* client : clients) client->abort();
    const auto connecting = connecting_;
    for (auto* one : connecting)
      if (one->abort) one->abort();
  }
  bool stopped() const { return reason_.has_value(); }
  /// Only when stopped().
  const Error& reason() const { return *reason_; }
  /// Why something failed, seen from the outside: closed connections are a consequence.
  Error explain(const Error& error) const {
    return reason_ && error.code() == Errc::cancelled ? *reason_ : error;
  }

  /// Sleeps, but hears stop() at once.
  net::Task<> pause(Duration duration) const {
    constexpr Duration kStep{50};
    const auto until = Clock::now() + duration;
    while (!reason_ && Clock::now() < until) {
      co_await net::sleep_for(kStep);
    }
  }

 private:
  std::vector<net::HttpClient*> clients_;
  std::vector<net::Connecting*> connecting_;
  std::optional<Error> reason_;
};

}  // namespace lsend::app
