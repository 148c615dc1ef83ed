"""Uploads that broke off and go on, as `lsend receive` sees them (reliability.md 7.5)."""

import json
import os
import signal

import pytest

from lab.process import Receiver, wait_until
from lab.resuming import (MIB, Resuming, big, digest, parts_in, stated, wait_gone, wait_kept,
                          wait_let_go)
from peers import certificates
from peers.sender import File


@pytest.fixture
def receiver(own_home, tmp_path):
    """receiver(...) is `lsend receive --json` into one folder."""
    def start(*words, **more):
        return Receiver(tmp_path / "in", "--json", *words, home=own_home, **more)

    return start


def broken_at(receiving, file, size, sender=None):
    """A transfer of which so much is there when its sender dies; the sender."""
    sender = sender or Resuming(receiving.port)
    reply, points = sender.ask(file)
    assert points == {}
    sender.break_off(reply, file, size)
    part, = wait_kept(receiving.folder)
    wait_let_go(part, size)
    # What a sender that dies leaves behind is a session that runs out.
    assert sender.cancel_with(reply, "&keep=true").status == 200
    return sender


def whole(receiving, file):
    """The file is there, as it was, and nothing else."""
    assert digest((receiving.folder / file.entry["fileName"]).read_bytes()) == file.sha256
    wait_gone(receiving.folder)


def events(receiving, kind):
    """What has been told so far."""
    return [event for event in receiving.events() if event["type"] == kind]


# --- it goes on ---------------------------------------------------------------------------------


@pytest.mark.parametrize("announce", [True, False], ids=["sha256", "time"])
@pytest.mark.parametrize("size", [MIB, 5_000_001, 17 * MIB, 24 * MIB - 1])
def test_goes_on_where_it_broke_off(receiver, size, announce):
    file = big(announce=announce)
    with receiver() as receiving:
        sender = broken_at(receiving, file, size)
        reply, points = sender.ask(file)
        assert points == {file.id: {"offset": size, "sha256Prefix": digest(file.data[:size])}}
        answer = sender.go_on(reply, file, size)
        assert answer.status == 200
        assert stated(answer) == file.sha256
        whole(receiving, file)
        told = wait_until(lambda: events(receiving, "file"))[-1]
        assert (told["status"], told["resumed_from"]) == ("done", size)
        assert told["sha256"] == file.sha256


def test_goes_on_after_every_break(receiver):
    file = big()
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, _ = sender.ask(file)
        offset = None
        for _ in range(6):
            sender.break_off(reply, file, 3 * MIB, offset)
            expected = (offset or 0) + 3 * MIB

            def is_there(expected=expected):
                part, = wait_kept(receiving.folder)
                return part.stat().st_size == expected

            wait_until(is_there)
            again, points = sender.ask(file, session=reply["sessionId"])
            # The session is the same one, and nobody was asked a second time.
            assert (again["sessionId"], again["files"]) == (reply["sessionId"], reply["files"])
            offset = points[file.id]["offset"]
            assert offset == expected
        assert sender.go_on(reply, file, offset).status == 200
        whole(receiving, file)
        assert len(events(receiving, "request")) == 1


def test_a_silent_connection_gives_way(receiver):
    """The sender has lost it; from here it looks alive."""
    file = big()
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, _ = sender.ask(file)
        with sender.break_off(reply, file, 5 * MIB, keep_open=True):
            wait_until(lambda: any((receiving.folder / ".lsend" / name).stat().st_size >= 5 * MIB
                                   for name in parts_in(receiving.folder)[0]))
            again, points = sender.ask(file, session=reply["sessionId"])
            assert again["sessionId"] == reply["sessionId"]
            assert points[file.id]["offset"] == 5 * MIB
            assert sender.go_on(again, file, 5 * MIB).status == 200
        whole(receiving, file)


