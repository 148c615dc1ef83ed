// Who may use what arrives: folders of a team, disks without modes, what the user says.
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

constexpr gid_t kTeam = 54321;
constexpr char kDefaultAcl[] = "system.posix_acl_default";
constexpr char kAccessAcl[] = "system.posix_acl_access";

struct Umask {
  explicit Umask(mode_t mask) : before(umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { umask(before); }
  mode_t before;
};

struct stat status_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

unsigned mode_of(const fs::path& path) { return status_of(path).st_mode & 07777U; }

/// A folder of a mode and group.
fs::path make_folder(const TempFolder& temp, mode_t mode, gid_t group) {
  const fs::path folder = temp / "in";
  fs::create_directory(folder);
  REQUIRE(chown(folder.c_str(), static_cast<uid_t>(-1), group) == 0);
  REQUIRE(chmod(folder.c_str(), mode) == 0);
  return folder;
}

void store(const Inbox& inbox, std::vector<std::string> name, bool executable = false) {
  auto part = inbox.create_part(1, false);
  REQUIRE(part.has_value());
  REQUIRE(part->write(bytes_of("x")).has_value());
  PublishTerms terms;
  terms.name = std::move(name);
  terms.size = 1;
  terms.executable = executable;
  const auto stored = part->commit(terms);
  INFO((stored ? std::string() : stored.error().message()));
  REQUIRE(stored.has_value());
}

struct AclEntry {
  std::uint16_t tag, permissions;
  std::uint32_t id;
};
constexpr std::uint32_t kNobody = 0xffffffff;

/// As the kernel takes it: version 2, entries in order.
std::vector<char> acl(const std::vector<AclEntry>& entries) {
  std::vector<char> bytes{2, 0, 0, 0};
  for (const auto& entry : entries) {
    char raw[sizeof(AclEntry)];
    std::memcpy(raw, &entry, sizeof(raw));
    bytes.insert(bytes.end(), raw, raw + sizeof(raw));
  }
  return bytes;
}

std::vector<char> acl_of(const fs::path& path, const char* name) {
  std::vector<char> bytes(4096);
  const auto size = getxattr(path.c_str(), name, bytes.data(), bytes.size());
  bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return bytes;
}

bool is_root() { return geteuid() == 0; }

}  // namespace

TEST_CASE("a folder that others can write is taken by who says so") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0777, getegid());
  const auto refused = Inbox::open(folder);
  REQUIRE(!refused);
  CHECK(refused.error().code() == Errc::usage);
  const auto mend = refused.error().message();
  const std::string said = "'" + folder.string() +
                           "' can be written by others, who could replace what arrives: ";
  CHECK((mend == said + "chmod go-w it, name another folder (--dir) or, if that is meant, add "
                        "--shared-dir" ||
         mend == said + "name another folder (--dir) or, if that is meant, add --shared-dir"));
  Access access;
  access.shared = true;
  CHECK(Inbox::open(folder, access).has_value());
  CHECK(mode_of(folder / ".lsend") == 0700);
  CHECK(mode_of(folder) == 0777);
}

TEST_CASE("the system's own folders are no shared ones") {
  Access access;
  access.shared = true;
  CHECK(Inbox::open("/tmp", access).error().code() == Errc::usage);
}

TEST_CASE("what arrives has the modes that cp would give it there") {
  struct Case {
    mode_t folder, mask;
    unsigned file, made;
  };
  for (const auto& c :
       {Case{0755, 0022, 0644, 0755}, Case{0755, 0002, 0644, 0755}, Case{0755, 0000, 0644, 0755},
        Case{0775, 0002, 0664, 0775}, Case{0775, 0022, 0644, 0755}, Case{0775, 0007, 0660, 0770},
        Case{0777, 0000, 0666, 0777}, Case{0777, 0022, 0644, 0755}, Case{0700, 0077, 0600, 0700}}) {
    INFO("folder " << std::oct << c.folder << " umask " << c.mask);
    const TempFolder temp;
    const auto folder = make_folder(temp, c.folder, getegid());
    const Umask mask(c.mask);
    Access access;
    access.shared = true;
    const auto inbox = Inbox::open(folder, access);
    REQUIRE(inbox.has_value());
    store(*inbox, {"a"});
    store(*inbox, {"d", "e", "b"});
    CHECK(mode_of(folder / "a") == c.file);
    CHECK(mode_of(folder / "d") == c.made);
    CHECK(mode_of(folder / "d/e") == c.made);
    CHECK(mode_of(folder / "d/e/b") == c.file);
  }
}

