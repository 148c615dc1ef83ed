"""Discovery between scripted apps and lsend on networks that the tests make: the PD rows of the
conformance table, and PS4."""

import contextlib
import json
import os
import re
import time

import pytest

from lab.netns import requires_netns
from lab.process import Program, Receiver, wait_until
from peers import behaviour, certificates
from peers.multicast import MulticastPeer, announcement_of
from peers.receiver import ReceiverPeer
from peers.sender import SenderPeer

pytestmark = requires_netns
# Apps up to 1.8 name neither port nor protocol: the others have to have the same settings.
V1_PORT = 53317
ANNOUNCERS = [("1.18", True), ("1.17", True), ("1.17", False), ("1.9", True), ("1.8", True)]
announcers = pytest.mark.parametrize("era,tls", ANNOUNCERS, ids=[
    f"{era}-{'https' if tls else 'http'}" for era, tls in ANNOUNCERS])


@pytest.fixture
def app(lab, own_home):
    """app(era, ...) is an app that receives on the second host."""
    with contextlib.ExitStack() as stack:
        def start(era, tls=True, **options):
            if era == "1.18":
                options.setdefault("trusted", own_home / "identity.pem")
            if era == "1.8":
                options.setdefault("port", V1_PORT)
            return stack.enter_context(
                ReceiverPeer(era, tls=tls, host=lab[1].ipv4, net=lab[1].name, **options))

        yield start


@pytest.fixture
def receiver(lab, own_home, tmp_path, radio):
    """`lsend receive` on the first host; its own announcement has been heard."""
    with Receiver(tmp_path / "in", home=own_home, netns=lab[0].name, interface=None,
                  port=V1_PORT) as running:
        radio.wait_for(lambda message: message["fingerprint"] == running.fingerprint, 10)
        yield running
        assert running.popen.poll() is None, running.stderr()
        caller = SenderPeer(running.port, host=lab[0].ipv4, net=lab[1].name)
        assert caller.request("GET", "/api/localsend/v2/info").status == 200


@contextlib.contextmanager
def discovering(lab, own_home, radio):
    """`lsend discover --watch` on the first host, once it announces itself."""
    known = len(radio.from_others())
    with Program("discover", "--watch", "--json", "--no-scan", home=own_home,
                 netns=lab[0].name) as program:
        wait_until(lambda: len(radio.from_others()) > known, what="an announcement")
        yield program


def devices(program):
    """{alias: the last that was said of it}"""
    return {e["alias"]: e for e in program.events() if e["type"] == "device"}


def own_fingerprint(own_home):
    """Ours, from the file."""
    return certificates.fingerprint_of_pem(own_home / "identity.pem")


# --- our announcement ----------------------------------------------------------------------------


def test_PD1_our_announcement(lab, own_home, tmp_path):
    """All ten fields with both flags in one datagram, at least twice within 3 s, from our address,
    with the port that we listen on."""
    with MulticastPeer(lab[1].ipv4, lab[1].name) as radio:
        with Receiver(tmp_path / "in", home=own_home, netns=lab[0].name, interface=None,
                      alias="Grüße \U0001f600") as running:
            time.sleep(3.2)
            ours = [entry for entry in radio.from_others()
                    if entry[2]["fingerprint"] == running.fingerprint]
    assert 2 <= len(ours) <= 4
    assert {source[0] for _, source, _ in ours} == {lab[0].ipv4}
    assert len({json.dumps(message, sort_keys=True) for _, _, message in ours}) == 1
    message = ours[0][2]
    assert set(message) == {"alias", "version", "deviceModel", "deviceType", "fingerprint", "port",
                            "protocol", "download", "announce", "announcement"}
    assert message["alias"] == "Grüße \U0001f600"
    assert re.fullmatch(r"2\.\d", message["version"])
    assert message["deviceType"] in ("mobile", "desktop", "web")
    assert re.fullmatch("[0-9A-F]{64}", message["fingerprint"])
    assert (type(message["port"]), message["port"]) == (int, running.port)
    assert message["protocol"] == "https"
    assert message["download"] is False
    assert message["announce"] is True and message["announcement"] is True


def test_PD1_no_announcement_when_it_is_not_wanted(lab, own_home, tmp_path):
    """--no-announce: not one datagram."""
    with MulticastPeer(lab[1].ipv4, lab[1].name) as radio:
        with Receiver(tmp_path / "in", "--no-announce", home=own_home, netns=lab[0].name,
                      interface=None):
            time.sleep(2.5)
        assert radio.from_others() == []


