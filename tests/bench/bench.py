"""Measures lsend against other programs; scripts/bench builds what this needs and starts it."""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lab import report  # noqa: E402
from lab.meter import BenchError, end_all  # noqa: E402
from lab.rows import ROWS  # noqa: E402
from lab.transfer import Bench  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def options():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--row", action="append", choices=ROWS, metavar="NAME",
                        help="only this row (repeat): " + ", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="counted rounds of each pair, at least 2 (default 5)")
    parser.add_argument("--quick", action="store_true",
                        help="small amounts and two rounds, to see that it works; records nothing")
    parser.add_argument("--big-on", type=pathlib.Path, default=ROOT / "build", metavar="DIR",
                        help="where big files lie: a folder of the file system to be measured")
    parser.add_argument("--small-on", type=pathlib.Path, default=pathlib.Path("/dev/shm"),
                        metavar="DIR", help="where many small files lie (default /dev/shm)")
    parser.add_argument("--lsend", type=pathlib.Path, default=ROOT / "build/release/lsend",
                        metavar="FILE", help="another binary")
    return parser.parse_args()


def measure(choice):
    results_folder = pathlib.Path(__file__).parent / "results"
    disk = pathlib.Path(tempfile.mkdtemp(prefix="lsend-bench-", dir=choice.big_on))
    memory = pathlib.Path(tempfile.mkdtemp(prefix="lsend-bench-", dir=choice.small_on))
    failed = []
    try:
        bench = Bench(ROOT / "build/bench/tests/bench", disk, 2 if choice.quick else choice.rounds)
        bench.disk, bench.memory, bench.quick = disk, memory, choice.quick
        bench.lsend = str(choice.lsend.resolve())
        results = {}
        for name in choice.row or ROWS:
            print(f"{name}:", file=sys.stderr, flush=True)
            busy = report.others()
            try:
                table = ROWS[name](bench)
            except BenchError as error:
                print(f"bench: row {name}: {error}", file=sys.stderr)
                failed.append(name)
                continue
            if choice.quick:
                results[name] = report.as_result(table, bench.rounds, busy)
            else:
                results = report.remember(results_folder, name,
                                          report.as_result(table, bench.rounds, busy))
        if results and not choice.quick:
            report.write(results_folder, results)
            report.write_readme(ROOT / "README.md", results)
        shown = {name: results[name] for name in results if name in (choice.row or ROWS)}
        print(report.summary(shown) + "\n" + report.details(shown))
    finally:
        end_all()
        shutil.rmtree(disk, ignore_errors=True)
        shutil.rmtree(memory, ignore_errors=True)
    return 1 if failed else 0


def main():
    # So that `finally` ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    choice = options()
    if choice.rounds < 2:
        sys.exit("bench: --rounds must be 2 or more: one round has no median")
    sys.exit(measure(choice))


if __name__ == "__main__":
    main()
