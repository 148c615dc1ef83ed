"""R91 to R104: disks, descriptors, memory, signals and files of its own that fail a receiver."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

import pytest

from lab import files
from lab.fault_rounds import ERRORS, FaultRounds
from lab.kills import Rounds
from lab.process import (Program, Receiver, binary, environment, is_sanitized, run_lsend,
                         wait_until)
from lab.shim import INTERRUPT, SHORT, Faults
from lab.wellbeing import Guard
from peers import certificates
from peers.hostile import Hostile
from peers.sender import Connection, File

versions = pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])


def send(sender, *offered):
    """Whole files; the statuses of their uploads."""
    return [answer.status for answer in sender.send(list(offered))]


# --- a disk that ends ----------------------------------------------------------------------------


class OwnDisk(Guard):
    """A receiver in a mount namespace of its own, its folder on a small tmpfs."""

    def __init__(self, folder, options, *words, **more):
        if os.geteuid() != 0:
            pytest.skip("mounting needs root")
        tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"],
                               capture_output=True, text=True, timeout=20, check=False)
        if tried.returncode:
            pytest.skip(f"this machine forbids mounting: {tried.stderr.strip()}")
        folder.mkdir()
        command = f'mount -t tmpfs -o {options} none "{folder}" && exec "$0" "$@"'
        self._inside = None
        super().__init__(folder, "--http", "--min-free", "0", *words, room=folder.parent,
                         prefix=("unshare", "-m", "sh", "-c", command), **more)

    def remember(self):
        """Its folder is seen through its own root."""
        self.folder = pathlib.Path(f"/proc/{self.pid}/root{self.folder}")
        self.room = self.folder.parent
        super().remember()

    def remount(self, options):
        """Changes the mounted file system."""
        place = str(self.folder).split("/root", 1)[1]
        subprocess.run(["nsenter", "-m", "-t", str(self.pid), "mount", "-o", f"remount,{options}",
                        place], check=True, timeout=20)


@versions
def test_R91_the_disk_is_full(lsend, own_home, tmp_path, era):
    """R91: 500 in the middle of a file and no part left; a small file is stored all the same."""
    with OwnDisk(tmp_path / "in", "size=2m", home=own_home) as serving:
        sender = Hostile(serving.port, era, tls=False)
        big = File("big", os.urandom(1_500_000))
        session, tokens = sender.start([big])
        files.make_file(serving.folder / "filler", b"x" * 1_000_000)
        serving.whole.add(files.digest(serving.folder / "filler"))
        answer = sender.upload(session, big.id, tokens[big.id], big.data)
        assert (answer.status, answer.message) == (500, "Not enough space")
        assert send(sender, File("small", b"x" * 1000)) == [200]
        assert set(serving.stored()) == {"filler", "small"}
        serving.check(sender)


def test_R91_the_sender_says_why(lsend, own_home, home, tmp_path):
    """R91: lsend send ends with the code of a file that did not arrive, and a sentence on space."""
    with OwnDisk(tmp_path / "in", "size=2m", home=own_home) as serving:
        big = files.make_file(tmp_path / "big", os.urandom(3_000_000))
        done = run_lsend("send", f"http://{serving.target}", big, home=home("sender"))
        assert done.returncode != 0
        assert "space" in done.stderr.lower()
        assert serving.is_prompt() and serving.stored() == {}


@versions
def test_R93_the_inodes_are_used_up(lsend, own_home, tmp_path, era):
    """R93: some files arrive, then it is 500; when there is room again it goes on."""
    with OwnDisk(tmp_path / "in", "size=8m,nr_inodes=24", home=own_home) as serving:
        sender = Hostile(serving.port, era, tls=False)
        statuses = send(sender, *[File(f"d{i}/{i}", b"x") for i in range(20)])
        assert set(statuses) == {200, 500}
        assert statuses.count(200) == len(serving.stored())
        shutil.rmtree(serving.folder / "d0")
        assert send(sender, File("again", b"x")) == [200]
        serving.check(sender)


@versions
def test_R94_the_disk_turns_read_only(lsend, own_home, tmp_path, era):
    """R94: 500 and a line in the log; it goes on when the disk may be written again."""
    with OwnDisk(tmp_path / "in", "size=8m", home=own_home) as serving:
        sender = Hostile(serving.port, era, tls=False)
        assert send(sender, File("a", b"a")) == [200]
        session, tokens = sender.start([file := File("b", b"b")])
        serving.remount("ro")
        answer = sender.upload(session, file.id, tokens[file.id], file.data)
        assert (answer.status, answer.message) == (500, "Cannot store the file")
        wait_until(lambda: "Read-only" in serving.stderr() + serving.stdout(), what="a line")
        serving.remount("rw")
        assert send(sender, File("c", b"c")) == [200]
        assert set(serving.stored()) == {"a", "c"}
        serving.check(sender)


def test_R94_a_file_larger_than_allowed(lsend, own_home, tmp_path):
    """R94: EFBIG by ulimit -f; SIGXFSZ does not end the process."""
    limited = ("sh", "-c", 'ulimit -f 1000; exec "$0" "$@"')
    with Guard(tmp_path / "in", "--http", home=own_home, prefix=limited) as serving:
        sender = Hostile(serving.port, tls=False)
        assert send(sender, File("big", os.urandom(2_000_000))) == [500]
        # Not set aside in one go: written block by block up to the limit.
        session, tokens = sender.start([file := File("small", os.urandom(100_000))])
        assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
        serving.check(sender)


@versions
def test_R94_a_folder_that_may_not_be_written(lsend, tmp_path, era):
    """R94: EACCES on the folder, on the folder of parts, on a folder below: 500, and again 200
    when it may be written."""
    with contextlib.ExitStack() as stack:
        place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lsend-ro-")))
        place.chmod(0o755)
        for name in ("home", "in", "in/below"):
            (place / name).mkdir(mode=0o700)
        prefix = ()
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                pytest.skip("root may write everywhere, and there is no setpriv(1)")
            readable(pathlib.Path(binary()), stack)
            for name in ("home", "in", "in/below"):
                os.chown(place / name, 65534, 65534)
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        serving = stack.enter_context(started_in(place, prefix))
        sender = Hostile(serving.port, era, tls=False)
        for folder, name in (("in", "x"), ("in/.lsend", "x"), ("in/below", "below/x")):
            (place / folder).chmod(0o500)
            assert send(sender, File(name, b"x")) == [500]
            (place / folder).chmod(0o700)
            assert send(sender, File(name, b"content")) == [200]
        wait_until(lambda: "ermission denied" in serving.stderr() + serving.stdout(), what="a line")
        serving.check(sender)


def started_in(place, prefix):
    """A Guard whose ready file lies where another user may write."""
    home = place / "home"
    kept, tempfile.tempdir = tempfile.tempdir, str(place)
    mask = os.umask(0)
    real = tempfile.mkdtemp

    def open_to_all(*words, **more):
        made = real(*words, **more)
        os.chmod(made, 0o777)
        return made

    tempfile.mkdtemp = open_to_all
    try:
        return Guard(place / "in", "--http", room=place / "in", home=home, prefix=prefix)
    finally:
        tempfile.mkdtemp, tempfile.tempdir = real, kept
        os.umask(mask)


def readable(program, stack):
    """Skips where another user cannot reach the program."""
    for folder in program.parents:
        if not os.stat(folder).st_mode & stat.S_IXOTH:
            pytest.skip(f"{folder} is closed to other users")


# --- every call that fails once ------------------------------------------------------------------


@versions
def test_R92_R94_R95_each_call_fails_once(plain_lsend, own_home, tmp_path, era):
    """R92, R94, R95: EIO, ENOSPC and EDQUOT at the k-th call that touches the folder, for each k.
    No 200 for a file that is not there whole, nothing incomplete, and the next transfer is well."""
    faults = Faults(tmp_path, tmp_path / "in")
    with Guard(tmp_path / "in", "--http", home=own_home, room=tmp_path / "in",
               env=faults.env, program=plain_lsend) as serving:
        sender = Hostile(serving.port, era, tls=False)
        rounds = FaultRounds(serving, sender, faults)
        assert rounds.calls > 10
        for error in ERRORS:
            for at in range(1, rounds.calls + 1):
                rounds.fail(at, error)
        assert {"write", "openat", "renameat2", "fchmod"} <= rounds.failed
        assert len(serving.parts()) <= rounds.leftovers
        for name in serving.parts():
            (serving.folder / name).unlink()
        assert send(sender, File("after", b"after")) == [200]
        serving.check(sender)


@pytest.mark.parametrize("mode", [SHORT, INTERRUPT], ids=["short", "interrupted"])
@versions
def test_R95_short_and_interrupted_writes(plain_lsend, own_home, tmp_path, era, mode):
    """R95: each write takes half, or every other call is interrupted: the file arrives whole."""
    faults = Faults(tmp_path, tmp_path / "in")
    with Guard(tmp_path / "in", "--http", home=own_home, room=tmp_path / "in",
               env=faults.env, program=plain_lsend) as serving:
        sender = Hostile(serving.port, era, tls=False)
        rounds = FaultRounds(serving, sender, faults)
        faults.arm(1 if mode == INTERRUPT else 0, mode=mode)
        assert rounds.transfer()[1] == [200] * 3
        assert faults.disarm() > 5
        serving.check(sender)


# --- the wall clock ------------------------------------------------------------------------------


HOUR = 3600


@versions
def test_R88_the_wall_clock_jumps(plain_lsend, own_home, tmp_path, era):
    """R88: by an hour, by ten years, forth and back: a session lives on, a lock-out stays."""
    faults = Faults(tmp_path, tmp_path / "in")
    with Guard(tmp_path / "in", "--http", "--pin", "1234", home=own_home, room=tmp_path / "in",
               env=faults.env, program=plain_lsend) as serving:
        sender = Hostile(serving.port, era, tls=False)
        locked = Hostile(serving.port, era, tls=False, source="127.0.0.2")
        for _ in range(4):
            locked.prepare([File("x", b"x")], pin="0000")
        jumps = (HOUR, -HOUR, 10 * 365 * 24 * HOUR, 0)
        offered = [File(f"{i}", b"content") for i in range(len(jumps))]
        session, tokens = sender.start(offered, pin="1234")
        for file, jump in zip(offered, jumps):
            faults.set(clock=jump)
            # Longer than the sweep of sessions takes to come round.
            time.sleep(1.2)
            assert locked.prepare([File("x", b"x")], pin="1234").status == 429
            assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
        serving.check(sender)


# --- kill -9 -------------------------------------------------------------------------------------


def test_R96_kill_9_in_the_middle(lsend, own_home, tmp_path):
    """R96: a hundred times, small files and big ones: nothing incomplete under a final name, no
    acknowledged file lost, and each next transfer works (scripts/torture: thousands)."""
    rounds = Rounds(tmp_path / "in", own_home)
    rounds.run(30 if is_sanitized() else 100)
    assert rounds.acknowledged > rounds.rounds // 4
    assert rounds.partial == 0
    with Guard(tmp_path / "in", "--http", home=own_home) as serving:
        assert send(Hostile(serving.port), File("last", b"last")) == [200]
        assert set(serving.stored()) == {"last"}


def test_R96_stale_parts_are_swept(plain_lsend, own_home, tmp_path):
    """R96: at the next start a day later; only regular files of our pattern."""
    faults = Faults(tmp_path, tmp_path / "in")
    with Receiver(tmp_path / "in", "--http", home=own_home) as first:
        sender = Hostile(first.port, tls=False)
        file = File("big", os.urandom(500_000))
        session, tokens = sender.start([file])
        with sender.begin_upload(session, file, tokens[file.id], [("Content-Length", 500_000)],
                                 file.data[:100_000]):
            parts = tmp_path / "in" / ".lsend"
            part, = wait_until(lambda: list(parts.iterdir()), what="a part")
            first.popen.kill()
            first.popen.wait(10)
    files.make_file(tmp_path / "kept", b"kept")
    ours = "A" * len(part.name)
    (parts / "not ours").write_bytes(b"")
    (parts / ours).symlink_to(tmp_path / "kept")
    (parts / ours.replace("A", "B")).mkdir()
    with Receiver(tmp_path / "in", "--http", home=own_home):
        assert part.exists()
    faults.set(clock=25 * HOUR)
    with Receiver(tmp_path / "in", "--http", home=own_home, env=faults.env, program=plain_lsend):
        wait_until(lambda: not part.exists(), what="the sweep")
    assert {path.name for path in parts.iterdir()} == {"not ours", ours, ours.replace("A", "B")}
    assert (tmp_path / "kept").read_bytes() == b"kept"


# --- descriptors and memory ----------------------------------------------------------------------


def test_R98_out_of_descriptors(plain_lsend, own_home, tmp_path):
    """R98: 500 callers for 64 descriptors: it waits instead of spinning, and a session that was
    open goes on afterwards."""
    few = ("sh", "-c", 'ulimit -n 64; exec "$0" "$@"')
    with Guard(tmp_path / "in", "--http", home=own_home, prefix=few,
               program=plain_lsend) as serving:
        sender = Hostile(serving.port, tls=False)
        file = File("a", os.urandom(300_000))
        session, tokens = sender.start([file])
        target = sender.upload_target(session, file.id, tokens[file.id])
        with contextlib.ExitStack() as stack:
            running = stack.enter_context(sender.connect())
            running.send(sender.head("POST", target, [("Content-Length", 300_000)]))
            running.send(file.data[:100_000])
            for number in range(500):
                caller = Hostile(serving.port, tls=False, source=f"127.0.4.{number % 250 + 1}")
                stack.enter_context(Connection(caller.open_tcp()))
            begun, before = time.monotonic(), processor_time(serving.pid)
            time.sleep(2)
            share = (processor_time(serving.pid) - before) / (time.monotonic() - begun)
            assert share < 0.1
            running.send(file.data[100_000:])
            assert running.answer().status == 200
        wait_until(lambda: answers(sender), 30, "an answer after the flood")
        assert send(sender, File("b", b"b")) == [200]
        serving.check(sender)


def answers(sender):
    with contextlib.suppress(OSError):
        return sender.request("GET", sender.route("info")).status == 200
    return False


def processor_time(pid):
    """Seconds that a process has used."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_R99_out_of_memory(plain_lsend, own_home, tmp_path):
    """R99: address space for some more megabytes only: large requests and many connections are
    refused, and the process lives on."""
    with Receiver(tmp_path / "in", "--http", home=own_home, program=plain_lsend) as plain:
        status = pathlib.Path(f"/proc/{plain.pid}/status").read_text()
        needed = int(status.split("VmPeak:")[1].split()[0])
    tight = ("sh", "-c", f'ulimit -v {needed + 24_000}; exec "$0" "$@"')
    with Guard(tmp_path / "in", "--http", home=own_home, prefix=tight,
               program=plain_lsend) as serving:
        sender = Hostile(serving.port, tls=False)
        with contextlib.ExitStack() as stack:
            for number in range(4):
                caller = Hostile(serving.port, tls=False, source=f"127.0.5.{number + 1}")
                link = stack.enter_context(caller.connect())
                link.send(caller.head("POST", caller.route("prepare"),
                                      [("Content-Length", 60_000_000)]))
                link.send_listening(b" " * 30_000_000)
            for number in range(300):
                with contextlib.suppress(OSError):
                    stack.enter_context(Hostile(
                        serving.port, source=f"127.0.6.{number % 250 + 1}").connect())
            assert serving.popen.poll() is None
        wait_until(lambda: answers(sender), 30, "an answer after the flood")
        assert send(sender, File("b", b"b")) == [200]
        serving.check(sender)


