#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/model/resume.hpp"
#include "lsend/model/time.hpp"
#include "lsend/storage/access.hpp"
#include "lsend/storage/stream_hash.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {

class Arrival;
class DiskNames;

/// A file that was published: its path below the inbox, '/'-separated, and what was verified.
struct StoredFile {
  std::string path;
  std::uint64_t size = 0;
  std::optional<std::string> sha256;  ///< of the bytes stored, lower-case, when they were hashed
};

/// What becomes of a file whose name is taken (cli.md, receive).
enum class Conflict : std::uint8_t {
  rename,     ///< it gets the next free "name (n).ext"
  skip,       ///< equal ones were not asked for (Inbox::find_equal); the others as `rename`
  overwrite,  ///< it replaces a file or a symbolic link, atomically; never anything else
  fail,       ///< it is refused
};

/// What has to be true before a file appears.
struct PublishTerms {
  std::vector<std::string> name;      ///< components of clean_file_name()
  std::uint64_t size = 0;             ///< bytes, exactly
  std::optional<std::string> sha256;  ///< hex, any case
  std::optional<FileTime> modified;   ///< applied when within [0, now + 1 day]
  Conflict conflict = Conflict::rename;
  bool executable = false;  ///< x for whoever may read it
};

/// A part that was left for its sender to go on with.
struct KeptPart {
  std::string name;  ///< in the private folder
  PartLabel label;
  std::uint64_t bytes = 0;
  std::uint64_t allocated = 0;  ///< bytes that it takes on the disk
  std::int64_t changed = 0;     ///< seconds since 1970
};

/// The private folder, for as long as anybody uses it.
struct PartFolder {
  UniqueFd fd;
  std::uint32_t owner = 0;   ///< whom the file system says our files belong to
  std::uint32_t group = 0;   ///< of new files in it
  unsigned open = 0;         ///< what others may do with our files, and nothing takes away
  bool keeps_holes = false;  ///< what is not written of a file takes no room
};

/// A file that has holes at its sender: blocks of zeros are left out here as well.
struct Holes {
  std::uint64_t allocated = 0;  ///< bytes that it takes at its sender, by its word
  /// Asked as bytes are written, for a word is no promise: how many more the disk has room for,
  /// `own` of those counted on for this file.
  std::function<Result<std::uint64_t>(std::uint64_t own)> room;
};

/// Takes over what is slow to close.
using Closer = std::function<void(UniqueFd)>;

/// What the parts of an inbox know of it; it outlives them.
struct PartHome {
  int root_fd = -1;
  std::shared_ptr<const PartFolder> parts;
  Arrival* arrival = nullptr;  ///< what published files are made like
  unsigned mode = 0;           ///< of published files in the inbox itself
  unsigned executable_mode = 0;
  const Closer* closer = nullptr;  ///< empty where nobody takes anything over
  bool close_tells = true;         ///< of a full disk, as network file systems do
  DiskNames* names = nullptr;      ///< what the disk has said of names
  const char* part_prefix = "";    ///< of the names of parts

  int part_folder_fd() const { return parts->fd.get(); }
};

/// What the parts of one inbox that live in this process take of its disk.
class LiveBytes {
 public:
  explicit LiveBytes(std::shared_ptr<std::atomic<std::uint64_t>> all) : all_(std::move(all)) {}
  LiveBytes(LiveBytes&&) noexcept = default;
  LiveBytes& operator=(LiveBytes&&) = delete;
  ~LiveBytes();
  /// So many bytes of this part are on the disk, or set aside there.
  void reach(std::uint64_t bytes);

 private:
  std::shared_ptr<std::atomic<std::uint64_t>> all_;
  std::uint64_t bytes_ = 0;
};

/// A file on its way in (reliability.md 7.1). Lives in the inbox's private folder under a random
/// name, 0600, locked; destroying it removes it, unless it is kept; only commit() publishes. The
/// inbox has to outlive it.
class PartFile {
 public:
  PartFile(PartFile&&) noexcept = default;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  /// Appends; leaves out what is zeros where it has holes. Errc::size_mismatch as soon as more than the expected size came; Errc::no_space,
  /// Errc::io.
  Result<> write(std::span<const std::byte> bytes);
  std::uint64_t written() const { return written_; }

