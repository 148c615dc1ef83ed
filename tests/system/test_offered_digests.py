"""Who hashes all that comes is offered no sha256: the digest of what it stored is compared. Everybody
else is."""

import hashlib

import pytest

from lab import files
from lab.process import Receiver
from lab.sending import digests
from peers.receiver import ReceiverPeer
from peers.sender import SenderPeer
from test_digests import field, of_file, send

CONTENT = b"all that was sent" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HASHES = {"v": 1, "resume": True, "hashes": True}


def saying(member):
    """An `info` answer with this "lsend" in it."""
    def act(exchange):
        exchange.read()
        exchange.answer(200, exchange.peer.device(False) | ({"lsend": member} if member else {}))
        return True
    return act


def storing(change=None):
    """Takes an upload and states the digest of what it keeps of it."""
    def act(exchange):
        exchange.read()
        kept = change(exchange.call.body) if change else exchange.call.body
        exchange.answer(200, fields=[field(hashlib.sha256(kept).digest())])
        return True
    return act


def offered_by(receiver):
    """The sha256 (or None) of each offered file, by name."""
    (call,) = receiver.of("prepare")
    return {entry["fileName"]: entry.get("sha256") for entry in call.json()["files"].values()}


@pytest.fixture
def content(tmp_path):
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    return path


def test_who_hashes_all_is_offered_none_and_compared(own_home, content):
    with ReceiverPeer(behave={"info": saying(HASHES), "upload": storing()}) as receiver:
        code, events = send(receiver.target, own_home, content)
        assert offered_by(receiver) == {"content.bin": None}
    assert code == 0
    assert of_file(events)["sha256"] == SHA256


def test_what_it_stores_damaged_is_found(own_home, content):
    """One bit is enough."""
    def flip(body):
        return body[:-1] + bytes([body[-1] ^ 1])

    behave = {"info": saying(HASHES), "upload": storing(flip)}
    with ReceiverPeer(behave=behave) as receiver:
        code, events = send(receiver.target, own_home, content)
        assert offered_by(receiver) == {"content.bin": None}
        assert len(receiver.of("upload")) == 1
    assert code == 12
    event = of_file(events)
    assert event["status"] == "failed" and "sha256" not in event
    assert "has stored 'content.bin' damaged" in event["error"]["message"]
    assert SHA256 in event["error"]["message"]


def test_damage_among_many_small_files_is_found(own_home, tmp_path):
    """They leave in groups."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}").write_bytes(f"content {number}".encode())

    def flip(body):
        return b"another" if body == b"content 57" else body

    behave = {"info": saying(HASHES), "upload": storing(flip)}
    with ReceiverPeer(behave=behave) as receiver:
        code, events = send(receiver.target, own_home, folder)
        assert set(offered_by(receiver).values()) == {None}
    told = {event["name"]: event for event in events if event["type"] == "file"}
    assert code == 10 and len(told) == 60
    assert [name for name, event in told.items() if event["status"] != "done"] == ["many/57"]
    assert {name: event["sha256"] for name, event in told.items() if event["status"] == "done"} == {
        f"many/{number:02}": hashlib.sha256(f"content {number}".encode()).hexdigest()
        for number in range(60) if number != 57}


def test_who_gives_no_digest_after_all_confirms_nothing(own_home, content):
    def silent(exchange):
        exchange.read()
        exchange.answer(200)
        return True

    with ReceiverPeer(behave={"info": saying(HASHES), "upload": silent}) as receiver:
        code, events = send(receiver.target, own_home, content)
    assert code == 0 and "sha256" not in of_file(events)


@pytest.mark.parametrize("member, tls", [
    (None, True), ({"v": 1, "resume": True}, True), (HASHES | {"hashes": False}, True),
    (HASHES | {"hashes": "true"}, True), ({"hashes": True}, True), (HASHES, False)],
    ids=["an app", "an older lsend", "says no", "mistyped", "no version", "plain HTTP"])
def test_others_are_offered_one(own_home, content, member, tls):
    """By plain HTTP nothing else would refuse what came damaged."""
    behave = {"info": saying(member)}
    with ReceiverPeer(tls=tls, behave=behave) as receiver:
        code, _ = send(receiver.target, own_home, content)
        assert offered_by(receiver) == {"content.bin": SHA256}
        assert receiver.stored["content.bin"].sha256 == SHA256
    assert code == 0


@pytest.mark.parametrize("options, offered", [(["--checksum"], SHA256), (["--no-checksum"], None)])
def test_the_options_have_the_last_word(own_home, content, options, offered):
    with ReceiverPeer(behave={"info": saying(HASHES if offered else None)}) as receiver:
        code, _ = send(receiver.target, own_home, *options, content)
        assert offered_by(receiver) == {"content.bin": offered}
    assert code == 0


def test_what_came_through_a_pipe_is_known_again_by_its_digest(own_home):
    """It has no time of modification of its own."""
    with ReceiverPeer(behave={"info": saying(HASHES), "upload": storing()}) as receiver:
        code, events = send(receiver.target, own_home, "-", "--name", "a.bin", input=CONTENT)
        assert offered_by(receiver) == {"a.bin": SHA256}
    assert code == 0 and of_file(events)["sha256"] == SHA256


def test_each_of_several_targets_as_it_needs(own_home, content):
    """One hashes all, two do not: these get the same digest, and all the file."""
    with ReceiverPeer(behave={"info": saying(HASHES), "upload": storing()}) as able, \
            ReceiverPeer() as app, ReceiverPeer("1.8") as old, ReceiverPeer() as other:
        targets = [word for peer in (app, old, other) for word in ("--to", peer.target)]
        code, events = send("--to", own_home, able.target, *targets, "--trust", "off", content)
        assert offered_by(able) == {"content.bin": None}
        assert offered_by(app) == offered_by(other) == {"content.bin": SHA256}
        assert old.stored["content.bin"].sha256 == SHA256
    assert code == 0
    assert {event["target"]: event.get("sha256") for event in events if event["type"] == "file"} == {
        able.target: SHA256, app.target: None, old.target: None, other.target: None}


def test_a_file_that_vanishes_before_it_is_hashed(own_home, tmp_path):
    """A file that cannot be read any more is told; the others go."""
    folder = tmp_path / "some"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(name.encode())

    def vanish(exchange):
        exchange.read()
        (folder / "b").unlink(missing_ok=True)
        exchange.answer(200, exchange.peer.device(False))
        return True

    with ReceiverPeer(behave={"info": vanish}) as receiver:
        code, events = send(receiver.target, own_home, folder)
    assert code == 10
    assert [event["name"] for event in events
            if event["type"] == "file" and event["status"] == "done"] == ["some/a"]
    failed, = (event for event in events
               if event["type"] == "file" and event["status"] == "failed")
    assert failed["name"] == "some/b"
    assert failed["error"]["code"] == "io" and "cannot open" in failed["error"]["message"]


def test_who_is_called_by_name_is_asked_where_hashing_takes_longer(home, tmp_path, content):
    """What is heard of a device does not say it, and a few files are hashed sooner than it is asked."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(600):
        (folder / f"{number:03}").write_bytes(f"content {number}".encode())
    behave = {"info": saying(HASHES), "upload": storing()}
    with ReceiverPeer(alias="Able", behave=behave) as receiver:
        assert send(receiver.target, home("sender"), content)[0] == 0
        for path in (content, folder):
            receiver.session = None
            receiver.calls.clear()
            assert send("Able", home("sender"), path)[0] == 0
            offered = set(offered_by(receiver).values())
            assert offered == ({SHA256} if path == content else {None})


