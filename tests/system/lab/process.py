"""Runs lsend, in the foreground or in the background, and never leaves one behind."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from lab import schema

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
_POLL = 0.02
_SANITIZER = re.compile(r"ERROR: \w*Sanitizer|runtime error:")
_DROPPED = ("LSEND_", "XDG_", "CLICOLOR", "NO_COLOR", "FORCE_COLOR", "STATE_DIRECTORY",
            "CONFIGURATION_DIRECTORY", "JOURNAL_STREAM", "NOTIFY_SOCKET")
_running = set()
_ENDED_BY_TESTS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE,
                   signal.SIGQUIT)


class SanitizerReport(AssertionError):
    """ASan or UBSan had something to say."""


def binary():
    """The program under test: LSEND_BINARY, else the first of the usual builds that exists."""
    chosen = os.environ.get("LSEND_BINARY")
    if chosen:
        return str((ROOT / chosen).resolve())
    candidates = [ROOT / "build" / name / "lsend" for name in ("asan", "dev")]
    for candidate in candidates:
        if candidate.exists():
            return str(candidate)
    return str(candidates[-1])


def plain_binary():
    """A build without sanitizers: LSEND_PLAIN_BINARY, else the program under test if it is one."""
    chosen = os.environ.get("LSEND_PLAIN_BINARY")
    if chosen:
        return str((ROOT / chosen).resolve())
    return None if is_sanitized() else binary()


def is_sanitized(path=None):
    """Is it a build with AddressSanitizer? Then memory and speed say nothing."""
    with open(path or binary(), "rb") as program:
        return b"__asan_init" in program.read()


def environment(home, extra=None, netns=None):
    """Ours without what would steer lsend; its home is `home`.

    Outside of a namespace it uses the loopback interface only.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
    kept.update(HOME=str(home), LSEND_HOME=str(home), LC_ALL="C.UTF-8")
    if not netns:
        kept["LSEND_INTERFACE"] = "lo"
    kept.update({key: str(value) for key, value in (extra or {}).items()})
    return kept


def in_namespace(netns, command):
    """The command as it is, or inside of a network namespace (exec, so the pid stays)."""
    words = [str(word) for word in command]
    return ["ip", "netns", "exec", str(netns), *words] if netns else words


def check_sanitizers(text):
    """Raises when a sanitizer reported something on standard error."""
    if _SANITIZER.search(text):
        raise SanitizerReport(text)


def run_lsend(*args, home, netns=None, input=None, timeout=60, env=None, cwd=None, text=True):
    """Runs lsend to its end. `text=False` gives standard output as bytes; stderr is always text.

    Without `input` standard input is empty.
    """
    command = in_namespace(netns, [binary(), *args])
    if isinstance(input, str):
        input = input.encode()
    done = subprocess.run(command, input=input if input is not None else b"", cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          env=environment(home, env, netns), check=False)
    done.stderr = done.stderr.decode("utf-8", "replace")
    if text:
        done.stdout = done.stdout.decode("utf-8", "replace")
    check_sanitizers(done.stderr)
    if text and "--json" in args:
        schema.check_output(done.stdout, ended=done.returncode >= 0)
    return done


