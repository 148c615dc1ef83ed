"""What --interface, --no-announce and the multicast options promise, tried on the wire from a second
host: who can see lsend, who can reach it, and by which way it leaves."""

import contextlib
import json
import socket
import struct
import subprocess
import time

import pytest

from lab import seccomp
from lab.files import make_file
from lab.netns import requires_netns
from lab.process import Program, Receiver, run_lsend, wait_until
from lab.shim import Faults
from peers import namespace
from peers.multicast import GROUP, PORT, MulticastPeer
from peers.receiver import ReceiverPeer

pytestmark = requires_netns
FOLLOWS = 8  # the manual says five seconds


def can_reach(host, address, port):
    """Does somebody listen there, as seen from that host?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def connect():
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(2)
            try:
                sock.connect(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][4])
                return True
            except OSError:
                return False

    return namespace.inside(host.name if host else None, connect)


def ip(host, *words):
    host.run("ip", *words)


@contextlib.contextmanager
def second_address(lab, address):
    """Another address on eth0 of the first host, such as 10.66.0.1/24."""
    ip(lab[0], "addr", "add", address, "dev", "eth0")
    try:
        yield address.split("/")[0]
    finally:
        lab[0].run("ip", "addr", "del", address, "dev", "eth0", check=False)


@pytest.fixture
def receive(lab, own_home, tmp_path):
    """receive("-i", "eth0") is a receiver on the first host."""
    with contextlib.ExitStack() as stack:
        def start(*args, **more):
            more.setdefault("port", PORT)
            return stack.enter_context(Receiver(tmp_path / "in", "--json", *args, home=own_home,
                                                netns=lab[0].name, interface=None, **more))

        yield start


def ready_event(receiver):
    return wait_until(lambda: [event for event in receiver.events() if event["type"] == "ready"],
                      what="the event")[0]


def checks_of(done):
    """[(check, status, finding, remedy)] of `doctor --json`."""
    return [(one["check"], one["status"], one["finding"], one.get("remedy", ""))
            for one in json.loads(done)["checks"]]


# --- who can reach it ----------------------------------------------------------------------------


NAMED = [["eth0"], ["10.77.0.0/16", "fe80::/10"], ["10.77.0.1", "fe80::/64"]]


@pytest.mark.parametrize("wanted", NAMED, ids=lambda words: "+".join(words))
def test_C1_receive_listens_there_only(lab, own_home, receive, second_network, wanted):
    """By each address of the interface and by no other; all that tell addresses tell these."""
    if "fe80::/64" in wanted or "fe80::/10" in wanted:
        # Of the second network the link-local address fits as well.
        ip(lab[0], "-6", "addr", "flush", "dev", "eth1")
    options = [word for name in wanted for word in ("-i", name)]
    running = receive(*options)
    here, second = lab[0], lab[1]
    assert can_reach(second, here.ipv4, running.port)
    assert can_reach(second, f"{here.ipv6}%eth0", running.port)
    assert can_reach(here, here.ipv4, running.port)
    assert not can_reach(second, second_network[0], running.port)
    assert not can_reach(here, second_network[0], running.port)
    assert not can_reach(here, "127.0.0.1", running.port)
    assert not can_reach(here, "::1", running.port)
    assert ready_event(running)["addresses"] == [here.ipv4]
    own = json.loads(run_lsend("info", "--json", *options, home=own_home, netns=here.name).stdout)
    assert own["addresses"] == [here.ipv4]
    assert own["port_free"] is False


def test_C1_without_it_receive_listens_everywhere(lab, own_home, receive, second_network):
    running = receive()
    assert all(can_reach(lab[1], address, running.port)
               for address in (lab[0].ipv4, second_network[0], f"{lab[0].ipv6}%eth0"))
    assert can_reach(lab[0], "127.0.0.1", running.port) and can_reach(lab[0], "::1", running.port)
    addresses = ready_event(running)["addresses"]
    assert {lab[0].ipv4, second_network[0]} <= set(addresses)
    assert not any(address.startswith(("127.", "::1", "fe80")) for address in addresses)


@pytest.mark.parametrize("wanted", ["eth0", "eth0:1"])
def test_C1_an_address_with_a_label_is_one_of_its_interface(lab, own_home, receive, wanted):
    """As ifconfig and Debian's ifupdown make them."""
    ip(lab[0], "addr", "add", "10.66.0.1/24", "dev", "eth0", "label", "eth0:1")
    try:
        running = receive("-i", wanted)
        assert set(ready_event(running)["addresses"]) == {lab[0].ipv4, "10.66.0.1"}
        assert can_reach(lab[0], lab[0].ipv4, running.port)
        assert can_reach(lab[0], "10.66.0.1", running.port)
        assert not can_reach(lab[0], "127.0.0.1", running.port)
    finally:
        ip(lab[0], "addr", "del", "10.66.0.1/24", "dev", "eth0")


