#include "cmd/converter.hpp"

#include <limits>

namespace lsend::cmd {
namespace {

constexpr unsigned kNoSource = std::numeric_limits<unsigned>::max();

}  // namespace

std::optional<Given> Converter::given(const char* option, const Text& flag) const {
  if (flag) return Given{option, *flag};
  const auto found = sources_.find(section_, option);
  if (!found) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&found->value))
    return Given{found->name, *text, found->rank};
  // A flag that may have a value: on without one, or off.
  if (const auto* on = std::get_if<bool>(&found->value); on != nullptr && *on)
    return Given{found->name, "", found->rank};
  return std::nullopt;
}

Converter::Switch Converter::find_switch(const char* option, bool flag) {
  if (flag) return {true, 0, option};
  const auto found = sources_.find(section_, option);
  if (!found) return {false, kNoSource, option};
  if (const auto* on = std::get_if<bool>(&found->value)) return {*on, found->rank, found->name};
  const auto* text = std::get_if<std::string>(&found->value);
  reject(found->name + ": '" + escape_for_terminal(text ? *text : "", 64) + "' is neither 1 nor 0");
  return {false, found->rank, found->name};
}

bool Converter::flag(const char* option, bool flag) { return find_switch(option, flag).on; }

Texts Converter::list(const char* option, const Texts& flags) const {
  if (!flags.empty()) return flags;
  const auto found = sources_.find(section_, option);
  const auto* texts = found ? std::get_if<std::vector<std::string>>(&found->value) : nullptr;
  return texts ? *texts : Texts();
}

std::optional<bool> Converter::either(const char* yes, bool yes_flag, const char* no,
                                      bool no_flag) {
  const auto first = find_switch(yes, yes_flag);
  const auto second = find_switch(no, no_flag);
  if (first.on && second.on && first.rank == second.rank)
    reject(first.name + " and " + second.name + " exclude one another");
  // One that is off says nothing of the other.
  if (first.on && (!second.on || first.rank < second.rank)) return true;
  if (second.on) return false;
  return std::nullopt;
}

void Converter::only_one(std::optional<Given>& one, std::optional<Given>& other) {
  if (!one || !other) return;
  if (one->rank == other->rank) reject(one->name + " and " + other->name + " exclude one another");
  (one->rank < other->rank ? other : one).reset();
}

Converter::PinFrom Converter::pin(const Text& pin_flag, const Text& file_flag,
                                  std::optional<std::string>& target) {
  auto pin = given("--pin", pin_flag);
  auto file = given("--pin-file", file_flag);
  only_one(pin, file);
  text(pin, target);
  if (pin && target)
    if (const auto fine = check_pin(pin->name, *target); !fine) take_error(fine.error());
  if (file) {
    std::string path;
    this->path(file, path);
    if (!path.empty()) take(read_pin_file(file->name, path), target);
  }
  if (file) return PinFrom::file;
  if (!pin) return PinFrom::nowhere;
  return pin->rank == 0 ? PinFrom::command_line : PinFrom::setting;
}

unsigned Converter::count(const char* option, unsigned flags) {
  if (flags > 0) return flags;
  unsigned number = 0;
  constexpr unsigned most = 9;
  this->number(given(option, std::nullopt), number, 0, most);
  return number;
}

}  // namespace lsend::cmd
