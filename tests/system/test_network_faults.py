"""Transfers over networks that lose, damage, delay and cut: what is called sent is whole, and what
cannot be sent ends in time and leaves nothing behind."""

import contextlib
import json
import os
import subprocess
import time

import pytest

from lab.faulty import FaultyPair
from lab.files import digest, make_big, make_file, make_named, paths_below, tree
from lab.netns import requires_netns
from lab.process import Program, Receiver, is_sanitized, run_lsend, wait_until

pytestmark = requires_netns
MB = 1_000_000
PORT = 53317
EXIT_UNREACHABLE = 5


@pytest.fixture(scope="module")
def pair():
    """lsend receives on the first host and sends from the second."""
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("there is no /dev/net/tun")
    with FaultyPair() as made:
        yield made


@pytest.fixture
def cable(pair):
    """A good cable at first."""
    pair.cable.clear()
    yield pair.cable
    pair.cable.clear()


@pytest.fixture
def receive(pair, home, tmp_path, cable):
    """receive(...) is `lsend receive` on the first host, the same process all the time."""
    with contextlib.ExitStack() as stack:
        def start(*args, **options):
            running = stack.enter_context(
                Receiver(tmp_path / "in", *args, home=home("receiver"), netns=pair[0],
                         interface=None, port=PORT, **options))
            running.target = pair[0].ipv4
            return running

        yield start


@pytest.fixture
def send(pair, home):
    """send(target, path, ...) from the second host, to its end."""
    def run(*args, timeout=60):
        return run_lsend("send", "--json", *args, home=home("sender"), netns=pair[1],
                         timeout=timeout)

    return run


@pytest.fixture
def sending(pair, home):
    """The same in the background."""
    def start(*args):
        return Program("send", "--json", *args, home=home("sender"), netns=pair[1])

    return start


def result_of(text):
    return json.loads(text.splitlines()[-1])


def no_part_is_final(receiver, names):
    """Nothing under a name that was announced, and no part either."""
    assert not [name for name in names if (receiver.folder / name).exists()]
    wait_until(lambda: not [path for path in paths_below(receiver.folder) if path[-1] != "/"],
               what="the part's removal")


def wait_for_bytes(cable, count):
    """Until so many bytes went through the cable."""
    before = cable.counts()["bytes"]
    wait_until(lambda: cable.counts()["bytes"] - before > count, 20, f"{count} bytes")


# --- the wire spoils packets ---------------------------------------------------------------------

SPOILT = {
    "loss-1": {"loss": 1},
    "loss-5": {"loss": 5},
    "reorder-25": {"reorder": 25, "hold": 5},
    "duplicate-5": {"duplicate": 5},
    "corrupt-1": {"corrupt": 1},
    "delay-20": {"delay": 20},
    "delay-200-50": {"delay": 100, "jitter": 25},
    "all": {"loss": 1, "reorder": 5, "duplicate": 2, "corrupt": 1, "delay": 5, "jitter": 2},
}
COUNTED = {"loss": "lost", "reorder": "reordered", "duplicate": "duplicated",
           "corrupt": "corrupted"}


@pytest.mark.parametrize("name, scheme", [*((name, "https") for name in SPOILT), ("all", "http")])
def test_S37_what_arrives_is_whole(receive, send, cable, tmp_path, name, scheme):
    """S37: a folder of a big file and small ones, byte for byte, whatever happens to packets."""
    source = tmp_path / "folder"
    make_named(source, [f"small/{number}.bin" for number in range(20)])
    make_file(source / "big.bin", os.urandom(3 * MB))
    plain = ["--http"] if scheme == "http" else []
    receiver = receive(*plain)
    before = cable.counts()
    cable.set(**SPOILT[name])
    done = send(*plain, receiver.target, source)
    assert done.returncode == 0, done.stderr
    assert result_of(done.stdout)["ok"]
    assert tree(receiver.folder / "folder", times=False) == tree(source, times=False)
    after = cable.counts()
    for setting, counter in COUNTED.items():
        assert (after[counter] > before[counter]) == (setting in SPOILT[name]), after


def test_S37_a_fifth_of_all_packets_is_lost(receive, send, cable, tmp_path):
    """S37: 20 %: slow, and right."""
    path = make_file(tmp_path / "file.bin", os.urandom(60_000))
    receiver = receive()
    cable.set(loss=20)
    done = send("--connect-timeout", "30s", "--retry", "2", receiver.target, path)
    assert done.returncode == 0, done.stderr
    assert digest(receiver.folder / "file.bin") == digest(path)


