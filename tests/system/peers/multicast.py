"""MulticastPeer: announces as an app of its era does, and hears what others announce."""

import contextlib
import json
import socket
import struct
import threading
import time

from peers import namespace

GROUP, PORT = "224.0.0.167", 53317


class MulticastPeer:
    """One interface of one namespace, named by its IPv4 address."""

    def __init__(self, address, net=None):
        self.address, self.net = address, net
        self.heard = []
        self._lock = threading.Lock()
        self._socket = namespace.open_socket(net, socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("0.0.0.0", PORT))
        # Only the group that this socket joined, on the interface where it joined.
        self._socket.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
        membership = socket.inet_aton(GROUP) + socket.inet_aton(address)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._prepare(self._socket)
        self._socket.settimeout(0.2)
        self._closing = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _prepare(self, sock):
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.address))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("b", 1))

    def _listen(self):
        while not self._closing:
            try:
                data, source = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            with self._lock:
                self.heard.append((time.monotonic(), source, data))

    def from_others(self):
        """(time, source, JSON) of what came from other addresses."""
        with self._lock:
            return [(at, source, json.loads(data)) for at, source, data in self.heard
                    if source[0] != self.address]

    def wait_for(self, fits, limit):
        """Waits for a datagram of somebody else whose JSON fits."""
        until = time.monotonic() + limit
        while True:
            for entry in self.from_others():
                if fits(entry[2]):
                    return entry
            assert time.monotonic() < until, f"not heard: {self.from_others()}"
            time.sleep(0.02)

    def send(self, data, ephemeral=True):
        """One datagram: up to 1.17 from any port, 1.18 from the one that is listened on."""
        if isinstance(data, dict):
            data = json.dumps(data).encode()
        if not ephemeral:
            self._socket.sendto(data, (GROUP, PORT))
            return
        with namespace.open_socket(self.net, socket.AF_INET, socket.SOCK_DGRAM) as sock:
            self._prepare(sock)
            sock.sendto(data, (GROUP, PORT))

    def announce(self, receiver, **changes):
        """What the app of `receiver`'s era sends when it starts."""
        message = announcement_of(receiver) | changes
        self.send(message, ephemeral=receiver.era_name != "1.18")
        return message

    def close(self):
        """Stops listening."""
        self._closing = True
        self._thread.join(5)
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def announcement_of(receiver):
    """The datagram of an era: v1 with one flag, 1.9 to 1.17 with both, 1.18 with the new one."""
    message = receiver.device(True)
    if receiver.era_name == "1.8":
        return message | {"fingerprint": receiver.fingerprint, "announcement": True}
    flags = {"announce": True}
    if receiver.era.dart:
        flags["announcement"] = True
    return message | flags
