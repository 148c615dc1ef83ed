"""The implementations by other people: what each speaks, and how it is told to act.

| package            | protocol                   | receives as          | sends to             |
|--------------------|----------------------------|----------------------|----------------------|
| npm localsend      | 2.1, no client certificate | HTTP                 | HTTP, HTTPS          |
| PyPI localsendd    | 2.2, client certificate    | HTTPS or HTTP        | HTTPS, HTTP          |
| PyPI localsend-cli | 2.0, no client certificate | HTTPS                | HTTPS                |
| PyPI localsend     | 2.1, no client certificate | HTTPS or HTTP        | HTTPS, HTTP          |
"""

import json

from lab.process import wait_until

from . import install
from .program import Foreign, run

PORT = 53317
OUR_ALIAS = "Anna"


class Implementation:
    """What the tests need to know of one; every command runs on a host of the lab."""

    alias = "Foreign"
    secure = True          # it receives by HTTPS
    certificate = False    # its sender shows a client certificate
    keeps_folders = True   # it stores "a/b" as b in a folder a, not as b
    keeps_empty = True     # it accepts a file without content
    shows_messages = False  # it shows a text/plain file and stores nothing
    pin = True             # its receiver can ask for one
    sends_pin = False      # its sender can give one
    sends_to_http = True   # its sender can use HTTP

    def folder(self, home):
        """Where it stores what comes."""
        return home / "inbox"

    def receive(self, host, home, pin=None):
        """Starts its receiver: a Foreign that is ready."""
        raise NotImplementedError

    def find(self, host, home):
        """The aliases that it finds; None when it cannot search."""
        raise NotImplementedError

    def send(self, host, home, address, paths, secure, pin=None, over=None):
        """Sends; gives (exit code, what it said). over(path) tells that a path is through."""
        raise NotImplementedError


class Npm(Implementation):
    """localsend-ts. It only sends one file at a time, and a default PIN always."""

    alias = "Node"
    secure = False
    sends_pin = True

    def __init__(self):
        modules = install.npm("localsend@0.1.2") / "node_modules"
        self._words = ["node", modules / "localsend" / "dist" / "cli.js"]

    def receive(self, host, home, pin=None):
        peer = Foreign(host, home, *self._words, "receive", "--alias", self.alias, "--saveDir",
                       self.folder(home), *(["--pin", pin] if pin else ["--autoAccept"]))
        peer.wait_for_text("Receiver is running")
        return peer

    def find(self, host, home):
        done = run(host, home, *self._words, "discover", "--json", "--timeout", "2")
        found = done.stdout[done.stdout.index("\n[") + 1:]
        return {device["alias"] for device in json.loads(found)}

    def send(self, host, home, address, paths, secure, pin=None, over=None):
        said = ""
        for path in paths:
            done = run(host, home, *self._words, "send", address, path, "--protocol",
                       "https" if secure else "http", *(["--pin", pin] if pin else []))
            said += done.stdout
            if done.returncode != 0:
                break
        return done.returncode, said


class Daemon(Implementation):
    """localsendd and its localsendctl. It refuses files without content: it answers 500."""

    alias = "Daemon"
    certificate = True
    keeps_folders = False
    keeps_empty = False
    sends_pin = True

    def __init__(self, secure=True):
        self.secure = secure
        self.certificate = secure
        self._bin = install.venv("localsendd", "localsendd==0.1.1")

    def receive(self, host, home, pin=None, unattended=True):
        self.folder(home).mkdir(exist_ok=True)
        options = ["--encryption" if self.secure else "--no-encryption",
                   "--unattended" if unattended else "--no-unattended",
                   *(["--pin", pin] if pin else [])]
        peer = Foreign(host, home, self._bin / "localsendd", "--alias", self.alias,
                       "--download-dir", self.folder(home), *options)
        peer.wait_for_text("unattended=")
        return peer

    def _control(self, host, home, *words):
        return run(host, home, self._bin / "localsendctl", *words)

    def _devices(self, host, home):
        return json.loads(self._control(host, home, "devices", "--scan", "--json").stdout)

    def _meet(self, host, home):
        """Waits until it knows a device: its address and the protocol that it speaks."""
        return wait_until(lambda: self._devices(host, home), 20, "a device")

    def find(self, host, home):
        with self.receive(host, home):
            return {device["alias"] for device in self._meet(host, home)}

    def send(self, host, home, address, paths, secure, pin=None, over=None):
        with self.receive(host, home):
            self._meet(host, home)
            done = self._control(host, home, "send", "--wait", "--quiet", "--to", OUR_ALIAS,
                                 *paths, *(["--pin", pin] if pin else []))
        return done.returncode, done.stdout


class Cli(Implementation):
    """localsend-cli. Its sender knows no PIN, its receiver makes no folders."""

    alias = "localsend-cli"
    shows_messages = True
    sends_to_http = False

    def __init__(self):
        self._program = install.venv("localsend-cli", "localsend-cli==0.1.1",
                                     "cryptography==50.0.2", "requests==2.32.5") / "localsend-cli"

    def receive(self, host, home, pin=None):
        (self.folder(home) / "photos" / "deep").mkdir(parents=True, exist_ok=True)
        peer = Foreign(host, home, self._program, "receive", "--json", "--output",
                       self.folder(home), *(["--pin", pin] if pin else []))
        peer.wait_for_text('"ready"')
        return peer

    def find(self, host, home):
        done = run(host, home, self._program, "scan", "--json", "--timeout", "3")
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return {json.loads(line)["alias"] for line in lines}

    def send(self, host, home, address, paths, secure, pin=None, over=None):
        done = run(host, home, self._program, "send", address, *paths)
        return done.returncode, done.stdout


class Python(Implementation):
    """localsend. It sends one file, to everybody it sees, until it is ended."""

    alias = "Python"
    pin = False

    def __init__(self, secure=True):
        self.secure = secure
        self._program = install.venv(
            "localsend", "localsend[cli]==0.1.2", "starlette==1.10.0", "uvicorn==0.54.0",
            "pydantic==2.14.3", "httpx==0.28.1", "cyclopts==5.4.0", "slcfg==0.3.6",
            "multicast_expert==1.6.0", "aiofiles==25.1.0", least=(3, 12)) / "localsend"

    def folder(self, home):
        return home / "Downloads"

    def _start(self, host, home, *words):
        # In "dev mode" its server asks for no uvloop, which it does not install.
        env = {"LOCALSEND_INFO__ALIAS": self.alias, "LOCALSEND_HTTP_SERVER__DEV_MODE": "true"}
        if not self.secure:
            env["LOCALSEND_SSL"] = "disabled"
        peer = Foreign(host, home, self._program, *words, env=env)
        peer.wait_for_text("Uvicorn running on")
        return peer

    def receive(self, host, home, pin=None):
        return self._start(host, home, "receive")

    def find(self, host, home):
        return None

    def send(self, host, home, address, paths, secure, pin=None, over=None):
        for path in paths:
            with self._start(host, home, "send", path) as peer:
                peer.wait_for(lambda: over(path), timeout=60, what=f"the end of {path.name}")
        return 0, ""


IMPLEMENTATIONS = {
    "npm-localsend": Npm,
    "localsendd": Daemon,
    "localsendd-http": lambda: Daemon(secure=False),
    "localsend-cli": Cli,
    "pypi-localsend": Python,
    "pypi-localsend-http": lambda: Python(secure=False),
}