class Program:
    """lsend in the background, its output in files; a context manager that ends it."""

    def __init__(self, *args, home, netns=None, env=None, stdin=subprocess.DEVNULL, prefix=(),
                 cwd=None, program=None):
        """`prefix` stands before the program, as in ("unshare", "-m"); `program` is another build."""
        self._output = tempfile.TemporaryDirectory(prefix="lsend-test-")
        self._peak = 0
        self._stopped = False
        command = in_namespace(netns, [*prefix, program or binary(), *args])
        with open(self._file("stdout"), "wb") as out, open(self._file("stderr"), "wb") as err:
            self.popen = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=err, cwd=cwd,
                                          env=environment(home, env, netns))
        _running.add(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and not self._stopped:
            self.stop(expect=None)
            return
        died = self.popen.poll()
        self.discard()
        # A test that fails because the program died has found the cause.
        check_sanitizers(self.stderr())
        if died is not None and died < 0 and -died not in _ENDED_BY_TESTS:
            raise SanitizerReport(f"it died by signal {-died}:\n{self.stderr()}")

    def _file(self, name):
        return os.path.join(self._output.name, name)

    def _read(self, name):
        with open(self._file(name), "rb") as file:
            return file.read().decode("utf-8", "replace")

    @property
    def pid(self):
        return self.popen.pid

    def stdout(self):
        """Standard output so far (what it was in the end, once it has been discarded)."""
        return self._read("stdout") if self._output else self._last["stdout"]

    def stderr(self):
        return self._read("stderr") if self._output else self._last["stderr"]

    def events(self):
        """The objects of --json so far."""
        whole = self.stdout()
        return [json.loads(line) for line in whole[:whole.rfind("\n") + 1].splitlines()]

    def send_signal(self, number):
        self.popen.send_signal(number)

    def peak_memory(self):
        """The largest resident size in bytes that was seen."""
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        self._peak = max(self._peak, int(line.split()[1]) * 1024)
        return self._peak

    def wait(self, timeout=60):
        """Waits for the end and gives the exit code; a sanitizer's report raises."""
        limit = time.monotonic() + timeout
        while self.popen.poll() is None:
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.popen.args} runs after {timeout} s:\n{self.stderr()}")
            self.peak_memory()
            time.sleep(_POLL)
        check_sanitizers(self.stderr())
        if "--json" in self.popen.args:
            schema.check_output(self.stdout(), ended=self.popen.returncode >= 0)
        return self.popen.returncode

    def stop(self, number=signal.SIGTERM, expect=0):
        """Sends the signal and gives the exit code, which must be `expect` (None: any will do)."""
        if self.popen.poll() is None:
            self.send_signal(number)
        try:
            code = self.wait(STOP_TIMEOUT)
        finally:
            self.discard()
        if expect is not None:
            assert code == expect, f"exit code {code}, not {expect}:\n{self.stderr()}"
        return code

    def discard(self):
        """Ends it at once and removes its files; the texts stay readable."""
        self._stopped = True
        _running.discard(self)
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(STOP_TIMEOUT)
        if self._output:
            self._last = {name: self._read(name) for name in ("stdout", "stderr")}
            output, self._output = self._output, None
            output.cleanup()


class Receiver(Program):
    """`lsend receive` that listens: `.port`, `.fingerprint` and `.folder` are known.

    `accept=False` leaves --auto-accept out, `interface=None` leaves --interface out.
    """

    def __init__(self, folder, *args, home, alias="Receiver", netns=None, interface="lo", port=0,
                 accept=True, **more):
        self.folder = pathlib.Path(folder)
        self._ready = tempfile.TemporaryDirectory(prefix="lsend-ready-")
        ready_file = os.path.join(self._ready.name, "ready.json")
        options = ["--dir", folder, "--port", port, "--ready-file", ready_file,
                   "--alias", alias]
        if accept:
            options.append("--auto-accept")
        if interface:
            options += ["--interface", interface]
        super().__init__("receive", *options, *args, home=home, netns=netns, **more)
        try:
            ready = self._wait_ready(ready_file)
        except BaseException:
            self.discard()
            raise
        self.port = ready["port"]
        self.fingerprint = ready["fingerprint"]
        self.target = f"127.0.0.1:{self.port}"

    def _wait_ready(self, ready_file):
        limit = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < limit:
            with contextlib.suppress(FileNotFoundError):
                with open(ready_file, encoding="utf-8") as file:
                    return json.load(file)
            if self.popen.poll() is not None:
                check_sanitizers(self.stderr())
                raise AssertionError(f"receive ended with {self.popen.returncode}:\n"
                                     f"{self.stderr()}")
            time.sleep(_POLL)
        raise TimeoutError(f"receive is not ready after {READY_TIMEOUT} s:\n{self.stderr()}")

    def discard(self):
        super().discard()
        self._ready.cleanup()


def wait_until(condition, timeout=10.0, what="it"):
    """Polls until the condition gives something true, and gives that."""
    limit = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} did not happen within {timeout} s")
        time.sleep(_POLL)


def running():
    """The programs in the background."""
    return set(_running)


def discard_all(spared=frozenset()):
    """Ends what a failed test left running."""
    for program in running() - spared:
        program.discard()
