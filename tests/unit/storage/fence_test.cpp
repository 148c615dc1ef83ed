#include "lsend/storage/fence.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "lsend/storage/home.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/storage/shared_file.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;

namespace {

/// The number of the first check that failed behind a fence, in a child; 0 = none.
int behind_fence(const std::vector<FencePlace>& places,
                 const std::vector<std::function<bool()>>& checks) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!raise_fence(places)) _exit(100);
    for (std::size_t i = 0; i < checks.size(); ++i)
      if (!checks[i]()) _exit(static_cast<int>(i) + 1);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int open_error(const std::filesystem::path& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

/// Where the kernel cannot, the tests have nothing to look at and say so.
bool can_fence() {
  const auto abi = landlock_abi();
  if (!abi) WARN(abi.error().message());
  return abi.has_value();
}

}  // namespace

TEST_CASE("An inbox works behind the fence, and nothing else can be opened") {
  if (!can_fence()) return;
  const TempFolder folder;
  const auto outside = folder.write("outside/secret", "s");
  const auto inbox = Inbox::open(folder / "in");
  REQUIRE(inbox.has_value());
  symlink(outside.parent_path().c_str(), (folder / "in" / "link").c_str());
  const auto receive = [&](std::vector<std::string> name) {
    auto part = inbox->create_part(3, true);
    if (!part || !part->write(bytes_of("abc"))) return false;
    PublishTerms terms;
    terms.name = std::move(name);
    terms.size = 3;
    return part->commit(terms).has_value();
  };
  const int failed = behind_fence(
      {{inbox->folder(), Below::fill, inbox->descriptor()}, {folder / "not there"}},
      {[&] { return receive({"a.txt"}); },
       [&] {
         return receive({"deep", "er", "b.txt"});
       },
       [&] { return inbox->sweep_stale_parts(std::chrono::seconds(0)) == 0; },
       [&] { return open_error(folder / "in" / "a.txt", O_RDONLY) == 0; },
       [&] { return open_error(outside, O_RDONLY) == EACCES; },
       [&] { return open_error(outside, O_WRONLY | O_TRUNC) == EACCES; },
       [&] { return open_error(folder / "in" / "link" / "secret", O_RDONLY) == EACCES; },
       [&] { return open_error(folder / "new", O_WRONLY | O_CREAT) == EACCES; },
       [&] { return mkdir((folder / "new").c_str(), 0700) != 0 && errno == EACCES; },
       [&] { return unlink(outside.c_str()) != 0 && errno == EACCES; },
       [&] {
         const auto to = folder / "outside" / "moved";
         return rename((folder / "in" / "a.txt").c_str(), to.c_str()) != 0 && errno != ENOENT;
       },
       [&] { return symlink("x", (folder / "in" / "new").c_str()) != 0 && errno == EACCES; },
       [&] { return open_error("/etc/passwd", O_RDONLY) == EACCES; },
       [&] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; }});
  CHECK(failed == 0);
  CHECK(read_text(outside) == "s");
  CHECK(files_in(folder / "in") == std::set<std::string>{"a.txt", "deep/er/b.txt", "link"});
}

TEST_CASE("Each right is what its name says") {
  if (!can_fence()) return;
  const TempFolder folder;
  for (const auto* name : {"read/f", "list/f", "remove/f", "change/f", "alone", "beside"})
    folder.write(name, "1");
  const auto lists = [&](const char* name) {
    return open_error(folder / name, O_RDONLY | O_DIRECTORY) == 0;
  };
  const auto reads = [&](const char* name) { return open_error(folder / name, O_RDONLY) == 0; };
  const auto replaces = [&](const char* name) {
    return write_file_atomically(folder / name, "2", 0600).has_value();
  };
  const int failed = behind_fence(
      {{folder / "read", Below::read},
       {folder / "list", Below::list},
       {folder / "remove", Below::remove},
       {folder / "change", Below::change},
       {folder / "alone", Below::read}},
      {[&] { return reads("read/f") && !lists("read") && !replaces("read/f"); },
       [&] { return reads("list/f") && lists("list") && !replaces("list/f"); },
       [&] { return !reads("remove/f") && unlink((folder / "remove/f").c_str()) == 0; },
       [&] { return reads("change/f") && lists("change") && replaces("change/f"); },
       [&] { return FileLock::take(folder / "change/lock", Duration(0)).has_value(); },
       [&] { return mkdir((folder / "change/d").c_str(), 0700) != 0; },
       [&] { return reads("alone") && !reads("beside"); },
       [&] {
         bool also = true;
         std::thread([&] { also = reads("beside"); }).join();
         return !also;
       }});
  CHECK(failed == 0);
}
