"""What a receiver promises about limits, waiting, and files that are on their way to their names."""

import contextlib
import json
import os
import select
import signal
import threading
import time

import pytest

from lab import files
from lab.process import is_sanitized, run_lsend, wait_until
from lab.shim import Faults
from lab.wellbeing import Guard
from peers.hostile import Hostile
from peers.sender import File

versions = pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])
NOBODY = "127.0.0.2"


@pytest.fixture
def receive(lsend, own_home, tmp_path):
    """receive(*options) gives a receiver with HTTP; its folder may hold `existing` files."""
    def start(*options, **more):
        return Guard(tmp_path / "in", "--http", *options, home=own_home, room=tmp_path / "in", **more)

    return start


@pytest.fixture
def faults(plain_lsend, tmp_path):
    """Faults, and in `.started` what a receiver needs to have them."""
    made = Faults(tmp_path, tmp_path / "in")
    made.started = {"env": made.env, "program": plain_lsend}
    return made


def sender_for(receiver, era="1.17", source=None):
    return Hostile(receiver.port, era, tls=False, source=source)


class Background:
    """A call on its own thread; `.result()` waits for what it gives."""

    def __init__(self, call, *arguments, **more):
        self._given = []
        self._thread = threading.Thread(
            target=lambda: self._given.append(self._try(call, *arguments, **more)), daemon=True)
        self._thread.start()

    @staticmethod
    def _try(call, *arguments, **more):
        try:
            return call(*arguments, **more)
        except Exception as error:  # the test's own thread raises it
            return error

    def runs(self):
        return self._thread.is_alive()

    def result(self, timeout=20):
        self._thread.join(timeout)
        assert not self.runs(), f"no result after {timeout} s"
        if isinstance(self._given[0], Exception):
            raise self._given[0]
        return self._given[0]


def events_of(receiver, kind):
    return [event for event in receiver.events() if event["type"] == kind]


# --- registers -----------------------------------------------------------------------------------


@versions
def test_twenty_registers_a_second_from_one_address(receive, era):
    """4.1: the 21st is 429, before its body is read; other addresses and other requests are served."""
    with receive("-v") as receiver:
        sender = sender_for(receiver, era)
        begun = time.monotonic()
        statuses = []
        while 429 not in statuses and len(statuses) < 200:
            statuses.append(sender.register().status)
        assert 20 <= len(statuses) - 1 <= 20 + 20 * (time.monotonic() - begun) + 1
        assert set(statuses[:-1]) == {200}
        # No body comes: it is refused by its head.
        with sender.connect() as link:
            link.send(sender.head("POST", sender.route("register"), [("Content-Length", 60_000)]))
            assert link.answer().status == 429
        assert sender.request("GET", sender.route("info")).status == 200
        assert sender_for(receiver, era, source=NOBODY).register().status == 200
        time.sleep(1.1)
        assert sender.register().status == 200
        assert "it registers more than 20 times a second" in receiver.stderr()
        receiver.check(sender)


# --- a body that crawls --------------------------------------------------------------------------


@pytest.mark.parametrize("somebody_waits", [True, False])
def test_an_upload_that_crawls_goes_when_somebody_waits(receive, faults, somebody_waits):
    """4.1: under 1 KiB/s over a minute, and another sender was told "busy": 408. Else it may."""
    with receive("--stall-timeout", "10m", **faults.started) as receiver:
        sender, other = sender_for(receiver), sender_for(receiver, source=NOBODY)
        file = File("slow", os.urandom(100_000))
        session, tokens = sender.start([file])
        with sender.begin_upload(session, file, tokens[file.id], [("Content-Length", 100_000)],
                                 file.data[:10_000]) as link:
            wait_until(lambda: [part for part in receiver.parts()
                                if (receiver.folder / part).stat().st_size == 10_000],
                       what="the first bytes")
            faults.set(steady=50)
            if somebody_waits:
                assert other.prepare([File("x", b"x")]).status == 409
            link.send(file.data[10_000:20_000])
            time.sleep(0.5)
            faults.set(steady=62)
            link.send(file.data[20_000:30_000])
            if somebody_waits:
                assert link.answer().status == 408
            else:
                time.sleep(0.5)
                link.send(file.data[30_000:])
                assert link.answer().status == 200
        wait_until(lambda: not receiver.parts(), what="the end of the part")


# --- --conflict skip -----------------------------------------------------------------------------


