"""What other programs answer, and what becomes of it: odd `info`, refusals in their own words, empty
files, a 204, and the cause of a failure that was tried again."""

import pytest

from lab import files
from lab.process import Receiver, run_lsend
from lab.sending import Sent, big_file, digests, stored
from peers import behaviour

ERAS = [("1.18", True), ("1.17", True), ("1.17", False), ("1.9", True), ("1.8", True)]
eras = pytest.mark.parametrize("era,tls", ERAS, ids=[
    f"{era}-{'https' if tls else 'http'}" for era, tls in ERAS])


# --- info ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    behaviour.always(500), behaviour.always(403), behaviour.always(404, b"<h1>no</h1>"),
    behaviour.always(204, b""), behaviour.always(200, b"<html>"), behaviour.always(200, b"[]"),
    behaviour.always(200, {"alias": 5}), behaviour.always(500, close=True)],
    ids=["500", "403", "404", "204", "HTML", "a list", "a number", "500 and close"])
@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_a_broken_info_is_no_reason_not_to_send(peer, send, three, answer, tls):
    """Who is there is known by its certificate, or by nothing; the files go all the same."""
    receiver = peer(tls=tls, name="odd info", behave={"info": answer})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    target, = sent.of("target")
    assert target["alias"] == "127.0.0.1"


def test_a_device_without_a_name_keeps_the_one_it_had(peer, send, three, own_home):
    receiver = peer(alias="Named", name="named once")
    assert send(receiver, *three).code == 0
    receiver.behave["info"] = behaviour.always(500)
    assert send(receiver, *three).code == 0
    done = run_lsend("devices", "show", "fp:" + receiver.fingerprint, home=own_home)
    assert "Named" in done.stdout and "127.0.0.1:" in done.stdout


def test_info_still_says_what_is_wrong(peer, own_home):
    receiver = peer(name="odd info", behave={"info": behaviour.always(500)})
    done = run_lsend("info", receiver.target, home=own_home)
    assert done.returncode == 16
    assert f"https://{receiver.target} answered 500 to 'info'" in done.stderr


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body,fields,words", [
    (b'{"message":"in the app\'s form"}', (), "in the app's form"),
    (b'{"error":"folder is read only"}', (), "folder is read only"),
    (b'{"error":{"code":7,"message":"nested"}}', (), "nested"),
    (b"quota of 5 GB exceeded\n", (("Content-Type", "text/plain"),), "quota of 5 GB exceeded"),
    (b"\x1b[2Jred", (("Content-Type", "text/plain"),), "\\x1B[2Jred"),
    (b"x" * 1000, (), "x" * 200),
    (b"y" * 100_000, (), "y" * 200),
], ids=["message", "error", "nested", "text", "escape", "long", "very long"])
def test_S4_a_refusal_in_the_words_of_its_program(peer, send, three, body, fields, words):
    receiver = peer(behave={"prepare": behaviour.always(403, body, fields=fields)})
    sent = send(receiver, *three)
    assert sent.code == 8
    assert sent.message.endswith(f' declined the transfer ("{words}")'), sent.message


@pytest.mark.parametrize("body", [b"<html><body>Forbidden</body></html>", b"\n <!DOCTYPE html>",
                                  b"\xff\xfe\x00", b"{}", b""])
def test_S4_a_page_for_browsers_says_nothing(peer, send, three, body):
    receiver = peer(behave={"prepare": behaviour.always(403, body)})
    sent = send(receiver, *three)
    assert sent.code == 8
    assert sent.message.endswith(" declined the transfer"), sent.message


def test_S13_words_of_a_refusal_in_the_middle_of_a_file(peer, send, tmp_path):
    receiver = peer(behave={"upload": behaviour.early(413, 100_000, "over the quota")})
    sent = send(receiver, big_file(tmp_path))
    assert sent.code == 15, sent.message
    assert 'does not take so much ("over the quota")' in sent.message


