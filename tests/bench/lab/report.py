"""The results as JSON, as a Markdown table, as a plot, and in the README."""

import dataclasses
import json
import os
import pathlib
import platform
import time

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_WIDTH, _BAR, _NAME = 760, 18, 190


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release().partition('-')[0]}"


def others():
    """Which part of the machine is busy, in one second in which nothing of ours runs."""
    def ticks():
        counts = [int(word) for word in pathlib.Path("/proc/stat").read_text().split()[1:9]]
        return sum(counts), counts[3] + counts[4]

    total, idle = ticks()
    time.sleep(1)
    total_then, idle_then = ticks()
    return 1 - (idle_then - idle) / max(1, total_then - total)


def as_result(table, rounds, busy):
    """`busy`: what others() said before the row began."""
    return {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine(),
            "rounds": rounds, "busy": round(busy, 2), **dataclasses.asdict(table)}


def remember(folder, name, result):
    """Adds a row's result to those of the other rows."""
    folder.mkdir(exist_ok=True)
    store = folder / "results.json"
    results = json.loads(store.read_text()) if store.exists() else {}
    results[name] = result
    store.write_text(json.dumps(results, indent=1) + "\n")
    return results


def summary(results):
    """The figures that have a target or an opponent."""
    lines = ["| what | measured | target | |", "|---|---|---|---|"]
    for result in results.values():
        lines.append(f"| **{result['title']}** | | | |")
        for line in result["lines"]:
            mark = {True: "met", False: "**missed**", None: ""}[line["met"]]
            lines.append(f"| {line['what']} | {line['measured']} | {line['target']} | {mark} |")
    return "\n".join(lines) + "\n"


def details(results):
    text = []
    for name, result in results.items():
        text.append(f"## {result['title']}\n\nRow `{name}`, {result['date']}, {result['rounds']} "
                    f"rounds, {result['machine']}, {result['busy']:.0%} of it busy before the row began.\n")
        if not result["programs"]:
            continue
        text.append(f"| program | s | {result['unit']} | CPU s sending + receiving | "
                    "peak MiB sending, receiving |\n|---|---|---|---|---|")
        for program, wall, rate, send, receive, send_peak, receive_peak in result["programs"]:
            text.append(f"| {program} | {wall:.2f} | {rate:.0f} | {send:.2f} + {receive:.2f} | "
                        f"{send_peak / 2**20:.1f}, {receive_peak / 2**20:.1f} |")
        text.append("")
    return "\n".join(text)


def plot(results):
    """Bars of each program's rate, one group a row."""
    parts, y = [], 10
    for result in results.values():
        if not result["programs"]:
            continue
        largest = max(program[2] for program in result["programs"]) or 1
        y += 20
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{result["title"]}, '
                     f'{result["unit"]}</text>')
        y += 8
        for program in result["programs"]:
            length = (_WIDTH - _NAME - 90) * program[2] / largest
            colour = "#2a7ae2" if program[0].startswith("lsend") else "#b0b4ba"
            parts.append(f'<text x="{_NAME - 8}" y="{y + 13}" text-anchor="end">{program[0]}</text>'
                         f'<rect x="{_NAME}" y="{y}" width="{max(length, 1):.0f}" height="14" '
                         f'fill="{colour}"/>'
                         f'<text x="{_NAME + length + 6:.0f}" y="{y + 12}">{program[2]:,.0f}</text>')
            y += _BAR
        y += 8
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" '
            f'viewBox="0 0 {_WIDTH} {y}" font-family="sans-serif" font-size="12">'
            f'<rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>' + "\n".join(parts) + "</svg>\n")


def write(folder, results):
    (folder / "results.md").write_text(
        "# Measured\n\nWritten by `scripts/bench`; a ratio says how many times as long the other "
        "program took, median of the rounds (least-most).\n\n" + summary(results) + "\n" +
        details(results))
    (folder / "results.svg").write_text(plot(results))


def _noise(results):
    """What a reader has to know when others used the machine as well."""
    busy = max(result["busy"] for result in results.values())
    if busy < 0.1:
        return ""
    return (f" The machine was not quiet: others kept up to {busy:.0%} of it busy, and then CPU "
            "seconds say more than times.")


def write_readme(readme, results):
    """The block between the two marks; a README without marks stays as it is."""
    text = readme.read_text()
    if BEGIN not in text or END not in text:
        return
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    dates = sorted({result["date"] for result in results.values()})
    machines = "; ".join(sorted({result["machine"] for result in results.values()}))
    block = (f"\nMeasured {' to '.join(sorted({dates[0], dates[-1]}))} by `scripts/bench` on {machines}. "
             "Sender and receiver share the machine; a ratio says how many times as long the other "
             f"program took.{_noise(results)}\n\n" + summary(results) +
             "\n[All programs, CPU and memory](tests/bench/results/results.md), "
             "[plot](tests/bench/results/results.svg), "
             "[how it is measured](tests/bench/README.md).\n")
    readme.write_text(head + BEGIN + block + END + tail)
