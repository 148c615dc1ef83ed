"""The tables that scripts rely on: every exit code and every type of --json comes from a run here,
and the README, the manual and the schema have the same tables."""

import json
import re
import signal
import socket

import pytest

from lab import schema
from lab.files import make_file
from lab.process import ROOT, Program, Receiver, run_lsend, wait_until
from peers import behaviour
from peers.sender import File, SenderPeer

# code: (name, whether another try can help)
CODES = {
    1: ("failed", False), 2: ("usage", False), 3: ("not_found", True), 4: ("ambiguous", False),
    5: ("unreachable", True), 6: ("identity", False), 7: ("pin", False), 8: ("declined", False),
    9: ("busy", True), 10: ("partial", False), 11: ("io", False), 12: ("integrity", True),
    13: ("port", False), 14: ("timeout", True), 15: ("limit", False), 16: ("protocol", False),
    129: ("interrupted", False), 130: ("interrupted", False), 143: ("interrupted", False),
}
STREAM = {"ready", "device", "target", "plan", "request", "decision", "waiting", "progress", "file",
          "message", "hook", "session", "warning", "error", "result"}
DOCUMENTS = {"devices", "info", "doctor", "known_devices"}


@pytest.fixture
def run(home, lsend):
    """run(*words) is lsend --json; its exit code and what it printed."""
    def start(*words, **more):
        done = run_lsend(*words, "--json", home=home("me"), **more)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return start


@pytest.fixture
def source(tmp_path):
    return make_file(tmp_path / "file.txt", "content")


def refusing(status):
    """A run of send whose offer is answered so."""
    def case(run, peer, source):
        return run("send", peer(behave={"prepare": behaviour.always(status)}).target, source)
    return case


def ambiguous(run, _peer, _source):
    for first in ("A", "B"):
        assert run("devices", "trust", "fp:12345678" + first * 56)[0] == 0
    return run("send", "fp:12345678", "-m", "hello")


def identity(run, peer, source):
    return run("send", "--fingerprint", "AB" * 32, peer().target, source)


def pin(run, peer, source):
    return run("send", peer(pin="1").target, source)


def partial(run, peer, source):
    return run("send", "--to", peer(name="one", alias="One").target, "--to", "127.0.0.1:1", source)


def io(run, _peer, source):
    return run("send", "127.0.0.1:1", source.with_name("gone"))


def integrity(run, peer, source):
    return run("send", peer(behave={"upload": behaviour.always(422)}).target, source)


def port(run, _peer, source):
    with socket.create_server(("", 0)) as taken:
        return run("receive", "-y", "--dir", source.parent / "in", "--interface", "lo",
                   "--port", str(taken.getsockname()[1]))


def timeout(run, _peer, source):
    return run("receive", "-y", "--dir", source.parent / "in", "--interface", "lo", "--port", "0",
               "--idle-timeout", "300ms")


def limit(run, _peer, _source):
    return run("send", "127.0.0.1:1", "-m", "-", input=b"x" * (1024 * 1024 + 1))


def protocol(run, peer, source):
    return run("send", peer(behave={"prepare": behaviour.always(200, {"files": 7})}).target, source)


CASES = {
    1: refusing(500), 2: lambda run, *_: run("send"),
    3: lambda run, *_: run("discover", "nobody-of-that-name", "--count", "1", "--timeout", "200ms",
                           "--no-scan"),
    4: ambiguous, 5: lambda run, _, source: run("send", "127.0.0.1:1", source), 6: identity, 7: pin,
    8: refusing(403), 9: refusing(409), 10: partial, 11: io, 12: integrity, 13: port, 14: timeout,
    15: limit, 16: protocol,
}


@pytest.mark.parametrize("code", CASES)
def test_every_exit_code(run, peer, source, code):
    """The program ends with it, and the JSON says the same with its name and what can be done."""
    ended, printed = CASES[code](run, peer, source)
    assert ended == code, printed
    last = printed[-1]
    assert (last["exit_code"], last["ok"]) == (code, False)
    error = last.get("error") or printed[-2]
    assert (error["code"], error["temporary"]) == CODES[code]
    assert error["exit_code"] == code and error["message"]


