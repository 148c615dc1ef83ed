"""Uploads that broke off and go on, as `lsend send` makes them (reliability.md 7.5)."""

import hashlib
import os
import signal

import pytest

from lab import files
from lab.cutting import Cutting
from lab.process import Program, Receiver, run_lsend, wait_until
from lab.resuming import MIB, parts_in, wait_gone, wait_kept
from lab.sending import Sent, options_for, peer, send  # pylint: disable=unused-import

SIZE = 60_000_000


@pytest.fixture
def big(tmp_path):
    return files.make_big(tmp_path / "disk.img", SIZE, step=4_000_000)


@pytest.fixture(scope="module")
def other_home(tmp_path_factory):
    """The receiver's identity."""
    folder = tmp_path_factory.mktemp("other")
    folder.chmod(0o700)
    assert run_lsend("info", home=folder).returncode == 0
    return folder


@pytest.fixture
def receiver(tmp_path, other_home):
    """receiver(...) is `lsend receive --json` into the test's own folder."""
    def start(*words, **more):
        return Receiver(tmp_path / "in", "--json", "--stall-timeout", "3s", *words,
                        home=other_home, **more)

    return start


def run_send(way, home, *words):
    """Like the fixture `send`, to a way."""
    done = run_lsend(*options_for(way.target), *words, home=home, timeout=90)
    return Sent(done.returncode, done.stdout, done.stderr)


def is_whole(receiving, path):
    """The file came as it is, and nothing else is left."""
    assert files.digest(receiving.folder / path.name) == files.digest(path)
    wait_gone(receiving.folder)
    assert sorted(p.name for p in receiving.folder.iterdir()) == [".lsend", path.name]


def cut_short(way, home, *words):
    """A run that dies while the way stalls."""
    program = Program(*options_for(way.target), *words, home=home)
    assert way.stalled.wait(30)
    program.popen.kill()
    program.popen.wait(10)


def told(receiving, kind):
    return [event for event in receiving.events() if event["type"] == kind]


@pytest.mark.parametrize("checksum", ["--checksum", "--no-checksum"])
def test_goes_on_in_the_same_run(receiver, own_home, big, checksum):
    with receiver("--once") as receiving, \
            Cutting(receiving.port, [20_000_000, 12_000_000, 9_000_000]) as way:
        sent = run_send(way, own_home, checksum, str(big))
        assert sent.code == 0, sent.err
        assert not way.cuts
        # Three breaks, and little travelled twice.
        assert way.carried < SIZE + 3 * 8_000_000
        resumed = sent.files["disk.img"]["resumed_from"]
        assert 20_000_000 < resumed < SIZE
        assert receiving.wait(20) == 0
        is_whole(receiving, big)
        assert told(receiving, "file")[0]["resumed_from"] == resumed
        # Who has accepted it was asked once.
        assert len(told(receiving, "request")) == 1
        assert sent.events[-1]["files_done"] == 1


def test_goes_on_in_a_later_run(receiver, own_home, big):
    with receiver() as receiving, Cutting(receiving.port, stall_at=30_000_000) as way:
        cut_short(way, own_home, str(big))
        part, = wait_kept(receiving.folder)
        there = wait_until(lambda: part.stat().st_size)
        way.flow()
        before = way.carried
        sent = run_send(way, own_home, "--wait", "30s", str(big))
        assert sent.code == 0, sent.err
        assert sent.files["disk.img"]["resumed_from"] >= min(there, 20_000_000)
        assert way.carried - before < SIZE - 15_000_000
        is_whole(receiving, big)


def test_goes_on_after_the_receiver_was_killed(receiver, own_home, big):
    with receiver() as receiving, Cutting(receiving.port, stall_at=40_000_000) as way:
        program = Program(*options_for(way.target), "--retry", "5", str(big), home=own_home)
        assert way.stalled.wait(30)
        part, = wait_kept(receiving.folder)
        receiving.popen.kill()
        receiving.popen.wait(10)
        there = part.stat().st_size
        assert there >= 16 * MIB
        way.flow()
        with receiver(port=receiving.port) as again:
            assert program.wait(60) == 0, program.stderr()
            sent = Sent(0, program.stdout(), program.stderr())
            assert sent.files["disk.img"]["resumed_from"] == there
            is_whole(again, big)


