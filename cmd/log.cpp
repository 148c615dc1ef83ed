#include "cmd/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <memory>
#include <mutex>

namespace lsend::cmd {
namespace {

/// Through the console, which takes the progress away first.
class ConsoleSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit ConsoleSink(Console& console) : console_(console) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    console_.log(std::string_view(text.data(), text.size()));
  }
  void flush_() override {}

  Console& console_;
};

/// "<4>": the priorities of syslog(3).
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& text) override {
    const char digit = message.level >= spdlog::level::err    ? '3'
                       : message.level == spdlog::level::warn ? '4'
                       : message.level == spdlog::level::info ? '6'
                                                              : '7';
    text.push_back('<');
    text.push_back(digit);
    text.push_back('>');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }
};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::trace:
      break;
  }
  return spdlog::level::trace;
}

}  // namespace

LogForm log_form(int descriptor, const Environment& environment) {
  const auto stream = environment("JOURNAL_STREAM");
  struct stat status {};
  if (!stream || fstat(descriptor, &status) != 0) return LogForm::dated;
  const auto ours = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  return *stream == ours ? LogForm::journal : LogForm::dated;
}

void start_log(Console& console, LogLevel most, LogForm form) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc,
                                                               std::string("\n"));
  formatter->add_flag<Priority>('*');
  formatter->set_pattern(form == LogForm::journal ? "%*%v" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v");
  auto sink = std::make_shared<ConsoleSink>(console);
  sink->set_formatter(std::move(formatter));
  auto logger = std::make_shared<spdlog::logger>("lsend", std::move(sink));
  logger->set_level(spdlog::level::trace);
  set_log(most, [logger](LogLevel level, const std::string& line) {
    logger->log(level_of(level), spdlog::string_view_t(line));
  });
}

void stop_log() { set_log(LogLevel::error, {}); }

}  // namespace lsend::cmd
