"""R115 to R117: callers that are many, slow or silent, and one more that wants to be served."""

import contextlib
import os
import resource
import socket
import threading
import time

import pytest

from lab.process import is_sanitized, wait_until
from lab.wellbeing import Guard
from peers.hostile import WIRE_NAMES, WIRES, Hostile, read_all
from peers.sender import Connection, File

wires = pytest.mark.parametrize("era,tls", WIRES, ids=WIRE_NAMES)
schemes = pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
HEAD_LIMIT, KEEP_ALIVE = 10, 15


@pytest.fixture
def serving(lsend, own_home, tmp_path):
    """A receiver of its own for each row."""
    with Guard(tmp_path / "in", "--http", home=own_home, room=tmp_path / "in") as running:
        yield running


def transfer(serving, era="1.17", tls=True, source=None):
    """A transfer that is served at once whatever else goes on."""
    sender = Hostile(serving.port, era, tls, source=source)
    file = File("through", os.urandom(200_000))
    begun = time.monotonic()
    assert [answer.status for answer in sender.send([file])] == [200]
    assert time.monotonic() - begun < (15 if is_sanitized() else 5)
    serving.check(sender)


def test_R115_dripping_heads(serving):
    """R115: sixty heads that come byte by byte, of every version and scheme, and one caller that
    says nothing: transfers from the same address are served at once, and all are cut off at their
    limit."""
    slow = [Hostile(serving.port, era, tls) for era, tls in WIRES]
    with contextlib.ExitStack() as stack:
        links = [(sender, stack.enter_context(sender.connect())) for sender in slow * 15]
        silent = stack.enter_context(Connection(slow[0].open_tcp()))
        begun = time.monotonic()
        served = threading.Thread(target=lambda: [transfer(serving, era, tls)
                                                  for era, tls in WIRES])
        served.start()
        position, ended = 0, 0.0
        while not ended and time.monotonic() - begun < HEAD_LIMIT + 10:
            for sender, link in links:
                head = sender.head("GET", sender.route("info"))[:-1]
                with contextlib.suppress(OSError):
                    link.send(head[position % len(head):][:1])
            position += 1
            time.sleep(0.2 if position < 10 else 1)
            if all(has_ended(link.socket) for _, link in links):
                ended = time.monotonic() - begun
        served.join(60)
        assert not served.is_alive() and serving.stored()
        assert HEAD_LIMIT - 2 < ended < HEAD_LIMIT + 8
        wait_until(lambda: has_ended(silent.socket), 20, "the end of the silent caller")
    transfer(serving)


def has_ended(sock):
    """Has the other end finished, or said that it will? Reads what there is."""
    sock.settimeout(0.01)
    with contextlib.suppress(TimeoutError):
        try:
            while sock.recv(4096):
                pass
        except TimeoutError:
            raise
        except OSError:
            pass
        return True
    return False


def test_R115_a_stalled_upload(serving):
    """R115: it ends at its limit, and the session with it; nothing of it is left."""
    sender = Hostile(serving.port, tls=False)
    file = File("stalled", os.urandom(300_000))
    session, tokens = sender.start([file])
    with sender.begin_upload(session, file, tokens[file.id], [("Content-Length", 300_000)],
                             file.data[:100_000]) as link:
        wait_until(serving.parts, what="a part")
        other = Hostile(serving.port, source="127.0.0.2")
        assert other.prepare([File("x", b"x")]).status == 409
        begun = time.monotonic()
        link.socket.settimeout(60)
        assert [answer.status for answer in read_all(link)] == [408]
        assert 25 < time.monotonic() - begun < 45
    wait_until(lambda: not serving.parts(), what="the end of the part")
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    serving.check(sender)


@schemes
def test_R116_three_hundred_idle_connections(serving, tls):
    """R116: from the very address that sends: each newcomer has the oldest idle one closed."""
    idle = Hostile(serving.port, tls=False)
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(Connection(idle.open_tcp()))
        transfer(serving, tls=tls)
        for era, secure in WIRES:
            transfer(serving, era, secure)


def test_R116_an_upload_is_not_closed_for_newcomers(serving):
    """R116: a running session's connection is worth more than any idle one."""
    sender = Hostile(serving.port, tls=False)
    file = File("running", os.urandom(300_000))
    session, tokens = sender.start([file])
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(sender.begin_upload(
            session, file, tokens[file.id], [("Content-Length", 300_000)], file.data[:100_000]))
        for _ in range(300):
            stack.enter_context(Connection(sender.open_tcp()))
        link.send(file.data[100_000:])
        assert link.answer().status == 200
    serving.check(sender)


def test_R116_two_thousand_callers_that_go(serving):
    """R116: connect and close, connect and reset: neither descriptors nor memory are lost."""
    descriptors = len(os.listdir(f"/proc/{serving.pid}/fd"))
    before = serving.peak_memory()
    for number in range(2000):
        link = Connection(socket.create_connection(("127.0.0.1", serving.port), timeout=20))
        link.reset() if number % 2 else link.close()
    transfer(serving)
    wait_until(lambda: len(os.listdir(f"/proc/{serving.pid}/fd")) <= descriptors, 20,
               "the end of all descriptors")
    if not is_sanitized():
        assert serving.peak_memory() < before + 20_000_000


def test_R116_a_thousand_idle_connections(serving):
    """R116: from many addresses: 512 are held, /info answers in time (10,000: scripts/torture)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 4096)
    if wanted < 1200:
        pytest.skip("the descriptor limit is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        with contextlib.ExitStack() as stack:
            for number in range(1000):
                caller = Hostile(serving.port, tls=False, source=f"127.0.7.{number % 250 + 1}")
                stack.enter_context(Connection(caller.open_tcp()))
            assert serving.is_prompt()
            transfer(serving)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@wires
def test_R117_four_hundred_small_files(serving, era, tls):
    """R117: over eight connections at a time, all are stored."""
    sender = Hostile(serving.port, era, tls)
    offered = [File(f"{i % 20}/{i}", os.urandom(500)) for i in range(400)]
    session, tokens = sender.start(offered)
    statuses = []

    def work(mine):
        with sender.connect() as connection:
            for file in mine:
                statuses.append(sender.upload(session, file.id, tokens[file.id], file.data,
                                              connection).status)

    threads = [threading.Thread(target=work, args=(offered[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert statuses == [200] * 400
    assert serving.stored() == {file.entry["fileName"]: file.sha256 for file in offered}
    serving.check(sender)
