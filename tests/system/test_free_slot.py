"""The slot is free when nobody can use it: who has left, fallen silent or failed for good is let go
within the times that lsend(1) and lsend-receive(1) name, and who comes back finds its own place."""

import contextlib
import os
import time

import pytest

from lab import files
from lab.netns import Lab, requires_netns
from lab.process import Program, Receiver, wait_until
from lab.resuming import MIB, Resuming, big, digest
from peers import certificates
from peers.sender import File, SenderPeer

DESERTED = 5  # seconds, as lsend-receive(1) says
STALL = 12  # of the receivers here: far from DESERTED, and from twice itself
SLACK = 6  # a machine that is busy, and another try after a stall (DESERTED)
wires = pytest.mark.parametrize("era,tls", [("1.17", True), ("1.17", False), ("1.8", False)],
                                ids=["v2-https", "v2-http", "v1"])


@pytest.fixture
def receiver(lsend, own_home, tmp_path):
    with Receiver(tmp_path / "in", "--http", "--json", "--stall-timeout", f"{STALL}s",
                  home=own_home) as running:
        yield running


def next_one(receiver):
    """Another sender, from another address, with another certificate."""
    return SenderPeer(receiver.port, source="127.0.0.9", tls=False)


def seconds_until_free(receiver, begun):
    """Since `begun` until the next sender is let in, which then cancels."""
    other = next_one(receiver)

    def let_in():
        answer = other.prepare([File("next", b"x")])
        assert answer.status in (200, 409), answer
        return answer.status == 200 and answer.json()

    reply = wait_until(let_in, 4 * STALL, "a free slot")
    passed = time.monotonic() - begun
    assert other.cancel(reply["sessionId"]).status == 200
    return passed


def is_busy(receiver):
    return next_one(receiver).prepare([File("busy?", b"x")]).status == 409


def begin(sender, connection, *offered):
    """(session, tokens), asked for on a connection that stays open."""
    answer = sender.prepare(offered, connection=connection)
    assert answer.status == 200, answer
    reply = answer.json()
    return (None, reply) if sender.v1 else (reply["sessionId"], reply["files"])


def ends(receiver):
    return [event["end"] for event in receiver.events() if event["type"] == "session"]


# --- F1: the only file has failed for good --------------------------------------------------------


@wires
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_another_size_than_announced(receiver, era, tls, in_chunks):
    """Also while the sender keeps its connections, as official apps do."""
    sender = SenderPeer(receiver.port, era, tls)
    file = File("a", b"content")
    with sender.connect() as asked, sender.connect() as used:
        session, tokens = begin(sender, asked, file)
        answer = sender.upload(session, file.id, tokens[file.id], b"too long for it",
                               in_chunks=in_chunks, connection=used)
        assert (answer.status, answer.message) == (400, "Size mismatch")
        begun = time.monotonic()
        assert is_busy(receiver)
        assert seconds_until_free(receiver, begun) < STALL - 1
    assert ends(receiver)[0] == "expired"


@wires
@pytest.mark.parametrize("cut", ["reset", "close"])
def test_a_broken_connection_and_nobody_else(receiver, era, tls, cut):
    sender = SenderPeer(receiver.port, era, tls)
    file = File("a", os.urandom(100_000))
    session, tokens = sender.start([file])
    connection = sender.connect()
    connection.send(sender.head("POST", sender.upload_target(session, file.id, tokens[file.id]),
                                [("Content-Length", len(file.data))]) + file.data[:50_000])
    wait_until(lambda: any((receiver.folder / ".lsend").iterdir()), what="a part")
    getattr(connection, cut)()
    assert seconds_until_free(receiver, time.monotonic()) < DESERTED + SLACK
    wait_until(lambda: not any((receiver.folder / ".lsend").iterdir()), what="no part")


