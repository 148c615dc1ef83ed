"""What `receive` does with the disk: --fsync, --output, --exec, hooks."""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

import pytest

from lab.files import digest, make_big, make_file, make_named, paths_below
from lab.process import Program, Receiver, run_lsend, wait_until


@pytest.fixture
def receive(home, tmp_path, lsend):
    """receive(*options) gives a receiver on loopback, one at a time."""
    def start(*options, **more):
        return Receiver(tmp_path / "inbox", *options, home=home("receiver"), **more)

    return start


def send(receiver, home, *args, **more):
    return run_lsend("send", receiver.target, *args, home=home("sender"), **more)


def published(folder):
    return [path for path in paths_below(folder) if not path.startswith(".lsend")]


# --- --conflict -----------------------------------------------------------------------------------


def files_of(receiver):
    return [event for event in receiver.events() if event["type"] == "file"]


@pytest.mark.parametrize("scheme", [[], ["--http"]])
def test_PR10_skip_sends_only_what_changed(receive, home, tmp_path, scheme):
    """PR10: what is there already is left out of the tokens; 204 when nothing is left."""
    source = tmp_path / "source"
    make_named(source, ["a.txt", "d/b.txt", "d/c.txt"])
    with receive("--conflict", "skip", "--json", *scheme) as receiver:
        def push():
            return send(receiver, home, source, "--checksum", *scheme)

        assert push().returncode == 0
        seen = len(files_of(receiver))
        done = push()
        assert done.returncode == 0, done.stderr
        again = files_of(receiver)[seen:]
        assert [event["status"] for event in again] == 3 * ["skipped"]
        assert sorted(event["path"] for event in again) == sorted(
            f"source/{name}" for name in ("a.txt", "d/b.txt", "d/c.txt"))
        make_file(source / "d" / "b.txt", "changed")
        push()
        changed = files_of(receiver)[seen + 3:]
        assert sorted(event["status"] for event in changed) == ["done", "skipped", "skipped"]
        # The changed one got a number; it is known by that, too.
        count = len(files_of(receiver))
        push()
        assert [event["status"] for event in files_of(receiver)[count:]] == 3 * ["skipped"]
        assert published(receiver.folder) == ["source/", "source/a.txt", "source/d/",
                                              "source/d/b (1).txt", "source/d/b.txt",
                                              "source/d/c.txt"]


def test_skip_counts_a_transfer_of_which_nothing_is_left(receive, home, tmp_path):
    path = make_file(tmp_path / "a.txt", "a")
    with receive("--conflict", "skip", "--count", "2") as receiver:
        assert send(receiver, home, path, "--checksum").returncode == 0
        assert send(receiver, home, path, "--checksum").returncode == 0
        assert receiver.wait(20) == 0


def test_skip_counts_such_a_transfer_once(receive, home, tmp_path):
    old, new = make_file(tmp_path / "a.txt", "a"), make_file(tmp_path / "b.txt", "b")
    with receive("--conflict", "skip", "--count", "3") as receiver:
        for path in (old, old):
            assert send(receiver, home, path, "--checksum").returncode == 0
        time.sleep(2.5)  # the sweep looks once a second
        assert send(receiver, home, new, "--checksum").returncode == 0
        assert receiver.wait(20) == 0


def test_fail_refuses_names_that_are_taken(receive, home, tmp_path):
    old, new = make_file(tmp_path / "old.txt", "a"), make_file(tmp_path / "new.txt", "b")
    with receive("--conflict", "fail") as receiver:
        assert send(receiver, home, old).returncode == 0
        make_file(tmp_path / "old.txt", "other")
        assert send(receiver, home, old).returncode == 8
        send(receiver, home, old, new)
        assert published(receiver.folder) == ["new.txt", "old.txt"]
        assert (receiver.folder / "old.txt").read_text() == "a"


def test_overwrite_replaces(receive, home, tmp_path):
    path = make_file(tmp_path / "a.txt", "old")
    with receive("--conflict", "overwrite") as receiver:
        assert send(receiver, home, path).returncode == 0
        make_file(path, "newer")
        assert send(receiver, home, path).returncode == 0
        assert published(receiver.folder) == ["a.txt"]
        assert (receiver.folder / "a.txt").read_text() == "newer"


# --- --output -------------------------------------------------------------------------------------


def test_output_to_a_file_is_there_only_when_complete(receive, home, tmp_path):
    path = make_big(tmp_path / "source.bin", 3_000_000)
    target = tmp_path / "out" / "target.bin"
    target.parent.mkdir()
    with receive("--output", target) as receiver:
        done = send(receiver, home, path)
        assert done.returncode == 0, done.stderr
        assert receiver.wait(20) == 0, receiver.stderr()
        assert receiver.stdout() == "target.bin\n"
    assert digest(target) == digest(path)
    assert paths_below(target.parent) == ["target.bin"]
    assert not (tmp_path / "inbox").exists()