def test_C1_the_banner_says_the_same(lab, own_home, tmp_path, second_network):
    ready = tmp_path / "ready.json"
    with Program("receive", "-y", "--dir", tmp_path / "in", "-i", "eth1", "--port", PORT,
                 "--ready-file", ready, home=own_home, netns=lab[0].name) as program:
        wait_until(ready.exists, what="the ready file")
        wait_until(lambda: "fingerprint" in program.stderr(), what="the banner")
        assert f"{second_network[0]}:{PORT}" in program.stderr()
        assert lab[0].ipv4 not in program.stderr()


def test_C1_the_health_check_asks_where_it_listens(lab, own_home, receive):
    """`info --self` with the option of the receiver and without it."""
    receive("-i", "eth0")
    for options in ([], ["-i", "eth0"], ["-i", "10.77.0.0/16"]):
        done = run_lsend("info", "--self", *options, home=own_home, netns=lab[0].name)
        assert done.returncode == 0, done.stderr
    other = run_lsend("info", "--self", "-i", "lo", home=own_home, netns=lab[0].name)
    assert other.returncode == 5, other.stderr


@pytest.mark.parametrize("wanted", ["eth0", "10.66.0.0/16"])
def test_C1_it_follows_an_address(lab, receive, wanted):
    """One more is listened on within the time of the manual, one that has gone is not."""
    with second_address(lab, "10.66.0.1/24"):
        running = receive("-i", wanted, "-v")
        assert can_reach(lab[0], "10.66.0.1", running.port)
        assert can_reach(lab[0], lab[0].ipv4, running.port) == (wanted == "eth0")
        with second_address(lab, "10.66.7.1/24") as later:
            wait_until(lambda: can_reach(lab[0], later, running.port), FOLLOWS, "the new address")
            assert f"listening at {later}" in running.stderr()
        wait_until(lambda: f"no longer listening at {later}" in running.stderr(), FOLLOWS, "its end")
        # Back again, it is a new address, not a forgotten one.
        with second_address(lab, "10.66.7.1/24") as later:
            wait_until(lambda: can_reach(lab[0], later, running.port), FOLLOWS, "its return")


def test_C1_an_interface_without_an_address_is_waited_for(lab, receive, second_network):
    """It starts, says so, and is there soon after the address is; nowhere else meanwhile."""
    ip(lab[0], "addr", "flush", "dev", "eth1")
    ip(lab[0], "link", "set", "eth1", "down")
    running = receive("-i", "eth1")
    assert ready_event(running)["addresses"] == []
    assert "interface 'eth1' has no address now" in running.stdout()
    assert not can_reach(lab[1], lab[0].ipv4, running.port)
    assert not can_reach(lab[0], "127.0.0.1", running.port)
    with MulticastPeer(second_network[1], lab[1].name) as radio:
        ip(lab[0], "link", "set", "eth1", "up")
        ip(lab[0], "addr", "add", f"{second_network[0]}/24", "dev", "eth1")
        wait_until(lambda: can_reach(lab[1], second_network[0], running.port), FOLLOWS, "listening")
        radio.wait_for(lambda message: message["fingerprint"] == running.fingerprint, FOLLOWS)
    assert not can_reach(lab[1], lab[0].ipv4, running.port)