def test_S37_a_thin_line(receive, send, cable, tmp_path):
    """S37: 1 Mbit/s is slow and no failure: bytes move all the time."""
    path = make_file(tmp_path / "file.bin", os.urandom(400_000))
    receiver = receive("--stall-timeout", "1s")
    cable.set(rate=1)
    began = time.monotonic()
    done = send("--stall-timeout", "1s", receiver.target, path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began > 3
    assert digest(receiver.folder / "file.bin") == digest(path)


# --- the wire is dead for a while, or for good ---------------------------------------------------


def test_S36_an_outage_shorter_than_the_limit(receive, sending, cable, tmp_path):
    """S36: the link is away for 3 s in the middle; the transfer goes on where it was."""
    path = make_file(tmp_path / "file.bin", os.urandom(4 * MB))
    receiver = receive("--stall-timeout", "15s")
    cable.set(rate=20)
    with sending("--stall-timeout", "15s", receiver.target, path) as program:
        wait_for_bytes(cable, 500_000)
        cable.set(down=3)
        assert program.wait(30) == 0, program.stderr()
    assert cable.counts()["down"] > 0
    assert digest(receiver.folder / "file.bin") == digest(path)


def test_S36_an_outage_for_good(receive, send, sending, cable, tmp_path):
    """S36: both ends give up within their limits: exit 5 or 14, no part stays, and the receiver is
    free for the next one."""
    path = make_file(tmp_path / "file.bin", os.urandom(8 * MB))
    receiver = receive("--stall-timeout", "1s")
    cable.set(rate=20)
    with sending("--connect-timeout", "1s", "--stall-timeout", "1s", receiver.target,
                 path) as program:
        wait_for_bytes(cable, 500_000)
        cable.set(down=1e9)
        began = time.monotonic()
        assert program.wait(40) == EXIT_UNREACHABLE, program.stderr()
        assert time.monotonic() - began < 25
        assert not result_of(program.stdout())["ok"]
    no_part_is_final(receiver, ["file.bin"])
    cable.clear()
    # What the dead sender's kernel still had to say may open a session that nobody goes on with.
    again = send("--wait", "20s", receiver.target, path)
    assert again.returncode == 0, again.stderr
    assert digest(receiver.folder / "file.bin") == digest(path)


def test_S36_the_sender_is_gone_the_receiver_is_free(receive, sending, send, cable, tmp_path):
    """S36, R19: the receiver hears nothing of the sender's end, and frees its slot all the same."""
    path = make_file(tmp_path / "file.bin", os.urandom(8 * MB))
    receiver = receive("--stall-timeout", "1s")
    cable.set(rate=20)
    with sending(receiver.target, path) as program:
        wait_for_bytes(cable, 500_000)
        cable.set(down=1e9)
        program.popen.kill()
        program.wait(10)
    no_part_is_final(receiver, ["file.bin"])
    cable.clear()
    other = make_file(tmp_path / "other.bin", b"x" * 1000)
    done = send("--wait", "10s", receiver.target, other)
    assert done.returncode == 0, done.stderr


def test_S36_the_end_of_an_acknowledged_file_is_lost(receive, sending, cable, tmp_path):
    """P4: the receiver's answers vanish: the sender never calls it a success."""
    path = make_file(tmp_path / "file.bin", os.urandom(2 * MB))
    receiver = receive("--http", "--stall-timeout", "1s")
    cable.set(rate=20)
    with sending("--http", "--connect-timeout", "1s", "--stall-timeout", "1s",
                 receiver.target, path) as program:
        wait_for_bytes(cable, 500_000)
        cable.set(loss=100, to="b")
        assert program.wait(40) == EXIT_UNREACHABLE, program.stderr()


def test_S1_no_answer_from_anywhere(send, cable, pair, tmp_path):
    """S1: packets vanish: exit 5 within the connect limit."""
    path = make_file(tmp_path / "file.bin", b"x")
    cable.set(down=1e9)
    began = time.monotonic()
    done = send("--connect-timeout", "1s", pair[0].ipv4, path)
    assert done.returncode == EXIT_UNREACHABLE, done.stderr
    assert time.monotonic() - began < 12
    assert pair[0].ipv4 in done.stderr


# --- sizes ---------------------------------------------------------------------------------------


@pytest.fixture
def small_mtu(pair):
    """1280, the least that IPv6 allows."""
    for host in pair:
        host.run("ip", "link", "set", "eth0", "mtu", "1280")
    yield
    for host in pair:
        host.run("ip", "link", "set", "eth0", "mtu", "1500")


def test_S38_a_small_MTU(receive, send, small_mtu, pair, home, tmp_path):
    """Transfers and discovery work with 1280 bytes."""
    path = make_file(tmp_path / "file.bin", os.urandom(2 * MB))
    receiver = receive(alias="Small Packets")
    done = send("Small Packets", path)
    assert done.returncode == 0, done.stderr
    assert digest(receiver.folder / "file.bin") == digest(path)


def test_S38_an_MTU_black_hole(receive, send, sending, cable, tmp_path):
    """S38: packets of more than 1000 bytes vanish from the start, or in the middle: an end in time
    with a hint."""
    path = make_file(tmp_path / "file.bin", os.urandom(8 * MB))
    receiver = receive("--stall-timeout", "1s")
    limits = ["--connect-timeout", "1s", "--stall-timeout", "1s"]
    cable.set(rate=20)
    with sending(*limits, receiver.target, path) as program:
        wait_for_bytes(cable, 500_000)
        cable.set(swallow=1000)
        assert program.wait(40) == EXIT_UNREACHABLE, program.stderr()
        assert "MTU" in program.stderr()
    no_part_is_final(receiver, ["file.bin"])
    done = send(*limits, receiver.target, path)
    assert done.returncode == EXIT_UNREACHABLE, done.stderr
    assert "MTU" in done.stderr
    assert cable.counts()["swallowed"] > 0


# --- resets --------------------------------------------------------------------------------------


@contextlib.contextmanager
def resetting(host, port):
    """Every packet to the port is answered by a reset."""
    rule = ["INPUT", "-p", "tcp", "--dport", port, "-j", "REJECT", "--reject-with", "tcp-reset"]
    if host.run("iptables", "-I", *rule, check=False).returncode != 0:
        pytest.skip("iptables does not work here")
    try:
        yield
    finally:
        host.run("iptables", "-D", *rule)


def test_S14_a_reset_in_the_middle_is_survived(receive, sending, pair, cable, tmp_path):
    """S14: reset by a firewall for a moment: the file is sent again and is whole."""
    path = make_file(tmp_path / "file.bin", os.urandom(4 * MB))
    receiver = receive("--stall-timeout", "5s")
    cable.set(rate=20)
    with sending("--stall-timeout", "5s", receiver.target, path) as program:
        wait_for_bytes(cable, 500_000)
        with resetting(pair[0], PORT):
            time.sleep(0.3)
        assert program.wait(40) == 0, program.stderr()
    assert digest(receiver.folder / "file.bin") == digest(path)


def test_S14_resets_for_good(receive, send, sending, pair, cable, tmp_path):
    """S14: every new connection is reset as well: exit 5, nothing stays, the receiver is free."""
    path = make_file(tmp_path / "file.bin", os.urandom(4 * MB))
    receiver = receive("--stall-timeout", "3s")
    cable.set(rate=20)
    with sending("--stall-timeout", "3s", receiver.target, path) as program:
        wait_for_bytes(cable, 500_000)
        with resetting(pair[0], PORT):
            assert program.wait(40) == EXIT_UNREACHABLE, program.stderr()
            no_part_is_final(receiver, ["file.bin"])
    cable.clear()
    done = send("--wait", "10s", receiver.target, path)
    assert done.returncode == 0, done.stderr


# --- addresses -----------------------------------------------------------------------------------


@contextlib.contextmanager
def without_ipv4(pair):
    for host in pair:
        host.run("ip", "address", "flush", "dev", "eth0", "scope", "global")
    try:
        yield
    finally:
        for host in pair:
            host.run("ip", "address", "add", f"{host.ipv4}/16", "dev", "eth0")


def test_IPv6_only(receive, send, pair, tmp_path, cable):
    """No IPv4 address anywhere: found by its name and by its link-local address (S41), whose zone may
    be a name or a number."""
    path = make_file(tmp_path / "file.bin", os.urandom(MB))
    with without_ipv4(pair):
        receiver = receive(alias="Only Six")
        by_name = send("Only Six", path)
        assert by_name.returncode == 0, by_name.stderr
        by_address = send(f"[{pair[0].ipv6}%eth0]:{PORT}", path)
        assert by_address.returncode == 0, by_address.stderr
        index = pair[1].run("cat", "/sys/class/net/eth0/ifindex").stdout.strip()
        by_index = send(f"[{pair[0].ipv6}%{index}]:{PORT}", path)
        assert by_index.returncode == 0, by_index.stderr
    assert digest(receiver.folder / "file.bin") == digest(path)
    assert digest(receiver.folder / "file (1).bin") == digest(path)
    assert digest(receiver.folder / "file (2).bin") == digest(path)


def discovered(pair, home, alias, seconds=2):
    """The addresses at which `discover` finds it, without a sweep."""
    done = run_lsend("discover", "--json", "--no-scan", "--count", "1", "--timeout",
                     f"{seconds}s", alias, home=home("looker"), netns=pair[1])
    found = [device for device in json.loads(done.stdout)["devices"] if device["alias"] == alias]
    return {entry["address"] for device in found for entry in device["endpoints"]}


def test_S54_the_interface_goes_down_and_comes_back(receive, send, pair, home, cable, tmp_path):
    """S54: routes and IPv6 addresses go with it; what runs is found again and takes files."""
    path = make_file(tmp_path / "file.bin", os.urandom(MB))
    receiver = receive(alias="Flapping")
    assert discovered(pair, home, "Flapping")
    pair[0].run("ip", "link", "set", "eth0", "down")
    assert not discovered(pair, home, "Flapping", 1)
    pair[0].run("ip", "link", "set", "eth0", "up")
    pair[0].wait_for_ipv6()
    wait_until(lambda: discovered(pair, home, "Flapping", 1), 15, "being found again")
    done = send("Flapping", path)
    assert done.returncode == 0, done.stderr
    assert digest(receiver.folder / "file.bin") == digest(path)


NEW = "10.77.9.9"


@pytest.fixture
def own_address_back(pair):
    yield
    for address, keep in ((NEW, False), (pair[0].ipv4, True)):
        pair[0].run("ip", "address", "del", f"{address}/16", "dev", "eth0", check=False)
        if keep:
            pair[0].run("ip", "address", "add", f"{address}/16", "dev", "eth0")


@pytest.mark.parametrize("group, ours", [("224.0.0.167", NEW), ("ff12::fd3a:e420", None)],
                         ids=["ipv4", "ipv6"])
def test_S54_a_new_address(receive, send, pair, home, cable, tmp_path, own_address_back, group,
                           ours):
    """S54: another lease while `receive` runs: found at the new address and sent to."""
    path = make_file(tmp_path / "file.bin", os.urandom(MB))
    receiver = receive("--multicast-group", group, alias="Moving")
    pair[0].run("ip", "address", "del", f"{pair[0].ipv4}/16", "dev", "eth0")
    pair[0].run("ip", "address", "add", f"{NEW}/16", "dev", "eth0")
    expected = ours or f"{pair[0].ipv6}%eth0"
    wait_until(lambda: expected in discovered(pair, home, "Moving", 1), 15, "the new address")
    done = send("Moving", path)
    assert done.returncode == 0, done.stderr
    assert digest(receiver.folder / "file.bin") == digest(path)


def test_S54_the_same_address_again(receive, pair, home, cable):
    """S54: taken away and given back at once, as a renewed lease may do: the kernel forgets the
    membership with the last address, and nothing looks different afterwards."""
    receive(alias="Renewed")
    for _ in range(2):
        pair[0].run("ip", "address", "del", f"{pair[0].ipv4}/16", "dev", "eth0")
        pair[0].run("ip", "address", "add", f"{pair[0].ipv4}/16", "dev", "eth0")
    wait_until(lambda: pair[0].ipv4 in discovered(pair, home, "Renewed", 1), 15,
               "being found again")


@pytest.fixture
def second_cable(pair):
    """10.79.0.1 and 10.79.0.2 on eth1."""
    first, second = pair[0].name, pair[1].name

    def run(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)

    run("-n", first, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", second)
    for host, address in ((first, "10.79.0.1"), (second, "10.79.0.2")):
        run("-n", host, "addr", "add", f"{address}/24", "dev", "eth1")
        run("-n", host, "link", "set", "eth1", "up")
    yield "10.79.0.1"
    run("-n", first, "link", "delete", "eth1")


def test_two_interfaces_and_one_dies(receive, send, pair, home, second_cable, cable, tmp_path):
    """A receiver with two interfaces is one device that is reached by either, and by the one that
    is left when the other is dead."""
    path = make_file(tmp_path / "file.bin", os.urandom(MB))
    receiver = receive(alias="Two Ways")
    wait_until(lambda: discovered(pair, home, "Two Ways"), what="the device")
    for number, address in enumerate((pair[0].ipv4, second_cable)):
        done = send(address, path)
        assert done.returncode == 0, done.stderr
    cable.set(down=1e9)
    done = send("Two Ways", path)
    assert done.returncode == 0, done.stderr
    assert len(tree(receiver.folder)) == 3


def test_an_interface_that_comes_later(receive, pair, home, cable, request):
    """S53: plugged in while `receive` runs: found there within seconds."""
    receive(alias="Plugged")
    address = request.getfixturevalue("second_cable")
    wait_until(lambda: address in discovered(pair, home, "Plugged", 1), 15, "the new interface")
