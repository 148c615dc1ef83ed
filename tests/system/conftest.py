"""Fixtures of the system tests."""

import os
import signal
import sys

import pytest

from lab import process
from lab.sending import peer, send, start_send, three  # noqa: F401 (fixtures)
from lab.serving import sender, serving  # noqa: F401
from lab.two_hosts import lab, radio, second_network  # noqa: F401


def pytest_configure(config):
    """A terminated run cleans up as a failed one does."""
    def leave(number, _frame):
        sys.exit(128 + number)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, leave)


@pytest.fixture(scope="session")
def lsend():
    """The path of the program under test."""
    path = process.binary()
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there: build it, or name it with LSEND_BINARY")
    return path


@pytest.fixture(scope="session")
def plain_lsend(lsend):
    """A build without sanitizers, for what does not go with them: preloaded libraries, limits of
    descriptors and of address space."""
    path = process.plain_binary()
    if path is None:
        pytest.skip("LSEND_PLAIN_BINARY is not set, and the program under test has sanitizers")
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there, and LSEND_PLAIN_BINARY names it")
    return path


@pytest.fixture
def home(tmp_path):
    """home("alice") is the LSEND_HOME of alice, the same one at each call."""
    def folder(name="home"):
        path = tmp_path / "homes" / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    return folder


@pytest.fixture(scope="module")
def own_home(lsend, tmp_path_factory):
    """One identity for a whole module: making a key takes its time, and a 1.18 peer has to know it
    beforehand."""
    folder = tmp_path_factory.mktemp("home")
    folder.chmod(0o700)
    assert process.run_lsend("info", home=folder).returncode == 0
    return folder


@pytest.fixture(autouse=True)
def nobody_is_known(request):
    """Each test meets its devices for the first time, also where a module shares its identity."""
    if "own_home" in request.fixturenames:
        known = request.getfixturevalue("own_home") / "known_devices.json"
        known.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def no_program_left():
    """Whatever a test leaves running is ended; fixtures of a whole module end their own."""
    before = process.running()
    yield
    process.discard_all(spared=before)


def pytest_sessionfinish(session):
    process.discard_all()
