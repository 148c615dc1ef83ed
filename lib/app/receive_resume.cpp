#include "lib/app/receive_resume.hpp"

#include <algorithm>

#include "lsend/transfer/resume.hpp"

namespace lsend::app {

namespace {

/// Read at a time: others use the pool as well, and the session is looked at in between.
constexpr std::uint64_t kStep = 64 * 1024 * 1024;

/// Reconnecting takes a few tries; more without an upload only hold the session.
constexpr unsigned kMostAsks = 5;

/// Cheaper than a label, for requests of many files.
bool is_about(const PartLabel& label, const FileInfo& file) {
  return label.size == file.size && label.file_name == file.file_name;
}

/// The one of them that spares most.
std::optional<storage::KeptPart> best_for(const std::vector<storage::KeptPart>& kept,
                                          const PartLabel& wanted) {
  const storage::KeptPart* best = nullptr;
  for (const auto& part : kept)
    if (transfer::continues(part.label, wanted) && (!best || part.bytes > best->bytes))
      best = &part;
  return best ? std::optional(*best) : std::nullopt;
}

/// How long the sender may take to read its own beginnings, from a slow disk.
Duration time_to_check(const ReceiveResume::Points& points) {
  constexpr std::uint64_t kBytesPerSecond = 20'000'000;
  std::uint64_t bytes = 0;
  for (const auto& [file, point] : points) bytes += point.offset;
  const auto seconds = std::chrono::seconds(2 + bytes / kBytesPerSecond);
  return std::min<Duration>(transfer::kMostChecking, seconds);
}

/// Whether the sender may come back for what an upload that ended like this has brought.
bool breaks(Errc why) {
  switch (why) {
    case Errc::unreachable:
    case Errc::timed_out:
    case Errc::cancelled:
    case Errc::shutting_down:
    case Errc::busy:
      return true;
    default:
      return false;
  }
}

}  // namespace

ReceiveResume::~ReceiveResume() {
  for (auto& [session, keeper] : keepers_) end(*keeper);
}

bool ReceiveResume::is_for(const net::Exchange& exchange, const PrepareUpload& request) const {
  return request.resume.wanted && exchange.peer_fingerprint() && options_.output.empty();
}

std::uint64_t ReceiveResume::kept_bytes(const net::Exchange& exchange,
                                        const PrepareUpload& request) const {
  if (!is_for(exchange, request)) return 0;
  const auto& sender = *exchange.peer_fingerprint();
  auto kept = inbox_.kept_parts();
  std::erase_if(kept, [&](const auto& part) { return part.label.sender != sender; });
  std::uint64_t bytes = 0;
  for (const auto& file : request.files) {
    const auto may_fit = [&](const auto& part) { return is_about(part.label, file); };
    if (std::none_of(kept.begin(), kept.end(), may_fit)) continue;
    const auto best = best_for(kept, transfer::label_of(file, sender));
    if (!best) continue;
    bytes += std::min(best->allocated, room_of(file));
    std::erase_if(kept, [&](const auto& part) { return part.name == best->name; });
  }
  return bytes;
}

bool ReceiveResume::may_ask_again(const transfer::ReceiveSession& session) const {
  const auto keeper = keeper_of(session);
  return keeper && ++keeper->asked <= kMostAsks;
}

void ReceiveResume::admit(const SessionPtr& session, const Fingerprint& sender) {
  keepers_[session.get()] = std::make_shared<Keeper>(Keeper{session, sender, {}, 0});
}

ReceiveResume::SessionPtr ReceiveResume::find(const net::Exchange& exchange,
                                              const PrepareUpload& request) const {
  if (!is_for(exchange, request) || request.resume.session.empty()) return nullptr;
  for (const auto& [key, keeper] : keepers_) {
    const auto& session = *keeper->session;
    const bool theirs = session.state() == transfer::ReceiveSession::State::active &&
                        keeper->sender == *exchange.peer_fingerprint();
    if (theirs && equal_constant_time(session.id().str(), request.resume.session.str()))
      return keeper->session;
  }
  return nullptr;
}

ReceiveResume::KeeperPtr ReceiveResume::keeper_of(const transfer::ReceiveSession& session) const {
  const auto found = keepers_.find(&session);
  return found == keepers_.end() ? nullptr : found->second;
}

Task<ReceiveResume::Points> ReceiveResume::state(SessionPtr session,
                                                 std::vector<std::size_t> files) {
  Points points;
  const auto keeper = keeper_of(*session);
  if (!keeper) co_return points;
  auto list = [this] { return Result<std::vector<storage::KeptPart>>(inbox_.kept_parts()); };
  const auto kept = co_await pool_.run(std::move(list));
  if (!kept) co_return points;
  const auto until = Clock::now() + transfer::kMostStating;
  for (const auto file : files) {
    const auto& info = session->files()[file].info;
    if (info.size < transfer::kWorthKeeping) continue;
    const auto held = keeper->held.find(file);
    if (held != keeper->held.end()) {
      points.emplace_back(info.id, held->second.point);
      continue;
    }
    auto part = best_for(*kept, transfer::label_of(info, keeper->sender));
    if (!part || Clock::now() >= until) continue;
    auto read = co_await read_part(std::move(*part), session, until);
    if (!session->running()) break;
    if (!read) continue;
    points.emplace_back(info.id, read->point);
    keeper->held.emplace(file, std::move(*read));
  }
  if (!points.empty()) session->allow_silence(time_to_check(points));
  co_return points;
}

/// Hashes it, as far as the time allows. A session that ends meanwhile leaves it where it was.
Task<std::optional<ReceiveResume::Held>> ReceiveResume::read_part(storage::KeptPart kept,
                                                                  SessionPtr session,
                                                                  TimePoint until) {
  auto part = inbox_.reopen(kept);
  if (!part) co_return std::nullopt;
  bool more = true;
  while (more) {
    auto step = [&part] { return part->take_over(kStep); };
    const auto taken = co_await pool_.run(std::move(step));
    if (!taken) co_return std::nullopt;
    const auto now = Clock::now();
    session->touch(now);
    if (!session->running()) {
      auto keep = [&part] {
        part->keep();
        return Result<>();
      };
      (void)co_await pool_.run(std::move(keep));
      co_return std::nullopt;
    }
    more = *taken == kStep && now < until;
  }
  // It may be much that is thrown away.
  auto settle = [&part] { return part->settle_beginning(); };
  auto point = co_await pool_.run(std::move(settle));
  if (!point || point->offset == 0) co_return std::nullopt;
  std::optional<Held> held;
  held.emplace(Held{std::move(*part), std::move(*point)});
  co_return held;
}

/// A sender's word decides what room is kept for it, and nothing else.
std::optional<storage::Holes> ReceiveResume::holes_of(const FileInfo& file) const {
  if (!file.allocated || !inbox_.keeps_holes()) return std::nullopt;
  return storage::Holes{room_of(file), [this](std::uint64_t own) { return room(own); }};
}

/// What may be written without taking what is kept free or counted on by others.
Result<std::uint64_t> ReceiveResume::room(std::uint64_t own) const {
  const auto free = inbox_.free_space();
  if (!free) return free.error();
  const auto expected = still_expected();
  const auto more = expected - std::min(expected, inbox_.bytes_arriving());
  const auto taken = options_.limits.min_free + more - std::min(more, own);
  return *free - std::min(*free, taken);
}

Result<storage::PartFile> ReceiveResume::open(const Upload& upload,
                                              std::optional<std::uint64_t> offset, bool hash) {
  const auto keeper = keeper_of(*upload.session);
  const auto file = upload.ticket.file;
  if (keeper) {
    keeper->asked = 0;
    const auto held = keeper->held.find(file);
    const bool there = held != keeper->held.end();
    if (offset && there && held->second.point.offset == *offset) {
      auto part = std::move(held->second.part);
      keeper->held.erase(held);
      if (auto holes = holes_of(upload.session->files()[file].info))
        part.set_holes(std::move(*holes));
      return part;
    }
    if (!offset && there) keeper->held.erase(held);
  }
  if (offset) return fail(Errc::bad_request, "an upload from an offset that was not stated");
  const auto& info = upload.session->files()[file].info;
  auto part = inbox_.create_part(info.size, hash, holes_of(info));
  if (part && keeper && info.size >= transfer::kWorthKeeping)
    part->set_label(transfer::label_of(info, keeper->sender));
  return part;
}

Task<bool> ReceiveResume::put_away(storage::PartFile& part, SessionPtr session, Errc why,
                                   std::uint64_t moved) {
  const bool worth = part.label() && part.written() >= transfer::kWorthKeeping && breaks(why) &&
                     !session->forgets_parts();
  if (!worth) co_return false;
  const auto keeper = keeper_of(*session);
  auto keep = [this, &part] {
    const bool room = make_room(*part.label());
    if (room) part.keep();
    return Result<bool>(room);
  };
  const auto kept = co_await pool_.run(std::move(keep));
  // The sender may have called it off meanwhile.
  if (session->forgets_parts() && keeper) forget(*keeper);
  co_return kept&&* kept&& moved >= transfer::kWorthKeeping;
}

/// On a thread of the pool. What is to be kept replaces older attempts at the same file, and the
/// eldest of the sender's own parts where there are many. False when there is no room all the same.
bool ReceiveResume::make_room(const PartLabel& label) const {
  auto kept = inbox_.kept_parts();
  std::sort(kept.begin(), kept.end(),
            [](const auto& a, const auto& b) { return a.changed < b.changed; });
  std::size_t all = kept.size();
  std::size_t own = 0;
  for (const auto& part : kept) own += part.label.sender == label.sender ? 1 : 0;
  for (const auto& part : kept) {
    if (part.label.sender != label.sender) continue;
    const bool crowded = own >= transfer::kMostKeptOfOne || all >= transfer::kMostKept;
    if (!crowded && !transfer::continues(part.label, label)) continue;
    // Opened and let go of, it is removed.
    if (!inbox_.reopen(part)) continue;
    --own;
    --all;
  }
  // Whoever has most gives way to others: nobody can keep the place full.
  if (all >= transfer::kMostKept && make_room_of_greediest()) --all;
  const auto free = inbox_.free_space();
  return all < transfer::kMostKept && free && *free >= options_.limits.min_free;
}

/// Removes the eldest part of the sender that has most of them, when it has more than one.
bool ReceiveResume::make_room_of_greediest() const {
  const auto kept = inbox_.kept_parts();
  std::unordered_map<Fingerprint, std::size_t> count;
  for (const auto& part : kept) ++count[part.label.sender];
  const storage::KeptPart* eldest = nullptr;
  for (const auto& part : kept) {
    const auto mine = count[part.label.sender];
    const auto most = eldest ? count[eldest->label.sender] : 1;
    const bool elder = eldest && mine == most && part.changed < eldest->changed;
    if (mine > most || elder) eldest = &part;
  }
  return eldest && inbox_.reopen(*eldest);
}

void ReceiveResume::forget(const Keeper& keeper) const {
  for (const auto& part : inbox_.kept_parts()) {
    if (part.label.sender != keeper.sender) continue;
    const auto& files = keeper.session->files();
    const auto belongs = [&](const auto& file) {
      return is_about(part.label, file.info) &&
             transfer::continues(part.label, transfer::label_of(file.info, keeper.sender));
    };
    if (std::any_of(files.begin(), files.end(), belongs)) (void)inbox_.reopen(part);
  }
}

void ReceiveResume::end(Keeper& keeper) {
  if (!keeper.session->forgets_parts())
    for (auto& [file, held] : keeper.held) held.part.keep();
  keeper.held.clear();
}

void ReceiveResume::settle() {
  std::erase_if(keepers_, [this](const auto& entry) {
    auto& keeper = *entry.second;
    if (keeper.session->running()) return false;
    end(keeper);
    if (keeper.session->forgets_parts()) forget(keeper);
    return true;
  });
}

}  // namespace lsend::app
