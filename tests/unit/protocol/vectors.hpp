#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// A message as an app of some era, or one of the protocol's documents, writes it.
struct Vector {
  std::string name;  ///< "v1/info_seed.json"
  std::string text;

  bool is(std::string_view kind) const;  ///< "info": the file's name begins with it
  const Codec& codec() const;
};

std::vector<Vector> all_vectors();
std::string vector_text(std::string_view name);

/// A device with every member said.
DeviceInfo full_device_info();

}  // namespace lsend::protocol
