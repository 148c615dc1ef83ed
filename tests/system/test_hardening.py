"""What an intruder in the process would find: no way to other files, no privileges, no memory."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from lab import process
from lab.process import Program, Receiver, run_lsend, wait_until

SOMEBODY = 64321


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def told(receiver, text):
    wait_until(lambda: text in receiver.stderr(), what=text)


@pytest.fixture
def fence(home):
    """The ABI of this kernel's Landlock, as info tells it."""
    told = json.loads(run_lsend("info", "--json", home=home("bob")).stdout)
    text = run_lsend("info", home=home("bob")).stdout
    if "landlock_abi" not in told:
        reason = text.split("fence ")[1].splitlines()[0].strip()
        assert reason.startswith("none: ")
        pytest.skip(reason)
    assert f"fence        Landlock ABI {told['landlock_abi']}\n" in text
    return told["landlock_abi"]


# --- the fence ---------------------------------------------------------------


def test_what_is_read_again_has_to_lie_within_the_fence(fence, home, tmp_path):
    """In a folder of its own a file can be replaced; of the home folder only the file itself counts,
    so that all else in it stays out of reach."""
    (tmp_path / "a").write_text("x")
    own = tmp_path / "own"
    own.mkdir()
    for folder, follows in [(own, True), (home("bob"), False)]:
        pin = folder / "pin"
        pin.write_text("1111\n")
        pin.chmod(0o600)

        def code(number):
            return run_lsend("send", receiver.target, tmp_path / "a", "--pin", number,
                             home=home("alice")).returncode

        # LSEND_HOME is within reach, HOME is not.
        env = {"HOME": folder, "LSEND_HOME": home("data")}
        if follows:
            env.pop("HOME")
        with Receiver(tmp_path / "in", "-v", "--pin-file", pin, home=home("bob"), env=env) as receiver:
            told(receiver, f"fenced in by Landlock (ABI {fence})")
            assert code("1111") == 0
            pin.write_text("2222\n")
            receiver.send_signal(signal.SIGHUP)
            told(receiver, "were read again")
            assert code("2222") == 0
            fresh = folder / "fresh"
            fresh.write_text("3333\n")
            fresh.chmod(0o600)
            fresh.rename(pin)
            receiver.send_signal(signal.SIGHUP)
            if follows:
                wait_until(lambda: receiver.stderr().count("were read again") == 2, what="it")
                assert code("3333") == 0
            else:
                told(receiver, f"stay as they were: --pin-file: '{pin}' cannot be read")
                assert code("2222") == 0


