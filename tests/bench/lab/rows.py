"""The rows of the benchmark. Each gives lines for the table: what lsend did against whom."""

import dataclasses
import os
import shutil
import socket
import subprocess
import time

from lab import network
from lab.meter import BenchError
from lab.programs import (CurlNginx, Lsend, Reference, RsyncDaemon, RsyncSsh, Scp, free_port)
from lab.transfer import median, ratios

MB = 1e6


@dataclasses.dataclass
class Line:
    """One measured figure. `bars` are (name, value) for the plot."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


@dataclasses.dataclass
class Table:
    """A row's programs side by side, and the figures that have a target."""

    title: str
    unit: str
    programs: list  # (name, median seconds, rate, cpu send, cpu receive, peak send, peak receive)
    lines: list


def _big(bench, size):
    path = bench.disk / f"big-{size}.bin"
    if not path.exists():
        with open(path, "wb") as file:
            left = size
            while left:
                block = os.urandom(min(left, 1 << 24))
                file.write(block)
                left -= len(block)
    return path


def _small(bench, count, size=4096):
    folder = bench.memory / f"small-{count}"
    if not folder.exists():
        for index in range(count):
            sub = folder / f"{index // 100:04d}"
            if index % 100 == 0:
                sub.mkdir(parents=True)
            (sub / f"f{index:06d}").write_bytes(os.urandom(size))
    return folder


def _side_by_side(title, unit, samples, amount):
    rows = [(name, median([s.wall for s in list_]), amount / median([s.wall for s in list_]),
             median([s.send_cpu for s in list_]), median([s.receive_cpu for s in list_]),
             max(s.send_peak for s in list_), max(s.receive_peak for s in list_))
            for name, list_ in samples.items()]
    return Table(title, unit, rows, [])


def _against(table, samples, ours, other, target, what=None):
    values = ratios(samples[ours], samples[other])
    value = median(values)
    table.lines.append(Line(what or f"{ours} against {other}",
                            f"{value:.2f}x ({min(values):.2f}-{max(values):.2f})",
                            f">= {target:g}x" if target else "", value >= target if target else None))


def _cpu_a_gigabyte(samples, name, size):
    return median([s.send_cpu + s.receive_cpu for s in samples[name]]) / (size / 1e9)


NO_DIGEST = "lsend, no digest"


def _lsends(bench):
    return (Lsend(bench.lsend, NO_DIGEST, ("--no-checksum",), ("--no-checksum",)),
            Lsend(bench.lsend, "lsend"))


def one_big_file(bench):
    size = (1 << 28) if bench.quick else (1 << 30)
    programs = [*_lsends(bench), Reference(bench.tools), CurlNginx(), Scp(), RsyncDaemon(),
                RsyncSsh()]
    samples = bench.interleaved(programs, _big(bench, size), network.Loopback())
    table = _side_by_side(f"One file of {size >> 20} MiB over loopback", "MB/s", samples, size / MB)
    _against(table, samples, NO_DIGEST, "minimal OpenSSL", 1.0)
    _against(table, samples, NO_DIGEST, "curl into nginx", 1.3)
    _against(table, samples, NO_DIGEST, "scp", 4)
    _against(table, samples, NO_DIGEST, "rsync daemon", None)
    values = [a.wall / b.wall for a, b in zip(samples[NO_DIGEST], samples["lsend"], strict=True)]
    table.lines.append(Line("with SHA-256 at both ends against without",
                            f"{median(values):.2f}x ({min(values):.2f}-{max(values):.2f})",
                            ">= 0.55x", median(values) >= 0.55))
    _against(table, samples, "lsend", "scp", 2, "with SHA-256 at both ends against scp")
    ours, theirs = (_cpu_a_gigabyte(samples, name, size) for name in (NO_DIGEST, "curl into nginx"))
    table.lines.append(Line("CPU seconds a GB, both ends, no digest (curl and nginx)",
                            f"{ours:.2f} ({theirs:.2f})", "<= curl and nginx", ours <= theirs))
    return table


def many_small_files(bench):
    count = 1000 if bench.quick else 10_000
    programs = [Lsend(bench.lsend), Scp(), RsyncSsh(), CurlNginx(), RsyncDaemon()]
    samples = bench.interleaved(programs, _small(bench, count), network.Loopback())
    table = _side_by_side(f"{count} files of 4 KiB over loopback, tmpfs", "files/s", samples, count)
    for other, target in (("scp", 10), ("rsync over ssh", 2.5), ("curl into nginx", 2),
                          ("rsync daemon", 1)):
        _against(table, samples, "lsend", other, target)
    return table


