"""The log, the status line, and signals that end nothing."""

import os
import re
import signal
import socket
import time

import pytest

from lab.files import make_big
from lab.process import Program, Receiver, run_lsend, wait_until

DATED = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug|trace) +\S")

# As systemd starts a service whose standard error it reads.
FOR_JOURNAL = ("sh", "-c", "export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2); exec \"$@\"",
               "sh")


def log_lines(text):
    return [line for line in text.splitlines() if DATED.match(line)]


def test_nothing_is_logged_without_a_reason(home, tmp_path):
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        (tmp_path / "a").write_text("x")
        assert run_lsend("send", receiver.target, tmp_path / "a", home=home("alice")).returncode == 0
        receiver.stop()
        assert log_lines(receiver.stderr()) == []


def test_requests_and_their_ends_are_logged(home, tmp_path):
    (tmp_path / "a").write_text("x")
    with Receiver(tmp_path / "in", "-v", home=home("bob")) as receiver:
        assert run_lsend("send", receiver.target, tmp_path / "a", "--alias", "al\x1bice",
                         home=home("alice")).returncode == 0
        wait_until(lambda: "session finished" in receiver.stderr(), what="the end")
        text = receiver.stderr()
    lines = log_lines(text)
    assert any("127.0.0.1: accepted 1 files" in line and "al\\x1Bice" in line for line in lines)
    assert "\x1b" not in text


@pytest.mark.parametrize("options", [["-vv"], ["--log-level", "debug"]])
def test_no_secret_is_in_the_log(home, tmp_path, options):
    (tmp_path / "a").write_text("x")
    with Receiver(tmp_path / "in", "--pin", "736251", *options, home=home("bob")) as receiver:
        assert run_lsend("send", receiver.target, tmp_path / "a", "--pin", "736251",
                         home=home("alice")).returncode == 0
        # The session ends before its last answer is on the wire.
        wait_until(lambda: "/upload?" in receiver.stderr(), what="the upload")
        text = receiver.stderr()
    assert "736251" not in text
    uploads = [line for line in log_lines(text) if "/upload?" in line]
    assert uploads
    assert all("sessionId=***" in line and "token=***" in line for line in uploads), uploads


def test_the_same_refusal_is_logged_twice_at_most(home, tmp_path):
    """The first at once, all others in one line after ten seconds."""
    with Receiver(tmp_path / "in", "-v", home=home("bob")) as receiver:
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as caller:
                caller.sendall(b"no TLS at all\r\n\r\n")
                caller.settimeout(5)
                try:
                    caller.recv(100)
                except OSError:
                    pass
        wait_until(lambda: "no TLS" in receiver.stderr(), what="the first")
        assert receiver.stderr().count("no TLS") == 1
        wait_until(lambda: "29 more in ten seconds" in receiver.stderr(), timeout=15,
                   what="the others")
        assert receiver.stderr().count("no TLS") == 2


def test_for_the_journal_lines_have_a_priority_and_no_time(home, tmp_path):
    """JOURNAL_STREAM names standard error: then, and only then."""
    with Receiver(tmp_path / "in", "-v", home=home("bob"), prefix=FOR_JOURNAL) as receiver:
        socket.create_connection(("127.0.0.1", receiver.port)).close()
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as caller:
            caller.sendall(b"no TLS at all\r\n\r\n")
            wait_until(lambda: "no TLS" in receiver.stderr(), what="the line")
        text = receiver.stderr()
    assert re.search(r"^<6>127\.0\.0\.1: no TLS", text, re.M), text
    assert log_lines(text) == []


def test_a_status_line_on_request(home, tmp_path):
    (tmp_path / "a").write_text("hello")
    with Receiver(tmp_path / "in", "-qq", home=home("bob")) as receiver:
        receiver.send_signal(signal.SIGUSR1)
        wait_until(lambda: "status: " in receiver.stderr(), what="the status")
        assert re.search(r"^lsend: status: 0 files done, 0 B, running for \d+:\d\d; nothing moves$",
                         receiver.stderr(), re.M), receiver.stderr()
        assert run_lsend("send", receiver.target, tmp_path / "a", home=home("alice")).returncode == 0
        wait_until(lambda: "a\n" in receiver.stdout(), what="the file")

        def again():
            receiver.send_signal(signal.SIGUSR1)
            time.sleep(0.2)
            return "status: 1 file done, 5 B, 1 transfer ended" in receiver.stderr()
        wait_until(again, what="the second status")
        assert receiver.stop() == 0


