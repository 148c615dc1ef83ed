#include "lsend/transfer/resume.hpp"

#include <algorithm>

namespace lsend::transfer {

PartLabel label_of(const FileInfo& file, const Fingerprint& sender) {
  PartLabel label{sender, file.file_name, file.size, file.sha256, file.modified};
  if (!label.sha256) return label;
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  std::transform(label.sha256->begin(), label.sha256->end(), label.sha256->begin(), lower);
  return label;
}

bool continues(const PartLabel& kept, const PartLabel& wanted) {
  if (!kept.sender.is_sha256() || kept.sender != wanted.sender) return false;
  if (kept.file_name != wanted.file_name || kept.size != wanted.size) return false;
  if (kept.sha256 && wanted.sha256) return *kept.sha256 == *wanted.sha256;
  return kept.modified && kept.modified == wanted.modified;
}

}  // namespace lsend::transfer
