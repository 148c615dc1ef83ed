"""`lsend send` against scripted receivers of every era: the PS rows of the conformance table, whose
numbers are in the names of the tests."""

import json
import os
import pathlib
import re
import signal
import ssl
import threading
import time

import pytest

from lab import files
from lab.process import Receiver, wait_until
from lab.sending import big_file, digests, own_fingerprint, stored
from peers import behaviour, certificates
from peers.sender import SenderPeer

ERAS = [("1.18", True), ("1.17", True), ("1.17", False), ("1.9", True), ("1.8", True),
        ("1.8", False)]
eras = pytest.mark.parametrize("era,tls", ERAS, ids=[
    f"{era}-{'https' if tls else 'http'}" for era, tls in ERAS])
V2 = "/api/localsend/v2/"


# --- what every receiver sees --------------------------------------------------------------------


@eras
def test_PS1_PS5_PS14_each_era_gets_what_it_understands(peer, send, own_home, three, era, tls):
    """The routes of its version and no others, GET and POST only, from one address, exactly the
    announced bytes; our certificate on every request where it is asked for."""
    receiver = peer(era, tls=tls, chunked_answers=era == "1.18")
    sent = send(receiver, *three)
    assert sent.code == 0, sent.err
    assert stored(receiver) == digests(three)
    assert sent.statuses() == {path.name: "done" for path in three}
    version = "v1" if era == "1.8" else "v2"
    used = [call for call in receiver.calls if call.status != 404]
    assert {call.path.split("/")[3] for call in used} == {version}
    assert {call.method for call in receiver.calls} <= {"GET", "POST"}
    assert {call.source[0] for call in receiver.calls} == {"127.0.0.1"}
    for call in receiver.of("upload"):
        assert call.complete
        offered = receiver.offered[call.query["fileId"]]
        assert call.size == offered["size"] == int(call.fields["content-length"])
        assert "transfer-encoding" not in call.fields and "expect" not in call.fields
    if era == "1.18":
        assert {call.client for call in receiver.calls} == {own_fingerprint(own_home)}
    assert receiver.of("cancel") == []


@eras
def test_PS1_the_request_has_all_fields_in_their_types(peer, send, own_home, three, era, tls):
    """What 1.18 requires of v2, and the words that 1.8 reads."""
    receiver = peer(era, tls=tls)
    sent = send(receiver, *three, "--alias", "Me \U0001f600")
    assert sent.code == 0, sent.err
    call, = receiver.of("prepare")
    assert call.fields["content-type"].startswith("application/json")
    request = call.json()
    info = request["info"]
    assert info["alias"] == "Me \U0001f600"
    assert info["fingerprint"] == own_fingerprint(own_home)
    assert re.fullmatch(r"2\.\d", info["version"])
    assert type(info["port"]) is int and 0 < info["port"] < 65536
    assert info["protocol"] == "https" and info["download"] is False
    assert info["deviceType"] == ("desktop" if era == "1.8" else "headless")
    words = {"a.txt": "text", "b.png": "image", "c.bin": "other"}
    mimes = {"a.txt": "text/plain", "b.png": "image/png", "c.bin": "application/octet-stream"}
    assert len(request["files"]) == 3
    for key, entry in request["files"].items():
        path = next(p for p in three if p.name == entry["fileName"])
        assert entry["id"] == key
        assert (type(entry["size"]), entry["size"]) == (int, path.stat().st_size)
        assert entry["fileType"] == (words if era == "1.8" else mimes)[path.name]
        assert "preview" not in entry
        if era != "1.8":
            assert entry["sha256"] == files.digest(path)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z",
                                entry["metadata"]["modified"])


@eras
def test_PS1_partial_acceptance_is_exit_10(peer, send, three, era, tls):
    """S10: What was not wanted is reported as declined and never sent."""
    receiver = peer(era, tls=tls, accept=lambda file: file["fileName"] != "b.png")
    sent = send(receiver, *three)
    assert sent.code == 10
    assert stored(receiver) == digests([three[0], three[2]])
    assert len(receiver.of("upload")) == 2
    assert sent.statuses() == {"a.txt": "done", "b.png": "declined", "c.bin": "done"}
    assert "1 of 3 files" in sent.message and "1 skipped by the receiver" in sent.message


