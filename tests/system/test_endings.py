"""Every end that a process can notice is told to the other device, as a cancel."""

import os
import signal
import subprocess
import threading
import time

import pytest

from lab import files
from lab.process import Program, Receiver, binary, environment, run_lsend, wait_until
from lab.sending import big_file
from lab.terminal import OnTerminal
from peers import behaviour

# What a caller sees: codes as shells count them; a quit is death by it.
ENDS = [(signal.SIGHUP, 129), (signal.SIGQUIT, -signal.SIGQUIT), (signal.SIGTERM, 143)]
each_end = pytest.mark.parametrize("number, code", ENDS)


def ended(program, limit=10):
    began = time.monotonic()
    code = program.wait(limit)
    assert time.monotonic() - began < 5
    return code


def cancels(receiver):
    return [call.query for call in receiver.wait_for("cancel")]


@each_end
def test_while_somebody_decides(peer, start_send, three, number, code):
    """A cancel without a session."""
    receiver = peer(behave={"prepare": behaviour.never()})
    program = start_send(receiver, *three)
    receiver.wait_for("prepare")
    wait_until(lambda: receiver.of("prepare")[0].complete)
    program.send_signal(number)
    assert ended(program) == code
    assert cancels(receiver) == [{}]


@each_end
def test_while_it_sends(peer, start_send, tmp_path, number, code):
    """A cancel of the session; the last line is the result."""
    event, started = threading.Event(), threading.Event()
    receiver = peer(behave={"upload": behaviour.held(event, 1_000_000, started)})
    program = start_send(receiver, big_file(tmp_path))
    assert started.wait(20)
    program.send_signal(number)
    assert ended(program) == code
    event.set()
    assert cancels(receiver) == [{"sessionId": receiver.session_id}]
    assert program.events()[-1]["type"] == "result"
    assert program.events()[-1]["exit_code"] == 128 + number


def test_a_hang_up_says_why(peer, start_send, three):
    receiver = peer(behave={"prepare": behaviour.never()})
    program = start_send(receiver, *three)
    receiver.wait_for("prepare")
    program.send_signal(signal.SIGHUP)
    sent = program.ended(10)
    assert sent.code == 129
    assert sent.message == "hung up: the terminal or the connection to it was closed"
    assert sent.of("error")[0]["code"] == "interrupted"


@each_end
def test_while_the_peer_is_busy(peer, start_send, three, number, code):
    """--wait: nothing is pending there, and the wait ends at once."""
    receiver = peer(behave={"prepare": behaviour.always(409, {"message": "busy"})})
    program = start_send(receiver, "--wait", "60s", *three)
    receiver.wait_for("prepare")
    wait_until(lambda: any("busy" in event.get("reason", "") for event in program.events()),
               what="the wait")
    program.send_signal(number)
    assert ended(program) == code


@each_end
def test_between_two_tries(home, tmp_path, number, code):
    (tmp_path / "a").write_text("a")
    with Program("send", "--json", "127.0.0.1:1", tmp_path / "a", "--retry", "9",
                 home=home("me")) as program:
        wait_until(lambda: any("trying again" in event.get("reason", "")
                               for event in program.events()), what="the second try")
        program.send_signal(number)
        assert ended(program) == code


def test_while_a_pin_is_typed(peer, home, three):
    """The terminal closes in the middle of a question."""
    receiver = peer(pin="4711")
    with OnTerminal("send", receiver.target, *three, home=home("me")) as program:
        program.wait_for("PIN of")
        program.hang_up()
        assert program.popen.wait(10) == 129


def test_a_terminal_that_is_closed(peer, home, tmp_path):
    event, started = threading.Event(), threading.Event()
    receiver = peer(behave={"upload": behaviour.held(event, 1_000_000, started)})
    with OnTerminal("send", receiver.target, big_file(tmp_path), home=home("me")) as program:
        assert started.wait(20)
        program.hang_up()
        assert program.popen.wait(10) == 129
        event.set()
    assert cancels(receiver) == [{"sessionId": receiver.session_id}]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_what_is_ignored_at_the_start_stays_ignored(peer, own_home, tmp_path, number):
    """As nohup(1) and shells start what shall outlive them."""
    event, started = threading.Event(), threading.Event()
    receiver = peer(behave={"upload": behaviour.held(event, 1_000_000, started)})
    ignoring = ("sh", "-c", f"trap '' {number.name[3:]}; exec \"$0\" \"$@\"")
    with Program("send", "--json", "--interface", "lo", "--port", "0", receiver.target,
                 files.make_big(tmp_path / "some.bin", 2_000_000), home=own_home, prefix=ignoring) as program:
        assert started.wait(20)
        for _ in range(2):
            program.send_signal(number)
            time.sleep(0.3)
        event.set()
        assert program.wait(30) == 0
    assert receiver.of("cancel") == []


def test_under_timeout(peer, own_home, tmp_path):
    """It sends its signal twice, to the process and to the group."""
    event, started = threading.Event(), threading.Event()
    receiver = peer(behave={"upload": behaviour.held(event, 1_000_000, started)})
    with Program("send", "--json", "--interface", "lo", "--port", "0", receiver.target,
                 big_file(tmp_path), home=own_home, prefix=("timeout", "5")) as program:
        assert started.wait(20)
        assert program.wait(20) == 124
        event.set()
        assert program.events()[-1]["exit_code"] == 143
    assert cancels(receiver) == [{"sessionId": receiver.session_id}]


@pytest.mark.parametrize("number, code", [(signal.SIGQUIT, -signal.SIGQUIT), (signal.SIGINT, 130)])
def test_a_receiver_tells_its_sender(home, tmp_path, number, code):
    """Nothing of the transfer is left, and the sender is told at once."""
    big = files.make_big(tmp_path / "big.bin", 400 << 20)
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        with Program("send", receiver.target, big, home=home("alice")) as sender:
            wait_until(lambda: list((receiver.folder / ".lsend").glob("*")), what="a part")
            receiver.send_signal(number)
            assert ended(receiver) == code
            assert sender.wait(10) == 8
            assert "cancelled the transfer" in sender.stderr()
    assert not (tmp_path / "in" / "big.bin").exists()


def test_an_idle_receiver_quits(home, tmp_path):
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        receiver.send_signal(signal.SIGQUIT)
        assert ended(receiver) == -signal.SIGQUIT


def test_a_receiver_under_nohup_outlives_its_terminal(home, tmp_path):
    """It reads its configuration again, and goes on."""
    ready = tmp_path / "ready"
    line = f"trap '' HUP; exec '{binary()}' receive -y -i lo --no-announce -p 0 " \
           f"-d '{tmp_path}/in' --ready-file '{ready}'"
    master, slave = os.openpty()
    child = subprocess.Popen(["setsid", "-c", "sh", "-c", line], stdin=slave, stdout=slave,
                             stderr=slave, env=environment(home("bob")))
    try:
        os.close(slave)
        wait_until(ready.exists, timeout=30, what="the start")
        port = int(ready.read_text().split('"port":')[1].split(",")[0].rstrip("}\n"))
        os.close(master)
        time.sleep(1)
        (tmp_path / "a").write_text("a")
        done = run_lsend("send", f"127.0.0.1:{port}", tmp_path / "a", home=home("alice"))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "in" / "a").read_text() == "a"
    finally:
        child.terminate()
        child.wait(10)