def test_C1_one_of_two_goes_away(lab, receive, radio, second_network):
    """The other one is listened on and heard of as before."""
    running = receive("-i", "eth0", "-i", "eth1")
    assert can_reach(lab[1], second_network[0], running.port)
    ip(lab[0], "link", "set", "eth1", "down")
    time.sleep(FOLLOWS)
    assert can_reach(lab[1], lab[0].ipv4, running.port)
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) as app:
        radio.announce(app)
        assert app.wait_for("register", limit=5)
    ip(lab[0], "link", "set", "eth1", "up")
    wait_until(lambda: can_reach(lab[1], second_network[0], running.port), FOLLOWS, "its return")


BAD = [
    (["-i", "nosuch0"], "no interface that is up fits 'nosuch0'; there are: lo, eth0"),
    (["-i", "10.99.0.0/16"], "no interface that is up fits '10.99.0.0/16'; there are: lo, eth0"),
    (["-i", "10.77.0.0/33"], "'10.77.0.0/33' is no network: behind the slash stands a length"),
    (["-i", "fe80::/"], "'fe80::/' is no network: behind the slash stands a length"),
]


@pytest.mark.parametrize("command", [["receive", "-y"], ["discover"], ["send", "10.77.0.2"]],
                         ids=lambda words: words[0])
@pytest.mark.parametrize("options,text", BAD, ids=lambda value: str(value)[:20])
def test_C1_a_wrong_interface(lab, own_home, tmp_path, command, options, text):
    more = ["--dir", tmp_path / "in"] if command[0] == "receive" else []
    if command[0] == "send":
        more = [make_file(tmp_path / "note.txt", "x")]
    done = run_lsend(*command, *more, *options, home=own_home, netns=lab[0].name)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr


def test_C1_a_port_that_is_taken_at_another_address(lab, own_home, receive, second_network,
                                                    tmp_path):
    """Is free where we listen; taken at ours it is exit 13 with the address."""
    with namespace.open_socket(lab[0].name, socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((second_network[0], PORT))
        taken.listen()
        for name, status in (("eth0", "ok"), ("eth1", "fail")):
            doctor = run_lsend("doctor", "--json", "-i", name, home=own_home, netns=lab[0].name)
            port = [check for check in checks_of(doctor.stdout) if check[0] == "TCP port"]
            assert [check[1] for check in port] == [status], port
        running = receive("-i", "eth0")
        assert can_reach(lab[1], lab[0].ipv4, running.port)
        done = run_lsend("receive", "-y", "--dir", tmp_path / "other", "-i", "eth1",
                         home=own_home, netns=lab[0].name)
        assert done.returncode == 13
        assert f"cannot listen on TCP port {PORT} of {second_network[0]}: Address" in done.stderr


@pytest.mark.parametrize("command", ["discover", "send"])
def test_C2_who_looks_for_others_listens_there_only(lab, own_home, second_network, tmp_path,
                                                    command):
    """Their own server, which the answers come to."""
    words = ["discover", "--watch", "--no-scan"]
    if command == "send":
        words = ["send", "nobody-here", make_file(tmp_path / "note.txt", "x"), "--wait", "30s"]
    with MulticastPeer(second_network[1], lab[1].name) as radio, \
            Program(*words, "-i", "eth1", home=own_home, netns=lab[0].name):
        port = radio.wait_for(lambda message: message["announce"], 10)[2]["port"]
        assert can_reach(lab[1], second_network[0], port)
        assert not can_reach(lab[1], lab[0].ipv4, port)
        assert not can_reach(lab[0], "127.0.0.1", port)


# --- by which way it leaves ----------------------------------------------------------------------


@pytest.mark.parametrize("way,source", [("eth0", "10.77.0.1"), ("eth1", "10.79.0.1"),
                                        ("10.77.0.0/16", "10.77.0.1"), (None, "10.77.0.1")])
def test_C2_send_leaves_by_the_interface(lab, own_home, second_network, tmp_path, way, source):
    """Whatever the routes say: the second host answers for all of its addresses on both cables."""
    path = make_file(tmp_path / "note.txt", "x")
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) as app:
        options = ["-i", way] if way else []
        # The way back: it answers by the cable on which the sender is.
        done = run_lsend("send", *options, f"{lab[1].ipv4}:{app.port}", path, home=own_home,
                         netns=lab[0].name)
        assert done.returncode == 0, done.stderr
        assert {call.source[0] for call in app.calls} == {source}


