"""Who may send: rules, a program, a person at a terminal; and how a sender waits for them."""

import contextlib
import json
import os
import signal
import threading
import time

import pytest

from lab import files
from lab.process import Receiver, run_lsend, wait_until
from lab.terminal import OnTerminal
from peers.sender import File, SenderPeer

DECISION_LIMIT = 60
WIRES = [("1.17", True), ("1.17", False), ("1.8", True), ("1.8", False)]
wires = pytest.mark.parametrize("era,tls", WIRES,
                                ids=["v2-https", "v2-http", "v1-https", "v1-http"])


class Waiting:
    """A request whose answer is still to come, on a connection that the test can cut."""

    def __init__(self, sender, offered):
        body = json.dumps(sender.offer(offered)).encode()
        self.connection = sender.connect()
        self.connection.send(sender.head("POST", sender.route("prepare"),
                                         [("Content-Length", len(body))]) + body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def answer(self):
        return self.connection.answer()


def events(receiver, kind):
    return [event for event in receiver.events() if event["type"] == kind]


def decisions(receiver):
    return events(receiver, "decision")


def is_gone(pid):
    """Has the process ended (or only its parent not noticed)?"""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    return True


@pytest.fixture
def gate(tmp_path):
    """A policy program that decides only when the test says so: gate.command, gate.open(code)."""

    class Gate:
        request = tmp_path / "request.json"
        pids = tmp_path / "pids"
        code = tmp_path / "code"
        command = (f"cat > '{request}.new' && mv '{request}.new' '{request}'; echo $$ >> '{pids}'; "
                   f"sleep 300 & echo $! >> '{pids}'; "
                   f"while ! test -s '{code}'; do sleep 0.05; done; kill $!; "
                   f"exit $(cat '{code}')")

        def wait(self):
            """The document of the request that waits now."""
            wait_until(self.request.exists, what="the program")
            wait_until(lambda: self.pids.exists() and self.pids.read_text().count("\n") % 2 == 0)
            document = json.loads(self.request.read_text())
            self.request.unlink()
            return document

        def open(self, code):
            self.code.write_text(f"{code}\n")

        def processes(self):
            return [int(pid) for pid in self.pids.read_text().split()]

    return Gate()


@pytest.fixture
def receiver(home, tmp_path, gate, lsend):
    """Asks the gate about everyone."""
    with Receiver(tmp_path / "in", "--json", "--http", "--accept-exec", gate.command,
                  home=home("receiver"), accept=False) as started:
        yield started
        assert started.popen.poll() is None, started.stderr()


# --- waiting --------------------------------------------------------------------------------------


@wires
def test_PR11_a_program_says_yes_or_no(receiver, gate, era, tls):
    """0 lets the files in, anything else is 403 and the slot is free."""
    sender = SenderPeer(receiver.port, era, tls)
    gate.open(0)
    assert [a.status for a in sender.send([File("yes.txt", b"yes")])] == [200]
    gate.open(3)
    refused = sender.prepare([File("no.txt", b"no")])
    assert (refused.status, refused.message) == (403, "Rejected")
    gate.open(0)
    assert [a.status for a in sender.send([File("again.txt", b"again")])] == [200]
    assert {"yes.txt", "again.txt"} == set(files.tree(receiver.folder, times=False)) - {".lsend/"}
    told = decisions(receiver)
    assert [(event["accepted"], event["by"]) for event in told] \
        == [(True, "program"), (False, "program"), (True, "program")]
    assert told[1]["error"]["message"] == "--accept-exec ended with status 3"


def test_the_program_reads_the_request(receiver, gate):
    """The fields of the event, and the files."""
    sender = SenderPeer(receiver.port)
    offered = [File("dir/a.txt", b"12345", sha256="ab" * 32), File("b.txt", b"1")]
    with Waiting(sender, offered) as waiting:
        document = gate.wait()
        gate.open(0)
        assert waiting.answer().status == 200
    event, = events(receiver, "request")
    for document_field in event:
        if document_field != "ts":
            assert document[document_field] == event[document_field]
    assert (document["files"], document["bytes"], document["verified"]) == (2, 6, True)
    assert document["device"]["fingerprint"] == sender.fingerprint
    assert {entry["name"]: entry["size"] for entry in document["file_list"]} \
        == {"dir/a.txt": 5, "b.txt": 1}
    assert [entry.get("sha256") for entry in document["file_list"] if entry["size"] == 5] \
        == ["ab" * 32]
    assert document["folder"] == str(receiver.folder)


@wires
def test_PR14_others_are_busy_while_one_waits(receiver, gate, era, tls):
    with Waiting(SenderPeer(receiver.port, era, tls), [File("a", b"1")]) as waiting:
        gate.wait()
        for other_era, other_tls in WIRES:
            busy = SenderPeer(receiver.port, other_era, other_tls).prepare([File("b", b"2")])
            assert (busy.status, busy.message) == (409, "Blocked by another session")
        assert SenderPeer(receiver.port).request("GET", "/api/localsend/v2/info").status == 200
        gate.open(0)
        assert waiting.answer().status == 200


@pytest.mark.parametrize("how", ["close", "reset"])
@wires
def test_PR17_a_sender_that_goes_frees_the_slot(receiver, gate, era, tls, how):
    """At once, and the program is ended with its children."""
    sender = SenderPeer(receiver.port, era, tls)
    with Waiting(sender, [File("a", b"1")]) as waiting:
        gate.wait()
        getattr(waiting.connection, how)()
    told, = wait_until(lambda: decisions(receiver), what="the end of the request")
    assert (told["accepted"], told["by"]) == (False, "sender")
    assert told["error"]["message"] == "the sender has gone"
    wait_until(lambda: all(is_gone(pid) for pid in gate.processes()), what="the program's end")
    gate.open(0)
    assert [a.status for a in sender.send([File("b", b"2")])] == [200]


@wires
def test_PR18_a_cancel_of_the_same_address_ends_the_wait(receiver, gate, era, tls):
    """200 for the cancel, 403 for the request that waits; the connection stays of use."""
    sender = SenderPeer(receiver.port, era, tls)
    with Waiting(sender, [File("a", b"1")]) as waiting:
        gate.wait()
        assert sender.cancel().status == 200
        answer = waiting.answer()
        assert (answer.status, answer.message) == (403, "Cancelled by sender")
        again = sender.request("GET", "/api/localsend/v2/info", connection=waiting.connection)
        assert again.status == 200
    wait_until(lambda: all(is_gone(pid) for pid in gate.processes()), what="the program's end")
    told, = decisions(receiver)
    assert told["error"]["message"] == "the sender called it off"
    gate.open(0)
    assert [a.status for a in sender.send([File("b", b"2")])] == [200]


@wires
def test_PR19_a_cancel_from_elsewhere_has_no_effect(receiver, gate, era, tls):
    """Nor one that names another session, nor, without an id, one of a session that runs."""
    sender = SenderPeer(receiver.port, era, tls)
    elsewhere = SenderPeer(receiver.port, era, tls, source="127.0.0.2")
    with Waiting(sender, [File("a", b"1")]) as waiting:
        gate.wait()
        assert elsewhere.cancel().status in (200, 403)
        if not sender.v1:
            assert sender.cancel("another").status in (200, 403)
        time.sleep(0.2)
        assert not decisions(receiver)
        gate.open(0)
        answer = waiting.answer()
        assert answer.status == 200
    assert elsewhere.cancel().status in (200, 403)
    if not sender.v1:
        assert sender.cancel().status in (200, 403)
    reply = answer.json()
    session, tokens = (None, reply) if sender.v1 else (reply["sessionId"], reply["files"])
    (file_id, token), = tokens.items()
    assert sender.upload(session, file_id, token, b"1").status == 200


def test_PR19_v1_and_v2_do_not_cancel_each_other(receiver, gate):
    """A v2 request that waits is not ended by v1's cancel."""
    with Waiting(SenderPeer(receiver.port), [File("a", b"1")]) as waiting:
        gate.wait()
        assert SenderPeer(receiver.port, "1.8").cancel().status == 403
        gate.open(0)
        assert waiting.answer().status == 200


def test_a_program_that_takes_too_long_is_a_no(receiver, gate):
    """30 seconds; its children end with it (R90)."""
    began = time.monotonic()
    with Waiting(SenderPeer(receiver.port), [File("a", b"1")]) as waiting:
        gate.wait()
        waiting.connection.socket.settimeout(45)
        assert waiting.answer().status == 403
    assert 28 < time.monotonic() - began < 45
    told, = decisions(receiver)
    assert "ran longer than 30 s" in told["error"]["message"]
    wait_until(lambda: all(is_gone(pid) for pid in gate.processes()), what="the program's end")


def test_a_receiver_that_stops_answers_who_waits(home, tmp_path, gate):
    """503, no program left, and exit 0: nothing was being transferred."""
    with Receiver(tmp_path / "in", "--accept-exec", gate.command, home=home(),
                  accept=False) as receiver:
        with Waiting(SenderPeer(receiver.port), [File("a", b"1")]) as waiting:
            gate.wait()
            receiver.send_signal(signal.SIGTERM)
            assert waiting.answer().status == 503
        assert receiver.wait() == 0
    wait_until(lambda: all(is_gone(pid) for pid in gate.processes()), what="the program's end")


# --- forms and messages ---------------------------------------------------------------------------

BOUNDARY = "----x"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def form(name, content):
    return (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
            .encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode())


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_a_form_waits_for_the_decision(receiver, gate, tls):
    """It is asked about before its body is read: nothing of it is lost by the wait."""
    sender = SenderPeer(receiver.port, tls=tls)
    body = form("a.bin", os.urandom(3_000_000))
    answers = []

    def post():
        answers.append(sender.request("POST", "/api/send", body, [("Content-Type", FORM_TYPE)]))

    poster = threading.Thread(target=post)
    poster.start()
    document = gate.wait()
    assert (document["files"], document["bytes"]) == (0, len(body))
    assert sender.prepare([File("b", b"2")]).status == 409
    gate.open(0)
    poster.join(20)
    assert answers and answers[0].status == 200
    assert (receiver.folder / "a.bin").stat().st_size == 3_000_000
    gate.open(1)
    assert sender.request("POST", "/api/send", form("b.bin", b"x"),
                          [("Content-Type", FORM_TYPE)]).status == 403
    assert not (receiver.folder / "b.bin").exists()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PR17_a_form_whose_sender_goes_frees_the_slot(receiver, gate, tls, how):
    sender = SenderPeer(receiver.port, tls=tls)
    body = form("a.bin", b"x" * 1000)
    with sender.connect() as connection:
        connection.send(sender.head("POST", "/api/send", [
            ("Content-Type", FORM_TYPE), ("Content-Length", len(body))]) + body)
        gate.wait()
        getattr(connection, how)()
    told, = wait_until(lambda: decisions(receiver), what="the end of the request")
    assert told["error"]["message"] == "the sender has gone"
    gate.open(0)
    assert [a.status for a in sender.send([File("b", b"2")])] == [200]


def test_a_message_is_decided_about_too(receiver, gate):
    """By a program; a refused one is not shown."""
    sender = SenderPeer(receiver.port)
    text = File("t.txt", b"hello", fileType="text/plain", preview="hello")
    gate.open(1)
    assert sender.prepare([text]).status == 403
    gate.open(0)
    assert sender.prepare([text]).status == 204
    assert sender.request("POST", "/api/clipboard", {"text": "by curl"}).status == 200
    assert [event["text"] for event in events(receiver, "message")] == ["hello", "by curl"]
    assert all(event["message"] for event in decisions(receiver))


# --- rules ----------------------------------------------------------------------------------------


@pytest.fixture
def start(home, tmp_path, lsend):
    with contextlib.ExitStack() as stack:
        def run(*options):
            return stack.enter_context(Receiver(tmp_path / "in", "--json", "--http", *options,
                                                home=home("receiver"), accept=False))
        yield run


def asks(sender, name="a"):
    """The status of a request, which is called off again."""
    answer = sender.prepare([File(name, b"1")])
    if answer.status == 200:
        reply = answer.json()
        assert sender.cancel(reply.get("sessionId")).status == 200
    return answer.status


def test_accept_from_a_network(start):
    receiver = start("--accept-from", "127.0.0.2/31", "--accept-from", "10.0.0.0/8")
    assert asks(SenderPeer(receiver.port, source="127.0.0.2")) == 200
    assert asks(SenderPeer(receiver.port, source="127.0.0.3", era="1.8", tls=False)) == 200
    assert asks(SenderPeer(receiver.port)) == 403
    assert decisions(receiver)[-1]["error"]["message"] == "no rule accepts this sender"


def test_accept_from_a_fingerprint_that_TLS_proved(start):
    friend = SenderPeer(1, identity="friend")
    receiver = start("--accept-from", f"fp:{friend.fingerprint.lower()}")
    assert asks(SenderPeer(receiver.port, identity="friend")) == 200
    assert asks(SenderPeer(receiver.port, identity="stranger")) == 403
    # Whoever only says so has proved nothing.
    for tls in (True, False):
        claims = SenderPeer(receiver.port, tls=tls, identity=None)
        claims.fingerprint = friend.fingerprint
        assert asks(claims) == 403


def test_accept_from_trusted_devices(start, home):
    """Those of the store, also while the receiver runs; blocked ones never."""
    friend = SenderPeer(1, identity="friend")
    receiver = start("--accept-from", "trusted", "--accept-from", "127.0.0.0/8")
    assert asks(SenderPeer(receiver.port, identity="friend")) == 200
    blocked = run_lsend("devices", "block", f"fp:{friend.fingerprint}", home=home("receiver"))
    if blocked.returncode != 0:
        pytest.skip(f"this lsend has no 'devices block': {blocked.stderr}")
    assert asks(SenderPeer(receiver.port, identity="friend")) == 403
    assert decisions(receiver)[-1]["error"]["message"] == "this device is blocked"


def test_accept_from_leaves_out_others_whatever_else_accepts(start):
    receiver = start("--accept-from", "10.0.0.0/8", "--auto-accept", "--pin", "1234")
    sender = SenderPeer(receiver.port)
    assert sender.prepare([File("a", b"1")], pin="1234").status == 403


def test_without_anybody_to_ask_it_does_not_start(home, tmp_path):
    """And says what to add; with --json, too."""
    for more in ((), ("--json",)):
        done = run_lsend("receive", "--dir", tmp_path / "in", "-p", "0", *more, home=home())
        assert done.returncode == 2
        for option in ("--auto-accept", "--accept-from", "--accept-exec", "--pin"):
            assert option in done.stderr
    assert not (tmp_path / "in").exists()


# --- a person -------------------------------------------------------------------------------------


@pytest.fixture
def terminal(home, tmp_path, lsend):
    """terminal(*options) is `lsend receive` with a person; .port and .folder are known."""
    with contextlib.ExitStack() as stack:
        def run(*options, **more):
            ready = tmp_path / "ready.json"
            running = stack.enter_context(OnTerminal(
                "receive", "--dir", tmp_path / "in", "-p", "0", "--ready-file", ready, "--http",
                *options, home=home("receiver"), **more))
            wait_until(ready.exists, what="the receiver")
            running.port = json.loads(ready.read_text())["port"]
            running.folder = tmp_path / "in"
            return running
        yield run


ASKED = "accept? "


def test_a_person_says_yes_and_no(terminal):
    running = terminal()
    sender = SenderPeer(running.port)
    with Waiting(sender, [File("photo.jpg", b"12345")]) as waiting:
        shown = running.wait_for(ASKED)
        assert "Sender 1.17 (desktop, 127.0.0.1) wants to send 1 file, 5 B" in shown
        assert "photo.jpg  5 B" in shown
        assert f"fingerprint  {sender.fingerprint[:8]}" in shown
        assert f"into         {running.folder}" in shown
        running.type("y\n")
        answer = waiting.answer()
        assert answer.status == 200
        reply = answer.json()
    (file_id, token), = reply["files"].items()
    assert sender.upload(reply["sessionId"], file_id, token, b"12345").status == 200
    assert (running.folder / "photo.jpg").read_bytes() == b"12345"
    assert "(b)lock: y\n" in running.shown() and "\n\n" not in running.shown()
    for times, typed in enumerate(("n\n", "\n", "\x04"), 2):
        with Waiting(sender, [File("b", b"1")]) as waiting:
            running.wait_for(ASKED, times=times)
            running.type(typed)
            assert waiting.answer().status == 403
    assert "refused: the user said no" in running.shown()


def test_what_was_typed_before_is_no_answer(terminal):
    running = terminal()
    running.type("y\ny\n")
    time.sleep(0.3)
    with Waiting(SenderPeer(running.port), [File("a", b"1")]) as waiting:
        running.wait_for(ASKED)
        time.sleep(0.5)
        running.type("n\n")
        assert waiting.answer().status == 403


def test_PR10_a_person_selects(terminal):
    """By numbers; the others are left out of the answer."""
    running = terminal()
    offered = [File(f"f{i}", b"x", id=str(i)) for i in range(1, 13)]
    sender = SenderPeer(running.port)
    with Waiting(sender, offered) as waiting:
        shown = running.wait_for(ASKED)
        assert "f8  1 B" in shown and "... and 4 more" in shown and "f9  1 B" not in shown
        running.type("s\n")
        running.wait_for("numbers, as in 1 3-5: ")
        assert "f12  1 B" in running.shown()
        running.type("13\n")
        running.wait_for("numbers from 1 to 12")
        running.type("2 4-5\n")
        reply = waiting.answer().json()
    assert set(reply["files"]) == {"2", "4", "5"}
    for file_id, token in reply["files"].items():
        assert sender.upload(reply["sessionId"], file_id, token, b"x").status == 200
    running.wait_for("finished: 3 files")
    assert "accepted 3" in running.shown()


def test_a_person_trusts_a_device(terminal):
    """Always: the next request of it is known."""
    running = terminal()
    sender = SenderPeer(running.port)
    with Waiting(sender, [File("a", b"1")]) as waiting:
        assert "device       new" in running.wait_for(ASKED)
        running.type("a\n")
        session = waiting.answer().json()["sessionId"]
    assert sender.cancel(session).status == 200
    with Waiting(sender, [File("b", b"1")]) as waiting:
        assert "device       trusted" in running.wait_for(ASKED, times=2)
        running.type("n\n")
        assert waiting.answer().status == 403


def test_a_person_blocks_a_device(terminal):
    """It is not asked about again."""
    running = terminal()
    sender = SenderPeer(running.port)
    with Waiting(sender, [File("a", b"1")]) as waiting:
        running.wait_for(ASKED)
        running.type("b\n")
        assert waiting.answer().status == 403
    assert sender.prepare([File("a", b"1")]).status == 403
    assert running.shown().count(ASKED) == 1
    running.wait_for("refused: this device is blocked")


def test_who_proved_nothing_is_neither_trusted_nor_blocked(terminal):
    running = terminal()
    with Waiting(SenderPeer(running.port, tls=False), [File("a", b"1")]) as waiting:
        shown = running.wait_for(ASKED)
        assert "(a)lways" not in shown and "(b)lock" not in shown
        assert "it did not prove who it is" in shown
        running.type("a\n")
        running.wait_for("answer for this time only")
        running.type("y\n")
        assert waiting.answer().status == 200


def test_a_sender_that_gives_up_is_told_to_the_person(terminal):
    running = terminal()
    sender = SenderPeer(running.port)
    with Waiting(sender, [File("a", b"1")]) as waiting:
        running.wait_for(ASKED)
        waiting.connection.close()
    running.wait_for("the sender has gone or called it off")
    with Waiting(sender, [File("b", b"1")]) as waiting:
        running.wait_for(ASKED, times=2)
        running.type("y\n")
        assert waiting.answer().status == 200


def test_a_question_without_an_answer_is_a_no(terminal):
    """The time that is left is shown, and runs down."""
    running = terminal()
    began = time.monotonic()
    with Waiting(SenderPeer(running.port), [File("a", b"1")]) as waiting:
        running.wait_for("[no in 60 s]")
        running.wait_for("[no in 58 s]")
        waiting.connection.socket.settimeout(DECISION_LIMIT + 15)
        assert waiting.answer().status == 403
    assert DECISION_LIMIT - 2 < time.monotonic() - began < DECISION_LIMIT + 10
    running.wait_for("declined")


def test_a_peer_cannot_steer_the_terminal(terminal):
    running = terminal()
    sender = SenderPeer(running.port)
    evil = "\x1b[2J\x1b]0;owned\x07\r\nlsend: fake\u202egpj"
    body = sender.offer([File(evil.replace("\r\n", ""), b"1"), File("b", b"2")])
    body["info"]["alias"] = evil
    answers = []
    asker = threading.Thread(target=lambda: answers.append(sender.prepare([], body=body)))
    asker.start()
    shown = running.wait_for(ASKED)
    running.type("n\n")
    asker.join(10)
    assert answers[0].status in (400, 403)
    assert "\x1b[2J" not in shown and "\x1b]0" not in shown and "\u202e" not in shown
    assert "\nlsend: fake" not in shown and "\x07" not in shown


def test_a_message_is_shown_and_not_asked_about(terminal):
    running = terminal()
    text = File("t.txt", b"hello", fileType="text/plain", preview="hello you")
    assert SenderPeer(running.port).prepare([text]).status == 204
    running.wait_for("hello you")
    assert ASKED not in running.shown()


def test_rules_spare_the_person(terminal):
    """--accept-from on a terminal: the others are asked about."""
    running = terminal("--accept-from", "127.0.0.2")
    assert asks(SenderPeer(running.port, source="127.0.0.2")) == 200
    assert ASKED not in running.shown()
    with Waiting(SenderPeer(running.port), [File("a", b"1")]) as waiting:
        running.wait_for(ASKED)
        running.type("y\n")
        assert waiting.answer().status == 200


def test_auto_accept_asks_nobody(terminal):
    running = terminal("--auto-accept")
    assert asks(SenderPeer(running.port)) == 200
    assert ASKED not in running.shown()


def test_an_interrupt_ends_a_question(terminal):
    running = terminal()
    with Waiting(SenderPeer(running.port), [File("a", b"1")]) as waiting:
        running.wait_for(ASKED)
        running.type("\x03")
        assert waiting.answer().status == 503
    assert running.wait() == 0


# --- files by name, PINs, ends --------------------------------------------------------------------


@pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])
def test_PR10_allow_and_deny_let_some_files_through(start, era):
    """The others are left out of the answer; nothing left is 204 and a free slot."""
    receiver = start("-y", "--allow", "*.txt", "--allow", "pics/*", "--deny", "*secret*")
    sender = SenderPeer(receiver.port, era)
    names = ["a.txt", "dir/b.txt", "c.exe", "pics/d.exe", "my-secret.txt", "secret/e.txt"]
    session, tokens = sender.start([File(name, b"x", id=name) for name in names])
    assert set(tokens) == {"a.txt", "dir/b.txt", "pics/d.exe"}
    for name, token in tokens.items():
        assert sender.upload(session, name, token, b"x").status == 200
    declined = [event["name"] for event in events(receiver, "file")
                if event["status"] == "declined"]
    assert declined == ["c.exe", "my-secret.txt", "secret/e.txt"]
    assert sender.prepare([File("f.exe", b"x")]).status == 204
    assert decisions(receiver)[-1]["error"]["message"] == "no file passes --allow and --deny"
    assert sender.prepare([File("g.exe", b"x")]).status == 204


