#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::cmd {

/// A command line, cut at the first "--". CLI11 loses count of the operands once two of them stood
/// before it.
struct SplitWords {
  std::vector<std::string> words;
  std::vector<std::string> operands;
};

SplitWords split_words(const std::vector<std::string>& arguments);

/// What CLI11 would take in silence for something else.
std::optional<Error> check_words(const std::vector<std::string>& words);

}  // namespace lsend::cmd