def test_a_session_that_fits_no_more_is_asked_for_anew(receiver):
    file, other = big(), File("other", b"x")
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, _ = sender.ask(file)
        sender.break_off(reply, file, 5 * MIB)
        wait_kept(receiving.folder)
        again, points = sender.ask(file, other, session=reply["sessionId"])
        assert again["sessionId"] != reply["sessionId"]
        assert points[file.id]["offset"] == 5 * MIB
        assert sender.go_on(reply, file, 5 * MIB).status == 403


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_outlives_the_receiver(receiver, how):
    file = big()
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, _ = sender.ask(file)
        with sender.break_off(reply, file, 20 * MIB, keep_open=True):
            part, = wait_kept(receiving.folder) if how == signal.SIGKILL else [None]
            wait_until(lambda: any((receiving.folder / ".lsend" / name).stat().st_size == 20 * MIB
                                   for name in parts_in(receiving.folder)[0]))
            receiving.send_signal(how)
            receiving.popen.wait(20)
        assert part is None or part.stat().st_size == 20 * MIB
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, points = sender.ask(file)
        assert points == {file.id: {"offset": 20 * MIB,
                                    "sha256Prefix": digest(file.data[:20 * MIB])}}
        assert sender.go_on(reply, file, 20 * MIB).status == 200
        whole(receiving, file)


def test_the_sender_may_begin_anew(receiver):
    file = big()
    with receiver() as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        reply, points = sender.ask(file)
        assert points
        assert sender.go_on(reply, file).status == 200
        whole(receiving, file)
        assert "resumed_from" not in wait_until(lambda: events(receiving, "file"))[-1]


# --- nothing wrong becomes a file ---------------------------------------------------------------


@pytest.mark.parametrize("announce", [True, False], ids=["sha256", "time"])
def test_a_damaged_beginning_shows(receiver, announce):
    file = big(announce=announce)
    with receiver() as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        part, = wait_kept(receiving.folder)
        with open(part, "r+b") as damaged:
            damaged.seek(1_000_000)
            damaged.write(bytes([file.data[1_000_000] ^ 1]))
        reply, points = sender.ask(file)
        assert points[file.id]["sha256Prefix"] != digest(file.data[:5 * MIB])
        answer = sender.go_on(reply, file, 5 * MIB)
        if announce:
            # A sender that does not compare is told at the end.
            assert answer.status == 422
            assert sender.go_on(reply, file).status == 200
            whole(receiving, file)
        else:
            # The digest of the whole is what a sender without one of its own can compare.
            assert stated(answer) != file.sha256


def test_a_file_that_has_changed_begins_anew(receiver):
    file = big()
    with receiver() as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        changed = big()
        reply, points = sender.ask(changed)
        assert points == {}
        assert sender.go_on(reply, changed).status == 200
        assert (receiving.folder / "disk.img").read_bytes() == changed.data


@pytest.mark.parametrize("damage", ["cut", "foreign", "link", "other_name", "big", "nothing"])
def test_a_label_that_is_not_ours_is_none(receiver, damage, tmp_path):
    file = big()
    with receiver() as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        part, = wait_kept(receiving.folder)
        label = part.with_name(part.name + ".json")
        text = label.read_text()
        if damage == "cut":
            label.write_text(text[:-5])
        elif damage == "foreign":
            if os.geteuid() != 0:
                pytest.skip("giving files away needs root")
            os.chown(label, 12345, 12345)
        elif damage == "link":
            label.rename(tmp_path / "label")
            label.symlink_to(tmp_path / "label")
        elif damage == "other_name":
            label.write_text(json.dumps(json.loads(text) | {"name": "../etc/passwd"}))
        elif damage == "big":
            label.write_text(text + " " * 100_000)
        reply, points = sender.ask(file)
        assert bool(points) == (damage == "nothing")
        assert sender.go_on(reply, file).status == 200
        assert (receiving.folder / "disk.img").read_bytes() == file.data


def test_a_part_that_is_a_link_is_not_followed(receiver, tmp_path):
    file = big()
    secret = tmp_path / "secret"
    secret.write_bytes(file.data)
    with receiver() as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        part, = wait_kept(receiving.folder)
        part.unlink()
        part.symlink_to(secret)
        reply, points = sender.ask(file)
        assert points == {}
        assert sender.go_on(reply, file).status == 200
    assert secret.read_bytes() == file.data


# --- for whom -----------------------------------------------------------------------------------


def test_another_certificate_hears_of_nothing(receiver):
    file = big()
    with receiver() as receiving:
        broken_at(receiving, file, 5 * MIB)
        other = Resuming(receiving.port, identity=certificates.certificate("another"))
        reply, points = other.ask(file)
        assert points == {}
        assert other.go_on(reply, file, 5 * MIB).status == 400
        assert other.go_on(reply, file).status == 200


