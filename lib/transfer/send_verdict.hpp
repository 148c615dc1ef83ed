#pragma once

#include <vector>

#include "lsend/transfer/send_plan.hpp"

namespace lsend::transfer {

/// SendPlan::totals(): how many ended in which way, and the bytes of those that were wanted.
SendPlan::Totals send_totals(const std::vector<SendPlan::File>& files);

/// SendPlan::verdict(): how all of it ended, in one result and one sentence.
Result<> send_verdict(const std::vector<SendPlan::File>& files, const SendPlan::Totals& count);

}  // namespace lsend::transfer
