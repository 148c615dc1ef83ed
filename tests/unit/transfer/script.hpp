#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "lsend/transfer/receive_session.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::transfer {

inline FileInfo file_info(std::string id, std::uint64_t size = 10) {
  FileInfo info;
  info.id = FileId(id);
  info.file_name = id + ".txt";
  info.size = size;
  info.file_type = "text/plain";
  return info;
}

inline PrepareUpload offer(const std::vector<std::string>& ids, std::uint64_t size = 10) {
  PrepareUpload request;
  request.info.alias = "Sender";
  request.info.version = kOurVersion;
  for (const auto& id : ids) request.files.push_back(file_info(id, size));
  return request;
}

/// Texts that tests can tell apart: "r1", "r2", ...
inline RandomText counting_text() {
  return [count = 0]() mutable { return "r" + std::to_string(++count); };
}

/// A transfer told step by step. Each step keeps its outcome for the expect that follows.
class Script {
 public:
  explicit Script(SessionLimits limits = {}, std::size_t max_sessions = 1)
      : slot_(max_sessions, limits, counting_text()) {}

  Script& from(std::string address) {
    address_ = PeerAddress(std::move(address));
    return *this;
  }
  Script& speak(Version version) {
    version_ = version;
    return *this;
  }
  Script& wait(Duration time) {
    now_ += time;
    return *this;
  }
  Script& prepare(const std::vector<std::string>& ids) {
    auto opened = slot_.open(address_, version_, offer(ids), now_);
    if (opened) session_ = *opened;
    return keep(opened);
  }
  Script& accept(const std::vector<std::size_t>& files) {
    auto reply = session_->accept(files, counting_text(), now_);
    tokens_.clear();
    if (reply) {
      for (const auto& [id, token] : reply->tokens) tokens_[id.str()] = token;
    }
    return keep(reply);
  }
  Script& decline() {
    session_->decline();
    return *this;
  }
  Script& upload(const std::string& id) { return upload(id, tokens_[id].str()); }
  Script& upload(const std::string& id, std::string token) {
    UploadParams params{version_.is_v1() ? SessionId() : session_->id(), FileId(id),
                        Token(std::move(token))};
    auto let_in = slot_.begin_upload(params, version_.is_v1(), address_, now_);
    if (let_in) tickets_[id] = let_in->ticket;
    return keep(let_in);
  }
  Script& finish(const std::string& id) {
    session_->complete_upload(tickets_.at(id), now_);
    return *this;
  }
  Script& publish(const std::string& id) {
    session_->published(tickets_.at(id));
    return *this;
  }
  Script& send(const std::string& id) { return upload(id).expect_ok().finish(id); }
  Script& break_off(const std::string& id, Failure why = Failure::passing) {
    after_ = session_->fail_upload(tickets_.at(id), why, now_);
    return *this;
  }
  /// TLS proves who the session's sender is.
  Script& prove(std::string_view fingerprint) {
    session_->prove(Fingerprint(fingerprint));
    return *this;
  }
  /// The last of the sender's connections has closed, just now.
  Script& leave() {
    session_->attend({now_, false});
    return *this;
  }
  Script& come_back() {
    session_->attend({});
    return *this;
  }
  /// Its host does not answer any more.
  Script& fall_silent() {
    session_->attend({std::nullopt, true});
    return *this;
  }
  /// Whether a request of that certificate may have the session's place.
  bool gives_way(std::string_view fingerprint, const PrepareUpload& request) const {
    return slot_.giving_way_to(Fingerprint(fingerprint), request, now_) != nullptr;
  }
  Script& touch() {
    session_->touch(now_);
    return *this;
  }
  Script& cancel(std::optional<std::string> id = std::nullopt) {
    std::optional<SessionId> given;
    if (id) given = SessionId(*id);
    auto ended = slot_.cancel(given ? &*given : nullptr, version_.is_v1(), address_);
    return keep(ended);
  }
  Script& sweep() {
    swept_ = slot_.sweep(now_).size();
    return *this;
  }

  Script& expect_ok() {
    INFO("step " << step_);
    CHECK(last_ == std::nullopt);
    return *this;
  }
  Script& expect(Errc code) {
    INFO("step " << step_);
    CHECK(last_ == code);
    return *this;
  }
  Script& expect(ReceiveSession::State state) {
    INFO("after step " << step_);
    CHECK(session_->state() == state);
    return *this;
  }
  Script& expect(AfterFailure after) {
    INFO("after step " << step_);
    CHECK(after_ == after);
    return *this;
  }
  Script& expect(const std::string& id, FileState state) {
    INFO("after step " << step_ << ", file " << id);
    bool found = false;
    for (const auto& file : session_->files()) {
      if (file.info.id.str() != id) continue;
      found = true;
      CHECK(file.state == state);
    }
    CHECK(found);
    return *this;
  }
  Script& expect_publishable(const std::string& id, bool expected) {
    CHECK(session_->may_publish(tickets_.at(id)) == expected);
    return *this;
  }
  Script& expect_swept(std::size_t count) {
    CHECK(swept_ == count);
    return *this;
  }
  Script& expect_busy(bool busy) {
    INFO("after step " << step_);
    CHECK(slot_.busy() == busy);
    return *this;
  }

  ReceiveSession& session() { return *session_; }
  UploadSlot& slot() { return slot_; }
  TimePoint now() const { return now_; }
  std::string token(const std::string& id) { return tokens_[id].str(); }

 private:
  template <class T>
  Script& keep(const Result<T>& result) {
    ++step_;
    last_ = result ? std::nullopt : std::optional(result.error().code());
    return *this;
  }

  UploadSlot slot_;
  UploadSlot::SessionPtr session_;
  PeerAddress address_{"10.0.0.2"};
  Version version_ = kOurVersion;
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
  std::map<std::string, Token> tokens_;
  std::map<std::string, UploadTicket> tickets_;
  std::optional<Errc> last_;
  std::optional<AfterFailure> after_;
  std::size_t swept_ = 0;
  int step_ = 0;
};

}  // namespace lsend::transfer
