// A form in one piece and in many: the same files, the same refusal.
#include "lsend/protocol/multipart.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "check.hpp"

namespace {

using namespace lsend;
using fuzz::require;

struct FormFile {
  std::string name;
  std::string content;
  bool whole = false;

  friend bool operator==(const FormFile&, const FormFile&) = default;
};

class Collector : public protocol::FormHandler {
 public:
  Result<> begin_file(std::string name) override {
    require(files.empty() || files.back().whole, "files follow one another");
    files.push_back({std::move(name), {}, false});
    return {};
  }
  Result<> file_bytes(std::span<const std::byte> bytes) override {
    require(!files.empty() && !files.back().whole, "bytes belong to a file");
    require(!bytes.empty(), "no piece is empty");
    files.back().content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<> end_file() override {
    require(!files.empty() && !files.back().whole, "a file ends once");
    files.back().whole = true;
    return {};
  }

  std::vector<FormFile> files;
};

struct Outcome {
  std::vector<FormFile> files;
  Error error;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Pieces of `step` bytes; 0: all in one.
Outcome read(const std::string& type, std::span<const std::byte> body, std::size_t step) {
  auto parser = protocol::MultipartParser::for_type(type);
  if (!parser) return {{}, parser.error()};
  Collector form;
  const std::size_t size = step == 0 ? body.size() : step;
  for (auto rest = body; !rest.empty(); rest = rest.subspan(std::min(size, rest.size()))) {
    const auto fed = parser->feed(rest.first(std::min(size, rest.size())), form);
    if (!fed) return {std::move(form.files), fed.error()};
  }
  const auto finished = parser->finish(form);
  if (!finished) return {std::move(form.files), finished.error()};
  require(form.files.empty() || form.files.back().whole, "in a whole form every file is whole");
  return {std::move(form.files), Error()};
}

}  // namespace

/// The first line is the Content-Type, the rest the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const std::string type(text.substr(0, text.find('\n')));
  const auto body = std::as_bytes(std::span(data, size)).subspan(std::min(size, type.size() + 1));
  const auto whole = read(type, body, 0);
  for (const std::size_t step : {1U, 2U, 7U, 64U})
    require(read(type, body, step) == whole, "pieces give the same as the whole");
  return 0;
}
