"""Every shell block of the README is run as it stands, by hosts of the names that it mentions."""

import os
import pathlib
import re
import signal
import subprocess
import time
import tomllib

import pytest

from lab import process
from lab.files import make_file
from lab.netns import Lab, requires_netns
from lab.process import Receiver, check_sanitizers, environment, in_namespace

README = process.ROOT / "README.md"
HOSTS = ["laptop", "kitchen", "phone", "artifacts", "nas", "web1", "web2"]
BLOCK = re.compile(r"(?:<!-- readme-test: ([a-z-]+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
KINDS = {"console", "bash", "toml"}
TOOLS = {  # what recipes call and no test host has
    "pg_dump": "#!/bin/sh\necho 'create table goods (id int);'\n",
    "make": "#!/bin/sh\nexit 0\n",
}


def blocks(kind):
    """(line, marker, text) of each block of one kind."""
    text = README.read_text()
    found = [(text.count("\n", 0, match.start(3)) + 1, match[1] or "", match[3])
             for match in BLOCK.finditer(text) if match[2] == kind]
    return [pytest.param(marker, body, id=f"line-{line}") for line, marker, body in found]


def test_every_block_is_of_a_kind_that_is_run():
    text = README.read_text()
    assert text.count("\n```") == 2 * len(BLOCK.findall(text))
    assert {match[2] for match in BLOCK.finditer(text)} <= KINDS


@pytest.fixture(scope="module")
def lab():
    with Lab(len(HOSTS), prefix=28) as made:
        yield made


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    made = {}
    for name in HOSTS:
        made[name] = tmp_path_factory.mktemp(name)
        made[name].chmod(0o700)
    return made


@pytest.fixture
def desk(tmp_path, homes, lsend):
    """The folder where a reader of the README stands, with what it speaks of."""
    folder = tmp_path / "desk"
    for name, size in [("report/a.txt", 1000), ("report/img/b.png", 4_000_000),
                       ("notes.txt", 999_000), ("dist/app.tar", 100_000), ("dist/SUMS", 64),
                       ("release/app", 50_000), ("release/app.conf", 300)]:
        make_file(folder / name, b"x" * size)
    pin = folder / "inbox.pin"
    pin.write_text("4711\n")
    pin.chmod(0o600)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "lsend").symlink_to(lsend)
    for name, script in TOOLS.items():
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    return folder


def shell(desk, home, netns, text):
    path = f"{desk.parent / 'bin'}:{os.environ['PATH']}"
    command = in_namespace(netns, ["bash", "-euo", "pipefail", "-c", text])
    return command, {"cwd": desk, "env": environment(home, {"PATH": path}, netns)}


def run(desk, home, netns, text):
    command, options = shell(desk, home, netns, text)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, timeout=120, check=False, **options)
    check_sanitizers(done.stderr)
    return done


@pytest.fixture
def receivers(lab, homes, tmp_path):
    started = []
    for number, name in enumerate(HOSTS[1:], 1):
        started.append(Receiver(tmp_path / f"in-{name}", home=homes[name], alias=name,
                                netns=lab[number], interface=None, port=53317))
    yield started
    for receiver in started:
        receiver.stop()


def ends_well(popen, seconds=20):
    try:
        return popen.wait(seconds)
    finally:
        if popen.poll() is None:
            os.killpg(popen.pid, signal.SIGKILL)
            popen.wait(10)


@pytest.mark.parametrize("marker, text", blocks("bash"))
@requires_netns
def test_a_shell_block_does_what_it_says(lab, homes, desk, receivers, marker, text):
    if marker == "set-up":
        for word in re.findall(r"^(\./\S+)", text, re.M):
            assert os.access(process.ROOT / word, os.X_OK)
        return
    if marker == "unit":
        unit = (process.ROOT / "scripts" / "lsend.service").read_text()
        pin, name = re.fullmatch(r"install -D -m 600 inbox\.pin (\S+)\n"
                                 r"systemctl enable --now (\w+)\n", text).groups()
        assert name == "lsend" and f"\nLoadCredential=pin:{pin}\n" in unit
        return
    home = homes["laptop"]
    configuration = "".join(body for _, body in (p.values for p in blocks("toml")))
    (home / "config.toml").write_text(configuration)
    if marker == "serves":
        return serve(desk, home, lab[0], text)
    if marker == "stays":
        text = f"timeout -s INT 8 bash -c '{quoted(text)}' || test $? -eq 124"
        done = run(desk, home, lab[0], text)
        assert {line.split(" ", 1)[1] for line in done.stdout.splitlines()} >= {
            f"found {name}" for name in HOSTS[1:]}, (done.stdout, done.stderr)
        return
    assert marker == ""
    done = run(desk, home, lab[0], text)
    assert done.returncode == 0, (done.stdout, done.stderr)


def quoted(text):
    return text.strip().replace("'", "'\\''")


def serve(desk, home, netns, text):
    """A command that stays: it listens, and ends in order when it is told to."""
    command, options = shell(desk, home, netns, "exec " + text)
    with open(desk / "err", "wb") as err:
        popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=err, start_new_session=True, **options)
    limit = time.monotonic() + 15
    while "53317" not in (desk / "err").read_text() and time.monotonic() < limit:
        assert popen.poll() is None, (desk / "err").read_text()
        time.sleep(0.05)
    popen.send_signal(signal.SIGTERM)
    code = ends_well(popen)
    said = (desk / "err").read_text()
    check_sanitizers(said)
    assert code == 0, said


def pattern(line):
    """What may differ from run to run: addresses, digests, times, rates, the host's model."""
    line = re.sub(r"\s+", " ", line.strip())
    for what, wild in [(r"\d+(?:\\\.\d+){3}", r"\S+"), (r"[0-9A-F]{8,}", "[0-9A-F]{8,}"),
                       (r"\d+\\\.\d+\\ s", r"[0-9.]+ s"), (r"\d+\\\ MB/s", r"[0-9.]+ [kMG]B/s")]:
        line = re.sub(what, lambda _, wild=wild: wild, line if "\\" in line else re.escape(line))
    return line


@pytest.mark.parametrize("marker, text", blocks("console"))
@requires_netns
def test_a_transcript_is_a_real_one(lab, homes, desk, tmp_path, marker, text):
    """Each command on its host; each line of output that is shown has to come."""
    steps = re.findall(r"^(\w+)\$ (.*)\n((?:(?!\w+\$ ).*\n)*)", text, re.M)
    assert steps and not marker
    (homes["laptop"] / "known_devices.json").unlink(missing_ok=True)  # it is the first contact
    with Receiver(tmp_path / "in", home=homes["kitchen"], alias="kitchen", netns=lab[1],
                  interface=None, port=53317):
        for host, command, output in steps:
            if command.startswith("lsend receive"):
                continue  # the fixture's receiver is that one
            done = run(desk, homes[host], lab[HOSTS.index(host)], command)
            assert done.returncode == 0, done.stderr
            seen = re.sub(r"[ \t]+", " ", done.stdout + done.stderr)
            for line in output.splitlines():
                assert re.search(pattern(line), seen), (line, seen)


@pytest.mark.parametrize("marker, text", blocks("toml"))
def test_a_configuration_is_taken(lsend, home, tmp_path, marker, text):
    assert not marker
    tomllib.loads(text)
    path = pathlib.Path(tmp_path / "config.toml")
    path.write_text(text)
    done = process.run_lsend("--config", path, "info", home=home())
    assert done.returncode == 0, done.stderr
