"""Discovery on a network that wishes us ill: rows S42 to S60 of the reliability catalogue."""

import contextlib
import ipaddress
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unicodedata

import pytest

from lab.files import make_file
from lab.netns import Lab, requires_netns
from lab.process import (Program, Receiver, binary, environment, in_namespace, is_sanitized,
                         run_lsend, wait_until)
from peers import namespace
from peers.multicast import MulticastPeer, announcement_of
from peers.receiver import ReceiverPeer
from peers.sender import SenderPeer
from peers.spoof import Ear, Spoofer, fake, flood

pytestmark = requires_netns
PORT = 53317
MIB = 1 << 20


@pytest.fixture(scope="module")
def lab():
    """lsend on the first host, all evil on the second, which is its way out as well."""
    with Lab(2) as made:
        for host in made:
            # Let in what a host with strict filters would drop for us.
            for scope in ("all", "eth0"):
                host.run("sh", "-c", f"echo 0 > /proc/sys/net/ipv4/conf/{scope}/rp_filter")
        made[0].run("ip", "route", "add", "default", "via", made[1].ipv4)
        yield made


@pytest.fixture
def spoofer(lab):
    with Spoofer(lab[1].ipv4, lab[1].name) as made:
        yield made


@pytest.fixture
def ear(lab):
    with Ear(lab[1].name) as made:
        yield made


@pytest.fixture
def receiver(lab, home, tmp_path, radio):
    """`lsend receive`, heard once; afterwards it is the same process and still answers."""
    with Receiver(tmp_path / "in", home=home("receiver"), netns=lab[0].name, interface=None,
                  port=PORT) as running:
        radio.wait_for(lambda message: message["fingerprint"] == running.fingerprint, 10)
        yield running
        assert running.popen.poll() is None, running.stderr()
        assert answers_info(lab)


@contextlib.contextmanager
def watching(lab, home, radio, *args):
    """`lsend discover --watch`, once it announces itself."""
    known = announcers(radio)
    with Program("discover", "--watch", "--json", "--no-scan", *args, home=home("looker"),
                 netns=lab[0].name) as program:
        wait_until(lambda: announcers(radio) - known, what="an announcement")
        yield program


def announcers(radio):
    """The fingerprints of those who announced themselves so far."""
    return {message["fingerprint"] for _, _, message in radio.from_others()}


def answers_info(lab):
    caller = SenderPeer(PORT, host=lab[0].ipv4, net=lab[1].name)
    return caller.request("GET", "/api/localsend/v2/info").status == 200


def devices(program):
    """{alias: the last that was said of it}"""
    return {e["alias"]: e for e in program.events() if e["type"] == "device"}


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def answered(radio, lab, **options):
    """A good device announces itself and hears from lsend."""
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) as good:
        def try_again():
            radio.announce(good)
            time.sleep(0.3)
            return good.of("register")
        wait_until(try_again, what="an answer to a good announcement", **options)


# --- what cannot be read -------------------------------------------------------------------------

UNREADABLE = [b"", b"\0", b"{", b"null", b"[]", b"7", b"\xff\xfe" * 500, os.urandom(65_507),
              b"[" * 65_507, b'{"a":' * 10_000, b'{"alias":"\xc0\xae"}', b'{"alias":"\\ud800"}',
              *(json.dumps(fake(1, **change)).encode() for change in (
                  {"alias": None}, {"alias": 7}, {"alias": {}}, {"fingerprint": []},
                  {"deviceModel": {"a": 1}}, {"announce": "yes"}, {"download": 3},
                  {"version": {}}, {"deviceType": 9})),
              json.dumps({"fingerprint": "ab" * 32}).encode()]


def test_S42_datagrams_that_cannot_be_read(lab, receiver, radio):
    """S42: dropped without a word; the next good one is answered."""
    before = receiver.stderr()
    for _ in range(3):
        for data in UNREADABLE:
            radio.send(data)
        time.sleep(0.3)
    answered(radio, lab)
    assert receiver.stderr() == before


