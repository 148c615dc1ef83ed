"""Runs lsend on a terminal of its own."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from lab.process import binary, check_sanitizers, environment

STDERR = "stderr"
ALL = "all"


def _take_terminal(descriptor):
    """In the child: a session of its own, with this terminal."""
    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def _read_all(descriptor, child, limit):
    """What the child writes until it ends, while something else may be done in between."""
    seen = b""
    while time.monotonic() < limit:
        ready, _, _ = select.select([descriptor], [], [], 0.05)
        if ready:
            try:
                block = os.read(descriptor, 1 << 16)
            except OSError:  # EIO: the other side is closed
                break
            if not block:
                break
            seen += block
        elif child.poll() is not None:
            break
    return seen


def run_on_terminal(*args, home, which=ALL, stdin=subprocess.DEVNULL, env=None, columns=100,
                    timeout=60, signal_after=None, netns=None):
    """Runs lsend with its output on a terminal; gives (exit code, what the terminal got, stdout).

    `which`: STDERR leaves standard output a pipe, ALL puts both on the terminal.
    `signal_after`: (seconds, signal).
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    # No "\n" -> "\r\n": what is read is what was written.
    modes = termios.tcgetattr(slave)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    extra = {"TERM": "xterm-256color", **(env or {})}
    child = None
    try:
        child = subprocess.Popen([binary(), *map(str, args)], stdin=stdin, stderr=slave,
                                 stdout=slave if which == ALL else subprocess.PIPE,
                                 env=environment(home, extra, netns),
                                 preexec_fn=lambda: _take_terminal(slave))
        os.close(slave)
        slave = None
        shown = b""
        if signal_after:
            shown = _read_all(master, child, time.monotonic() + signal_after[0])
            child.send_signal(signal_after[1])
        shown += _read_all(master, child, time.monotonic() + timeout)
        code = child.wait(10)
        result = child.stdout.read() if child.stdout else b""
    finally:
        if child:
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                child.wait(10)
            if child.stdout:
                child.stdout.close()
        for descriptor in (master, slave):
            with contextlib.suppress(OSError, TypeError):
                os.close(descriptor)
    text = shown.decode("utf-8", "replace")
    check_sanitizers(text)
    return code, text, result.decode("utf-8", "replace")