TEST_CASE("an executable file has x where it has r, and nothing else") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0755, getegid());
  for (const mode_t bits : {0022, 0027, 0077}) {
    INFO("umask " << std::oct << bits);
    const Umask mask(bits);
    const auto inbox = Inbox::open(folder);
    REQUIRE(inbox.has_value());
    const auto name = "run" + std::to_string(bits);
    store(*inbox, {name}, true);
    store(*inbox, {"d" + name, name}, true);
    CHECK(mode_of(folder / name) == (0755U & ~bits));
    CHECK(mode_of(folder / ("d" + name) / name) == (0755U & ~bits));
  }
}

TEST_CASE("a setgid folder gives its group to all that arrives") {
  if (!is_root()) return;  // nobody else may give a folder to any group
  const TempFolder temp;
  const auto folder = make_folder(temp, 02775, kTeam);
  const Umask mask(0002);
  Access access;
  CHECK(Inbox::open(folder).error().code() == Errc::usage);
  access.shared = true;
  const auto inbox = Inbox::open(folder, access);
  REQUIRE(inbox.has_value());
  auto part = inbox->create_part(1, false);
  CHECK(mode_of(fs::directory_iterator(folder / ".lsend")->path()) == 0600);
  CHECK((mode_of(folder / ".lsend") & 0777U) == 0700);
  store(*inbox, {"a"});
  store(*inbox, {"d", "b"}, true);
  CHECK(status_of(folder / "a").st_gid == kTeam);
  CHECK(mode_of(folder / "a") == 0664);
  CHECK(status_of(folder / "d").st_gid == kTeam);
  CHECK(mode_of(folder / "d") == 02775);
  CHECK(status_of(folder / "d/b").st_gid == kTeam);
  CHECK(mode_of(folder / "d/b") == 0775);
  // A folder of another team below it.
  fs::create_directory(folder / "other");
  REQUIRE(chown((folder / "other").c_str(), static_cast<uid_t>(-1), kTeam + 1) == 0);
  REQUIRE(chmod((folder / "other").c_str(), 02770) == 0);
  store(*inbox, {"other", "c"});
  CHECK(status_of(folder / "other/c").st_gid == kTeam + 1);
}

TEST_CASE("a private folder of before gets the group of its setgid folder") {
  if (!is_root()) return;
  const TempFolder temp;
  const auto folder = make_folder(temp, 02775, kTeam);
  fs::create_directory(folder / ".lsend");
  REQUIRE(chown((folder / ".lsend").c_str(), static_cast<uid_t>(-1), getegid()) == 0);
  REQUIRE(chmod((folder / ".lsend").c_str(), 0700) == 0);
  Access access;
  access.shared = true;
  const auto inbox = Inbox::open(folder, access);
  REQUIRE(inbox.has_value());
  store(*inbox, {"a"});
  CHECK(status_of(folder / "a").st_gid == kTeam);
}