def test_output_that_breaks_off_leaves_nothing(receive, home, tmp_path):
    path = make_big(tmp_path / "source.bin", 300_000_000)
    target = tmp_path / "out" / "target.bin"
    target.parent.mkdir()
    with receive("--output", target, "--stall-timeout", "1s") as receiver:
        sender = Program("send", receiver.target, path, home=home("sender"))
        wait_until(lambda: paths_below(target.parent), what="a part")
        sender.send_signal(signal.SIGKILL)
        assert receiver.wait(20) == 10, receiver.stderr()
    assert paths_below(target.parent) == []


@pytest.mark.parametrize("conflict", [[], ["--conflict", "overwrite"]])
def test_output_replaces_a_file_only_when_told(home, receive, tmp_path, conflict):
    target = make_file(tmp_path / "target.txt", "old")
    path = make_file(tmp_path / "new.txt", "new")
    if not conflict:
        done = run_lsend("receive", "-y", "--output", target, home=home("receiver"))
        assert done.returncode == 2
        assert done.stderr.endswith(
            f"lsend: error: --output: '{target}' is there already: remove it, or replace it with "
            "--conflict overwrite\n")
        assert target.read_text() == "old"
        return
    with receive("--output", target, *conflict) as receiver:
        assert send(receiver, home, path).returncode == 0
        assert receiver.wait(20) == 0
    assert target.read_text() == "new"


@pytest.mark.parametrize("scheme", [[], ["--http"]])
def test_output_to_standard_output_prints_the_file_alone(receive, home, tmp_path, scheme):
    path = make_big(tmp_path / "source.bin", 2_000_003)
    with receive("--output", "-", *scheme) as receiver:
        done = send(receiver, home, path, *scheme)
        assert done.returncode == 0, done.stderr
        assert receiver.wait(20) == 0, receiver.stderr()
        with open(receiver._file("stdout"), "rb") as file:
            assert file.read() == path.read_bytes()
        assert published(tmp_path / "inbox") == []


def test_output_to_standard_output_of_a_form(receive, tmp_path):
    path = make_big(tmp_path / "source.bin", 700_001)
    with receive("--output", "-", "--http") as receiver:
        url = f"http://{receiver.target}/api/send"
        curl = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-F",
                               f"file=@{path}", url], stdout=subprocess.PIPE, timeout=30,
                              check=False)
        assert curl.stdout == b"200"
        assert receiver.wait(20) == 0, receiver.stderr()
        with open(receiver._file("stdout"), "rb") as file:
            assert file.read() == path.read_bytes()


def test_output_to_a_pipe_that_nobody_reads_ends_with_the_signal(receive, home, tmp_path):
    path = make_big(tmp_path / "source.bin", 2_000_000)
    reader, writer = os.pipe()
    # Opened by its path: the pipe is not the test program's to inherit.
    redirect = ("sh", "-c", f'exec "$@" > /proc/{os.getpid()}/fd/{writer}', "sh")
    with receive("--output", "-", prefix=redirect) as receiver:
        os.close(writer)
        sender = Program("send", receiver.target, path, home=home("sender"))
        wait_until(lambda: select_readable(reader), what="the first bytes")
        began = time.monotonic()
        receiver.send_signal(signal.SIGTERM)
        assert receiver.wait(10) == 143
        assert time.monotonic() - began < 4
        assert sender.wait(20) != 0
    os.close(reader)


def select_readable(descriptor):
    return select.select([descriptor], [], [], 0)[0]


def test_output_takes_one_file(receive, home, tmp_path):
    paths = make_named(tmp_path / "source", ["a", "b"])
    with receive("--output", tmp_path / "target") as receiver:
        done = send(receiver, home, *paths)
        assert done.returncode == 15, done.stderr
        assert send(receiver, home, paths[0]).returncode == 0
        assert receiver.wait(20) == 0
    assert (tmp_path / "target").read_bytes() == paths[0].read_bytes()


@pytest.mark.parametrize("options, error", [
    (["--output", "-", "--json"], "--output - and --json both want standard output"),
    (["--output", "x", "--count", "2"], "--output takes one file: --count 2 does not"),
    (["--output", ""], "--output: a path is missing"),
    (["--output", "/dev/null"], "--output: '/dev/null' is no file; --output - writes to a pipe"),
    (["--conflict", "maybe"], "--conflict: write rename, skip, overwrite or fail"),
    (["--fsync=often"], "--fsync: write none, session or file"),
    (["--exec", ""], "--exec: a text is missing"),
])
def test_nonsense_is_refused(home, options, error):
    done = run_lsend("receive", "-y", *options, home=home("receiver"))
    assert done.returncode == 2
    assert error in (done.stdout + done.stderr)