def test_a_form_leaves_out_what_is_denied(start):
    receiver = start("-y", "--deny", "*.exe")
    sender = SenderPeer(receiver.port)
    end = f"--{BOUNDARY}--\r\n".encode()
    both = form("a.exe", b"1" * 1000)[:-len(end)] + form("b.txt", b"2")
    assert sender.request("POST", "/api/send", both, [("Content-Type", FORM_TYPE)]).status == 200
    assert not (receiver.folder / "a.exe").exists()
    assert (receiver.folder / "b.txt").read_bytes() == b"2"
    assert [event["status"] for event in events(receiver, "file")] == ["declined", "done"]


def test_PR16_refused_PINs_are_told(start):
    """Each wrong one, and a lock-out once."""
    receiver = start("--pin", "1234")
    sender = SenderPeer(receiver.port)
    offered = [File("a", b"1")]
    assert sender.prepare(offered).status == 401
    assert [sender.prepare(offered, pin="0").status for _ in range(5)] == [401, 401, 401, 429, 429]
    told = decisions(receiver)
    assert [event["error"]["code"] for event in told] == ["pin"] * 4
    assert "is wrong" in told[0]["error"]["message"]
    assert "locked" in told[3]["error"]["message"]


def test_R87_many_wrong_PINs_slow_everyone_down(start):
    receiver = start("--pin", "1234")
    offered = [File("a", b"1")]
    for i in range(30):
        assert SenderPeer(receiver.port, source=f"127.0.1.{i + 1}").prepare(
            offered, pin="0").status == 401
    began = time.monotonic()
    assert SenderPeer(receiver.port).prepare(offered, pin="1234").status == 200
    assert time.monotonic() - began > 4.5