@pytest.mark.parametrize("era,tls", [entry for entry in ERAS if entry[0] != "1.8"])
@pytest.mark.parametrize("options", [[], ["--require-all"]], ids=["", "require all"])
def test_PS2_nothing_wanted_is_declined(peer, send, three, era, tls, options):
    """S3: 204 to files: an app has them, or wants none, and does not say which; nothing is sent,
    not even a cancel. Exit 0 would say that they are there."""
    receiver = peer(era, tls=tls, accept=lambda file: False)
    sent = send(receiver, *three, *options)
    assert sent.code == 8
    assert sent.message == "the receiver wants none of the 3 files"
    assert set(sent.statuses().values()) == {"declined"}
    assert receiver.of("upload") == receiver.of("cancel") == []


@eras
def test_PS2_a_message(peer, send, era, tls):
    """One text file with the whole text as preview; 204 means that it was read."""
    text = "Grüße,\n\"\\ \U0001f600"
    receiver = peer(era, tls=tls, behave={"prepare": behaviour.always(204, b"")})
    sent = send(receiver, "--message", text)
    assert sent.code == 0
    entry, = receiver.of("prepare")[0].json()["files"].values()
    assert entry["preview"] == text
    assert entry["size"] == len(text.encode())
    assert entry["fileType"] == ("text" if era == "1.8" else "text/plain")
    assert re.fullmatch(r"[0-9a-f-]{36}\.txt", entry["fileName"])
    assert receiver.of("upload") == []


@eras
def test_PS2_a_message_that_is_taken_as_a_file(peer, send, era, tls):
    """A receiver that gives a token gets the bytes."""
    receiver = peer(era, tls=tls)
    assert send(receiver, "--message", "text").code == 0
    assert [call.body for call in receiver.stored.values()] == [b"text"]


def test_PS1_names_of_255_bytes_and_emoji_arrive_as_they_are(peer, send, tmp_path):
    """S30: In JSON, as UTF-8 text."""
    names = ["ä" * 127 + "x", "\U0001f468‍\U0001f469‍\U0001f467.txt", "e\u0301.txt", "a\"\\b.txt",
             "line\nfeed.txt", "日本/語.txt", " leading", "%41&=?#.txt"]
    made = files.make_named(tmp_path / "out", names)
    receiver = peer()
    sent = send(receiver, tmp_path / "out")
    assert sent.code == 0, sent.err
    # Other systems would take '\\' for the '/' between folders.
    wanted = {f"out/{name}".replace("\\", "_"): files.digest(path)
              for name, path in zip(names, made)}
    assert stored(receiver) == wanted


def test_PS1_several_files_at_a_time(peer, send, tmp_path):
    """--jobs 3: three uploads are under way together, and no fourth."""
    made = files.make_named(tmp_path / "out", [f"{i}" for i in range(9)])
    gate, running, most = threading.Barrier(3), [], []

    def upload(exchange):
        running.append(exchange)
        most.append(len(running))
        gate.wait(20)
        exchange.read()
        running.remove(exchange)
        return False

    receiver = peer(behave={"upload": upload})
    assert send(receiver, "--jobs", "3", *made).code == 0
    assert stored(receiver) == digests(made)
    assert max(most) == 3


# --- refusals ------------------------------------------------------------------------------------


REFUSALS = [(401, 7), (403, 8), (409, 9), (429, 9), (500, 1), (400, 16), (404, 16)]


@pytest.mark.parametrize("status,code", REFUSALS)
@eras
def test_PS3_each_refusal_has_its_exit_code(peer, send, three, era, tls, status, code):
    """S4: Nothing is sent, and the peer's words are shown, escaped."""
    receiver = peer(era, tls=tls, behave={
        "prepare": behaviour.always(status, {"message": "Because\x1b[1m"},
                                    fields=[("Retry-After", "0")])})
    sent = send(receiver, *three)
    assert sent.code == code, sent.err
    assert receiver.of("upload") == []
    assert len(receiver.of("prepare")) <= 2
    assert "Because" in sent.message
    assert "\x1b" not in sent.message + sent.err


def test_S4_the_words_of_a_peer_are_cut(peer, send, three):
    """To 200 characters, whatever they are."""
    words = "because " * 1000 + "\u202e\x1b]0;title\x07"
    sent = send(peer(behave={"prepare": behaviour.always(403, {"message": words})}), *three)
    assert sent.code == 8, sent.message
    assert "because because" in sent.message
    assert len(sent.message) < 400
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", sent.message + sent.err)


