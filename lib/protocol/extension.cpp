#include "extension.hpp"

#include <algorithm>
#include <utility>

namespace lsend::protocol {
namespace {

using Kind = JsonValue::Kind;

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxSession = 512;
constexpr std::string_view kVersionName = "v";
constexpr std::string_view kResume = "resume";
constexpr std::string_view kPresent = "present";
constexpr std::string_view kHashes = "hashes";
constexpr std::string_view kTrouble = "trouble";
constexpr std::size_t kMaxTrouble = 8192;
constexpr std::string_view kSession = "session";
constexpr std::string_view kOffset = "offset";
constexpr std::string_view kExecutable = "executable";
constexpr std::string_view kAllocated = "allocated";
constexpr std::string_view kPrefixDigest = "sha256Prefix";

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void add_ability(JsonObject& device, const Ability& ability) {
  device.begin(kExtension).number(kVersionName, kVersion).flag(kResume, true);
  if (ability.hashes) device.flag(kHashes, true);
  if (!ability.trouble.empty()) device.text(kTrouble, ability.trouble);
  device.end();
}

void add_wish(JsonObject& device, const ResumeWish& wish) {
  device.begin(kExtension).number(kVersionName, kVersion).flag(kResume, wish.wanted);
  if (!wish.session.empty()) device.text(kSession, wish.session.str());
  device.end();
}

void add_extension(JsonObject& answer, const PrepareUploadReply& reply) {
  answer.begin(kExtension).number(kVersionName, kVersion);
  if (reply.resumes) answer.begin(kResume);
  for (const auto& [id, point] : reply.points) {
    answer.begin(id.str()).number(kOffset, point.offset);
    answer.text(kPrefixDigest, point.sha256_prefix).end();
  }
  if (reply.resumes) answer.end();
  if (!reply.present.empty()) {
    answer.begin(kPresent);
    for (const auto& id : reply.present) answer.flag(id.str(), true);
    answer.end();
  }
  answer.end();
}

void add_details(JsonObject& file, const FileInfo& info) {
  if (!info.executable && !info.allocated) return;
  file.begin(kExtension);
  if (info.executable) file.flag(kExecutable, true);
  if (info.allocated) file.number(kAllocated, *info.allocated);
  file.end();
}

void take_detail(FileInfo& info, std::string_view name, const JsonValue& value) {
  if (name == kExecutable) info.executable = value.is(Kind::boolean) && value.boolean;
  if (name == kAllocated && value.is(Kind::unsigned_integer)) info.allocated = value.number;
}

void AbilityFields::take(std::string_view name, const JsonValue& value) {
  if (name == kVersionName)
    known_ = value.is(Kind::unsigned_integer) && value.number >= kVersion;
  else if (name == kHashes)
    ability_.hashes = value.is(Kind::boolean) && value.boolean;
  else if (name == kTrouble && value.is(Kind::string) && value.text->size() <= kMaxTrouble)
    ability_.trouble = *value.text;
}

std::optional<Ability> AbilityFields::finish() const {
  return known_ ? std::optional(ability_) : std::nullopt;
}

void WishFields::take(std::string_view name, const JsonValue& value) {
  // Later versions add to what the first one says.
  if (name == kVersionName)
    known_ = value.is(Kind::unsigned_integer) && value.number >= kVersion;
  else if (name == kResume)
    wish_.wanted = value.is(Kind::boolean) && value.boolean;
  else if (name == kSession && value.is(Kind::string) && value.text->size() <= kMaxSession)
    wish_.session = SessionId{*value.text};
}

ResumeWish WishFields::finish() const { return known_ && wish_.wanted ? wish_ : ResumeWish{}; }

void PointFields::take(const JsonPath& path, JsonValue value) {
  if (path[1] == kPresent && path.size() == 3 && value.is(Kind::boolean) && value.boolean &&
      present_.size() < most_)
    present_.push_back(FileId{path[2]});
  if (path[1] != kResume) return;
  if (path.size() == 2) resumes_ = value.is(Kind::object);
  if (path.size() != 4 || points_.size() > most_) return;
  auto& point = points_[FileId{path[2]}];
  if (path[3] == kOffset && value.is(Kind::unsigned_integer)) point.offset = value.number;
  if (path[3] != kPrefixDigest || !value.is(Kind::string) || !is_sha256(*value.text)) return;
  point.sha256_prefix = std::move(*value.text);
  std::transform(point.sha256_prefix.begin(), point.sha256_prefix.end(),
                 point.sha256_prefix.begin(), to_lower);
}

void PointFields::finish(PrepareUploadReply& reply) {
  reply.resumes = resumes_;
  reply.present = std::move(present_);
  for (auto& [id, point] : points_)
    if (point.offset > 0 && !point.sha256_prefix.empty())
      reply.points.emplace_back(id, std::move(point));
}

}  // namespace lsend::protocol
