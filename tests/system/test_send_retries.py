"""When `lsend send` tries again, and when it does not: rows S1 to S41 about retries, on both wires."""

import os
import signal
import socket
import threading
import time

import pytest

from lab import files
from lab.process import wait_until
from lab.sending import digests, stored
from peers import behaviour
from peers.receiver import ReceiverPeer

wires = pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def uploads_of(receiver, name):
    """The upload requests for one file."""
    return [call for call in receiver.of("upload")
            if receiver.offered.get(call.query["fileId"], {}).get("fileName") == name]


def give_up_file(status=403):
    """1.18: a file that broke off is failed for good, and its token is refused from then on."""
    broken = set()

    def act(exchange):
        key = exchange.peer.session_id, exchange.call.query.get("fileId")
        if exchange.file.get("fileName") != "b.png" or exchange.peer.session_number > 1:
            return False
        exchange.read(1)
        if key in broken:
            exchange.read()
            exchange.refuse(status, "Invalid token")
            with exchange.peer._lock:
                exchange.peer.tokens.pop(exchange.call.query["fileId"], None)
                if not exchange.peer.tokens:
                    exchange.peer.session = None
        else:
            broken.add(key)
            exchange.reset()
        return True
    return act


def counting_prepare(exchange):
    """Counts the sessions of a peer and lets them be."""
    exchange.peer.session_number = getattr(exchange.peer, "session_number", 0) + 1
    return False


# --- S1, S2: nobody there ------------------------------------------------------------------------


def test_S1_a_port_without_a_listener_is_tried_three_times(send, three):
    """Exit 5 within the connect limit; the address is named."""
    begun = time.monotonic()
    sent = send(None, *three, target=f"127.0.0.1:{free_port()}")
    assert sent.code == 5
    assert 1.1 <= time.monotonic() - begun < 5, "two pauses: 0.5 s and 1 s, give or take a quarter"
    assert "127.0.0.1" in sent.message


def test_S1_a_receiver_that_comes_while_it_is_tried(send, three):
    """The second or third try finds it."""
    port = free_port()
    started = []
    timer = threading.Timer(0.5, lambda: started.append(ReceiverPeer("1.17", port=port)))
    timer.start()
    try:
        sent = send(None, *three, target=f"127.0.0.1:{port}")
    finally:
        timer.join()
        for receiver in started:
            receiver.close()
    assert sent.code == 0, sent.message


def test_S1_a_name_without_an_address(send, three):
    """Exit 3, and the name is in the message."""
    sent = send(None, *three, target="http://no-such-host.invalid")
    assert sent.code == 3
    assert "no-such-host.invalid" in sent.message


