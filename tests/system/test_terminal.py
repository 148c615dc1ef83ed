"""What is seen on a terminal and on a pipe, and what a peer can make us show."""

import http.client
import json
import os
import re
import signal
import time

import pytest

from lab.files import make_big, make_file
from lab.process import Receiver, run_lsend, wait_until
from lab.terminal import ALL, STDERR, OnTerminal, run_on_terminal

MIB = 1 << 20
CLEAR_TO_END = "\x1b[K"
CLEAR_LINE = "\r\x1b[K"
PERCENT = re.compile(r"\r\s*\d+%")
COLOR = re.compile(r"\x1b\[[0-9;]*m")
EVIL = {
    "escape": "\x1b[31mred\x1b]0;owned\x07",
    "csi": "c1\x9b31mred",
    "bidi": "gpj.\u202eexe\u2066x\u2069",
    "newline": "first\nlsend: error: faked\rback",
    "control": "bell\x07back\x08del\x7ftab\t",
}


@pytest.fixture
def receiver(home, tmp_path, lsend):
    with Receiver(tmp_path / "inbox", "--http", home=home("receiver")) as started:
        yield started


def assert_harmless(text):
    """No control character but the end of a line, no bidi override."""
    bad = sorted({hex(ord(c)) for c in text
                  if (ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) < 0xA0
                  or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069
                  or ord(c) in (0x200E, 0x200F, 0x061C)})
    assert bad == [], repr(text)


def without_our_own(text):
    """A terminal's text without the sequences that lsend itself writes."""
    return COLOR.sub("", text.replace(CLEAR_TO_END, "")).replace("\r", "")


# --- progress -------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [STDERR, ALL])
def test_progress_on_a_terminal(receiver, home, tmp_path, which):
    """S35: a line that is drawn again, at most as wide as the terminal, gone at the end."""
    path = make_big(tmp_path / "big.bin", 300 * MIB)
    code, shown, _ = run_on_terminal("send", receiver.target, path, home=home("sender"),
                                     which=which, columns=50)
    assert code == 0, shown
    lines = [line for line in re.split(r"[\r\n]", shown) if re.match(r"\s*\d+%", line)]
    assert lines, repr(shown)
    assert all(len(line.replace(CLEAR_TO_END, "")) < 50 for line in lines), lines
    last_line = max(match.end() for match in PERCENT.finditer(shown))
    assert CLEAR_LINE in shown[last_line:], repr(shown[-300:])
    assert "sent 1 file" in shown.rsplit(CLEAR_LINE, 1)[1]
    assert shown.endswith("\n")


def test_progress_is_cleared_when_it_is_interrupted(receiver, home, tmp_path):
    """Ctrl-C leaves no half line."""
    reading, writing = os.pipe()
    with open(reading, "rb") as stdin, open(writing, "wb", buffering=0) as pipe:
        os.set_blocking(writing, False)
        pipe.write(b"x" * 60000)
        code, shown, _ = run_on_terminal("send", receiver.target, "-", "--size", "10M",
                                         home=home("sender"), stdin=stdin, timeout=15,
                                         signal_after=(2, signal.SIGINT))
    assert code == 130, shown
    drawn = [match.end() for match in PERCENT.finditer(shown)]
    assert drawn == [] or CLEAR_LINE in shown[drawn[-1]:], repr(shown)
    assert shown.endswith("\n")


@pytest.mark.parametrize("args, env", [
    (["--progress", "none"], {}),
    (["--json"], {}),
    (["-q"], {}),
    ([], {"TERM": "dumb"}),
])
def test_no_progress_line_where_nobody_wants_it(receiver, home, tmp_path, args, env):
    path = make_big(tmp_path / "big.bin", 100 * MIB)
    code, shown, _ = run_on_terminal("send", receiver.target, path, *args, home=home("sender"),
                                     env=env)
    assert code == 0, shown
    assert not PERCENT.search(shown), repr(shown)
    assert CLEAR_TO_END not in shown, repr(shown)


