"""The service manager hears how receive does, and the unit that is installed is sound."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from lab.process import ROOT, Program, Receiver, binary, run_lsend, wait_until

UNIT = ROOT / "scripts" / "lsend.service"


class Manager:
    """What sd_notify(3) sends to."""

    def __init__(self, path):
        self.path = path
        self.heard = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self._socket.close()

    def listen(self):
        """All datagrams so far."""
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def count(self, text):
        return sum(message.startswith(text) for message in self.listen())


@pytest.fixture
def manager(tmp_path):
    with Manager(tmp_path / "notify") as made:
        yield made


def test_the_manager_hears_of_every_change(home, tmp_path, manager):
    """Ready when it listens, reloading and ready again, stopping; and how many transfers came."""
    (tmp_path / "a").write_text("x")
    with Receiver(tmp_path / "in", home=home("bob"),
                  env={"NOTIFY_SOCKET": manager.path}) as receiver:
        wait_until(lambda: manager.count("READY=1"), what="READY")
        assert manager.heard == [f"READY=1\nSTATUS=Listening on port {receiver.port}, storing in "
                                 f"{receiver.folder}; 0 transfers so far"]
        assert run_lsend("send", receiver.target, tmp_path / "a", home=home("al")).returncode == 0
        wait_until(lambda: manager.count("STATUS=") == 1, what="the new status")
        assert manager.heard[1].endswith("; 1 transfers so far")
        receiver.send_signal(signal.SIGHUP)
        wait_until(lambda: manager.count("READY=1") == 2, what="the end of the reloading")
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", manager.heard[2])
        assert receiver.stop() == 0
        assert manager.listen()[4:] == ["STOPPING=1"]


def test_the_watchdog_is_fed_in_time(home, tmp_path, manager):
    """Twice in the time that it waits, also while a hook is waited for; not for another process."""
    more = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"}
    (tmp_path / "a").write_text("x")
    with Receiver(tmp_path / "in", "--once", "--exec", "sleep 1.5; env >&2", home=home("bob"),
                  env=more) as receiver:
        wait_until(lambda: manager.count("WATCHDOG=1") >= 3, what="three signs of life")
        assert run_lsend("send", receiver.target, tmp_path / "a", home=home("al")).returncode == 0
        wait_until(lambda: manager.count("STOPPING=1"), what="the last transfer's end")
        before = manager.count("WATCHDOG=1")
        assert receiver.wait() == 0
        assert manager.count("WATCHDOG=1") >= before + 3
        assert "WATCHDOG" not in receiver.stderr() and "NOTIFY_SOCKET" not in receiver.stderr()
    manager.heard.clear()
    with Receiver(tmp_path / "in", home=home("bob"), env={**more, "WATCHDOG_PID": "1"}):
        wait_until(lambda: manager.count("READY=1"), what="READY")
        with pytest.raises(TimeoutError):
            wait_until(lambda: manager.count("WATCHDOG=1"), timeout=1)


def test_a_start_that_fails_is_never_ready(home, tmp_path, manager):
    taken = socket.create_server(("127.0.0.1", 0))
    done = run_lsend("receive", "-y", "--dir", tmp_path / "in", "--port", taken.getsockname()[1],
                     home=home(), env={"NOTIFY_SOCKET": manager.path})
    assert done.returncode == 13
    assert manager.listen() == []


# --- the unit ----------------------------------------------------------------


def settings():
    """{name: [values]} of the section [Service]."""
    found = {}
    section = UNIT.read_text().split("[Service]\n")[1].split("[Install]\n")[0]
    for name, value in re.findall(r"^(\w+)=(.*)$", section, re.M):
        found.setdefault(name, []).append(value)
    return found


def analyze(*words):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here")
    return subprocess.run(["systemd-analyze", "--no-pager", *words], capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.fixture
def unit(tmp_path):
    """The unit with the program under test."""
    path = tmp_path / "lsend.service"
    path.write_text(UNIT.read_text().replace("ExecStart=lsend ", f"ExecStart={binary()} "))
    assert binary() in path.read_text()
    return path


def test_the_unit_is_valid(unit):
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    assert done.returncode == 0 and "lsend.service" not in done.stderr, done.stderr


def test_the_unit_leaves_little_to_an_intruder(unit):
    """The exposure that systemd counts, in tenths: 10 is the least that a server has with ease."""
    done = analyze("security", "--offline=yes", "--threshold=15", str(unit))
    assert done.returncode == 0, done.stdout + done.stderr


def service(tmp_path, home, prefix=(), build=None):
    """The unit's command, with the folders and the variables that systemd would make."""
    places = {"%S/lsend": tmp_path / "state", "%d": tmp_path / "credentials"}
    for place in places.values():
        place.mkdir(mode=0o755)
    credential = settings()["LoadCredential"][0].split(":")[0]
    (places["%d"] / credential).write_text("4711\n")
    (places["%d"] / credential).chmod(0o440)
    command = settings()["ExecStart"][0]
    for name, place in places.items():
        command = command.replace(name, str(place))
    program, *words = command.split()
    assert program == "lsend"
    return Program(*words, "--port", "0", "--interface", "lo", "--json", home=home, prefix=prefix,
                   program=build,
                   env={"STATE_DIRECTORY": places["%S/lsend"], "LSEND_HOME": "",
                        "CONFIGURATION_DIRECTORY": tmp_path / "etc"})


def port_of(program):
    ready = wait_until(lambda: [e for e in program.events() if e["type"] == "ready"], 20, "ready")
    return ready[0]["port"]


def test_the_units_command_receives(home, tmp_path):
    """Everybody who has the PIN, into the state folder; the identity lies beside."""
    (tmp_path / "a").write_text("x")
    with service(tmp_path, home()) as program:
        target = f"127.0.0.1:{port_of(program)}"
        send = ("send", target, tmp_path / "a")
        assert run_lsend(*send, home=home("al")).returncode == 7
        assert run_lsend(*send, "--pin", "4711", home=home("al")).returncode == 0
        assert (tmp_path / "state" / "in" / "a").read_text() == "x"
        assert (tmp_path / "state" / "identity.pem").stat().st_mode & 0o777 == 0o600
        assert program.stop() == 0


def allowed_calls():
    """The names that the unit's filters leave, in their order."""
    groups, calls = {}, set()
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            groups[line] = current = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            current.append(line.strip())

    def expand(name):
        return set().union(*map(expand, groups[name])) if name in groups else {name}

    for rule in settings()["SystemCallFilter"]:
        for name in rule.lstrip("~").split():
            calls = calls - expand(name) if rule.startswith("~") else calls | expand(name)
    return calls | expand("@default")


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here")
def test_every_call_of_a_transfer_is_one_that_the_unit_allows(home, tmp_path, plain_lsend):
    """The sanitizers make calls of their own."""
    allowed = allowed_calls()
    trace = tmp_path / "trace"
    (tmp_path / "a").write_bytes(os.urandom(2_000_000))
    with service(tmp_path, home(), prefix=("strace", "-f", "-qq", "-o", trace),
                 build=plain_lsend) as program:
        target = f"127.0.0.1:{port_of(program)}"
        for _ in range(2):
            assert run_lsend("send", target, tmp_path / "a", "--pin", "4711",
                             home=home("al")).returncode == 0
        children = pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGHUP)
        os.kill(int(children.split()[0]), signal.SIGTERM)
        program.wait()
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    assert {"openat", "renameat2", "landlock_restrict_self", "recvfrom"} - made <= {"recvfrom"}
    assert made - allowed == set()
