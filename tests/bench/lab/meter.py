"""Processes that are measured, and that never outlive the benchmark."""

import contextlib
import dataclasses
import pathlib
import subprocess
import time

_running = set()
STOP_LIMIT = 10.0
_POLL = 0.01


class BenchError(Exception):
    """A program did not do what it was started for."""


@dataclasses.dataclass
class Cost:
    """What a process, with all that it waited for, has taken."""

    wall: float
    cpu: float
    peak: int  # bytes, of the largest single process
    status: int


class Metered:
    """A command under the meter. A context manager that ends it."""

    def __init__(self, tools, folder, name, command, *, netns=None, env=None):
        self._report = pathlib.Path(folder) / f"{name}.meter"
        self._log = pathlib.Path(folder) / f"{name}.log"
        self._report.unlink(missing_ok=True)
        # The namespace is entered outside of the meter: what `ip` costs is nobody's cost.
        words = [str(tools / "meter"), str(self._report), *map(str, command)]
        if netns:
            words = ["ip", "netns", "exec", netns, *words]
        with open(self._log, "wb") as log:
            self.popen = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=env)
        _running.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.discard()

    def log(self):
        return self._log.read_text(errors="replace")[-2000:]

    def alive(self):
        return self.popen.poll() is None

    def wait(self, limit):
        """Its cost; BenchError when it does not end in time."""
        try:
            self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self.popen.args[2:5]} runs after {limit} s: {self.log()}") from None
        _running.discard(self)
        if not self._report.exists():
            raise BenchError(f"{self.popen.args[2:5]} was not measured: {self.log()}")
        wall, user, system, peak, status = self._report.read_text().split()
        return Cost(float(wall), float(user) + float(system), int(peak) * 1024, int(status))

    def stop(self):
        """SIGTERM, and its cost whatever its exit code."""
        if self.alive():
            self.popen.terminate()
        return self.wait(STOP_LIMIT)

    def discard(self):
        _running.discard(self)
        if self.alive():
            self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(STOP_LIMIT)
        if self.alive():
            self.popen.kill()
            self.popen.wait()


def end_all():
    for metered in list(_running):
        metered.discard()


def wait_until(condition, what, limit=15.0):
    """Polls until `condition()` is true and gives what it gave."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BenchError(f"{what} within {limit} s")
        time.sleep(_POLL)
