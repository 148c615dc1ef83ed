#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"
#include "lsend/transfer/accept_from.hpp"

namespace lsend::transfer {

struct AcceptLimits {
  std::size_t max_files = 100'000;
  std::optional<std::uint64_t> max_size;       ///< bytes, a session
  std::optional<std::uint64_t> max_file_size;  ///< bytes
  std::uint64_t min_free = 200'000'000;        ///< bytes to be left on the disk
};

/// The sum of the announced sizes; Errc::limit when it does not fit 64 bits.
Result<std::uint64_t> total_size(const PrepareUpload& request);

/// `free_space` in bytes, less what running sessions still may write; `leftover`: bytes that broken
/// transfers left on the disk, which count towards `max_size`. A message needs no disk.
/// Errc::limit when the request is over a limit, Errc::no_space when the disk has no room.
Result<> check_limits(const PrepareUpload& request, const AcceptLimits& limits,
                      std::uint64_t free_space, std::uint64_t leftover = 0);

/// Who decides about senders (cli.md, receive).
struct AcceptRules {
  bool auto_accept = false;
  bool pin = false;  ///< whoever is judged has given the right one
  std::vector<AcceptSelector> from;
  bool program = false;  ///< --accept-exec
  bool person = false;   ///< somebody sits at a terminal
};

enum class Ruling : std::uint8_t { accept, decline, ask_program, ask_person };

/// A blocked device is declined, one of `from` accepted; about all others the program decides, else
/// the person, else, where nothing names who may send, --auto-accept or the PIN. A message needs no
/// person: being asked would be reading it.
Ruling rule_on(const AcceptRules& rules, const Sender& sender, bool message);

}  // namespace lsend::transfer
