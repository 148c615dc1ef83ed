"""One receiver for all rows of a module that leave it free, and a sender that means no good."""

import pytest

from lab.wellbeing import Guard
from peers.hostile import Hostile
from peers.sender import File


@pytest.fixture(scope="module")
def serving(lsend, own_home, tmp_path_factory):
    """One receiver for all rows."""
    room = tmp_path_factory.mktemp("serving")
    with Guard(room / "in", "--http", room=room, home=own_home) as running:
        yield running


@pytest.fixture
def sender(serving, era, tls):
    """A hostile sender; afterwards all promises are tried, and the slot is free."""
    for name in serving.stored():
        (serving.folder / name).unlink()
    hostile = Hostile(serving.port, era, tls)
    yield hostile
    serving.check(hostile)
    # A session that a row left open may be ended by its sender.
    if hostile.v1:
        hostile.cancel()
    answer = hostile.prepare([File("free?", b"x")])
    assert answer.status == 200, answer
    assert hostile.cancel(answer.json().get("sessionId")).status == 200
