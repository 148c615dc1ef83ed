"""`lsend send` against scripted receivers: fixtures, and what tests ask about a run."""

import json

import pytest

from lab import files
from lab.process import Program, run_lsend
from peers import certificates
from peers.receiver import ReceiverPeer


@pytest.fixture
def peer(own_home):
    """peer(era, ...) is a scripted receiver that ends with the test."""
    started = []

    def start(era="1.17", **options):
        if era == "1.18":
            options.setdefault("trusted", own_home / "identity.pem")
        if era == "1.8":
            # A certificate that is known from a v2 app would be a downgrade.
            options.setdefault("name", "v1 peer")
        if not options.get("tls", True):
            # So would be an alias that is known from HTTPS.
            options.setdefault("alias", f"Plain {era}")
        started.append(ReceiverPeer(era, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Sent:
    """How a run of `lsend send --json` ended."""

    def __init__(self, code, out, err):
        self.code, self.err = code, err
        self.events = [json.loads(line) for line in out.splitlines()]
        self.files = {e["name"]: e for e in self.of("file")}
        self.message = "".join(e["message"] for e in self.of("error"))
        result = self.events[-1]
        assert result["type"] == "result"
        assert (result["exit_code"], result["ok"]) == (code, code == 0)

    def of(self, kind):
        """The events of one type."""
        return [event for event in self.events if event["type"] == kind]

    def statuses(self):
        """{name: status}"""
        return {name: event["status"] for name, event in self.files.items()}


def options_for(target):
    """What each run has: loopback only, any port."""
    return ["send", "--json", "--interface", "lo", "--port", "0", target]


@pytest.fixture
def send(own_home):
    """send(peer, *arguments) runs to the end."""
    def run(receiver, *arguments, target=None, **more):
        done = run_lsend(*options_for(target or receiver.target), *arguments, home=own_home,
                         timeout=60, **more)
        return Sent(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def start_send(own_home):
    """start_send(peer, *arguments) runs in the background; `.ended()` waits for the end."""
    def start(receiver, *arguments):
        program = Program(*options_for(receiver.target), *arguments, home=own_home)

        def ended(limit=30):
            code = program.wait(limit)
            return Sent(code, program.stdout(), program.stderr())

        program.ended = ended
        return program

    return start


@pytest.fixture
def three(tmp_path):
    """Three files of 1000 bytes or so."""
    return files.make_named(tmp_path / "out", ["a.txt", "b.png", "c.bin"])


def big_file(tmp_path, size=60_000_000):
    """More than the sockets between two processes can hold."""
    return files.make_big(tmp_path / "big.bin", size, step=4_000_000)


def own_fingerprint(own_home):
    """Ours, from the file."""
    return certificates.fingerprint_of_pem(own_home / "identity.pem")


def stored(receiver):
    """{name: sha256} of what a peer has taken."""
    return {name: call.sha256 for name, call in receiver.stored.items()}


def digests(paths):
    """The same of what was sent."""
    return {path.name: files.digest(path) for path in paths}
