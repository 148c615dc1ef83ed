"""Two hosts on a network of their own: lsend on the first, scripted apps on the second."""

import subprocess

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


@pytest.fixture
def second_network(lab):
    """A second cable between the hosts: 10.79.0.1 and 10.79.0.2 on eth1."""
    first, second = lab[0].name, lab[1].name

    def run(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)

    run("-n", first, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", second)
    for host, address in ((first, "10.79.0.1"), (second, "10.79.0.2")):
        run("-n", host, "addr", "add", f"{address}/24", "dev", "eth1")
        run("-n", host, "link", "set", "eth1", "up")
    yield "10.79.0.1", "10.79.0.2"
    run("-n", first, "link", "delete", "eth1")
