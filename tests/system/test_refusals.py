"""What a sender makes of a receiver's refusal: exit code, message and JSON go by its cause, not by
the place where it was noticed (cli.md, exit codes)."""

import os
import subprocess
import time

import pytest

from lab import files
from lab.process import Program, Receiver, run_lsend, wait_until
from lab.sending import Sent, options_for, peer, send  # pylint: disable=unused-import
from peers import behaviour

# What lsend answers; what it is to the sender: exit code, its name, temporary, and its words.
REFUSALS = [
    (400, "File name not allowed", 11, "io", False, "cannot store a file of this name"),
    (400, "Size mismatch", 12, "integrity", True, "another number of bytes than was announced"),
    (400, "Bad request", 16, "protocol", False, "answered 400"),
    (403, "Rejected", 8, "declined", False, "declined the transfer"),
    (403, "File exists already", 8, "declined", False, "has something of this name already"),
    (403, "Certificate not accepted", 6, "identity", False, "does not accept this device's"),
    (408, "Request timed out", 5, "unreachable", True, "waited in vain for what was sent"),
    (413, "Request too large", 15, "limit", False, "does not take so much"),
    (429, "Too many attempts.", 7, "pin", False, "after too many wrong ones"),
    (429, "Too many requests", 9, "busy", True, "refuses for now"),
    (500, "Not enough space", 15, "limit", False, "has no room for it"),
    (500, "Cannot store the file", 11, "io", False, "cannot write to its folder"),
    (500, "Internal error", 1, "failed", False, "answered 500"),
    (503, "Shutting down", 5, "unreachable", True, "is about to end"),
]


@pytest.mark.parametrize("place", ["prepare", "upload"])
@pytest.mark.parametrize("status, words, code, name, temporary, said", REFUSALS,
                         ids=[f"{row[0]} {row[1]}" for row in REFUSALS])
def test_a_refusal_means_its_cause(peer, send, tmp_path, place, status, words, code, name,
                                   temporary, said):
    receiver = peer(behave={place: behaviour.always(status, {"message": words},
                                                    fields=[("Retry-After", "0")])})
    sent = send(receiver, files.make_file(tmp_path / "a", b"content"))
    error, = sent.of("error")
    assert (sent.code, error["exit_code"]) == (code, code), sent.err
    assert (error["code"], error["temporary"]) == (name, temporary)
    assert said in error["message"] and f'("{words}")' in error["message"], error


# --- with lsend at both ends -----------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)],
                           capture_output=True, text=True, timeout=20, check=False)
    if mount.returncode != 0:
        pytest.skip(f"this machine forbids mounting: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)


@pytest.fixture
def receive(home):
    def start(folder, *options):
        return Receiver(folder, "--json", *options, home=home("receiver"))

    return start


def run(receiver, home, *words):
    done = run_lsend(*options_for(receiver.target), *words, home=home("sender"))
    return Sent(done.returncode, done.stdout, done.stderr)


def in_the_middle(receiver, home, act, size=1_500_000, then=True):
    """A file of which one half is there when `act()` is called."""
    with Program(*options_for(receiver.target), "-", "--size", size, "--name", "a",
                 home=home("sender"), stdin=subprocess.PIPE) as program:
        pipe = program.popen.stdin
        pipe.write(b"x" * (size // 2))
        pipe.flush()
        wait_until(lambda: any(path.stat().st_size > size // 4
                               for path in (receiver.folder / ".lsend").iterdir()),
                   30, "half of it")
        act()
        if then:
            try:
                pipe.write(b"y" * (size - size // 2))
                pipe.close()
            except BrokenPipeError:
                pass
        code = program.wait(40)
        return Sent(code, program.stdout(), program.stderr())


def told(sent):
    error, = sent.of("error")
    return sent.code, error["code"], error["message"]


def test_no_room(receive, home, small_disk, tmp_path):
    """Before the first byte; in the middle it is the same answer (see above)."""
    with receive(small_disk, "--min-free", "0") as receiver:
        big = files.make_file(tmp_path / "big", os.urandom(3_000_000))
        code, name, message = told(run(receiver, home, big))
        assert (code, name) == (15, "limit")
        assert "has no room for it (\"Not enough space\")" in message
        assert files.paths_below(small_disk) in ([], [".lsend/"])


def test_the_reserve_of_the_disk(receive, home, tmp_path):
    with receive(tmp_path / "in", "--min-free", "1E") as receiver:
        code, name, message = told(run(receiver, home, files.make_file(tmp_path / "a", b"x")))
        assert (code, name) == (15, "limit")
        assert "has no room for it" in message


def test_a_name_that_is_taken(receive, home, tmp_path):
    """--conflict fail, before the first byte and in the middle; overwrite does not replace a
    folder."""
    for options, make in ((("--conflict", "fail"), lambda path: path.write_bytes(b"mine")),
                          (("--conflict", "overwrite"), lambda path: path.mkdir())):
        folder = tmp_path / options[1]
        with receive(folder, *options) as receiver:
            sent = [in_the_middle(receiver, home, lambda: make(folder / "a"))]
            if options[1] == "fail":
                sent.append(run(receiver, home, files.make_file(tmp_path / "a", b"x")))
            for one in sent:
                code, name, message = told(one)
                assert (code, name) == (8, "declined"), one.err
                assert "has something of this name already and keeps it" in message
                assert "(\"File exists already\")" in message
            declined = [event for event in receiver.events() if event["type"] == "file"]
            assert {event["status"] for event in declined} == {"declined"}
        assert (folder / "a").is_dir() or (folder / "a").read_bytes() == b"mine"


def test_a_sender_that_is_too_slow(receive, home, tmp_path):
    """The receiver's time-out is to the sender what its own is: unreachable."""
    with receive(tmp_path / "in", "--stall-timeout", "3s") as receiver:
        begun = time.monotonic()
        code, name, message = told(in_the_middle(receiver, home, lambda: None, then=False))
        assert time.monotonic() - begun < 20
        assert (code, name) == (5, "unreachable")
        assert "waited in vain for what was sent (\"Request timed out\")" in message


def test_locked_out(receive, home, tmp_path):
    """Whether a PIN is in play or not."""
    path = files.make_file(tmp_path / "a", b"x")
    with receive(tmp_path / "in", "--pin", "1234") as receiver:
        for _ in range(3):
            assert run(receiver, home, "--pin", "9999", path).code == 7
        code, name, message = told(run(receiver, home, path))
        assert (code, name) == (7, "pin")
        assert "takes no PIN for now, after too many wrong ones" in message
