"""Long runs against lsend; scripts/torture builds what they need and calls them.

Each run is bounded by --minutes and gives rows of a table; a row that is bad fails the whole."""

import argparse
import contextlib
import os
import pathlib
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lab import process, shim
from lab.fault_rounds import ERRORS, FaultRounds
from lab.kills import Rounds
from lab.wellbeing import Guard
from peers.hostile import Hostile
from peers.mutants import Mutants
from peers.sender import File

ROOT = process.ROOT
IDLE = 10_000


class Table:
    """Figures, and whether each is as it has to be."""

    def __init__(self):
        self.rows, self.bad = [], False

    def add(self, what, figure, good=True):
        self.rows.append((what, f"{figure:,}" if isinstance(figure, int) else str(figure), good))
        self.bad = self.bad or not good
        print(f"torture: {what}: {self.rows[-1][1]}{'' if good else '  BAD'}", file=sys.stderr)

    def show(self):
        width = max(len(what) for what, _, _ in self.rows)
        for what, figure, good in self.rows:
            print(f"{what:{width}}  {figure:>16}  {'' if good else 'BAD'}".rstrip())


class Ground:
    """A folder and an identity for one run, and the program that it is about."""

    def __init__(self, program):
        os.environ["LSEND_BINARY"] = str(program)
        self._folder = tempfile.TemporaryDirectory(prefix="lsend-torture-")
        self.folder = pathlib.Path(self._folder.name)
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o700)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        process.discard_all()
        self._folder.cleanup()


# --- the runs ------------------------------------------------------------------------------------


def fuzz(table, options, deadline):
    """All fuzz targets, one after another, by scripts/fuzz.sh."""
    targets = len(list((ROOT / "tests" / "fuzz" / "corpus").iterdir()))
    seconds = max(1, int((deadline - time.monotonic()) / targets))
    done = subprocess.run([ROOT / "scripts" / "fuzz.sh", str(seconds)], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=seconds * targets * 2 + 3600)
    lines = [line.split() for line in done.stdout.splitlines()[1:]]
    counts = [words for words in lines if len(words) == 4 and words[1].isdigit()]
    if not counts:
        print(done.stderr[-3000:], file=sys.stderr)
    table.add("fuzz targets", len(counts), bool(counts))
    table.add("fuzz executions", sum(int(words[1]) for words in counts), bool(counts))
    table.add("fuzz crashes", sum(int(words[3]) for words in counts), done.returncode == 0)


def hostile(table, options, deadline):
    """Mutated requests and random bytes over TCP, TLS and UDP against a build with sanitizers."""
    with Ground(options.sanitized) as ground:
        folder = ground.folder / "in"
        with Guard(folder, "--http", "--multicast-port", options.udp_port, home=ground.home,
                   room=folder) as serving:
            mutants = Mutants(serving, options.udp_port, options.seed)
            slowest = 0.0
            next_look = 0
            while time.monotonic() < deadline:
                mutants.step()
                if mutants.tried >= next_look:
                    next_look = mutants.tried + 500
                    slowest = max(slowest, latency(serving))
                    serving.check(*mutants.senders)
                    mutants.forget()
            table.add("hostile inputs", mutants.tried, mutants.tried > 0)
            table.add("  of them accepted (200)", mutants.accepted)
            table.add("  receiver the same process", "yes", serving.popen.poll() is None)
            table.add("  slowest /info, ms", round(slowest * 1000), slowest < 5)
            findings = len(re.findall("ERROR: .*Sanitizer|runtime error:", serving.stderr()))
            code = serving.stop(expect=None)
            findings += code not in (0, 143)
        table.add("sanitizer findings", findings, findings == 0)


def latency(serving):
    """Seconds that /info takes on a connection of its own."""
    begun = time.monotonic()
    sender = Hostile(serving.port, tls=False, source="127.0.9.9")
    assert sender.request("GET", sender.route("info")).status == 200
    return time.monotonic() - begun


def kills(table, options, deadline):
    """kill -9 in the middle of transfers."""
    with Ground(options.plain) as ground:
        rounds = Rounds(ground.folder / "in", ground.home, options.seed)
        rounds.run(sys.maxsize, deadline)
        table.add("kill -9 rounds", rounds.rounds, rounds.rounds > 0)
        table.add("  transfers cut in two", rounds.cut)
        table.add("  files acknowledged", rounds.acknowledged, rounds.acknowledged > 0)
        table.add("  partial files", rounds.partial, rounds.partial == 0)


