"""No failure without a trace, and nobody stands still for another: what a receiver has no memory for,
an offer that a busy one cannot take, a trust store that another process keeps locked."""

import contextlib
import fcntl
import json
import os
import signal

import pytest

from lab.process import Program, Receiver, run_lsend, wait_until
from peers.sender import File, SenderPeer

MEMORY = 160_000 * 1024


def large_offer(files, name_bytes=60):
    """The text of a v2 prepare-upload of so many files."""
    entries = {f"f{i}": {"id": f"f{i}", "fileName": "n" * name_bytes + str(i), "size": 1,
                         "fileType": "text/plain"} for i in range(files)}
    info = {"alias": "Large", "version": "2.1", "deviceModel": "m", "deviceType": "headless",
            "fingerprint": "large", "port": 53317, "protocol": "https", "download": False}
    return json.dumps({"info": info, "files": entries}).encode()


def prepare(sender, body):
    return sender.request("POST", sender.route("prepare"), body)


def has_open(pid, path):
    """Has the process a descriptor of the file?"""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(FileNotFoundError):
        return any(os.readlink(os.path.join(folder, number)) == path for number in os.listdir(folder))
    return False


def test_what_fails_for_want_of_memory_is_answered_and_logged(plain_lsend, home, tmp_path):
    """Under a limit of address space offers of 17 MB are accepted until there is no memory left: the
    next one is answered with 500 and an error says why, without any -v; the receiver serves on."""
    body = large_offer(100_000, 100)
    with Receiver(tmp_path / "in", "--http", "--max-sessions", 50, home=home(),
                  program=plain_lsend, prefix=("prlimit", f"--as={MEMORY}")) as receiver:
        sender = SenderPeer(receiver.port, "1.17", False)
        statuses = [prepare(sender, body).status for _ in range(8)]
        assert 500 in statuses, statuses
        assert set(statuses) <= {200, 429, 500}, statuses
        told = [line for line in receiver.stderr().splitlines() if "failed inside" in line]
        assert told and "POST /api/localsend/v2/prepare-upload failed inside: std::bad_alloc" in told[0]
        assert " error " in told[0]
        assert sender.request("GET", sender.route("info")).status == 200


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_a_busy_receiver_judges_what_it_does_not_keep(lsend, home, tmp_path, tls):
    """PIN, body, busy, in this order, also for an offer of a hundred thousand files; who is kept out
    is told of with what was offered."""
    with Receiver(tmp_path / "in", "--http", "--json", "--pin", "1234", home=home()) as receiver:
        first = SenderPeer(receiver.port, "1.17", tls)
        other = SenderPeer(receiver.port, "1.17", tls, identity="other")
        path = first.route("prepare") + "?pin=1234"
        first.start([File("a", b"x")], pin="1234")
        body = large_offer(100_000)
        assert prepare(other, body).status == 401
        assert other.request("POST", path, body).status == 409
        assert other.request("POST", path, body[:-1]).status == 400
        assert other.request("POST", path, body.replace(b'"size": 1,', b'"size": -1,', 1)).status == 400
        refused = wait_until(lambda: [event for event in receiver.events()
                                      if event["type"] == "decision" and not event["accepted"]
                                      and event["error"]["code"] == "busy"], what="the refusal")
        assert (refused[0]["files"], refused[0]["bytes"]) == (100_000, 100_000)


def test_what_could_not_be_remembered_is_not_said_to_be(lsend, home, tmp_path):
    """Another process keeps the trust store locked: the file arrives, a warning says that the device
    could not be remembered, and nothing says that its fingerprint is expected from now on. The
    next transfer is a first contact again, and says it."""
    mine = home("mine")
    assert run_lsend("info", home=mine).returncode == 0
    source = tmp_path / "file"
    source.write_bytes(b"content")
    with Receiver(tmp_path / "in", home=home("theirs")) as receiver:
        with open(mine / ".known_devices.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = run_lsend("send", receiver.target, source, home=mine)
        assert done.returncode == 0, done.stderr
        assert "the device could not be remembered: another process keeps" in done.stderr
        assert "expected from now on" not in done.stderr
        assert not (mine / "known_devices.json").exists()
        again = run_lsend("send", receiver.target, source, home=mine)
        assert again.returncode == 0, again.stderr
        assert "first contact: this fingerprint is expected from now on" in again.stderr


def test_a_sender_that_waits_for_the_lock_can_be_stopped(lsend, home, tmp_path):
    """Ctrl-C ends it while another process keeps the trust store locked."""
    mine = home("mine")
    assert run_lsend("info", home=mine).returncode == 0
    source = tmp_path / "file"
    source.write_bytes(b"content")
    with Receiver(tmp_path / "in", home=home("theirs")) as receiver:
        with open(mine / ".known_devices.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with Program("send", receiver.target, source, home=mine) as program:
                wait_until(lambda: has_open(program.pid, lock.name), what="the wait for the lock")
                program.stop(signal.SIGINT, expect=130)
