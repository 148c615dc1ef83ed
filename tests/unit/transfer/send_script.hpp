#pragma once

#include "lsend/transfer/send_plan.hpp"
#include "script.hpp"

// Plans that have come so far, and what they are told.
namespace lsend::transfer {

inline SendPlan plan_of(const std::vector<std::string>& ids) {
  SendPlan plan(offer(ids).files);
  plan.offer();
  return plan;
}

inline PrepareUploadReply reply_for(const std::vector<std::string>& ids) {
  PrepareUploadReply reply;
  reply.session = SessionId("s");
  for (const auto& id : ids) reply.tokens.emplace_back(FileId(id), Token("token-" + id));
  return reply;
}

inline SendPlan accepted_plan(const std::vector<std::string>& ids) {
  auto plan = plan_of(ids);
  REQUIRE(plan.accepted(reply_for(ids)).has_value());
  return plan;
}

inline Error error_of(Errc code) { return {code, "it broke"}; }

inline UploadFailure failure_of(Errc code, bool decided = false) {
  UploadFailure failure;
  failure.error = error_of(code);
  failure.decided = decided;
  return failure;
}

}  // namespace lsend::transfer