def test_no_progress_line_on_a_pipe(receiver, home, tmp_path):
    """S35: Neither end draws on a pipe, and stdout of the receiver is the path only."""
    path = make_big(tmp_path / "big.bin", 100 * MIB)
    done = run_lsend("send", receiver.target, path, home=home("sender"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    wait_until(lambda: "big.bin" in receiver.stdout(), what="the path on stdout")
    for text in (done.stderr, receiver.stderr(), receiver.stdout()):
        assert_harmless(text)
        assert "%" not in text
    assert receiver.stdout() == "big.bin\n"


@pytest.mark.parametrize("args, env, colored", [
    ([], {}, True),
    ([], {"NO_COLOR": "1"}, False),
    ([], {"TERM": "dumb"}, False),
    (["--color", "never"], {}, False),
    (["--color", "always"], {"NO_COLOR": "1"}, True),
])
def test_color_of_an_error(home, lsend, args, env, colored):
    """NO_COLOR, TERM=dumb and --color on a terminal."""
    code, shown, _ = run_on_terminal("send", "127.0.0.1:1", "/etc/hostname", *args,
                                     home=home("sender"), env=env)
    assert code == 5, shown
    assert bool(COLOR.search(shown)) == colored, repr(shown)


def test_color_on_a_pipe(home, lsend):
    def colored(*args, **env):
        done = run_lsend("send", "127.0.0.1:1", "/etc/hostname", *args, home=home("sender"),
                         env=env)
        assert done.returncode == 5
        return bool(COLOR.search(done.stderr))

    assert not colored()
    assert not colored(NO_COLOR="1", CLICOLOR_FORCE="1")
    assert colored(CLICOLOR_FORCE="1")
    assert colored("--color", "always")


# --- what nobody has to read ---------------------------------------------------------------------


def test_many_files_that_are_declined_are_a_few_lines(home, tmp_path, lsend):
    """At both ends; JSON names each."""
    for number in range(30):
        make_file(tmp_path / "out" / f"{number}.tmp", "x")
    make_file(tmp_path / "out" / "wanted", "x")
    with Receiver(tmp_path / "in", "--deny", "*.tmp", home=home("receiver")) as receiver:
        done = run_lsend("send", receiver.target, tmp_path / "out", home=home("sender"))
        told = run_lsend("send", "--json", receiver.target, tmp_path / "out", home=home("sender"))
        assert receiver.stop() == 0
    assert done.returncode == told.returncode == 10
    assert done.stderr.count("declined: ") == 20
    assert done.stderr.count("--json names them all") == 1
    assert "sent 1 file, 30 declined" in done.stderr
    assert told.stdout.count('"skipped"') + told.stdout.count('"declined"') >= 30
    assert receiver.stderr().count("declined: ") == 40


def test_the_rate_of_a_few_bytes_is_none(receiver, home, tmp_path):
    done = run_lsend("send", receiver.target, make_file(tmp_path / "a", "x"), home=home("sender"))
    assert re.search(r"^sent 1 file, 1 B in [0-9.]+ s$", done.stderr, re.MULTILINE), done.stderr


def test_what_cannot_be_reached_has_a_hint(home, tmp_path, lsend):
    path = make_file(tmp_path / "a", "x")
    done = run_lsend("send", "127.0.0.1:1", path, home=home("sender"))
    assert done.returncode == 5 and "'lsend doctor'" in done.stderr
    done = run_lsend("send", "-q", "127.0.0.1:1", path, home=home("sender"))
    assert done.returncode == 5 and len(done.stderr.splitlines()) == 1


def test_a_receiver_ends_with_its_terminal(home, tmp_path, lsend):
    """A window that is closed leaves no receiver behind that nobody sees."""
    ready = tmp_path / "ready"
    with OnTerminal("receive", "--dir", tmp_path / "in", "--port", "0", "--interface", "lo",
                    "--ready-file", ready, home=home("receiver")) as running:
        wait_until(ready.exists, what="the receiver")
        running.hang_up()
        assert running.wait(10) == 0
    assert not ready.exists()


def test_a_receiver_that_waits_for_its_hooks_ends_with_its_terminal(home, tmp_path, lsend):
    """They run in groups of their own, so that the terminal's end does not reach them."""
    ready, begun = tmp_path / "ready", tmp_path / "begun"
    with OnTerminal("receive", "--dir", tmp_path / "in", "--port", "0", "--interface", "lo",
                    "--ready-file", ready, "--auto-accept", "--once",
                    "--exec", f"touch {begun}; sleep 60", home=home("receiver")) as running:
        wait_until(ready.exists, what="the receiver")
        port = json.loads(ready.read_text())["port"]
        done = run_lsend("send", f"127.0.0.1:{port}", make_file(tmp_path / "a", "x"),
                         home=home("sender"))
        assert done.returncode == 0, done.stderr
        wait_until(begun.exists, what="the command")
        time.sleep(0.5)
        running.hang_up()
        assert running.wait(10) in (0, 143)


# --- text that a peer chose -----------------------------------------------------------------------


def ask(receiver, alias, name, preview=None, model="Model"):
    """A prepare-upload as a peer of any intention would send it; (status, answer)."""
    file = {"id": "f", "fileName": name, "size": len((preview or "x").encode()),
            "fileType": "text/plain"}
    if preview is not None:
        file["preview"] = preview
    info = {"alias": alias, "version": "2.1", "deviceModel": model, "deviceType": "desktop",
            "fingerprint": "no certificate", "port": 53317, "protocol": "http", "download": False}
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=20)
    try:
        connection.request("POST", "/api/localsend/v2/prepare-upload",
                           json.dumps({"info": info, "files": {"f": file}}))
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else None
    finally:
        connection.close()


def upload(receiver, answer, content=b"x"):
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=20)
    try:
        token = answer["files"]["f"]
        connection.request("POST", f"/api/localsend/v2/upload?sessionId={answer['sessionId']}"
                                   f"&fileId=f&token={token}", content)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL.keys())