TEST_CASE("a folder's default access list holds for what arrives, and not for what is on its way") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0770, getegid());
  // user::rwx user:1234:rwx group::r-x group:54321:rwx mask::rwx other::---
  const auto list = acl({{0x01, 7, kNobody},
                         {0x02, 7, 1234},
                         {0x04, 5, kNobody},
                         {0x08, 7, kTeam},
                         {0x10, 7, kNobody},
                         {0x20, 0, kNobody}});
  if (setxattr(folder.c_str(), kDefaultAcl, list.data(), list.size(), 0) != 0) {
    REQUIRE(errno == EOPNOTSUPP);
    return;
  }
  const Umask mask(0022);
  Access access;
  access.shared = true;
  const auto inbox = Inbox::open(folder, access);
  REQUIRE(inbox.has_value());
  CHECK(acl_of(folder / ".lsend", kDefaultAcl).empty());
  CHECK(acl_of(folder / ".lsend", kAccessAcl).empty());
  CHECK(mode_of(folder / ".lsend") == 0700);
  auto part = inbox->create_part(1, false);
  const auto on_its_way = fs::directory_iterator(folder / ".lsend")->path();
  CHECK(mode_of(on_its_way) == 0600);
  CHECK(acl_of(on_its_way, kAccessAcl).empty());

  store(*inbox, {"a"});
  store(*inbox, {"run"}, true);
  store(*inbox, {"d", "b"});
  // What the kernel makes of a file that is made there.
  std::ofstream(folder / "made") << "x";
  CHECK(acl_of(folder / "a", kAccessAcl) == acl_of(folder / "made", kAccessAcl));
  CHECK(mode_of(folder / "a") == mode_of(folder / "made"));
  CHECK(mode_of(folder / "a") == 0660);
  CHECK(mode_of(folder / "run") == 0770);
  CHECK(acl_of(folder / "d", kDefaultAcl) == list);
  CHECK(mode_of(folder / "d") == 0770);
  CHECK(acl_of(folder / "d/b", kAccessAcl) == acl_of(folder / "made", kAccessAcl));
}

TEST_CASE("a default access list that a mode can say becomes a mode") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0755, getegid());
  const auto list = acl({{0x01, 7, kNobody}, {0x04, 5, kNobody}, {0x20, 0, kNobody}});
  if (setxattr(folder.c_str(), kDefaultAcl, list.data(), list.size(), 0) != 0) return;
  const Umask mask(0);
  const auto inbox = Inbox::open(folder);
  REQUIRE(inbox.has_value());
  store(*inbox, {"a"});
  CHECK(acl_of(folder / "a", kAccessAcl).empty());
  CHECK(mode_of(folder / "a") == 0640);
}

TEST_CASE("a mode that the user names is the mode, whatever the umask and the folder") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0777, getegid());
  const Umask mask(0077);
  Access access;
  access.shared = true;
  access.mode = 0664;
  const auto inbox = Inbox::open(folder, access);
  REQUIRE(inbox.has_value());
  store(*inbox, {"a"});
  store(*inbox, {"d", "e", "run"}, true);
  CHECK(mode_of(folder / "a") == 0664);
  CHECK(mode_of(folder / "d") == 0775);
  CHECK(mode_of(folder / "d/e") == 0775);
  CHECK(mode_of(folder / "d/e/run") == 0775);
}

TEST_CASE("a group that the user names is the group of all that arrives") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0755, getegid());
  Access access;
  access.group = kTeam;
  if (is_root()) {
    const auto inbox = Inbox::open(folder, access);
    REQUIRE(inbox.has_value());
    store(*inbox, {"a"});
    store(*inbox, {"d", "b"});
    for (const char* name : {"a", "d", "d/b"}) CHECK(status_of(folder / name).st_gid == kTeam);
    return;
  }
  const auto refused = Inbox::open(folder, access);
  REQUIRE(!refused);
  CHECK(refused.error() == Error(Errc::usage, "--group: nothing in '" + folder.string() +
                                                  "' can be given to group 54321: Operation not "
                                                  "permitted"));
}

TEST_CASE("a file of one's own says by its name what it gets beside its folder") {
  const TempFolder temp;
  const auto folder = make_folder(temp, 0777, getegid());
  const Umask mask(0022);
  Access access;
  access.mode = 0640;
  const auto inbox = Inbox::open_beside(folder / "target", access);
  REQUIRE(inbox.has_value());
  store(*inbox, {"target"});
  CHECK(mode_of(folder / "target") == 0640);
  CHECK(files_in(folder) == std::set<std::string>{"target"});
}