def test_C2_no_way_by_that_interface(lab, own_home, tmp_path):
    """Nothing leaves by another one; the message says why."""
    path = make_file(tmp_path / "note.txt", "x")
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) as app:
        for target in (f"{lab[1].ipv4}:{app.port}", f"[{lab[1].ipv6}%eth0]:{app.port}"):
            done = run_lsend("send", "-i", "lo", target, path, home=own_home, netns=lab[0].name)
            assert done.returncode == 5, done.stderr
            assert "by what --interface names (lo); name an interface that leads there" \
                in done.stderr
        assert app.connections == 0


def test_C2_an_answer_leaves_by_the_interface(lab, receive, second_network):
    """A receiver that answers an announcement calls from the address that it is limited to."""
    with second_address(lab, "10.77.66.1/24") as source:
        receive("-i", "10.77.66.0/24")
        with MulticastPeer(lab[1].ipv4, lab[1].name) as radio:
            _, heard, _ = radio.wait_for(lambda message: message["announce"], 10)
            assert heard[0] == source
        ip(lab[1], "addr", "add", "10.77.66.2/24", "dev", "eth0")
        try:
            with ReceiverPeer("1.17", host="10.77.66.2", net=lab[1].name) as app, \
                    MulticastPeer("10.77.66.2", lab[1].name) as radio:
                radio.announce(app)
                call, = app.wait_for("register", limit=5)
                assert call.source[0] == source
        finally:
            ip(lab[1], "addr", "del", "10.77.66.2/24", "dev", "eth0")


# --- who can see it ------------------------------------------------------------------------------


def joined(host):
    """Is the host in the IPv4 group of discovery?"""
    return GROUP in host.run("ip", "-4", "maddr", "show", "dev", "eth0").stdout


def test_C2_no_announce_is_reachable_by_address_only(lab, own_home, receive, radio, tmp_path):
    """It announces nothing, answers no announcement by TCP or UDP, joins no group and is in nobody's
    list, but takes what comes to its address."""
    running = receive("--no-announce", port=41234)
    assert not joined(lab[0])
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) as app:
        radio.announce(app)
        found = run_lsend("discover", "--no-scan", "--json", home=tmp_path / "other",
                          netns=lab[1].name)
        assert json.loads(found.stdout)["devices"] == []
        # Then the answer has had its time.
        assert app.of("register") == []
    assert [m for _, _, m in radio.from_others()
            if m["fingerprint"] == running.fingerprint] == []
    done = run_lsend("send", f"{lab[0].ipv4}:{running.port}", make_file(tmp_path / "note.txt", "x"),
                     home=tmp_path / "other", netns=lab[1].name)
    assert done.returncode == 0, done.stderr


def test_C2_with_announcements_it_is_seen(lab, own_home, receive, tmp_path):
    """The same steps with another end: what the test before looks at can be seen."""
    receive(port=41234)
    assert joined(lab[0])
    found = run_lsend("discover", "--no-scan", "--json", home=tmp_path / "other", netns=lab[1].name)
    assert [device["alias"] for device in json.loads(found.stdout)["devices"]] == ["Receiver"]