@pytest.mark.parametrize("number, code", [(signal.SIGHUP, 129), (signal.SIGINT, 130),
                                           (signal.SIGTERM, 143)])
def test_exit_codes_of_signals(home, lsend, number, code):
    with Program("discover", "--json", "--timeout", "60s", "--no-scan", home=home("me")) as program:
        wait_until(lambda: handles(program.pid, number), what="the handler")
        assert program.stop(number, expect=None) == code
        printed, = program.events() if program.popen.poll() is None else [
            json.loads(line) for line in program.stdout().splitlines()]
    error = printed["error"]
    assert (error["exit_code"], (error["code"], error["temporary"])) == (code, CODES[code])


def handles(pid, number):
    """Has the process a handler for this signal?"""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        caught, = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    return int(caught, 16) >> (number - 1) & 1


def test_every_code_has_its_case():
    assert set(CASES) | {129, 130, 143} == set(CODES)


def test_success_is_0(run):
    """Also where nobody was found."""
    for words in (["info"], ["discover", "--timeout", "200ms", "--no-scan"], ["devices"]):
        code, printed = run(*words)
        assert code == 0 and printed[-1]["ok"] is True


def test_every_type_of_json(run, home, source, tmp_path):
    """Those of the schema are those that come."""
    seen = set()

    def note(printed):
        seen.update(event["type"] for event in printed)

    with Receiver(tmp_path / "in", "--json", "--exec", "true", home=home("other")) as receiver:
        sender = SenderPeer(receiver.port)
        note(run("send", receiver.target, source)[1])
        note(run("send", receiver.target, "-m", "hello")[1])
        sender.send([File("a", b"x")])
        wait_until(lambda: {"hook", "message", "session"} <= {e["type"] for e in receiver.events()},
                   what="what a receiver tells")
        receiver.popen.send_signal(signal.SIGTERM)
        assert receiver.wait(10) == 0
        note(receiver.events())
    note(run("send", "127.0.0.1:1", source)[1])
    with Receiver(tmp_path / "in", "--json", home=home("other"), alias="Other"):
        with Program("discover", "--watch", "--json", "--no-scan", home=home("me")) as program:
            wait_until(lambda: any(e["type"] == "device" for e in program.events()), 20, "a device")
            note(program.events())
    for words in (["devices"], ["info"], ["doctor"], ["discover", "--timeout", "200ms"]):
        note(run(*words)[1])
    assert seen == STREAM | DOCUMENTS


def schema_types():
    text = json.loads(schema.PATH.read_text(encoding="utf-8"))
    return {form["properties"]["type"]["const"] for form in text["$defs"].values()
            if "const" in form.get("properties", {}).get("type", {})}


def test_the_schema_has_the_same_types():
    assert schema_types() == STREAM | DOCUMENTS


def test_the_manual_has_the_same_tables():
    text = (ROOT / "man" / "lsend.1.scd").read_text(encoding="utf-8")
    rows = re.findall(r"^\|  ([0-9, ]+)\n:  (\w*) *\n:  (.*)$", text, re.MULTILINE)
    told = {int(code): (name, "(temporary)" in meaning) for codes, name, meaning in rows
            for code in codes.split(",") if code.strip() != "0"}
    assert told == CODES
    types = text.split("The types of lines are", 1)[1].split("# EXIT STATUS", 1)[0]
    assert STREAM | DOCUMENTS <= set(re.findall(r"[a-z]+(?:_[a-z]+)*", types))


def test_the_readme_has_the_same_codes():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    cells = re.findall(r"\| ([0-9, ]+) \| ([^|]+?) (?=\|)", text)
    told = {int(code): "(temporary)" in meaning for codes, meaning in cells
            for code in codes.split(",")}
    assert told == {0: False} | {code: temporary for code, (_, temporary) in CODES.items()}
    # Its recipe for CI tries again later what is temporary.
    again = re.search(r"^  ([0-9 |]+)\) echo \"still", text, re.MULTILINE)[1]
    assert {int(code) for code in again.split("|")} == {
        code for code, (_, temporary) in CODES.items() if temporary}
