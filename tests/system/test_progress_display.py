"""The progress display on terminals of three widths, as a terminal shows it."""

import os
import re
import unicodedata

import pytest

from lab.files import make_big
from lab.process import Receiver, binary, environment, run_lsend
from lab.terminal import STDERR, run_on_terminal

MIB = 1 << 20
LONG = "a photograph with a name that is longer than any terminal should have to show 日本語.bin"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def width_of(text):
    """Columns of a line without escape sequences."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF"
               else 1 for c in ESCAPE.sub("", text))


def drawn_lines(shown):
    """What was drawn: the lines that are taken away again."""
    return [line for line in re.split(r"[\r\n]", shown) if line.endswith("\x1b[K") or
            line.endswith("\x1b[K\x1b[J")]


@pytest.fixture(name="receiver")
def _receiver(home, tmp_path):
    with Receiver(tmp_path / "inbox", home=home("receiver")) as started:
        yield started


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_several_files_at_each_width(receiver, home, tmp_path, columns):
    folder = tmp_path / "src"
    folder.mkdir()
    for number in range(5):
        make_big(folder / f"{number} {LONG}", 60 * MIB)
    code, shown, _ = run_on_terminal("send", receiver.target, folder, home=home("sender"),
                                     which=STDERR, columns=columns)
    assert code == 0, shown
    lines = drawn_lines(shown)
    plain = [ESCAPE.sub("", line) for line in lines]
    assert all(width_of(line) < columns for line in lines), [line for line in plain
                                                            if width_of(line) >= columns]
    files = [line for line in plain if "…" in line and line.endswith(".bin")]
    assert bool(files) == (columns < 200), plain
    totals = [line for line in plain if re.match(r"^ {0,3}\d+%", line)]
    assert totals, plain
    assert any("B/s" in line for line in totals)
    assert any("[" in line for line in totals) == (columns > 40), totals
    assert any("/5 files" in line for line in totals) == (columns > 40), totals
    # Several lines are drawn over one another, four files at most, and nothing stays.
    ups = [int(number) for number in re.findall(r"\x1b\[(\d+)A", shown)]
    assert ups and max(ups) <= 4, ups
    rest = shown[max(shown.rfind("\x1b[J"), shown.rfind("\x1b[K")):]
    assert re.search(r"sent 5 files, 315 MB in .*\(.*/s\)\n$", ESCAPE.sub("", rest)), repr(rest)


def test_color_is_for_the_bar_and_on_request_only(receiver, home, tmp_path):
    path = make_big(tmp_path / "big.bin", 200 * MIB)
    _, shown, _ = run_on_terminal("send", receiver.target, path, home=home("sender"))
    assert "[\x1b[32m#" in shown
    _, shown, _ = run_on_terminal("send", receiver.target, path, home=home("sender"),
                                  env={"NO_COLOR": "1"})
    assert "\x1b[32m" not in shown
    assert "[#" in shown


def test_the_first_text_comes_before_the_target_is_found(home):
    """Whoever waits sees at once for what, and nothing of it stays."""
    code, shown, _ = run_on_terminal("send", "fp:00000000", "-m", "hi", home=home("sender"))
    assert code == 3, shown
    assert shown.startswith("\rlooking for 'fp:00000000' ...\x1b[K"), repr(shown)
    assert "\r\x1b[Klsend: " in shown, repr(shown)
    done = run_lsend("send", "fp:00000000", "-m", "hi", home=home("sender"))
    assert "looking" not in done.stderr


def test_nothing_is_drawn_in_the_background(receiver, home, tmp_path):
    """Another job has the terminal: a shell's `lsend send ... &`."""
    import pty
    import subprocess
    path = make_big(tmp_path / "big.bin", 100 * MIB)
    master, slave = pty.openpty()
    try:
        # A session whose foreground group is the shell's; lsend gets a group of its own.
        script = "set -m; \"$@\" & wait $!"
        child = subprocess.Popen(["bash", "-c", script, "sh", binary(), "send", receiver.target,
                                  str(path)], stdin=slave, stdout=slave, stderr=slave,
                                 env=environment(home("sender"), {"TERM": "xterm"}),
                                 start_new_session=True,
                                 preexec_fn=lambda: __import__("fcntl").ioctl(
                                     slave, __import__("termios").TIOCSCTTY, 0))
        code = child.wait(60)
        shown = os.read(master, 1 << 20).decode("utf-8", "replace")
    finally:
        os.close(master)
        os.close(slave)
    assert code == 0, shown
    assert "%" not in shown, repr(shown)
    assert "sent 1 file" in shown
