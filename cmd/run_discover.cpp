#include <csignal>
#include <cstdlib>
#include <memory>

#include "cmd/commands.hpp"
#include "cmd/exit_code.hpp"
#include "cmd/json_documents.hpp"

namespace lsend::cmd {
namespace {

/// For the one document of a query: keeps the devices, and lets people see the rest.
class Collector final : public app::PassingSink {
 public:
  using PassingSink::PassingSink;

  void on(const app::Event& event) override {
    const auto* device = std::get_if<app::DeviceEvent>(&event);
    if (!device) return next_.on(event);
    if (device->kind == app::DeviceEvent::Kind::found) devices_.push_back(*device);
  }
  const std::vector<app::DeviceEvent>& devices() const { return devices_; }

 private:
  std::vector<app::DeviceEvent> devices_;
};

const Error* pointer_to(const Result<app::DiscoverReport>& report, Error& error) {
  if (report) return nullptr;
  error = report.error();
  return &error;
}

void advise(const app::DiscoverReport& report, const DiscoverCommand& command, std::uint16_t port,
            Console& console) {
  if (report.evicted > 0)
    console.warning("more than " + std::to_string(report.known) + " devices answered; " +
                    std::to_string(report.evicted) + " that were heard first are not kept");
  if (!report.devices.empty() || command.options.watch) return;
  std::string hint = command.options.pattern.empty() ? "nobody answered" : "no device matched";
  hint += ": are the others awake, in this network, and on the same --multicast-port?";
  if (command.options.scan == app::ScanMode::never) hint += " Try without --no-scan.";
  // LocalSend 1.18 answers nowhere else (protocol.md 2.2).
  hint += " They answer by a call to " +
          (port ? "TCP port " + std::to_string(port) : "a free port") +
          " of this host: does a firewall let them in?";
  console.note(hint);
}

int query(const DiscoverCommand& command, const Options& options, Terminal& terminal) {
  Collector collector(terminal.console);
  const auto report = app::discover(options.settings, command.options, collector);
  Error failure;
  const auto* error = pointer_to(report, failure);
  terminal.out.write(devices_document(report ? report->devices : collector.devices(), error));
  if (report) advise(*report, command, options.settings.port, terminal.console);
  return exit_with(error, terminal);
}

}  // namespace

int run(const DiscoverCommand& command, const Options& options, Terminal& terminal) {
  // `lsend discover | head -1` has all that it wanted.
  (void)std::signal(SIGPIPE, [](int) { std::_Exit(0); });
  if (options.output.json && !command.options.watch) return query(command, options, terminal);
  const auto json = make_json(options, terminal, false);
  Reporter& reporter = json ? *json : static_cast<Reporter&>(terminal.console);
  Tally tally(reporter);
  const auto report = app::discover(options.settings, command.options, tally);
  Error failure;
  const auto* error = pointer_to(report, failure);
  reporter.finish(tally.totals(), error);
  if (report) advise(*report, command, options.settings.port, terminal.console);
  return exit_with(error, terminal);
}

}  // namespace lsend::cmd
