#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json_text.hpp"
#include "lsend/model/messages.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// The member that lsend adds to v2 messages; whoever does not know it passes over it
/// (reliability.md 7.5).
inline constexpr std::string_view kExtension = "lsend";

/// `"lsend": {"v": 1, "resume": true, "hashes": true}`, in what a device says of itself; a false
/// "hashes" is left out.
void add_ability(JsonObject& device, const Ability& ability);
/// `"lsend": {"v": 1, "resume": true}` in a prepare-upload, with the session that is to go on.
void add_wish(JsonObject& device, const ResumeWish& wish);
/// `"lsend": {"v": 1, "resume": {id: {"offset": n, "sha256Prefix": hex}}, "present": {id: true}}`, in
/// the answer; "resume" only where the receiver keeps what breaks off, "present" where it has some
/// of the files already.
void add_extension(JsonObject& answer, const PrepareUploadReply& reply);

/// `"lsend": {"executable": true, "allocated": n}` in a file of a prepare-upload; nothing where
/// there is nothing to say.
void add_details(JsonObject& file, const FileInfo& info);
/// Takes one member of it. What is mistyped is as good as unsaid.
void take_detail(FileInfo& info, std::string_view name, const JsonValue& value);

/// Collects what a device says of itself. What is mistyped is as good as unsaid.
class AbilityFields {
 public:
  void take(std::string_view name, const JsonValue& value);
  /// Nothing where no version was named.
  std::optional<Ability> finish() const;

 private:
  bool known_ = false;  ///< the version of the member
  Ability ability_;
};

/// Collects a wish. What is mistyped is as good as unsaid: nobody is refused for it.
class WishFields {
 public:
  void take(std::string_view name, const JsonValue& value);
  ResumeWish finish() const;

 private:
  bool known_ = false;  ///< the version of the member
  ResumeWish wish_;
};

/// Collects the points of an answer, and what its sender has already; what is not whole or not
/// well-formed does not count.
class PointFields {
 public:
  explicit PointFields(std::size_t most) : most_(most) {}
  /// `path` begins with kExtension.
  void take(const JsonPath& path, JsonValue value);
  void finish(PrepareUploadReply& reply);

 private:
  std::size_t most_;
  bool resumes_ = false;
  std::unordered_map<FileId, ResumePoint> points_;
  std::vector<FileId> present_;
};

}  // namespace lsend::protocol
