// What the inbox does where the kernel refuses a system call. The kernel itself is made to refuse,
// for one thread: no call in the product is replaced.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <thread>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

/// From now on `call` fails with `error` in this thread. False where filters are forbidden.
bool refuse_call(long call, int error) {
  const auto number = static_cast<unsigned>(call);
  const auto answer = SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct Refusal {
  long call;
  int error;
};

/// Runs the job where the calls are refused; false when this machine forbids that.
bool where_refused(const std::vector<Refusal>& refusals, const std::function<void()>& job) {
  bool possible = true;
  std::thread thread([&] {
    for (const auto& refusal : refusals)
      possible = possible && refuse_call(refusal.call, refusal.error);
    if (possible) job();
  });
  thread.join();
  if (!possible) WARN("skipped: no system call filters here");
  return possible;
}

struct Fixture {
  TempFolder temp;
  fs::path folder = temp / "in";
  Inbox inbox = Inbox::open(folder).value();

  Result<StoredFile> store(std::vector<std::string> name, std::string_view text,
                           Conflict conflict = Conflict::rename, bool flush = false) {
    auto part = inbox.create_part(text.size(), true);
    if (!part) return part.error();
    if (auto ok = part->write(bytes_of(text)); !ok) return ok.error();
    const PublishTerms terms{std::move(name), text.size(), std::nullopt, std::nullopt, conflict};
    if (auto ok = part->seal(terms); !ok) return ok.error();
    if (flush) {
      if (auto ok = part->flush(); !ok) return ok.error();
    }
    return part->publish(terms);
  }
};

}  // namespace

TEST_CASE("without renameat2 a file is linked, and nothing is replaced") {
  for (const int error : {ENOSYS, EINVAL}) {
    Fixture f;
    f.temp.write("in/a", "old");
    std::vector<std::string> paths;
    const bool tried = where_refused({{SYS_renameat2, error}}, [&] {
      for (const char* name : {"a", "b", "a"}) {
        const auto stored = f.store({name}, "new");
        paths.push_back(stored ? stored->path : stored.error().message());
      }
      const auto refused = f.store({"a"}, "new", Conflict::fail);
      paths.push_back(refused ? refused->path : "refused");
    });
    if (!tried) return;
    CHECK(paths == std::vector<std::string>{"a (1)", "b", "a (2)", "refused"});
    CHECK(read_text(f.folder / "a") == "old");
    CHECK(read_text(f.folder / "a (1)") == "new");
    CHECK(parts_in(f.folder) == 0);
  }
}

TEST_CASE("where a file can neither be moved without replacing nor linked, it is refused") {
  Fixture f;
  Result<StoredFile> stored = StoredFile();
  const bool tried = where_refused({{SYS_renameat2, EINVAL}, {SYS_linkat, EPERM}},
                                   [&] { stored = f.store({"a"}, "new"); });
  if (!tried) return;
  REQUIRE(!stored);
  CHECK(stored.error().code() == Errc::io);
  CHECK(files_in(f.folder).empty());
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("without openat2 every folder is opened by itself, and none leads out") {
  for (const int error : {ENOSYS, EPERM}) {
    Fixture f;
    fs::create_directories(f.folder / "there/deep");
    fs::create_directory(f.temp / "outside");
    fs::create_directory_symlink(f.temp / "outside", f.folder / "link");
    std::string there, made;
    bool out = true;
    const bool tried = where_refused({{SYS_openat2, error}}, [&] {
      there = f.store({"there", "deep", "x"}, "1")->path;
      made = f.store({"new", "deep", "x"}, "2")->path;
      out = f.store({"link", "x"}, "3").has_value();
    });
    if (!tried) return;
    CHECK(there == "there/deep/x");
    CHECK(made == "new/deep/x");
    CHECK_FALSE(out);
    CHECK(fs::is_empty(f.temp / "outside"));
  }
}

TEST_CASE("without fallocate nothing is set aside, and a full disk is told at once") {
  Fixture f;
  const std::string text(200'000, 'x');
  Result<StoredFile> stored = StoredFile();
  if (!where_refused({{SYS_fallocate, EOPNOTSUPP}}, [&] { stored = f.store({"n"}, text); })) return;
  CHECK(stored->size == text.size());
  Errc code{};
  where_refused({{SYS_fallocate, ENOSPC}},
                [&] { code = f.inbox.create_part(200'000, false).error().code(); });
  CHECK(code == Errc::no_space);
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("a file whose bytes do not reach the disk is not published") {
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    Fixture f;
    Result<StoredFile> flushed = StoredFile(), unflushed = StoredFile();
    const bool tried = where_refused({{SYS_fsync, error}}, [&] {
      flushed = f.store({"a"}, "1", Conflict::rename, true);
      unflushed = f.store({"b"}, "2", Conflict::rename, false);
    });
    if (!tried) return;
    REQUIRE(!flushed);
    CHECK(flushed.error().code() == (error == EIO ? Errc::io : Errc::no_space));
    CHECK(unflushed.has_value());
    CHECK(files_in(f.folder) == std::set<std::string>{"b"});
    CHECK(parts_in(f.folder) == 0);
  }
}

TEST_CASE("a sync that fails is told, and one that folders cannot do is none") {
  Fixture f;
  f.temp.write("in/d/x", "1");
  struct Case {
    Refusal refusal;
    bool names, all;
  };
  const std::vector<Case> cases = {{{SYS_fsync, EIO}, false, true},
                                   {{SYS_fsync, EINVAL}, true, true},
                                   {{SYS_syncfs, EIO}, true, false}};
  for (const auto& c : cases) {
    bool names = false, all = false;
    const bool tried = where_refused({c.refusal}, [&] {
      names = f.inbox.sync_names("d/x").has_value();
      all = f.inbox.sync_all().has_value();
    });
    if (!tried) return;
    CHECK(names == c.names);
    CHECK(all == c.all);
  }
}