def test_PD1_http_is_announced_as_http(lab, own_home, tmp_path, radio):
    """--http."""
    with Receiver(tmp_path / "in", "--http", home=own_home, netns=lab[0].name,
                  interface=None) as running:
        _, _, message = radio.wait_for(lambda m: m["fingerprint"] == running.fingerprint, 10)
    assert message["protocol"] == "http"


# --- announcements of others ---------------------------------------------------------------------


@announcers
def test_PD2_an_announcement_is_answered_by_register(lab, own_home, receiver, radio, app, era, tls):
    """Within a second, to the announced port by the announced protocol, on the route of that
    version, in the types that its parser wants, with our certificate, and only once."""
    one = app(era, tls)
    announced = time.monotonic()
    radio.announce(one)
    call, = one.wait_for("register", limit=5)
    assert call.at - announced < 1
    assert call.path == f"/api/localsend/v{1 if era == '1.8' else 2}/register"
    assert call.source[0] == lab[0].ipv4
    wait_until(lambda: call.status, what="an answer")
    assert call.status == 200
    body = call.json()
    assert body["fingerprint"] == receiver.fingerprint
    assert (body["port"], body["protocol"]) == (receiver.port, "https")
    if era == "1.18":
        assert call.client == own_fingerprint(own_home)
    time.sleep(0.5)
    assert len(one.of("register")) == 1
    assert not [m for _, _, m in radio.from_others() if not m["announce"]]


def test_PD2_a_v1_app_without_encryption(lab, own_home, tmp_path, radio, app):
    """Is answered by one who has it off as well."""
    with Receiver(tmp_path / "in", "--http", home=own_home, netns=lab[0].name, interface=None,
                  port=V1_PORT):
        one = app("1.8", tls=False)
        radio.announce(one)
        call, = one.wait_for("register", limit=5)
        assert call.path == "/api/localsend/v1/register"
        wait_until(lambda: call.status == 200, what="a good answer")


@announcers
def test_PD2_discover_lists_who_announces(lab, own_home, radio, app, era, tls):
    """With the address it came from and what it said; verified where TLS proved it."""
    one = app(era, tls)
    with discovering(lab, own_home, radio) as program:
        radio.announce(one)
        wait_until(lambda: devices(program).get(one.alias), what="the device")
        one.wait_for("register")
        provable = tls and era != "1.8"
        wait_until(lambda: devices(program)[one.alias]["verified"] == provable, what="the proof")
        device = devices(program)[one.alias]
    assert device["endpoints"] == [{"protocol": "https" if tls else "http",
                                    "address": lab[1].ipv4, "port": one.port}]
    assert device.get("fingerprint") == (None if era == "1.8" else one.fingerprint)
    assert device["version"] == one.era.version


@pytest.mark.parametrize("era", ["1.17", "1.8"])
def test_PD2_without_a_tcp_answer_there_is_one_by_udp(receiver, radio, app, era):
    """Both flags false, to the group: apps up to 1.17 read it."""
    one = app(era)
    one.close()
    radio.announce(one)
    _, _, message = radio.wait_for(lambda m: not m["announce"], 6)
    assert message["announcement"] is False
    assert message["fingerprint"] == receiver.fingerprint
    assert (message["port"], message["protocol"]) == (receiver.port, "https")


def test_PD2_a_peer_with_another_certificate_hears_nothing(receiver, radio, app):
    """The announced fingerprint is demanded in the handshake: no request reaches an impostor."""
    one = app("1.17")
    radio.announce(one, fingerprint="AB" * 32)
    wait_until(lambda: one.connections or one.handshake_errors, what="a connection")
    time.sleep(1)
    assert one.calls == []


@pytest.mark.parametrize("flags", [{"announce": False, "announcement": False},
                                   {"announce": False, "announcement": ...},
                                   {"announce": ..., "announcement": False}], ids=str)
def test_PD3_what_asks_for_no_answer_gets_none(lab, own_home, radio, app, flags):
    """It is listed all the same."""
    one = app("1.17")
    with discovering(lab, own_home, radio) as program:
        radio.send({k: v for k, v in (announcement_of(one) | flags).items() if v is not ...})
        wait_until(lambda: devices(program).get(one.alias), what="the device")
        time.sleep(1)
    assert one.connections == 0


@pytest.mark.parametrize("flags", [{"announce": True, "announcement": ...},
                                   {"announce": ..., "announcement": True},
                                   {"announce": ..., "announcement": ...}], ids=str)
def test_PD3_either_flag_asks_for_an_answer(receiver, radio, app, flags):
    """And so does a datagram with neither."""
    one = app("1.17")
    radio.send({k: v for k, v in (announcement_of(one) | flags).items() if v is not ...})
    one.wait_for("register", limit=5)