def test_PR32_names_of_a_sender_are_shown_escaped(receiver, home, evil):
    """PR32: alias, model, file name and message, on stdout and stderr of the receiver."""
    status, answer = ask(receiver, alias=evil, name=evil + ".txt", model=evil)
    if status == 200:
        assert upload(receiver, answer) in (200, 400)
    else:
        assert status == 400
    assert ask(receiver, alias=evil, name="m.txt", preview="said " + evil)[0] == 204
    wait_until(lambda: "said " in receiver.stdout(), what="the message")
    assert receiver.stop() == 0
    for text in (receiver.stdout(), receiver.stderr()):
        assert_harmless(text)
    if "\n" in evil:
        faked = [line for line in receiver.stderr().splitlines()
                 if line.startswith("lsend: error: faked")]
        assert faked == []


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL.keys())
def test_PR32_names_of_a_sender_in_json(home, tmp_path, lsend, evil):
    """PR32: --json escapes what is not printable, and gives the text back unchanged."""
    with Receiver(tmp_path / "inbox", "--http", "--json", home=home("receiver")) as receiver:
        assert ask(receiver, alias=evil, name="m.txt", preview="said " + evil)[0] == 204
        wait_until(lambda: '"message"' in receiver.stdout(), what="the message")
        assert_harmless(receiver.stdout())
        message = [event for event in receiver.events() if event["type"] == "message"][0]
        assert message["text"] == "said " + evil
        assert message["device"]["alias"] == evil


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL.keys())
def test_PR32_alias_of_a_receiver_is_shown_escaped(home, tmp_path, lsend, evil):
    """PR32: what the other end calls itself, at the sender: pipe, terminal and JSON."""
    path = make_file(tmp_path / "file.txt", "x")
    with Receiver(tmp_path / "inbox", home=home("receiver"), alias="A" + evil) as receiver:
        done = run_lsend("send", receiver.target, path, home=home("sender"))
        assert done.returncode == 0, done.stderr
        assert_harmless(done.stderr)
        assert_harmless(done.stdout)
        code, shown, _ = run_on_terminal("send", receiver.target, path, home=home("sender"))
        assert code == 0, shown
        assert_harmless(without_our_own(shown))
        done = run_lsend("send", "--json", receiver.target, path, home=home("sender"))
        assert_harmless(done.stdout)
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["target"]["alias"] == "A" + evil
        done = run_lsend("info", receiver.target, home=home("sender"))
        assert done.returncode == 0, done.stderr
        assert_harmless(done.stdout)
        assert_harmless(receiver.stderr())


def test_PR32_file_names_of_our_own_are_shown_escaped(receiver, home, tmp_path):
    """PR32: a local name with an escape sequence, at both ends."""
    path = make_file(tmp_path / "red \x1b[31m name\n.txt", "x")
    done = run_lsend("send", receiver.target, path, home=home("sender"))
    assert_harmless(done.stderr)
    missing = run_lsend("send", receiver.target, tmp_path / "gone\x1b[2J", home=home("sender"))
    assert missing.returncode == 11
    assert_harmless(missing.stderr)
    assert_harmless(receiver.stdout())
    assert_harmless(receiver.stderr())