@pytest.mark.parametrize("head", [
    b"Content-Length: 500\r\n\r\n{\"message\": \"cut", b"Transfer-Encoding: chunked\r\n\r\nzz",
    b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"],
    ids=["cut", "bad chunks", "compressed"])
def test_a_refusal_counts_though_its_words_are_broken(peer, send, three, head):
    receiver = peer(behave={"prepare": behaviour.raw(b"HTTP/1.1 403 No\r\n" + head)})
    sent = send(receiver, *three)
    assert sent.code == 8, sent.message
    assert "declined the transfer" in sent.message


# --- empty files ---------------------------------------------------------------------------------


@eras
def test_an_empty_file_is_sent_as_apps_do(peer, send, tmp_path, era, tls):
    """Chunked, so that servers whose runtime gives no body for a length of 0 have one."""
    paths = files.make_named(tmp_path / "out", ["full.txt"])
    paths += [files.make_file(tmp_path / "out" / f"{i}.empty", "") for i in range(3)]
    receiver = peer(era, tls=tls)
    sent = send(receiver, *paths)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(paths)
    for call in receiver.of("upload"):
        empty = receiver.offered[call.query["fileId"]]["size"] == 0
        assert (call.fields.get("transfer-encoding") == "chunked") is empty
        assert ("content-length" in call.fields) is not empty


@pytest.mark.parametrize("count", [1, 40])
def test_another_lsend_takes_empty_files_too(own_home, home, tmp_path, count):
    paths = [files.make_file(tmp_path / "out" / f"{i}.empty", "") for i in range(count)]
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        done = run_lsend("send", receiver.target, *paths, home=own_home)
        assert done.returncode == 0, done.stderr
    arrived = [path.name for path in (tmp_path / "in").iterdir() if not path.name.startswith(".")]
    assert sorted(arrived) == sorted(path.name for path in paths)


# --- 204 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--require-all"]], ids=["", "require all"])
def test_PS2_what_another_lsend_has_is_skipped(own_home, home, tmp_path, options):
    """All of it: exit 0. Some of it: the rest is sent, exit 0. What it refuses besides: exit 10."""
    paths = files.make_named(tmp_path / "out", ["a.txt", "b.txt", "c.txt"])
    with Receiver(tmp_path / "in", "--conflict", "skip", home=home("receiver")) as receiver:
        def push():
            done = run_lsend("send", receiver.target, *paths, "--json", "--checksum", *options,
                             home=own_home)
            return Sent(done.returncode, done.stdout, done.stderr)

        assert push().code == 0
        again = push()
        assert again.code == 0, again.message
        assert set(again.statuses().values()) == {"skipped"}
        assert again.events[-1]["files_skipped"] == 3
        paths[1].write_text("changed")
        changed = push()
        assert changed.code == 0, changed.message
        assert changed.statuses() == {"a.txt": "skipped", "b.txt": "done", "c.txt": "skipped"}
        done = run_lsend("send", receiver.target, *paths, "--checksum", home=own_home)
        assert "nothing to send: the receiver has 3 files already" in done.stderr


def test_PS2_what_another_lsend_denies_is_declined(own_home, home, tmp_path):
    """The same status, and not the same thing."""
    paths = files.make_named(tmp_path / "out", ["a.exe"])
    with Receiver(tmp_path / "in", "--conflict", "skip", "--deny", "*.exe",
                  home=home("receiver")) as receiver:
        done = run_lsend("send", receiver.target, *paths, home=own_home)
        assert done.returncode == 8, done.stderr
        assert "the receiver does not want the file" in done.stderr


# --- the cause -----------------------------------------------------------------------------------


@eras
def test_the_cause_is_told_and_not_what_came_of_it(peer, send, tmp_path, era, tls):
    """A stall, after which nobody answers a handshake any more, or listens at all."""
    def stall_and_die(exchange):
        exchange.peer.deaf = True
        return behaviour.stall_after(100_000)(exchange)

    receiver = peer(era, tls=tls, behave={"upload": stall_and_die})
    sent = send(receiver, big_file(tmp_path), "--stall-timeout", "2s", "--connect-timeout", "2s")
    assert sent.code == 5, sent.message
    assert sent.message.startswith(f"{receiver.url}: nothing moved within the time limit"), \
        sent.message
    assert "handshake" not in sent.message
