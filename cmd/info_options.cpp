#include "cmd/command_options.hpp"

namespace lsend::cmd {

InfoCommand read_info(const RawOptions& all, Converter& in) {
  if (all.operands.size() > 1) in.reject("info takes one TARGET");
  return InfoCommand{all.operands.empty() ? std::string() : all.operands.front()};
}

}  // namespace lsend::cmd