def test_S42_what_was_dropped_is_counted(lab, receiver, radio, home):
    """S42: in the status line of a receiver, and with -v at the end of discover."""
    with Program("discover", "-v", "--watch", "--no-scan", home=home("looker"),
                 netns=lab[0].name) as looker:
        wait_until(lambda: announcers(radio) - {receiver.fingerprint}, what="the announcement")
        for _ in range(5):
            radio.send(b"no announcement")

        def counted():
            receiver.send_signal(signal.SIGUSR1)
            time.sleep(0.2)
            return "5 datagrams dropped (5 malformed, 0 too many)" in receiver.stderr()
        wait_until(counted, what="the status")
        looker.send_signal(signal.SIGINT)
        looker.wait()
        assert "dropped datagrams: 5 malformed, 0 too many" in looker.stderr()


HOSTILE = ["\x1b]0;owned\x07", "\x1b[2J\x1b[31m", "two\nlines\r", "\u202egnp.exe", "\u2066x",
           "\x9b31m", "bell\x07", "\u2028", "nul\0", "a" * 250, "%n%s{}", "</script>"]


def test_S43_hostile_aliases(lab, home, radio):
    """S43: shown escaped and cut to 64 columns as text, and valid as JSON; one of 60 KB is no
    device."""
    look = ["discover", "--timeout", "4s", "--no-scan"]
    with Program(*look, "--alias", "Text", home=home("text"), netns=lab[0].name) as people, \
            Program(*look, "--json", "--alias", "Json", home=home("json"),
                    netns=lab[0].name) as machine:
        wait_until(lambda: len(announcers(radio)) == 2, what="the announcements of both")
        for number, alias in enumerate(HOSTILE):
            radio.send(fake(number, alias=alias, deviceModel=alias, announce=False,
                            announcement=False))
        radio.send(fake(99, alias="x" * 60_000))
        assert people.wait(20) == 0 and machine.wait(20) == 0
        text = people.stdout()
        listed = json.loads(machine.stdout())["devices"]
    # Each sees the other as well.
    assert sorted(device["alias"] for device in listed if device["alias"] != "Text") == \
        sorted(HOSTILE)
    lines = [line for line in text.removesuffix("\n").split("\n") if "Json" not in line]
    assert len(lines) == len(HOSTILE)
    for line in lines:
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        assert len(line) < 64 + 64 + 60, line


ODD_ENDPOINTS = [{"port": 0}, {"port": -1}, {"port": 70000}, {"port": "53317"}, {"port": 1.5},
                 {"protocol": "file"}, {"protocol": "HTTPS://"}, {"protocol": 7}]


def test_S44_ports_and_protocols_that_cannot_be(lab, home, radio, ear):
    """S44: dropped; a privileged port is listed and never called."""
    with watching(lab, home, radio) as program:
        for number, change in enumerate(ODD_ENDPOINTS):
            radio.send(fake(number, alias=f"odd {number}", **change))
        for number, port in enumerate((22, 80, 443, 1023)):
            radio.send(fake(100 + number, alias=f"port {port}", port=port))
        wait_until(lambda: len(devices(program)) >= 4, what="the four devices")
        time.sleep(1)
        assert set(devices(program)) == {"port 22", "port 80", "port 443", "port 1023"}
    assert not [port for _, port in ear.opened if port < 1024]


# --- who is who ----------------------------------------------------------------------------------


def test_S45_our_own_announcement_from_elsewhere(lab, home, radio, spoofer, ear):
    """S45: whoever repeats it, it is no device, and it is not called."""
    with watching(lab, home, radio) as program:
        ours = radio.from_others()[-1][2]
        for number in range(20):
            spoofer.send(f"10.77.4.{number + 1}", ours | {"alias": "Not You", "port": 40000})
        radio.send(ours)
        time.sleep(1.5)
        assert devices(program) == {}
    assert not [port for _, port in ear.opened if port == 40000]
    assert not {address for address in ear.asked if address.startswith("10.77.4.")}


