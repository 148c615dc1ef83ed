// meter REPORT COMMAND...
//
// Runs COMMAND and writes "wall user system peak-KiB status" to REPORT: seconds, and what the
// kernel counted for it and for all that it waited for. A small program of its own, because a
// child's peak memory begins with that of the process that started it. SIGTERM goes to COMMAND.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>

namespace {

volatile pid_t child = 0;

void pass_on(int number) {
  if (child > 0) kill(child, number);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: meter REPORT COMMAND...\n", stderr);
    return 2;
  }
  std::signal(SIGTERM, pass_on);
  const auto started = std::chrono::steady_clock::now();
  child = fork();
  if (child == 0) {
    std::signal(SIGTERM, SIG_DFL);
    execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) return 1;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::FILE* report = std::fopen(argv[1], "w");
  if (!report) return 1;
  std::fprintf(report, "%.6f %.6f %.6f %ld %d\n", wall.count(), seconds(usage.ru_utime),
               seconds(usage.ru_stime), usage.ru_maxrss, code);
  return std::fclose(report) == 0 ? code : 1;
}