def test_a_random_PIN_is_told_to_this_user(start, home, tmp_path):
    receiver = start("--pin", "random")
    ready, = wait_until(lambda: events(receiver, "ready"), what="what is told when it listens")
    assert len(ready["made_pin"]) == 6 and ready["made_pin"].isdigit()
    sender = SenderPeer(receiver.port)
    assert sender.prepare([File("a", b"1")]).status == 401
    assert sender.prepare([File("a", b"1")], pin=ready["made_pin"]).status == 200


def test_a_PIN_from_a_file(start, home, tmp_path):
    pin = tmp_path / "pin"
    pin.write_text("4711\nnot this\n")
    pin.chmod(0o600)
    receiver = start("--pin-file", pin)
    assert SenderPeer(receiver.port).prepare([File("a", b"1")], pin="4711").status == 200
    pin.chmod(0o644)
    refused = run_lsend("receive", "--pin-file", pin, "--dir", tmp_path / "x", home=home())
    assert refused.returncode == 2 and "can be read by others" in refused.stderr


def test_idle_timeout(start):
    """14 when nothing came, 0 when something did."""
    began = time.monotonic()
    assert start("-y", "--idle-timeout", "1s").wait(20) == 14
    assert time.monotonic() - began > 0.9
    receiver = start("-y", "--idle-timeout", "2s")
    assert [a.status for a in SenderPeer(receiver.port).send([File("a", b"1")])] == [200]
    assert receiver.wait(20) == 0


def test_max_sessions(start):
    receiver = start("-y", "--max-sessions", "2")
    senders = [SenderPeer(receiver.port, source=f"127.0.0.{i}") for i in (1, 2, 3)]
    first, _ = senders[0].start([File("a", b"1")])
    senders[1].start([File("b", b"1")])
    assert senders[2].prepare([File("c", b"1")]).status == 409
    assert senders[0].cancel(first).status == 200
    assert senders[2].prepare([File("c", b"1")]).status == 200
