"""What the manual says of `send`'s time-outs, with a clock: against peers that accept and are
silent, that take no connection, that stop in the middle, or answer nothing any more. Never earlier
than they say, and not much later: the machine may be slow."""

import contextlib
import signal
import socket
import threading
import time

import pytest

from lab.process import run_lsend
from lab.sending import big_file
from peers import behaviour

LATE = 3.0


@contextlib.contextmanager
def takes(low, high=None):
    """Between so many seconds, and LATE more for a slow machine."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert low - 0.05 <= took < (high or low) + LATE, took


@contextlib.contextmanager
def listener(backlog=16):
    """It accepts, and says nothing. With a backlog of 0 that is full, nobody gets in."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(backlog)
        port = silent.getsockname()[1]
        if backlog == 0:
            for _ in range(3):
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.connect(("127.0.0.1", port))
        yield port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Clock:
    """A behaviour that does something to a request and notes how long its caller then waits."""

    def __init__(self, first):
        self.first, self.waited = first, []

    def __call__(self, exchange):
        self.first(exchange)
        began = time.monotonic()
        exchange.wait_until_gone()
        self.waited.append(time.monotonic() - began)
        return True


# --- --connect-timeout ---------------------------------------------------------------------------


def test_S1_a_port_that_takes_no_connection(send, three):
    with listener(backlog=0) as port, takes(2):
        sent = send(None, "--connect-timeout", "2s", *three, target=f"127.0.0.1:{port}")
    assert sent.code == 5, sent.message


def test_S2_who_accepts_and_is_silent_is_tried_in_two_ways(send, three):
    with listener() as port, takes(4):
        sent = send(None, "--connect-timeout", "2s", *three, target=f"127.0.0.1:{port}")
    assert sent.code == 5, sent.message


def test_S2_by_https_alone_it_is_one(send, three):
    with listener() as port, takes(2):
        sent = send(None, "--connect-timeout", "2s", *three, target=f"https://127.0.0.1:{port}")
    assert sent.code == 5, sent.message


def test_who_does_not_say_who_it_is(send, peer, three):
    receiver = peer(behave={"info": behaviour.never()})
    with takes(2, 4):
        sent = send(receiver, "--connect-timeout", "2s", *three)
    assert sent.code == 5, sent.message


# --- --stall-timeout -----------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_S15_a_peer_that_reads_no_more_is_let_go(send, peer, tmp_path, tls):
    """Three times, with a second before the last."""
    receiver = peer(tls=tls, behave={"upload": behaviour.stall_after(100_000)})
    with takes(7):
        sent = send(receiver, "--stall-timeout", "2s", big_file(tmp_path))
    assert sent.code == 5, sent.message
    assert "nothing moved within the time limit" in sent.message
    assert len(receiver.of("upload")) == 3


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_a_peer_that_does_not_answer_the_last_byte_is_let_go(send, peer, three, tls):
    clock = Clock(lambda exchange: exchange.read())
    receiver = peer(tls=tls, behave={"upload": clock})
    sent = send(receiver, "--stall-timeout", "2s", "-j", "1", three[0])
    assert sent.code == 5, sent.message
    assert len(clock.waited) == 3
    for each in clock.waited:
        assert 1.9 <= each < 2 + LATE, clock.waited


def test_a_peer_that_stops_between_two_files_is_let_go(send, peer, three):
    """It takes the first, and never answers the second."""
    clock = Clock(lambda exchange: exchange.read())
    receiver = peer(behave={"upload": behaviour.only("b.png", clock)})
    sent = send(receiver, "--stall-timeout", "2s", "-j", "1", *three)
    assert sent.code == 10, sent.message
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "done"}
    for each in clock.waited:
        assert 1.9 <= each < 2 + LATE, clock.waited


# --- --accept-timeout ----------------------------------------------------------------------------


@pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])
def test_a_person_who_never_answers(send, peer, three, era):
    clock = Clock(lambda exchange: exchange.read())
    receiver = peer(era, behave={"prepare": clock})
    with takes(2):
        sent = send(receiver, "--accept-timeout", "2s", *three)
    assert sent.code == 14, sent.message
    assert "did not answer in time" in sent.message
    each, = clock.waited
    assert 1.9 <= each < 2 + LATE


# --- --wait --------------------------------------------------------------------------------------


def test_wait_is_used_to_its_end_for_a_port_without_a_listener(send, three):
    with takes(4):
        sent = send(None, "--wait", "4s", *three, target=f"127.0.0.1:{free_port()}")
    assert sent.code == 5, sent.message


def test_wait_is_used_to_its_end_for_a_busy_peer(send, peer, three):
    """1, 2, 4 s of pauses would end it at 3 s, or later than it says."""
    receiver = peer(behave={"prepare": behaviour.always(409)})
    with takes(5):
        sent = send(receiver, "--wait", "5s", *three)
    assert sent.code == 9, sent.message
    calls = receiver.of("prepare")
    assert calls[-1].at - calls[0].at >= 4.9


def test_wait_goes_on_where_a_connection_is_accepted_and_dropped(send, three):
    """As by what stands before a receiver that has not started yet."""
    with socket.socket() as before:
        before.bind(("127.0.0.1", 0))
        before.listen(16)
        before.settimeout(0.1)
        ended = threading.Event()

        def drop():
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    before.accept()[0].close()

        thread = threading.Thread(target=drop)
        thread.start()
        try:
            with takes(3):
                sent = send(None, "--wait", "3s", *three,
                            target=f"127.0.0.1:{before.getsockname()[1]}")
        finally:
            ended.set()
            thread.join()
    assert sent.code == 5, sent.message


# --- discover --timeout --------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--no-scan"]], ids=["scan", "no scan"])
def test_discover_listens_as_long_as_it_says(own_home, words):
    with takes(2, 3):
        done = run_lsend("discover", "--timeout", "2s", *words, "-p", "0", home=own_home)
    assert done.returncode == 0, done.stderr


# --- an interrupt --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["connect", "handshake", "info", "prepare", "body", "answer"])
def test_S33_an_interrupt_ends_every_wait(start_send, peer, tmp_path, three, where):
    """Whatever the peer does not do: within two seconds."""
    with contextlib.ExitStack() as stack:
        source, happened = three[0], None
        if where in ("connect", "handshake"):
            port = stack.enter_context(listener(0 if where == "connect" else 16))
            receiver = type("Somebody", (), {"target": f"127.0.0.1:{port}"})
        else:
            behave = {"info": {"info": behaviour.never()}, "prepare": {"prepare": behaviour.never()},
                      "body": {"upload": behaviour.stall_after(100_000)},
                      "answer": {"upload": behaviour.never()}}[where]
            receiver = peer(behave=behave)
            happened = next(iter(behave))
            source = big_file(tmp_path) if where == "body" else source
        running = start_send(receiver, source)
        if happened:
            receiver.wait_for(happened)
        else:
            time.sleep(1)
        began = time.monotonic()
        running.popen.send_signal(signal.SIGINT)
        sent = running.ended()
        assert sent.code == 130, sent.message
        assert time.monotonic() - began < 2 + 1
