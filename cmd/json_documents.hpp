#pragma once

#include <string>
#include <vector>

#include "lsend/app/devices.hpp"
#include "lsend/app/doctor.hpp"
#include "lsend/app/events.hpp"
#include "lsend/app/info.hpp"
#include "lsend/app/prompt.hpp"

namespace lsend::cmd {

/// Machine output of one line (cli.md, JSON).

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