def test_C2_a_datagram_for_another_address_is_not_for_us(lab, own_home, second_network):
    """--multicast-group: it listens on the group, on its interface, and not on the whole port."""
    with ReceiverPeer("1.17", host="0.0.0.0", net=lab[1].name) as app, \
            MulticastPeer(lab[1].ipv4, lab[1].name) as radio, \
            MulticastPeer(second_network[1], lab[1].name) as other, \
            Program("discover", "--watch", "--json", "--no-scan", "-i", "eth0", home=own_home,
                    netns=lab[0].name) as program:
        radio.wait_for(lambda message: message["announce"], 10)
        with namespace.open_socket(lab[1].name, socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number, address in enumerate((lab[0].ipv4, second_network[0])):
                message = dict(alias=f"Stray {number}", version="2.1", deviceType="mobile",
                               fingerprint="AB" * 31 + f"{number:02X}", port=app.port,
                               protocol="https", announce=True, announcement=True)
                sock.sendto(json.dumps(message).encode(), (address, PORT))
        other.announce(app, alias="Other cable", fingerprint="CD" * 32)
        radio.announce(app, alias="This cable")
        wait_until(lambda: [e for e in program.events() if e["type"] == "device"], what="a device")
        time.sleep(0.5)
        assert {e["alias"] for e in program.events() if e["type"] == "device"} <= {
            "This cable", app.alias}


def test_C2_IPv6_of_another_cable_is_not_heard(lab, own_home, second_network):
    """Also where another program of this host is in the group there."""
    group = "ff12::fd3a:e420"

    def index(host, name):
        return namespace.inside(host.name, lambda: socket.if_nametoindex(name))

    with contextlib.ExitStack() as stack:
        neighbour = stack.enter_context(
            namespace.open_socket(lab[0].name, socket.AF_INET6, socket.SOCK_DGRAM))
        member = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index(lab[0], "eth1"))
        neighbour.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        program = stack.enter_context(
            Program("discover", "--watch", "--json", "--no-scan", "-i", "eth0", home=own_home,
                    netns=lab[0].name))
        mouth = stack.enter_context(
            namespace.open_socket(lab[1].name, socket.AF_INET6, socket.SOCK_DGRAM))

        def names():
            return {e["alias"] for e in program.events() if e["type"] == "device"}

        def announce(name, number, cable):
            message = dict(alias=name, version="2.1", deviceType="mobile", port=9, protocol="https",
                           fingerprint=number * 64, announce=False, announcement=False)
            mouth.sendto(json.dumps(message).encode(), (group, PORT, 0, index(lab[1], cable)))

        def heard():
            # The second cable is new: until its addresses are no longer tentative nothing leaves.
            with contextlib.suppress(OSError):
                announce("Other cable", "A", "eth1")
                announce("This cable", "B", "eth0")
            time.sleep(0.2)
            return "This cable" in names()

        wait_until(heard, what="what comes by its own cable")
        time.sleep(0.5)
        assert names() == {"This cable"}


def test_A4_a_standstill_is_followed_by_one_announcement(lab, own_home, radio, tmp_path,
                                                         plain_lsend):
    """The clock jumps by ten minutes, as for a process that was stopped: one, not ten."""
    faults = Faults(tmp_path, tmp_path / "in")
    with Receiver(tmp_path / "in", home=own_home, netns=lab[0].name, interface=None,
                  env=faults.env, program=plain_lsend) as running:
        def ours():
            return len([m for _, _, m in radio.from_others()
                        if m["fingerprint"] == running.fingerprint])
        wait_until(lambda: ours() == 3, what="the first three")
        faults.set(steady=600)
        wait_until(lambda: ours() > 3, what="the next one")
        time.sleep(2)
        assert ours() == 4


# --- hosts that tell less, and hosts with many bridges -------------------------------------------


@pytest.fixture
def no_netlink():
    """The words in front of a program that may not use AF_NETLINK."""
    if not seccomp.supported():
        pytest.skip("the numbers of this machine's system calls are not known here")
    return seccomp.prefix(socket.AF_NETLINK)


