// forwarder NAMESPACE_A NAMESPACE_B DELAY_MS LOSS_PERCENT RATE_MBIT
//
// A link between two network namespaces in user space, for kernels without netem: a TAP device
// "lsb0" in each, and every frame passes through here. DELAY_MS is one way, RATE_MBIT of each
// direction (0: unlimited), with a queue of 100 ms. Prints "ready" and runs until SIGTERM.

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

constexpr std::size_t kFrame = 2048;
constexpr auto kQueue = std::chrono::milliseconds(100);

struct Terms {
  Nanoseconds delay{0};
  double loss = 0;
  double bits_per_nanosecond = 0;
};

[[noreturn]] void die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

/// A TAP device inside of a namespace; its descriptor works from everywhere.
int open_tap(const std::string& name) {
  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  const int there = open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0) die("namespace " + name);
  const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, "lsb0", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) die("TAP device in " + name);
  if (setns(home, CLONE_NEWNET) != 0) die("namespace");
  close(home);
  close(there);
  return tap;
}

/// One direction of the link.
class Lane {
 public:
  Lane(int from, int to, const Terms& terms, unsigned seed)
      : from_(from), to_(to), terms_(terms), random_(seed) {}

  void take_in() {
    std::array<char, kFrame> frame{};
    while (true) {
      const auto size = read(from_, frame.data(), frame.size());
      if (size <= 0) return;
      const auto now = Clock::now();
      if (free_at_ < now) free_at_ = now;
      const bool lost = chance_(random_) * 100 < terms_.loss;
      if (lost || free_at_ - now > kQueue) continue;
      if (terms_.bits_per_nanosecond > 0) {
        const double busy = static_cast<double>(size) * 8 / terms_.bits_per_nanosecond;
        free_at_ += Nanoseconds(static_cast<std::int64_t>(busy));
      }
      waiting_.push_back(
          {free_at_ + terms_.delay, std::vector<char>(frame.data(), frame.data() + size)});
    }
  }

  void give_out(Clock::time_point now) {
    while (!waiting_.empty() && waiting_.front().due <= now) {
      const auto& bytes = waiting_.front().bytes;
      // A full device drops, as a wire would.
      (void)!write(to_, bytes.data(), bytes.size());
      waiting_.pop_front();
    }
  }

  Clock::time_point next() const {
    return waiting_.empty() ? Clock::time_point::max() : waiting_.front().due;
  }

 private:
  struct Frame {
    Clock::time_point due;
    std::vector<char> bytes;
  };
  int from_;
  int to_;
  Terms terms_;
  std::mt19937 random_;
  std::uniform_real_distribution<double> chance_{0, 1};
  Clock::time_point free_at_{};
  std::deque<Frame> waiting_;
};

void wait(std::array<pollfd, 2>& ends, Clock::time_point until) {
  timespec limit{1, 0};
  const auto left = until - Clock::now();
  if (left < std::chrono::seconds(1)) {
    limit = {0, static_cast<long>(std::max<std::int64_t>(0, Nanoseconds(left).count()))};
  }
  ppoll(ends.data(), ends.size(), &limit, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: forwarder NAMESPACE_A NAMESPACE_B DELAY_MS LOSS_PERCENT RATE_MBIT\n",
               stderr);
    return 2;
  }
  Terms terms;
  terms.delay = Nanoseconds(static_cast<std::int64_t>(std::atof(argv[3]) * 1e6));
  terms.loss = std::atof(argv[4]);
  terms.bits_per_nanosecond = std::atof(argv[5]) / 1e3;
  const int a = open_tap(argv[1]);
  const int b = open_tap(argv[2]);
  std::array<Lane, 2> lanes{Lane(a, b, terms, 1), Lane(b, a, terms, 2)};
  std::array<pollfd, 2> ends{pollfd{a, POLLIN, 0}, pollfd{b, POLLIN, 0}};
  std::puts("ready");
  std::fflush(stdout);
  while (true) {
    wait(ends, std::min(lanes[0].next(), lanes[1].next()));
    for (auto& lane : lanes) lane.take_in();
    const auto now = Clock::now();
    for (auto& lane : lanes) lane.give_out(now);
  }
}
