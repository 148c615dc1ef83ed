"""The command line as a user and a script see it: texts, suggestions, exit codes, environment."""

import http.client
import json
import os
import re
import signal
import socket
import stat
import time

import pytest

from lab.files import make_file
from lab.process import Program, Receiver, run_lsend, wait_until

NOBODY = "127.0.0.1:1"
HEX64 = re.compile(r"[0-9A-Fa-f]{64}")


@pytest.fixture
def run(home, lsend):
    """run(*args) is lsend with a home of its own."""
    def start(*args, **more):
        return run_lsend(*args, home=more.pop("at", None) or home("own"), **more)

    return start


@pytest.fixture
def receive(home, tmp_path, lsend):
    def start(*options, **more):
        return Receiver(tmp_path / "inbox", *options, home=more.pop("at", None) or
                        home("receiver"), **more)

    return start


def send_file(run, receiver, folder, name="file.txt", *options):
    path = make_file(folder / name, name)
    return run("send", receiver.target, path, *options)


# --- help -----------------------------------------------------------------------------------------


def test_lsend_alone_shows_four_examples(run):
    done = run()
    assert done.returncode == 2
    assert done.stdout == ""
    examples = re.findall(r"^  lsend \w+ ", done.stderr, re.MULTILINE)
    assert len(examples) == 4
    assert "lsend --help" in done.stderr


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(run, flag):
    done = run(flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\n")
    for word in ("discover", "send", "receive", "info", "--json", "--port", "--alias"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


COMMAND_OPTIONS = {
    "discover": ["--timeout", "--count", "--watch", "--scan", "--no-scan", "--long"],
    "send": ["--message", "--name", "--size", "--prefix", "--follow", "--pin", "--checksum",
             "--jobs", "--accept-timeout", "TARGET", "PATH"],
    "receive": ["--dir", "--auto-accept", "--pin", "--once", "--count", "--max-size",
                "--max-file-size", "--max-files", "--min-free", "--max-connections",
                "--no-checksum", "--no-announce", "--ready-file"],
    "info": ["TARGET"],
}


@pytest.mark.parametrize("command", COMMAND_OPTIONS)
def test_help_of_a_command(run, command):
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in [*COMMAND_OPTIONS[command], "Examples:", "--json"]:
        assert word in done.stdout, word


@pytest.mark.parametrize("alias, command", [("scan", "discover"), ("recv", "receive")])
def test_other_names_of_commands(run, alias, command):
    assert run(alias, "--help").stdout == run(command, "--help").stdout


def test_version_is_one_line(run):
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"lsend \d+\.\d+\.\d+\S*\n", done.stdout)
    assert run("send", "--version").stdout == done.stdout


# --- usage errors ---------------------------------------------------------------------------------

SUGGESTIONS = [
    (["sned", "x", "y"], "send"),
    (["recieve"], "receive"),
    (["disover"], "discover"),
    (["ifno"], "info"),
    (["send", NOBODY, "/etc/hostname", "--chekcsum"], "--checksum"),
    (["receive", "--auto-acept"], "--auto-accept"),
    (["discover", "--timout", "3s"], "--timeout"),
    (["--jsn", "info"], "--json"),
    (["send", NOBODY, "/etc/hostname", "--massage=x"], "--message"),
]


@pytest.mark.parametrize("args, meant", SUGGESTIONS, ids=lambda value: str(value)[:30])
def test_a_mistyped_word_gets_a_suggestion(run, args, meant):
    done = run(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"did you mean '{meant}'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


USAGE_ERRORS = [
    # words, and what the sentence has to name
    (["xyzzy"], "xyzzy"),
    (["--xyzzy"], "--xyzzy"),
    (["send"], "TARGET"),
    (["send", NOBODY], "PATH"),
    (["send", "", "f"], "TARGET"),
    (["send", NOBODY, ""], "PATH"),
    (["send", NOBODY, "f", "-m", "text"], "message"),
    (["send", NOBODY, "-m", ""], "--message"),
    (["send", NOBODY, "-m"], "-m"),
    (["send", NOBODY, "-m", "x", "--name", "y"], "--name"),
    (["send", NOBODY, "-", "f"], "standard input"),
    (["send", NOBODY, "f", "g", "--name", "y"], "--name"),
    (["send", NOBODY, "f", "--size", "5"], "--size"),
    (["send", NOBODY, "-", "--size", "-5"], "--size"),
    (["send", NOBODY, "-", "--size", "5X"], "--size"),
    (["send", NOBODY, "-", "--size", "99999999999999999999"], "--size"),
    (["send", NOBODY, "-", "--size", "20E"], "--size"),
    (["send", NOBODY, "f", "--checksum", "--no-checksum"], "--checksum"),
    (["send", NOBODY, "f", "--jobs", "0"], "--jobs"),
    (["send", NOBODY, "f", "--jobs", "-1"], "--jobs"),
    (["send", NOBODY, "f", "--jobs", "many"], "--jobs"),
    (["send", NOBODY, "f", "--accept-timeout", "soon"], "--accept-timeout"),
    (["send", NOBODY, "f", "--accept-timeout", "-5s"], "--accept-timeout"),
    (["send", NOBODY, "f", "--pin="], "--pin"),
    (["send", "fp:12", "/etc/hostname"], "fp:"),
    (["send", "fp:xyzxyzxyz", "/etc/hostname"], "fp:"),
    (["receive"], "--auto-accept"),
    (["receive", "-y", "extra"], "extra"),
    (["receive", "-y", "--once", "--count", "2"], "--once"),
    (["receive", "-y", "--count", "0"], "--count"),
    (["receive", "-y", "--max-size", "big"], "--max-size"),
    (["receive", "-y", "--max-file-size", "-1"], "--max-file-size"),
    (["receive", "-y", "--max-files", "0"], "--max-files"),
    (["receive", "-y", "--max-connections", "20001"], "--max-connections"),
    (["receive", "-y", "--dir="], "--dir"),
    (["receive", "-y", "--dir", "/"], "'/'"),
    (["receive", "-y", "--dir", "/etc"], "/etc"),
    (["receive", "-y", "--dir", "/tmp"], "/tmp"),
    (["receive", "-y", "-p", "65536"], "--port"),
    (["receive", "-y", "-p", "-1"], "--port"),
    (["receive", "-y", "-p", "http"], "--port"),
    (["receive", "-y", "--multicast-port", "0"], "--multicast-port"),
    (["receive", "-y", "--multicast-group", "10.0.0.1"], "10.0.0.1"),
    (["receive", "-y", "--port", "0", "--interface", "nosuch0"], "nosuch0"),
    (["receive", "-y", "--alias="], "--alias"),
    (["receive", "-y", "--ready-file="], "--ready-file"),
    (["discover", "a", "b"], "PATTERN"),
    (["discover", "--timeout", "5x"], "--timeout"),
    (["discover", "--timeout", ""], "--timeout"),
    (["discover", "--timeout", "0s"], "--timeout"),
    (["discover", "--timeout", "99999999999h"], "--timeout"),
    (["discover", "--count", "0"], "--count"),
    (["discover", "--watch", "--timeout", "3s"], "--watch"),
    (["discover", "--scan", "--no-scan"], "--scan"),
    (["discover", "--scan=10.0.0.0/33"], "10.0.0.0/33"),
    (["discover", "--scan=nowhere"], "nowhere"),
    (["info", "a", "b"], "TARGET"),
    (["info", "--progress", "fancy"], "--progress"),
    (["info", "--color", "green"], "--color"),
    (["info", "--connect-timeout", "1y"], "--connect-timeout"),
    (["info", "--stall-timeout", "x"], "--stall-timeout"),
    (["--", "send"], "command"),
]


@pytest.mark.parametrize("args, named", USAGE_ERRORS, ids=lambda value: " ".join(value)[:50])
def test_a_usage_error_is_one_sentence_and_2(run, tmp_path, args, named):
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines and lines[-1].startswith("lsend: error: "), done.stderr
    assert all(line.startswith("lsend: warning: ") for line in lines[:-1]), done.stderr
    assert named in done.stderr
    assert "exception" not in done.stderr.lower()


def test_a_usage_error_in_json(run):
    """A stream ends with its result, a query is one document; stdout is JSON in any case."""
    done = run("--json", "send", NOBODY)
    assert done.returncode == 2
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events] == ["error", "result"]
    assert events[-1]["exit_code"] == 2 and events[-1]["ok"] is False
    done = run("info", "a", "b", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["exit_code"] == 2


def test_receive_without_a_rule_does_not_start(run, tmp_path):
    """It could never accept anything: exit 2 and the options that help."""
    done = run("receive", "--dir", tmp_path / "inbox")
    assert done.returncode == 2
    assert "--auto-accept" in done.stderr and "--pin" in done.stderr
    assert not (tmp_path / "inbox").exists()


@pytest.mark.parametrize("args", [
    ["--alias", "Shared", "info", "--json"],
    ["info", "--alias", "Shared", "--json"],
    ["--json", "info", "--alias=Shared"],
    ["info", "-a", "Shared", "--json"],
])
def test_shared_options_stand_before_and_behind_the_command(run, args):
    done = run(*args)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["alias"] == "Shared"


def test_two_hyphens_end_the_options(run, receive, tmp_path):
    names = ["-rf", "--json", "--"]
    for name in names:
        make_file(tmp_path / "here" / name, name)
    with receive() as receiver:
        done = run("send", receiver.target, "--", *names, cwd=tmp_path / "here")
        assert done.returncode == 0, done.stderr
        assert sorted(entry.name for entry in receiver.folder.iterdir()
                      if entry.is_file()) == sorted(names)


# --- info -----------------------------------------------------------------------------------------


def test_info_makes_an_identity_and_keeps_it(run, home):
    first = run("info", "--json", "--alias", "Me")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["ok"] is True and told["exit_code"] == 0
    assert told["alias"] == "Me"
    assert HEX64.fullmatch(told["fingerprint"])
    assert told["port"] == 53317
    assert json.loads(run("info", "--json").stdout)["fingerprint"] == told["fingerprint"]
    other = run("info", "--json", at=home("another"))
    assert json.loads(other.stdout)["fingerprint"] != told["fingerprint"]


def test_info_as_text(run):
    told = json.loads(run("info", "--json", "--alias", "Me").stdout)
    done = run("info", "--alias", "Me")
    assert done.returncode == 0
    assert done.stderr == ""
    for text in ("Me", told["fingerprint"], told["identity_folder"], str(told["port"])):
        assert text in done.stdout


def test_info_keeps_the_key_private(run, home):
    """The key is 0600 in a folder of 0700, whatever the umask."""
    old = os.umask(0)
    try:
        folder = home("own") / "deeper"
        assert run("info", at=folder).returncode == 0
    finally:
        os.umask(old)
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or "key" not in path.read_text(errors="replace").lower(), path
    assert any(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.rglob("*"))


def test_info_says_whether_the_port_is_free(run, receive):
    with receive() as receiver:
        busy = json.loads(run("info", "--json", "--port", str(receiver.port)).stdout)
        assert busy["port_free"] is False
        assert "in use" in run("info", "--port", str(receiver.port)).stdout
        port = str(receiver.port)
    assert json.loads(run("info", "--json", "--port", port).stdout)["port_free"] is True


@pytest.mark.parametrize("options, protocol", [([], "https"), (["--http"], "http")])
def test_info_of_a_target(run, receive, options, protocol):
    """PR1: what it says of itself, and what TLS proved."""
    with receive(*options, alias="Target") as receiver:
        url = f"{protocol}://{receiver.target}"
        done = run("info", url, "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["alias"] == "Target"
        assert told["fingerprint"].upper() == receiver.fingerprint.upper()
        assert told["protocol"] == protocol
        assert (told["address"], told["port"]) == ("127.0.0.1", receiver.port)
        assert told["verified"] is (protocol == "https")
        assert isinstance(told["latency_ms"], int)
        text = run("info", url)
        assert text.returncode == 0
        assert "Target" in text.stdout and receiver.fingerprint in text.stdout


def test_info_of_nobody(run):
    done = run("info", NOBODY, "--json")
    assert done.returncode == 5
    told = json.loads(done.stdout)
    assert told["ok"] is False and told["exit_code"] == 5
    assert told["error"]["temporary"] is True
    assert "127.0.0.1:1" in done.stderr


# --- environment ----------------------------------------------------------------------------------

ENVIRONMENT = [
    ("LSEND_ALIAS", "Of variable", "--alias", "Of flag", "alias", str),
    ("LSEND_PORT", "51001", "--port", "51002", "port", int),
]


@pytest.mark.parametrize("variable, first, option, second, key, kind", ENVIRONMENT)
def test_a_flag_wins_over_the_environment(run, variable, first, option, second, key, kind):
    of_variable = json.loads(run("info", "--json", env={variable: first}).stdout)
    assert of_variable[key] == kind(first)
    of_flag = json.loads(run("info", "--json", option, second, env={variable: first}).stdout)
    assert of_flag[key] == kind(second)


def test_empty_variables_count_for_nothing(run):
    done = run("info", "--json", env={"LSEND_ALIAS": "", "LSEND_PORT": ""})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["port"] == 53317


@pytest.mark.parametrize("variable, value", [
    ("LSEND_PORT", "many"), ("LSEND_HTTP", "perhaps"), ("LSEND_CONNECT_TIMEOUT", "5d"),
    ("LSEND_MULTICAST_GROUP", "1.2.3.4"), ("LSEND_INTERFACE", "nosuch0"),
    ("LSEND_MULTICAST_PORT", "0"), ("LSEND_STALL_TIMEOUT", "-1s"),
])
def test_a_wrong_variable_is_named(run, variable, value):
    done = run("discover", "--timeout", "100ms", env={variable: value})
    assert done.returncode == 2
    assert variable in done.stderr or value in done.stderr


def test_PR16_PINs_of_both_sides_have_variables_of_their_own(run, receive, tmp_path):
    """PR16: LSEND_RECEIVE_PIN guards, LSEND_PIN opens; the PIN is in no output."""
    with receive(env={"LSEND_RECEIVE_PIN": "90817"}, accept=False) as receiver:
        path = make_file(tmp_path / "file.txt", "x")
        assert run("send", receiver.target, path).returncode == 7
        wrong = run("send", receiver.target, path, env={"LSEND_PIN": "11111"})
        assert wrong.returncode == 7
        right = run("send", receiver.target, path, env={"LSEND_PIN": "90817"})
        assert right.returncode == 0, right.stderr
        flag = run("send", receiver.target, path, "--pin", "90817", env={"LSEND_PIN": "11111"})
        assert flag.returncode == 0, flag.stderr
        receiver.stop()
        for text in (receiver.stdout(), receiver.stderr(), right.stderr, wrong.stderr):
            assert "90817" not in text and "11111" not in text


# --- receive --------------------------------------------------------------------------------------


def test_ready_file_comes_when_it_listens_and_goes_at_the_end(receive, home, tmp_path, lsend):
    ready = tmp_path / "ready.json"
    program = Program("receive", "--auto-accept", "--dir", tmp_path / "inbox", "--port", "0",
                      "--ready-file", ready, home=home("receiver"))
    with program:
        wait_until(ready.exists, what="the ready file")
        told = json.loads(ready.read_text())
        assert sorted(told) == ["fingerprint", "port"]
        connection = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=10)
        connection.connect()
        connection.close()
        assert program.stop() == 0
        assert not ready.exists()


def test_a_ready_file_that_cannot_be_written(run, tmp_path):
    done = run("receive", "-y", "-p", "0", "--dir", tmp_path / "inbox", "--ready-file",
               tmp_path / "no/such/folder/ready", timeout=20)
    assert done.returncode == 11
    assert "ready" in done.stderr


def test_once_ends_after_a_transfer(run, receive, tmp_path):
    with receive("--once") as receiver:
        assert send_file(run, receiver, tmp_path).returncode == 0
        assert receiver.wait(15) == 0
        assert receiver.stdout() == "file.txt\n"
        assert send_file(run, receiver, tmp_path).returncode == 5


def test_once_ends_after_a_message(run, receive):
    with receive("--once") as receiver:
        assert run("send", receiver.target, "-m", "hello").returncode == 0
        assert receiver.wait(15) == 0
        assert receiver.stdout() == "hello\n"


def test_count_ends_after_so_many(run, receive, tmp_path):
    with receive("--count", "3") as receiver:
        for number in range(3):
            assert receiver.popen.poll() is None
            done = send_file(run, receiver, tmp_path, f"file{number}.txt")
            assert done.returncode == 0, done.stderr
        assert receiver.wait(15) == 0
        assert receiver.stdout() == "file0.txt\nfile1.txt\nfile2.txt\n"


def test_count_is_not_used_up_by_refusals(run, receive, tmp_path):
    with receive("--once", "--pin", "123") as receiver:
        path = make_file(tmp_path / "file.txt", "x")
        assert run("send", receiver.target, path).returncode == 7
        time.sleep(0.5)
        assert receiver.popen.poll() is None
        assert run("send", receiver.target, path, "--pin", "123").returncode == 0
        assert receiver.wait(15) == 0


def test_a_port_in_use(run, receive, tmp_path):
    """13, with the port; never another one in silence."""
    with receive() as receiver:
        done = run("receive", "-y", "--port", str(receiver.port), "--dir", tmp_path / "other",
                   timeout=20)
        assert done.returncode == 13, done.stderr
        assert str(receiver.port) in done.stderr and "--port" in done.stderr
        assert done.stdout == ""


def test_the_default_port_in_use(run, tmp_path):
    """A receiver is looked for on 53317: it does not move away from it by itself."""
    with socket.socket() as taken:
        try:
            taken.bind(("0.0.0.0", 53317))
            taken.listen()
        except OSError:
            pytest.skip("something else has port 53317")
        done = run("receive", "-y", "--dir", tmp_path / "inbox", timeout=20)
        assert done.returncode == 13, done.stderr


def key_file(folder):
    """The file with the private key."""
    found = [path for path in folder.rglob("*")
             if path.is_file() and "PRIVATE KEY" in path.read_text(errors="replace")]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("command", [["info"], ["receive", "-y", "-p", "0"],
                                     ["discover", "--timeout", "1s"],
                                     ["send", NOBODY, "/etc/hostname"]])
def test_a_key_that_others_can_read_is_refused(run, home, tmp_path, command):
    """6, and how to repair it; afterwards it works again."""
    assert run("info").returncode == 0
    key = key_file(home("own"))
    key.chmod(0o644)
    done = run(*command, cwd=tmp_path, timeout=20)
    assert done.returncode == 6, done.stderr
    assert str(key) in done.stderr
    assert "chmod" in done.stderr
    key.chmod(0o600)
    assert run("info").returncode == 0


def test_a_damaged_identity_is_refused_and_kept(run, home):
    """6: a new identity in its place would be another device."""
    assert run("info").returncode == 0
    key = key_file(home("own"))
    key.write_text("-----BEGIN PRIVATE KEY-----\nrubbish\n")
    done = run("info")
    assert done.returncode == 6, done.stderr
    assert str(key) in done.stderr
    assert "rubbish" in key.read_text()


def test_standard_output_that_is_full(home, lsend):
    """Results that nobody could read are a failure."""
    redirect = ("sh", "-c", 'exec "$0" "$@" >/dev/full')
    with Program("info", home=home("own"), prefix=redirect) as program:
        assert program.wait(20) == 11
        assert "standard output" in program.stderr()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_PS10_a_second_SIGINT_ends_at_once(lsend, home, tmp_path):
    """PS10: while it waits for an answer that does not come, and somebody is connected to it."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        deaf.settimeout(10)
        own_port = free_port()
        target = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        path = make_file(tmp_path / "file.txt", "x")
        with Program("send", target, path, "--http", "--connect-timeout", "60s", "--port",
                     str(own_port), home=home("own")) as sender:
            peer, _ = deaf.accept()
            with peer, socket.create_connection(("127.0.0.1", own_port), 10) as caller:
                caller.sendall(b"GET /api/localsend/v2/info HTTP/1.1\r\n")
                time.sleep(0.2)
                sender.send_signal(signal.SIGINT)
                time.sleep(0.1)
                sender.send_signal(signal.SIGINT)
                assert sender.wait(10) == 130


def test_info_self_is_a_health_check(home, tmp_path):
    """Our own receiver answers; nobody is 5; somebody else's is 6."""
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        port = str(receiver.port)
        done = run_lsend("info", "--self", "--json", "--port", port, home=home("bob"))
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["fingerprint"] == receiver.fingerprint and told["verified"]
        text = run_lsend("info", "--self", "--port", port, home=home("bob"))
        assert "this machine itself" in text.stdout
        plain = run_lsend("info", "--self", "--port", port, home=home("bob"),
                          env={"LSEND_HTTP": "1"})
        assert plain.returncode == 0, plain.stderr
        other = run_lsend("info", "--self", "--port", port, home=home("alice"))
        assert other.returncode == 6 and "is not this one" in other.stderr
        receiver.stop()
    none = run_lsend("info", "--self", "--port", port, home=home("bob"))
    assert none.returncode == 5 and "lsend receive" in none.stderr
    both = run_lsend("info", "--self", "somebody", home=home("bob"))
    assert both.returncode == 2
