"""One transfer, measured; and rounds of transfers, interleaved."""

import dataclasses
import hashlib
import itertools
import os
import pathlib
import random
import shutil
import statistics
import sys

from lab.meter import BenchError, Metered
from lab.programs import free_port, wait_for

LIMIT = 300.0
_serial = itertools.count(1)


@dataclasses.dataclass
class Run:
    source: pathlib.Path
    target: pathlib.Path
    keys: pathlib.Path
    link: object
    port: int
    ready_file: pathlib.Path


@dataclasses.dataclass
class Sample:
    wall: float
    send_cpu: float
    receive_cpu: float
    send_peak: int
    receive_peak: int


def sizes(folder):
    """Number and bytes of the files below a folder, without lsend's own folder of parts."""
    files = size = 0
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".lsend"]
        files += len(names)
        size += sum(os.stat(os.path.join(root, name)).st_size for name in names)
    return files, size


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Bench:
    """Where files lie and what the programs are called."""

    def __init__(self, tools, work, rounds):
        self.tools, self.work, self.rounds = tools, work, rounds
        self.keys = work / "keys"
        self.keys.mkdir(mode=0o700)

    def transfer(self, program, source, link, *, keep=False):
        """`source` to a fresh folder beside it, from a fresh server; the arrived folder with keep."""
        target = source.parent / f"in{next(_serial)}"
        target.mkdir()
        run = Run(source, target, self.keys, link, free_port(), self.work / "ready")
        program.prepare(run)
        envs = [program.environment(run, end) for end in ("server", "client")]
        with Metered(self.tools, self.work, "server", program.server(run), netns=link.server_ns,
                     env=envs[0]) as server:
            wait_for(program, run, server)
            with Metered(self.tools, self.work, "client", program.client(run),
                         netns=link.client_ns, env=envs[1]) as client:
                sent = client.wait(LIMIT)
                if sent.status:
                    raise BenchError(f"{program.name} ended with {sent.status}: {client.log()} "
                                     f"{server.log()}")
            received = server.stop()
        self._check(program, source, target)
        if not keep:
            # One big file goes at once; many small ones stay until the end, for ext4 makes the
            # next files slowly after so many removals.
            if source.is_file():
                shutil.rmtree(target)
        return Sample(sent.wall, sent.cpu, received.cpu, sent.peak, received.peak)

    def _check(self, program, source, target):
        here = sizes(source) if source.is_dir() else (1, source.stat().st_size)
        there = sizes(target)
        if here != there:
            raise BenchError(f"{program.name}: {there} files and bytes arrived of {here}")
        first = next((path for path in sorted(source.rglob("*")) if path.is_file()), None) \
            if source.is_dir() else None
        if first and _digest(first) != _digest(target / first.relative_to(source.parent)):
            raise BenchError(f"{program.name}: a file arrived damaged")

    def interleaved(self, programs, source, link):
        """A B C, B A C ...: {name: [Sample...]}, after one round that is not counted. Each round has
        an order of its own, the same in each run: nobody always comes after the same one, whose
        file the disk may still be freeing."""
        samples = {program.name: [] for program in programs}
        for turn in range(self.rounds + 1):
            for program in random.Random(turn).sample(programs, len(programs)):
                sample = self.transfer(program, source, link)
                if turn:
                    samples[program.name].append(sample)
                print(f"  {'warm-up' if turn == 0 else f'round {turn}':8} {program.name:24} "
                      f"{sample.wall:8.3f} s  cpu {sample.send_cpu:.2f} + {sample.receive_cpu:.2f}",
                      file=sys.stderr, flush=True)
        return samples


def median(values):
    return statistics.median(values)


def ratios(ours, theirs):
    """How many times as long the other took, round by round."""
    return [b.wall / a.wall for a, b in zip(ours, theirs, strict=True)]
