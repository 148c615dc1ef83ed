#include "key_file.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace lsend::identity {
namespace {

constexpr const char* kFileName = "identity.pem";
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR;
constexpr mode_t kFolderMode = S_IRWXU;
/// A key and a certificate take 3 KB; anything far bigger is another file.
constexpr std::size_t kMaxSize = 65'536;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// What file systems say of a call that they do not offer.
bool is_unsupported(int error) {
  return error == EINVAL || error == ENOSYS || error == EPERM || error == EOPNOTSUPP;
}

std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

Result<> make_folder(const std::filesystem::path& folder) {
  std::filesystem::path step;
  for (const auto& part : folder) {
    step /= part;
    if (::mkdir(step.c_str(), kFolderMode) == 0) {
      // The umask may have taken our own bits.
      if (::chmod(step.c_str(), kFolderMode) == 0 || is_unsupported(errno)) continue;
      return fail_errno(Errc::io, "cannot make the folder " + quoted(step) + " private", errno);
    }
    const int why = errno;
    struct stat info {};
    // Read-only file systems and closed parents say EROFS or EACCES of folders that are there.
    if (why == EEXIST || ::stat(step.c_str(), &info) == 0) continue;
    return fail_errno(Errc::io, "cannot make the folder " + quoted(step), why);
  }
  return {};
}

Result<> check(const struct stat& info, const std::filesystem::path& path) {
  if (!S_ISREG(info.st_mode)) {
    return fail(Errc::identity, quoted(path) +
                                    " is not a regular file; move it away and lsend makes a new "
                                    "identity (peers will see a new device)");
  }
  if (info.st_uid != ::geteuid()) {
    return fail(Errc::identity,
                quoted(path) + " belongs to the user with id " + std::to_string(info.st_uid) +
                    ", not to the one that runs lsend (" + std::to_string(::geteuid()) +
                    "); mend it with: chown " + std::to_string(::geteuid()) + " " + quoted(path));
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(Errc::identity,
                quoted(path) + " can be read by others; mend it with: chmod 600 " + quoted(path));
  }
  if (info.st_size > static_cast<off_t>(kMaxSize)) {
    return fail(Errc::identity, quoted(path) +
                                    " is too big for a key and a certificate; move it away and "
                                    "lsend makes a new identity (peers will see a new device)");
  }
  return {};
}

/// True when all of `content` is on its way to the disk; errno says why not.
bool write_synced(int fd, std::span<const char> content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0 || is_unsupported(errno);
}

/// 0, or the errno: EEXIST when the identity is there already. By a hard link; where the file system
/// has none, under a lock of the folder, because nobody but lsend makes this file.
int publish(int folder, const char* temporary) {
  if (::linkat(folder, temporary, folder, kFileName, 0) == 0) return 0;
  if (!is_unsupported(errno) && errno != EMLINK) return errno;
  const Fd lock{::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (lock.get() >= 0) (void)::flock(lock.get(), LOCK_EX);
  struct stat there {};
  if (::fstatat(folder, kFileName, &there, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  if (errno != ENOENT) return errno;
  return ::renameat(folder, temporary, folder, kFileName) == 0 ? 0 : errno;
}

std::string temporary_name() {
  std::array<unsigned char, 8> random{};
  // Only needs to differ between processes that start at once: O_EXCL keeps it safe.
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) random[0] = 1;
  std::string name = std::string{"."} + kFileName + "." + std::to_string(::getpid()) + ".";
  for (const unsigned char byte : random) {
    name += "0123456789abcdef"[byte >> 4U];
    name += "0123456789abcdef"[byte & 15U];
  }
  return name;
}

}  // namespace

SecretBytes::~SecretBytes() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

KeyFile::KeyFile(int folder, std::filesystem::path path)
    : folder_(folder), path_(std::move(path)) {}

KeyFile::KeyFile(KeyFile&& other) noexcept
    : folder_(std::exchange(other.folder_, -1)), path_(std::move(other.path_)) {}

KeyFile::~KeyFile() {
  if (folder_ >= 0) ::close(folder_);
}

Result<KeyFile> KeyFile::open(const std::filesystem::path& folder) {
  if (auto made = make_folder(folder); !made) return made.error();
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(Errc::io, "cannot use the folder " + quoted(folder), errno);
  return KeyFile{fd, folder / kFileName};
}

Result<SecretBytes> KeyFile::read() const {
  // O_NONBLOCK: opening a FIFO under this name would wait for ever.
  const Fd file{::openat(folder_, kFileName, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
  if (file.get() < 0) {
    const int why = errno;
    if (why == ENOENT) return fail(Errc::not_found, quoted(path_) + " does not exist");
    if (why == ELOOP) {
      return fail(Errc::identity, quoted(path_) +
                                      " is a symbolic link, which lsend does not follow for a "
                                      "key; put the file itself there");
    }
    return fail_errno(Errc::identity, "cannot open the identity " + quoted(path_), why);
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    return fail_errno(Errc::io, "cannot look at the identity " + quoted(path_), errno);
  }
  if (auto fits = check(info, path_); !fits) return fits.error();

  SecretBytes content{static_cast<std::size_t>(info.st_size)};
  for (std::span<char> rest = content.span(); !rest.empty();) {
    const ssize_t got = ::read(file.get(), rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail_errno(Errc::identity, "cannot read the identity " + quoted(path_), errno);
    }
    // A file that became shorter leaves zeros, which are no PEM.
    if (got == 0) break;
    rest = rest.subspan(static_cast<std::size_t>(got));
  }
  return content;
}

Result<bool> KeyFile::create(std::span<const char> content) const {
  const std::string temporary = temporary_name();
  const Fd file{::openat(folder_, temporary.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode)};
  if (file.get() < 0) return fail_errno(Errc::io, "cannot write " + quoted(path_), errno);

  // The umask may have taken our own bits.
  struct stat made {};
  int why = ::fchmod(file.get(), kFileMode) == 0 || is_unsupported(errno) ? 0 : errno;
  if (why == 0 && ::fstat(file.get(), &made) != 0) why = errno;
  const bool open_to_others = why == 0 && (made.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  if (why == 0 && !open_to_others) {
    why = write_synced(file.get(), content) ? publish(folder_, temporary.c_str()) : errno;
  }
  ::unlinkat(folder_, temporary.c_str(), 0);
  if (open_to_others) {
    return fail(Errc::io, "the key of this device is not written to " + quoted(path_) +
                              ", where others could read it: this file system keeps no modes of "
                              "files; mount it with umask=077, or set LSEND_HOME to a folder of "
                              "another one");
  }
  if (why == EEXIST) return false;
  if (why != 0) return fail_errno(Errc::io, "cannot write " + quoted(path_), why);
  if (::fsync(folder_) != 0 && !is_unsupported(errno)) {
    return fail_errno(Errc::io, "cannot make " + quoted(path_) + " durable", errno);
  }
  return true;
}

}  // namespace lsend::identity
