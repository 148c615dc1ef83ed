"""Known devices: first contact, changed certificates, no downgrade, and `devices`."""

import concurrent.futures
import contextlib
import json
import signal
import stat
import time

import pytest

from lab.netns import Lab, requires_netns
from lab.process import Program, Receiver, run_lsend, wait_until
from lab.terminal import OnTerminal
from peers.multicast import MulticastPeer
from peers.receiver import ReceiverPeer


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("content")
    return path


@pytest.fixture
def peer():
    """peer(name=..., alias=..., port=...) is an app that receives; `name` names its certificate."""
    with contextlib.ExitStack() as stack:
        def start(era="1.17", **options):
            return stack.enter_context(ReceiverPeer(era, **options))

        yield start


def send(home, target, source, *options, **more):
    return run_lsend("send", target, source, "--json", *options, home=home("me"), **more)


def last_error(done):
    return [e for e in map(json.loads, done.stdout.splitlines()) if e["type"] == "error"][-1]


def target_of(done):
    return next(e for e in map(json.loads, done.stdout.splitlines()) if e["type"] == "target")


def devices(home, *words, expect=0):
    done = run_lsend("devices", "--json", *words, home=home("me"))
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout)


def states(home):
    return {d["fingerprint"]: d["state"] for d in devices(home)["devices"]}


def refused_unheard(done, one, code=6):
    """Nothing that the peer's user could see, and nothing about the files, has left."""
    assert done.returncode == code, done.stdout + done.stderr
    assert one.of("prepare") == [] and one.of("upload") == []


def test_first_contact_is_remembered_and_told_once(home, peer, source):
    one = peer(alias="Kitchen")
    first = run_lsend("send", one.target, source, home=home("me"))
    assert first.returncode == 0, first.stderr
    assert one.fingerprint in first.stderr and "first contact" in first.stderr
    second = run_lsend("send", one.target, source, home=home("me"))
    assert second.returncode == 0, second.stderr
    assert one.fingerprint not in second.stderr and "first contact" not in second.stderr
    known, = devices(home)["devices"]
    assert known["fingerprint"] == one.fingerprint and known["state"] == "seen"
    assert known["alias"] == "Kitchen"
    assert known["endpoints"] == [{"protocol": "https", "address": "127.0.0.1", "port": one.port}]
    file = home("me") / "known_devices.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_target_events_say_what_is_known(home, peer, source):
    one = peer(alias="Kitchen")
    assert target_of(send(home, one.target, source))["known"] is False
    told = target_of(send(home, one.target, source))
    assert told["known"] is True and told["trusted"] is False
    devices(home, "trust", "Kitchen")
    assert target_of(send(home, one.target, source))["trusted"] is True


def test_S19_a_known_address_with_another_certificate(home, peer, source):
    """S19: exit 6 before any HTTP byte leaves; the command that is named repairs it."""
    with ReceiverPeer(alias="Kitchen", name="first") as one:
        assert send(home, one.target, source).returncode == 0
        port, old = one.port, one.fingerprint
    other = peer(alias="Kitchen", name="second", port=port)
    done = send(home, other.target, source)
    refused_unheard(done, other)
    assert other.calls == []
    message = last_error(done)["message"]
    assert f"lsend devices forget fp:{old[:16]}" in message
    assert other.fingerprint in message
    devices(home, "forget", "fp:" + old[:16])
    assert send(home, other.target, source).returncode == 0


def warnings_of(done):
    return [e["message"] for e in map(json.loads, done.stdout.splitlines())
            if e["type"] == "warning"]


