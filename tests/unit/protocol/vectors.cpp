#include "vectors.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace lsend::protocol {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

bool Vector::is(std::string_view kind) const {
  return std::string_view{name}.substr(3).starts_with(kind);
}

const Codec& Vector::codec() const { return name.starts_with("v1/") ? codec_v1() : codec_v2(); }

std::vector<Vector> all_vectors() {
  std::vector<Vector> result;
  for (const std::string version : {"v1", "v2"}) {
    const auto folder = std::filesystem::path{LSEND_VECTORS} / version;
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
      result.push_back({version + "/" + entry.path().filename().string(), read_file(entry.path())});
    }
  }
  std::sort(result.begin(), result.end(),
            [](const Vector& a, const Vector& b) { return a.name < b.name; });
  return result;
}

std::string vector_text(std::string_view name) {
  return read_file(std::filesystem::path{LSEND_VECTORS} / name);
}

DeviceInfo full_device_info() {
  DeviceInfo device;
  device.alias = "Gr\xC3\xBCne \"Birne\"";
  device.version = kOurVersion;
  device.device_model = "Linux";
  device.device_type = DeviceType::headless;
  device.fingerprint = Fingerprint{std::string(64, 'A')};
  device.port = 53318;
  device.protocol = Scheme::http;
  device.download = true;
  return device;
}

}  // namespace lsend::protocol