# --- its own standard streams and surroundings ---------------------------------------------------


OUTPUTS = {"stderr closed": "2>&-", "stdout closed": ">&-", "both closed": ">&- 2>&-",
           "stderr full": "2>/dev/full", "stdout full": ">/dev/full", "stdin closed": "<&-",
           "all closed": "<&- >&- 2>&-"}


@pytest.mark.parametrize("redirect", OUTPUTS.values(), ids=OUTPUTS)
def test_R100_R101_streams_that_are_gone(lsend, own_home, tmp_path, redirect):
    """R100, R101: the transfer is none the worse."""
    prefix = ("sh", "-c", f'exec "$0" "$@" {redirect}')
    with Guard(tmp_path / "in", "--http", home=own_home, prefix=prefix) as serving:
        sender = Hostile(serving.port, tls=False)
        assert send(sender, File("a", b"a"), File("b", os.urandom(100_000))) == [200, 200]
        serving.check(sender)


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["text", "json"])
def test_R100_a_pipe_whose_reader_has_gone(lsend, own_home, tmp_path, words):
    """R100: SIGPIPE ends nothing; the files arrive."""
    folder = tmp_path / "in"
    ready = tmp_path / "ready"
    with subprocess.Popen([binary(), "receive", "--http", "--auto-accept", "--dir", folder, "--port",
                           "0", "--ready-file", ready, "--interface", "lo", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          env=environment(own_home)) as running:
        try:
            wait_until(lambda: ready.exists() and ready.read_text(), what="listening")
            running.stdout.close()
            running.stderr.close()
            sender = Hostile(json.loads(ready.read_text())["port"], tls=False)
            for number in range(3):
                assert send(sender, File(f"{number}", b"content")) == [200]
            assert running.poll() is None
            running.terminate()
            assert running.wait(10) == 0
        finally:
            running.kill()
    assert {name for name in os.listdir(folder) if name != ".lsend"} == {"0", "1", "2"}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_R101_modes_follow_the_umask(lsend, own_home, tmp_path, mask):
    """R101: 0644 and 0755 without what the umask takes, 0600 while a file is written. Below a mask
    that takes everything no folder of its own could be used: root can."""
    if mask == 0o777 and os.geteuid() != 0:
        pytest.skip("only root can use what it may not read")
    (tmp_path / "in").mkdir(mode=0o755)
    prefix = ("sh", "-c", f'umask {mask:03o}; exec "$0" "$@"')
    with Guard(tmp_path / "in", "--http", home=own_home, prefix=prefix) as serving:
        sender = Hostile(serving.port, tls=False)
        file = File("d/a", os.urandom(50_000))
        session, tokens = sender.start([file])
        with sender.begin_upload(session, file, tokens[file.id], [("Content-Length", 50_000)],
                                 file.data[:20_000]) as link:
            part, = wait_until(serving.parts, what="a part")
            assert stat.S_IMODE((serving.folder / part).stat().st_mode) == 0o600 & ~mask
            link.send(file.data[20_000:])
            assert link.answer().status == 200
        assert stat.S_IMODE((serving.folder / "d/a").stat().st_mode) == 0o644 & ~mask
        assert stat.S_IMODE((serving.folder / "d").stat().st_mode) == 0o755 & ~mask
        serving.check(sender)


def test_R101_no_home_no_terminal_no_working_folder(lsend, own_home, tmp_path):
    """R101: TERM and HOME unset, the working folder deleted."""
    gone = tmp_path / "gone"
    gone.mkdir()
    prefix = ("sh", "-c", f'cd "{gone}" && rmdir "{gone}" && unset TERM HOME; exec "$0" "$@"')
    with Guard(tmp_path / "in", "--http", home=own_home, prefix=prefix) as serving:
        serving.remember()
        sender = Hostile(serving.port, tls=False)
        assert send(sender, File("a", b"a")) == [200]
        serving.check(sender)


# --- signals -------------------------------------------------------------------------------------


def half_sent(serving, sender):
    """A connection on which half of a file has been sent."""
    file = File("half", os.urandom(400_000))
    session, tokens = sender.start([file])
    link = sender.begin_upload(session, file, tokens[file.id], [("Content-Length", 400_000)],
                               file.data[:200_000])
    wait_until(lambda: parts_in(serving.folder), what="a part")
    return link, file


def parts_in(folder):
    """Files on their way in."""
    return list((folder / ".lsend").iterdir())


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("times", [1, 2])
def test_R102_a_signal_in_the_middle(lsend, own_home, tmp_path, number, code, times):
    """R102: nothing incomplete is left under a final name, and the exit code tells."""
    with Receiver(tmp_path / "in", "--http", home=own_home) as serving:
        link, _ = half_sent(serving, Hostile(serving.port, tls=False, own_port=1))
        with link:
            begun = time.monotonic()
            for _ in range(times):
                serving.send_signal(number)
            assert serving.wait(10) == code
            assert time.monotonic() - begun < 5
        assert [name for name in files.paths_below(serving.folder)
                if not name.startswith(".lsend/")] == []
        assert times == 2 or parts_in(serving.folder) == []


def test_R102_signals_that_end_nothing(lsend, own_home, tmp_path):
    """R102: SIGPIPE, and a stop that is shorter than any limit."""
    with Guard(tmp_path / "in", "--http", home=own_home) as serving:
        sender = Hostile(serving.port, tls=False)
        link, file = half_sent(serving, sender)
        with link:
            serving.send_signal(signal.SIGPIPE)
            serving.send_signal(signal.SIGSTOP)
            time.sleep(2)
            serving.send_signal(signal.SIGCONT)
            link.send(file.data[200_000:])
            assert link.answer().status == 200
        serving.check(sender)


def test_R102_a_stop_longer_than_the_limits(lsend, own_home, tmp_path):
    """R102: 34 s. A session that waits and an upload that runs are not judged by a time in which
    nothing could be read."""
    with Guard(tmp_path / "in", "--http", home=own_home) as running, \
            Guard(tmp_path / "in2", "--http", home=own_home, room=tmp_path / "in2") as waiting:
        running.remember()
        sender, other = (Hostile(serving.port, tls=False) for serving in (running, waiting))
        link, file = half_sent(running, sender)
        second = File("second", b"second")
        session, tokens = other.start([second])
        with link:
            for serving in (running, waiting):
                serving.send_signal(signal.SIGSTOP)
            link.send(file.data[200_000:300_000])
            time.sleep(34)
            for serving in (running, waiting):
                serving.send_signal(signal.SIGCONT)
            time.sleep(1.5)
            link.send(file.data[300_000:])
            assert link.answer().status == 200
        assert other.upload(session, second.id, tokens[second.id], second.data).status == 200
        waiting.check(other)


# --- files of its own ----------------------------------------------------------------------------


def key_of(folder):
    """The file with key and certificate."""
    return next(folder.rglob("identity.pem"))


@pytest.fixture
def copied(own_home, tmp_path):
    """A home with an identity that may be spoilt."""
    made = tmp_path / "copied"
    shutil.copytree(own_home, made)
    made.chmod(0o700)
    return made


def spoil(path, how):
    """Makes the file what the row says."""
    text = path.read_text()
    key, begin, rest = text.partition("-----BEGIN CERTIFICATE-----")
    other = pathlib.Path(certificates.certificate("other").pem).read_text()
    content = {"empty": "", "garbage": "garbage\n", "half": text[:len(text) // 2],
               "only the key": key, "only the certificate": begin + rest,
               "not matching": key + begin + other.partition(begin)[2],
               "expired": pathlib.Path(certificates.expired_certificate().pem).read_text()}
    if how in content:
        path.write_text(content[how])
    elif how == "readable by others":
        path.chmod(0o644)
    elif how == "writable by the group":
        path.chmod(0o660)
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "a link":
        shutil.move(path, path.with_suffix(".away"))
        path.symlink_to(path.with_suffix(".away"))


@pytest.mark.parametrize("how", [
    "empty", "garbage", "half", "only the key", "only the certificate", "not matching", "expired",
    "readable by others", "writable by the group", "a folder", "a link"])
def test_R103_a_spoilt_key_stops_the_program(lsend, copied, tmp_path, how):
    """R103: exit 6 with the file and a remedy; the file is left as it is."""
    path = key_of(copied)
    spoil(path, how)
    before = path.read_bytes() if path.is_file() else None
    done = run_lsend("receive", "-q", "--auto-accept", "--once", "--port", 0, "--dir",
                     tmp_path / "in", home=copied, timeout=20, env={"LSEND_INTERFACE": "lo"})
    assert done.returncode == 6, done.stderr
    assert str(path) in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert (path.read_bytes() if path.is_file() else None) == before


def test_R103_a_missing_key_is_made(lsend, copied, tmp_path):
    """R103: and only then; 0600, in a folder of 0700."""
    path = key_of(copied)
    path.unlink()
    with Receiver(tmp_path / "in", home=copied) as serving:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert serving.fingerprint == certificates.fingerprint_of_pem(path)


@pytest.mark.parametrize("text", ["garbage\n", "[receive\n", "\0\0\0", "nosuchkey = 1\n", "\xff"],
                         ids=ascii)
def test_R104_a_damaged_configuration_is_told(lsend, copied, tmp_path, text):
    """R104: exit 2 with the file and its line; nothing is guessed and the file stays."""
    config = copied / "config.toml"
    config.write_bytes(text.encode("latin-1"))
    done = run_lsend("receive", "--auto-accept", "--once", "--port", 0, "--dir", tmp_path / "in",
                     home=copied, timeout=20, env={"LSEND_INTERFACE": "lo"})
    assert done.returncode == 2, done.stderr
    assert str(config) in done.stderr
    assert config.read_bytes() == text.encode("latin-1")


def test_R104_files_that_are_replaced_while_it_runs(lsend, copied, tmp_path):
    """R104: what was read at the start stays good: transfers go on whatever becomes of
    configuration, known devices and identity; none of them is written over."""
    with Guard(tmp_path / "in", "--http", home=copied, room=tmp_path / "in") as serving:
        sender = Hostile(serving.port)
        spoilt = [copied / "config.toml", copied / "known_devices.json", key_of(copied)]
        for number, content in enumerate((b"", b"{", b"\0" * 100)):
            for path in spoilt:
                path.write_bytes(content)
            assert send(sender, File(f"{number}", os.urandom(100))) == [200]
            assert [path.read_bytes() for path in spoilt] == [content] * 3
        serving.check(sender)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}x", '{"devices": 7}', "\0" * 50], ids=ascii)
def test_R104_a_damaged_list_of_devices_is_kept(lsend, own_home, copied, tmp_path, text):
    """R104: who is known cannot be told: exit 6 with the file, which is never written over."""
    known = copied / "known_devices.json"
    known.write_text(text)
    known.chmod(0o600)
    file = files.make_file(tmp_path / "file", b"content")
    with Guard(tmp_path / "in", home=own_home, room=tmp_path / "in") as serving:
        done = run_lsend("send", f"https://{serving.target}", file, home=copied)
        assert done.returncode == 6, done.stderr
        assert str(known) in done.stderr
        assert known.read_text() == text
        assert serving.stored() == {}
        serving.check()


def test_R104_a_write_replaces_the_file_as_a_whole(lsend, own_home, home, tmp_path):
    """R104: the list of devices is a new file by rename each time, 0600, and nothing is left
    beside it."""
    sender = home("sender")
    known = sender / "known_devices.json"
    file = files.make_file(tmp_path / "file", b"content")
    with Guard(tmp_path / "in", home=own_home, room=tmp_path / "in") as serving:
        serving.whole.add(files.digest(file))
        assert run_lsend("send", f"https://{serving.target}", file, home=sender).returncode == 0
        assert stat.S_IMODE(known.stat().st_mode) == 0o600
        assert isinstance(json.loads(known.read_text()), dict)
        left = [name for name in os.listdir(sender) if "tmp" in name or name.endswith("~")]
        assert left == []
        serving.check()