GARBAGE = [b"", b"{", b"null", b"[]", b"\xff" * 100, b"\0" * 1000, b"{}" * 1000, b'{"alias":1}',
           os.urandom(60_000), b"[" * 60_000, b'{"alias":"' + b"x" * 60_000 + b'"}',
           b'{"alias":"x","fingerprint":"y","port":70000}', b'{"alias":"x"}']


def test_PD4_garbage_is_ignored(lab, own_home, radio, app):
    """Nothing is listed of it, and a good announcement is heard afterwards."""
    one = app("1.17")
    good = announcement_of(one)
    broken = [good | change for change in (
        {"port": "53317"}, {"port": 0}, {"port": -1}, {"protocol": "ftp"}, {"alias": None},
        {"alias": ""}, {"fingerprint": 7}, {"announce": "yes"})]
    with discovering(lab, own_home, radio) as program:
        for data in GARBAGE + broken:
            radio.send(data)
        time.sleep(2)
        assert devices(program) == {}
        assert one.connections == 0
        radio.announce(one)
        wait_until(lambda: devices(program).get(one.alias), what="the device")
        assert set(devices(program)) == {one.alias}


def test_PD4_our_own_datagram_is_ignored(lab, own_home, radio, app):
    """Whoever repeats it: a device with our fingerprint is ourselves."""
    one = app("1.17")
    with discovering(lab, own_home, radio) as program:
        radio.announce(one, fingerprint=own_fingerprint(own_home))
        time.sleep(1.5)
        assert devices(program) == {}
        assert one.connections == 0


def test_PD4_an_announcement_cannot_send_us_elsewhere(receiver, radio, app):
    """The answer goes to where the datagram came from, and never to a privileged port."""
    one = app("1.17")
    radio.send(announcement_of(one) | {"port": 22, "ip": "10.77.0.99", "address": "10.77.0.99"})
    time.sleep(1)
    assert one.connections == 0


# --- the sender ----------------------------------------------------------------------------------


@announcers
def test_PD2_send_finds_a_device_by_its_name(lab, own_home, radio, app, tmp_path, era, tls):
    """It announces, the device registers or announces too, and the file arrives."""
    one = app(era, tls, alias="Kitchen Pad")
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    with Program("send", "--json", "kitchen", path, home=own_home, netns=lab[0].name) as program:
        wait_until(lambda: radio.from_others(), what="an announcement")
        radio.announce(one)
        assert program.wait(30) == 0, program.stderr()
    assert [call.body for call in one.stored.values()] == [b"content"]


def test_PS4_a_changed_certificate_stops_everything(lab, own_home, radio, app, tmp_path):
    """Announced as one device, answering as another: exit 6 before any HTTP byte."""
    one = app("1.17", alias="Kitchen Pad")
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    with Program("send", "--json", "Kitchen Pad", path, home=own_home,
                 netns=lab[0].name) as program:
        wait_until(lambda: radio.from_others(), what="an announcement")
        radio.announce(one, fingerprint="AB" * 32)
        assert program.wait(30) == 6, program.stderr()
        error = [e for e in program.events() if e["type"] == "error"][0]
    assert "fingerprint" in error["message"]
    assert one.connections > 0 and one.calls == []


@pytest.mark.parametrize("trust", ["tofu", "strict"])
def test_S20_an_announcement_makes_no_weak_certificate_a_proof(lab, own_home, radio, app, tmp_path,
                                                               trust):
    """The announced fingerprint fits, and anybody could have made the certificate: exit 6. Only who
    demands exactly this one may have it."""
    weak = certificates.odd("1024", "-newkey", "rsa:1024")
    one = app("1.17", alias="Weak Pad", certificate=weak)
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    for more, code in ([], 6), (["--fingerprint", weak.fingerprint], 0):
        heard = len(radio.from_others())
        with Program("send", "--json", "--trust", trust, *more, "Weak Pad", path, home=own_home,
                     netns=lab[0].name) as program:
            wait_until(lambda: len(radio.from_others()) > heard, what="an announcement")
            radio.announce(one)
            assert program.wait(30) == code, program.stderr()
        assert len(one.of("prepare")) == (0 if code else 1)


# --- two interfaces ------------------------------------------------------------------------------


