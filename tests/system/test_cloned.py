"""Two hosts with one identity, after a home folder or a disk was copied: each says what it is and how
it is mended."""

import json
import shutil
import time

import pytest

from lab.netns import requires_netns
from lab.process import Program, Receiver, run_lsend, wait_until
from peers.multicast import MulticastPeer, announcement_of
from peers.receiver import ReceiverPeer

CURE = "Remove 'identity.pem' from the home folder of one of them"


@pytest.fixture
def homes(home):
    """One, and its copy."""
    one = home("one")
    assert run_lsend("info", home=one).returncode == 0
    two = home("two")
    shutil.copy2(one / "identity.pem", two / "identity.pem")
    return one, two


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("content")
    return path


@pytest.fixture
def cloned(lab, homes, tmp_path):
    """`lsend receive` with the copy, on the second host."""
    with Receiver(tmp_path / "in", home=homes[1], alias="Copy", netns=lab[1].name, interface=None,
                  port=53317) as receiver:
        yield receiver


@requires_netns
@pytest.mark.parametrize("how", ["address", "url", "fingerprint", "alias"])
def test_a_copy_is_called_a_copy(lab, cloned, homes, source, how):
    address = lab[1].ipv4
    target = {"address": address, "url": f"https://{address}:53317", "alias": "Copy",
              "fingerprint": "fp:" + cloned.fingerprint[:16]}[how]
    done = run_lsend("send", target, source, home=homes[0], netns=lab[0].name)
    assert done.returncode == 6, done.stderr
    assert address in done.stderr
    assert "has the identity of this device: two hosts cannot have one" in done.stderr
    assert CURE in done.stderr


@requires_netns
def test_discover_tells_of_a_copy(lab, cloned, homes):
    for words in (["--no-scan"], [f"--scan={lab[1].ipv4}/32"]):
        done = run_lsend("discover", "--timeout", "4s", *words, home=homes[0], netns=lab[0].name)
        assert done.returncode == 0, done.stderr
        assert "another device announces this one's certificate" in done.stderr
        assert lab[1].ipv4 in done.stderr and "remove 'identity.pem'" in done.stderr


@requires_netns
def test_a_receiver_tells_of_a_copy(lab, cloned, homes):
    """That registers, or announces itself."""
    with Program("discover", "--watch", home=homes[0], netns=lab[0].name):
        wait_until(lambda: "another device announces this one's certificate" in cloned.stderr(),
                   timeout=15, what="the warning")
    assert lab[0].ipv4 in cloned.stderr()


def test_on_one_host_it_may_be_either(homes, source, tmp_path):
    with Receiver(tmp_path / "in", home=homes[1], alias="Copy") as receiver:
        done = run_lsend("send", receiver.target, source, "-p", "0", home=homes[0])
    assert done.returncode == 2, done.stderr
    assert "is this device itself, or a second lsend on it with a copy of its identity" in (
        done.stderr)
    assert "remove 'identity.pem' from the home folder that was copied" in done.stderr


def test_info_self_is_no_copy(homes, tmp_path):
    with Receiver(tmp_path / "in", home=homes[0]) as receiver:
        done = run_lsend("info", "--self", "--json", "-p", str(receiver.port), home=homes[0])
    assert done.returncode == 0 and json.loads(done.stdout)["ok"] is True


@requires_netns
def test_an_address_that_is_new_here_is_no_copy(lab, homes, tmp_path):
    """As after a change of the DHCP address: our own announcement, sent from there, comes back."""
    with Receiver(tmp_path / "in", home=homes[0], netns=lab[0].name, interface=None,
                  port=53317) as receiver, ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) \
            as peer, MulticastPeer(lab[1].ipv4, lab[1].name) as other:
        message = announcement_of(peer) | {"fingerprint": receiver.fingerprint}
        time.sleep(1.1)  # the last look may be a second old
        lab[0].run("ip", "addr", "add", "10.77.0.250/16", "dev", "eth0")
        try:
            with MulticastPeer("10.77.0.250", lab[0].name) as own:
                own.send(message)
                other.wait_for(lambda heard: heard["fingerprint"] == receiver.fingerprint, 5)
            other.send(message)
            wait_until(lambda: "another device announces this one's certificate" in
                       receiver.stderr(), what="the warning of the other host")
            assert lab[1].ipv4 in receiver.stderr()
            assert "10.77.0.250" not in receiver.stderr()
        finally:
            lab[0].run("ip", "addr", "del", "10.77.0.250/16", "dev", "eth0", check=False)
