"""Datagrams from addresses that are not ours, floods of them, and an ear for what they cause."""

import ipaddress
import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

from peers import namespace
from peers.multicast import GROUP, PORT

ETH_P_ALL, ETH_P_IP, ETH_P_ARP = 3, 0x0800, 0x0806
SYN, ACK = 0x02, 0x10


def fake(number, **changes):
    """An announcement of a device that does not exist."""
    return {"alias": f"Fake {number}", "version": "2.1", "deviceModel": None,
            "deviceType": "desktop", "fingerprint": f"{number:064X}", "port": 40000,
            "protocol": "https", "download": False, "announce": True,
            "announcement": True} | changes


def packet(source, message):
    """An IPv4 packet with a datagram to the group; the kernel fills in length and checksum."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    datagram = struct.pack("!HHHH", PORT, PORT, 8 + len(data), 0) + data
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 1, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(source), socket.inet_aton(GROUP)) + datagram


class Spoofer:
    """Sends from any IPv4 address out of one interface, named by its own address."""

    def __init__(self, address, net):
        self._socket = namespace.inside(net, lambda: socket.socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                socket.inet_aton(address))

    def send(self, source, message):
        """One datagram."""
        self._socket.sendto(packet(source, message), (GROUP, 0))

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Ear:
    """All that arrives at one interface of a namespace: TCP connections that are opened, and
    addresses that somebody asks for by ARP."""

    def __init__(self, net, device="eth0"):
        self.opened, self.asked = [], []
        self._socket = namespace.inside(net, lambda: socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)))
        self._socket.bind((device, 0))
        self._socket.settimeout(0.1)
        self._closing = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while not self._closing:
            try:
                frame, about = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if about[2] == socket.PACKET_OUTGOING:
                continue
            kind, = struct.unpack_from("!H", frame, 12)
            if kind == ETH_P_ARP and frame[20:22] == b"\0\1":
                self.asked.append(socket.inet_ntoa(frame[38:42]))
            elif kind == ETH_P_IP and frame[23] == socket.IPPROTO_TCP:
                start = 14 + (frame[14] & 15) * 4
                if frame[start + 13] & (SYN | ACK) == SYN:
                    port, = struct.unpack_from("!H", frame, start + 2)
                    self.opened.append((socket.inet_ntoa(frame[30:34]), port))

    def contacts(self):
        """Every address that was asked for or connected to."""
        return set(self.asked) | {address for address, _ in self.opened}

    def close(self):
        """Stops listening."""
        self._closing = True
        self._thread.join(5)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def flood(net, address, seconds, spoofed=False):
    """As many announcements as this machine can send, by a program of its own; how many they
    were. `spoofed`: each from another address of 10.77.128.0/17."""
    here = pathlib.Path(__file__).resolve().parents[1]
    done = subprocess.run(["ip", "netns", "exec", str(net), sys.executable, "-m", "peers.spoof",
                           address, str(seconds), str(int(spoofed))], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=seconds + 30, cwd=here)
    return int(done.stdout)


def _flood(address, seconds, spoofed):
    first = int(ipaddress.ip_address("10.77.128.1"))
    packets = [packet(str(ipaddress.ip_address(first + number)) if spoofed else address,
                      fake(number)) for number in range(10_000)]
    count, until = 0, time.monotonic() + seconds
    with Spoofer(address, None) as spoofer:
        while time.monotonic() < until:
            for data in packets[count % 10_000:count % 10_000 + 100]:
                spoofer._socket.sendto(data, (GROUP, 0))
            count += 100
    return count


if __name__ == "__main__":
    print(_flood(sys.argv[1], float(sys.argv[2]), sys.argv[3] == "1"))