def test_S19_a_known_alias_at_a_new_address_is_a_new_device(home, peer, source):
    """Two of one name: each at its address, with one note; the name alone is ambiguous until one is
    trusted."""
    one = peer(alias="raspberrypi", name="first")
    assert send(home, one.target, source).returncode == 0
    other = peer(alias="raspberrypi", name="second")
    done = send(home, other.target, source)
    assert done.returncode == 0, done.stdout
    note, = warnings_of(done)
    assert note == ("'raspberrypi' (127.0.0.1) is a new device: 'raspberrypi' (fp:"
                    f"{one.fingerprint[:8]}), which has this name too, has another certificate")
    assert target_of(done)["known"] is False and "changed" not in target_of(done)
    for each in (other, one):
        again = send(home, each.target, source)
        assert again.returncode == 0 and warnings_of(again) == []
        assert target_of(again)["known"] is True
    done = send(home, "raspberrypi", source)
    assert done.returncode == 4, done.stdout
    message = last_error(done)["message"]
    for each in (one, other):
        assert f"(fp:{each.fingerprint[:8]}) at {each.target}" in message
    devices(home, "trust", "fp:" + other.fingerprint)
    before = len(other.of("upload"))
    assert send(home, "raspberrypi", source).returncode == 0
    assert len(other.of("upload")) == before + 1


@pytest.mark.parametrize("mode", ["ask", "strict"])
def test_a_new_device_of_a_known_name_is_asked_about(home, peer, source, mode):
    one = peer(alias="Kitchen", name="first")
    assert send(home, one.target, source).returncode == 0
    other = peer(alias="Kitchen", name="second")
    done = send(home, other.target, source, "--trust", mode)
    refused_unheard(done, other)
    assert f"lsend devices trust fp:{other.fingerprint}" in last_error(done)["message"]
    devices(home, "trust", "fp:" + other.fingerprint)
    assert send(home, other.target, source, "--trust", mode).returncode == 0


def test_a_known_address_is_pinned_whoever_else_is_known(home, peer, source):
    """Both are known, and one answers at the other's address."""
    with ReceiverPeer(alias="Kitchen", name="first") as one:
        assert send(home, one.target, source).returncode == 0
        port = one.port
    other = peer(alias="Cellar", name="second")
    assert send(home, other.target, source).returncode == 0
    moved = peer(alias="Cellar", name="second", port=port)
    done = send(home, moved.target, source)
    refused_unheard(done, moved)
    assert f"'lsend devices forget fp:{one.fingerprint[:16]}'" in last_error(done)["message"]
    # Its own name and its fingerprint mean itself, wherever it is.
    for target in ("Cellar", "fp:" + other.fingerprint[:12]):
        assert send(home, target, source).returncode == 0


def test_a_group_means_what_its_members_mean(home, peer, source, tmp_path):
    one, other = peer(alias="box", name="first"), peer(alias="box", name="second")
    config = tmp_path / "config.toml"
    config.write_text(f'[groups]\nboth = ["{one.target}", "{other.target}"]\nname = ["box"]\n')
    done = send(home, "@both", source, "--config", config)
    assert done.returncode == 0, done.stdout
    assert set(states(home)) == {one.fingerprint, other.fingerprint}
    assert send(home, "@name", source, "--config", config).returncode == 4


@pytest.mark.parametrize("silent", [False, True], ids=["400", "silent"])
def test_a_device_that_shares_by_link_is_explained(home, peer, source, silent):
    """It speaks plain HTTP for that while: by address, by name, by fingerprint."""
    with ReceiverPeer(alias="Phone", name="first") as one:
        assert send(home, one.target, source).returncode == 0
        port, fingerprint = one.port, one.fingerprint
    sharing = peer("1.17", tls=False, alias="Phone", name="first", port=port,
                   silent_to_tls=silent)
    for target in (sharing.target, "Phone", "fp:" + fingerprint[:16]):
        done = send(home, target, source, "--connect-timeout", "2s")
        refused_unheard(done, sharing)
        message = last_error(done)["message"]
        assert message.startswith(f"'Phone' (fp:{fingerprint[:8]}) is known to prove itself by "
                                  "HTTPS, and now it answers")
        assert "'Share via link' or 'Receive via link' is open there" in message
        assert "--http" in message and f"lsend devices forget fp:{fingerprint[:16]}" in message
        assert "wrong version" not in message
    for call in sharing.calls:
        assert "fingerprint" not in call.target


