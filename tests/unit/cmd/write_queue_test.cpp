#include "cmd/write_queue.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "pipe.hpp"

using namespace lsend;
using namespace lsend::cmd;

namespace {

std::string counts(const Dropped& dropped) {
  return "dropped " + std::to_string(dropped.progress) + " " + std::to_string(dropped.log) + " " +
         std::to_string(dropped.kept) + "\n";
}

/// As others give it to us: it blocks.
struct Blocking {
  Blocking() { ::fcntl(pipe.in(), F_SETFL, 0); }
  test::Pipe pipe;
};

/// What comes until it ends with `end`.
std::string read_until(test::Pipe& pipe, const std::string& end) {
  std::string text;
  for (int i = 0; i < 5000 && !text.ends_with(end); ++i) {
    text += pipe.read();
    if (!text.ends_with(end)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return text;
}

void wait_for(const std::function<bool()>& happened) {
  for (int i = 0; i < 5000 && !happened(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  REQUIRE(happened());
}

const std::string kLine(999, 'x');

/// More than a pipe holds, told apart by their numbers.
std::string many_lines(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += std::to_string(i) + kLine + "\n";
  return text;
}

void put_lines(WriteQueue& queue, int from, int to) {
  for (int i = from; i < to; ++i)
    REQUIRE(queue.put(std::to_string(i) + kLine + "\n", Worth::kept));
}

}  // namespace

TEST_CASE("what a pipe takes is written at once") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  CHECK(queue.put("one\n", Worth::kept));
  CHECK(queue.put("two\n", Worth::progress));
  CHECK(out.pipe.read() == "one\ntwo\n");
}

TEST_CASE("what nobody reads waits, in order, and nobody waits for it") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  queue.on_room([] {});
  put_lines(queue, 0, 500);
  CHECK_FALSE(queue.full());
  CHECK(read_until(out.pipe, "\n" + many_lines(499, 500)) == many_lines(0, 500));
}

TEST_CASE("progress and log lines are dropped first, which is told once the reader has caught up") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  queue.on_room([] {});
  put_lines(queue, 0, 200);
  CHECK_FALSE(queue.put("frame", Worth::frame));
  CHECK_FALSE(queue.put("progress\n", Worth::progress));
  CHECK_FALSE(queue.put("progress\n", Worth::progress));
  CHECK(queue.put("log\n", Worth::log));
  put_lines(queue, 200, 400);
  CHECK_FALSE(queue.put("log\n", Worth::log));
  CHECK(read_until(out.pipe, "dropped 2 1 0\n") ==
        many_lines(0, 200) + "log\n" + many_lines(200, 400) + "dropped 2 1 0\n");
  // Then it begins anew.
  CHECK(queue.put("progress\n", Worth::progress));
  CHECK(out.pipe.read() == "progress\n");
}

TEST_CASE("what was dropped is told before the last word") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  queue.on_room([] {});
  put_lines(queue, 0, 200);
  CHECK_FALSE(queue.put("progress\n", Worth::progress));
  queue.tell_dropped();
  queue.tell_dropped();
  queue.put("result\n", Worth::kept);
  CHECK(read_until(out.pipe, "result\n") == many_lines(0, 200) + "dropped 1 0 0\nresult\n");
}

TEST_CASE("whoever makes more is told to wait, and when there is room again") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  std::atomic<int> told = 0;
  queue.on_room([&] { ++told; });
  int lines = 0;
  for (; !queue.full(); ++lines) put_lines(queue, lines, lines + 1);
  // A pipe's worth has left.
  CHECK(static_cast<std::size_t>(lines) * 1000 >= WriteBounds::full);
  // What is under way is still taken.
  put_lines(queue, lines, lines + 10);
  CHECK(told == 0);
  CHECK(read_until(out.pipe, "\n" + many_lines(lines + 9, lines + 10)) ==
        many_lines(0, lines + 10));
  wait_for([&] { return told == 1; });
  CHECK_FALSE(queue.full());
}

TEST_CASE("memory has a bound for what is kept too, and beyond it a count is told") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  queue.on_room([] {});
  const std::string block(1024 * 1024 - 1, 'x');
  std::size_t taken = 0;
  while (taken < 100 && queue.put(block + "\n", Worth::kept)) ++taken;
  CHECK(taken <= WriteBounds::most / (1024 * 1024));
  CHECK(taken + 2 > WriteBounds::most / (1024 * 1024));
  CHECK(queue.put("small\n", Worth::kept));
  const auto text = read_until(out.pipe, "dropped 0 0 1\n");
  CHECK(text.ends_with("x\nsmall\ndropped 0 0 1\n"));
}

TEST_CASE("without a loop that could be told, it is the caller that waits") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  std::string text;
  std::thread reader([&] { text = read_until(out.pipe, "end\n"); });
  put_lines(queue, 0, 3000);
  queue.put("end\n", Worth::kept);
  queue.drain();
  reader.join();
  CHECK(text == many_lines(0, 3000) + "end\n");
}

TEST_CASE("a reader that leaves ends the waiting") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  std::atomic<int> told = 0;
  queue.on_room([&] { ++told; });
  put_lines(queue, 0, 2000);
  CHECK(queue.full());
  out.pipe.close_reader();
  wait_for([&] { return queue.error() != 0; });
  CHECK(queue.error() == EPIPE);
  CHECK_FALSE(queue.full());
  CHECK(told == 1);
  CHECK(queue.put("more\n", Worth::kept));
  queue.drain();
}

TEST_CASE("what is worth little is waited for a second only") {
  Blocking out;
  WriteQueue queue(out.pipe.in(), counts);
  queue.on_room([] {});
  for (int i = 0; i < 300; ++i) queue.put(kLine + "\n", Worth::log);
  // It returns, though nobody reads.
  queue.drain();
  CHECK(queue.error() == 0);
}

TEST_CASE("two descriptors of one pipe have one reader, those of files have none") {
  Blocking out;
  test::Pipe other;
  const int twin = ::dup(out.pipe.in());
  CHECK(same_reader(out.pipe.in(), twin));
  CHECK_FALSE(same_reader(out.pipe.in(), other.in()));
  ::close(twin);
  const int file = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK_FALSE(same_reader(file, file));
  ::close(file);
}
