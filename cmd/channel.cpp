#include "cmd/channel.hpp"

namespace lsend::cmd {

bool Channel::write(std::string_view text, Worth worth) {
  if (queue_) return queue_->put(text, worth);
  if (error_ == 0) error_ = write_all(descriptor_, text);
  return true;
}

}  // namespace lsend::cmd