# --- --exec ---------------------------------------------------------------------------------------


DUMP = ('{ printf "%s\\n" "$1" "$LSEND_HOOK_PATH" "$LSEND_HOOK_NAME" "$LSEND_HOOK_SIZE"'
        ' "$LSEND_HOOK_SHA256" "$LSEND_HOOK_ALIAS" "$LSEND_HOOK_ADDRESS"'
        ' "$LSEND_HOOK_FINGERPRINT"; } > "$OUT/$LSEND_HOOK_SIZE"')


def hooks(receiver):
    return [event for event in receiver.events() if event["type"] == "hook"]


@pytest.mark.parametrize("scheme", [[], ["--http"]])
def test_a_hook_hears_of_each_file(receive, home, tmp_path, scheme):
    """R48: what peers chose is an argument and a variable, never a part of the command."""
    nasty = "$(touch pwned);`touch pwned` '\"\n-rf *.txt"
    make_file(tmp_path / "source" / nasty, b"x" * 1234)
    make_file(tmp_path / "source" / "plain.txt", b"y" * 99)
    out = tmp_path / "out"
    out.mkdir()
    with receive("--json", "--exec", DUMP, "--count", "1", *scheme,
                 env={"OUT": out}, cwd=out) as receiver:
        done = send(receiver, home, tmp_path / "source", "--alias", "A $(touch pwned)", *scheme)
        assert done.returncode == 0, done.stderr
        assert receiver.wait(20) == 0, receiver.stderr()
        events = hooks(receiver)
        assert [event["ok"] for event in events] == [True, True], events
        stored = {event["size"]: event for event in receiver.events() if event["type"] == "file"}
    assert sorted(os.listdir(out)) == ["1234", "99"]
    for size in (1234, 99):
        path = str(receiver.folder / stored[size]["path"])
        assert path in [event["path"] for event in events]
        lines = (out / str(size)).read_text()
        fingerprint = lines.split("\n")[-2]
        assert len(fingerprint) == (0 if scheme else 64)
        assert lines == "\n".join([path, path, stored[size]["name"], str(size),
                                   stored[size]["sha256"], "A $(touch pwned)", "127.0.0.1",
                                   fingerprint, ""])
    assert not list(tmp_path.rglob("pwned"))


def test_a_hook_that_fails_is_a_warning(receive, home, tmp_path):
    path = make_file(tmp_path / "a.txt", "a")
    with receive("--exec", 'printf "\\033[2Joops\\n" >&2; exit 3', "--once") as receiver:
        assert send(receiver, home, path).returncode == 0
        assert receiver.wait(20) == 0
        assert receiver.stdout() == "a.txt\n"
        assert "\\x1B[2Joops\n" in receiver.stderr()
        assert (f"lsend: warning: the command of --exec for {receiver.folder}/a.txt ended with "
                "status 3\n") in receiver.stderr()


def test_hooks_run_beside_the_transfers_four_at_a_time(receive, home, tmp_path):
    make_named(tmp_path / "source", [f"f{number}" for number in range(12)])
    out = tmp_path / "out"
    out.mkdir()
    count = ('mkdir "$OUT/run.$$"; ls "$OUT" | grep -c "^run" >> "$OUT/seen"; sleep 0.3; '
             'rmdir "$OUT/run.$$"')
    with receive("--exec", count, "--json", env={"OUT": out}) as receiver:
        done = send(receiver, home, tmp_path / "source")
        assert done.returncode == 0, done.stderr
        # All files are acknowledged long before the commands are done.
        assert len(hooks(receiver)) < 12
        wait_until(lambda: len(hooks(receiver)) == 12, what="all commands")
        assert all(event["ok"] for event in hooks(receiver))
    seen = [int(line) for line in (out / "seen").read_text().split()]
    assert len(seen) == 12
    assert 1 < max(seen) <= 4


def test_a_signal_ends_the_hooks(receive, home, tmp_path):
    path = make_file(tmp_path / "a.txt", "a")
    with receive("--exec", "echo $$ > pid; sleep 300; true", cwd=tmp_path) as receiver:
        assert send(receiver, home, path).returncode == 0
        text = wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(),
                          what="the command")
        began = time.monotonic()
        receiver.stop(expect=0)
        assert time.monotonic() - began < 3
        assert "the commands of --exec for 1 files were ended or not begun" in receiver.stderr()
    wait_until(lambda: not runs(int(text)), what="the command's end")


def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


