"""Runs somebody else's program on a host of the lab, with a home of its own."""

import os
import subprocess
import tempfile

from lab.process import in_namespace, wait_until

_DROPPED = ("LSEND_", "LOCALSEND", "XDG_", "PYTHON", "NODE_", "VIRTUAL_ENV", "REQUESTS_", "CURL_",
            "SSL_")


def environment(home, extra=None):
    """Ours without what would steer the program, no proxy."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(_DROPPED) and "proxy" not in key.lower()}
    kept.update(HOME=str(home), LC_ALL="C.UTF-8", PYTHONUNBUFFERED="1", XDG_RUNTIME_DIR=str(home))
    kept.update({key: str(value) for key, value in (extra or {}).items()})
    return kept


def run(host, home, *command, env=None, timeout=60, cwd=None):
    """Runs it to its end; both outputs in one text, `.stdout`."""
    return subprocess.run(in_namespace(host, command), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", env=environment(home, env), cwd=cwd or home,
                          timeout=timeout, check=False)


class Foreign:
    """In the background; a context manager that ends it. What it says is in output()."""

    def __init__(self, host, home, *command, env=None):
        self._log = tempfile.TemporaryFile()
        self.popen = subprocess.Popen(in_namespace(host, command), stdin=subprocess.DEVNULL,
                                      stdout=self._log, stderr=subprocess.STDOUT, cwd=home,
                                      env=environment(home, env))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def output(self):
        """Everything so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")

    def wait_for(self, condition, timeout=20, what="it"):
        """Waits until the condition holds while the program runs, and gives its value."""
        def checked():
            value = condition()
            assert value or self.popen.poll() is None, f"it ended:\n{self.output()}"
            return value

        try:
            return wait_until(checked, timeout, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}:\n{self.output()}") from None

    def wait_for_text(self, text, timeout=20):
        """Waits until it says that."""
        return self.wait_for(lambda: text in self.output(), timeout, f"{text!r}")

    def stop(self):
        """Ends it."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(10)
        self._log.close()
