"""Mutants: requests that were valid once, and bytes that never were."""

import contextlib
import json
import os
import random
import socket
import struct

from peers.hostile import WIRES, Hostile
from peers.sender import File
from peers.wire import Closed

WORDS = [b"\r\n", b"\r\n\r\n", b"\0", b"%00", b"..", b"/", b"\\", b"{", b"}", b"[", b"]", b'"', b":",
         b"-1", b"18446744073709551616", b"9223372036854775807", b"1e400", b"null", b"true",
         b"chunked", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0",
         b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800",
         b"sessionId", b"token", b"fileId", b"v1", b"v2", b"multipart/form-data; boundary=x", b"--x"]


class Mutants:
    """Each step() is one input over TCP, TLS or UDP; sessions are opened and used in between, so
    that mutated uploads and cancels meet a session that runs."""

    def __init__(self, serving, udp_port, seed):
        self._serving, self._udp_port = serving, udp_port
        self._chance = random.Random(seed)
        self._sockets = 0
        self.tried = self.accepted = 0
        self.forget()

    def forget(self):
        """New senders, from addresses of their own: a lock-out of one is not the other's."""
        self._sockets += 1
        self.senders = [Hostile(self._serving.port, era, tls,
                                source=f"127.0.{10 + self._sockets % 200}.{number + 1}")
                        for number, (era, tls) in enumerate(WIRES)]
        for name in self._serving.stored():
            with contextlib.suppress(OSError):
                os.unlink(self._serving.folder / name)

    def step(self):
        """One input."""
        self.tried += 1
        kind = self._chance.random()
        if kind < 0.2:
            return self._datagram()
        sender = self._chance.choice(self.senders)
        with contextlib.suppress(OSError, Closed):
            if kind < 0.3:
                data = self._chance.randbytes(self._chance.randrange(1, 3000))
            else:
                data = self._mutate(self._request(sender))
            if kind < 0.35 and sender.tls:
                with contextlib.closing(sender.open_tcp()) as bare:
                    bare.sendall(data)
                return None
            self._say(sender, data)
        return None

    def _say(self, sender, data):
        """What it is answered is checked by the sender."""
        with sender.connect() as connection:
            connection.socket.settimeout(2)
            connection.send_listening(data)
            if self._chance.random() < 0.5:
                connection.finish()
                with contextlib.suppress(ValueError, json.JSONDecodeError):
                    self.accepted += connection.answer().status == 200

    def _request(self, sender):
        """A valid request of any kind."""
        chance = self._chance
        content = chance.randbytes(chance.randrange(2000))
        file = File(chance.choice(("a", "d/b", "ä.txt")), content,
                    sha256=File("", content).sha256)
        body = json.dumps(sender.offer([file])).encode()
        kind = chance.randrange(6)
        if kind == 0:
            return sender.head("GET", sender.route("info"))
        if kind == 1:
            body = json.dumps(sender.info() | {"fingerprint": sender.fingerprint}).encode()
            return sender.head("POST", sender.route("register"),
                               [("Content-Length", len(body))]) + body
        if kind == 2:
            boundary = b'--x\r\nContent-Disposition: form-data; name="f"; filename="form"\r\n\r\n'
            body = boundary + b"form" + b"\r\n--x--\r\n"
            sender.whole.add(File("", b"form").sha256)
            return sender.head("POST", "/api/send", [
                ("Content-Type", "multipart/form-data; boundary=x"),
                ("Content-Length", len(body))]) + body
        if kind == 3:
            return sender.head("POST", sender.route("prepare"),
                               [("Content-Length", len(body))]) + body
        return self._upload(sender, file)

    def _upload(self, sender, file):
        """Of a session that is opened for it, if the slot is free."""
        session, tokens = "x", {file.id: "y"}
        answer = sender.prepare([file])
        if answer.status == 200:
            reply = answer.json()
            session = reply.get("sessionId")
            tokens = reply if sender.v1 else reply["files"]
        target = sender.upload_target(session, file.id, tokens[file.id])
        if self._chance.random() < 0.3:
            target = sender.route("cancel") + (f"?sessionId={session}" if session else "")
            return sender.head("POST", target, [("Content-Length", 0)])
        if self._chance.random() < 0.5:
            return (sender.head("POST", target, [("Transfer-Encoding", "chunked")]) +
                    b"%x\r\n" % max(1, len(file.data)) + (file.data or b"x") + b"\r\n0\r\n\r\n")
        return sender.head("POST", target, [("Content-Length", len(file.data))]) + file.data

    def _mutate(self, data):
        """A few changes anywhere but in the content of a file, which has to be stored whole."""
        chance, data = self._chance, bytearray(data)
        end = data.find(b"\r\n\r\n")
        binary = b"Transfer-Encoding" in data[:end] or b"/upload" in data[:end] or \
            b"/v1/send?" in data[:end] or b"/api/send" in data[:end]
        # Far enough from the content that no change reaches it.
        limit = end - 24 if binary else len(data)
        for _ in range(chance.randrange(4)):
            if limit < 1:
                break
            place = chance.randrange(limit)
            kind = chance.randrange(5)
            if kind == 0:
                data[place] = chance.randrange(256)
            elif kind == 1:
                del data[place:place + chance.randrange(1, 20)]
            elif kind == 2:
                data[place:place] = chance.choice(WORDS)
            elif kind == 3:
                data[place:place + 4] = chance.choice(WORDS)
            else:
                del data[place:]
            limit = min(limit, len(data))
        return bytes(data)

    def _datagram(self):
        """An announcement that was valid once, or bytes."""
        sender, chance = self._chance.choice(self.senders), self._chance
        told = sender.info() | {"fingerprint": f"{chance.getrandbits(256):064X}", "announce": True,
                                "announcement": True, "port": 1}
        data = json.dumps(told).encode()
        data = chance.randbytes(chance.randrange(1, 1500)) if chance.random() < 0.3 else \
            self._mutate(data)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, \
                contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            struct.pack("=4s4s", b"\0" * 4, socket.inet_aton("127.0.0.1")))
            sock.sendto(data, (chance.choice(("127.0.0.1", "224.0.0.167")), self._udp_port))
