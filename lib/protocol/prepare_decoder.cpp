#include "lsend/protocol/prepare_decoder.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "device_json.hpp"
#include "extension.hpp"
#include "json_text.hpp"
#include "v1.hpp"

namespace lsend::protocol {
namespace {

using Kind = JsonValue::Kind;

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// One file while its members come in.
struct OpenFile {
  FileInfo info;
  bool has_id = false;
  bool has_name = false;
  bool has_size = false;
  bool has_type = false;
};

}  // namespace

class PrepareDecoder::Reader final : public JsonHandler {
 public:
  Reader(std::string_view request, const JsonLimits& limits, Files files)
      : request_(request),
        limits_(limits),
        keep_(files == Files::keep),
        json_(limits.max_depth, limits.max_string, *this),
        device_(limits) {}

  Result<> feed(std::string_view block) { return named(json_.feed(block)); }
  Result<PrepareUpload> end(const DeviceDefaults& defaults) {
    const auto whole = named(json_.finish());
    if (!whole) return whole.error();
    auto message = finish(defaults);
    if (!message) return malformed(request_, message.error());
    return message;
  }
  std::size_t files() const { return count_; }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t held() const { return held_; }

  Result<> on_value(const JsonPath& path, JsonValue value) override {
    const bool in_files = path[0] == "files";
    if (path.size() == 1) return on_section(path[0], value);
    if (path[0] == "info" && path.size() == 2) return device_.take(path[1], value);
    if (path[0] == "info" && path.size() == 3 && path[1] == kExtension) wish_.take(path[2], value);
    if (in_files && path.size() == 2) return on_file(path[1], value);
    if (in_files && path.size() == 3) return on_member(path[2], value);
    if (in_files && path.size() == 4 && path[2] == "metadata") on_metadata(path[3], value);
    if (in_files && path.size() == 4 && path[2] == kExtension)
      take_detail(file_.info, path[3], value);
    return {};
  }

  Result<> on_object_end(const JsonPath& path) override {
    return path.size() == 2 && path[0] == "files" ? close_file() : Result<>{};
  }

  std::size_t string_limit(const JsonPath& path, std::size_t usual) const override {
    const bool is_preview = path.size() == 3 && path[0] == "files" && path[2] == "preview";
    return is_preview ? static_cast<std::size_t>(-1) : usual;
  }

 private:
  Result<> named(Result<> result) const {
    return result ? result : Result<>(malformed(request_, result.error()));
  }
  Result<PrepareUpload> finish(const DeviceDefaults& defaults);
  Result<> on_section(std::string_view name, const JsonValue& value);
  Result<> on_file(const std::string& id, const JsonValue& value);
  Result<> on_member(std::string_view name, JsonValue value);
  Result<> on_text(std::string_view name, std::string& text);
  Result<> on_preview(JsonValue value);
  void on_metadata(std::string_view name, const JsonValue& value);
  Result<> close_file();

  /// The clause of an error about the open file.
  Error about_file(const std::string& clause) const {
    return fail(Errc::bad_request, "in its file " + std::to_string(count_ + 1) + " " + clause);
  }