def without_netlink(words, prefix, home, netns, *more):
    with Program(*words, prefix=prefix, home=home, netns=netns, *more) as program:
        return program.wait(), program.stdout(), program.stderr()


def test_E1_receive_without_AF_NETLINK(lab, own_home, no_netlink, receive, radio):
    """It starts, says what it lacks, is found and reached, and keeps --interface."""
    running = receive("-i", "eth0", prefix=no_netlink)
    radio.wait_for(lambda message: message["fingerprint"] == running.fingerprint, 10)
    warnings = [e["message"] for e in running.events() if e["type"] == "warning"]
    assert ("cannot list the network interfaces: Operation not permitted by AF_NETLINK: they are "
            "looked at one by one") in warnings
    assert ready_event(running)["addresses"] == [lab[0].ipv4]
    assert can_reach(lab[1], lab[0].ipv4, running.port)
    assert can_reach(lab[1], f"{lab[0].ipv6}%eth0", running.port)
    assert not can_reach(lab[0], "127.0.0.1", running.port)
    with second_address(lab, "10.66.0.1/24"):
        wait_until(lambda: can_reach(lab[0], "10.66.0.1", running.port), FOLLOWS, "following")


def test_E1_send_to_an_address_without_AF_NETLINK(lab, own_home, no_netlink, tmp_path):
    """An address needs no list of interfaces, and a name is found as well."""
    path = make_file(tmp_path / "note.txt", "x")
    with Receiver(tmp_path / "in", home=tmp_path / "other", netns=lab[1].name, interface=None,
                  alias="Netless") as receiver:
        for target in (f"{lab[1].ipv4}:{receiver.port}", "Netless"):
            code, _, err = without_netlink(["send", target, path], no_netlink, own_home,
                                           lab[0].name)
            assert code == 0, err


def test_E1_doctor_without_AF_NETLINK(lab, own_home, no_netlink):
    _, out, _ = without_netlink(["doctor", "--json"], no_netlink, own_home, lab[0].name)
    (_, lack, why, remedy), (_, there, found, _) = [check for check in checks_of(out)
                                                    if check[0] == "interfaces"]
    assert (lack, there) == ("warn", "ok")
    assert "AF_NETLINK" in why and "AF_NETLINK" in remedy
    assert lab[0].ipv4 in found


@pytest.fixture
def bridges(lab):
    """Ten of them, each with a network as wide as Docker's, and nobody behind it."""
    names = [f"br-{number}" for number in range(10)]
    for number, name in enumerate(names):
        ip(lab[0], "link", "add", name, "type", "bridge")
        ip(lab[0], "addr", "add", f"172.{17 + number}.0.1/16", "dev", name)
        ip(lab[0], "link", "set", name, "up")
        # A port, so that it has a carrier as with a container that is running.
        ip(lab[0], "link", "add", f"p{name}", "type", "veth", "peer", "name", f"q{name}")
        ip(lab[0], "link", "set", f"p{name}", "master", name, "up")
        ip(lab[0], "link", "set", f"q{name}", "up")
    yield names
    for name in names:
        ip(lab[0], "link", "delete", name)
        lab[0].run("ip", "link", "delete", f"p{name}", check=False)


def asked(host, begin):
    """Addresses on bridges that the kernel was asked to look for."""
    table = host.run("ip", "-4", "neigh", "show", "nud", "all").stdout
    return [line for line in table.splitlines() if line.startswith(begin)]


def test_C3_bridges_without_neighbours_are_left_alone(lab, own_home, bridges, tmp_path):
    path = make_file(tmp_path / "note.txt", "x")
    began = time.monotonic()
    done = run_lsend("send", "nobody-here", path, home=own_home, netns=lab[0].name)
    spent = time.monotonic() - began
    assert done.returncode == 3, done.stderr
    assert "no device 'nobody-here' answered" in done.stderr
    assert spent < 25
    assert asked(lab[0], "172.") == []
    assert asked(lab[0], "10.77.0.") != []