def test_S19_fingerprint_is_demanded_in_the_handshake(home, peer, source):
    one = peer()
    done = send(home, one.target, source, "--fingerprint", "AB" * 32)
    refused_unheard(done, one)
    assert one.calls == []
    colons = ":".join(one.fingerprint[i:i + 2] for i in range(0, 64, 2)).lower()
    done = send(home, one.target, source, "--fingerprint", "AB" * 32, "--fingerprint", colons)
    assert done.returncode == 0, done.stderr


def test_a_demanded_fingerprint_is_never_sent_to_without_tls(home, peer, source):
    one = peer(tls=False)
    for target in (one.target, one.url):
        refused_unheard(send(home, target, source, "--fingerprint", "AB" * 32), one)
    refused_unheard(send(home, one.target, source, "--http", "--fingerprint", "AB" * 32), one)
    assert one.calls == []


@pytest.mark.parametrize("words", [["--fingerprint", "AB"], ["--fingerprint", "XY" * 32],
                                   ["--trust", "maybe"]])
def test_nonsense_is_a_usage_error(home, source, words):
    done = run_lsend("send", "127.0.0.1", source, *words, home=home("me"))
    assert done.returncode == 2
    assert words[0] in done.stderr


@pytest.mark.parametrize("era, tls", [("1.17", False), ("1.8", True), ("1.8", False)])
def test_S21_a_known_device_is_never_spoken_to_in_an_older_way(home, peer, source, era, tls):
    """S21: a known HTTPS device that now speaks HTTP or v1 is refused."""
    with ReceiverPeer(alias="Kitchen", name="first") as one:
        assert send(home, one.target, source).returncode == 0
        port = one.port
    same_place = peer(era, tls=tls, alias="Kitchen", name="second", port=port)
    refused_unheard(send(home, same_place.target, source), same_place)
    elsewhere = peer(era, tls=tls, alias="Kitchen", name="third")
    done = send(home, elsewhere.target, source)
    refused_unheard(done, elsewhere)
    assert "known to prove itself by HTTPS" in last_error(done)["message"]


def test_S21_http_is_refused_for_a_known_device(home, peer, source):
    """S21: neither --http nor an http URL makes us speak HTTP to a known device."""
    one = peer(alias="Kitchen")
    assert send(home, one.target, source).returncode == 0
    before = len(one.calls)
    for target, words in ((one.target, ["--http"]), (f"http://{one.target}", []),
                          ("Kitchen", ["--http"]), ("fp:" + one.fingerprint[:12], ["--http"])):
        done = send(home, target, source, *words)
        assert done.returncode == 6, (target, done.stderr)
        assert "plain HTTP" in last_error(done)["message"]
    assert len(one.calls) == before


def test_plain_http_and_old_versions_are_not_remembered(home, peer, source):
    for one in (peer(tls=False, alias="Plain"), peer("1.8", alias="Old")):
        done = send(home, one.target, source)
        assert done.returncode == 0, done.stderr
        assert target_of(done)["known"] is False
    assert devices(home)["devices"] == []


def test_strict_takes_trusted_devices_only(home, peer, source):
    one = peer(alias="Kitchen")
    done = send(home, one.target, source, env={"LSEND_TRUST": "strict"})
    refused_unheard(done, one)
    assert f"lsend devices trust fp:{one.fingerprint}" in last_error(done)["message"]
    assert devices(home)["devices"] == []
    done = send(home, one.target, source, "--trust", "strict", "--fingerprint", one.fingerprint)
    assert done.returncode == 0, done.stderr
    assert states(home) == {one.fingerprint: "seen"}
    assert send(home, one.target, source, "--trust", "strict").returncode == 6
    devices(home, "trust", "Kitchen")
    assert send(home, one.target, source, "--trust", "strict").returncode == 0


