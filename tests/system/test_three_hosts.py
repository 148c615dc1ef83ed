"""Three hosts on one network find each other and send to each other, by every kind of name."""

import ipaddress
import json
import time

import pytest

from lab.files import make_file
from lab.netns import Lab, requires_netns
from lab.process import Receiver, run_lsend

pytestmark = requires_netns

V4_GROUP = "224.0.0.167"
V6_GROUP = "ff12::fd3a:e420"
PORT = 53317
NAMES = ["Anna", "Berta", "Clara"]


@pytest.fixture(scope="module")
def lab():
    with Lab(3, prefix=28) as made:
        yield made


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A home for each host: it stays the same device in all tests."""
    return [tmp_path_factory.mktemp(name) for name in NAMES]


@pytest.fixture
def start(lab, homes, tmp_path, lsend):
    """start(0, alias=..., port=...) lets a host receive."""
    started = []

    def receive(number, alias=None, port=PORT, args=()):
        started.append(Receiver(tmp_path / f"inbox{number}", *args, home=homes[number],
                                alias=alias or NAMES[number], netns=lab[number], interface=None,
                                port=port))
        return started[-1]

    yield receive
    for receiver in started:
        receiver.stop()


@pytest.fixture
def receivers(start):
    return [start(number) for number in range(3)]


def discover(lab, homes, number, *args):
    done = run_lsend("discover", "--json", "--timeout", "3s", *args, netns=lab[number],
                     home=homes[number])
    assert done.returncode == 0, done.stderr
    return {device["alias"]: device for device in json.loads(done.stdout)["devices"]}


def families(device):
    """The IP versions among the addresses of a device."""
    hosts = [endpoint["address"].split("%")[0] for endpoint in device["endpoints"]]
    return {ipaddress.ip_address(host).version for host in hosts}


def send(lab, homes, number, target, path, *args):
    return run_lsend("send", target, path, *args, netns=lab[number], home=homes[number])


GROUPS = [
    pytest.param([], {4, 6}, id="both"),
    pytest.param([V4_GROUP], {4}, id="ipv4"),
    pytest.param([V6_GROUP], {6}, id="ipv6"),
]


@pytest.mark.parametrize("groups, versions", GROUPS)
def test_PD1_PD2_PD6_each_host_finds_the_two_others(lab, homes, receivers, groups, versions):
    """PD1, PD2, PD6: one entry a device, with its addresses of both families."""
    chosen = [word for group in groups for word in ("--multicast-group", group)]
    for number in range(3):
        found = discover(lab, homes, number, *chosen)
        others = [i for i in range(3) if i != number]
        assert sorted(found) == [NAMES[i] for i in others]
        for i in others:
            device = found[NAMES[i]]
            assert device["fingerprint"].upper() == receivers[i].fingerprint.upper()
            assert families(device) >= versions, device
            assert all(endpoint["port"] == PORT for endpoint in device["endpoints"])
            addresses = {endpoint["address"].split("%")[0] for endpoint in device["endpoints"]}
            assert addresses <= {lab[i].ipv4, lab[i].ipv6}


def test_PD2_discover_stops_at_the_count_well_before_its_time(lab, homes, receivers):
    """PD2: answers come within a second, and --count ends the wait."""
    began = time.monotonic()
    done = run_lsend("discover", "--count", "2", "--timeout", "30s", netns=lab[0], home=homes[0])
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 10
    assert len(done.stdout.splitlines()) == 2
    few = run_lsend("discover", "--count", "3", "--timeout", "2s", "--no-scan", netns=lab[0],
                    home=homes[0])
    assert few.returncode == 3


def test_PD2_discover_without_anybody(lab, homes, lsend):
    """An empty network is no error; it is a hint."""
    done = run_lsend("discover", "--timeout", "1s", "--no-scan", netns=lab[0], home=homes[0])
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr != ""


def target_names(lab, receiver):
    return {
        "alias": "Berta",
        "prefix of the alias": "bert",
        "fingerprint": f"fp:{receiver.fingerprint[:8]}",
        "IPv4": lab[1].ipv4,
        "IPv4 and port": f"{lab[1].ipv4}:{PORT}",
        "IPv6": f"{lab[1].ipv6}%eth0",
        "IPv6 and port": f"[{lab[1].ipv6}%eth0]:{PORT}",
        "URL": f"https://{lab[1].ipv4}:{PORT}",
    }


KINDS = ["alias", "prefix of the alias", "fingerprint", "IPv4", "IPv4 and port", "IPv6",
         "IPv6 and port", "URL"]


@pytest.mark.parametrize("kind", KINDS)
def test_PS6_send_by(lab, homes, receivers, tmp_path, kind):
    """PS6 and every reading of TARGET: the file comes to the host that is meant only."""
    path = make_file(tmp_path / "note.txt", f"by {kind}\n")
    done = send(lab, homes, 0, target_names(lab, receivers[1])[kind], path)
    assert done.returncode == 0, done.stderr
    assert (receivers[1].folder / "note.txt").read_text() == f"by {kind}\n"
    assert not (receivers[0].folder / "note.txt").exists()
    assert not (receivers[2].folder / "note.txt").exists()


def test_PS6_a_name_that_nobody_has(lab, homes, receivers, tmp_path):
    path = make_file(tmp_path / "note.txt", "x")
    done = send(lab, homes, 0, "nobody-here", path)
    assert done.returncode == 3, done.stderr
    assert "nobody-here" in done.stderr
    assert done.stdout == ""
    unknown = send(lab, homes, 0, "fp:0000000000", path)
    assert unknown.returncode == 3, unknown.stderr


def test_PS6_two_hosts_with_one_alias(lab, homes, start, tmp_path):
    """Several hits: exit 4, both are listed, nothing is sent."""
    twins = [start(1, alias="Twin"), start(2, alias="Twin")]
    path = make_file(tmp_path / "note.txt", "x")
    done = send(lab, homes, 0, "Twin", path)
    assert done.returncode == 4, done.stderr
    for twin in twins:
        assert f"fp:{twin.fingerprint[:8]}".lower() in done.stderr.lower()
        assert not (twin.folder / "note.txt").exists()
    assert send(lab, homes, 0, f"fp:{twins[1].fingerprint}", path).returncode == 0
    assert (twins[1].folder / "note.txt").exists()


def test_PD2_the_announced_port_is_used(lab, homes, start, tmp_path):
    """PD2: a receiver on a port of its own is found there."""
    receiver = start(1, port=41234)
    assert receiver.port == 41234
    device = discover(lab, homes, 0)["Berta"]
    assert {endpoint["port"] for endpoint in device["endpoints"]} == {41234}
    path = make_file(tmp_path / "note.txt", "x")
    done = send(lab, homes, 0, "Berta", path)
    assert done.returncode == 0, done.stderr
    assert (receiver.folder / "note.txt").exists()


def test_PD2_an_HTTP_receiver_is_found_and_used(lab, homes, start, tmp_path):
    """PD2: a device that announces http is spoken to in HTTP."""
    receiver = start(1, args=["--http"])
    device = discover(lab, homes, 0)["Berta"]
    assert {endpoint["protocol"] for endpoint in device["endpoints"]} == {"http"}
    path = make_file(tmp_path / "note.txt", "x")
    done = send(lab, homes, 0, "Berta", path)
    assert done.returncode == 0, done.stderr
    assert (receiver.folder / "note.txt").exists()


def test_PD1_discover_without_a_multicast_route(lab, homes, receivers):
    """PD1: the interface is named on the socket, so no route is needed."""
    for host in lab:
        host.run("ip", "route", "del", "224.0.0.0/4")
    try:
        found = discover(lab, homes, 0, "--multicast-group", V4_GROUP, "--no-scan")
        assert sorted(found) == ["Berta", "Clara"]
    finally:
        for host in lab:
            host.run("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")


@pytest.fixture
def no_udp(lab):
    """No datagram leaves any host."""
    tools = ("iptables", "ip6tables")
    rule = ("OUTPUT", "-p", "udp", "-j", "DROP")
    try:
        for host in lab:
            for tool in tools:
                if host.run(tool, "-A", *rule, check=False).returncode != 0:
                    pytest.skip(f"{tool} does not work here")
        yield
    finally:
        for host in lab:
            for tool in tools:
                host.run(tool, "-D", *rule, check=False)


def test_PD5_discover_sweeps_where_multicast_is_blocked(lab, homes, no_udp, receivers, tmp_path):
    """PD5: the HTTP sweep of the real prefix finds them; --no-scan does not."""
    # Devices that were met before would be called where they were.
    (homes[0] / "known_devices.json").unlink(missing_ok=True)
    assert discover(lab, homes, 0, "--no-scan") == {}
    found = discover(lab, homes, 0)
    assert sorted(found) == ["Berta", "Clara"]
    assert all(4 in families(device) for device in found.values())
    path = make_file(tmp_path / "note.txt", "x")
    done = send(lab, homes, 0, "Clara", path)
    assert done.returncode == 0, done.stderr
    assert (receivers[2].folder / "note.txt").exists()