def test_a_second_signal_ends_a_receiver_at_work(home, tmp_path):
    """While its threads write, hash and wait for the disk: no thread outlives what it works on."""
    made = [make_big(tmp_path / "out" / f"{i}.bin", 20 << 20) for i in range(6)]
    for round in range(4):
        with Receiver(tmp_path / f"in{round}", "--fsync=file", home=home("bob")) as receiver:
            with Program("send", receiver.target, "-j", "6", *made, home=home("alice")) as sender:
                parts = receiver.folder / ".lsend"
                wait_until(lambda: len(list(parts.glob("*"))) > 1, what="uploads")
                receiver.send_signal(signal.SIGINT)
                time.sleep(0.02 * round)
                receiver.send_signal(signal.SIGINT)
                began = time.monotonic()
                # Where the first one has ended it already, the second one kills what is left.
                assert receiver.wait(20) in (0, 130, -signal.SIGINT), receiver.stderr()
                assert time.monotonic() - began < 10
                sender.send_signal(signal.SIGINT)
                sender.wait(20)


def test_the_status_of_a_sender(home, tmp_path):
    reading, writing = os.pipe()
    with Receiver(tmp_path / "in", home=home("bob")) as receiver, \
            open(reading, "rb") as stdin, open(writing, "wb", buffering=0) as pipe:
        with Program("send", receiver.target, "-", "--size", "1M", "--json", "--name", "n",
                     home=home("alice"), stdin=stdin) as sender:
            pipe.write(b"x" * 1000)
            wait_until(lambda: any(event["type"] == "progress" for event in sender.events()),
                       what="progress")

            def moving():
                sender.send_signal(signal.SIGUSR1)
                time.sleep(0.2)
                return "; now " in sender.stderr()
            wait_until(moving, what="the status")
            pipe.write(b"x" * 999_000)
            assert sender.wait() == 0
        assert re.search(r"^lsend: status: 0 files done.*; now +\d+%", sender.stderr(), re.M)


def test_a_sender_that_stalls_says_so(home, tmp_path):
    reading, writing = os.pipe()
    with Receiver(tmp_path / "in", home=home("bob")) as receiver, \
            open(reading, "rb") as stdin, open(writing, "wb", buffering=0) as pipe:
        with Program("send", receiver.target, "-", "--size", "1M", "--json", "--name", "n",
                     home=home("alice"), stdin=stdin) as sender:
            pipe.write(b"x" * 1000)
            wait_until(lambda: any("stalled_ms" in event for event in sender.events()),
                       timeout=10, what="the stall")
            pipe.write(b"x" * 999_000)
            assert sender.wait() == 0
        progress = [event for event in sender.events() if event["type"] == "progress"]
        assert any(event.get("stalled_ms", 0) >= 3000 for event in progress)


def test_a_log_does_not_spoil_the_progress(home, tmp_path):
    """A line of the log stands on a line of its own."""
    from lab.terminal import run_on_terminal
    path = make_big(tmp_path / "big.bin", 50 << 20)
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        code, shown, _ = run_on_terminal("send", receiver.target, path, "-vv", home=home("alice"))
    assert code == 0, shown
    for line in shown.replace("\x1b[K", "").split("\n"):
        if "Z debug" in line:
            assert DATED.match(line.rsplit("\r", 1)[-1]), repr(line)


def test_hangup_reads_the_configuration_again(home, tmp_path):
    """What follows: PIN, rules and limits. A broken file changes nothing and warns."""
    config = home("bob") / "config.toml"
    config.write_text("[receive]\nauto-accept = true\nmax-size = '1k'\n")
    (tmp_path / "a").write_bytes(b"x" * 2000)

    def send(*options):
        return run_lsend("send", receiver.target, tmp_path / "a", *options,
                         home=home("alice")).returncode

    def hang_up(text, told):
        before = receiver.stderr().count(told)
        config.write_text(text)
        receiver.send_signal(signal.SIGHUP)
        wait_until(lambda: receiver.stderr().count(told) > before, what=told)

    with Receiver(tmp_path / "in", "-v", home=home("bob"), accept=False) as receiver:
        assert send() != 0
        hang_up("[receive]\nauto-accept = true\nmax-size = '1M'\n", "were read again")
        assert send() == 0
        hang_up("[receive]\nauto-accept = true\npin = '4711'\n", "were read again")
        assert send() == 7
        assert send("--pin", "4711") == 0
        hang_up("[receive]\nauto-accept = maybe\n", f"stay as they were: {config}:2:")
        hang_up("[receive]\n", "stay as they were: nobody could be accepted")
        assert send() == 7
        assert send("--pin", "4711") == 0
        assert receiver.stop() == 0


def test_an_option_wins_over_what_is_read_again(home, tmp_path):
    config = home("bob") / "config.toml"
    (tmp_path / "a").write_bytes(b"x" * 2000)
    with Receiver(tmp_path / "in", "-v", "--max-size", "1k", home=home("bob")) as receiver:
        config.write_text("[receive]\nmax-size = '1M'\n")
        receiver.send_signal(signal.SIGHUP)
        wait_until(lambda: "were read again" in receiver.stderr(), what="the reading")
        assert run_lsend("send", receiver.target, tmp_path / "a",
                         home=home("alice")).returncode != 0