def test_off_checks_and_remembers_nothing(home, peer, source):
    with ReceiverPeer(alias="Kitchen", name="first") as one:
        assert send(home, one.target, source).returncode == 0
        port = one.port
    other = peer(alias="Kitchen", name="second", port=port)
    before = devices(home)["devices"]
    assert send(home, other.target, source, "--trust", "off").returncode == 0
    assert devices(home)["devices"] == before


def test_ask_without_a_terminal_is_no(home, peer, source):
    one = peer(alias="Kitchen")
    done = send(home, one.target, source, "--trust", "ask")
    refused_unheard(done, one)
    assert "lsend devices trust" in last_error(done)["message"]
    devices(home, "trust", "fp:" + one.fingerprint)
    assert send(home, one.target, source, "--trust", "ask").returncode == 0


@pytest.mark.parametrize("typed, code", [("y\n", 0), ("n\n", 6), ("\n", 6)])
def test_ask_asks_a_person_once(home, peer, source, typed, code):
    one = peer(alias="Kitchen\x1b[31m")
    with OnTerminal("send", "--trust", "ask", one.target, source, home=home("me")) as running:
        shown = running.wait_for("send to it? (y)es (n)o:")
        assert one.fingerprint in shown and "Kitchen\\x1B[31m" in shown
        assert one.of("prepare") == []
        running.type(typed)
        assert running.wait() == code, running.shown()
    assert len(one.of("upload")) == (1 if code == 0 else 0)
    assert states(home) == ({one.fingerprint: "seen"} if code == 0 else {})
    if code == 0:
        assert send(home, one.target, source, "--trust", "ask").returncode == 0


@pytest.mark.parametrize("signal_number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ask_ends_at_once_with_an_interrupt(home, peer, source, signal_number, code):
    """Long before the limit that force has; the terminal is as it was."""
    one = peer(alias="Kitchen")
    with OnTerminal("send", "--trust", "ask", one.target, source, home=home("me")) as running:
        running.wait_for("send to it? (y)es (n)o:")
        running.popen.send_signal(signal_number)
        began = time.monotonic()
        assert running.wait(10) == code, running.shown()
        assert time.monotonic() - began < 1
        assert running.echoes()
        assert running.shown().endswith("\n")
    assert one.of("prepare") == []
    assert states(home) == {}


def test_a_known_device_is_called_where_it_was(home, peer, source):
    """No discovery is waited for: by alias, by fingerprint, by our own name for it."""
    one = peer(alias="Kitchen Pad")
    assert send(home, one.target, source).returncode == 0
    devices(home, "rename", "kitchen pad", "Cook")
    for target in ("Kitchen Pad", "fp:" + one.fingerprint[:8], "Cook"):
        began = time.monotonic()
        done = send(home, target, source)
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began < 4
    assert len(one.of("prepare")) == 4


def test_a_trusted_name_means_one_fingerprint(home, peer, source):
    """A stranger who takes the name and the place of a trusted device gets nothing."""
    with ReceiverPeer(alias="Kitchen", name="first") as one:
        devices(home, "trust", one.target)
        assert states(home) == {one.fingerprint: "trusted"}
        port = one.port
    other = peer(alias="Kitchen", name="second", port=port)
    done = send(home, "Kitchen", source)
    refused_unheard(done, other)
    assert other.calls == []
    message = last_error(done)["message"]
    assert message.startswith(f"expected 'Kitchen' (fp:{one.fingerprint[:8]}), but where it was the "
                              f"TLS handshake with {other.url}")
    assert f"'lsend devices forget fp:{one.fingerprint[:16]}'" in message


def test_blocked_devices_get_nothing(home, peer, source):
    one = peer(alias="Kitchen")
    devices(home, "block", one.target)
    done = send(home, one.target, source)
    refused_unheard(done, one)
    assert "is blocked" in last_error(done)["message"]
    refused_unheard(send(home, "fp:" + one.fingerprint, source), one)


def test_transfers_of_blocked_devices_are_declined(home, source, tmp_path):
    """At once, while `receive` runs, by the certificate that TLS proved."""
    own = json.loads(run_lsend("info", "--json", home=home("other")).stdout)["fingerprint"]
    with Receiver(tmp_path / "in", home=home("me")) as receiver:
        assert run_lsend("send", receiver.target, source, home=home("other")).returncode == 0
        devices(home, "block", "fp:" + own)
        done = run_lsend("send", receiver.target, source, home=home("other"))
        assert done.returncode == 8, done.stderr
        devices(home, "forget", "fp:" + own)
        assert run_lsend("send", receiver.target, source, home=home("other")).returncode == 0


def test_sends_at_once_lose_no_record(home, peer, source):
    run_lsend("info", home=home("me"))
    peers = [peer(alias=f"Peer {i}", name=f"one-{i}") for i in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda p: send(home, p.target, source, "-p", "0"), peers))
    assert [d.returncode for d in done] == [0] * 6, [d.stderr for d in done]
    assert set(states(home)) == {p.fingerprint for p in peers}