@pytest.mark.parametrize("era", ["1.17", "1.18", "1.8"])
def test_PS3_a_pin_is_sent_once_and_encoded(peer, send, three, era):
    """With the first request already; blanks, '&' and letters beyond ASCII survive."""
    receiver = peer(era, pin="12 3&4+ü%41")
    sent = send(receiver, "--pin", "12 3&4+ü%41", *three)
    assert sent.code == 0, sent.err
    call, = receiver.of("prepare")
    assert call.target.endswith("?pin=12%203%264%2B%C3%BC%2541")
    assert stored(receiver) == digests(three)


@pytest.mark.parametrize("given", [[], ["--pin", "wrong"]], ids=["no pin", "wrong pin"])
def test_PS3_a_pin_is_never_tried_again(peer, send, three, given):
    """S5: Peers lock out after three."""
    receiver = peer(pin="1234")
    sent = send(receiver, *given, *three)
    assert sent.code == 7
    assert len(receiver.of("prepare")) == 1
    assert "PIN" in sent.message


def test_PS3_locked_out_with_a_pin_is_exit_7(peer, send, three):
    """429 where a PIN was in play."""
    receiver = peer(behave={"prepare": behaviour.always(
        429, {"message": "Too many attempts."}, fields=[("Retry-After", "1")])})
    assert send(receiver, "--pin", "1234", *three).code == 7


def test_PS5_an_empty_map_declines_all(peer, send, three):
    """v1 has no 204."""
    receiver = peer("1.8", accept=lambda file: False)
    sent = send(receiver, *three)
    assert sent.code == 8
    assert receiver.of("upload") == []


def test_PS5_a_v1_peer_gets_one_file_after_another(peer, send, three):
    """Whatever --jobs says."""
    running = []

    def upload(exchange):
        assert not running
        running.append(exchange)
        exchange.read()
        time.sleep(0.2)
        running.clear()
        return False

    receiver = peer("1.8", behave={"upload": upload})
    assert send(receiver, "--jobs", "8", *three).code == 0
    assert stored(receiver) == digests(three)


# --- HTTP and HTTPS ------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [False, True], ids=["400", "silent"])
def test_PS6_an_address_is_tried_by_https_first(peer, send, three, silent):
    """Then by HTTP, with one warning; also where a handshake is met with silence."""
    receiver = peer(tls=False, silent_to_tls=silent)
    sent = send(receiver, "--connect-timeout", "2s", *three)
    assert sent.code == 0
    assert receiver.handshakes == 1
    assert receiver.calls[0].connection == 2
    warnings = [e["message"] for e in sent.of("warning")]
    assert len(warnings) == 1 and "HTTP" in warnings[0]
    secure = peer()
    sent = send(secure, *three)
    assert sent.code == 0 and secure.calls[0].connection == 1
    assert sent.of("warning") == []


def test_PS6_https_that_was_named_never_becomes_http(peer, send, three):
    """A plain peer hears no word of it."""
    receiver = peer(tls=False)
    sent = send(receiver, *three, target=f"https://{receiver.target}")
    assert sent.code == 6
    assert receiver.calls == []


def test_PS6_http_that_was_named_is_used_at_once(peer, send, three):
    """No handshake first; and --http does the same for a bare address."""
    for arguments, scheme in ((three, "http://"), (["--http", *three], "")):
        receiver = peer(tls=False)
        assert send(receiver, *arguments, target=scheme + receiver.target).code == 0
        assert receiver.handshakes == 0