def test_S46_one_fingerprint_from_fifty_addresses(lab, home, radio, spoofer):
    """S46: one device, eight addresses at most."""
    with watching(lab, home, radio) as program:
        for number in range(50):
            spoofer.send(f"10.77.5.{number + 1}", fake(1, announce=False, announcement=False))
            time.sleep(0.03)
        wait_until(lambda: "Fake 1" in devices(program), what="the device")
        time.sleep(0.5)
        found = [e for e in program.events() if e["type"] == "device" and e["event"] == "found"]
        assert len(found) == 1
        assert len(devices(program)["Fake 1"]["endpoints"]) == 8


def test_S51_a_claim_that_the_certificate_denies(lab, home, radio):
    """S51: whoever announces another's fingerprint is never called verified."""
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name, alias="Impostor") as one:
        with watching(lab, home, radio) as program:
            radio.announce(one, fingerprint="CD" * 32)
            wait_until(lambda: one.connections, what="a call")
            time.sleep(1)
            said = [e for e in program.events() if e["type"] == "device"]
        assert one.calls == []
    assert said and not [e for e in said if e["verified"]]


# --- floods --------------------------------------------------------------------------------------


def test_S47_a_flood_of_announcements(lab, receiver, radio):
    """S47: little of our time and memory, others are served meanwhile, and afterwards all is as
    it was."""
    memory = resident(receiver.pid)
    sent = []
    thread = threading.Thread(target=lambda: sent.append(flood(lab[1].name, lab[1].ipv4, 4)))
    thread.start()
    time.sleep(0.5)
    began, used = time.monotonic(), processor_seconds(receiver.pid)
    latencies = []
    while time.monotonic() - began < 3:
        asked = time.monotonic()
        assert answers_info(lab)
        latencies.append(time.monotonic() - asked)
        time.sleep(0.3)
    share = (processor_seconds(receiver.pid) - used) / (time.monotonic() - began)
    thread.join(30)
    assert sent[0] > 5_000
    assert max(latencies) < 2
    if not is_sanitized():
        assert share < 0.2, f"{share:.0%} of a processor at {sent[0] / 4:.0f} datagrams a second"
        assert resident(receiver.pid) - memory < 8 * MIB
    answered(radio, lab)


def test_S47_a_flood_from_spoofed_addresses_calls_few(lab, receiver, radio, ear):
    """S47, S49: from ten thousand addresses: ten calls a second at most."""
    flood(lab[1].name, lab[1].ipv4, 3, spoofed=True)
    called = {address for address in ear.contacts()
              if ipaddress.ip_address(address) in ipaddress.ip_network("10.77.128.0/17")}
    assert 5 <= len(called) <= 10 + 10 * 4
    answered(radio, lab)


@pytest.fixture
def many_addresses(lab):
    """Sixty addresses of the second host."""
    addresses = [f"10.77.60.{number}" for number in range(1, 61)]
    for action in ("add", "del"):
        for address in addresses:
            lab[1].run("ip", "address", action, f"{address}/16", "dev", "eth0")
        if action == "add":
            yield addresses


def register_fakes(lab, port, addresses, each, first=1):
    """A register of `each` devices that do not exist from each address, no more than an address may;
    how many were answered. `first` is the number of the first device."""
    count = 0
    for number, source in enumerate(addresses):
        peer = SenderPeer(port, tls=False, host=lab[0].ipv4, net=lab[1].name, source=source)
        with peer.connect() as connection:
            for index in range(each):
                body = fake(first + number * each + index)
                answer = peer.request("POST", "/api/localsend/v2/register", body,
                                      connection=connection)
                count += answer.status == 200
    return count