def test_a_damaged_list_is_named_and_left_alone(home, peer, source):
    one = peer()
    path = home("me") / "known_devices.json"
    path.write_text('{"format": 1, "devices": [')
    done = send(home, one.target, source)
    refused_unheard(done, one)
    assert str(path) in last_error(done)["message"]
    assert devices(home, "trust", "fp:" + "AB" * 32, expect=6)["ok"] is False
    assert path.read_text() == '{"format": 1, "devices": ['
    assert send(home, one.target, source, "--trust", "off").returncode == 0


# --- devices --------------------------------------------------------------------------------------


def test_devices_actions(home):
    a, b = "AB" * 32, "ABABABAB" + "CD" * 28
    assert devices(home)["devices"] == []
    assert devices(home, "trust", "fp:" + a)["devices"][0]["state"] == "trusted"
    devices(home, "rename", "fp:" + a, "Box")
    devices(home, "block", "fp:" + b)
    assert states(home) == {a: "trusted", b: "blocked"}
    assert devices(home, "show", "box")["devices"][0]["fingerprint"] == a
    assert devices(home, "forget", "Box")["devices"][0]["fingerprint"] == a
    assert states(home) == {b: "blocked"}


@pytest.mark.parametrize("words, code, text", [
    (["show", "nobody"], 3, "is no known device"),
    (["forget", "fp:" + "12" * 8], 3, "is no known device"),
    (["forget", "fp:ABABABAB"], 4, "fits 2 known devices"),
    (["trust", "fp:ABABABAB"], 4, "fits 2 known devices"),
    (["trust", "fp:12"], 2, "too short"),
    (["rename", "Box", "Carl"], 2, "is the name of"),
    (["rename", "Box", "fp:12345678"], 2, "could never be a TARGET"),
    (["rename", "Box"], 2, "lsend devices rename DEVICE NAME"),
    (["trust"], 2, "lsend devices trust DEVICE"),
    (["list", "x"], 2, "lsend devices list"),
    (["blok", "x"], 2, "did you mean 'block'?"),
    (["trust", "127.0.0.1:9"], 5, "127.0.0.1"),
])
def test_devices_errors(home, words, code, text):
    devices(home, "trust", "fp:" + "AB" * 32)
    devices(home, "rename", "fp:" + "AB" * 32, "Box")
    devices(home, "block", "fp:ABABABAB" + "CD" * 28)
    devices(home, "rename", "fp:ABABABAB" + "CD" * 28, "Carl")
    before = states(home)
    done = run_lsend("devices", *words, home=home("me"))
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert done.stdout == ""
    assert states(home) == before


def test_trust_needs_a_certificate_that_is_kept(home, peer):
    for one in (peer(tls=False), peer("1.8")):
        done = run_lsend("devices", "trust", one.target, home=home("me"))
        assert done.returncode == 6, done.stderr
        assert "proves no certificate" in done.stderr
    assert devices(home)["devices"] == []