def a_hundred_thousand(bench):
    few, many = (1000, 10_000) if bench.quick else (10_000, 100_000)
    program = Lsend(bench.lsend)
    samples = {}
    for _ in range(max(2, bench.rounds // 2)):
        for count in (few, many):
            sample = bench.transfer(program, _small(bench, count), network.Loopback(), keep=True)
            samples.setdefault(f"lsend, {count} files", []).append((count, sample))
    rows = []
    for name, list_ in samples.items():
        rate = median([count / s.wall for count, s in list_])
        rows.append((name, median([s.wall for _, s in list_]), rate,
                     median([s.send_cpu for _, s in list_]),
                     median([s.receive_cpu for _, s in list_]),
                     max(s.send_peak for _, s in list_), max(s.receive_peak for _, s in list_)))
    table = Table(f"{many} files of 4 KiB in one session, tmpfs", "files/s", rows, [])
    peak = max(rows[1][5], rows[1][6]) / (1 << 20)
    table.lines.append(Line("peak memory of the larger end", f"{peak:.0f} MiB", "< 200 MiB",
                            peak < 200))
    values = [b.wall and (many / b.wall) / (few / a.wall)
              for (_, a), (_, b) in zip(*samples.values(), strict=True)]
    table.lines.append(Line(f"files a second against the run of {few}", f"{median(values):.2f}x",
                            ">= 1x", median(values) >= 0.995))
    return table


def a_gigabit(bench):
    size = (1 << 26) if bench.quick else (1 << 29)
    programs = [Lsend(bench.lsend), CurlNginx(), Scp()]
    with network.wire(1000) as pair:
        samples = bench.interleaved(programs, _big(bench, size), pair)
    table = _side_by_side(f"One file of {size >> 20} MiB over 1 Gbit/s (veth, tbf)", "MB/s", samples,
                          size / MB)
    payload = 1e9 / 8 * network.PAYLOAD_SHARE
    share = median([size / s.wall for s in samples["lsend"]]) / payload
    table.lines.append(Line("of the TCP payload rate of 119.6 MB/s", f"{share:.3f}", ">= 0.97",
                            share >= 0.97))
    return table


def far_away(bench):
    count = 100 if bench.quick else 1000
    programs = [Lsend(bench.lsend), Scp(), RsyncSsh()]
    with network.distance(bench.tools, 10, 0, 100) as pair:
        samples = bench.interleaved(programs, _small(bench, count), pair)
    table = _side_by_side(f"{count} files of 4 KiB over 100 Mbit/s with a round trip of 20 ms",
                          "files/s", samples, count)
    for other in ("scp", "rsync over ssh"):
        _against(table, samples, "lsend", other, None)
    return table


def far_and_lossy(bench):
    size = 1 << (22 if bench.quick else 24)
    programs = [Lsend(bench.lsend), Scp()]
    with network.distance(bench.tools, 10, 1, 100) as pair:
        samples = bench.interleaved(programs, _big(bench, size), pair)
    table = _side_by_side(f"One file of {size >> 20} MiB over 100 Mbit/s, 20 ms, 1 % loss, the "
                          "host's congestion control", "MB/s", samples, size / MB)
    _against(table, samples, "lsend", "scp", None)
    return table


def sixteen_connections(bench):
    size = (1 << 24) if bench.quick else (1 << 26)
    folder = bench.disk / f"sixteen-{size}"
    if not folder.exists():
        folder.mkdir()
        for index in range(16):
            shutil.copyfile(_big(bench, size), folder / f"part{index:02d}.bin")
    program = Lsend(bench.lsend, "lsend, 16 connections", ("-j", "16"))
    samples = bench.interleaved([program], folder, network.Loopback())
    table = _side_by_side(f"16 files of {size >> 20} MiB, 16 connections", "MB/s", samples,
                          16 * size / MB)
    peak = max(table.programs[0][5:7]) / (1 << 20)
    table.lines.append(Line("peak memory of the larger end", f"{peak:.1f} MiB", "<= 24 MiB",
                            peak <= 24))
    return table


def _first_byte(bench, env):
    """Milliseconds from the start of `lsend send` to its first byte at a known address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()
        listener.settimeout(10)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        started = time.perf_counter()
        sender = subprocess.Popen([bench.lsend, "send", "-q", address, __file__, "--port", "0",
                                   "--interface", "lo"], env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(10)
                if not peer.recv(1):
                    raise BenchError("lsend sent nothing to a known address")
            return (time.perf_counter() - started) * 1e3
        finally:
            sender.kill()
            sender.wait()


def _version(bench):
    started = time.perf_counter()
    subprocess.run([bench.lsend, "--version"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1e3


def starting(bench):
    run = type("Home", (), {"keys": bench.keys})
    env = Lsend(bench.lsend).environment(run, "client")
    times = max(20, bench.rounds)
    first = [_first_byte(bench, env) for _ in range(times)]
    # The time to fork and to load a program belongs to no program.
    empty = []
    version = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(["/bin/true"], check=True)
        empty.append((time.perf_counter() - started) * 1e3)
        version.append(_version(bench))
    table = Table("From start to work", "ms", [], [])
    table.lines.append(Line("`lsend send` to the first byte on the wire, known address",
                            f"{median(first):.1f} ms", "< 50 ms", median(first) < 50))
    table.lines.append(Line(f"`lsend --version` (`true`: {median(empty):.1f} ms)",
                            f"{median(version):.1f} ms", "1-3 ms", median(version) <= 3))
    return table


ROWS = {
    "big": one_big_file,
    "small": many_small_files,
    "hundred-thousand": a_hundred_thousand,
    "gigabit": a_gigabit,
    "far": far_away,
    "lossy": far_and_lossy,
    "memory": sixteen_connections,
    "start": starting,
}
