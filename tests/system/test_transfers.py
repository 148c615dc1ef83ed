"""Whole files arrive, only whole files arrive, and the receiver is free again whatever happens."""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from lab.files import digest, make_big, make_file, make_named, make_tree, paths_below, tree
from lab.process import (Program, Receiver, binary, environment, is_sanitized, run_lsend,
                         wait_until)

MIB = 1 << 20
MEMORY_LIMIT = 64 * MIB
PARTS = ".lsend"
SCHEMES = [pytest.param([], id="https"), pytest.param(["--http"], id="http")]


@pytest.fixture
def receive(home, tmp_path, lsend):
    """receive(*options) gives a receiver on loopback, one at a time."""
    def start(*options, **more):
        return Receiver(tmp_path / "inbox", *options, home=home("receiver"), **more)

    return start


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def send(receiver, home, *args, **more):
    return run_lsend("send", receiver.target, *args, home=home("sender"), **more)


def received(receiver, times=True):
    """What was published."""
    files = tree(receiver.folder, times)
    return {name: what for name, what in files.items() if not name.startswith(PARTS + "/")}


def parts(folder):
    """What lies in the private folder."""
    below = pathlib.Path(folder) / PARTS
    return paths_below(below) if below.is_dir() else []


def assert_still_works(receiver, home, source, options=()):
    """The receiver takes another file at once."""
    path = make_file(source / "afterwards.txt", "still here\n")
    done = send(receiver, home, path, *options)
    assert done.returncode == 0, done.stderr
    assert (receiver.folder / "afterwards.txt").read_text() == "still here\n"


def report_memory(what, programs):
    """Prints the peaks; a build without ASan has to keep them small."""
    for name, program in programs.items():
        peak = program.peak_memory()
        print(f"{what}: {name} peaked at {peak / MIB:.1f} MiB")
        assert peak > 0
        if not is_sanitized():
            assert peak < MEMORY_LIMIT, f"{name} used {peak / MIB:.1f} MiB"


def send_measured(receiver, home, what, *args, timeout=120):
    """As send(), and looks at the memory of both ends; the sender's exit code."""
    with Program("send", receiver.target, *args, home=home("sender")) as sender:
        code = sender.wait(timeout)
        assert code == 0, sender.stderr()
        report_memory(what, {"sender": sender, "receiver": receiver})


# --- what arrives ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_PR9_PR29_a_thousand_files_in_folders(receive, home, source, scheme):
    """PR9, PR29, PR33: contents, names and times; the slot is free right after."""
    make_tree(source / "tree", 1000)
    with receive(*scheme) as receiver:
        send_measured(receiver, home, "1000 files", source / "tree", *scheme)
        assert received(receiver) == tree(source)
        assert len(received(receiver)) == 1000
        assert_still_works(receiver, home, source, scheme)
        assert parts(receiver.folder) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_PR20_a_file_of_one_gibibyte(receive, home, source, scheme):
    """PR20: a big file, bounded memory on both ends."""
    path = make_big(source / "big.bin", 1024 * MIB)
    with receive(*scheme) as receiver:
        send_measured(receiver, home, "1 GiB", path, *scheme)
        assert received(receiver) == tree(source)
        assert parts(receiver.folder) == []


@pytest.mark.parametrize("checksum", ["--checksum", "--no-checksum"])
def test_PR27_with_and_without_a_checksum(receive, home, source, checksum):
    """PR27: the receiver names the sha256 of what it stored."""
    path = make_big(source / "some.bin", 5 * MIB + 17)
    with receive("--json") as receiver:
        done = send(receiver, home, path, checksum)
        assert done.returncode == 0, done.stderr
        assert received(receiver) == tree(source)
        stored = [event for event in receiver.events() if event["type"] == "file"]
        assert [event["status"] for event in stored] == ["done"]
        assert stored[0]["sha256"] == digest(path)


