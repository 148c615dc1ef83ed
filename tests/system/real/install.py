"""Gets the other implementations by their ordinary clients, once, into a cache below build/."""

import fcntl
import functools
import glob
import os
import shutil
import subprocess
import sys

import pytest

from lab.process import ROOT

CACHE = ROOT / "build" / "real-peers"
_INSTALL_TIMEOUT = 120
_DONE = "installed.txt"


def _call(*words):
    """Runs an installer; gives the reason when it did not work, else nothing."""
    try:
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=_INSTALL_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"{words[0]} did not finish in {_INSTALL_TIMEOUT} s"
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return ""
    said = [line for line in done.stdout.splitlines() if "error" in line.lower()]
    why = " / ".join(said[:3]) or f"exit code {done.returncode}"
    return f"{os.path.basename(str(words[0]))} failed: {why}"


def _once(name, wanted, install):
    """Installs into CACHE/name unless `wanted` is there already; several runs take turns."""
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = folder / _DONE
        if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
            return folder, ""
        shutil.rmtree(folder, ignore_errors=True)
        reason = install(folder)
        if reason:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            mark.write_text(wanted, encoding="utf-8")
        return folder, reason


@functools.lru_cache(maxsize=None)
def _npm(package):
    for program in ("node", "npm"):
        if not shutil.which(program):
            return None, f"there is no {program}"
    return _once("npm", package, lambda folder: _call(
        "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0",
        "--fetch-timeout=30000", "--prefix", folder, package))


@functools.lru_cache(maxsize=None)
def _venv(name, python, packages):
    def install(folder):
        return (_call(python, "-m", "venv", folder)
                or _call(folder / "bin" / "pip", "install", "--disable-pip-version-check",
                         "--retries", "1", "--timeout", "15", *packages))

    return _once(name, f"{python} {' '.join(packages)}", install)


@functools.lru_cache(maxsize=None)
def _python(least):
    """A Python of at least that version, a tuple; None when this machine has none."""
    named = [f"python3.{minor}" for minor in range(least[1], least[1] + 5)]
    managed = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    candidates = [sys.executable, *filter(None, map(shutil.which, named)),
                  *sorted(glob.glob(os.path.join(managed, "3.*", "bin", "python3")))]
    test = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {least!r})"
    return next((path for path in candidates if not _call(path, "-c", test)), None)


def npm(package):
    """The folder with node_modules; skips the test when it cannot be had."""
    folder, reason = _npm(package)
    if reason:
        pytest.skip(f"{package}: {reason}")
    return folder


def venv(name, *packages, least=(3, 11)):
    """The bin folder of a virtual environment with these; skips when it cannot be had."""
    python = _python(least)
    if not python:
        pytest.skip(f"{packages[0]} needs Python {least[0]}.{least[1]} with venv")
    folder, reason = _venv(name, python, packages)
    if reason:
        pytest.skip(f"{packages[0]}: {reason}")
    return folder / "bin"
