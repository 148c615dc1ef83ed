#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/raw_options.hpp"
#include "lsend/model/result.hpp"

namespace lsend::cmd {

/// The commands and their options as the parser's library knows them: which words go where.
/// Neither what they mean nor where else an option may come from.
class CommandTree {
 public:
  CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;
  ~CommandTree();

  /// Once. Puts the words into raw(), or gives the text that they ask for (--help, --version,
  /// --json-schema). Errc::usage says which word nothing is known of, and what may be meant.
  Result<std::optional<std::string>> parse(const std::vector<std::string>& words);
  /// Also after a failure, where the words came as far as that; else empty.
  std::string command() const;
  RawOptions& raw() { return raw_; }

 private:
  class Tree;

  RawOptions raw_;
  std::unique_ptr<Tree> tree_;
};

}  // namespace lsend::cmd