NAMES = [
    "with blanks in it.txt",
    " leading blank",
    "中文文件名.txt",
    "資料夾/內容 二.md",
    "🎉 party 👩‍👩‍👧‍👦.png",
    "é" * 125 + ".txtx",
    "a" * 251 + ".bin",
    "文" * 85,
    "-rf",
    "--json",
    "quote'\"$(touch x)`;&|.sh",
    "percent%20%2e%2e.txt",
    "a+b&c=d?e#f.txt",
    "no extension",
    ".hidden",
    "d.e/f.g/h.tar.gz",
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_PR32_names_arrive_as_they_are(receive, home, source, scheme):
    """PR32: blanks, Chinese, emoji, 255 bytes, what means something to shells and URLs."""
    assert max(len(name.encode()) for name in NAMES) == 255
    make_named(source / "odd", NAMES)
    with receive(*scheme) as receiver:
        done = send(receiver, home, source / "odd", *scheme)
        assert done.returncode == 0, done.stderr
        assert received(receiver) == tree(source)
        assert parts(receiver.folder) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_PR28_an_empty_file(receive, home, source, scheme):
    """PR28: zero bytes, alone and among others; zero bytes in total is no division by zero."""
    make_file(source / "empty", b"", 1_600_000_000_000_000_000)
    with receive(*scheme) as receiver:
        assert send(receiver, home, source / "empty", *scheme).returncode == 0
        assert received(receiver) == tree(source)
        make_file(source / "full", b"full", 1_600_000_001_000_000_000)
        (receiver.folder / "empty").unlink()
        assert send(receiver, home, source / "empty", source / "full", *scheme).returncode == 0
        assert received(receiver) == tree(source)


def test_PR33_times_of_all_sorts(receive, home, source):
    """PR33: nanoseconds, 1970, the future within reason."""
    times = {"epoch": 0, "nanoseconds": 1_234_567_890_123_456_789, "now": time.time_ns()}
    for name, mtime_ns in times.items():
        make_file(source / name, name, mtime_ns)
    with receive() as receiver:
        assert send(receiver, home, *sorted(source.iterdir())).returncode == 0
        assert received(receiver) == tree(source)


def test_PR9_several_paths_at_once_and_a_prefix(receive, home, source):
    """Files and folders side by side; --prefix stands in front of every name."""
    make_named(source, ["one.txt", "two/a.txt", "two/b/c.txt", "three.bin"])
    paths = [source / "one.txt", source / "two", source / "three.bin"]
    with receive() as receiver:
        done = send(receiver, home, *paths, "--prefix", "builds/42")
        assert done.returncode == 0, done.stderr
        expected = {f"builds/42/{name}": what for name, what in tree(source).items()}
        assert received(receiver) == expected
        assert send(receiver, home, *paths).returncode == 0
        assert received(receiver) == {**expected, **tree(source)}


def test_PR32_collisions_get_a_number(receive, home, source):
    """PR32: nothing is ever overwritten; `name (1).ext`, in folders as well."""
    for number, text in enumerate(["first", "second", "third"]):
        make_file(source / "note.txt", text)
        make_file(source / "dir/archive.tar.gz", text)
        make_file(source / "plain", text)
        if number == 0:
            receiver = receive()
        paths = [source / "note.txt", source / "dir", source / "plain"]
        assert send(receiver, home, *paths).returncode == 0
    with receiver:
        inbox = receiver.folder
        for name in ("note.txt", "note (1).txt", "note (2).txt"):
            assert (inbox / name).is_file(), paths_below(inbox)
        texts = {(inbox / name).read_text()
                 for name in ("note.txt", "note (1).txt", "note (2).txt")}
        assert texts == {"first", "second", "third"}
        assert (inbox / "note.txt").read_text() == "first"
        assert (inbox / "plain").read_text() == "first"
        assert (inbox / "plain (1)").read_text() == "second"
        assert len(list((inbox / "dir").iterdir())) == 3
        assert len(received(receiver)) == 9


def test_PR32_nothing_outside_of_the_folder(receive, home, source, tmp_path):
    """PR32: a prefix that climbs is refused or tamed, and nothing appears next to the inbox."""
    make_file(source / "evil.txt", "evil")
    with receive() as receiver:
        before = sorted(tmp_path.iterdir())
        for prefix in ("../..", "a/../../..", "/etc/lsend-test"):
            done = send(receiver, home, source / "evil.txt", "--prefix", prefix)
            print(prefix, done.returncode, done.stderr)
            assert sorted(tmp_path.iterdir()) == before
        assert not os.path.lexists("/etc/lsend-test")
        assert all(not name.startswith("..") for name in received(receiver))
        assert_still_works(receiver, home, source)
        assert parts(receiver.folder) == []


def test_PR32_a_link_inside_the_inbox_leads_nowhere(receive, home, source, tmp_path):
    """PR32: a symlinked folder in the inbox is not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    make_file(source / "trap/evil.txt", "evil")
    with receive() as receiver:
        (receiver.folder / "trap").symlink_to(outside)
        done = send(receiver, home, source / "trap")
        assert done.returncode != 0 or list(outside.iterdir()) == []
        assert list(outside.iterdir()) == []
        assert_still_works(receiver, home, source)


# --- standard input and messages ------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sized", [False, True], ids=["spooled", "sized"])
def test_PS12_standard_input(receive, home, scheme, sized):
    """S32: PS12: `-` with a name, with and without its size."""
    content = random.Random(7).randbytes(3 * MIB + 5)
    size = ["--size", str(len(content))] if sized else []
    with receive(*scheme) as receiver:
        done = send(receiver, home, "-", "--name", "build.log", *size, *scheme, input=content)
        assert done.returncode == 0, done.stderr
        expected = hashlib.sha256(content).hexdigest()
        assert received(receiver, times=False) == {"build.log": expected}
        done = send(receiver, home, "-", *scheme, input=b"no name")
        assert done.returncode == 0, done.stderr
        assert (receiver.folder / "stdin").read_bytes() == b"no name"
        assert spooled(home) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [0, 5, 3 * MIB])
@pytest.mark.parametrize("much", [-1, 1])
@pytest.mark.parametrize("source", ["pipe", "file"])
def test_S32_standard_input_of_another_length(receive, home, tmp_path, scheme, size, much, source):
    """--size is a promise: exit 11 and no file, whether less or more comes."""
    if size + much < 0:
        pytest.skip("nothing is shorter than nothing")
    content = random.Random(7).randbytes(size + much)
    (tmp_path / "content").write_bytes(content)
    command = "cat {} | " if source == "pipe" else "<{} "
    command = command.format(tmp_path / "content") + '"$@"'
    with receive(*scheme) as receiver:
        done = subprocess.run(
            ["sh", "-c", command, "sh", binary(), "send", receiver.target, "-", "--size", str(size),
             *scheme], env=environment(home("sender")), stderr=subprocess.PIPE, text=True,
            timeout=60, check=False)
        assert done.returncode == 11, done.stderr
        words = "longer than" if much > 0 else "ended"
        assert words in done.stderr and "--size" in done.stderr
        wait_until(lambda: not parts(receiver.folder), what="the end of the part file")
        assert received(receiver, times=False) == {}
        assert_still_works(receiver, home, tmp_path, scheme)


def test_standard_input_goes_from_a_new_account(receive, tmp_path):
    """Nobody has made the folder where it is kept until its size is known."""
    receiver = receive()
    account = tmp_path / "account"
    sent = run_lsend("send", receiver.target, "-", "--name", "log", input="text", home=account,
                     env={"LSEND_HOME": ""})
    assert sent.returncode == 0, sent.stderr
    assert (receiver.folder / "log").read_text() == "text"
    state = account / ".local" / "state" / "lsend"
    assert list(state.iterdir()) == [] and state.stat().st_mode & 0o777 == 0o700


def test_S32_standard_input_that_is_kept_open(receive, home):
    """Whoever writes what --size says and no more need not close it; who is late with more has
    promised something else."""
    reading, writing = os.pipe()
    with receive() as receiver, open(reading, "rb") as stdin, open(writing, "wb", 0) as pipe:
        with Program("send", receiver.target, "-", "--size", "5", home=home("sender"),
                     stdin=stdin) as sender:
            pipe.write(b"12345")
            assert sender.wait(20) == 0, sender.stderr()
        assert (receiver.folder / "stdin").read_bytes() == b"12345"
        with Program("send", receiver.target, "-", "--size", "5", home=home("sender"),
                     stdin=stdin) as sender:
            pipe.write(b"12345")
            time.sleep(1)
            pipe.write(b"6")
            assert sender.wait(20) == 11, sender.stderr()
        assert list(received(receiver, times=False)) == ["stdin"]


def spooled(home):
    """What a sender left of standard input."""
    known = ("identity", "key", "cert", "known_devices")
    return [name for name in paths_below(home("sender"))
            if not name.endswith("/") and not any(word in name for word in known)]


def test_PS12_standard_input_shorter_than_its_size(receive, home, source):
    """S32: PS12: too few bytes are an error and no file; the receiver is free at once."""
    with receive() as receiver:
        done = send(receiver, home, "-", "--name", "short", "--size", "1000", input=b"x" * 999)
        assert done.returncode in (11, 12), done.stderr
        assert received(receiver) == {}
        assert_still_works(receiver, home, source)
        assert parts(receiver.folder) == []


def test_PR15_a_message(receive, home):
    """PR15, PS2: its text goes to standard output, no file is made, both are content."""
    text = "Grüße, 你好 👋\nsecond line"
    with receive() as receiver:
        done = send(receiver, home, "-m", text)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: text in receiver.stdout(), what="the message")
        done = send(receiver, home, "-m", "-", input="through a pipe")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: "through a pipe" in receiver.stdout(), what="the message")
        assert received(receiver) == {}
        assert receiver.stop() == 0
        assert "Grüße" not in receiver.stderr()


def test_PR15_a_long_message(receive, home):
    """PR15: a megabyte of text; what is longer than receivers show is a file."""
    text = "All work and no play makes Jack a dull boy.\n" * 23000
    with receive() as receiver:
        done = send(receiver, home, "-m", "-", input=text)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: len(receiver.stdout().encode()) >= len(text), what="the message")
        assert text.strip() in receiver.stdout()
        assert send(receiver, home, "-m", "-", input=text + "x" * (1 << 16)).returncode == 15


# --- what is interrupted --------------------------------------------------------------------------


@contextlib.contextmanager
def sending(receiver, home, path, *options):
    """A big transfer that has begun; the receiver is stopped in the middle of it."""
    with Program("send", receiver.target, path, *options, home=home("sender")) as sender:
        wait_until(lambda: parts(receiver.folder) or sender.popen.poll() is not None,
                   what="the transfer")
        receiver.send_signal(signal.SIGSTOP)
        try:
            assert sender.popen.poll() is None, f"the transfer was too fast\n{sender.stderr()}"
            yield sender
        finally:
            receiver.send_signal(signal.SIGCONT)


def exit_limit():
    """Seconds that an interrupted program may take; ASan looks for leaks after that."""
    return 4.0 if is_sanitized() else 2.0


@pytest.fixture
def big(source):
    return make_big(source / "big.bin", 1024 * MIB)


def no_trace(receiver):
    """Nothing of the big file is left."""
    return not (receiver.folder / "big.bin").exists() and parts(receiver.folder) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_PS10_SIGINT_while_sending(receive, home, source, big, scheme):
    """PS10, PR25, PR30: 130 within two seconds, the peer is told, no part, no file."""
    with receive(*scheme) as receiver:
        with sending(receiver, home, big, *scheme) as sender:
            receiver.send_signal(signal.SIGCONT)
            began = time.monotonic()
            sender.send_signal(signal.SIGINT)
            assert sender.wait(20) == 130
            assert time.monotonic() - began < exit_limit()
            assert sender.stderr().strip() != ""
        assert_still_works(receiver, home, source, scheme)
        wait_until(lambda: no_trace(receiver), what="the end of the part")


def test_PS10_SIGINT_while_the_receiver_hangs(receive, home, source, big):
    """PS10: a peer that says nothing does not keep the sender; it is free once it wakes up."""
    with receive() as receiver:
        with sending(receiver, home, big, "--no-resume") as sender:
            began = time.monotonic()
            sender.send_signal(signal.SIGINT)
            assert sender.wait(20) == 130
            assert time.monotonic() - began < exit_limit() + 0.5
        wait_until(lambda: no_trace(receiver), what="the end of the part")


def test_PS10_SIGTERM_while_sending(receive, home, source, big):
    """PS10: as SIGINT, with 143."""
    with receive() as receiver:
        with sending(receiver, home, big) as sender:
            receiver.send_signal(signal.SIGCONT)
            assert sender.stop(expect=143) == 143
        assert_still_works(receiver, home, source)


def test_PS10_SIGINT_while_standard_input_is_silent(receive, home, source):
    """PS10: the pipe that lsend reads from stays open and quiet: 130 all the same."""
    reading, writing = os.pipe()
    with receive() as receiver, open(writing, "wb", buffering=0) as pipe:
        with open(reading, "rb") as stdin:
            sender = Program("send", receiver.target, "-", "--name", "big.bin", "--size",
                             str(64 * MIB), home=home("sender"), stdin=stdin)
        with sender:
            pipe.write(b"x" * (1 * MIB))
            wait_until(lambda: parts(receiver.folder), what="the transfer")
            time.sleep(0.5)
            began = time.monotonic()
            sender.send_signal(signal.SIGINT)
            assert sender.wait(10) == 130
            assert time.monotonic() - began < exit_limit()
        assert_still_works(receiver, home, source)
        wait_until(lambda: no_trace(receiver), what="the end of the part")


def test_PS10_SIGINT_while_standard_input_is_spooled(receive, home):
    """PS10: nothing of what was read stays on the disk."""
    reading, writing = os.pipe()
    with receive() as receiver, open(writing, "wb", buffering=0) as pipe:
        with open(reading, "rb") as stdin:
            sender = Program("send", receiver.target, "-", home=home("sender"), stdin=stdin)
        with sender:
            pipe.write(b"secret" * 1000)
            time.sleep(1)
            sender.send_signal(signal.SIGINT)
            assert sender.wait(10) in (130, -signal.SIGINT)
        assert spooled(home) == []
        assert received(receiver) == {}


def test_PR30_SIGTERM_of_a_busy_receiver(receive, home, big):
    """A receiver that is told to stop while a file comes in: 143, the sender fails, no file."""
    receiver = receive()
    with receiver, sending(receiver, home, big, "--no-resume") as sender:
        receiver.send_signal(signal.SIGCONT)
        assert receiver.stop(expect=143) == 143
        # It may have been told (8), or have seen the connection close (5).
        assert sender.wait(60) in (5, 8), sender.stderr()
        assert sender.stderr().strip() != ""
        assert no_trace(receiver)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_PR29_a_signal_while_idle(receive, home, source, number):
    """Told to stop with nothing to do: SIGTERM is success, Ctrl-C is not busy work either."""
    with receive() as receiver:
        assert_still_works(receiver, home, source)
        code = receiver.stop(number, expect=None)
        assert code in ((0,) if number == signal.SIGTERM else (0, 130))
        assert sorted(received(receiver)) == ["afterwards.txt"]
        assert parts(receiver.folder) == []


def test_PR31_kill_9_of_the_sender(receive, home, source, big):
    """S34, PR25, PR31: no goodbye; the slot is free after the idle limit, no file appears."""
    with receive() as receiver:
        with sending(receiver, home, big, "--no-resume") as sender:
            sender.popen.kill()
            assert sender.popen.wait(10) == -signal.SIGKILL
        wait_until(lambda: no_trace(receiver), what="the end of the part")
        path = make_file(source / "afterwards.txt", "still here\n")
        wait_until(lambda: send(receiver, home, path).returncode == 0, timeout=45,
                   what="a free slot")
        assert sorted(received(receiver)) == ["afterwards.txt"]


def test_PR30_kill_9_of_the_receiver(receive, home, source, big):
    """What it left is no file of that name; the next run takes files as if nothing had been."""
    receiver = receive()
    with sending(receiver, home, big) as sender:
        receiver.discard()
        code = sender.wait(60)
        assert code == 5, sender.stderr()
    assert received(receiver) == {}
    with receive() as second:
        assert_still_works(second, home, source)


# --- a full disk ----------------------------------------------------------------------------------


def can_mount(folder):
    """May we mount in a namespace of our own?"""
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    try:
        return subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture
def small_disk(receive, tmp_path):
    """A receiver whose inbox is a disk of 16 MiB; its files are seen through /proc."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    if not can_mount(inbox):
        pytest.skip("cannot mount a tmpfs in a mount namespace here")
    script = 'mount -t tmpfs -o size=16m,mode=0755 none "$0" && exec "$@"'
    prefix = ("unshare", "-m", "sh", "-c", script, str(inbox))
    with receive("--min-free", "0", prefix=prefix) as receiver:
        receiver.folder = pathlib.Path(f"/proc/{receiver.pid}/root") / str(inbox).lstrip("/")
        assert os.statvfs(receiver.folder).f_blocks * os.statvfs(
            receiver.folder).f_frsize == 16 * MIB
        yield receiver


def test_PR34_more_than_the_disk_holds(small_disk, home, source):
    """PR34: refused before the first byte, and a small file still fits."""
    path = make_file(source / "big.bin", b"no hole " * (4 * MIB))
    done = send(small_disk, home, path)
    assert done.returncode not in (0, 2), done.stderr
    assert "big.bin" in done.stderr or "space" in done.stderr.lower()
    assert no_trace(small_disk)
    assert_still_works(small_disk, home, source)


def test_PR34_the_disk_fills_up_on_the_way(small_disk, home, source):
    """PR34: space that was there is gone: an error soon, no part, and a small file still fits."""
    names = [f"file{number:02}.bin" for number in range(2)]
    paths = [make_big(source / name, 6 * MIB) for name in names]
    filler = small_disk.folder / "filler"
    reading, writing = os.pipe()
    with open(writing, "wb", buffering=0) as pipe:
        with open(reading, "rb") as stdin:
            sender = Program("send", small_disk.target, "-", "--name", "big.bin", "--size",
                             str(12 * MIB), home=home("sender"), stdin=stdin)
        with sender:
            pipe.write(paths[0].read_bytes())
            wait_until(lambda: parts(small_disk.folder), what="the transfer")
            with contextlib.suppress(OSError), open(filler, "wb") as file:
                while True:
                    file.write(b"f" * MIB)
                    file.flush()
            with contextlib.suppress(BrokenPipeError):
                pipe.write(paths[1].read_bytes())
            pipe.close()
            code = sender.wait(30)
    published = small_disk.folder / "big.bin"
    # Where the file system set the space aside, the file comes through; else it is an error.
    if code == 0:
        assert published.read_bytes() == paths[0].read_bytes() + paths[1].read_bytes()
        published.unlink()
    assert not published.exists()
    wait_until(lambda: parts(small_disk.folder) == [], what="the end of the part")
    filler.unlink()
    assert_still_works(small_disk, home, source)


def test_PR34_no_inode_is_left(receive, home, source, tmp_path):
    """PR34: the disk refuses a new file although it has room: exit != 0, soon, and no part."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    if not can_mount(inbox):
        pytest.skip("cannot mount a tmpfs in a mount namespace here")
    script = 'mount -t tmpfs -o size=16m,nr_inodes=8,mode=0755 none "$0" && exec "$@"'
    prefix = ("unshare", "-m", "sh", "-c", script, str(inbox))
    with receive("--min-free", "0", prefix=prefix) as receiver:
        receiver.folder = pathlib.Path(f"/proc/{receiver.pid}/root") / str(inbox).lstrip("/")
        make_named(source / "many", [f"file{number}" for number in range(12)])
        done = send(receiver, home, source / "many")
        assert done.returncode == 10, done.stderr
        stored = received(receiver)
        assert 0 < len(stored) < 12
        assert stored.items() <= tree(source).items()
        assert parts(receiver.folder) == []
        (receiver.folder / sorted(stored)[0]).unlink()
        assert_still_works(receiver, home, source)