def test_S48_more_devices_than_a_table_holds(lab, home, radio, many_addresses):
    """S48: 1000 are kept, memory stays flat, and the text says that there were more."""
    with Program("discover", "--json", "--http", "--timeout", "8s", "--no-scan",
                 home=home("looker"), netns=lab[0].name) as program:
        _, _, message = radio.wait_for(lambda m: m["protocol"] == "http", 10)
        assert register_fakes(lab, message["port"], many_addresses[:30], 18) > 500
        half = resident(program.pid)
        assert register_fakes(lab, message["port"], many_addresses[30:], 18) > 500
        full = resident(program.pid)
        code = program.wait(30)
        listed, said = json.loads(program.stdout())["devices"], program.stderr()
    assert code == 0
    assert len(listed) <= 1000
    if not is_sanitized():
        assert full - half < 4 * MIB


def test_S48_ten_thousand_devices_at_a_receiver(lab, home, tmp_path, radio, many_addresses):
    """S48: 10,000 registers: some 200 are kept; memory does not grow after them."""
    with Receiver(tmp_path / "in", "--http", home=home("receiver"), netns=lab[0].name,
                  interface=None, port=PORT) as running:
        first = 0
        for turn in range(10):
            count = register_fakes(lab, PORT, many_addresses, 18, 1 + turn * 1080)
            assert count == 1080
            first = first or resident(running.pid)
            time.sleep(1)
        grown = resident(running.pid) - first
    if not is_sanitized():
        assert grown < 2 * MIB


# --- where we are made to call -------------------------------------------------------------------

NEVER = ["8.8.8.8", "192.168.1.1", "127.0.0.1", "224.0.0.1", "239.1.2.3", "10.77.255.255",
         "10.77.0.0", "255.255.255.255", "169.254.169.254"]


def test_S49_only_neighbours_are_called(lab, receiver, radio, spoofer, ear):
    """S49: a spoofed source in our network is asked for; no other is, whatever it is."""
    for number, address in enumerate(NEVER):
        for _ in range(2):
            spoofer.send(address, fake(number))
            time.sleep(0.05)
    spoofer.send(lab[0].ipv4, fake(50))
    spoofer.send("10.77.5.5", fake(51))
    wait_until(lambda: "10.77.5.5" in ear.contacts(), what="a call of a neighbour")
    time.sleep(1)
    assert not ear.contacts() & set(NEVER)
    assert not [entry for entry in ear.opened if entry[1] == 40000]


def test_S49_one_address_is_called_now_and_then(lab, receiver, spoofer, radio, ear):
    """S49: sixty announcements within three seconds: four calls, and one more a second."""
    with namespace.open_socket(lab[1].name, socket.AF_INET, socket.SOCK_STREAM) as victim:
        victim.bind((lab[1].ipv4, 40000))
        victim.listen(100)
        began = time.monotonic()
        for number in range(60):
            spoofer.send(lab[1].ipv4, fake(number))
            time.sleep(0.05)
        time.sleep(2.5)
        seconds = time.monotonic() - began
    calls = [entry for entry in ear.opened if entry == (lab[1].ipv4, 40000)]
    assert 1 <= len(calls) <= 4 + seconds


def test_S49_nobody_is_called_twice_for_one_announcement(lab, receiver, radio, ear):
    """S49: one request, no retries, when nobody listens there."""
    radio.send(fake(1, port=40001))
    wait_until(lambda: (lab[1].ipv4, 40001) in ear.opened, what="a call")
    time.sleep(2.5)
    assert ear.opened.count((lab[1].ipv4, 40001)) == 1


# --- what the called ones answer -----------------------------------------------------------------


def dripping(exchange):
    """A byte now and then, for ever."""
    exchange.read()
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not exchange.peer.closing:
        exchange.raw(b" ")
        time.sleep(0.1)


def dripping_head(exchange):
    exchange.read()
    exchange.raw(b"HTTP/1.1 200 OK\r\n")
    while not exchange.peer.closing:
        exchange.raw(b"A: b\r\n")
        time.sleep(0.1)


def endless(exchange):
    exchange.read()
    exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not exchange.peer.closing:
        exchange.raw(b"1000\r\n" + b" " * 4096 + b"\r\n")
        exchange.call.size += 4096


def silent(exchange):
    exchange.read()
    exchange.wait_until_gone()
    return True