@pytest.fixture
def long_search(receive, faults, tmp_path):
    """A search that takes a minute: (receiver, what the sender offers)."""
    (tmp_path / "in").mkdir()
    files.make_file(tmp_path / "in" / "big", b"x" * 30_000_000)
    with receive("--conflict", "skip", **faults.started) as receiver:
        faults.set(slow=500)
        yield receiver, File("big", b"y" * 30_000_000, sha256="0" * 64)


def test_a_search_ends_with_its_sender(long_search):
    """Who waits for the slot gets it as soon as the sender has gone."""
    receiver, file = long_search
    sender, other = sender_for(receiver), sender_for(receiver, source=NOBODY)
    with sender.connect() as link:
        asked = Background(lambda: link.send(sender.head(
            "POST", sender.route("prepare"), [("Content-Length", len(body(sender, file)))]) +
            body(sender, file)))
        asked.result()
        wait_until(lambda: other.prepare([File("x", b"x")]).status == 409, what="the session")
        time.sleep(0.5)
    begun = time.monotonic()
    wait_until(lambda: other.prepare([File("x", b"x")]).status == 200, timeout=4, what="the slot")
    assert time.monotonic() - begun < 3
    receiver.check(sender, other)


def body(sender, file):
    return json.dumps(sender.offer([file])).encode()


def test_a_search_has_its_time(long_search, faults):
    """What could not be compared within four minutes is asked for."""
    receiver, file = long_search
    sender = sender_for(receiver)
    asked = Background(sender.prepare, [file])
    time.sleep(1.5)
    assert asked.runs()
    faults.set(steady=250)
    answer = asked.result(5)
    assert answer.status == 200 and set(answer.json()["files"]) == {file.id}
    receiver.check()


# --- -o - ----------------------------------------------------------------------------------------