def test_PS6_proxies_are_not_used(peer, send, three):
    """Whatever the environment says."""
    receiver = peer(tls=False)
    proxy = {name: "http://127.0.0.1:1" for name in ("http_proxy", "https_proxy", "all_proxy",
                                                     "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    assert send(receiver, *three, env=proxy).code == 0


def test_PS14_a_peer_that_refuses_our_certificate(peer, send, three):
    """S24: In TLS 1.3 that is heard on the first read: exit 6, and no request was heard."""
    receiver = peer("1.18", trusted=certificates.certificate("somebody else").pem)
    sent = send(receiver, *three)
    assert sent.code == 6, sent.err + sent.message
    assert receiver.calls == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_PS6_tls_1_1_is_not_spoken(peer, send, three):
    """S22: Exit 6, no request."""
    receiver = peer(tls_maximum=ssl.TLSVersion.TLSv1_1)
    sent = send(receiver, *three)
    assert sent.code == 6
    assert receiver.calls == [] and receiver.handshake_errors


# --- uploads that fail ---------------------------------------------------------------------------


@pytest.mark.parametrize("era", ["1.18", "1.17"])
def test_PS7_422_is_tried_again_with_the_same_token(peer, send, three, era):
    """Once refused, then taken."""
    again = behaviour.times(1, behaviour.always(422, {"message": "Checksum mismatch"}))
    receiver = peer(era, behave={"upload": behaviour.only("b.png", again)})
    sent = send(receiver, *three)
    assert sent.code == 0
    assert stored(receiver) == digests(three)
    targets = [c.target for c in receiver.of("upload") if c.sha256 == files.digest(three[1])]
    assert len(targets) == 2 and len(set(targets)) == 1


def test_PS7_422_for_ever_is_exit_12_after_three_attempts(peer, send, three):
    """And the session is closed."""
    receiver = peer(behave={"upload": behaviour.always(422, {"message": "Checksum mismatch"})})
    sent = send(receiver, three[0])
    assert sent.code == 12
    assert len(receiver.of("upload")) == 3
    assert [c.query for c in receiver.of("cancel")] == [{"sessionId": receiver.session_id}]


FAILURES = {
    "500": (behaviour.always(500, b""), 3), "500 with words": (behaviour.always(500), 1),
    "403": (behaviour.always(403), 1),
    "reset": (behaviour.reset_after(1), 3), "close": (behaviour.close_after(1), 3),
    "201": (behaviour.always(201, {}), 1), "204": (behaviour.always(204, b""), 1),
    "redirect": (behaviour.redirect("http://127.0.0.1:1/"), 1),
}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("era", ["1.18", "1.8"])
def test_PS8_one_file_fails_and_the_others_arrive(peer, send, three, era, kind):
    """S14: Exit 10; the file is tried as often as its failure may pass; the session is closed."""
    failure, attempts = FAILURES[kind]
    receiver = peer(era, behave={"upload": behaviour.only("b.png", failure)})
    sent = send(receiver, *three)
    assert sent.code == 10, sent.err
    assert stored(receiver) == digests([three[0], three[2]])
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "done"}
    failed = [c for c in receiver.of("upload")
              if receiver.offered[c.query["fileId"]]["fileName"] == "b.png"]
    assert len(failed) <= attempts if kind in ("reset", "close") else len(failed) == attempts
    cancel, = receiver.of("cancel")
    assert cancel.query == ({} if era == "1.8" else {"sessionId": receiver.session_id})


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PS8_an_early_403_is_reported_as_such(peer, send, tmp_path, tls):
    """S13: In the middle of a big body: the peer's words, not what its closing looks like to us."""
    receiver = peer(tls=tls, behave={"upload": behaviour.early(403, 1_000_000, "Token expired")})
    sent = send(receiver, big_file(tmp_path))
    assert sent.code == 8, sent.message
    assert "403" in sent.message and "Token expired" in sent.message
    assert len(receiver.of("upload")) == 1


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PS8_a_200_before_the_body_was_read_is_no_success(peer, send, tmp_path, tls):
    """S12: The bytes are not there, whatever it says."""
    receiver = peer(tls=tls, behave={"upload": behaviour.before_body(200)})
    sent = send(receiver, big_file(tmp_path))
    assert sent.code != 0
    assert sent.statuses() == {"big.bin": "failed"}


# --- answers that are not understood -------------------------------------------------------------


def with_tokens(change):
    """A prepare answer in which `change` has been made."""
    def act(exchange):
        exchange.read()
        peer = exchange.peer
        peer.offered = dict(exchange.call.json()["files"])
        peer.tokens = {key: f"token-{i}" for i, key in enumerate(peer.offered)}
        peer.session = peer.session_id = "session 1&ä"
        exchange.answer(200, change({"sessionId": peer.session, "files": dict(peer.tokens)}))
        return True
    return act


def test_PS9_ids_that_we_never_offered_are_ignored(peer, send, three):
    """S10: With a warning; ours are sent, whatever characters session and tokens are made of."""
    strange = {"": "x", "unknown": "y&z", "../x": "\U0001f600"}
    receiver = peer(behave={"prepare": with_tokens(
        lambda reply: reply | {"files": strange | reply["files"], "more": [1, {"x": None}]})})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.err
    assert stored(receiver) == digests(three)
    assert "3 files that were never offered" in sent.of("warning")[0]["message"]


NONSENSE = {
    "only unknown ids": lambda reply: reply | {"files": {"unknown": "token"}},
    "no session": lambda reply: {"files": reply["files"]},
    "empty session": lambda reply: reply | {"sessionId": ""},
    "session is a number": lambda reply: reply | {"sessionId": 7},
    "no files": lambda reply: {"sessionId": "s"},
    "files is a list": lambda reply: reply | {"files": list(reply["files"])},
    "token is null": lambda reply: reply | {"files": {key: None for key in reply["files"]}},
    "a list": lambda reply: [],
    "no JSON": lambda reply: b"<html>",
    "nothing": lambda reply: b"",
    "half": lambda reply: json.dumps(reply).encode()[:-5],
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_PS9_an_answer_that_makes_no_sense_is_exit_16(peer, send, three, kind):
    """S9: Nothing is sent, and the peer is told that we are gone."""
    receiver = peer(behave={"prepare": with_tokens(NONSENSE[kind])})
    sent = send(receiver, *three)
    assert sent.code == 16, sent.message
    assert receiver.of("upload") == []
    assert len(receiver.of("cancel")) == 1


GARBAGE = {"not HTTP": b"SSH-2.0-OpenSSH\r\n\r\n", "bad status": b"HTTP/1.1 abc\r\n\r\n",
           "long head": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
           "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
           "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
           "coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n{}"}


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("action", ["info", "prepare"])
def test_PS9_garbage_instead_of_an_answer_is_exit_16(peer, send, three, action, kind):
    """S16, S18: Whichever request it answers."""
    receiver = peer(behave={action: behaviour.raw(GARBAGE[kind])})
    sent = send(receiver, *three)
    assert sent.code == 16, sent.message
    assert receiver.of("upload") == []


def test_PS9_an_answer_that_breaks_off(peer, send, three):
    """The peer went away: asked once more, after a cancel without a session; then exit 5."""
    receiver = peer(behave={"prepare": behaviour.cut_answer()})
    sent = send(receiver, *three)
    assert sent.code == 5
    assert len(receiver.of("prepare")) == 2
    assert [call.query for call in receiver.of("cancel")] == [{}, {}]


@pytest.mark.parametrize("action", ["info", "prepare"])
def test_PS9_a_redirect_is_never_followed(peer, send, three, action):
    """S8: Exit 16; the other place hears nothing."""
    other = peer(tls=False)
    receiver = peer(behave={action: behaviour.redirect(other.url + V2 + "prepare-upload")})
    sent = send(receiver, *three)
    assert sent.code == 16
    assert other.connections == 0


# --- stopping ------------------------------------------------------------------------------------


@eras
def test_PS10_interrupted_while_waiting(peer, start_send, three, era, tls):
    """S33: Exit 130; the connection is closed, and cancel is posted, without a session."""
    gone = []
    receiver = peer(era, tls=tls, behave={"prepare": behaviour.never(gone)})
    program = start_send(receiver, *three)
    receiver.wait_for("prepare")
    wait_until(lambda: receiver.of("prepare")[0].complete)
    program.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert program.ended(10).code == 130
    assert time.monotonic() - begun < 5
    assert [c.query for c in receiver.wait_for("cancel")] == [{}]
    wait_until(lambda: gone, what="the end of the connection")
    assert gone[0][0] == "gone"


@eras
def test_PS10_interrupted_while_sending(peer, start_send, tmp_path, era, tls):
    """S33: Exit 130; cancel names the session (v1 has none)."""
    event, started = threading.Event(), threading.Event()
    receiver = peer(era, tls=tls, behave={"upload": behaviour.held(event, 1_000_000, started)})
    program = start_send(receiver, big_file(tmp_path))
    assert started.wait(20)
    program.send_signal(signal.SIGINT)
    sent = program.ended(10)
    assert sent.code == 130
    assert sent.statuses() == {"big.bin": "failed"}
    session = {} if era == "1.8" else {"sessionId": receiver.session_id}
    assert [c.query for c in receiver.wait_for("cancel")] == [session]
    event.set()
    assert not receiver.of("upload")[0].complete


def test_PS10_terminated_is_143(peer, start_send, three):
    """S33: As SIGINT, with its own exit code."""
    receiver = peer(behave={"prepare": behaviour.never()})
    program = start_send(receiver, *three)
    wait_until(lambda: receiver.of("prepare") and receiver.of("prepare")[0].complete)
    program.send_signal(signal.SIGTERM)
    assert program.ended(10).code == 143
    receiver.wait_for("cancel")


@pytest.mark.parametrize("era", ["1.18", "1.17", "1.8"])
def test_PS11_the_receiver_cancels(peer, start_send, tmp_path, era):
    """By a call to the port that the request named; neither another address nor another session
    is heard."""
    event, started = threading.Event(), threading.Event()
    receiver = peer(era, behave={"upload": behaviour.held(event, 1_000_000, started)})
    program = start_send(receiver, big_file(tmp_path))
    assert started.wait(20)
    info = receiver.of("prepare")[0].json()["info"]
    caller_era = "1.8" if era == "1.8" else "1.17"
    stranger = SenderPeer(info["port"], caller_era, source="127.0.0.2")
    caller = SenderPeer(info["port"], caller_era, identity="peer")
    session = None if era == "1.8" else receiver.session_id
    assert stranger.cancel(session).status in (200, 403)
    if session:
        assert caller.cancel("wrong").status in (200, 403)
        assert caller.cancel().status in (200, 403)
    time.sleep(0.5)
    assert program.popen.poll() is None
    assert caller.cancel(session).status == 200
    sent = program.ended(10)
    event.set()
    assert sent.code == 8
    assert "cancelled" in sent.message
    assert sent.statuses() == {"big.bin": "failed"}


def test_PS11_the_sender_takes_no_files(peer, start_send, three):
    """Its server is there to be told things, not for transfers."""
    event = threading.Event()
    receiver = peer(behave={"prepare": behaviour.held(event, None)})
    program = start_send(receiver, *three)
    receiver.wait_for("prepare")
    wait_until(lambda: receiver.of("prepare")[0].complete)
    info = receiver.of("prepare")[0].json()["info"]
    caller = SenderPeer(info["port"])
    assert caller.request("GET", V2 + "info").json()["fingerprint"] == info["fingerprint"]
    offer = {"info": caller.info(), "files": {"a": {"id": "a", "fileName": "a", "size": 1,
                                                    "fileType": "text/plain"}}}
    assert caller.prepare([], body=offer).status == 403
    event.set()
    assert program.ended().code == 0


def test_PS10_a_peer_that_never_answers(peer, send, three):
    """--accept-timeout: exit 14, and cancel without a session."""
    receiver = peer(behave={"prepare": behaviour.never()})
    begun = time.monotonic()
    sent = send(receiver, "--accept-timeout", "2s", *three)
    assert sent.code == 14
    assert 2 <= time.monotonic() - begun < 12
    assert [c.query for c in receiver.of("cancel")] == [{}]


def test_PS10_a_peer_that_takes_its_time_is_waited_for(peer, send, three):
    """Longer than the connect and stall limits: a person decides."""
    receiver = peer(behave={"prepare": behaviour.delayed(4)})
    sent = send(receiver, "--connect-timeout", "2s", "--stall-timeout", "2s", *three)
    assert sent.code == 0, sent.err


def test_PS8_an_upload_that_stalls(peer, send, tmp_path):
    """S15: --stall-timeout: exit 5 after its attempts, and the session is cancelled."""
    receiver = peer(behave={"upload": behaviour.stall_after(1000)})
    sent = send(receiver, "--stall-timeout", "2s", big_file(tmp_path))
    assert sent.code == 5, sent.message
    assert 1 <= len(receiver.of("upload")) <= 3
    assert [c.query for c in receiver.of("cancel")] == [{"sessionId": receiver.session_id}]


# --- files that change ---------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PS12_a_file_that_shrinks_is_failed_not_padded(peer, start_send, tmp_path, tls):
    """S25: The connection ends before the announced length; exit 11; the peer is told."""
    path = big_file(tmp_path)
    event, started = threading.Event(), threading.Event()
    receiver = peer(tls=tls, behave={"upload": behaviour.held(event, 1_000_000, started)})
    program = start_send(receiver, path)
    assert started.wait(20)
    os.truncate(path, 2_000_000)
    event.set()
    sent = program.ended()
    assert sent.code == 11, sent.message
    assert sent.statuses() == {"big.bin": "failed"}
    assert stored(receiver) == {}
    assert all(not c.complete and c.size < 60_000_000 for c in receiver.of("upload"))
    assert len(receiver.of("cancel")) == 1


def test_PS12_a_file_that_grows_is_sent_as_it_was_announced(peer, start_send, tmp_path):
    """S26: Exactly `size` bytes, or a failure; never more."""
    path = big_file(tmp_path)
    digest = files.digest(path)
    event, started = threading.Event(), threading.Event()
    receiver = peer(behave={"upload": behaviour.held(event, 1_000_000, started)})
    program = start_send(receiver, path)
    assert started.wait(20)
    with open(path, "ab") as file:
        file.write(b"more" * 1000)
    event.set()
    sent = program.ended()
    assert sent.code == 0
    assert {c.size for c in receiver.of("upload")} == {60_000_000}
    assert stored(receiver) == {"big.bin": digest}
    warning, = (e["message"] for e in sent.of("warning"))
    assert warning == (f"'{path}' grew while it was sent: the receiver has the first 60000000 of "
                       "its 60004000 bytes")


# --- folders -------------------------------------------------------------------------------------


def test_PS13_a_folder(peer, send, tmp_path):
    """S29: names begin with the folder and are joined by '/'; empty folders and links stay here,
    and what is no file is told as failed."""
    folder = tmp_path / "folder"
    made = files.make_named(folder, ["one", "sub/two", "sub/deeper/three", "back\\slash"])
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("one")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    receiver = peer()
    sent = send(receiver, folder)
    assert sent.code == 10, sent.err
    assert [name for name, status in sent.statuses().items() if status == "failed"] == ["folder/fifo"]
    wanted = {f"folder/{path.relative_to(folder)}": files.digest(path) for path in made}
    got = stored(receiver)
    assert {name.replace("_", "\\") if "slash" in name else name for name in got} == set(wanted)
    assert sorted(got.values()) == sorted(wanted.values())
    assert sent.of("warning")


def test_PS13_links_are_followed_when_asked_and_loops_end(peer, send, tmp_path):
    """S29: --follow."""
    folder = tmp_path / "folder"
    files.make_named(folder, ["sub/one"])
    (folder / "link").symlink_to("sub/one")
    (folder / "sub" / "loop").symlink_to(folder)
    receiver = peer()
    sent = send(receiver, "--follow", folder)
    assert {"folder/sub/one", "folder/link"} <= set(receiver.stored)
    assert len(receiver.stored) < 10
    assert sent.code in (0, 10, 11)


def test_PS13_a_name_that_is_no_utf8(peer, send, tmp_path):
    """S30: It is sent under a readable name or skipped with a warning; the others arrive."""
    folder = tmp_path / "folder"
    good, = files.make_named(folder, ["good"])
    pathlib.Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.txt")).write_bytes(b"bad")
    receiver = peer()
    sent = send(receiver, folder)
    assert stored(receiver)["folder/good"] == files.digest(good)
    if len(receiver.stored) == 1:
        assert sent.of("warning")
    assert sent.code in (0, 10)
    receiver.of("prepare")[0].body.decode()


def test_PS13_a_path_that_is_not_there(peer, send, tmp_path, three):
    """S28: Exit 11, before anybody is asked."""
    receiver = peer()
    sent = send(receiver, three[0], tmp_path / "missing")
    assert sent.code == 11
    assert receiver.of("prepare") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_S28_a_file_that_cannot_be_read(peer, send, three):
    """Exit 11, before anybody is asked, and it is named."""
    three[1].chmod(0)
    receiver = peer()
    sent = send(receiver, *three)
    assert sent.code == 11
    assert "b.png" in sent.message
    assert receiver.of("prepare") == []


def test_S33_the_receiver_is_free_at_once(home, start_send, send, tmp_path):
    """After an interrupt in the middle of a file the next sender is not told 409."""
    small = files.make_file(tmp_path / "small.txt", "small")
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        program = start_send(receiver, big_file(tmp_path, 800_000_000))
        wait_until(lambda: [e for e in program.events() if e["type"] == "progress"],
                   what="the first bytes")
        program.send_signal(signal.SIGINT)
        assert program.ended(5).code == 130
        assert send(receiver, small).code == 0
        assert [path.name for path in receiver.folder.iterdir() if path.is_file()] == ["small.txt"]