def test_a_break_of_many_files_ends_well(receiver, own_home, tmp_path):
    paths = [files.make_big(tmp_path / f"big-{i}", 8_000_000, seed=i) for i in range(6)]
    paths += files.make_named(tmp_path / "small", [f"s{i}" for i in range(40)])
    with receiver() as receiving, Cutting(receiving.port, [3_000_000] * 4) as way:
        sent = run_send(way, own_home, "--no-checksum", *map(str, paths))
        assert sent.code == 0, sent.err
        assert any("resumed_from" in event for event in sent.files.values())
        for path in paths:
            assert files.digest(receiving.folder / path.name) == files.digest(path)
        wait_gone(receiving.folder)


def test_a_file_that_has_changed_is_sent_whole(receiver, own_home, big):
    with receiver() as receiving, Cutting(receiving.port, stall_at=30_000_000) as way:
        cut_short(way, own_home, "--no-checksum", str(big))
        wait_kept(receiving.folder)
        way.flow()
        # Nothing but the bytes tells.
        times = os.stat(big)
        with open(big, "r+b") as file:
            file.seek(1_000_000)
            file.write(b"another byte")
        os.utime(big, ns=(times.st_atime_ns, times.st_mtime_ns))
        sent = run_send(way, own_home, "--no-checksum", "--wait", "30s", str(big))
        assert sent.code == 0, sent.err
        assert "resumed_from" not in sent.files["disk.img"]
        is_whole(receiving, big)


def test_a_part_that_was_damaged_is_sent_whole(receiver, own_home, big):
    with receiver() as receiving, Cutting(receiving.port, stall_at=30_000_000) as way:
        cut_short(way, own_home, str(big))
        part, = wait_kept(receiving.folder)
        way.flow()
        wait_until(lambda: told(receiving, "session"), 20)
        with open(part, "r+b") as file:
            file.seek(5_000_000)
            file.write(b"damage")
        sent = run_send(way, own_home, str(big))
        assert sent.code == 0, sent.err
        assert "resumed_from" not in sent.files["disk.img"]
        is_whole(receiving, big)


def test_ctrl_c_leaves_nothing_behind(receiver, own_home, big):
    with receiver() as receiving, Cutting(receiving.port, stall_at=30_000_000) as way:
        program = Program(*options_for(way.target), str(big), home=own_home)
        assert way.stalled.wait(30)
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
        wait_gone(receiving.folder)


def test_a_hang_up_leaves_what_has_come(receiver, own_home, big):
    """Nobody has called it off: the next run goes on there, and the slot is free for it."""
    with receiver() as receiving, Cutting(receiving.port, stall_at=30_000_000) as way:
        program = Program(*options_for(way.target), str(big), home=own_home)
        assert way.stalled.wait(30)
        program.send_signal(signal.SIGHUP)
        assert program.wait(20) == 129
        wait_kept(receiving.folder)
        way.flow()
        sent = run_send(way, own_home, str(big))
        assert sent.code == 0, sent.err
        assert sent.files["disk.img"]["resumed_from"] > 1_000_000
        is_whole(receiving, big)


def test_no_resume_sends_every_file_from_its_beginning(receiver, own_home, big):
    with receiver() as receiving, Cutting(receiving.port, [20_000_000]) as way:
        sent = run_send(way, own_home, "--no-resume", str(big))
        assert sent.code == 0, sent.err
        assert "resumed_from" not in sent.files["disk.img"]
        assert way.carried > SIZE + 19_000_000
        is_whole(receiving, big)


# --- peers that are no lsend, or lie ------------------------------------------------------------


@pytest.mark.parametrize("era", ["1.8", "1.9", "1.17", "1.18"])
def test_official_peers_see_no_offset(peer, send, big, era):
    def once(exchange, seen=[]):  # pylint: disable=dangerous-default-value
        if seen:
            return False
        seen.append(exchange.read(limit=20_000_000))
        exchange.reset()
        return True

    receiving = peer(era, behave={"upload": once})
    sent = send(receiving, str(big))
    assert sent.code == 0, sent.err
    assert len(receiving.of("upload")) == 2
    for call in receiving.calls:
        assert "offset" not in call.query and "keep" not in call.query
    said = receiving.of("prepare")[0].json()["info"].get("lsend")
    assert said == (None if era == "1.8" else {"v": 1, "resume": True})