  std::string_view request_;
  JsonLimits limits_;
  bool keep_;
  JsonReader json_;
  DeviceFields device_;
  WishFields wish_;
  bool has_info_ = false;
  bool has_files_ = false;
  OpenFile file_;
  std::unordered_set<std::string> ids_;  ///< of the files that are kept
  std::vector<FileInfo> files_;
  std::size_t count_ = 0;  ///< files that have ended
  std::uint64_t bytes_ = 0;
  std::size_t held_ = 0;
  bool preview_over_limit_ = false;
};

Result<> PrepareDecoder::Reader::on_section(std::string_view name, const JsonValue& value) {
  if (name != "info" && name != "files") return {};
  if (!value.is(Kind::object)) return wrong_type(name, "an object");
  (name == "info" ? has_info_ : has_files_) = true;
  return {};
}

Result<> PrepareDecoder::Reader::on_file(const std::string& id, const JsonValue& value) {
  if (!value.is(Kind::object)) return wrong_type("files", "a map of files");
  if (count_ >= limits_.max_files) {
    return fail(Errc::limit, "it has more than " + std::to_string(limits_.max_files) + " files");
  }
  const bool is_new = !keep_ || ids_.insert(id).second;
  if (id.empty()) return about_file("the id is empty");
  if (id.size() > limits_.max_id) {
    return about_file("the id is longer than " + std::to_string(limits_.max_id) + " bytes");
  }
  if (!is_new) return fail(Errc::bad_request, "two files have the same id");
  file_ = OpenFile{};
  file_.info.id = FileId{id};
  return {};
}

Result<> PrepareDecoder::Reader::on_member(std::string_view name, JsonValue value) {
  if (name == "size") {
    if (!value.is(Kind::unsigned_integer)) return about_file("'size' is not a whole number");
    file_.info.size = value.number;
    file_.has_size = true;
    return {};
  }
  if (name == "preview") return on_preview(value);
  if (name == "sha256" && value.is(Kind::null)) {
    file_.info.sha256.reset();
    return {};
  }
  if (name == "id" || name == "fileName" || name == "fileType" || name == "sha256") {
    if (!value.is(Kind::string)) return about_file("'" + std::string{name} + "' is not a text");
    return on_text(name, *value.text);
  }
  return {};
}

Result<> PrepareDecoder::Reader::on_text(std::string_view name, std::string& text) {
  if (name == "id") {
    file_.has_id = true;  // the key of the map is what counts (reliability.md R83)
  } else if (name == "fileName") {
    if (text.size() > limits_.max_file_name) {
      return about_file("'fileName' is longer than " + std::to_string(limits_.max_file_name) +
                        " bytes");
    }
    file_.info.file_name = std::move(text);
    file_.has_name = true;
  } else if (name == "fileType") {
    const std::string_view mime = v1_mime_of_word(text);
    file_.info.file_type = mime.empty() ? std::move(text) : std::string{mime};
    file_.has_type = true;
  } else {
    if (!is_sha256(text)) return about_file("'sha256' is not 64 hex digits");
    file_.info.sha256 = std::move(text);
  }
  return {};
}

Result<> PrepareDecoder::Reader::on_preview(JsonValue value) {
  file_.info.preview.reset();
  if (value.is(Kind::null)) return {};
  if (!value.is(Kind::string)) return about_file("'preview' is not a text");
  // Only the one file of a message has a preview that matters.
  if (count_ > 0) return {};
  preview_over_limit_ = value.text->size() > limits_.max_message;
  file_.info.preview = preview_over_limit_ ? std::string{} : std::move(*value.text);
  return {};
}

void PrepareDecoder::Reader::on_metadata(std::string_view name, const JsonValue& value) {
  if (!value.is(Kind::string)) return;
  if (name == "modified") file_.info.modified = parse_rfc3339(*value.text);
  if (name == "accessed") file_.info.accessed = parse_rfc3339(*value.text);
}

Result<> PrepareDecoder::Reader::close_file() {
  if (!file_.has_id) return about_file("'id' is missing");
  if (!file_.has_name) return about_file("'fileName' is missing");
  if (!file_.has_size) return about_file("'size' is missing");
  if (!file_.has_type) return about_file("'fileType' is missing");
  ++count_;
  bytes_ += std::min(file_.info.size, std::numeric_limits<std::uint64_t>::max() - bytes_);
  if (keep_ || count_ == 1) {
    // The list grows by doubling, and the id stands in it and in the set.
    constexpr std::size_t kOfSet = 96;
    const auto& info = file_.info;
    held_ += 2 * sizeof(FileInfo) + kOfSet + 2 * info.id.str().size() + info.file_name.size() +
             info.file_type.size() + (info.sha256 ? info.sha256->size() : 0) +
             (info.preview ? info.preview->size() : 0);
    files_.push_back(std::move(file_.info));
  }
  if (count_ == 2) files_.front().preview.reset();
  return {};
}

Result<PrepareUpload> PrepareDecoder::Reader::finish(const DeviceDefaults& defaults) {
  if (!has_info_) return fail(Errc::bad_request, "'info' is missing");
  if (!has_files_) return fail(Errc::bad_request, "'files' is missing");
  if (files_.empty()) return fail(Errc::bad_request, "it has no files");
  auto device = device_.finish(defaults, DeviceRule::named);
  if (!device) return device.error();
  PrepareUpload request{std::move(*device), std::move(files_), wish_.finish()};
  if (!is_message(request)) {
    request.files.front().preview.reset();
  } else if (preview_over_limit_) {
    return fail(Errc::limit, "its text is longer than " + std::to_string(limits_.max_message) +
                                 " bytes; it can be sent as a file");
  }
  return request;
}

PrepareDecoder::PrepareDecoder(std::string_view request, const JsonLimits& limits, Files files)
    : reader_(std::make_unique<Reader>(request, limits, files)) {}
PrepareDecoder::PrepareDecoder(PrepareDecoder&&) noexcept = default;
PrepareDecoder& PrepareDecoder::operator=(PrepareDecoder&&) noexcept = default;
PrepareDecoder::~PrepareDecoder() = default;

Result<> PrepareDecoder::feed(std::string_view block) { return reader_->feed(block); }

Result<PrepareUpload> PrepareDecoder::finish(const DeviceDefaults& defaults) {
  return reader_->end(defaults);
}

std::size_t PrepareDecoder::files() const { return reader_->files(); }
std::size_t PrepareDecoder::held() const { return reader_->held(); }
std::uint64_t PrepareDecoder::bytes() const { return reader_->bytes(); }

Result<PrepareUpload> Codec::decode_prepare_upload(std::string_view json,
                                                   const DeviceDefaults& defaults,
                                                   const JsonLimits& limits) const {
  PrepareDecoder decoder(request_name(), limits, PrepareDecoder::Files::keep);
  const auto fed = decoder.feed(json);
  if (!fed) return fed.error();
  return decoder.finish(defaults);
}

}  // namespace lsend::protocol