def test_C3_who_is_known_to_be_behind_a_bridge_is_asked(lab, own_home, tmp_path):
    """A container that this host has talked to, and not the whole network around it."""
    here = lab[0]
    box = f"{here.name}c"
    subprocess.run(["ip", "netns", "add", box], check=True)
    try:
        ip(here, "link", "add", "docker0", "type", "bridge")
        ip(here, "addr", "add", "172.17.0.1/16", "dev", "docker0")
        ip(here, "link", "set", "docker0", "up")
        ip(here, "link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns", box)
        ip(here, "link", "set", "veth0", "master", "docker0", "up")
        for words in (["addr", "add", "172.17.44.44/16", "dev", "eth0"],
                      ["link", "set", "eth0", "up"]):
            subprocess.run(["ip", "-n", box, *words], check=True)
        with ReceiverPeer("1.17", host="172.17.44.44", port=PORT, net=box, alias="Boxed"):
            assert wait_until(lambda: can_reach(here, "172.17.44.44", PORT), what="the container")
            found = run_lsend("discover", "--scan", "--json", "--timeout", "1s", "-i", "docker0",
                              home=own_home, netns=here.name)
        assert [one["alias"] for one in json.loads(found.stdout)["devices"]] == ["Boxed"]
        assert len(asked(here, "172.")) == 1
    finally:
        here.run("ip", "link", "delete", "docker0", check=False)
        subprocess.run(["ip", "netns", "delete", box], check=False)


LEADING_OUT = {"VLAN": ["link", "eth0", "type", "vlan", "id", "10"], "bond": ["type", "bond"],
               "tunnel": ["type", "vxlan", "id", "7", "dstport", "4789", "remote", "10.77.0.2",
                          "dev", "eth0"],
               "tap": ["tap"], "dummy": ["type", "dummy"]}


@pytest.mark.parametrize("kind", LEADING_OUT)
def test_C3_a_bridge_whose_port_leads_out_is_walked(lab, own_home, kind):
    """By a card that is not the port itself, too; a virtual machine or nothing is no cable."""
    here = lab[0]
    words = LEADING_OUT[kind]
    made = here.run("ip", *(["tuntap", "add", "port0", "mode", "tap"] if kind == "tap" else
                            ["link", "add", *words[:2], "name", "port0", *words[2:]]
                            if words[0] == "link" else ["link", "add", "port0", *words]),
                    check=False)
    if made.returncode:
        pytest.skip(f"this kernel makes no {kind}: {made.stderr.strip()}")
    try:
        ip(here, "link", "add", "vmbr0", "type", "bridge")
        ip(here, "link", "set", "port0", "master", "vmbr0", "up")
        ip(here, "addr", "add", "172.30.0.1/29", "dev", "vmbr0")
        ip(here, "link", "set", "vmbr0", "up")
        run_lsend("discover", "--scan", "--json", "--timeout", "1s", "-i", "vmbr0", home=own_home,
                  netns=here.name)
        assert (asked(here, "172.30.0.") != []) == (kind not in ("tap", "dummy"))
    finally:
        here.run("ip", "link", "delete", "vmbr0", check=False)
        here.run("ip", "link", "delete", "port0", check=False)


def test_C3_discover_sees_a_whole_network_within_its_default_time(lab, own_home, tmp_path):
    """The last address of a /24, where multicast does not reach: the sweep that began is ended."""
    ip(lab[1], "addr", "add", "10.99.0.254/24", "dev", "eth0")
    try:
        with second_address(lab, "10.99.0.1/24"), \
                ReceiverPeer("1.17", host="10.99.0.254", port=PORT, net=lab[1].name, alias="Last"):
            found = run_lsend("discover", "--json", "-i", "10.99.0.0/24", home=own_home,
                              netns=lab[0].name)
        assert [one["alias"] for one in json.loads(found.stdout)["devices"]] == ["Last"]
    finally:
        ip(lab[1], "addr", "del", "10.99.0.254/24", "dev", "eth0")