def test_a_broken_connection_beside_another_one(receiver):
    """Its sender is still there, and sends it again."""
    sender = SenderPeer(receiver.port)
    file = File("a", os.urandom(100_000))
    with sender.connect() as asked:
        session, tokens = begin(sender, asked, file)
        broken = sender.connect()
        broken.send(sender.head("POST", sender.upload_target(session, file.id, tokens[file.id]),
                                [("Content-Length", len(file.data))]) + file.data[:50_000])
        broken.close()
        time.sleep(DESERTED + 2)
        assert is_busy(receiver)
        assert sender.upload(session, file.id, tokens[file.id], file.data, asked).status == 200


# --- F2: who has left ----------------------------------------------------------------------------


@wires
@pytest.mark.parametrize("cut", ["reset", "close"])
def test_gone_after_the_answer(receiver, era, tls, cut):
    sender = SenderPeer(receiver.port, era, tls)
    connection = sender.connect()
    begin(sender, connection, File("a", b"x"))
    getattr(connection, cut)()
    begun = time.monotonic()
    assert is_busy(receiver)
    assert seconds_until_free(receiver, begun) < DESERTED + SLACK


@wires
def test_gone_between_two_files(receiver, era, tls):
    sender = SenderPeer(receiver.port, era, tls)
    first, second = File("a", b"first"), File("b", b"second")
    with sender.connect() as connection:
        session, tokens = begin(sender, connection, first, second)
        assert sender.upload(session, first.id, tokens[first.id], first.data,
                             connection).status == 200
    assert seconds_until_free(receiver, time.monotonic()) < DESERTED + SLACK
    assert (receiver.folder / "a").read_bytes() == b"first"


@wires
def test_a_connection_for_each_request(receiver, era, tls):
    """Pauses of two seconds are no farewell."""
    sender = SenderPeer(receiver.port, era, tls)
    offered = [File(f"{i}", b"content") for i in range(3)]
    session, tokens = sender.start(offered)
    for file in offered:
        time.sleep(2)
        assert is_busy(receiver)
        assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200


def test_once_ends_soon_after_its_sender(lsend, own_home, tmp_path):
    """With what was lost, not at the stall limit."""
    with Receiver(tmp_path / "in", "--once", "--json", "--stall-timeout", "60s",
                  home=own_home) as running:
        begun = time.monotonic()
        SenderPeer(running.port).start([File("a", b"x")])
        assert running.wait(30) == 10
        assert time.monotonic() - begun < 20


# --- C2: the stall limit, by the clock -----------------------------------------------------------


@wires
def test_silent_after_the_answer(receiver, era, tls):
    """Connected, and let go after the stall limit, not before."""
    sender = SenderPeer(receiver.port, era, tls)
    file = File("a", b"x")
    with sender.connect() as connection:
        session, tokens = begin(sender, connection, file)
        passed = seconds_until_free(receiver, time.monotonic())
        assert STALL - 1 < passed < STALL + SLACK
        assert sender.upload(session, file.id, tokens[file.id], b"x").status == 403
    assert ends(receiver)[0] == "expired"


@wires
def test_silent_between_two_files(receiver, era, tls):
    sender = SenderPeer(receiver.port, era, tls)
    first, second = File("a", b"first"), File("b", b"second")
    with sender.connect() as connection:
        session, tokens = begin(sender, connection, first, second)
        assert sender.upload(session, first.id, tokens[first.id], first.data,
                             connection).status == 200
        assert STALL - 1 < seconds_until_free(receiver, time.monotonic()) < STALL + SLACK


@wires
def test_slow_between_two_files(receiver, era, tls):
    """A telephone that pauses for nearly as long as it may, on the connection that it has."""
    sender = SenderPeer(receiver.port, era, tls)
    offered = [File("a", b"first"), File("b", b"second")]
    with sender.connect() as connection:
        session, tokens = begin(sender, connection, *offered)
        for file in offered:
            time.sleep(STALL - 4)
            assert sender.upload(session, file.id, tokens[file.id], file.data,
                                 connection).status == 200


