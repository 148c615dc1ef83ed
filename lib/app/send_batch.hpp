#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lib/app/send_uploads.hpp"

namespace lsend::app {

/// Small files that leave together, handed out by the plan; empty when there are not two of them.
class SendUploads::Batch {
 public:
  explicit Batch(SendUploads& uploads);

  struct Item {
    Item(std::size_t index, std::unique_ptr<ByteSource> opened, bool hash)
        : file(index), bytes(std::move(opened)), source(*bytes, hash, 0) {}
    std::size_t file;
    std::unique_ptr<ByteSource> bytes;
    HashedSource source;
    std::uint64_t moved = 0;
  };

  std::size_t size() const { return items_.size(); }
  Item& operator[](std::size_t i) { return *items_[i]; }
  std::span<net::Upload> requests() { return requests_; }

 private:
  std::vector<std::unique_ptr<Item>> items_;
  std::vector<net::Upload> requests_;
};

}  // namespace lsend::app
