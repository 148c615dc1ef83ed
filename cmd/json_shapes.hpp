#pragma once

#include "cmd/json_envelope.hpp"
#include "lsend/app/events.hpp"
#include "lsend/app/send.hpp"

namespace lsend::cmd {

/// The fields that several events and documents share.

void put_fingerprint(Json& json, const char* key, const Fingerprint& fingerprint);
void put_standing(Json& json, identity::Standing standing);
Json device_fields(const DeviceInfo& info);
Json endpoint_fields(const Endpoint& endpoint);
/// A device as it was discovered.
Json known_device(const app::DeviceEvent& event);
/// A device as the store has it.
Json remembered_fields(const identity::KnownDevice& device);
Json target_fields(const app::TargetEvent& event);
Json request_fields(const app::RequestEvent& event);
/// How one target of `send` fared.
Json target_result(const app::TargetReport& report);

}  // namespace lsend::cmd
