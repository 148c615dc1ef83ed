#include "lsend/identity/trust.hpp"

#include <array>
#include <optional>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::identity;

namespace {

Fingerprint print(char digit) { return Fingerprint(std::string(64, digit)); }

Endpoint at(std::string host) {
  Endpoint endpoint;
  endpoint.host = std::move(host);
  return endpoint;
}

/// A: seen, at .1; B: trusted, at .2; C: blocked, at .3.
KnownDevices three() {
  KnownDevices known;
  known.met(print('A'), "Anna", at("10.0.0.1"), FileTime());
  known.met(print('B'), "Bob", at("10.0.0.2"), FileTime());
  known.set_state(print('B'), TrustState::trusted, FileTime());
  known.met(print('C'), "Carl", at("10.0.0.3"), FileTime());
  known.set_state(print('C'), TrustState::blocked, FileTime());
  return known;
}

Contact contact(char digit, const char* alias, const char* host) {
  Contact made;
  if (digit != '-') made.fingerprint = print(digit);
  made.alias = alias;
  made.endpoint = at(host);
  return made;
}

using Answer = std::optional<Welcome>;
constexpr Answer kRefused = std::nullopt;

}  // namespace

TEST_CASE("Welcome: who is sent something, in each mode") {
  struct Row {
    const char* what;
    Contact contact;
    Answer tofu, ask, strict;
  };
  using enum Welcome;
  auto demanded = contact('D', "Dora", "10.0.0.9");
  demanded.demanded = true;
  auto demanded_impostor = contact('D', "Anna", "10.0.0.1");
  demanded_impostor.demanded = true;
  auto demanded_seen = contact('A', "Anna", "10.0.0.1");
  demanded_seen.demanded = true;
  auto demanded_blocked = contact('C', "Carl", "10.0.0.3");
  demanded_blocked.demanded = true;
  auto old = contact('D', "Dora", "10.0.0.9");
  old.v1 = true;
  auto old_known = contact('B', "Bob", "10.0.0.2");
  old_known.v1 = true;
  auto old_alias = contact('D', "Bob", "10.0.0.9");
  old_alias.v1 = true;
  const auto row = GENERATE_COPY(
      Row{"trusted", contact('B', "Bob", "10.0.0.2"), known, known, known},
      Row{"trusted, moved", contact('B', "Bob", "10.0.0.8"), known, known, known},
      Row{"seen", contact('A', "Anna", "10.0.0.1"), known, known, kRefused},
      Row{"seen, demanded", demanded_seen, known, known, known},
      Row{"blocked", contact('C', "Carl", "10.0.0.3"), kRefused, kRefused, kRefused},
      Row{"blocked, demanded", demanded_blocked, kRefused, kRefused, kRefused},
      Row{"new", contact('D', "Dora", "10.0.0.9"), introduce, ask, kRefused},
      Row{"new, demanded", demanded, introduce, introduce, introduce},
      Row{"new, plain HTTP", contact('-', "Dora", "10.0.0.9"), stranger, ask, kRefused},
      Row{"new, before 1.9", old, stranger, ask, kRefused},
      Row{"known alias", contact('D', "Anna", "10.0.0.9"), introduce, ask, kRefused},
      Row{"known address", contact('D', "Dora", "10.0.0.1"), kRefused, kRefused, kRefused},
      Row{"known alias and address, demanded", demanded_impostor, introduce, introduce, introduce},
      Row{"known alias, plain HTTP", contact('-', "Anna", "10.0.0.9"), kRefused, kRefused,
          kRefused},
      Row{"known address, plain HTTP", contact('-', "Dora", "10.0.0.2"), kRefused, kRefused,
          kRefused},
      Row{"known device, now v1", old_known, kRefused, kRefused, kRefused},
      Row{"known alias, now v1", old_alias, kRefused, kRefused, kRefused});
  INFO(row.what);
  const auto devices = three();
  const auto answer = [&](TrustMode mode) -> Answer {
    const auto said = welcome(devices, mode, row.contact);
    if (said.has_error()) {
      CHECK(said.error().code() == Errc::identity);
      return kRefused;
    }
    return *said;
  };
  CHECK(answer(TrustMode::tofu) == row.tofu);
  CHECK(answer(TrustMode::ask) == row.ask);
  CHECK(answer(TrustMode::strict) == row.strict);
  CHECK(answer(TrustMode::off) == stranger);
}

