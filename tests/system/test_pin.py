"""Where the PIN of a receiver comes from: an option, a file, the environment, or a person."""

import json

import pytest

from lab.files import make_file
from lab.process import Receiver, run_lsend, wait_until
from lab.terminal import OnTerminal

PIN = "12 ä&4"
ASKED = "PIN of 'Kitchen' (127.0.0.1): "
PUBLIC = "--pin: everyone on this host can read a command line"


@pytest.fixture
def source(tmp_path):
    return make_file(tmp_path / "notes.txt", "hello")


@pytest.fixture
def typing(home, lsend):
    """typing(*arguments) is `lsend send` with a person."""
    def run(*arguments, **more):
        return OnTerminal("send", *arguments, home=home("me"), **more)

    return run


@pytest.fixture
def pin_file(tmp_path):
    path = tmp_path / "pin"
    path.write_text(PIN + "\n")
    path.chmod(0o600)
    return path


def pins_of(one):
    """The PINs that came, in order."""
    return [call.query.get("pin") for call in one.of("prepare")]


@pytest.mark.parametrize("era", ["1.8", "1.17"])
def test_a_person_is_asked_without_echo(peer, source, typing, era):
    """S5: PS3: a wrong answer may be followed by a right one; nothing is sent but what was typed."""
    one = peer(era, pin=PIN, alias="Kitchen")
    with typing(one.target, source) as running:
        running.wait_for(ASKED)
        assert not running.echoes()
        assert pins_of(one) == [None]
        running.type("0000\n")
        running.wait_for("wrong; " + ASKED)
        running.type(PIN + "\n")
        assert running.wait() == 0, running.shown()
        assert running.echoes()
        shown = running.shown()
    assert "0000" not in shown and PIN not in shown
    assert pins_of(one) == [None, "0000", PIN]
    assert one.stored["notes.txt"].body == b"hello"


@pytest.mark.parametrize("typed", ["\n", "\x04"])
def test_no_answer_is_7(peer, source, typing, typed):
    one = peer(pin=PIN, alias="Kitchen")
    with typing(one.target, source) as running:
        running.wait_for(ASKED)
        running.type(typed)
        assert running.wait() == 7, running.shown()
        assert running.echoes()
        assert "asks for a PIN" in running.shown()
    assert pins_of(one) == [None]


def test_three_answers_are_the_end(peer, source, typing):
    """The fourth would meet a closed door."""
    one = peer(pin=PIN, alias="Kitchen")
    with typing(one.target, source) as running:
        for times in range(1, 4):
            running.wait_for(ASKED, times=times)
            running.type(f"{times}\n")
        assert running.wait() == 7, running.shown()
        assert "does not take this PIN" in running.shown()
    assert pins_of(one) == [None, "1", "2", "3"]


def test_a_lock_out_while_a_person_types_is_7(home, source, typing, tmp_path):
    """lsend itself refuses everything after the third wrong one."""
    with Receiver(tmp_path / "in", "--pin-file", make_secret(tmp_path), alias="Kitchen",
                  home=home("receiver")) as receiver, typing(receiver.target, source) as running:
        for times in range(1, 4):
            running.wait_for(ASKED, times=times)
            running.type(f"{times}\n")
        assert running.wait() == 7, running.shown()
    assert not (tmp_path / "in" / "notes.txt").exists()


def make_secret(folder):
    """A file with a PIN that nobody here knows."""
    path = folder / "secret"
    path.write_text("987654\n")
    path.chmod(0o600)
    return path


def test_an_interrupt_gives_the_echo_back(peer, source, typing):
    one = peer(pin=PIN, alias="Kitchen")
    with typing(one.target, source) as running:
        running.wait_for(ASKED)
        running.type("12\x03")
        assert running.wait(5) == 130, running.shown()
        assert running.echoes()
    assert pins_of(one) == [None]


def test_each_receiver_has_a_pin_of_its_own(peer, source, typing):
    """One question at a time, and it names the device."""
    ones = [peer(pin=word, alias=word, name=word) for word in ("first", "other")]
    with typing("--to", ones[0].target, "--to", ones[1].target, source) as running:
        for times in (1, 2):
            running.wait_for("PIN of '", times=times)
            running.type(running.shown().rsplit("PIN of '", 1)[1].split("'")[0] + "\n")
        assert running.wait() == 0, running.shown()
    for one in ones:
        assert pins_of(one) == [None, one.pin]