@pytest.mark.parametrize("answer", [dripping, dripping_head, endless, silent],
                         ids=lambda answer: answer.__name__)
def test_S50_a_called_device_that_never_ends(lab, receiver, radio, answer):
    """S50: after 2 s, or 64 KiB, we are gone."""
    ended = []

    def act(exchange):
        try:
            return answer(exchange)
        finally:
            ended.append(time.monotonic())

    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name, behave={"register": act}) as one:
        began = time.monotonic()
        radio.announce(one)
        wait_until(lambda: ended, 10, "the end of the call")
        assert ended[0] - began < 3
        time.sleep(0.5)
        assert len(one.of("register")) == 1
        if answer is endless:
            assert one.of("register")[0].size < 8 * MIB


def test_S50_a_redirect_is_not_followed(lab, receiver, radio):
    """S50: 307 to another server: that one hears nothing."""
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name) as other:
        def away(exchange):
            exchange.read()
            location = f"{other.url}/api/localsend/v2/register"
            exchange.answer(307, b"", fields=(("Location", location),))
            return True
        with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name, name="second",
                          behave={"register": away}) as one:
            radio.announce(one)
            one.wait_for("register")
            time.sleep(1)
        assert other.connections == 0


# --- interfaces ----------------------------------------------------------------------------------


def test_S52_no_network_at_all(lab, home, tmp_path, lsend):
    """S52: nothing but loopback: a message, an empty list, and `receive` waits for better days."""
    with Lab(1) as alone:
        alone[0].run("ip", "link", "set", "eth0", "down")
        done = run_lsend("discover", "--timeout", "1s", home=home("looker"), netns=alone[0])
        assert done.returncode == 0, done.stderr
        assert "multicast" in done.stderr
        with Receiver(tmp_path / "in", home=home("receiver"), netns=alone[0].name,
                      interface=None, port=PORT) as running:
            alone[0].run("ip", "link", "set", "eth0", "up")
            alone[0].wait_for_ipv6()
            with MulticastPeer(alone[0].ipv4, alone[0].name) as radio:
                wait_until(lambda: [1 for _, _, data in radio.heard
                                    if running.fingerprint.encode() in data], 12,
                           "an announcement on the interface that came up")


@pytest.fixture
def odd_interfaces(lab):
    """What a server of containers and a laptop with a VPN have besides eth0."""
    host = lab[0]
    made = [("docker0", "type", "bridge"), ("away0", "type", "bridge"), ("bare0", "type", "bridge")]
    for name, *kind in made:
        host.run("ip", "link", "add", name, *kind)
    host.run("ip", "address", "add", "172.17.0.1/16", "dev", "docker0")
    host.run("ip", "link", "set", "docker0", "up")
    host.run("ip", "address", "add", "10.99.0.1/24", "dev", "away0")
    host.run("ip", "link", "set", "bare0", "up", "multicast", "off")
    host.run("ip", "tuntap", "add", "tun7", "mode", "tun")
    host.run("ip", "address", "add", "10.8.0.2", "peer", "10.8.0.1", "dev", "tun7")
    host.run("ip", "link", "set", "tun7", "up")
    yield
    for name in ("docker0", "away0", "bare0", "tun7"):
        host.run("ip", "link", "delete", name)


def test_S53_odd_interfaces_do_no_harm(lab, home, radio, odd_interfaces, receiver):
    """S53: a bridge without a cable, one that is down, one without multicast, a tunnel: devices on
    eth0 are found as ever, and nothing is said."""
    answered(radio, lab)
    with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name, alias="Real") as one:
        with watching(lab, home, radio) as program:
            radio.announce(one)
            wait_until(lambda: "Real" in devices(program), what="the device")
            assert "multicast" not in program.stderr()
    assert "no multicast" not in receiver.stderr()


