#include "lsend/model/messages.hpp"

#include <algorithm>
#include <string_view>

namespace lsend {
namespace {

bool is_text(std::string_view mime) {
  constexpr std::string_view text = "text";
  return mime.size() >= text.size() &&
         std::equal(text.begin(), text.end(), mime.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

}  // namespace

bool is_message(const PrepareUpload& request) {
  return request.files.size() == 1 && request.files.front().preview.has_value() &&
         is_text(request.files.front().file_type);
}

}  // namespace lsend