def test_what_is_read_again_may_be_a_link(fence, home, tmp_path):
    """Where it leads counts, as with dotfiles that lie in a repository."""
    (tmp_path / "a").write_text("x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    real = elsewhere / "pin"
    real.write_text("1111\n")
    real.chmod(0o600)
    (tmp_path / "named").mkdir()
    pin = tmp_path / "named" / "pin"
    pin.symlink_to(real)
    run_lsend("info", home=home("alice"))
    identity = json.loads(run_lsend("info", "--json", home=home("alice")).stdout)["fingerprint"]
    known = home("bob") / "known_devices.json"
    assert run_lsend("devices", "block", "fp:" + identity, home=home("bob")).returncode == 0
    known.rename(elsewhere / "known_devices.json")
    known.symlink_to(elsewhere / "known_devices.json")

    def code(sender, number):
        return run_lsend("send", receiver.target, tmp_path / "a", "--pin", number,
                         home=home(sender)).returncode

    with Receiver(tmp_path / "in", "-v", "--pin-file", pin, home=home("bob")) as receiver:
        told(receiver, f"fenced in by Landlock (ABI {fence})")
        assert code("carol", "1111") == 0
        assert code("alice", "1111") == 8, "blocked"
        fresh = elsewhere / "fresh"
        fresh.write_text("2222\n")
        fresh.chmod(0o600)
        fresh.rename(real)
        receiver.send_signal(signal.SIGHUP)
        told(receiver, "were read again")
        assert code("carol", "2222") == 0


PROBE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* What somebody who has taken over the process would try, when a file gets its name. */
static void try_it(const char *what, int result) {
  dprintf(2, "probe: %s: %s\n", what, result < 0 ? strerror(errno) : "yes");
}
int renameat2(int from, const char *old, int to, const char *name, unsigned flags) {
  char there[4096];
  int (*real)(int, const char *, int, const char *, unsigned) = dlsym(RTLD_NEXT, "renameat2");
  const char *outside = "OUTSIDE";
  snprintf(there, sizeof there, "%s/new", outside);
  try_it("read", open("/etc/passwd", O_RDONLY));
  try_it("make", open(there, O_WRONLY | O_CREAT, 0600));
  try_it("list", open(outside, O_RDONLY | O_DIRECTORY));
  try_it("escape", real(from, old, AT_FDCWD, there, 0));
  execl("/bin/true", "true", (char *)0);
  try_it("execute", -1);
  return real(from, old, to, name, flags);
}
"""


def test_whoever_takes_over_the_receiver_stays_in_its_folder(fence, home, tmp_path, plain_lsend):
    outside = tmp_path / "outside"
    outside.mkdir()
    source, library = tmp_path / "probe.c", tmp_path / "probe.so"
    source.write_text(PROBE.replace("OUTSIDE", str(outside)))
    compiler = shutil.which("gcc") or shutil.which("clang-14")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True,
                   timeout=60)
    (tmp_path / "a").write_text("x")
    with Receiver(tmp_path / "in", home=home("bob"), env={"LD_PRELOAD": library},
                  program=plain_lsend) as receiver:
        assert run_lsend("send", receiver.target, tmp_path / "a",
                         home=home("alice")).returncode == 0
        probed = [line for line in receiver.stderr().splitlines() if line.startswith("probe: ")]
    assert (tmp_path / "in" / "a").read_text() == "x"
    assert list(outside.iterdir()) == []
    words = dict(line.removeprefix("probe: ").split(": ") for line in probed)
    assert words.pop("escape") in ("Permission denied", "Invalid cross-device link")
    assert words == dict.fromkeys(["read", "make", "list", "execute"], "Permission denied")


def test_commands_of_the_user_are_not_fenced_in(home, tmp_path):
    """They may go where the user may, and gain privileges as the user may (sudo)."""
    (tmp_path / "a").write_text("x")
    hook = f'cat /proc/self/status > "{tmp_path}/hook"'
    with Receiver(tmp_path / "in", "-v", "--exec", hook, home=home("bob")) as receiver:
        told(receiver, "not fenced in: the commands of --exec")
        assert run_lsend("send", receiver.target, tmp_path / "a",
                         home=home("alice")).returncode == 0
        wait_until(lambda: "NoNewPrivs:\t0" in
                   ((tmp_path / "hook").read_text() if (tmp_path / "hook").exists() else ""),
                   what="the hook")


def test_a_fenced_receiver_takes_no_command_later(home, tmp_path):
    config = home("bob") / "config.toml"
    with Receiver(tmp_path / "in", "-v", home=home("bob")) as receiver:
        told(receiver, "fenced in")
        assert status(receiver.pid)["NoNewPrivs"] == "1"
        config.write_text("[receive]\naccept-exec = 'true'\n")
        receiver.send_signal(signal.SIGHUP)
        told(receiver, "a command of --accept-exec needs a new start")


# --- memory ------------------------------------------------------------------


@contextlib.contextmanager
def of_somebody():
    """A folder of a user without privileges, and how to run lsend as that one."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("becoming another user needs root and setpriv")
    become = ("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
    if subprocess.run([*become, "test", "-x", process.binary()], check=False).returncode:
        pytest.skip(f"{process.binary()} cannot be run by other users")
    with tempfile.TemporaryDirectory(prefix="lsend-somebody-") as name:
        os.chown(name, SOMEBODY, SOMEBODY)
        yield pathlib.Path(name), become


def test_the_memory_is_shown_to_nobody_and_doctor_still_knows_its_own(tmp_path):
    """No core file, no debugger of the same user; yet who holds the port can be told."""
    with of_somebody() as (folder, become):
        home = folder / "home"
        words = ("receive", "-y", "--dir", folder / "in", "--port", "53399", "--alias", "bob")
        with Program(*words, home=home, prefix=become) as receiver:
            wait_until(lambda: "53399" in receiver.stderr(), what="the banner")
            assert "running as root" not in receiver.stderr()
            assert status(receiver.pid)["Uid"].split()[0] == str(SOMEBODY)
            limits = pathlib.Path(f"/proc/{receiver.pid}/limits").read_text()
            assert "Max core file size        0 " in limits
            look = subprocess.run([*become, "ls", f"/proc/{receiver.pid}/fd"], capture_output=True,
                                  text=True, timeout=20, check=False)
            assert "Permission denied" in look.stderr
            doctor = subprocess.run([*become, process.binary(), "doctor", "--port", "53399"],
                                    capture_output=True, text=True, timeout=60, check=False,
                                    env=process.environment(home))
            line, = [line for line in doctor.stdout.splitlines() if "TCP port" in line]
            assert f"53399 is in use, held by lsend (pid {receiver.pid}): it receives" in line
            sent = subprocess.run([*become, process.binary(), "send", "127.0.0.1:53399", "-",
                                   "--name", "piped"], input="from a pipe", capture_output=True,
                                  text=True, timeout=60, check=False,
                                  env=process.environment(folder / "other"))
            assert sent.returncode == 0, sent.stderr
            assert (folder / "in" / "piped").read_text() == "from a pipe"


def test_root_is_told_that_it_is_not_needed(home, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("this is about root")
    for options, times in [((), 1), (("-q",), 0)]:
        with Receiver(tmp_path / "in", *options, home=home()) as receiver:
            assert receiver.stderr().count("lsend: warning: running as root, ") == times