def test_S55_the_UDP_port_is_taken_by_who_does_not_share(lab, home, radio, ear):
    """S55: said once; the sweep finds what multicast cannot."""
    with contextlib.ExitStack() as stack:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            taken = stack.enter_context(namespace.open_socket(lab[0].name, family,
                                                              socket.SOCK_DGRAM))
            if family == socket.AF_INET6:
                taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken.bind((address, PORT))
        stack.enter_context(ReceiverPeer("1.17", host=lab[1].ipv4, port=PORT, net=lab[1].name,
                                         alias="Swept"))
        done = run_lsend("discover", "--json", "--scan=10.77.0.0/28", "--timeout", "2s",
                         home=home("looker"), netns=lab[0].name)
    assert done.returncode == 0, done.stderr
    assert [device["alias"] for device in json.loads(done.stdout)["devices"]] == ["Swept"]
    assert "in use" in done.stderr


def test_S55_beside_an_app_of_the_same_host(lab, home, tmp_path, radio):
    """S55: an app has UDP 53317 (shared) and TCP 53317: both hear the network; `discover` and
    `send` listen elsewhere and say so in their announcement; `receive` ends with 13."""
    with MulticastPeer(lab[0].ipv4, lab[0].name) as app, \
            ReceiverPeer("1.17", host="0.0.0.0", port=PORT, net=lab[0].name):
        refused = run_lsend("receive", "--auto-accept", "--dir", tmp_path / "in",
                            home=home("receiver"), netns=lab[0].name)
        assert refused.returncode == 13, refused.stderr
        with ReceiverPeer("1.17", host=lab[1].ipv4, net=lab[1].name, alias="Heard") as one:
            with watching(lab, home, radio) as program:
                radio.announce(one)
                wait_until(lambda: "Heard" in devices(program), what="the device")
                one.wait_for("register")
            assert one.of("register")[0].json()["port"] not in (PORT, 0)
            announced = {message["port"] for _, source, message in radio.from_others()}
            assert announced and PORT not in announced
            assert [1 for _, _, data in app.heard if b"Heard" in data]


# --- the sweep -----------------------------------------------------------------------------------


@pytest.mark.parametrize("network, code", [("10.0.0.0/8", 2), ("0.0.0.0/0", 2), ("nonsense", 2),
                                           ("10.77.0.0/33", 2), ("fe80::/64", 2)])
def test_S57_networks_that_are_too_large(lab, home, network, code):
    """S57: refused with a sentence before anything is sent."""
    done = run_lsend("discover", f"--scan={network}", "--timeout", "1s", home=home("looker"),
                     netns=lab[0].name)
    assert done.returncode == code, done.stderr
    assert network in done.stderr


def test_S57_a_sweep_of_a_large_network_stays_near_and_slow(lab, home, ear):
    """S57: in a /16 the 4096 addresses around ours, 50 at a time."""
    began = time.monotonic()
    done = run_lsend("discover", "--timeout", "3s", home=home("looker"), netns=lab[0].name)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    own = int(ipaddress.ip_address(lab[0].ipv4))
    asked = {int(ipaddress.ip_address(address)) for address in ear.contacts()} - {own}
    assert asked
    assert all(abs(address - own) <= 4096 for address in asked)
    assert len(asked) <= 50 * (1 + seconds / 0.4)


def serve_trap(sock, answer, release):
    """Gives every caller the same, until the test ends."""
    def one(caller):
        with contextlib.suppress(OSError), caller:
            caller.settimeout(20)
            answer(caller)
            release.wait(20)

    def loop():
        while True:
            try:
                caller, _ = sock.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(caller,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def says(data, again=0):
    def act(caller):
        if data:
            caller.recv(65536)
            caller.sendall(data)
        for _ in range(again):
            caller.sendall(data)
    return act


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"
TRAPS = {
    "silent": says(b""),
    "portal": says(HTML),
    "redirect": says(b"HTTP/1.1 302 Found\r\nLocation: http://10.77.0.2:8080/login\r\n"
                     b"Content-Length: 0\r\n\r\n"),
    "printer": says(b"220 JetDirect ready\r\n"),
    "binary": says(b"\0\1\2\3" * 1000, 100),
    "endless": says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 60_000, 1000),
    "closes": lambda caller: caller.shutdown(socket.SHUT_RDWR),
}