def faults(table, options, deadline):
    """Each call that touches the folder fails, in any order."""
    with Ground(options.plain) as ground:
        folder, chance = ground.folder / "in", random.Random(options.seed)
        injected, failed = 0, set()
        while time.monotonic() < deadline:
            control = shim.Faults(ground.folder, folder)
            with Guard(folder, "--http", home=ground.home, room=folder,
                       env=control.env) as serving:
                sender = Hostile(serving.port, chance.choice(("1.17", "1.8")), tls=False)
                rounds = FaultRounds(serving, sender, control)
                for _ in range(200):
                    if time.monotonic() > deadline:
                        break
                    rounds.fail(chance.randrange(1, rounds.calls + 1), chance.choice(ERRORS))
                    injected += 1
                failed |= rounds.failed
                for part in serving.parts():
                    (folder / part).unlink()
                serving.check(sender)
            subprocess.run(["rm", "-rf", folder], check=True)
        table.add("calls made to fail", injected, injected > 0)
        table.add("  kinds of calls", len(failed - {""}), bool(failed))


def idle(table, options, deadline):
    """Ten thousand connections that say nothing, held while others are served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(IDLE, hard - 300)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 200, hard))
    try:
        with Ground(options.plain) as ground, contextlib.ExitStack() as stack:
            folder = ground.folder / "in"
            serving = stack.enter_context(Guard(
                folder, "--http", "--max-connections", min(wanted + 200, 20_000),
                home=ground.home, room=folder))
            empty = resident(serving.pid)
            links = []
            for number in range(wanted):
                sock = socket.socket()
                stack.enter_context(sock)
                sock.bind((f"127.1.{number % 200 + 1}.{number // 12_800 + 1}", 0))
                sock.settimeout(20)
                sock.connect(("127.0.0.1", serving.port))
                links.append(sock)
                if time.monotonic() > deadline:
                    break
            # Soon: who says nothing at all is closed ten seconds after it was accepted.
            with contextlib.suppress(TimeoutError):
                process.wait_until(lambda: open_descriptors(serving.pid) >= len(links), 5)
            held = open_descriptors(serving.pid)
            full = resident(serving.pid)
            times = sorted(latency(serving) for _ in range(50))
            held = min(held, open_descriptors(serving.pid))
            sent = transfer_time(serving)
            table.add("idle connections held", min(held, len(links)), held >= wanted * 0.98)
            table.add("  memory, MB", round(full / 1e6, 1), full < 1_500_000_000)
            table.add("  each, KB", round((full - empty) / max(1, len(links)) / 1e3, 1))
            table.add("  /info median, ms", round(times[25] * 1000, 2), times[25] < 2)
            table.add("  /info slowest, ms", round(times[-1] * 1000, 2), times[-1] < 2)
            table.add("  10 MB received meanwhile, s", round(sent, 2), sent < 20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_descriptors(pid):
    """How many a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid):
    """Bytes of memory that a process has now."""
    words = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE")


def transfer_time(serving):
    """Seconds that a file takes."""
    sender = Hostile(serving.port, tls=False, source="127.0.9.8")
    begun = time.monotonic()
    assert sender.send([File("ten", os.urandom(10_000_000))])[0].status == 200
    return time.monotonic() - begun


RUNS = {"hostile": hostile, "kills": kills, "faults": faults, "idle": idle, "fuzz": fuzz}


def main():
    """Exits 1 when a figure is bad or a run could not be made."""
    parser = argparse.ArgumentParser(description="Long runs against lsend.")
    parser.add_argument("--minutes", type=float, default=10, help="of each run [10]")
    parser.add_argument("--only", default=",".join(RUNS), help="runs, with commas between [all]")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is random")
    parser.add_argument("--udp-port", type=int, default=53399, help="of multicast [53399]")
    parser.add_argument("--plain", type=pathlib.Path, default=ROOT / "build/release/lsend")
    parser.add_argument("--sanitized", type=pathlib.Path, default=ROOT / "build/asan/lsend")
    options = parser.parse_args()
    names = options.only.split(",")
    if options.minutes <= 0 or set(names) - set(RUNS):
        parser.error(f"--minutes has to be above 0, --only some of {','.join(RUNS)}")
    table = Table()
    table.add("seed", str(options.seed))
    for name in names:
        print(f"torture: {name} for {options.minutes:g} minutes", file=sys.stderr)
        try:
            RUNS[name](table, options, time.monotonic() + options.minutes * 60)
        except (Exception, KeyboardInterrupt) as error:
            traceback.print_exc()
            table.add(f"{name}: {type(error).__name__}", "failed", False)
            if isinstance(error, KeyboardInterrupt):
                break
    table.show()
    return 1 if table.bad else 0


if __name__ == "__main__":
    sys.exit(main())
