"""A user without a home, with a read-only one, or with a random id, as containers have: what needs
nothing to persist works, and the rest names LSEND_HOME."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from lab import files
from lab.process import binary, check_sanitizers
from peers.receiver import ReceiverPeer

UID = 54321
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"),
                                reason="to be another user needs root and setpriv(1)")
AS_NOBODY = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]


@pytest.fixture
def place():
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="lsend-no-home-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def homes(place):
    """The homes that do not work, by name: what HOME is, nothing for unset."""
    read_only = place / "read-only"
    read_only.mkdir(mode=0o555)
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    return {"unset": None, "root's": "/", "read-only": str(read_only), "closed": str(closed),
            "missing": str(closed / "nobody"), "no folder": "/dev/null"}


KINDS = ["unset", "root's", "read-only", "closed", "missing", "no folder"]
kinds = pytest.mark.parametrize("kind", KINDS)


def run(*words, home, input=b"", **env):
    variables = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "LSEND_INTERFACE": "lo", **env}
    if home is not None:
        variables["HOME"] = home
    done = subprocess.run([*AS_NOBODY, binary(), *map(str, words)], input=input, env=variables,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                          cwd="/")
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    check_sanitizers(done.stderr)
    return done


@kinds
def test_send_works_and_says_once_that_it_has_no_home(homes, place, kind):
    source = files.make_file(place / "a.txt", "content")
    source.chmod(0o644)
    with ReceiverPeer() as receiver:
        for count in (1, 2):
            done = run("send", receiver.target, source, "-p", "0", home=homes[kind])
            assert done.returncode == 0, done.stderr
            assert done.stderr.count("LSEND_HOME") == 1, done.stderr
            assert "this once lsend goes by a new identity and remembers nobody" in done.stderr
            assert "could not be remembered" not in done.stderr
            assert "first contact" not in done.stderr
            assert len(receiver.of("upload")) == count
        senders = {call.json()["info"]["fingerprint"] for call in receiver.of("prepare")}
        assert len(senders) == 2


@kinds
def test_standard_input_waits_elsewhere(homes, place, kind):
    spool = place / "tmp"
    spool.mkdir()
    spool.chmod(0o777)
    with ReceiverPeer() as receiver:
        done = run("send", receiver.target, "-", "-p", "0", home=homes[kind], input=b"from a pipe",
                   TMPDIR=str(spool))
        assert done.returncode == 0, done.stderr
        assert receiver.stored["stdin"].body == b"from a pipe"
    assert list(spool.iterdir()) == []


@kinds
def test_discover_works_and_says_so_once(homes, kind):
    done = run("discover", "--timeout", "300ms", "--no-scan", "--json", "-p", "0",
               home=homes[kind])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
    assert done.stderr.count("LSEND_HOME") == 1, done.stderr


@kinds
@pytest.mark.parametrize("words", [
    ["receive", "--auto-accept", "-p", "0", "--no-announce"], ["info"],
    ["devices", "trust", "fp:" + "AB" * 32]], ids=lambda words: words[0])
def test_what_has_to_persist_names_the_way_out(homes, place, kind, words):
    inbox = place / "in"
    inbox.mkdir()
    os.chown(inbox, UID, UID)
    for more in ([], ["--dir", inbox]) if words[0] == "receive" else ([],):
        done = run(*words, *more, home=homes[kind])
        assert done.returncode == 11, done.stderr
        assert "set LSEND_HOME to a folder that this user can write to" in done.stderr


def test_with_LSEND_HOME_all_is_as_usual(homes, place):
    own = place / "own"
    own.mkdir()
    os.chown(own, UID, UID)
    source = files.make_file(place / "a.txt", "content")
    source.chmod(0o644)
    with ReceiverPeer() as receiver:
        done = run("send", receiver.target, source, "-p", "0", home=None, LSEND_HOME=str(own))
        assert done.returncode == 0, done.stderr
        assert "LSEND_HOME" not in done.stderr and "first contact" in done.stderr
