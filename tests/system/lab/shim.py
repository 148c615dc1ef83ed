"""Faults: calls of lsend that fail on request, by a library preloaded into it."""

import functools
import mmap
import pathlib
import shutil
import struct
import subprocess
import tempfile

import pytest

from lab.process import ROOT

_SOURCE = ROOT / "tests" / "system" / "shim" / "faults.c"
_FIELDS = ("mode", "at", "error", "count", "clock", "steady", "slow")
_SIZE = 8 * len(_FIELDS) + 24
FAIL, SHORT, INTERRUPT = range(3)


@functools.lru_cache(maxsize=1)
def _build():
    """(folder that is kept, library, why not)."""
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang-14")
    if not compiler:
        return None, None, "there is no C compiler for the shim"
    folder = tempfile.TemporaryDirectory(prefix="lsend-shim-")
    library = pathlib.Path(folder.name) / "faults.so"
    # Its own name for each call: fortified headers would make functions of macros.
    done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-Wall",
                           "-Wno-nonnull-compare", "-o", str(library), str(_SOURCE), "-ldl"],
                          capture_output=True, text=True, timeout=120, check=False)
    return folder, library, done.stderr if done.returncode else ""


class Faults:
    """What the preloaded library does; `env` is for the environment of a program without sanitizers."""

    def __init__(self, folder, under):
        """`folder` takes the control file, calls that touch `under` are counted and fail."""
        _, library, why = _build()
        if why:
            pytest.skip(why)
        path = folder / "faults"
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)
        self.env = {"LD_PRELOAD": library, "FAULT_CONTROL": path, "FAULT_UNDER": under}

    def _place(self, name):
        return 8 * _FIELDS.index(name)

    def get(self, name):
        """One of the numbers."""
        return struct.unpack_from("q", self._map, self._place(name))[0]

    def set(self, **numbers):
        """Changes some of the numbers."""
        for name, value in numbers.items():
            struct.pack_into("q", self._map, self._place(name), value)

    def failed_call(self):
        """The name of the call that failed; empty when none has."""
        start = 8 * len(_FIELDS)
        return self._map[start:_SIZE].split(b"\0")[0].decode()

    def arm(self, at, error=0, mode=FAIL):
        """Counts anew; the call number `at` will fail."""
        start = 8 * len(_FIELDS)
        self._map[start:_SIZE] = bytes(24)
        self.set(mode=mode, at=at, error=error, count=0)

    def disarm(self):
        """No more faults: how many calls there were."""
        count = self.get("count")
        self.set(at=0, mode=FAIL)
        return count