def test_S2_a_listener_that_says_nothing(send, three):
    """The connection stands and no answer comes: exit 5 within its limits, and the address is
    named."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        begun = time.monotonic()
        sent = send(None, "--connect-timeout", "2s", *three,
                    target=f"127.0.0.1:{silent.getsockname()[1]}")
    assert sent.code == 5, sent.message
    assert "127.0.0.1" in sent.message
    assert time.monotonic() - begun < 15


# --- S6, S7: busy and too many -------------------------------------------------------------------


@wires
def test_S7_retry_after_is_honoured_once(peer, send, three, era):
    """429 with a second to wait, then taken."""
    again = behaviour.always(429, {"message": "Slowly"}, fields=[("Retry-After", "1")])
    receiver = peer(era, behave={"prepare": behaviour.times(1, again)})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    first, second = receiver.of("prepare")
    assert 0.9 <= second.at - first.at < 5
    assert stored(receiver) == digests(three)


@pytest.mark.parametrize("told", ["99999999", "-5", "Wed, 21 Oct 2026 07:28:00 GMT", None])
def test_S7_retry_after_that_makes_no_sense_is_ten_seconds(peer, start_send, three, told):
    """Neither never nor for ever; the wait ends at once with an interrupt."""
    fields = [("Retry-After", told)] if told else []
    receiver = peer(behave={"prepare": behaviour.always(429, {"message": "No"}, fields=fields)})
    program = start_send(receiver, *three)
    wait_until(lambda: [e for e in program.events() if "trying again in 10 s" in
                        e.get("reason", "")], what="the wait")
    program.send_signal(signal.SIGINT)
    assert program.ended(5).code == 130
    assert len(receiver.of("prepare")) == 1


@pytest.mark.parametrize("pin,code", [([], 9), (["--pin", "1234"], 7)], ids=["no pin", "pin"])
def test_S7_twice_429_is_the_end(peer, send, three, pin, code):
    """9, or 7 where a PIN was in play."""
    receiver = peer(behave={"prepare": behaviour.always(
        429, {"message": "No"}, fields=[("Retry-After", "0")])})
    assert send(receiver, *pin, *three).code == code
    assert len(receiver.of("prepare")) == 2


@wires
def test_S7_429_to_an_upload_means_fewer_at_a_time(peer, send, tmp_path, era):
    """Two of four connections are refused; the rest carries all files."""
    made = files.make_named(tmp_path / "out", [f"{i}" for i in range(8)])
    lock, running = threading.Lock(), []

    def upload(exchange):
        exchange.read()
        with lock:
            too_many = len(running) >= 2
            if not too_many:
                running.append(exchange)
        if too_many:
            exchange.answer(429, {"message": "Too many"}, fields=[("Retry-After", "1")])
            return True
        time.sleep(0.2)
        with lock:
            running.remove(exchange)
        return False

    receiver = peer(era, behave={"upload": upload})
    sent = send(receiver, "--jobs", "4", *made)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(made)


# --- S14: breaks ---------------------------------------------------------------------------------


@wires
@pytest.mark.parametrize("broken", [1, 2])
@pytest.mark.parametrize("how", ["reset", "close"])
def test_S14_a_break_is_tried_again_with_the_same_token(peer, send, three, era, how, broken):
    """At once, then after a second."""
    act = behaviour.reset_after(1) if how == "reset" else behaviour.close_after(1)
    receiver = peer(era, behave={"upload": behaviour.only("b.png", behaviour.times(broken, act))})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    calls = uploads_of(receiver, "b.png")
    assert len(calls) == broken + 1
    assert len({call.target for call in calls}) == 1
    assert calls[1].at - calls[0].at < 1
    if broken == 2:
        assert calls[2].at - calls[1].at >= 0.9
    assert len(receiver.of("prepare")) == 1


@wires
@pytest.mark.parametrize("status", [400, 401, 403, 413, 415])
def test_S13_what_is_never_repeated(peer, send, three, era, status):
    """A refusal of one file is one attempt, and no new request."""
    receiver = peer(era, behave={"upload": behaviour.only("b.png", behaviour.always(status))})
    sent = send(receiver, *three)
    assert sent.code == 10
    assert len(uploads_of(receiver, "b.png")) == 1
    assert len(receiver.of("prepare")) == 1
    assert stored(receiver) == digests([three[0], three[2]])


@wires
def test_S14_403_after_a_break_is_offered_again(peer, send, three, era):
    """1.18 gives up what broke off: a new request names that file only, and the old session is
    ended before."""
    receiver = peer(era, behave={"prepare": counting_prepare, "upload": give_up_file()})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    first, second = receiver.of("prepare")
    offered = [[f["fileName"] for f in call.json()["files"].values()] for call in (first, second)]
    assert sorted(offered[0]) == ["a.txt", "b.png", "c.bin"]
    assert offered[1] == ["b.png"]
    cancel, = receiver.of("cancel")
    assert first.at < cancel.at < second.at
    assert sent.statuses() == {path.name: "done" for path in three}
    assert len(sent.of("file")) == 3


@wires
def test_S14_a_new_request_is_made_once(peer, send, three, era):
    """A receiver that gives the file up again: exit 10, the break is the reason."""
    def upload(exchange):
        if exchange.file.get("fileName") != "b.png":
            return False
        exchange.read(1)
        tries[exchange.peer.session_number] = tries.get(exchange.peer.session_number, 0) + 1
        if tries[exchange.peer.session_number] > 1:
            exchange.read()
            exchange.refuse(403, "Invalid token")
        else:
            exchange.reset()
        return True

    tries = {}
    receiver = peer(era, behave={"prepare": counting_prepare, "upload": upload,
                                 "cancel": forget_session})
    sent = send(receiver, *three)
    assert sent.code == 10
    assert len(receiver.of("prepare")) == 2
    assert tries == {1: 2, 2: 2}
    assert sent.files["b.png"]["error"]["exit_code"] == 5


def forget_session(exchange):
    """Any cancel ends whatever there is."""
    exchange.peer.session = None
    return False


def check_that_the_rest_was_offered_again(receiver, sent, three):
    """Once, without what had arrived; and all of it came."""
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    offered = [sorted(f["fileName"] for f in call.json()["files"].values())
               for call in receiver.of("prepare")]
    assert offered == [["a.txt", "b.png", "c.bin"], ["b.png", "c.bin"]]


@wires
def test_S40_a_receiver_that_restarts(peer, send, three, era):
    """Or S39, that sees us at another address: connections break and every token is refused; what is
    unfinished is offered again, once."""
    def restart(exchange):
        exchange.peer.session = None
        exchange.peer.tokens = {}
        exchange.reset()
        return True

    receiver = peer(era, behave={
        "upload": behaviour.only("b.png", behaviour.times(1, restart))})
    sent = send(receiver, "--jobs", "1", *three)
    check_that_the_rest_was_offered_again(receiver, sent, three)


@wires
def test_S40_a_receiver_that_restarts_and_declines(peer, send, three, era):
    """What had arrived stays done; the rest is declined."""
    def restart(exchange):
        exchange.peer.session = None
        exchange.peer.tokens = {}
        exchange.peer.behave["prepare"] = behaviour.always(403, {"message": "Not again"})
        exchange.reset()
        return True

    receiver = peer(era, behave={
        "upload": behaviour.only("b.png", behaviour.times(1, restart))})
    sent = send(receiver, "--jobs", "1", *three)
    assert sent.code == 10
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "failed"}
    assert "Not again" in sent.files["b.png"]["error"]["message"]


def no_session(exchange):
    """1.17 after a restart: nobody breaks anything off, and no token is of use."""
    exchange.read()
    exchange.peer.session = None
    exchange.peer.tokens = {}
    exchange.refuse(409, "No session")
    return True


@wires
def test_S40_a_receiver_without_a_session(peer, send, three, era):
    """409 to an upload: what is unfinished is offered again, once."""
    receiver = peer(era, behave={"upload": behaviour.only("b.png", behaviour.times(1, no_session))})
    sent = send(receiver, "--jobs", "1", *three)
    check_that_the_rest_was_offered_again(receiver, sent, three)
    assert sent.statuses() == {path.name: "done" for path in three}


@wires
def test_S40_a_receiver_that_never_has_a_session(peer, send, three, era):
    """The second 409 is the end: exit 10, what had arrived stays done, nobody is told to stop."""
    receiver = peer(era, behave={"upload": behaviour.only("b.png", no_session)})
    sent = send(receiver, "--jobs", "1", *three)
    assert sent.code == 10, sent.message
    assert len(receiver.of("prepare")) == 2
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "failed"}
    assert {sent.files[name]["error"]["exit_code"] for name in ("b.png", "c.bin")} == {9}


@wires
def test_S40_a_restart_that_nobody_sees(peer, send, three, era):
    """A peer that ends each connection after its answer breaks none when it restarts: 403 leads to
    one new request."""
    def upload(exchange):
        exchange.keep = False
        if exchange.file.get("fileName") != "b.png" or len(receiver.of("prepare")) > 1:
            exchange.read()
            answer = exchange.answer
            exchange.answer = lambda *a, **k: answer(*a, **{**k, "close": True})
            return False
        exchange.peer.session, exchange.peer.tokens = None, {}
        return refuse(exchange)

    refuse = behaviour.always(403, {"message": "Invalid token"}, close=True)
    receiver = peer(era, behave={"upload": upload})
    sent = send(receiver, "--jobs", "1", *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    assert len(receiver.of("prepare")) == 2


@wires
def test_S14_a_request_without_an_answer_is_made_again(peer, send, three, era):
    """The peer closed after the whole request: cancel without a session, then the same request."""
    def drop(exchange):
        exchange.read()
        exchange.reset()
        return True

    receiver = peer(era, behave={"prepare": behaviour.times(1, drop)})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    first, second = receiver.of("prepare")
    cancel, = receiver.of("cancel")
    assert first.at < cancel.at < second.at
    assert cancel.query == {}
    assert first.body == second.body


# --- S26: 422 ------------------------------------------------------------------------------------


@wires
def test_S26_422_for_a_file_that_changed_is_offered_anew(peer, send, tmp_path, era):
    """With its new size and digest, once."""
    path = files.make_file(tmp_path / "a.txt", "as it was")

    def change(exchange):
        exchange.read()
        path.write_text("as it is now")
        exchange.refuse(422, "Checksum mismatch")
        exchange.peer.session = None
        return True

    receiver = peer(era, behave={"upload": behaviour.times(1, change)})
    sent = send(receiver, path)
    assert sent.code == 0, sent.message
    assert receiver.stored["a.txt"].body == b"as it is now"
    first, second = (next(iter(call.json()["files"].values())) for call in receiver.of("prepare"))
    assert (first["size"], second["size"]) == (9, 12)
    if era != "1.8":
        assert second["sha256"] == files.digest(path)
    assert sent.files["a.txt"]["size"] == 12


@wires
def test_S26_a_file_that_keeps_changing_is_failed(peer, send, tmp_path, era):
    """After two offers: exit 11."""
    path = files.make_file(tmp_path / "a.txt", "0")

    def change(exchange):
        exchange.read()
        with open(path, "ab") as file:
            file.write(b"more")
        exchange.refuse(422, "Checksum mismatch")
        exchange.peer.session = None
        return True

    receiver = peer(era, behave={"upload": change})
    sent = send(receiver, path)
    assert sent.code == 11, sent.message
    assert len(receiver.of("prepare")) == 2
    assert "keeps changing" in sent.message


# --- S25, S27: files that go ---------------------------------------------------------------------


@wires
@pytest.mark.parametrize("what", ["gone", "unreadable", "a folder", "a FIFO"])
def test_S27_a_file_that_cannot_be_read_any_more(peer, send, tmp_path, three, era, what):
    """It is failed and named, the others go on: exit 10."""
    if what == "unreadable" and os.geteuid() == 0:
        pytest.skip("root reads everything")

    def spoil(exchange):
        three[1].unlink()
        if what == "a folder":
            three[1].mkdir()
        if what == "a FIFO":
            os.mkfifo(three[1])
        if what == "unreadable":
            three[1].write_bytes(b"x" * 4000)
            three[1].chmod(0)
        return False

    receiver = peer(era, behave={"prepare": spoil})
    sent = send(receiver, *three)
    assert sent.code == 10, sent.message
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "done"}
    assert "b.png" in sent.files["b.png"]["error"]["message"]
    assert uploads_of(receiver, "b.png") == []


# --- S33: stopping while waiting -----------------------------------------------------------------


def test_S33_an_interrupt_while_a_name_is_looked_up(start_send, three, own_home):
    """Exit 130 within two seconds, whatever getaddrinfo does."""
    class Nowhere:
        target = "http://a-name-that-nobody-has.example"

    program = start_send(Nowhere, *three)
    time.sleep(0.3)
    if program.popen.poll() is not None:
        pytest.skip("this host's resolver answers at once")
    program.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert program.ended(5).code == 130
    assert time.monotonic() - begun < 2


# --- S41: IPv6 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["", "%nosuch0"])
def test_S41_a_link_local_address_without_a_good_zone(send, three, zone):
    """A clear error, at once."""
    begun = time.monotonic()
    sent = send(None, *three, target=f"[fe80::1{zone}]:53317")
    assert sent.code == 2
    said = ("there is no interface 'nosuch0': write fe80::1%" if zone else
            "'fe80::1' is an address that every network may have (link-local); say which interface "
            "leads to it: write fe80::1%")
    assert sent.message.startswith(said)
    assert "interfaces that are up: " in sent.message
    assert time.monotonic() - begun < 8
