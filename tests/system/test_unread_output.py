"""Output that nobody reads stops nothing but the transfers that make more of it."""

import fcntl
import json
import os
import select
import signal
import ssl
import subprocess
import termios
import time
import urllib.request

import pytest

from lab import schema
from lab.process import Program, Receiver, binary, environment, is_sanitized, run_lsend, wait_until
from lab.terminal import OnTerminal

# Each is told by a line of some 250 bytes: more than a pipe and what may wait hold.
MANY = 9000
LONG = 240


class Unread:
    """A named pipe that somebody holds open for reading, and reads only when told to."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.text = b""

    def fill(self):
        """As full as it gets."""
        writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(writer, b"x" * 4095 + b"\n")
        except BlockingIOError:
            os.close(writer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.reader)

    def shell(self, which=1):
        """Before a program: its descriptor `which` leads here."""
        return ("sh", "-c", f'exec "$0" "$@" {which}>"{self.path}"')

    def read(self):
        """What is there now."""
        while select.select([self.reader], [], [], 0)[0]:
            block = os.read(self.reader, 1 << 16)
            if not block:
                break
            self.text += block
        return self.text.decode("utf-8", "replace")

    def waiting(self):
        """Bytes in the pipe."""
        number = bytearray(4)
        fcntl.ioctl(self.reader, termios.FIONREAD, number)
        return int.from_bytes(number, "little")

    def is_stuck(self):
        """It is full, or as full as lines that are not cut leave it."""
        return self.waiting() > 48_000


@pytest.fixture
def unread(tmp_path):
    with Unread(tmp_path / "pipe") as pipe:
        yield pipe


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of small files with long names."""
    folder = tmp_path_factory.mktemp("many") / "many"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:06}-{'n' * (LONG - 7)}").write_bytes(b"x")
    return folder


def info_of(port):
    """What the receiver says at once; it raises when it says nothing."""
    context = ssl._create_unverified_context()
    url = f"https://127.0.0.1:{port}/api/localsend/v2/info"
    with urllib.request.urlopen(url, timeout=5, context=context) as answer:
        return json.loads(answer.read())


def ended_within(program, seconds):
    began = time.monotonic()
    code = program.wait(20)
    assert time.monotonic() - began < seconds * (3 if is_sanitized() else 1.25)
    return code


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def stored(folder):
    return len(list((folder / "many").iterdir())) if (folder / "many").exists() else 0


def settled(count):
    """The value of count() once it has not changed for a while."""
    seen, since = count(), time.monotonic()
    while time.monotonic() - since < 1.5:
        now = count()
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.05)
    return seen


@pytest.fixture
def held_receiver(home, tmp_path, unread, many):
    """A receiver whose JSON nobody reads, and the sender that it holds back."""
    with Receiver(tmp_path / "in", "--json=true", home=home("bob"),
                  prefix=unread.shell()) as receiver:
        with Program("send", receiver.target, many, home=home("alice")) as sender:
            wait_until(unread.is_stuck, timeout=30, what="the full pipe")
            settled(lambda: stored(receiver.folder))
            yield receiver, sender


def test_a_receiver_that_nobody_reads_answers_others(held_receiver, home, many):
    """The transfer waits, half done; all else works, and SIGTERM ends it in time."""
    receiver, sender = held_receiver
    assert 0 < stored(receiver.folder) < MANY
    assert info_of(receiver.port)["alias"] == "Receiver"
    busy = run_lsend("send", receiver.target, many / os.listdir(many)[0], home=home("carol"))
    assert busy.returncode == 9, busy.stderr
    assert sender.popen.poll() is None
    receiver.send_signal(signal.SIGTERM)
    assert ended_within(receiver, 2) == 143
    # The sender has heard it.
    assert sender.wait(20) in (8, 10)
    assert "cancelled the transfer" in sender.stderr()


def test_two_signals_end_it_at_once(held_receiver):
    receiver, _ = held_receiver
    receiver.send_signal(signal.SIGINT)
    time.sleep(0.15)
    receiver.send_signal(signal.SIGTERM)
    # Where the machine stalls, both are there before the first is looked at.
    assert ended_within(receiver, 1) in (130, 143, -signal.SIGTERM)


def test_a_sender_that_gives_up_frees_the_slot(held_receiver, home, many):
    receiver, sender = held_receiver
    assert sender.stop(expect=None) == 143
    assert info_of(receiver.port)["alias"] == "Receiver"

    def wanted():
        done = run_lsend("send", "--wait", "0s", "--accept-timeout", "500ms", receiver.target,
                         many / os.listdir(many)[0], home=home("carol"))
        return done.returncode == 14
    # It is not busy: the next one waits to be told of.
    wait_until(wanted, timeout=15, what="the free slot")


def test_the_reader_that_comes_back_misses_nothing(held_receiver, unread):
    """Every file has its line, in the order of things, and the last line is the result."""
    receiver, sender = held_receiver
    wait_until(lambda: unread.read() and sender.popen.poll() is not None, timeout=120,
               what="the end of the transfer")
    assert sender.popen.returncode == 0, sender.stderr()
    receiver.send_signal(signal.SIGTERM)
    wait_until(lambda: unread.read() and receiver.popen.poll() is not None, what="the end")
    assert receiver.popen.returncode == 0, receiver.stderr()
    text = unread.read()
    schema.check_output(text)
    lines = lines_of(text)
    names = [line["name"] for line in lines if line["type"] == "file"]
    assert len(names) == MANY and len(set(names)) == MANY
    order = [line["type"] for line in lines if line["type"] not in ("file", "progress", "warning")]
    assert order == ["ready", "request", "decision", "session", "result"]


