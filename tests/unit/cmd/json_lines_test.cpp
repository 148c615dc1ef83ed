#include "cmd/json_lines.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.hpp"
#include "cmd/json_documents.hpp"
#include "pipe.hpp"

using namespace lsend;
using namespace lsend::cmd;
using Json = nlohmann::json;

namespace {

const std::string kPrint(64, 'A');

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> objects;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    objects.push_back(Json::parse(line));
    const auto& json = objects.back();
    CHECK(json.at("v") == 1);
    CHECK(parse_rfc3339(json.at("ts").get<std::string>()).has_value());
  }
  return objects;
}

struct Stream {
  explicit Stream(bool progress = true) : json(channel, JsonLines::Result::transfer, progress) {}
  std::vector<Json> read() { return lines_of(pipe.read()); }
  test::Pipe pipe;
  Channel channel{pipe.in()};
  JsonLines json;
};

}  // namespace

TEST_CASE("peer text reaches no terminal, whatever it is") {
  Stream stream;
  app::MessageEvent message;
  message.device.alias = "\u202E\x1b\x7f";
  message.text = "bad \xff, C1 \u0085, \x9b";
  stream.json.on(message);
  const auto text = stream.pipe.read();
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c < '\x7f'); }));
  CHECK(Json::parse(text).at("device").at("alias") == message.device.alias);
}

TEST_CASE("a file") {
  Stream stream;
  app::FileEvent file;
  file.name = "a/b";
  file.path = "a/b (1)";
  file.size = 18'446'744'073'709'551'615ULL;
  file.sha256 = kPrint;
  file.resumed_from = 1 << 20;
  stream.json.on(file);
  file.status = app::FileStatus::failed;
  file.path.clear();
  file.sha256.reset();
  file.resumed_from.reset();
  file.error = fail(Errc::checksum_mismatch, "sha256 differs");
  stream.json.on(file);
  const auto lines = stream.read();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("type") == "file");
  CHECK(lines[0].at("status") == "done");
  CHECK(lines[0].at("size") == 18'446'744'073'709'551'615ULL);
  CHECK(lines[0].at("sha256") == kPrint);
  CHECK(lines[0].at("resumed_from") == 1'048'576);
  CHECK(!lines[0].contains("error"));
  CHECK(lines[1].at("status") == "failed");
  CHECK(!lines[1].contains("path"));
  CHECK(!lines[1].contains("sha256"));
  CHECK(!lines[1].contains("resumed_from"));
  CHECK(lines[1].at("error") == Json({{"code", "integrity"},
                                      {"message", "sha256 differs"},
                                      {"exit_code", 12},
                                      {"temporary", true}}));
}

TEST_CASE("a failure is an error and then the result") {
  Stream stream;
  const auto error = fail(Errc::busy, "another session");
  Totals totals;
  totals.files_failed = 2;
  totals.elapsed = Duration(1500);
  totals.target.emplace();
  totals.target->target = "Pixel";
  totals.target->endpoint.host = "10.0.0.1";
  stream.json.finish(totals, &error);
  const auto lines = stream.read();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("type") == "error");
  CHECK(lines[0].at("code") == "busy");
  CHECK(lines[0].at("temporary") == true);
  CHECK(lines[1].at("type") == "result");
  CHECK(lines[1].at("ok") == false);
  CHECK(lines[1].at("exit_code") == 9);
  CHECK(lines[1].at("files_failed") == 2);
  CHECK(lines[1].at("elapsed_ms") == 1500);
  CHECK(lines[1].at("target").at("target") == "Pixel");
  CHECK(lines[1].at("target").at("address") == "10.0.0.1");
  CHECK(!lines[1].at("target").contains("fingerprint"));
}

TEST_CASE("success is a result alone") {
  Stream stream;
  stream.json.finish(Totals(), nullptr);
  const auto lines = stream.read();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("ok") == true);
  CHECK(lines[0].at("exit_code") == 0);
}

TEST_CASE("progress comes twice a second at most, or not at all") {
  for (const bool wanted : {true, false}) {
    Stream stream(wanted);
    for (int i = 0; i < 100; ++i) stream.json.on(app::ProgressEvent{});
    CHECK(stream.read().size() == (wanted ? 1 : 0));
  }
}

TEST_CASE("documents of queries") {
  discovery::Device device;
  device.info.alias = "Pixel";
  device.info.fingerprint = Fingerprint("no digest");
  device.endpoints = {Endpoint{Scheme::http, "fe80::1%eth0", 5}};
  const auto good = Json::parse(devices_document({app::DeviceEvent{{}, device, {}}}, nullptr));
  CHECK(good.at("type") == "devices");
  CHECK(good.at("ok") == true);
  const auto& listed = good.at("devices").at(0);
  CHECK(listed.at("alias") == "Pixel");
  CHECK(!listed.contains("fingerprint"));
  CHECK(!listed.contains("device_model"));
  CHECK(listed.at("endpoints").at(0) ==
        Json({{"protocol", "http"}, {"address", "fe80::1%eth0"}, {"port", 5}}));
  const auto error = fail(Errc::not_found, "0 of 1");
  const auto bad = Json::parse(devices_document({}, &error));
  CHECK(bad.at("ok") == false);
  CHECK(bad.at("exit_code") == 3);
  CHECK(bad.at("error").at("code") == "not_found");
  CHECK(bad.at("devices").empty());
  CHECK(Json::parse(failure_document("info", error)).at("type") == "info");
}

TEST_CASE("the tally counts what passes") {
  Stream stream;
  Tally tally(stream.json);
  app::FileEvent file;
  file.size = 10;
  tally.on(file);
  tally.on(file);
  file.status = app::FileStatus::declined;
  tally.on(file);
  file.status = app::FileStatus::failed;
  tally.on(file);
  tally.on(app::MessageEvent{});
  tally.on(app::DeviceEvent{});
  const auto totals = tally.totals();
  CHECK(totals.files_done == 2);
  CHECK(totals.files_skipped == 1);
  CHECK(totals.files_failed == 1);
  CHECK(totals.bytes == 20);
  CHECK(totals.messages == 1);
  CHECK(totals.devices == 1);
  CHECK(stream.read().size() == 6);
  app::SessionEvent session;
  session.done = 2;
  session.failed = 5;
  session.bytes = 30;
  tally.on(session);
  tally.on(session);
  CHECK(tally.totals().sessions == 2);
  CHECK(tally.totals().files_done == 4);
  CHECK(tally.totals().files_failed == 10);
  CHECK(tally.totals().bytes == 60);
}

TEST_CASE("a folder that is no UTF-8 also comes as its bytes") {
  const std::string folder = "/in/\xff";
  const std::string bytes = "L2luL/8=";
  Stream stream;
  app::ReadyEvent ready;
  ready.folder = folder;
  stream.json.on(ready);
  ready.folder = "/in";
  stream.json.on(ready);
  const auto lines = stream.read();
  CHECK(lines.at(0).at("folder_b64") == bytes);
  CHECK(lines.at(0).at("folder") == "/in/\uFFFD");
  CHECK_FALSE(lines.at(1).contains("folder_b64"));

  app::AcceptQuestion question;
  question.folder = folder;
  CHECK(Json::parse(request_document(question)).at("folder_b64") == bytes);

  app::OwnInfo info;
  info.home.data = info.home.state = info.home.downloads = folder;
  const auto own = Json::parse(own_info_document(info));
  for (const char* key : {"identity_folder", "state_folder", "download_folder"})
    CHECK(own.at(std::string(key) + "_b64") == bytes);
}