def test_PD6_two_interfaces_are_one_device(lab, own_home, radio, second_network):
    """Heard on both, listed once, with both addresses."""
    _, other = second_network
    with ReceiverPeer("1.17", host="0.0.0.0", net=lab[1].name, alias="Both") as one:
        with MulticastPeer(other, lab[1].name) as second:
            with discovering(lab, own_home, radio) as program:
                radio.announce(one)
                second.announce(one)
                wait_until(lambda: len(devices(program).get("Both", {"endpoints": []})
                                       ["endpoints"]) == 2, what="two addresses")
                found = [e for e in program.events() if e["type"] == "device"
                         and e["event"] == "found"]
                addresses = {entry["address"] for entry in devices(program)["Both"]["endpoints"]}
    assert len(found) == 1
    assert addresses == {lab[1].ipv4, other}


def test_PD6_we_announce_on_each_interface(lab, own_home, radio, second_network, tmp_path):
    """From the address of each; --interface narrows it down."""
    one, other = second_network
    for options, heard in (([], True), (["--interface", "eth0"], False)):
        with MulticastPeer(other, lab[1].name) as second:
            with Receiver(tmp_path / "in", *options, home=own_home, netns=lab[0].name,
                          interface=None) as running:
                radio.wait_for(lambda m: m["port"] == running.port, 10)
                time.sleep(1.5)
            sources = {source[0] for _, source, m in second.from_others()
                       if m["port"] == running.port}
        assert sources == ({one} if heard else set())


# --- what a list and a watch say -----------------------------------------------------------------


@contextlib.contextmanager
def listing(lab, own_home, radio, *options):
    """`lsend discover` on the first host, once it announces itself."""
    known = len(radio.from_others())
    with Program("discover", "--no-scan", *options, home=own_home, netns=lab[0].name) as program:
        wait_until(lambda: len(radio.from_others()) > known, what="an announcement")
        yield program


def slow_headless(app, lab, seconds):
    """An app whose datagram says less than its answer by HTTPS, which takes its time."""
    def register(exchange):
        exchange.read()
        time.sleep(seconds)
        exchange.answer(200, one.device(False) | {"deviceType": "headless"})
        return True

    one = app("1.17", alias="slow", behave={"register": register})
    return one


def test_an_answer_that_is_underway_gets_a_second_more(lab, app, radio, own_home):
    """What is printed is proven, and of the type that only the answer names."""
    one = slow_headless(app, lab, 1.0)
    for options in ([], ["--json"]):
        with listing(lab, own_home, radio, "--timeout", "1s", *options) as program:
            radio.announce(one)
            assert program.wait(10) == 0, program.stderr()
            out = program.stdout()
        assert "headless" in out and "desktop" not in out, out
    device, = json.loads(out)["devices"]
    assert device["verified"] is True


def test_a_count_waits_for_the_answer(lab, app, radio, own_home):
    """Not for the end of the time."""
    one = slow_headless(app, lab, 0.5)
    with listing(lab, own_home, radio, "--timeout", "30s", "--count", "1") as program:
        radio.announce(one)
        assert program.wait(15) == 0, program.stderr()
        assert re.search(r"^slow +headless ", program.stdout(), re.MULTILINE)


def test_a_device_that_does_not_answer_is_listed_all_the_same(lab, app, radio, own_home):
    """As what its datagram says, and the list does not wait for it for ever."""
    one = app("1.17", alias="mute", behave={"register": behaviour.never()})
    began = time.monotonic()
    with listing(lab, own_home, radio, "--timeout", "1s") as program:
        radio.announce(one)
        assert program.wait(20) == 0, program.stderr()
        assert re.search(r"^mute +desktop", program.stdout(), re.MULTILINE)
    assert time.monotonic() - began < 15


def test_a_watch_tells_who_is_lost(lab, app, radio, own_home, home, tmp_path):
    """Who ended is lost within half a minute and found again when it is back; who is only quiet is
    asked whether it is there."""
    quiet = app("1.17", alias="Quiet")

    def told(program, alias):
        return [e["event"] for e in program.events() if e["type"] == "device"
                and e["alias"] == alias and e["event"] != "updated"]

    with discovering(lab, own_home, radio) as program:
        radio.announce(quiet)
        with Receiver(tmp_path / "in", home=home("guest"), netns=lab[1].name, interface=None,
                      alias="Guest"):
            wait_until(lambda: devices(program).get("Guest", {}).get("verified"), what="the guest")
        wait_until(lambda: told(program, "Guest") == ["found", "lost"], 60, "its loss")
        assert len(quiet.of("info")) >= 1
        with Receiver(tmp_path / "in", home=home("guest"), netns=lab[1].name, interface=None,
                      alias="Guest"):
            wait_until(lambda: told(program, "Guest") == ["found", "lost", "found"], 30,
                       "its return")
        assert told(program, "Quiet") == ["found"]