# --- receivers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, says", [
    ([], True), (["--conflict", "overwrite"], True), (["--conflict", "skip"], False),
    (["--no-checksum"], False), (["--accept-exec", "true"], False), (["--output", "-"], False)],
    ids=["by default", "overwrite", "skip", "no-checksum", "accept-exec", "output"])
def test_a_receiver_says_whether_it_needs_one(home, tmp_path, options, says):
    with Receiver(tmp_path / "in", *options, home=home("receiver")) as receiver:
        sender = SenderPeer(receiver.port)
        info = sender.request("GET", "/api/localsend/v2/info").json()
        old = sender.request("GET", "/api/localsend/v1/info").json()
    assert info["lsend"] == {"v": 1, "resume": True} | ({"hashes": True} if says else {})
    assert "lsend" not in old


@pytest.mark.parametrize("options", [(), ("--no-checksum",), ("--conflict", "overwrite")],
                         ids=["by default", "--no-checksum", "overwrite"])
def test_between_two_lsend_all_is_confirmed(home, tmp_path, content, options):
    """However the receiver was started, small files have always been verified."""
    with Receiver(tmp_path / "in", *options, home=home("receiver")) as receiver:
        code, events = send(f"127.0.0.1:{receiver.port}", home("sender"), content)
        receiver.stop()
    assert code == 0
    assert (tmp_path / "in" / "content.bin").read_bytes() == CONTENT
    assert of_file(events)["sha256"] == SHA256


def test_skip_spares_equal_files_of_another_lsend(home, tmp_path):
    """Without --checksum."""
    folder = tmp_path / "some"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(name.encode() * 1000)
    with Receiver(tmp_path / "in", "--conflict", "skip", home=home("receiver")) as receiver:
        target = f"127.0.0.1:{receiver.port}"
        assert send(target, home("sender"), folder)[0] == 0
        (folder / "b").write_bytes(b"changed")
        _, events = send(target, home("sender"), folder)
        receiver.stop()
    assert {event["name"]: event["status"] for event in events if event["type"] == "file"} == {
        "some/a": "skipped", "some/b": "done", "some/c": "skipped"}
    stored = digests((tmp_path / "in" / "some").iterdir())
    assert stored == digests(folder.iterdir()) | {
        "b": hashlib.sha256(b"b" * 1000).hexdigest(), "b (1)": files.digest(folder / "b")}


def test_a_program_that_decides_is_told_the_digests(home, tmp_path, content):
    """Another lsend offers them to it."""
    asked = tmp_path / "asked"
    with Receiver(tmp_path / "in", "--accept-exec", f"cat >{asked}", accept=False,
                  home=home("receiver")) as receiver:
        code, _ = send(f"127.0.0.1:{receiver.port}", home("sender"), content)
        receiver.stop()
    assert code == 0
    assert f'"{SHA256}"' in asked.read_text()