def test_S58_what_a_sweep_meets(lab, home, radio):
    """S58: printers, portals and tar pits are no devices and hold nothing up; the one that is a
    device is found among them."""
    release = threading.Event()
    addresses = [f"10.77.61.{number}" for number in range(1, len(TRAPS) + 2)]
    with contextlib.ExitStack() as stack:
        stack.callback(release.set)
        for address in addresses:
            lab[1].run("ip", "address", "add", f"{address}/16", "dev", "eth0")
            stack.callback(lab[1].run, "ip", "address", "del", f"{address}/16", "dev", "eth0")
        for address, answer in zip(addresses, TRAPS.values()):
            trap = stack.enter_context(namespace.open_socket(lab[1].name, socket.AF_INET,
                                                             socket.SOCK_STREAM))
            trap.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trap.bind((address, PORT))
            trap.listen(20)
            stack.callback(trap.shutdown, socket.SHUT_RDWR)
            serve_trap(trap, answer, release)
        stack.enter_context(ReceiverPeer("1.17", host=addresses[-1], port=PORT, net=lab[1].name,
                                         alias="Among Them"))
        with Program("discover", "--json", "--scan=10.77.61.0/28", "--timeout", "1s",
                     home=home("looker"), netns=lab[0].name) as program:
            began = time.monotonic()
            assert program.wait(30) == 0, program.stderr()
            seconds = time.monotonic() - began
            peak = program.peak_memory()
            listed = [device["alias"] for device in json.loads(program.stdout())["devices"]]
    assert listed == ["Among Them"]
    assert seconds < 8
    if not is_sanitized():
        assert peak < 40 * MIB


def test_S59_a_v1_device_proves_nothing(lab, home, radio):
    """S59: listed as v1, over HTTPS too, and never as verified."""
    with ReceiverPeer("1.8", host=lab[1].ipv4, port=PORT, net=lab[1].name, alias="Old") as one:
        with watching(lab, home, radio) as program:
            radio.announce(one)
            one.wait_for("register")
            wait_until(lambda: "Old" in devices(program), what="the device")
            time.sleep(0.5)
            device = devices(program)["Old"]
    assert device["version"] == "1.0"
    assert not device["verified"]


# --- the end of a search -------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--json"], ["--watch", "--json"], ["--watch"]],
                         ids=" ".join)
def test_S60_nobody_reads_any_more(lab, home, radio, options):
    """S60: `discover | head -1`: the end of the pipe is a good end."""
    read, write = os.pipe()
    command = in_namespace(lab[0].name, [binary(), "discover", "--no-scan",
                                         *(["--timeout", "2s"] if "--watch" not in options else []),
                                         *options])
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write,
                               stderr=subprocess.PIPE, env=environment(home("looker"), None, True))
    try:
        os.close(write)
        os.close(read)
        until = time.monotonic() + 10
        while program.poll() is None and time.monotonic() < until:
            radio.send(fake(1, announce=False, announcement=False))
            time.sleep(0.2)
        assert program.poll() == 0, program.stderr.read()
    finally:
        program.kill()
        program.wait(10)
        program.stderr.close()


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_S60_interrupted(lab, home, radio, options):
    """S60: 130 within two seconds, and what was found so far is there."""
    with Program("discover", "--no-scan", "--timeout", "30s", *options, home=home("looker"),
                 netns=lab[0].name) as program:
        wait_until(lambda: radio.from_others(), what="an announcement")
        radio.send(fake(1, announce=False, announcement=False))
        time.sleep(0.5)
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 130
        assert time.monotonic() - began < 2
        assert "Fake 1" in program.stdout()


def test_S60_no_time_at_all(home, lsend):
    """S60: --timeout 0 is a mistake."""
    done = run_lsend("discover", "--timeout", "0", home=home("looker"))
    assert done.returncode == 2
    assert "--timeout" in done.stderr