@pytest.fixture
def stalled_output(receive, tmp_path):
    """A receiver whose standard output nobody reads: (it, the upload that waits, its sender)."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    into = ("sh", "-c", f'exec "$0" "$@" > "{pipe}"')
    try:
        with receive("-o", "-", prefix=into) as receiver:
            sender = sender_for(receiver)
            file = File("file", os.urandom(1_000_000))
            session, tokens = sender.start([file])
            with sender.begin_upload(session, file, tokens[file.id],
                                     [("Content-Length", len(file.data))], file.data) as link:
                assert select.select([reader], [], [], 10)[0]
                time.sleep(0.3)
                yield receiver, sender, session, link
    finally:
        os.close(reader)


def ends_within(receiver, seconds):
    begun = time.monotonic()
    code = receiver.wait(10)
    assert time.monotonic() - begun < seconds * (2 if is_sanitized() else 1)
    return code


def test_a_cancel_ends_what_nobody_reads(stalled_output):
    receiver, sender, session, link = stalled_output
    assert sender.cancel(session).status == 200
    assert link.answer().status >= 400
    assert ends_within(receiver, 2) == 10


def test_a_sender_that_goes_ends_what_nobody_reads(stalled_output):
    receiver, _, _, link = stalled_output
    link.close()
    assert ends_within(receiver, 2) == 10


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_what_nobody_reads(stalled_output, number, code):
    receiver, _, _, _ = stalled_output
    receiver.send_signal(number)
    assert ends_within(receiver, 2.5) == code


def test_a_second_signal_ends_it_at_once(stalled_output):
    receiver, _, _, _ = stalled_output
    os.kill(receiver.pid, signal.SIGINT)
    os.kill(receiver.pid, signal.SIGTERM)
    assert ends_within(receiver, 2.5) in (130, 143)


def test_one_output_takes_one_transfer_at_a_time(lsend, home, tmp_path):
    done = run_lsend("receive", "-y", "-o", "-", "--max-sessions", "2", home=home())
    assert done.returncode == 2
    assert "--output takes one file: --max-sessions 2 does not" in done.stderr


# --- --count with several sessions ---------------------------------------------------------------


@pytest.mark.parametrize("option", [["--once"], ["--count", "1"]])
@pytest.mark.parametrize("other_ends", ["whole", "broken", "cancelled"])
def test_the_last_transfer_ends_no_other(receive, option, other_ends):
    """Nothing new is taken, what runs is let to end, and only the counted transfer decides."""
    with receive("--max-sessions", "3", "--json", *option) as receiver:
        first, second = sender_for(receiver), sender_for(receiver, source=NOBODY)
        one, two = File("one", b"1"), File("two", os.urandom(200_000))
        running, tokens = second.start([two])
        with second.begin_upload(running, two, tokens[two.id], [("Content-Length", 200_000)],
                                 two.data[:100_000]) as link:
            wait_until(receiver.parts, what="a part")
            assert [answer.status for answer in first.send([one])] == [200]
            # A third is refused, and the second goes on for as long as it likes.
            late = sender_for(receiver, source="127.0.0.3").prepare([File("three", b"3")])
            assert late.status == 503
            time.sleep(1.5)
            assert receiver.popen.poll() is None
            if other_ends == "whole":
                link.send(two.data[100_000:])
                assert link.answer().status == 200
            elif other_ends == "cancelled":
                assert second.cancel(running).status == 200
            else:
                link.reset()
                assert second.cancel(running).status == 200
        assert receiver.wait(10) == 0
        expected = {"one": one.sha256} | ({"two": two.sha256} if other_ends == "whole" else {})
        assert receiver.stored() == expected


def test_a_counted_transfer_that_loses_files_is_told(receive):
    with receive("--count", "1", "--max-sessions", "2") as receiver:
        first = sender_for(receiver)
        session, _ = first.start([File("one", b"1")])
        assert first.cancel(session).status == 200
        assert receiver.wait(10) == 10


def test_a_request_that_waits_for_a_decision_is_refused_by_the_last_transfer(receive, tmp_path):
    decide = 'read -r line; case "$line" in *slowly*) sleep 20;; esac'
    with receive("--once", "--max-sessions", "2", "--accept-exec", decide, accept=False) as receiver:
        waiting = Background(sender_for(receiver, source=NOBODY).prepare, [File("slowly", b"1")])
        time.sleep(0.7)
        assert waiting.runs()
        assert [answer.status for answer in sender_for(receiver).send([File("one", b"1")])] == [200]
        assert waiting.result(5).status == 503
        assert receiver.wait(10) == 0


# --- a file between its last byte and its answer --------------------------------------------------


def test_no_file_appears_after_a_cancel(receive, faults):
    """R75, 7.1: while its bytes are brought to the disk, before it has its name."""
    with receive("--fsync=file", "--json", **faults.started) as receiver:
        sender, file = sender_for(receiver), File("file", b"content")
        session, tokens = sender.start([file])
        faults.set(slow=1500)
        upload = Background(sender.upload, session, file.id, tokens[file.id], file.data)
        time.sleep(0.7)
        assert upload.runs() and not receiver.stored()
        assert sender.cancel(session).status == 200
        faults.set(slow=0)
        assert upload.result().status >= 400
        assert receiver.stored() == {} and not receiver.parts()
        event, = wait_until(lambda: events_of(receiver, "session"), what="the end")
        assert (event["end"], event["files_done"], event["files_failed"]) == ("cancelled", 0, 1)
        assert [e["status"] for e in events_of(receiver, "file")] == ["failed"]


@pytest.mark.parametrize("option, count", [("file", 1), ("session", 1), ("session", 9)])
def test_a_file_that_has_appeared_is_done_whatever_comes(receive, faults, option, count):
    """While its name is brought to the disk, alone or with its group."""
    with receive(f"--fsync={option}", "--json", **faults.started) as receiver:
        sender = sender_for(receiver)
        offered = [File(f"f{number}", b"content") for number in range(count)]
        session, tokens = sender.start(offered)
        for file in offered[:-1]:
            assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
        last = offered[-1]
        faults.set(slow=1500)
        upload = Background(sender.upload, session, last.id, tokens[last.id], last.data)
        wait_until(lambda: len(receiver.stored()) == count, what="the file")
        assert upload.runs()
        assert sender.cancel(session).status == 200
        assert upload.runs()
        faults.set(slow=0)
        assert upload.result().status == 200
        assert len(receiver.stored()) == count
        event, = wait_until(lambda: events_of(receiver, "session"), what="the end")
        assert (event["end"], event["files_done"], event["files_failed"]) == ("cancelled", count, 0)
        assert [e["status"] for e in events_of(receiver, "file")] == count * ["done"]
        receiver.check(sender)


# --- room on the disk ----------------------------------------------------------------------------


def test_what_has_arrived_is_not_reserved_again(receive, tmp_path):
    """Two sessions at a time: the rest of the first is kept free for it, its beginning is there."""
    from test_receive_faults import OwnDisk
    with OwnDisk(tmp_path / "in", "size=20m", "--max-sessions", "2",
                 home=tmp_path / "home") as receiver:
        first, second = sender_for(receiver), sender_for(receiver, source=NOBODY)
        big = File("big", os.urandom(12_000_000))
        session, tokens = first.start([big])
        # Nothing of it is there yet.
        assert second.prepare([File("x", b"", size=9_500_000)]).status >= 413
        with first.begin_upload(session, big, tokens[big.id], [("Content-Length", len(big.data))],
                                big.data[:11_000_000]) as link:
            wait_until(receiver.parts, what="a part")
            time.sleep(0.5)
            assert second.prepare([File("x", b"", size=9_500_000)]).status >= 413
            fits = File("fits", os.urandom(6_000_000))
            assert [answer.status for answer in second.send([fits])] == [200]
            link.send(big.data[11_000_000:])
            assert link.answer().status == 200
        receiver.check(first, second)


def test_what_broken_transfers_left_counts(receive, tmp_path):
    """7.2: towards --max-size, and no longer when it has gone."""
    parts = tmp_path / "in" / ".lsend"
    parts.mkdir(mode=0o700, parents=True)
    left = parts / ("A" * 22)
    left.write_bytes(b"x" * 600_000)
    (parts / "not ours").write_bytes(b"x" * 600_000)
    with receive("--max-size", "1M") as receiver:
        sender, file = sender_for(receiver), File("file", os.urandom(500_000))
        assert sender.prepare([file]).status == 413
        wait_until(lambda: "broken transfers left" in receiver.stderr(), what="why")
        left.unlink()
        assert [answer.status for answer in sender.send([file])] == [200]


# --- wrong PINs ----------------------------------------------------------------------------------


def test_many_wrong_pins_make_guesses_queue(receive):
    """4.1: after thirty wrong ones one PIN is looked at each five seconds, whoever asks."""
    with receive("--pin", "4711") as receiver:
        offered = [File("x", b"x")]
        for number in range(30):
            guesser = sender_for(receiver, source=f"127.0.8.{number + 1}")
            assert guesser.prepare(offered, pin="0").status == 401
        sender = sender_for(receiver)
        begun = time.monotonic()
        waiting = Background(sender.prepare, offered, pin="4711")
        time.sleep(0.5)
        # Of one address one guess waits; who has none is told so at once.
        assert sender_for(receiver).prepare(offered, pin="4711").status == 429
        assert sender_for(receiver).prepare(offered).status == 401
        with contextlib.ExitStack() as stack:
            second = sender_for(receiver, source=NOBODY)
            link = stack.enter_context(second.connect())
            link.send(second.head("POST", second.route("prepare") + "?pin=4711",
                                  [("Content-Length", 50)]))
            assert waiting.result().status == 200
            assert 4.5 < time.monotonic() - begun < 9
            # Whoever waits does not hold up the end.
            begun = time.monotonic()
            assert receiver.stop(expect=None) in (0, 143)
            assert time.monotonic() - begun < 3


# --- the log -------------------------------------------------------------------------------------


def test_refused_requests_are_one_line(receive):
    """4.1: identical refusals of one address are summed up; different ones are not without end."""
    with receive("-v") as receiver:
        sender = sender_for(receiver)
        for _ in range(30):
            assert sender.upload("no", "such", "file", b"x").status == 403
        for number in range(40):
            assert sender.prepare([File(f"../{number}", b"x")]).status == 400
        text = receiver.stderr()
        assert text.count("127.0.0.1: refused: the upload fits no running session") == 1
        assert 15 <= text.count("127.0.0.1: refused: '..") <= 20
        assert text.count("more refusals, of other kinds") == 1
        wait_until(lambda: "(29 more in ten seconds)" in receiver.stderr(), 15, "the summary")


# --- a hundred thousand files ---------------------------------------------------------------------


def entries(count):
    return {f"i{number}": {"id": f"i{number}", "fileName": f"d{number % 100}/{number}", "size": 1,
                           "fileType": "text/plain"} for number in range(count)}


def ask_patiently(sender, offered):
    with sender.connect() as link:
        link.socket.settimeout(120)
        return sender.prepare([], body={"info": sender.info(), "files": offered}, connection=link)


def test_R117_a_hundred_thousand_files_and_no_more(receive):
    """R117: as many as a session may have are taken, and some of them sent; one more is 413."""
    with receive() as receiver:
        sender = sender_for(receiver)
        offered = entries(100_001)
        assert ask_patiently(sender, offered).status == 413
        del offered["i100000"]
        answer = ask_patiently(sender, offered)
        assert answer.status == 200
        reply = answer.json()
        assert len(reply["files"]) == 100_000
        for name in ("i0", "i50000", "i99999"):
            begun = time.monotonic()
            assert sender.upload(reply["sessionId"], name, reply["files"][name], b"x").status == 200
            assert time.monotonic() - begun < (10 if is_sanitized() else 5)
        assert sender.cancel(reply["sessionId"]).status == 200
        assert len(receiver.stored()) == 3
        assert receiver.is_prompt()
