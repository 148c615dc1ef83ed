#pragma once

#include <string>
#include <vector>

#include "cmd/channel.hpp"
#include "cmd/reporter.hpp"
#include "lsend/app/doctor.hpp"
#include "lsend/app/devices.hpp"
#include "lsend/app/info.hpp"
#include "lsend/app/prompt.hpp"

namespace lsend::cmd {

/// Machine output (cli.md, JSON): each line an object with v, type and ts, in ASCII, so that a
/// terminal never sees what peers chose.

/// One object a line, flushed as it happens; `result` is the last.
class JsonLines final : public Reporter {
 public:
  enum class Result : std::uint8_t { transfer, devices };

  JsonLines(Channel& out, Result result, bool progress)
      : out_(out), result_(result), progress_(progress) {}

  void on(const app::Event& event) override;
  void finish(const Totals& totals, const Error* error) override;

 private:
  Channel& out_;
  Result result_;
  bool progress_;
  std::optional<TimePoint> last_progress_;
};

/// What a program reads that decides about a request: the fields of the event and its files.
std::string request_document(const app::AcceptQuestion& question);

/// What queries print, each one line. `error` is null for success.
std::string devices_document(const std::vector<app::DeviceEvent>& devices, const Error* error);
std::string own_info_document(const app::OwnInfo& info);
std::string peer_info_document(const app::PeerInfo& info);
/// `exit_code` as the program ends with it.
std::string doctor_document(const std::vector<app::Check>& checks, int exit_code);
std::string known_devices_document(const std::vector<identity::KnownDevice>& devices,
                                   const Error* error);
/// A query that came to nothing.
std::string failure_document(const char* type, const Error& error);

}  // namespace lsend::cmd