# --- --fsync --------------------------------------------------------------------------------------


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Early: later on the receiver has fenced itself in. */
static int log_fd = -1;
__attribute__((constructor)) static void open_log(void) {
  log_fd = open(getenv("SHIM_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void note(const char *call, int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) n = 0;
  path[n] = 0;
  char line[4200];
  int size = snprintf(line, sizeof line, "%s %s\n", call, path);
  if (write(log_fd, line, size) < 0) abort();
}

int fsync(int fd) {
  note("fsync", fd);
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int syncfs(int fd) {
  note("syncfs", fd);
  return ((int (*)(int))dlsym(RTLD_NEXT, "syncfs"))(fd);
}
int renameat2(int from, const char *a, int to, const char *b, unsigned flags) {
  note("rename", to);
  return ((int (*)(int, const char *, int, const char *, unsigned))dlsym(RTLD_NEXT, "renameat2"))(
      from, a, to, b, flags);
}
"""


@pytest.fixture
def shim(tmp_path, plain_lsend):
    """What a receiver needs so that the calls are written down, and the list of them."""
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    source = make_file(tmp_path / "shim.c", SHIM)
    library = tmp_path / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    log = tmp_path / "calls"
    started = {"env": {"LD_PRELOAD": library, "SHIM_LOG": log}, "program": plain_lsend}

    def calls(folder):
        """Only those for the inbox; parts without their random names."""
        found = []
        for line in log.read_text().splitlines() if log.exists() else []:
            call, path = line.split(" ", 1)
            if path == str(folder) or path.startswith(f"{folder}/"):
                path = os.path.relpath(path, folder)
                found.append(call + " " + ("PART" if path.startswith(".lsend/") else path))
        return found

    return started, calls


ONE = ["fsync PART", "rename .", "fsync ."]


@pytest.mark.parametrize("option, expected", [
    ([], ["rename ."]),
    (["--fsync=none"], ["rename ."]),
    (["--fsync"], ONE),
    (["--fsync=session"], ONE),
    (["--fsync=file"], ONE),
])
def test_fsync_of_one_file(receive, home, tmp_path, shim, option, expected):
    shimmed, calls = shim
    path = make_file(tmp_path / "a.txt", "a")
    with receive(*option, **shimmed) as receiver:
        done = send(receiver, home, path)
        assert done.returncode == 0, done.stderr
        assert calls(receiver.folder) == expected


def test_fsync_of_a_file_in_folders_includes_their_names(receive, home, tmp_path, shim):
    shimmed, calls = shim
    make_file(tmp_path / "source" / "d" / "a.txt", "a")
    with receive("--fsync=file", **shimmed) as receiver:
        assert send(receiver, home, tmp_path / "source").returncode == 0
        assert calls(receiver.folder) == ["fsync PART", "rename source/d", "fsync .",
                                          "fsync source", "fsync source/d"]


def test_fsync_of_a_session_is_one_sync_before_the_last_answer(receive, home, tmp_path, shim):
    shimmed, calls = shim
    make_named(tmp_path / "source", [f"f{number}" for number in range(30)])
    with receive("--fsync", **shimmed) as receiver:
        assert send(receiver, home, tmp_path / "source").returncode == 0
        # Nothing comes after it: it was done when the last answer came.
        assert calls(receiver.folder) == 30 * ["rename source"] + ["syncfs ."]


def test_fsync_of_a_session_that_is_broken_off(receive, home, tmp_path, shim):
    shimmed, calls = shim
    make_named(tmp_path / "source", [f"f{number}" for number in range(20)])
    make_big(tmp_path / "source" / "z.bin", 400_000_000)
    with receive("--fsync", "--stall-timeout", "1s", **shimmed) as receiver:
        sender = Program("send", receiver.target, tmp_path / "source", "--jobs", "1",
                         home=home("sender"))
        wait_until(lambda: len(calls(receiver.folder)) >= 5, what="some files")
        sender.send_signal(signal.SIGINT)
        assert sender.wait(20) == 130
        wait_until(lambda: calls(receiver.folder)[-1] == "syncfs .", what="the sync")


def test_fsync_of_a_form_is_one_sync_before_its_answer(receive, tmp_path, shim):
    shimmed, calls = shim
    path, other = make_file(tmp_path / "a.txt", "a"), make_file(tmp_path / "b.txt", "b")
    with receive("--fsync=file", "--http", **shimmed) as receiver:
        curl = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                               "-F", f"a=@{path}", "-F", f"b=@{other}",
                               f"http://{receiver.target}/api/send"],
                              stdout=subprocess.PIPE, timeout=30, check=False)
        assert curl.stdout == b"200"
        assert calls(receiver.folder) == ["rename .", "rename .", "syncfs ."]
