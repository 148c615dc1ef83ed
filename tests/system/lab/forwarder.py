#!/usr/bin/env python3
"""A cable between two network namespaces that fails on request: delay, jitter, loss, duplicates,
reordering, damage, a rate, a size that is swallowed, an outage.

The system tests and the benchmark use the same one. As a module:

    with Forwarder("ns1", "ns2", addresses=("10.78.0.1/24", "10.78.0.2/24")) as cable:
        cable.set(delay=20, loss=1)         # both ways; set(loss=5, to="b") for one of them
        cable.set(down=3)                   # nothing passes for 3 s
        cable.clear()
        cable.counts()                      # {"forwarded": ..., "lost": ..., ...}

As a program, until its standard input ends; its lines are settings, `clear` or `counts`:

    forwarder.py ns1 ns2 --addresses 10.78.0.1/24 10.78.0.2/24 delay=20 rate=100

Settings, each 0 at first:
    delay, jitter   ms one way; each packet takes delay +- jitter and none overtakes another
    loss, duplicate, corrupt    percent; a damaged packet has one bit flipped behind its Ethernet
                                header, so a checksum finds it
    reorder         percent held back by `hold` ms (12), so that others overtake them
    rate            Mbit/s with a queue of `queue` ms (100); what does not fit is lost
    swallow         IP packets of more bytes vanish without a word, as at an MTU black hole
    down            seconds during which nothing passes; 1e9 for good

Needs root, /dev/net/tun and ip(8). The kernel's netem would do all this, where it is built in.
"""

import argparse
import ctypes
import fcntl
import heapq
import itertools
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
ETHERNET = 14
READ_AT_ONCE = 64
DEFAULTS = {"delay": 0.0, "jitter": 0.0, "loss": 0.0, "duplicate": 0.0, "corrupt": 0.0,
            "reorder": 0.0, "hold": 12.0, "rate": 0.0, "queue": 100.0, "swallow": 0.0, "down": 0.0}


class Direction:
    """One way through the cable: what happens to each frame, and when it comes out."""

    def __init__(self, output, chance, counts):
        self.output = output
        self.chance, self.counts = chance, counts
        self.clear()

    def clear(self):
        """As good as new."""
        self.settings = dict(DEFAULTS)
        self.down_until = self.sent_until = self.last = 0.0

    def set(self, now, **changes):
        """Other settings from now on."""
        unknown = set(changes) - set(DEFAULTS)
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        self.settings.update({name: float(value) for name, value in changes.items()})
        if "down" in changes:
            self.down_until = now + self.settings["down"]

    def _happens(self, name):
        percent = self.settings[name]
        return percent > 0 and self.chance.random() * 100 < percent

    def _through_rate(self, frame, now):
        """When its last bit has left, or None where the queue is full."""
        rate = self.settings["rate"]
        if rate <= 0:
            return now
        start = max(self.sent_until, now)
        if start - now > self.settings["queue"] / 1000:
            return None
        self.sent_until = start + len(frame) * 8 / (rate * 1e6)
        return self.sent_until

    def _fate(self, frame, now):
        """Why it is lost, else when it has left this end."""
        swallow = self.settings["swallow"]
        if now < self.down_until:
            return "down", None
        if swallow and len(frame) - ETHERNET > swallow:
            return "swallowed", None
        if self._happens("loss"):
            return "lost", None
        left = self._through_rate(frame, now)
        return ("overflowed" if left is None else None), left

    def _damage(self, frame):
        bit = self.chance.randrange(ETHERNET * 8, len(frame) * 8)
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)

    def take(self, frame, now):
        """(time, frame) for each copy that comes out."""
        why, at = self._fate(frame, now)
        if why:
            self.counts[why] += 1
            return ()
        jitter = self.chance.uniform(-1, 1) * self.settings["jitter"]
        at = self.last = max(at + (self.settings["delay"] + jitter) / 1000, self.last)
        if self._happens("reorder"):
            self.counts["reordered"] += 1
            at += self.settings["hold"] / 1000
        if self._happens("corrupt"):
            self.counts["corrupted"] += 1
            frame = self._damage(frame)
        if self._happens("duplicate"):
            self.counts["duplicated"] += 1
            return ((at, frame), (at, frame))
        return ((at, frame),)


