#pragma once

#include <map>
#include <string>

#include "lsend/app/events.hpp"

namespace lsend::cmd {

/// For people who send to several devices: says whose file it is, and adds their progress up to
/// one.
class ManyTargets final : public app::PassingSink {
 public:
  using PassingSink::PassingSink;
  void on(const app::Event& event) override;

 private:
  std::map<std::string, app::ProgressEvent> progress_;
};

}  // namespace lsend::cmd