@pytest.mark.parametrize("words", [["--no-resume"], ["--size", "3000000", "-"], ["-m", "text"]])
def test_who_cannot_go_on_says_nothing(peer, send, big, words):
    receiving = peer("1.17")
    more = {"input": b"x" * 3_000_000} if "-" in words else {}
    paths = [str(big)] if words == ["--no-resume"] else []
    send(receiving, *words, *paths, **more)
    assert "lsend" not in receiving.of("prepare")[0].json()["info"]


def lies(resume):
    """A prepare answer with points of the test's choice: `resume` of the first file's size."""
    def act(exchange):
        exchange.read()
        call = exchange.call
        files_of = call.json()["files"]
        owner = exchange.peer
        owner.offered = files_of
        owner.tokens = {key: f"token-{key}" for key in files_of}
        owner.session = owner.session_id = "session"
        key, entry = next(iter(files_of.items()))
        exchange.answer(200, {"sessionId": "session", "files": dict(owner.tokens),
                              "lsend": {"v": 1, "resume": resume(key, entry["size"])}})
        return True
    return act


WRONG = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("resume", [
    lambda key, size: {key: {"offset": 5_000_000, "sha256Prefix": WRONG}},
    lambda key, size: {key: {"offset": size, "sha256Prefix": WRONG}},
    lambda key, size: {key: {"offset": size + 1, "sha256Prefix": WRONG}},
    lambda key, size: {key: {"offset": (1 << 64) - 1, "sha256Prefix": WRONG}},
    lambda key, size: {key: {"offset": 0, "sha256Prefix": WRONG}},
    lambda key, size: {key: {"offset": -5, "sha256Prefix": WRONG}},
    lambda key, size: {key: {"offset": 5, "sha256Prefix": "x"}},
    lambda key, size: {"no file of ours": {"offset": 5, "sha256Prefix": WRONG}},
    lambda key, size: {key: []},
    lambda key, size: [],
], ids=["wrong", "all", "beyond", "huge", "none", "negative", "no_digest", "foreign", "list",
        "no_map"])
def test_a_receiver_that_lies_gets_the_whole_file(peer, send, big, resume):
    receiving = peer("1.17", behave={"prepare": lies(resume)})
    sent = send(receiving, str(big))
    assert sent.code == 0, sent.err
    call, = receiving.of("upload")
    assert "offset" not in call.query
    assert call.sha256 == files.digest(big)
    assert "resumed_from" not in sent.files["disk.img"]


def test_a_receiver_that_keeps_breaking_is_given_up(peer, send, big):
    def cut(exchange):
        exchange.read(limit=3_000_000)
        exchange.reset()
        return True

    receiving = peer("1.17", behave={"prepare": lies(lambda key, size: {}), "upload": cut})
    sent = send(receiving, str(big))
    assert sent.code == 5, sent.err
    assert len(receiving.of("upload")) == 3
    # It is asked in its session each time, and freed at the end.
    sessions = [call.json()["info"]["lsend"].get("session") for call in receiving.of("prepare")]
    assert sessions == [None, "session", "session"]
    assert [call.query.get("keep") for call in receiving.of("cancel")] == ["true"]


def test_a_part_under_another_name_is_left_alone(receiver, own_home, big, tmp_path):
    with receiver() as receiving, Cutting(receiving.port, stall_at=30_000_000) as way:
        cut_short(way, own_home, str(big))
        wait_kept(receiving.folder)
        way.flow()
        other = tmp_path / "other.img"
        other.write_bytes(big.read_bytes())
        sent = run_send(way, own_home, "--wait", "30s", str(other))
        assert (sent.code, "resumed_from" in sent.files["other.img"]) == (0, False)
        assert len(parts_in(receiving.folder)[1]) == 1
