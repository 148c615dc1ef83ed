#include "cmd/question_text.hpp"

#include "catch.hpp"

using namespace lsend;
using namespace lsend::cmd;
using Choice = app::Answer::Choice;

namespace {

app::AcceptQuestion question(std::size_t files, bool verified = true) {
  app::AcceptQuestion asked;
  asked.request.device.alias = "Bob";
  asked.request.device.device_type = DeviceType::mobile;
  asked.request.device.fingerprint = Fingerprint(std::string(64, 'A'));
  asked.request.address = "10.0.0.5";
  asked.request.verified = verified;
  asked.request.bytes = 1'000 * files;
  asked.folder = "/srv/in";
  for (std::size_t i = 1; i <= files; ++i) {
    FileInfo file;
    file.file_name = "f" + std::to_string(i);
    file.size = 1'000;
    asked.files.push_back(file);
  }
  return asked;
}

}  // namespace

TEST_CASE("a question says who, what and where") {
  CHECK(question_lines(question(2)) ==
        std::vector<std::string>{"Bob (mobile, 10.0.0.5) wants to send 2 files, 2.00 KB",
                                 "  1  f1  1.00 KB", "  2  f2  1.00 KB", "  device       new",
                                 "  fingerprint  AAAAAAAA...", "  into         /srv/in"});
  CHECK(question_lines(question(1, false)) ==
        std::vector<std::string>{
            "Bob (mobile, 10.0.0.5) wants to send 1 file, 1.00 KB", "  1  f1  1.00 KB",
            "  device       unknown: it did not prove who it is", "  into         /srv/in"});
}

TEST_CASE("a form has no names to show") {
  auto form = question(0, false);
  form.request.bytes = 5'000;
  CHECK(question_lines(form).front() ==
        "Bob (mobile, 10.0.0.5) wants to send files by a form, 5.00 KB in all");
  CHECK(choice_line(form) == "accept? (y)es (n)o: ");
}

TEST_CASE("many names are cut, and shown when they are to be selected") {
  const auto many = question(20);
  const auto lines = question_lines(many);
  CHECK(lines[8] == "  8  f8  1.00 KB");
  CHECK(lines[9] == "  ... and 12 more");
  CHECK(file_lines(many).size() == 12);
  CHECK(file_lines(many).front() == "  9  f9  1.00 KB");
  CHECK(file_lines(question(8)).empty());
}

TEST_CASE("what a peer says cannot steer the terminal") {
  auto evil = question(1);
  evil.request.device.alias = "A\x1b[2J\nB";
  evil.request.address = "fe80::1%\x1b";
  evil.files.front().file_name = "gpj.\u202e\r\x07";
  for (const auto& line : question_lines(evil)) {
    INFO(line);
    CHECK(line.find_first_of("\x1b\r\n\x07") == std::string::npos);
    CHECK(line.find("\u202e") == std::string::npos);
  }
}

TEST_CASE("what this user made of the device is told") {
  using identity::Standing;
  auto asked = question(1);
  const auto told = [&](Standing standing) {
    asked.request.standing = standing;
    return question_lines(asked)[2];
  };
  CHECK(told(Standing::trusted) == "  device       trusted");
  CHECK(told(Standing::seen) == "  device       seen before");
  CHECK(told(Standing::blocked) == "  device       blocked");
  CHECK(told(Standing::changed) ==
        "  device       CAREFUL: the name or address of a known device, but not its certificate");
}

TEST_CASE("what may be answered depends on the sender and its files") {
  CHECK(choice_line(question(2)) == "accept? (y)es (n)o (a)lways (s)elect (b)lock: ");
  CHECK(choice_line(question(1)) == "accept? (y)es (n)o (a)lways (b)lock: ");
  CHECK(choice_line(question(2, false)) == "accept? (y)es (n)o (s)elect: ");
}

TEST_CASE("answers") {
  struct Case {
    const char* line;
    Choice choice;
    std::vector<std::size_t> files;
  };
  const std::vector<Case> cases = {
      {"", Choice::no, {}},
      {"n", Choice::no, {}},
      {" N ", Choice::no, {}},
      {"no", Choice::no, {}},
      {"y", Choice::yes, {}},
      {"yes\r", Choice::yes, {}},
      {"a", Choice::always, {}},
      {"always", Choice::always, {}},
      {"b", Choice::block, {}},
      {"block", Choice::block, {}},
      {"s 2", Choice::some, {1}},
      {"s1", Choice::some, {0}},
      {"s 3 1,3", Choice::some, {0, 2}},
      {"s 1-2 4", Choice::some, {0, 1, 3}},
  };
  for (const auto& c : cases) {
    INFO(c.line);
    const auto typed = read_answer(c.line, question(5), false);
    REQUIRE(typed.answer.has_value());
    CHECK(typed.answer->choice == c.choice);
    CHECK(typed.answer->files == c.files);
  }
}

TEST_CASE("what is no answer says why and asks again") {
  const auto hint = [](const char* line, const app::AcceptQuestion& asked, bool numbers = false) {
    const auto typed = read_answer(line, asked, numbers);
    CHECK(!typed.answer.has_value());
    return typed.hint;
  };
  const auto five = question(5);
  for (const auto* line : {"x", "yy", "Y n", "sure", "1", "stop"})
    CHECK(hint(line, five) == "answer with one of the letters");
  for (const auto* line : {"s 6", "s 0", "s 3-2", "s 1-", "s -2", "s 1-9", "s x", "s 1 2 x"})
    CHECK(hint(line, five) == "numbers from 1 to 5, as in 1 3-5");
  CHECK(hint("9", five, true) == "numbers from 1 to 5, as in 1 3-5");
  CHECK(hint("s 1", question(1)) == "answer with one of the letters");
  for (const auto* line : {"a", "b"})
    CHECK(hint(line, question(1, false)) ==
          "this device did not prove who it is: answer for this time only, y or n");
  CHECK(read_answer("s", five, false).select);
  CHECK(read_answer("select", five, false).select);
}

TEST_CASE("numbers alone select, and none is a no") {
  const auto some = read_answer("2, 4-5", question(5), true);
  REQUIRE(some.answer.has_value());
  CHECK(some.answer->choice == Choice::some);
  CHECK(some.answer->files == std::vector<std::size_t>{1, 3, 4});
  const auto none = read_answer(" ", question(5), true);
  REQUIRE(none.answer.has_value());
  CHECK(none.answer->choice == Choice::no);
}