TEST_CASE("A refusal names who was expected, who came, and the command that repairs it") {
  const auto devices = three();
  const auto said = [&](const Contact& contact, TrustMode mode = TrustMode::tofu) {
    return welcome(devices, mode, contact).error().message();
  };
  const std::string d(64, 'D');
  CHECK(
      said(contact('D', "Anna", "10.0.0.1")) ==
      "expected 'Anna' (fp:AAAAAAAA), but 'Anna' at 10.0.0.1 has another certificate; nothing was "
      "sent. If the device was set up anew: 'lsend devices forget fp:AAAAAAAAAAAAAAAA'; if both "
      "are yours, 'lsend devices trust fp:" +
          d + "' makes the new one known too");
  CHECK(said(contact('-', "Dora", "10.0.0.2")) ==
        "'Bob' (fp:BBBBBBBB) is known to prove itself by HTTPS, and now it answers without HTTPS; "
        "nothing was sent. LocalSend does that for as long as 'Share via link' or 'Receive via "
        "link' is open there: close it and send again. With --http everybody on the way could read "
        "the files and nothing would prove who gets them; lsend does that only to a device that it "
        "does not know: 'lsend devices forget fp:BBBBBBBBBBBBBBBB'");
  CHECK(said(contact('C', "Carl", "10.0.0.3")) ==
        "'Carl' (fp:CCCCCCCC) is blocked; 'lsend devices trust fp:CCCCCCCCCCCCCCCC' ends that");
  CHECK(said(contact('D', "Dora", "10.0.0.9"), TrustMode::strict) ==
        "--trust strict: 'Dora' at 10.0.0.9 is not trusted; if fp:" + d +
            " is its fingerprint: 'lsend devices trust fp:" + d + "'");
  CHECK(
      said(contact('-', "", "10.0.0.9"), TrustMode::strict) ==
      "--trust strict: a device without a name at 10.0.0.9 speaks plain HTTP and cannot prove who "
      "it is");
}

TEST_CASE("One of several known devices has to be named") {
  const auto devices = three();
  const auto one = choose(devices.by_name("Bob"), "Bob");
  REQUIRE(one.has_value());
  CHECK((*one)->fingerprint == print('B'));
  CHECK(choose({}, "\x1b[1mX").error().message() ==
        "'\\x1B[1mX' is no known device; 'lsend devices' lists them");
  const auto* anna = devices.find(print('A'));
  const auto* bob = devices.find(print('B'));
  const auto several = choose({anna, bob}, "fp:X");
  CHECK(several.error().code() == Errc::ambiguous);
  CHECK(several.error().message() ==
        "'fp:X' fits 2 known devices: 'Anna' (fp:AAAAAAAA) at 10.0.0.1:53317, 'Bob' (fp:BBBBBBBB) "
        "at 10.0.0.2:53317; give the fp: or the address of one");
}

TEST_CASE("What the user typed is what is pinned") {
  // A calls itself Anna and was at .1, B is the trusted Bob at .2; D and a device without a
  // certificate are new.
  struct Row {
    char digit;
    const char* alias;
    const char* host;
    std::array<Answer, 3> typed;  ///< by address, by alias, by fingerprint
  };
  using enum Welcome;
  const auto row = GENERATE(values<Row>({
      {'A', "Anna", "10.0.0.1", {known, known, known}},
      {'A', "Anna", "10.0.0.9", {known, known, known}},
      {'A', "Renamed", "10.0.0.1", {known, known, known}},
      {'A', "Bob", "10.0.0.9", {known, known, known}},
      {'D', "Dora", "10.0.0.9", {introduce, introduce, introduce}},
      {'D', "Anna", "10.0.0.9", {introduce, kRefused, introduce}},
      {'D', "anna", "10.0.0.9", {introduce, kRefused, introduce}},
      {'D', "Bob", "10.0.0.9", {introduce, kRefused, introduce}},
      {'D', "Dora", "10.0.0.1", {kRefused, introduce, introduce}},
      {'D', "Anna", "10.0.0.1", {kRefused, kRefused, introduce}},
      {'D', "Carl", "10.0.0.3", {introduce, introduce, introduce}},
      {'D', "", "10.0.0.9", {introduce, introduce, introduce}},
      // Who proves nothing may be a known device that was talked out of HTTPS.
      {'-', "Dora", "10.0.0.9", {stranger, stranger, stranger}},
      {'-', "Anna", "10.0.0.9", {kRefused, kRefused, kRefused}},
      {'-', "Dora", "10.0.0.1", {kRefused, kRefused, kRefused}},
  }));
  const auto devices = three();
  for (std::size_t i = 0; i < row.typed.size(); ++i) {
    auto made = contact(row.digit, row.alias, row.host);
    made.typed = static_cast<Typed>(i);
    INFO(row.digit << " as '" << row.alias << "' at " << row.host << ", typed in way " << i);
    const auto said = welcome(devices, TrustMode::tofu, made);
    CHECK((said ? Answer(*said) : kRefused) == row.typed[i]);
    // To ask is to stop before what would be introduced, and nothing else.
    const auto asked = welcome(devices, TrustMode::ask, made);
    const bool is_new = row.typed[i] == introduce || row.typed[i] == stranger;
    CHECK((asked ? Answer(*asked) : kRefused) == (is_new ? Answer(ask) : row.typed[i]));
    CHECK(welcome(devices, TrustMode::off, made).value() == stranger);
  }
}

TEST_CASE("A namesake is another device of the same name") {
  auto devices = three();
  const auto* anna = namesake(devices, contact('D', "Anna", "10.0.0.9"));
  REQUIRE(anna);
  CHECK(anna->fingerprint == print('A'));
  CHECK_FALSE(namesake(devices, contact('A', "Anna", "10.0.0.9")));
  CHECK_FALSE(namesake(devices, contact('D', "Carl", "10.0.0.9")));
  CHECK_FALSE(namesake(devices, contact('D', "", "10.0.0.9")));
  // Our own name for a device is one, too.
  REQUIRE(devices.rename(print('A'), "Kitchen").has_value());
  CHECK(namesake(devices, contact('D', "kitchen", "10.0.0.9")));
}