def test_silent_for_longer_than_connections_are_kept(lsend, own_home, tmp_path):
    """An idle connection is closed after 15 s, one of a session is not."""
    with Receiver(tmp_path / "in", "--stall-timeout", "60s", home=own_home) as running:
        sender = SenderPeer(running.port)
        file = File("a", b"content")
        with sender.connect() as connection:
            session, tokens = begin(sender, connection, file)
            time.sleep(21)
            assert SenderPeer(running.port, identity="other").prepare([file]).status == 409
            assert sender.upload(session, file.id, tokens[file.id], file.data,
                                 connection).status == 200


@wires
def test_silent_in_the_middle_of_a_file(receiver, era, tls):
    """The upload has failed, its part goes and others are let in, all at the limit (and not at
    twice the limit)."""
    sender = SenderPeer(receiver.port, era, tls)
    file = File("a", os.urandom(100_000))
    with sender.connect() as connection:
        session, tokens = begin(sender, connection, file)
        connection.send(sender.head("POST",
                                    sender.upload_target(session, file.id, tokens[file.id]),
                                    [("Content-Length", len(file.data))]) + file.data[:50_000])
        passed = seconds_until_free(receiver, time.monotonic())
        assert STALL - 1 < passed < STALL + SLACK
        answer = connection.answer()
        assert (answer.status, answer.message) == (408, "Request timed out")
    wait_until(lambda: not any((receiver.folder / ".lsend").iterdir()), what="no part")
    failed, = [event for event in receiver.events() if event["type"] == "file"]
    assert (failed["status"], failed["name"]) == ("failed", "a")


# --- who comes back ------------------------------------------------------------------------------


def test_the_same_certificate_has_its_place_at_once(receiver):
    """Its files are the same, or it is another lsend; nobody else gets it."""
    file = File("a", b"content")
    sender, stranger = SenderPeer(receiver.port), SenderPeer(receiver.port, identity="stranger")
    plain = SenderPeer(receiver.port, tls=False)
    old, tokens = sender.start([file])
    for other in (stranger, plain, next_one(receiver)):
        assert other.prepare([file]).status == 409
    elsewhere = SenderPeer(receiver.port, source="127.0.0.2")
    new, _ = elsewhere.start([file])
    assert new != old
    assert sender.upload(old, file.id, tokens[file.id], file.data).status == 403
    lsend = Resuming(receiver.port)
    reply, _ = lsend.ask(File("b", b"other content"))
    assert reply["sessionId"] not in (old, new)
    assert lsend.cancel_with(reply).status == 200


def test_other_files_of_the_same_certificate_wait_a_moment(receiver):
    """Its next connection might have been on its way."""
    sender = SenderPeer(receiver.port)
    sender.start([File("a", b"content")])
    begun = time.monotonic()
    wait_until(lambda: sender.prepare([File("b", b"x")]).status == 200, 20, "its place")
    assert 1 < time.monotonic() - begun < 2 + SLACK


def test_a_session_in_use_gives_way_to_nobody(receiver):
    """Connected, or with a file on its way: a second run of the same device is told to wait."""
    file = File("a", os.urandom(100_000))
    sender = Resuming(receiver.port)
    with sender.connect() as connection:
        answer = sender.prepare([file], connection=connection)
        assert answer.status == 200
        reply = answer.json()
        time.sleep(4)
        assert sender.prepare([file]).status == 409
        connection.send(sender.head("POST", sender.target_of(reply, file),
                                    [("Content-Length", len(file.data))]) + file.data[:50_000])
        time.sleep(4)
        assert sender.prepare([file]).status == 409
        connection.send(file.data[50_000:])
        assert connection.answer().status == 200


def test_a_pin_is_asked_for_all_the_same(lsend, own_home, tmp_path):
    with Receiver(tmp_path / "in", "--pin", "1234", home=own_home) as running:
        sender = SenderPeer(running.port)
        file = File("a", b"content")
        session, tokens = sender.start([file], pin="1234")
        assert sender.prepare([file]).status == 401
        assert sender.prepare([file], pin="4321").status == 401
        # The session has not been harmed by that.
        assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200