def test_a_pipe_leaves_the_terminal_for_the_pin(peer, home, typing, tmp_path):
    """`date | lsend send kitchen -` can ask all the same."""
    one = peer(pin=PIN, alias="Kitchen")
    with open(make_file(tmp_path / "input", "from a pipe"), "rb") as stdin:
        with typing(one.target, "-", stdin=stdin) as running:
            running.wait_for(ASKED)
            running.type(PIN + "\n")
            assert running.wait() == 0, running.shown()
    assert one.stored["stdin"].body == b"from a pipe"


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_without_a_terminal_it_is_7_at_once(peer, home, source, json_too):
    """Nobody is there to be asked; the sentence says where a PIN can come from."""
    one = peer(pin=PIN)
    done = run_lsend("send", one.target, source, *json_too, home=home("me"), timeout=10)
    assert done.returncode == 7
    assert "--pin-file" in done.stderr and "LSEND_PIN" in done.stderr
    assert pins_of(one) == [None]


def test_json_asks_nobody(peer, source, typing):
    """Not even on a terminal."""
    one = peer(pin=PIN)
    with typing("--json", one.target, source) as running:
        assert running.wait() == 7, running.shown()
    assert pins_of(one) == [None]


def test_a_given_pin_is_the_last_word(peer, source, pin_file, typing):
    """A wrong one from a file is not asked about: exit 7, one try."""
    one = peer(pin="another")
    with typing("--pin-file", pin_file, one.target, source) as running:
        assert running.wait() == 7, running.shown()
        assert "does not take this PIN" in running.shown()
    assert pins_of(one) == [PIN]


def test_where_a_pin_comes_from(peer, home, source, pin_file):
    """The command line wins over the environment, and that over the configuration."""
    one = peer(pin=PIN)

    def send(*options, config="", **env):
        (home("me") / "config.toml").write_text(config)
        done = run_lsend("send", *options, one.target, source, home=home("me"), env=env)
        return done.returncode

    assert send("--pin-file", pin_file) == 0
    assert send(LSEND_PIN_FILE=pin_file) == 0
    assert send(LSEND_PIN=PIN) == 0
    assert send(config=f'[send]\npin-file = "{pin_file}"\n') == 0
    assert send(config=f'[send]\npin = "{PIN}"\n') == 0
    assert send("--pin-file", pin_file, LSEND_PIN="wrong") == 0
    assert send("--pin", PIN, LSEND_PIN_FILE="/nowhere") == 0
    assert send(LSEND_PIN=PIN, config='[send]\npin-file = "/nowhere"\n') == 0
    assert send("--pin", PIN, "--pin-file", pin_file) == 2
    assert send(LSEND_PIN=PIN, LSEND_PIN_FILE=pin_file) == 2


@pytest.mark.parametrize("mode, content, said", [
    (0o644, "1\n", "chmod"), (0o600, "\n", "no PIN"), (None, "", "cannot be read")])
def test_a_pin_file_that_is_none(home, source, tmp_path, mode, content, said):
    path = tmp_path / "pin"
    if mode is not None:
        path.write_text(content)
        path.chmod(mode)
    done = run_lsend("send", "--pin-file", path, "127.0.0.1:1", source, home=home("me"))
    assert done.returncode == 2
    assert str(path) in done.stderr and said in done.stderr


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf12\r\n", b"12\r\n", b"12"])
def test_a_pin_file_of_any_system_is_right_at_once(peer, home, source, tmp_path, content):
    """Its mark and its line end are no part of the PIN."""
    one = peer(pin="12")
    path = tmp_path / "pin"
    path.write_bytes(content)
    path.chmod(0o600)
    done = run_lsend("send", "--pin-file", path, one.target, source, home=home("me"))
    assert done.returncode == 0, done.stderr
    assert pins_of(one)[-1] == "12" and set(pins_of(one)) <= {None, "12"}


def test_a_pin_on_the_command_line_is_warned_of_once(peer, home, source, pin_file, tmp_path):
    """Both ends say so, `--pin random` and a file do not."""
    one = peer(pin=PIN)
    done = run_lsend("send", "--pin", PIN, one.target, source, home=home("me"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(PUBLIC) == 1 and "LSEND_PIN " in done.stderr
    done = run_lsend("send", "--json", "--pin", PIN, one.target, source, home=home("me"))
    warned = [json.loads(line)["message"] for line in done.stdout.splitlines()
              if '"warning"' in line]
    assert len(warned) == 1 and PUBLIC in warned[0]
    done = run_lsend("send", "--pin-file", pin_file, one.target, source, home=home("me"))
    assert PUBLIC not in done.stderr
    for options, times in ((["--pin", "123456"], 1), (["--pin", "random"], 0),
                           (["--pin-file", pin_file], 0)):
        with Receiver(tmp_path / "in", *options, home=home("receiver"), accept=False) as receiver:
            wait_until(lambda: "fingerprint" in receiver.stderr(), what="the banner")
            assert receiver.stderr().count(PUBLIC) == times
            assert ("LSEND_RECEIVE_PIN" in receiver.stderr()) == bool(times)
