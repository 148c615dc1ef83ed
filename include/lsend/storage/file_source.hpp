#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/model/byte_source.hpp"
#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"
#include "lsend/storage/name_filter.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {

/// A local file that is to be sent.
struct LocalFile {
  std::string path;       ///< as the system takes it; std::filesystem::path is ten times as large
  int descriptor = -1;    ///< of a file without a name: `path` says then what it is, for people
  std::string file_name;  ///< remote name, UTF-8, '/'-separated; bytes that are no UTF-8 as U+FFFD
  bool executable = false;    ///< for its owner
  bool name_changed = false;  ///< true when file_name had to differ from the bytes on disk
  std::string name_bytes;     ///< the name as it is on disk, where that is no UTF-8
  std::uint64_t size = 0;
  std::optional<FileTime> modified{};  ///< nothing where FileTime cannot tell it
  std::optional<std::uint64_t> allocated{};  ///< bytes on the disk, where it has holes
};

/// What was named, or lies below what was named, and cannot be sent: unreadable, gone, special, a
/// name that no receiver takes. A folder that cannot be read stands for all that is in it.
struct Unsendable {
  std::string file_name;   ///< as LocalFile has it
  std::string name_bytes;  ///< as LocalFile has it
  std::uint64_t size = 0;  ///< where it is known
  bool named = false;      ///< by the user, and not something inside of it
  Error why;
};

struct Collection {
  std::vector<LocalFile> files;
  std::vector<Unsendable> unsendable;
  std::vector<std::string> warnings;  ///< links skipped, empty folders, names changed
  std::size_t links_skipped = 0;
  std::size_t filtered = 0;  ///< files and folders that the rules left out
};

/// What to send.
struct Selection {
  std::vector<std::filesystem::path> paths;
  /// As they stand in a list: each keeps its folders in its name (without "/", "." and leading
  /// "..").
  std::vector<std::filesystem::path> listed;
  std::string name;  ///< at the receiver, of the only path: a file, or it is Errc::usage
  NameFilter filter;
  std::string prefix;   ///< that the sender puts in front of every name: all of it has to fit
  bool follow = false;  ///< links inside folders
};

/// The files that PATH... on the command line mean (cli.md, send): a file under its base name, a
/// folder with its own name in front, recursively, sorted. A symlink that is named itself is
/// followed; symlinks inside folders are skipped and counted unless `follow`, then loops are
/// noticed. Empty folders cannot be sent and warn. A second file of one remote name is numbered and
/// warns, and so does a name that a receiver would take for another one ('\\', blanks only). What is
/// private to a receiver (private_parts.hpp) is left out in silence; named, it is unsendable, and
/// listed, it warns. Errc::usage for "/".
Result<Collection> collect_files(const Selection& selection);

/// A list of paths, one a line (empty lines do not count), or each ended by NUL.
Result<std::vector<std::filesystem::path>> read_path_list(int input_fd, bool null);

/// The MIME type for a name's extension; "application/octet-stream" when unknown.
std::string mime_type_of(std::string_view file_name);

/// Reads exactly the announced number of bytes of a file, or fails: Errc::io when it became shorter
/// ("changed while it was sent"); what grew beyond is not read, and a remark tells of that and of
/// every other change that can be noticed.
class FileSource : public ByteSource {
 public:
  static Result<std::unique_ptr<FileSource>> open(const LocalFile& file);
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  std::string remark() const override;

 private:
  FileSource(UniqueFd fd, const LocalFile& file, const struct stat& opened);
  UniqueFd fd_;
  std::string path_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
  bool has_name_;
  std::optional<FileTime> announced_;
  timespec modified_, changed_;  ///< when it was opened
};

/// The same file as it is now: its size and time may be others. Errc::io.
Result<LocalFile> look_again(const LocalFile& file);

/// sha256 of a whole file as FileSource would send it, lower-case hex. Errc::io; Errc::interrupted
/// once `stop` is set, within a block.
Result<std::string> hash_file(const LocalFile& file, const std::atomic<bool>* stop = nullptr);

/// 0 when a file can be made in this folder, or the errno: one without a name is made and forgotten.
/// What access(2) would say is refused by some filters of system calls and overruled by some disks.
int writing_error(const std::filesystem::path& folder);

/// Copies a stream of unknown length (standard input) to an unnamed temporary file, so that its
/// size can be announced. Removed with the object.
class Spool {
 public:
  /// In the first of these folders that takes a file; never empty. Errc::io.
  static Result<Spool> from(int input_fd, const std::vector<std::filesystem::path>& folders);
  std::uint64_t size() const { return size_; }
  /// For LocalFile::descriptor, while this lives.
  int descriptor() const { return fd_.get(); }

 private:
  Spool(UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  UniqueFd fd_;
  std::uint64_t size_;
};

}  // namespace lsend::storage