# --- E6: another address -------------------------------------------------------------------------


def test_goes_on_from_another_address(receiver):
    """The same certificate in the same session; the old connection still looks alive."""
    file = big()
    sender = Resuming(receiver.port, source="127.0.0.2")
    reply, _ = sender.ask(file)
    with sender.break_off(reply, file, 5 * MIB, keep_open=True):
        wait_until(lambda: sum(p.stat().st_size for p in (receiver.folder / ".lsend").iterdir())
                   >= 5 * MIB, what="five MiB")
        thief = Resuming(receiver.port, source="127.0.0.3",
                         identity=certificates.certificate("thief"))
        body = thief.offer([file])
        body["info"]["lsend"] = thief.wish | {"session": reply["sessionId"]}
        assert thief.prepare([file], body=body).status == 409
        moved = Resuming(receiver.port, source="127.0.0.3")
        again, points = moved.ask(file, session=reply["sessionId"])
        assert (again["sessionId"], again["files"]) == (reply["sessionId"], reply["files"])
        assert points[file.id]["offset"] == 5 * MIB
        # The old address has no part in it any more.
        assert sender.go_on(reply, file, 5 * MIB).status == 403
        assert moved.go_on(again, file, 5 * MIB).status == 200
    assert digest((receiver.folder / "disk.img").read_bytes()) == file.sha256


def test_another_address_is_under_the_same_rules(lsend, own_home, tmp_path):
    """Who may send only from one network does not go on from another one."""
    file = big()
    with Receiver(tmp_path / "in", "--accept-from", "127.0.0.2", home=own_home,
                  accept=False) as running:
        sender = Resuming(running.port, source="127.0.0.2")
        reply, _ = sender.ask(file)
        with sender.break_off(reply, file, 5 * MIB, keep_open=True):
            moved = Resuming(running.port, source="127.0.0.3")
            body = moved.offer([file])
            body["info"]["lsend"] = moved.wish | {"session": reply["sessionId"]}
            assert moved.prepare([file], body=body).status in (403, 409)
            again, _ = sender.ask(file, session=reply["sessionId"])
            assert again["sessionId"] == reply["sessionId"]


@pytest.fixture
def lab():
    with Lab(2) as made:
        yield made


@requires_netns
@pytest.mark.parametrize("options", [(), ("--no-resume",)], ids=["resume", "no-resume"])
def test_the_address_of_lsend_changes_in_mid_transfer(lsend, lab, home, tmp_path, options):
    """It gets another one while it sends: the file arrives, in one run of `lsend send`, long before
    any limit of --stall-timeout."""
    source = files.make_big(tmp_path / "big.bin", 60_000_000, step=4_000_000)
    lab[1].run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "60mbit", "burst",
               "64k", "latency", "100ms")
    with Receiver(tmp_path / "in", "--json", "--stall-timeout", "5m", home=home("receiver"),
                  netns=lab[0], interface=None) as receiving:
        target = f"{lab[0].ipv4}:{receiving.port}"
        with Program("send", "--json", "--stall-timeout", "5m", *options, target, source,
                     home=home("sender"), netns=lab[1]) as sending:
            wait_until(lambda: any(event["type"] == "progress" and event["bytes"] > 5_000_000
                                   for event in receiving.events()), 40, "some bytes")
            with contextlib.suppress(OSError):
                lab[1].run("ip", "addr", "del", f"{lab[1].ipv4}/16", "dev", "eth0")
            lab[1].run("ip", "addr", "add", "10.77.0.77/16", "dev", "eth0")
            assert sending.wait(90) == 0, sending.stdout()[-2000:]
        assert files.digest(receiving.folder / "big.bin") == files.digest(source)
        requests = [event for event in receiving.events() if event["type"] == "request"]
        # Who goes on is not asked about again.
        assert len(requests) == (2 if options else 1)