@pytest.mark.parametrize("who", ["official", "http", "v1", "no_certificate", "old_version"])
def test_nobody_else_is_offered_or_kept_anything(receiver, who):
    file = big()
    with receiver("--http") as receiving:
        words = {"http": {"tls": False}, "v1": {"era": "1.8"}, "no_certificate": {"identity": None}}
        sender = Resuming(receiving.port, **words.get(who, {}))
        if who == "official":
            sender.wish = None
        if who == "old_version":
            sender.wish = {"v": 0, "resume": True}
        answer = sender.prepare([file])
        assert answer.status == 200
        assert b"lsend" not in answer.body
        reply = answer.json()
        if who == "v1":
            reply = {"sessionId": None, "files": reply}
        sender.break_off(reply, file, 20 * MIB)
        wait_until(lambda: parts_in(receiving.folder) == ([], []))


def test_a_small_beginning_is_not_kept(receiver):
    file = big()
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, _ = sender.ask(file)
        sender.break_off(reply, file, MIB - 1)
        wait_gone(receiving.folder)
        # The part goes a moment before the session knows that the upload has ended.
        wait_until(lambda: sender.go_on(reply, file).status == 200)


def test_who_calls_it_off_does_not_come_back(receiver):
    first, second = big("a"), big("b")
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        reply, _ = sender.ask(first, second)
        sender.break_off(reply, first, 5 * MIB)
        wait_kept(receiving.folder)
        with sender.break_off(reply, second, 5 * MIB, keep_open=True):
            assert sender.cancel_with(reply).status == 200
            wait_gone(receiving.folder)


def test_a_single_file_to_a_pipe_keeps_nothing(own_home, tmp_path):
    file = big()
    with Receiver(tmp_path / "in", "--output", tmp_path / "one", home=own_home) as receiving:
        answer = Resuming(receiving.port).prepare([file])
        assert (answer.status, b"lsend" in answer.body) == (200, False)


# --- hostile ------------------------------------------------------------------------------------


def test_offsets_that_were_not_stated(receiver):
    file, other = big("a"), big("b")
    with receiver() as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        for offset in (0, 1, 5 * MIB - 1, 5 * MIB + 1, len(file.data), 1 << 63, (1 << 64) - 1,
                       1 << 64, -1, "x", ""):
            reply, points = sender.ask(file, other)
            assert points[file.id]["offset"] == 5 * MIB
            assert sender.go_on(reply, file, offset, b"tail").status == 400, offset
            assert sender.go_on(reply, other, 5 * MIB).status == 400
            # The point has not been harmed.
            assert sender.cancel_with(reply, "&keep=true").status == 200
        reply, points = sender.ask(file)
        short = sender.go_on(reply, file, 5 * MIB, file.data[5 * MIB:-1])
        assert short.status == 400
        assert [path.name for path in receiving.folder.iterdir()] == [".lsend"]
        assert receiving.popen.poll() is None


def test_without_a_word_about_it_an_offset_is_refused(receiver):
    file = big()
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        sender.wish = None
        reply, points = sender.ask(file)
        assert points is None
        assert sender.go_on(reply, file, 5 * MIB).status == 400
        assert sender.go_on(reply, file).status == 200
        whole(receiving, file)


def test_a_part_is_given_once(receiver):
    file = big()
    with receiver("--max-sessions", "2") as receiving:
        sender = broken_at(receiving, file, 5 * MIB)
        first, points = sender.ask(file)
        assert points
        second, none = sender.ask(file)
        assert none == {}
        assert sender.go_on(second, file).status == 200
        assert sender.go_on(first, file, 5 * MIB).status == 200
        names = sorted(path.name for path in receiving.folder.iterdir() if path.is_file())
        assert names == ["disk (1).img", "disk.img"]
        for name in names:
            assert digest((receiving.folder / name).read_bytes()) == file.sha256
        wait_gone(receiving.folder)


def test_one_sender_fills_no_disk(receiver):
    """The eldest of its parts make room."""
    with receiver() as receiving:
        sender = Resuming(receiving.port)
        for number in range(18):
            file = big(f"{number}", 2 * MIB)
            reply, _ = sender.ask(file)
            sender.break_off(reply, file, MIB)
            wait_until(lambda: f'"{number}"' in "".join(
                (receiving.folder / ".lsend" / label).read_text()
                for label in parts_in(receiving.folder)[1]))
            assert sender.cancel_with(reply, "&keep=true").status == 200
        assert len(parts_in(receiving.folder)[1]) == 16
