#include "lsend/identity/trust.hpp"

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
      Row{"known alias", contact('D', "Anna", "10.0.0.9"), kRefused, kRefused, kRefused},
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
      said(contact('D', "Anna", "10.0.0.9")) ==
      "expected 'Anna' (fp:AAAAAAAA), but 'Anna' at 10.0.0.9 has another certificate; nothing was "
      "sent. If the device was set up anew: 'lsend devices forget fp:AAAAAAAAAAAAAAAA'; if both "
      "are yours, 'lsend devices trust fp:" +
          d + "' makes the new one known too");
  CHECK(said(contact('-', "Dora", "10.0.0.2")) ==
        "'Bob' (fp:BBBBBBBB) is known to prove itself by HTTPS, and now it answers without HTTPS; "
        "nothing was sent. If that is meant to be so: 'lsend devices forget fp:BBBBBBBBBBBBBBBB'");
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
        "'fp:X' fits 2 known devices: 'Anna' (fp:AAAAAAAA), 'Bob' (fp:BBBBBBBB); give the fp: of "
        "one");
}