class Cable:
    """Both directions between two TAP devices, and the loop that serves them."""

    def __init__(self, first, second, seed):
        chance = random.Random(seed)
        self.counts = dict.fromkeys(("forwarded", "bytes", "lost", "duplicated", "reordered",
                                     "corrupted", "swallowed", "overflowed", "down"), 0)
        self.ends = {first: Direction(second, chance, self.counts),
                     second: Direction(first, chance, self.counts)}
        self._by_name = {"a": self.ends[second], "b": self.ends[first]}
        self._waiting = []
        self._order = itertools.count()

    def command(self, line):
        """`name=value ...` with an optional `to=a|b`, `clear` or `counts`; gives an answer."""
        words = line.split()
        if words == ["counts"]:
            return self.counts
        if words == ["clear"]:
            for direction in self.ends.values():
                direction.clear()
            return {}
        changes = dict(word.split("=", 1) for word in words)
        to = changes.pop("to", None)
        for direction in [self._by_name[to]] if to else self.ends.values():
            direction.set(time.monotonic(), **changes)
        return {}

    def _obey(self, line):
        try:
            return self.command(line)
        except (ValueError, KeyError) as error:
            return {"error": f"{line}: {error}"}

    def _deliver(self, now):
        while self._waiting and self._waiting[0][0] <= now:
            _, _, output, frame = heapq.heappop(self._waiting)
            try:
                os.write(output, frame)
            except OSError:  # the interface is down: as on a real one, the frame is gone
                self.counts["lost"] += 1
                continue
            self.counts["forwarded"] += 1
            self.counts["bytes"] += len(frame)

    def _collect(self, end):
        direction = self.ends[end]
        for _ in range(READ_AT_ONCE):
            try:
                frame = os.read(end, 65536)
            except OSError:  # nothing more, or the interface is down
                return
            for at, copy in direction.take(frame, time.monotonic()):
                heapq.heappush(self._waiting, (at, next(self._order), direction.output, copy))

    def run(self, orders):
        """Forwards until `orders`, a descriptor, ends."""
        text = b""
        while True:
            now = time.monotonic()
            self._deliver(now)
            limit = max(0.0, self._waiting[0][0] - now) if self._waiting else None
            readable, _, _ = select.select([*self.ends, orders], [], [], limit)
            for descriptor in readable:
                if descriptor != orders:
                    self._collect(descriptor)
                    continue
                data = os.read(orders, 4096)
                if not data:
                    return
                *lines, text = (text + data).split(b"\n")
                for line in lines:
                    print(json.dumps(self._obey(line.decode())), flush=True)


def _enter(namespace):
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
    finally:
        os.close(descriptor)


def _plug(namespace, device, address):
    """A TAP device inside of the namespace, up, with its address; it goes with its descriptor."""
    _enter(namespace)
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))

    def ip(*words):
        subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, timeout=20)

    # Room for a burst while this loop waits for the processor.
    ip("link", "set", device, "txqueuelen", "4000", "up")
    if address:
        ip("address", "add", address, "dev", device)
    return tap


class Forwarder:
    """The cable as a program of its own, so that the caller's work does not slow it down."""

    def __init__(self, first, second, device="eth0", addresses=(), seed=1, **settings):
        command = [sys.executable, os.path.abspath(__file__), str(first), str(second),
                   "--device", device, "--seed", str(seed)]
        if addresses:
            command += ["--addresses", *addresses]
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
        try:
            self._answer()
            self.set(**settings)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answer(self):
        line = self._program.stdout.readline()
        if not line:
            self._program.wait(10)
            raise OSError(f"the forwarder ended: {self._program.stderr.read().strip()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def _order(self, line):
        self._program.stdin.write(line + "\n")
        self._program.stdin.flush()
        return self._answer()

    def set(self, to=None, **settings):
        """Changes settings, both ways or towards "a" or "b" only."""
        if settings:
            words = [f"{name}={value}" for name, value in settings.items()]
            self._order(" ".join(words + ([f"to={to}"] if to else [])))

    def clear(self):
        """A good cable again."""
        self._order("clear")

    def counts(self):
        """What has happened to the frames so far."""
        return self._order("counts")

    def close(self):
        """Pulls the cable out: the devices vanish."""
        self._program.stdin.close()
        try:
            self._program.wait(5)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait(5)
        self._program.stdout.close()
        self._program.stderr.close()


def main():
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="name of a network namespace (end a)")
    parser.add_argument("second", help="name of another one (end b)")
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--device", default="eth0", help="name of the interface at both ends")
    parser.add_argument("--addresses", nargs=2, default=["", ""], metavar=("A", "B"),
                        help="with prefix length: 10.78.0.1/24 10.78.0.2/24")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    try:
        ends = [_plug(namespace, chosen.device, address) for namespace, address in
                zip((chosen.first, chosen.second), chosen.addresses)]
        cable = Cable(*ends, chosen.seed)
        cable.command(" ".join(chosen.settings))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        sys.exit(f"forwarder: {error}")
    print(json.dumps({"ready": True}), flush=True)
    cable.run(sys.stdin.fileno())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
