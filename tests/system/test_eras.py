"""Every app with every role and mode: it sends, it receives, it is found and it finds."""

import contextlib

import pytest

from lab.files import make_file
from lab.netns import requires_netns
from lab.process import Program, Receiver, run_lsend, wait_until
from peers.receiver import ReceiverPeer
from peers.sender import File, SenderPeer

PORT = 53317
MATRIX = [(era, tls) for era in ("1.8", "1.9", "1.17", "1.18") for tls in (True, False)]
every_era_and_mode = pytest.mark.parametrize(
    "era,tls", MATRIX, ids=[f"{era}-{'https' if tls else 'http'}" for era, tls in MATRIX])
CONTENT = {"a.txt": b"text", "empty": b"", "big.bin": bytes(range(256)) * 2000}


@pytest.fixture
def app(own_home):
    """app(era, tls) receives."""
    with contextlib.ExitStack() as stack:
        def start(era, tls, **options):
            # Each is a device of its own: one that was known by HTTPS may not come by HTTP.
            return stack.enter_context(
                ReceiverPeer(era, tls=tls, name=f"{era}-{tls}", alias=f"App {era} {tls}",
                             trusted=own_home / "identity.pem", **options))

        yield start


@every_era_and_mode
def test_era_lsend_sends_to_it(app, own_home, tmp_path, era, tls):
    """A folder, by its address alone."""
    for name, content in CONTENT.items():
        make_file(tmp_path / "folder" / name, content)
    one = app(era, tls)
    done = run_lsend("send", one.target, tmp_path / "folder", home=own_home)
    assert done.returncode == 0, done.stderr
    assert {name: call.size for name, call in one.stored.items()} == {
        f"folder/{name}": len(content) for name, content in CONTENT.items()}
    versions = {call.path.split("/")[3] for call in one.of("prepare") + one.of("upload")}
    assert versions == {"v1" if era == "1.8" else "v2"}


@every_era_and_mode
def test_era_it_sends_to_lsend(own_home, tmp_path, era, tls):
    """The same folder, in its words and framing."""
    with Receiver(tmp_path / "in", *([] if tls else ["--http"]), home=own_home) as receiver:
        answers = SenderPeer(receiver.port, era=era, tls=tls).send(
            [File(f"folder/{name}", content) for name, content in CONTENT.items()])
        assert [answer.status for answer in answers] == [200] * len(CONTENT)
        for name, content in CONTENT.items():
            assert (receiver.folder / "folder" / name).read_bytes() == content


@requires_netns
@every_era_and_mode
def test_era_lsend_finds_it(lab, radio, app, own_home, era, tls):
    """It announces itself, lsend answers in its words and lists it."""
    one = app(era, tls, host=lab[1].ipv4, net=lab[1].name, port=PORT if era == "1.8" else 0)
    # An app of v1 does not say which mode it has: both have to have the same.
    mode = ["--http"] if era == "1.8" and not tls else []
    with Program("discover", "--watch", "--json", "--no-scan", *mode, home=own_home,
                 netns=lab[0].name) as program:
        wait_until(radio.from_others, what="an announcement")
        radio.announce(one)
        one.wait_for("register")
        listed = wait_until(lambda: [event for event in program.events()
                                     if event["type"] == "device"], what="the device")[-1]
    assert listed["alias"] == one.alias
    assert listed["endpoints"] == [{"protocol": "https" if tls else "http",
                                    "address": lab[1].ipv4, "port": one.port}]


@requires_netns
@every_era_and_mode
def test_era_it_finds_lsend(lab, radio, own_home, tmp_path, era, tls):
    """It hears the announcement and reads what its parser wants, answers by register, and finds
    lsend by asking its address: /v1/info up to 1.17, register since 1.18."""
    with Receiver(tmp_path / "in", *([] if tls else ["--http"]), home=own_home, netns=lab[0].name,
                  interface=None, port=PORT) as receiver:
        _, source, heard = radio.wait_for(lambda m: m["fingerprint"] == receiver.fingerprint, 10)
        needed = {"alias", "fingerprint", "announcement", "deviceType"} if era == "1.8" else {
            "alias", "version", "fingerprint", "port", "protocol", "announce"}
        assert needed <= set(heard)
        assert heard["protocol"] == ("https" if tls else "http")
        caller = SenderPeer(heard["port"], era=era, tls=tls, host=source[0], net=lab[1].name)
        answers = [caller.register()]
        if era != "1.18":
            answers.append(caller.request("GET", "/api/localsend/v1/info"))
    for answer in answers:
        assert answer.status == 200
        assert answer.json()["alias"] == "Receiver"
