"""Two hosts on a network of their own: lsend on the first, scripted apps on the second."""

import pytest

from lab.netns import Lab
from peers.multicast import MulticastPeer


@pytest.fixture(scope="module")
def lab():
    with Lab(2) as made:
        yield made


@pytest.fixture
def radio(lab):
    """The second host's ear and mouth."""
    with MulticastPeer(lab[1].ipv4, lab[1].name) as made:
        yield made
