#include <limits>

#include "cmd/command_options.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void declare_discover(Declarer& in, RawDiscover& raw) {
  in.value("--timeout", raw.timeout, "TIME", "how long to listen [3s]");
  in.value("--count", raw.count, "N", "stop as soon as N devices matched");
  in.flag("-w,--watch", raw.watch, "go on: found, updated, lost");
  in.flag_or_value("--scan", raw.scan, "[=CIDR]", "also ask every address of the network");
  in.flag("--no-scan", raw.no_scan, "not even when multicast found nobody");
  in.flag("-l,--long", raw.long_format, "whole fingerprint, version, all addresses");
}

DiscoverCommand read_discover(const RawOptions& all, Converter& in) {
  const auto& raw = all.discover;
  DiscoverCommand command;
  auto& options = command.options;
  if (all.operands.size() > 1) in.reject("discover takes one PATTERN; quote it when it has blanks");
  if (!all.operands.empty()) options.pattern = all.operands.front();
  in.duration(in.given("--timeout", raw.timeout), options.timeout);
  in.number(in.given("--count", raw.count), options.count, 1, kAny);
  options.watch = raw.watch;
  command.long_format = raw.long_format;
  if (raw.watch && (raw.timeout || raw.count))
    in.reject("--watch goes on until it is stopped: leave out --timeout and --count");
  if (raw.scan && raw.no_scan) in.reject("--scan and --no-scan exclude one another");
  if (raw.scan) options.scan = app::ScanMode::always;
  if (raw.scan) options.scan_cidr = *raw.scan;
  if (raw.no_scan) options.scan = app::ScanMode::never;
  return command;
}

}  // namespace lsend::cmd