  /// Whether seal() may take long: then it belongs on another thread.
  bool slow_to_seal() const;
  /// Whether start_flush() may.
  bool slow_to_flush() const { return written_ >= kSlow; }
  /// Checks size and digest and makes the part what the file will be: mode, time.
  /// Nothing can be written any more. Errc::size_mismatch, Errc::checksum_mismatch, Errc::no_space,
  /// Errc::io.
  Result<> seal(const PublishTerms& terms);
  /// Waits until the part's bytes are on the disk. May run on another thread.
  Result<> flush() const;
  /// Begins to write the part's bytes to the disk, without waiting.
  void start_flush() const;
  /// Gives a sealed part the group and access list of its folder, and its name: `terms.name` or the
  /// next free "name (n).ext" (after 100 tries with random text), or as `terms.conflict` says; a
  /// name that the disk refuses is made one that it takes (disk_name.hpp). Errc::name_refused,
  /// Errc::name_taken, Errc::no_space, Errc::io.
  /// Errc::not_found when somebody has removed the part: Inbox::rescue() may bring it back.
  Result<StoredFile> publish(const PublishTerms& terms);
  /// Writes a sealed part's bytes to a pipe or file of the user's instead; the part goes with the
  /// object. May run on another thread, and ends early with Errc::cancelled once `stop` is set,
  /// also while nobody reads. Errc::io when it cannot be written.
  Result<StoredFile> hand_over(int output_fd, const std::atomic<bool>& stop) const;
  /// seal() and publish(). After an error nothing of the file is left.
  Result<StoredFile> commit(const PublishTerms& terms);

  /// Says whose beginning this is, so that it can be kept (reliability.md 7.5).
  void set_label(PartLabel label) { label_ = std::move(label); }
  const std::optional<PartLabel>& label() const { return label_; }
  /// Writes the label beside the part, for good, so that both outlive this process. Once; nothing
  /// without a label. May run on another thread.
  Result<> write_label();
  /// Ends here and leaves what has come for Inbox::reopen(); removes it when it has no label, or
  /// none can be written. May run on another thread.
  void keep();
  /// Of a reopened part: hashes at most `most` bytes more of what is there; how many. All but the
  /// last byte of the file that is expected. May run on another thread.
  Result<std::uint64_t> take_over(std::uint64_t most);
  /// It has holes, and is not empty any more: for a new one see Inbox::create_part().
  void set_holes(Holes holes);
  /// Throws away what take_over() has not seen; write() goes on behind it. Without anything left
  /// the offset is 0. May run on another thread.
  Result<ResumePoint> settle_beginning();

 private:
  friend class Inbox;
  PartFile(PartHome home, UniqueFd fd, std::string part_name, std::uint64_t expected, bool hash,
           LiveBytes live);
  Result<> finish(const PublishTerms& terms);
  static constexpr std::uint64_t kSlow = 16 * 1024 * 1024;  ///< bytes, to be freed or flushed

  void remove() noexcept;
  void remove_label() noexcept;
  Result<> set_aside();
  Result<> write_dense(std::span<const std::byte> bytes);
  Result<> write_sparse(std::span<const std::byte> bytes);
  Result<> take_room(std::size_t bytes);

  PartHome home_;
  UniqueFd fd_;
  std::string part_name_;
  std::uint64_t expected_;
  std::uint64_t written_ = 0;
  std::uint64_t aside_ = 0;  ///< the disk has room up to here; the largest number: nobody knows
  std::optional<Holes> holes_;
  std::uint64_t stored_ = 0;  ///< of a file with holes: bytes that are no hole
  std::uint64_t room_ = 0;    ///< bytes that may be written before asking again
  std::optional<StreamHash> digest_;
  std::optional<StoredFile> sealed_;
  std::optional<PartLabel> label_;
  bool labelled_ = false;  ///< on the disk
  bool locked_ = true;     ///< others see that it is in use; else nobody may go on with it
  LiveBytes live_;
};

/// The digests of files that were read, so that none is read twice. For the duration of a request:
/// a file is known by device, inode, size and time of its last change.
class DigestsRead {
 public:
  using Key = std::array<std::uint64_t, 5>;
  /// Null when that file was not read yet.
  const std::string* find(const Key& file) const;
  void keep(const Key& file, std::string sha256) {
    digests_.insert_or_assign(file, std::move(sha256));
  }

 private:
  std::map<Key, std::string> digests_;
};

/// Parts that nothing changed for so long belong to nobody any more.
inline constexpr std::chrono::hours kStaleParts{24};

/// The folder that receives. Its descriptor, opened once, is the root of everything: replacing the
/// path by a symlink while we run changes nothing (reliability.md R62).
class Inbox {
 public:
  /// Makes the folder when it is missing. Errc::usage for '/', '/etc', '/tmp' themselves, for the
  /// home folder unless it is named by an absolute path, for folders that others, or a group
  /// other than the user's primary one, can write without the sticky bit, unless `access` says that
  /// it is shared, and for a mode or group that the disk does not take; Errc::io otherwise. The
  /// umask is read here, once. Makes and checks the private folder (0700, ours, same file system; in
  /// a shared folder as private as the disk can): `.lsend`, or `.lsend-UID` where that is another
  /// user's. Tries once what each file will need, and removes parts older than 24 h.
  static Result<Inbox> open(const std::filesystem::path& folder, const Access& access = {});
  /// For one file that the user has named: parts lie beside it, hidden, and any folder will do.
  /// Errc::io when its folder is not there.
  static Result<Inbox> open_beside(const std::filesystem::path& file, const Access& access = {});

