// What the inbox does where the kernel refuses a system call. The kernel itself is made to refuse,
// for one thread: no call in the product is replaced.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <thread>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

struct Refusal {
  long call;
  int error;
  int second = -1;  ///< of all such calls only those with this second argument
};

/// From now on the call fails in this thread. False where filters are forbidden.
bool refuse_call(const Refusal& refusal) {
  const auto answer = SECCOMP_RET_ERRNO | static_cast<unsigned>(refusal.error);
  const bool any = refusal.second < 0;
  constexpr unsigned number = offsetof(seccomp_data, nr);
  constexpr unsigned second = offsetof(seccomp_data, args) + sizeof(std::uint64_t);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(refusal.call), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, any ? number : second),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
               static_cast<unsigned>(any ? refusal.call : refusal.second), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs the job where the calls are refused; false when this machine forbids that.
bool where_refused(const std::vector<Refusal>& refusals, const std::function<void()>& job) {
  bool possible = true;
  std::thread thread([&] {
    for (const auto& refusal : refusals)
      possible = possible && refuse_call(refusal);
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
  for (const int error : {ENOSYS, EINVAL, EPERM, EOPNOTSUPP}) {
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

TEST_CASE("where a file can neither be moved without replacing nor linked, it takes its name first") {
  for (const int error : {EPERM, EOPNOTSUPP, ENOSYS, EMLINK}) {
    INFO("linkat says " << error);
    Fixture f;
    f.temp.write("in/a", "old");
    f.temp.write("outside", "old");
    fs::create_symlink(f.temp / "outside", f.folder / "link");
    fs::create_directory(f.folder / "d");
    std::vector<std::string> paths;
    const bool tried = where_refused({{SYS_renameat2, EINVAL}, {SYS_linkat, error}}, [&] {
      for (const char* name : {"a", "b", "link", "d"}) {
        const auto stored = f.store({name}, "new");
        paths.push_back(stored ? stored->path : stored.error().message());
      }
      const auto refused = f.store({"a"}, "new", Conflict::fail);
      paths.push_back(refused ? refused->path : refused.error().message());
    });
    if (!tried) return;
    CHECK(paths == std::vector<std::string>{"a (1)", "b", "link (1)", "d (1)",
                                            "'a' is there already (--conflict fail)"});
    CHECK(read_text(f.folder / "a") == "old");
    CHECK(read_text(f.temp / "outside") == "old");
    for (const char* name : {"a (1)", "b", "link (1)", "d (1)"})
      CHECK(read_text(f.folder / name) == "new");
    CHECK(parts_in(f.folder) == 0);
  }
}

TEST_CASE("a name that was taken for a file is given back when the file cannot be moved") {
  Fixture f;
  Result<StoredFile> stored = StoredFile();
  const bool tried =
      where_refused({{SYS_renameat2, EINVAL}, {SYS_linkat, EPERM}, {SYS_renameat, EIO}},
                    [&] { stored = f.store({"a"}, "new"); });
  if (!tried) return;
  REQUIRE(!stored);
  CHECK(stored.error().message() == "cannot store 'a': Input/output error");
  CHECK(files_in(f.folder).empty());
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("an inbox that could store nothing says so when it is opened") {
  for (const int error : {EPERM, ENOSYS}) {
    const TempFolder temp;
    std::string why;
    const bool tried = where_refused(
        {{SYS_renameat2, EINVAL}, {SYS_linkat, EPERM}, {SYS_renameat, error}}, [&] {
          const auto opened = Inbox::open(temp / "in");
          why = opened ? "opened" : opened.error().message();
        });
    if (!tried) return;
    CHECK(why == "no file can be received in '" + (temp / "in").string() +
                     "': files cannot be moved there without replacing others: " +
                     std::strerror(error));
    CHECK(files_in(temp / "in").empty());
    CHECK(parts_in(temp / "in") == 0);
  }
}

TEST_CASE("an inbox that takes no files says so when it is opened") {
  const TempFolder temp;
  REQUIRE(Inbox::open(temp / "in").has_value());
  if (mount("tmpfs", (temp / "in").c_str(), "tmpfs", 0, nullptr) != 0) {
    WARN("skipped: nothing can be mounted here");
    return;
  }
  REQUIRE(Inbox::open(temp / "in").has_value());
  REQUIRE(mount(nullptr, (temp / "in").c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  const auto opened = Inbox::open(temp / "in");
  umount((temp / "in").c_str());
  REQUIRE(!opened);
  CHECK(opened.error() == Error(Errc::io, "no file can be received in '" + (temp / "in").string() +
                                              "': it takes no new files: Read-only file system"));
}

TEST_CASE("a full disk is no reason not to open an inbox") {
  const TempFolder temp;
  bool opened = false;
  if (!where_refused({{SYS_renameat2, ENOSPC}, {SYS_linkat, ENOSPC}},
                     [&] { opened = Inbox::open(temp / "in").has_value(); }))
    return;
  CHECK(opened);
}

TEST_CASE("where modes cannot be changed a file is stored as it was made") {
  for (const int error : {EPERM, EOPNOTSUPP, ENOSYS}) {
    Fixture f;
    Result<StoredFile> stored = StoredFile();
    if (!where_refused({{SYS_fchmod, error}}, [&] { stored = f.store({"a"}, "new"); })) return;
    REQUIRE(stored.has_value());
    CHECK(read_text(f.folder / "a") == "new");
    CHECK(fs::status(f.folder / "a").permissions() == fs::perms(0600));
  }
}

TEST_CASE("a part is in use by whichever lock the file system has, and without any never kept") {
  struct Case {
    std::vector<Refusal> refusals;
    std::size_t kept;
  };
  const PartLabel label{Fingerprint(std::string(64, 'A')), "n", 10};
  const std::vector<Case> cases = {{{}, 1},
                                   {{{SYS_flock, ENOSYS}}, 1},
                                   {{{SYS_fcntl, EINVAL, F_OFD_SETLK}, {SYS_fcntl, EINVAL, F_OFD_GETLK}}, 1},
                                   {{{SYS_flock, ENOLCK},
                                     {SYS_fcntl, ENOLCK, F_OFD_SETLK},
                                     {SYS_fcntl, ENOLCK, F_OFD_GETLK}},
                                    0}};
  for (const auto& c : cases) {
    Fixture f;
    std::size_t in_use = 1, kept = 1, reopened = 1;
    const bool tried = where_refused(c.refusals, [&] {
      const auto other = Inbox::open(f.folder);
      auto part = f.inbox.create_part(10, true);
      part->set_label(label);
      REQUIRE(part->write(bytes_of("12345")).has_value());
      REQUIRE(part->write_label().has_value());
      in_use = other->kept_parts().size();
      part->keep();
      const auto found = other->kept_parts();
      kept = found.size();
      reopened = 0;
      for (const auto& one : found) reopened += other->reopen(one) ? 1 : 0;
    });
    if (!tried) return;
    CHECK(in_use == 0);
    CHECK(kept == c.kept);
    CHECK(reopened == c.kept);
  }
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
