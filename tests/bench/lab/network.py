"""Links between two network namespaces of our own."""

import contextlib
import os
import subprocess

from lab.meter import BenchError

SERVER, CLIENT = "10.79.53.1", "10.79.53.2"
# A frame of 1514 bytes carries 1448 of payload, with TCP's timestamps.
PAYLOAD_SHARE = 1448 / 1514


class Loopback:
    """Both ends on this host, over `lo`."""

    server_ns = client_ns = None
    interface = "lo"
    address = "127.0.0.1"


class Pair:
    """Two namespaces; `server_ns` listens at `address`."""

    interface = "lsb0"
    address = SERVER

    def __init__(self):
        self.server_ns, self.client_ns = (f"lsendbench{os.getpid()}{end}" for end in "sc")


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise BenchError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextlib.contextmanager
def namespaces():
    if os.geteuid() != 0:
        raise BenchError("network namespaces need root")
    pair = Pair()
    names = (pair.server_ns, pair.client_ns)
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        yield pair
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, timeout=20,
                           check=False)


def _address(pair):
    for name, address in ((pair.server_ns, SERVER), (pair.client_ns, CLIENT)):
        _ip("-n", name, "address", "add", f"{address}/24", "dev", pair.interface)
        _ip("-n", name, "link", "set", pair.interface, "up")


@contextlib.contextmanager
def wire(mbit):
    """A cable of so many Mbit/s: veth, each end's sending shaped by tbf."""
    with namespaces() as pair:
        _ip("link", "add", pair.interface, "netns", pair.server_ns, "type", "veth", "peer", "name",
            pair.interface, "netns", pair.client_ns)
        _address(pair)
        for name in (pair.server_ns, pair.client_ns):
            subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", pair.interface, "root", "tbf",
                            "rate", f"{mbit}mbit", "burst", "256kb", "latency", "50ms"],
                           check=True, timeout=20)
        yield pair


@contextlib.contextmanager
def distance(tools, delay_ms, loss_percent, mbit):
    """A far link: the forwarder delays, loses and limits the rate of what passes."""
    with namespaces() as pair:
        with subprocess.Popen([str(tools / "forwarder"), pair.server_ns, pair.client_ns,
                               str(delay_ms), str(loss_percent), str(mbit)],
                              stdout=subprocess.PIPE, text=True) as forwarder:
            try:
                if forwarder.stdout.readline().strip() != "ready":
                    raise BenchError("the forwarder did not start")
                _address(pair)
                yield pair
            finally:
                forwarder.terminate()
                forwarder.wait(10)