@pytest.fixture
def some(tmp_path):
    """More lines than a pipe and the progress that may wait hold, fewer than hold anybody back."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1500):
        (folder / f"{number:06}-{'n' * (LONG - 7)}").write_bytes(b"x")
    return folder


def test_progress_that_nobody_read_is_told(home, tmp_path, unread, some):
    """It is dropped while nobody reads, and the stream says so; nothing else is missing."""
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        with Program("send", receiver.target, some, "-j", "1", "--json=true", home=home("alice"),
                     prefix=unread.shell()) as sender:
            wait_until(lambda: stored(receiver.folder) > 700, timeout=60, what="many lines")
            # Progress is told while nothing moves as well.
            receiver.send_signal(signal.SIGSTOP)
            time.sleep(2.5)
            receiver.send_signal(signal.SIGCONT)
            wait_until(lambda: stored(receiver.folder) == 1500, timeout=60, what="the files")
            wait_until(lambda: unread.read() and sender.popen.poll() is not None, what="the end")
            assert sender.popen.returncode == 0
    text = unread.read()
    schema.check_output(text)
    lines = lines_of(text)
    assert len([line for line in lines if line["type"] == "file"]) == 1500
    told = [line for line in lines if "dropped" in line]
    assert told and told[0]["type"] == "warning"
    count = told[0]["dropped"]["progress"]
    assert count >= 2 and told[0]["dropped"] == {"progress": count, "log": 0, "kept": 0}
    assert told[0]["message"] == f"nobody read this: lines were dropped, {count} of progress"


def test_a_sender_that_nobody_reads_waits_and_hears_signals(home, tmp_path, unread, many):
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        with Program("send", receiver.target, many, "--json=true", home=home("alice"),
                     prefix=unread.shell()) as sender:
            wait_until(unread.is_stuck, timeout=30, what="the full pipe")
            count = settled(lambda: stored(receiver.folder))
            assert 0 < count < MANY
            sender.send_signal(signal.SIGTERM)
            assert ended_within(sender, 2) == 143
        wait_until(lambda: "cancelled" in receiver.stderr(), what="the cancel")


def test_the_result_waits_for_its_reader_and_a_signal_ends_that(home, tmp_path, unread, some):
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        with Program("send", receiver.target, some, "--json=true", home=home("alice"),
                     prefix=unread.shell()) as sender:
            wait_until(lambda: "finished" in receiver.stderr(), timeout=60, what="the end")
            time.sleep(2)
            assert sender.popen.poll() is None
            sender.send_signal(signal.SIGTERM)
            assert ended_within(sender, 1) == 143


def test_a_log_that_nobody_reads_holds_nobody_up(home, tmp_path, unread, some):
    """The files arrive and the sender ends by itself."""
    unread.fill()
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        with Program("send", receiver.target, some, "-vvv", "-j", "1", home=home("alice"),
                     prefix=unread.shell(2)) as sender:
            assert sender.wait(90) == 0
        assert stored(receiver.folder) == 1500
    assert unread.read().strip("x\n") == ""


def test_a_receivers_log_that_nobody_reads(home, tmp_path, unread, many):
    """The log of the receiver; later it tells how many lines are missing."""
    with Receiver(tmp_path / "in", "-vvv", home=home("bob"), prefix=unread.shell(2)) as receiver:
        assert run_lsend("send", receiver.target, many, home=home("alice")).returncode == 0
        assert info_of(receiver.port)["alias"] == "Receiver"
        wait_until(lambda: "of the log\n" in unread.read(), timeout=30, what="the count")
        assert "lsend: warning: nobody read this: lines were dropped, " in unread.read()
        receiver.send_signal(signal.SIGTERM)
        assert ended_within(receiver, 2) == 0


def test_a_terminal_that_stands_still(home, many, plain_lsend, monkeypatch):
    """Nobody reads the terminal, as after Ctrl-S: others are answered and a signal ends it. A
    sanitizer's end would wait for the thread that writes: without one."""
    monkeypatch.setenv("LSEND_BINARY", plain_lsend)
    folder = home("bob") / "in"
    with OnTerminal("receive", "-y", "--no-announce", "-i", "lo", "-p", "0", "-d", folder,
                    "--ready-file", folder.parent / "ready", home=home("bob")) as receiver:
        receiver.wait_for("fingerprint")
        port = json.loads((folder.parent / "ready").read_text())["port"]
        with Program("send", f"127.0.0.1:{port}", many, home=home("alice")) as sender:
            wait_until(lambda: stored(folder) > 200, timeout=30, what="more than a terminal holds")
            assert info_of(port)["fingerprint"]
            began = time.monotonic()
            receiver.popen.send_signal(signal.SIGTERM)
            assert receiver.popen.wait(20) == 143
            assert time.monotonic() - began < 2 * (3 if is_sanitized() else 1.25)
            assert sender.wait(20) in (8, 10)


def test_a_reader_that_leaves_ends_no_transfer(home, tmp_path, some):
    """`lsend send --json | head -1`"""
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        line = (f'"{binary()}" send {receiver.target} "{some}" --json; echo $? >"{tmp_path}/code"')
        subprocess.run(["sh", "-c", f"{{ {line}; }} | head -1"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, env=environment(home("alice")))
        assert stored(receiver.folder) == 1500
    assert (tmp_path / "code").read_text() == "0\n"


def test_a_long_list_waits_for_its_reader(home, unread, many):
    """What is printed before anything is sent is never dropped."""
    with Program("send", "127.0.0.1:1", many, "--dry-run", "--json=true",
                 home=home("alice"), prefix=unread.shell()) as sender:
        wait_until(unread.is_stuck, what="the full pipe")
        wait_until(lambda: unread.read() and sender.popen.poll() is not None, what="the end")
    plan, = [line for line in lines_of(unread.read()) if line["type"] == "plan"]
    assert len(plan["list"]) == MANY