def test_peer_text_is_shown_escaped(home, peer, source):
    one = peer(alias="\x1b[31mred\u202e")
    assert send(home, one.target, source).returncode == 0
    for words in ([], ["show", "fp:" + one.fingerprint]):
        done = run_lsend("devices", *words, home=home("me"))
        assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
        assert "\\x1B[31mred" in done.stdout


def test_info_says_whether_it_is_trusted(home, peer):
    one = peer(alias="Kitchen", name="first")
    told = lambda *words: run_lsend("info", one.target, *words, home=home("me")).stdout
    assert "not known" in told()
    assert json.loads(told("--json"))["known"] is False
    devices(home, "trust", one.target)
    assert "trusted" in told()
    assert json.loads(told("--json"))["trusted"] is True
    other = peer(alias="Kitchen", name="second")
    shown = run_lsend("info", other.target, home=home("me"))
    assert shown.returncode == 0 and "NOT the known device" in shown.stdout


# --- discover -------------------------------------------------------------------------------------


def test_discover_calls_known_devices_and_marks_them(home, peer, tmp_path):
    """At ports of their own, where multicast does not reach: * trusted, ! another certificate."""
    one, two = peer(alias="Kitchen", name="first"), peer(alias="Cellar", name="second")
    devices(home, "trust", one.target)
    devices(home, "trust", two.target)
    devices(home, "block", "Cellar")
    done = run_lsend("discover", "--timeout", "1500ms", home=home("me"))
    assert done.returncode == 0, done.stderr
    line, = [line for line in done.stdout.splitlines() if "Kitchen" in line]
    assert line.startswith("Kitchen") and "* desktop" in line
    assert "Cellar" not in done.stdout
    told = json.loads(run_lsend("discover", "--timeout", "1500ms", "--json", home=home("me")).stdout)
    entry, = [d for d in told["devices"] if d["alias"] == "Kitchen"]
    assert entry["trusted"] and entry["known"] and entry["verified"]


@requires_netns
def test_discover_tells_impostors_and_copies(home):
    """S45: one certificate, two devices; a known alias, another certificate; our own copied."""
    me = home("me")
    own = json.loads(run_lsend("info", "--json", home=me).stdout)["fingerprint"]
    with Lab(3) as lab, MulticastPeer(lab[1].ipv4, lab[1].name) as first, \
            MulticastPeer(lab[2].ipv4, lab[2].name) as second, \
            ReceiverPeer(host=lab[1].ipv4, net=lab[1].name, alias="Kitchen", name="first") as one, \
            ReceiverPeer(host=lab[2].ipv4, net=lab[2].name, alias="Cellar", name="first") as copy, \
            ReceiverPeer(host=lab[2].ipv4, net=lab[2].name, alias="Kitchen", name="x") as other:
        trusted = run_lsend("devices", "trust", one.target, home=me, netns=lab[0].name)
        assert trusted.returncode == 0, trusted.stderr
        with Program("discover", "--watch", "--json", "--no-scan", home=me,
                     netns=lab[0].name) as program:
            wait_until(lambda: first.from_others(), what="an announcement")
            first.announce(one)
            wait_until(lambda: any(e.get("trusted") for e in program.events()), what="trust")
            second.announce(copy)
            second.announce(other)
            second.announce(copy, fingerprint=own)
            wait_until(lambda: any(e.get("changed") for e in program.events()), what="an impostor")
            wait_until(lambda: sum(e["type"] == "warning" for e in program.events()) >= 2,
                       what="the warnings")
            warnings = [e["message"] for e in program.events() if e["type"] == "warning"]
            assert any("two devices use one certificate" in w and "Cellar" in w for w in warnings)
            assert any("this one's certificate" in w and lab[2].ipv4 in w for w in warnings)
            changed, = {e["fingerprint"] for e in program.events() if e.get("changed")}
            assert changed == other.fingerprint
