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

from lab.process import binary, check_sanitizers, environment, wait_until

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


class OnTerminal:
    """lsend on a terminal of its own, with somebody who types: a context manager that ends it."""

    def __init__(self, *args, home, env=None, columns=100, stdin=subprocess.DEVNULL):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        modes = termios.tcgetattr(slave)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        extra = {"TERM": "xterm-256color", **(env or {})}
        self._slave = slave
        self._seen = b""
        self.popen = subprocess.Popen([binary(), *map(str, args)], stdin=stdin, stderr=slave,
                                      stdout=slave, env=environment(home, extra),
                                      preexec_fn=lambda: _take_terminal(slave))

    def shown(self):
        """What the terminal got so far."""
        while self._master is not None and select.select([self._master], [], [], 0)[0]:
            try:
                block = os.read(self._master, 1 << 16)
            except OSError:
                break
            if not block:
                break
            self._seen += block
        text = self._seen.decode("utf-8", "replace")
        check_sanitizers(text)
        return text

    def wait_for(self, text, timeout=20, times=1):
        """Until that has been shown (so often); everything that was."""
        wait_until(lambda: self.shown().count(text) >= times, timeout, f"{text!r} on the terminal")
        return self.shown()

    def type(self, text):
        os.write(self._master, text.encode())

    def hang_up(self):
        """Closes the terminal, as a window is closed."""
        self.shown()
        os.close(self._master)
        self._master = None

    def echoes(self):
        """Is what is typed shown?"""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def wait(self, timeout=20):
        """The exit code."""
        limit = time.monotonic() + timeout
        while self.popen.poll() is None:
            assert time.monotonic() < limit, self.shown()
            self.shown()
            time.sleep(0.02)
        return self.popen.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.wait(10)
            finally:
                if self.popen.poll() is None:
                    self.popen.kill()
                    self.popen.wait(10)
        self.shown()
        os.close(self._slave)
        if self._master is not None:
            os.close(self._master)