  const std::filesystem::path& folder() const { return folder_; }
  /// Of the folder; valid as long as the inbox.
  int descriptor() const { return root_.get(); }
  /// `expected` bytes will come, or fewer; `hash` them as they pass. Space for them is set aside
  /// with fallocate where the file system can, some MiB ahead of what comes, and given back when
  /// the part is removed or ends earlier. Over 2^63-1 stands for a length that is not known:
  /// nothing is set aside, nor is anything for a file with holes. A private folder that has
  /// vanished is made anew.
  Result<PartFile> create_part(std::uint64_t expected, bool hash,
                               std::optional<Holes> holes = std::nullopt) const;
  /// Parts that are large are closed, and freed if they go, by `closer`, which outlives them.
  void close_with(Closer closer) { *closer_ = std::move(closer); }
  /// What is not written of a file takes no room on this disk.
  bool keeps_holes() const { return parts()->keeps_holes; }
  /// The parts that were kept and that nobody uses. Whatever does not look as we left it is none:
  /// foreign, linked, damaged, older than kStaleParts. May run on another thread.
  std::vector<KeptPart> kept_parts() const;
  /// Takes a kept part, hashed from its beginning by take_over(). Errc::busy when somebody else has
  /// it, Errc::io when it is not what it was. May run on another thread.
  Result<PartFile> reopen(const KeptPart& part) const;
  /// A sealed part whose file somebody has removed, once more, from what is still open of it. May
  /// run on another thread. Errc::no_space, Errc::io.
  Result<PartFile> rescue(const PartFile& lost, const PublishTerms& terms) const;
  /// Why files that come are not where the user looks for them: the folder was removed, moved,
  /// replaced, mounted over or unmounted since it was opened. Nothing when all is well. May run on
  /// another thread.
  std::optional<std::string> misplaced() const;
  /// The same, or why no file can be made in it: makes one, in the private folder.
  std::optional<std::string> trouble() const;
  /// Bytes that this user can still write; the most there is where the file system cannot tell.
  Result<std::uint64_t> free_space() const;
  /// Bytes that living parts take, what is set aside for them included.
  std::uint64_t bytes_arriving() const { return *live_; }
  /// Bytes that the parts of broken transfers take: whatever nobody has locked.
  std::uint64_t leftover() const;
  /// Does the disk take names for one that differ by case or by the encoding of accents?
  bool folds_names() const { return folds_names_; }
  PartHome home() const;
  /// Is the name in use, by whatever kind of entry? Components of clean_file_name().
  Result<bool> is_taken(std::vector<std::string> name) const;
  /// The path of an equal file: a regular one of that size and sha256 (hex, any case) under the
  /// name or one of its numbered names. Reads whole files, unless `read` knows them; may run on
  /// another thread, and ends early without a find once `stop` is set. A file that cannot be read
  /// is no equal.
  std::optional<std::string> find_equal(std::vector<std::string> name, std::uint64_t size,
                                        const std::string& sha256, DigestsRead& read,
                                        const std::atomic<bool>& stop) const;
  /// Waits until the names of a published file and of its folders are on the disk. May run on
  /// another thread.
  Result<> sync_names(const std::string& stored_path) const;
  /// Waits until all of the inbox's file system is on the disk. May run on another thread.
  Result<> sync_all() const;
  /// Removes regular files of ours in `.lsend` that nothing changed for `age`, and labels without a
  /// part; how many. Folders in which the disk was asked about names go as well, by their exact
  /// names: beside a file of the user lie folders of the user.
  std::size_t sweep_stale_parts(std::chrono::seconds age) const;

 private:
  using PartFolderPtr = std::shared_ptr<const PartFolder>;
  Inbox(std::filesystem::path folder, std::filesystem::path named, UniqueFd root,
        PartFolderPtr parts, std::string part_prefix, const Access& access);
  /// Is replaced where it vanishes, and read by other threads.
  struct Parts {
    std::mutex guard;
    PartFolderPtr folder;
  };
  PartFolderPtr parts() const;
  /// In `parts()`, made anew where it has vanished.
  Result<UniqueFd> make_part(const std::string& name) const;

  std::filesystem::path folder_;
  std::filesystem::path named_;  ///< as the user names it, absolute
  UniqueFd root_;
  std::unique_ptr<Parts> parts_;
  std::string part_prefix_;  ///< of the names of parts
  bool shared_;  ///< others may write the folder
  std::shared_ptr<Arrival> arrival_;
  std::shared_ptr<DiskNames> names_;
  std::shared_ptr<Closer> closer_ = std::make_shared<Closer>();
  unsigned file_mode_;
  unsigned executable_mode_;
  bool close_tells_;
  bool folds_names_;
  std::shared_ptr<std::atomic<std::uint64_t>> live_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace lsend::storage
