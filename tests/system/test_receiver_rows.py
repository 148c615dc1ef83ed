"""`lsend receive` against senders of every era: the PR rows of the conformance table, whose numbers
are in the names of the tests."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

from lab import files
from lab.process import Program, Receiver, is_sanitized, wait_until
from peers.sender import Connection, File, SenderPeer

V2_INFO, V1_INFO = "/api/localsend/v2/info", "/api/localsend/v1/info"
IDLE_LIMIT = 30
DEVICE = {"alias": str, "version": str, "deviceModel": str, "deviceType": str, "fingerprint": str,
          "download": bool}
OF_LSEND = {"lsend": dict}  # what only another lsend looks at, in v2
WIRES = [("1.18", True), ("1.17", True), ("1.17", False), ("1.8", True), ("1.8", False)]
wires = pytest.mark.parametrize("era,tls", WIRES, ids=[
    f"{era}-{'https' if tls else 'http'}" for era, tls in WIRES])
versions = pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])


@pytest.fixture
def start(lsend, own_home, tmp_path):
    """start(*options) runs a receiver, which must be alive and well when the test is over."""
    with contextlib.ExitStack() as stack:
        started = []

        def run(*options, folder="in", **more):
            running = stack.enter_context(
                Receiver(tmp_path / folder, *options, home=own_home, **more))
            started.append(running)
            return running

        yield run
        for running in started:
            assert running.popen.poll() is None, running.stderr()
            assert SenderPeer(running.port).request("GET", V2_INFO).status == 200
            assert not [name for name in files.paths_below(running.folder) if ".part" in name]


@pytest.fixture
def receiver(start):
    """`lsend receive` on HTTPS and HTTP."""
    return start("--http")


def stored(receiver):
    """{name: sha256} of what was received; the private folder of parts has to be empty."""
    found = files.tree(receiver.folder, times=False)
    assert not [name for name in found if name.startswith(".lsend/")], found
    return found


def is_free(sender):
    """Can a session be opened (and closed again)?"""
    answer = sender.prepare([File("free?", b"x")])
    if answer.status != 200:
        assert answer.status == 409, answer
        return False
    reply = answer.json()
    assert sender.cancel(reply.get("sessionId")).status == 200
    return True


def check_device(device, receiver, device_type):
    """The fields and their types."""
    expected = DEVICE if device_type == "desktop" else DEVICE | OF_LSEND
    assert {name: type(value) for name, value in device.items()} == expected
    assert device["alias"] == "Receiver"
    assert re.fullmatch(r"2\.\d", device["version"])
    assert device["deviceType"] == device_type
    assert device["fingerprint"] == receiver.fingerprint
    assert re.fullmatch("[0-9A-F]{64}", device["fingerprint"])
    assert device["download"] is False


# --- info and register ---------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PR1_info_has_all_fields_in_their_types(receiver, tls):
    """v1/info has them as well: 1.9 to 1.17 ask there."""
    sender = SenderPeer(receiver.port, tls=tls)
    for path, device_type in ((V2_INFO, "headless"), (V1_INFO, "desktop")):
        for query in ("", "?fingerprint=" + "0" * 64):
            answer = sender.request("GET", path + query)
            assert answer.status == 200
            assert answer.fields["content-type"].startswith("application/json")
            check_device(answer.json(), receiver, device_type)


def test_PR2_info_to_itself_is_412(receiver):
    """A peer with our fingerprint is ourselves, however the digits are written."""
    sender = SenderPeer(receiver.port)
    for path in (V1_INFO, V2_INFO):
        for own in (receiver.fingerprint, receiver.fingerprint.lower()):
            answer = sender.request("GET", f"{path}?fingerprint={own}")
            assert (answer.status, answer.json()) == (412, {"message": "Self-discovered"})


@wires
def test_PR3_PR4_register_answers_who_we_are(receiver, era, tls):
    """PR3, PR4: the same fields as info, neither port nor protocol."""
    answer = SenderPeer(receiver.port, era, tls).register()
    assert answer.status == 200
    check_device(answer.json(), receiver, "desktop" if era == "1.8" else "headless")


@versions
@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"{}", b'"x"', b"\xff\xfe{}", b'{"alias":"A"}',
    b'{"fingerprint":"F"}', b'{"alias":1,"fingerprint":"F"}', b'{"alias":"A","fingerprint":null}',
    b'{"alias":"A","fingerprint":"F","port":"53317"}',
    b'{"alias":"A","fingerprint":"F","port":1.0}',
    b'{"alias":"A","fingerprint":"F","port":65536}', b'{"alias":"A","fingerprint":"F","port":-1}',
    b'{"alias":"A","fingerprint":"F"} x'])
def test_PR5_malformed_register_is_400(receiver, era, body):
    """Each with a message."""
    sender = SenderPeer(receiver.port, era)
    answer = sender.request("POST", sender.route("register"), body)
    assert (answer.status, answer.message) == (400, "Bad request")


@wires
def test_PR6_register_with_our_own_fingerprint_is_412(receiver, era, tls):
    """That is us, or a clone with our key."""
    answer = SenderPeer(receiver.port, era, tls, identity=None).register(
        fingerprint=receiver.fingerprint)
    assert (answer.status, answer.message) == (412, "Self-discovered")


def test_PR3_PR4_PR7_a_registered_device_is_listed_and_a_liar_is_not(own_home, free_port):
    """The address is where it came from, the port what it says; a v1 device has our own port and
    protocol; a fingerprint that is not the certificate's is not believed."""
    with Program("discover", "--watch", "--json", "--no-scan", "--interface", "lo", "--port",
                 free_port, home=own_home) as discover:
        honest = SenderPeer(free_port, own_port=50123)
        wait_until(lambda: _answers(honest), what="listening")
        liar = SenderPeer(free_port, identity="liar")
        claimed = "AB" * 32
        assert liar.register(fingerprint=claimed, alias="Liar").status == 200
        assert SenderPeer(free_port, "1.8", identity=None).register(
            alias="Old", fingerprint="random").status == 200
        assert honest.register(alias="Honest", deviceModel=None).status == 200
        devices = wait_until(lambda: _devices(discover, "Honest", "Old"), what="listed")
    assert "Liar" not in devices
    assert claimed not in discover.stdout().upper()
    assert devices["Honest"]["fingerprint"] == honest.fingerprint
    assert devices["Honest"]["verified"] and not devices["Old"]["verified"]
    assert [devices[name]["endpoints"] for name in ("Honest", "Old")] == [
        [{"protocol": "https", "address": "127.0.0.1", "port": port}]
        for port in (50123, free_port)]


def _answers(sender):
    with contextlib.suppress(OSError):
        return sender.request("GET", V2_INFO).status == 200
    return False


def _devices(program, *wanted):
    devices = {event["alias"]: event for event in program.events() if event["type"] == "device"}
    return devices if all(name in devices for name in wanted) else None


@pytest.fixture
def free_port():
    """A TCP port that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.parametrize("method,path,statuses", [
    ("GET", "/", (404,)), ("GET", "/api/localsend/v2/nothing", (404,)),
    ("POST", "/api/localsend/v3/register", (404,)), ("POST", "/api/localsend/v3/nonce", (404,)),
    ("GET", "/api/localsend/v2/info/", (404,)), ("GET", "/API/localsend/v2/info", (404,)),
    ("GET", "/api/localsend/v2/register", (404, 405)), ("POST", V2_INFO, (404, 405)),
    ("HEAD", "/api/localsend/v2/upload", (404, 405)), ("OPTIONS", "/", (404, 405)),
    ("PUT", "/api/localsend/v2/upload", (404, 405)), ("DELETE", V2_INFO, (404, 405)),
    ("BREW", V1_INFO, (404, 405, 400)), ("GET", "/api/localsend/v2/../v2/info", (404,))])
def test_PR8_unknown_paths_and_methods_are_answered_at_once(receiver, method, path, statuses):
    """404, or 405 for a known path; never a hang."""
    sender = SenderPeer(receiver.port)
    begun = time.monotonic()
    with sender.connect() as connection:
        connection.send(sender.head(method, path, [("Content-Length", 0)]))
        first, _ = connection.wire.head()
    assert int(first.split()[1]) in statuses
    assert time.monotonic() - begun < 5


# --- prepare-upload ------------------------------------------------------------------------------


@wires
def test_PR9_every_file_gets_a_token_of_its_own(receiver, era, tls):
    """Unique, at least 128 bits, and of characters that need no encoding (R67)."""
    sender = SenderPeer(receiver.port, era, tls)
    offered = [File(f"f{i}", b"x" * i) for i in range(50)]
    session, tokens = sender.start(offered)
    assert set(tokens) == {file.id for file in offered}
    secrets = list(tokens.values()) + ([session] if session else [])
    assert len(set(secrets)) == len(secrets)
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{22,}", secret) for secret in secrets)


@versions
def test_PR11_a_refused_request_leaves_the_slot_free(start, era):
    """More files, a larger file or more bytes than allowed."""
    receiver = start("--max-files", "3", "--max-file-size", "1k", "--max-size", "1500")
    sender = SenderPeer(receiver.port, era)
    for refused in ([File(str(i)) for i in range(4)], [File("big", b"x" * 1001)],
                    [File("a", b"x" * 800), File("b", b"x" * 800)]):
        answer = sender.prepare(refused)
        assert (answer.status, answer.message) == (413, "Request too large")
    assert [a.status for a in sender.send([File("ok", b"x" * 1000)])] == [200]
    assert set(stored(receiver)) == {"ok"}


@versions
def test_PR12_a_request_without_files_is_400(receiver, era):
    """And takes no slot."""
    sender = SenderPeer(receiver.port, era)
    for body in ({"info": sender.info(), "files": {}}, {"info": sender.info()},
                 {"info": sender.info(), "files": []}, {"info": sender.info(), "files": None}):
        assert sender.prepare([], body=body).status == 400
    assert is_free(sender)


MALFORMED = [{"size": "1"}, {"size": 1.0}, {"size": -1}, {"size": None}, {"size": True},
             {"size": 2 ** 64}, {"size": ...}, {"fileType": ...}, {"fileType": 7},
             {"fileName": ...}, {"fileName": None}, {"fileName": ["x"]}, {"id": ...}, {"id": 1},
             {"sha256": "abc"}, {"sha256": 7}]


@versions
@pytest.mark.parametrize("change", MALFORMED, ids=str)
def test_PR13_a_malformed_file_is_400(receiver, era, change):
    """Wrong types and missing members; the slot stays free."""
    sender = SenderPeer(receiver.port, era)
    file = File("a.txt", b"x")
    entry = {k: v for k, v in (file.entry | change).items() if v is not ...}
    answer = sender.prepare([], body={"info": sender.info(), "files": {file.id: entry}})
    assert (answer.status, answer.message) == (400, "Bad request")
    assert is_free(sender)


def test_PR13_broken_json_is_400_whatever_its_type_says(receiver):
    """And good JSON is read whatever its type says (trap 43)."""
    sender = SenderPeer(receiver.port)
    whole = json.dumps(sender.offer([File("a", b"x")])).encode()
    for body in (whole[:-1], b"", b"files", whole + b"}", b"\x00" + whole, b"[" * 5000):
        assert sender.request("POST", sender.route("prepare"), body).status == 400
    for fields in ([], [("Content-Type", "application/octet-stream")]):
        answer = sender.request("POST", sender.route("prepare"), whole, fields)
        assert answer.status == 200
        sender.cancel(answer.json()["sessionId"])


@versions
def test_PR14_a_second_request_is_told_409(receiver, era):
    """From the same address or another one; the first session goes on (R71)."""
    sender = SenderPeer(receiver.port, era)
    file = File("first", b"first")
    session, tokens = sender.start([file])
    others = [sender, SenderPeer(receiver.port, "1.17", source="127.0.0.2"),
              SenderPeer(receiver.port, "1.8", source="127.0.0.3", tls=False)]
    for other in others:
        answer = other.prepare([File("second", b"x")])
        assert (answer.status, answer.message) == (409, "Blocked by another session")
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    assert stored(receiver) == {"first": file.sha256}


@wires
def test_PR15_a_message_is_shown_and_204(receiver, era, tls):
    """No file, no session; control characters of the text do not reach the terminal."""
    text = "Grüße,\n\x1b[31mred\x07 ‮ \U0001f600"
    sender = SenderPeer(receiver.port, era, tls)
    message = File("5d1ef2cc.txt", text.encode(), preview=text,
                   fileType="text" if era == "1.8" else "text/plain")
    answer = sender.prepare([message])
    assert (answer.status, answer.body) == (204, b"")
    out = wait_until(receiver.stdout, what="the text on stdout")
    assert "Grüße," in out and "red" in out and "\U0001f600" in out
    assert not set("\x1b\x07‮") & set(out + receiver.stderr())
    assert stored(receiver) == {}
    assert is_free(sender)


# --- PIN -----------------------------------------------------------------------------------------


@versions
def test_PR16_three_wrong_pins_lock_an_address_out(start, era):
    """Also for the right PIN; another address is not concerned. A missing PIN does not count."""
    receiver = start("--pin", "12 34&ä")
    sender = SenderPeer(receiver.port, era)
    file = [File("a", b"x")]
    for _ in range(5):
        answer = sender.prepare(file)
        assert (answer.status, answer.message) == (401, "PIN required")
    assert sender.prepare(file, pin="").status == 401
    for wrong in ("12", "12 34&a", "99"):
        answer = sender.prepare(file, pin=wrong)
        assert answer.status in ((401, 429) if wrong == "99" else (401,))
    for pin in ("12 34&ä", "99", None):
        assert sender.prepare(file, pin=pin).status == 429
    other = SenderPeer(receiver.port, era, source="127.0.0.2")
    assert [a.status for a in other.send(file, pin="12 34&ä")] == [200]
    assert set(stored(receiver)) == {"a"}


@versions
def test_PR16_the_right_pin_sets_the_count_back(start, era):
    """Two wrong, one right, two wrong, one right."""
    receiver = start("--pin", "1234")
    sender = SenderPeer(receiver.port, era)
    for name in ("a", "b"):
        for _ in range(2):
            assert sender.prepare([File(name, b"x")], pin="4321").status == 401
        assert [a.status for a in sender.send([File(name, b"x")], pin="1234")] == [200]
    assert set(stored(receiver)) == {"a", "b"}


def test_PR16_the_pin_comes_before_body_and_busy(start):
    """Nobody without it learns whether the receiver is busy or reads JSON."""
    receiver = start("--pin", "1234")
    sender = SenderPeer(receiver.port)
    sender.start([File("a", b"x")], pin="1234")
    assert sender.prepare([File("b", b"x")]).status == 401
    assert sender.request("POST", sender.route("prepare"), b"{").status == 401
    assert sender.prepare([File("b", b"x")], pin="1234").status == 409


# --- cancel --------------------------------------------------------------------------------------


def test_PR19_cancel_of_others_or_without_a_session_changes_nothing(receiver):
    """While the session is active: no id, a wrong id, another address, garbage."""
    sender = SenderPeer(receiver.port)
    file = File("a", b"content")
    session, tokens = sender.start([file])
    other = SenderPeer(receiver.port, source="127.0.0.2")
    for canceller, given in ((sender, None), (sender, "wrong"), (sender, ""),
                             (sender, session[:-1]), (other, session), (other, None)):
        assert canceller.cancel(given).status in (200, 403)
    assert SenderPeer(receiver.port, "1.8", source="127.0.0.2").cancel().status in (200, 403)
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    assert stored(receiver) == {"a": file.sha256}


@wires
def test_PR30_cancel_ends_a_running_upload(receiver, era, tls):
    """v2 by session, v1 by address: uploads are refused, the part is gone, the slot is free.
    (R75.)"""
    sender = SenderPeer(receiver.port, era, tls)
    running, waiting = File("running", b"r" * 400_000), File("waiting", b"w")
    session, tokens = sender.start([running, waiting])
    with sender.connect() as connection:
        target = sender.upload_target(session, running.id, tokens[running.id])
        connection.send(sender.head("POST", target, [("Content-Length", 400_000)]))
        connection.send(running.data[:200_000])
        time.sleep(0.3)
        assert sender.cancel(session).status == 200
        assert connection.answer().status in (403, 409)
    answer = sender.upload(session, waiting.id, tokens[waiting.id], waiting.data)
    assert answer.status == 403
    assert stored(receiver) == {}
    assert is_free(sender)


# --- upload --------------------------------------------------------------------------------------


@wires
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_PR20_uploads_arrive_whole_on_one_connection(receiver, era, tls, in_chunks):
    """Kept alive, with a type and without one."""
    sender = SenderPeer(receiver.port, era, tls)
    offered = [File(f"{i}.bin", os.urandom(size)) for i, size in enumerate(
        (1, 65_536, 700_001, 3_000_000))]
    session, tokens = sender.start(offered)
    with sender.connect() as connection:
        for number, file in enumerate(offered):
            fields = [("Content-Type", "image/png")] if number % 2 else [("Accept", "*/*")]
            answer = sender.upload(session, file.id, tokens[file.id], file.data, connection,
                                   in_chunks, fields)
            assert (answer.status, answer.body) == (200, b"")
    assert stored(receiver) == {file.entry["fileName"]: file.sha256 for file in offered}


@wires
def test_PR20_two_uploads_at_a_time(receiver, era, tls):
    """Both half way before either ends."""
    sender = SenderPeer(receiver.port, era, tls)
    offered = [File(f"{i}.bin", os.urandom(500_000)) for i in range(2)]
    session, tokens = sender.start(offered)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(sender.connect()) for _ in offered]
        for connection, file in zip(connections, offered):
            target = sender.upload_target(session, file.id, tokens[file.id])
            connection.send(sender.head("POST", target, [("Content-Length", 500_000)]))
            connection.send(file.data[:250_000])
        for connection, file in zip(connections, offered):
            connection.send(file.data[250_000:])
        assert [connection.answer().status for connection in connections] == [200, 200]
    assert stored(receiver) == {file.entry["fileName"]: file.sha256 for file in offered}


@versions
def test_PR21_a_missing_parameter_is_400(receiver, era):
    """Also a wrong case of its name; nothing is used up (R64, R65)."""
    sender = SenderPeer(receiver.port, era)
    file = File("a", b"content")
    session, tokens = sender.start([file])
    given = {"sessionId": session, "fileId": file.id, "token": tokens[file.id]}
    given = {name: value for name, value in given.items() if value}
    for missing in given:
        for spare in ("", f"&{missing.upper()}=x"):
            query = "&".join(f"{n}={v}" for n, v in given.items() if n != missing) + spare
            answer = sender.request("POST", sender.route("upload") + "?" + query, b"content")
            assert (answer.status, answer.message) == (400, "Bad request")
    assert sender.request("POST", sender.route("upload"), b"content").status == 400
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200


@wires
def test_PR22_what_does_not_fit_is_403(receiver, era, tls):
    """Session, token, file, address: nothing is stored, and the right upload still works.
    (R63, R65, R68.)"""
    sender = SenderPeer(receiver.port, era, tls)
    file, second = File("a", b"content"), File("b", b"content")
    assert sender.upload("nosession" if era != "1.8" else None, file.id, "token",
                         b"content").status in (403, 409)
    session, tokens = sender.start([file, second])
    token = tokens[file.id]
    stranger = SenderPeer(receiver.port, era, tls, source="127.0.0.2")
    wrong = [(sender, session, file.id, "wrong"), (sender, session, file.id, token[:-1]),
             (sender, session, file.id, token + "A"), (sender, session, file.id, ""),
             (sender, session, second.id, token), (sender, session, "nofile", token),
             (stranger, session, file.id, token)]
    if session:
        wrong += [(sender, "wrong", file.id, token), (sender, session.swapcase(), file.id, token)]
    for who, given, file_id, secret in wrong:
        answer = who.upload(given, file_id, secret, b"content")
        assert (answer.status, answer.message) == (403, "Forbidden")
    forged = [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")]
    assert stranger.upload(session, file.id, token, b"content", fields=forged).status == 403
    assert stored(receiver) == {}
    assert sender.upload(session, file.id, token, b"content").status == 200


def test_PR22_tokens_of_one_version_do_not_fit_the_other(receiver):
    """A v2 session is not reached by v1's route."""
    sender = SenderPeer(receiver.port)
    file = File("a", b"content")
    session, tokens = sender.start([file])
    old = SenderPeer(receiver.port, "1.8")
    assert old.upload(None, file.id, tokens[file.id], b"content").status == 403
    assert sender.upload(session, file.id, tokens[file.id], b"content").status == 200


@wires
def test_PR23_a_finished_file_is_not_taken_again(receiver, era, tls):
    """In the session and after it; the stored file stays as it is (R76, R77)."""
    sender = SenderPeer(receiver.port, era, tls)
    first, second = File("a", b"content"), File("b", b"content")
    session, tokens = sender.start([first, second])
    for file in (first, second):
        assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
        assert sender.upload(session, file.id, tokens[file.id], b"CONTENT").status == 403
    assert stored(receiver) == {"a": first.sha256, "b": second.sha256}


@wires
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_PR24_a_body_of_another_size_is_400(receiver, era, tls, in_chunks):
    """Nothing is visible, and the token may be used again."""
    sender = SenderPeer(receiver.port, era, tls)
    for number, size in enumerate((99_999, 100_001, 0)):
        file = File(f"{number}.bin", os.urandom(100_000))
        session, tokens = sender.start([file])
        body = (file.data + b"x")[:size]
        answer = sender.upload(session, file.id, tokens[file.id], body, in_chunks=in_chunks)
        assert (answer.status, answer.message) == (400, "Size mismatch")
        assert f"{number}.bin" not in stored(receiver)
        answer = sender.upload(session, file.id, tokens[file.id], file.data, in_chunks=in_chunks)
        assert answer.status == 200
        assert stored(receiver)[f"{number}.bin"] == file.sha256


@pytest.mark.parametrize("cut", ["reset", "close", "half-close"])
@wires
def test_PR25_a_cut_connection_costs_only_its_file(receiver, era, tls, cut):
    """No part is left, the other file arrives, and the broken one may come again."""
    sender = SenderPeer(receiver.port, era, tls)
    broken, other = File("broken", os.urandom(300_000)), File("other", b"fine")
    session, tokens = sender.start([broken, other])
    connection = sender.connect()
    target = sender.upload_target(session, broken.id, tokens[broken.id])
    connection.send(sender.head("POST", target, [("Transfer-Encoding", "chunked")]))
    connection.send(b"20000\r\n" + broken.data[:0x20000] + b"\r\n")
    time.sleep(0.2)
    getattr(connection, {"half-close": "finish"}.get(cut, cut))()
    assert sender.upload(session, other.id, tokens[other.id], other.data).status == 200
    wait_until(lambda: files.paths_below(receiver.folder) in (["other"], [".lsend/", "other"]),
               what="the end of the part")
    assert sender.upload(session, broken.id, tokens[broken.id], broken.data).status == 200
    assert stored(receiver) == {"broken": broken.sha256, "other": other.sha256}
    connection.close()


@wires
def test_PR26_a_wrong_sha256_is_422_three_times(receiver, era, tls):
    """One flipped bit at the end; then the file has failed, and with it the session (R27)."""
    sender = SenderPeer(receiver.port, era, tls)
    data = os.urandom(400_000)
    file = File("a", data, sha256=File("", data).sha256)
    session, tokens = sender.start([file])
    damaged = data[:-1] + bytes([data[-1] ^ 1])
    for _ in range(3):
        answer = sender.upload(session, file.id, tokens[file.id], damaged)
        assert (answer.status, answer.message) == (422, "Checksum mismatch")
        assert stored(receiver) == {}
    assert sender.upload(session, file.id, tokens[file.id], data).status == 403
    assert stored(receiver) == {}
    assert is_free(sender)


@wires
def test_PR26_PR27_the_right_bytes_are_taken_after_a_mismatch(receiver, era, tls):
    """PR26, PR27: on the third try, the announced digest in upper case."""
    sender = SenderPeer(receiver.port, era, tls)
    data = os.urandom(100_000)
    file = File("a", data, sha256=File("", data).sha256.upper())
    session, tokens = sender.start([file])
    for _ in range(2):
        answer = sender.upload(session, file.id, tokens[file.id], b"\0" * len(data))
        assert answer.status == 422
    assert sender.upload(session, file.id, tokens[file.id], data).status == 200
    assert stored(receiver) == {"a": file.sha256}


@wires
def test_PR27_the_right_sha256_in_either_case(receiver, era, tls):
    """Or none, or null (R26)."""
    sender = SenderPeer(receiver.port, era, tls)
    digest = File("", b"content").sha256
    offered = [File("lower", b"content", sha256=digest),
               File("upper", b"content", sha256=digest.upper()),
               File("null", b"content", sha256=None), File("none", b"content")]
    assert [a.status for a in sender.send(offered)] == [200] * 4
    assert stored(receiver) == {f.entry["fileName"]: digest for f in offered}


@wires
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_PR28_an_empty_file(receiver, era, tls, in_chunks):
    """It is made, whatever the framing; also without any length."""
    sender = SenderPeer(receiver.port, era, tls)
    offered = [File("empty"), File("silent")]
    session, tokens = sender.start(offered)
    first, second = (sender.upload_target(session, f.id, tokens[f.id]) for f in offered)
    assert sender.request("POST", first, b"", in_chunks=in_chunks).status == 200
    assert sender.request("POST", second).status == 200
    assert stored(receiver) == {"empty": File("").sha256, "silent": File("").sha256}


@wires
def test_PR29_the_slot_is_free_when_the_last_file_is_done(receiver, era, tls):
    """The next request follows on the same connection (R78)."""
    sender = SenderPeer(receiver.port, era, tls)
    with sender.connect() as connection:
        for number in range(5):
            file = File(f"{number}", os.urandom(1000))
            answer = sender.prepare([file], connection=connection)
            assert answer.status == 200
            reply = answer.json()
            tokens = reply if era == "1.8" else reply["files"]
            answer = sender.upload(reply.get("sessionId"), file.id, tokens[file.id], file.data,
                                   connection)
            assert answer.status == 200
    assert len(stored(receiver)) == 5


def test_PR17_PR31_a_silent_session_is_ended(start):
    """PR31: after the idle limit and not before, while its sender is connected. PR17: the caller
    that asked and went away. (R72.)"""
    silent, deserted = start(folder="silent"), start(folder="deserted")
    file = File("a", b"x")
    sender, gone = SenderPeer(silent.port), SenderPeer(deserted.port)
    asked = sender.connect()
    reply = sender.prepare([file], connection=asked).json()
    session, tokens = reply["sessionId"], reply["files"]
    begun = time.monotonic()
    body = json.dumps(gone.offer([file])).encode()
    connection = gone.connect()
    head = gone.head("POST", gone.route("prepare"), [("Content-Length", len(body))])
    connection.send(head + body)
    connection.reset()
    time.sleep(IDLE_LIMIT - 6)
    assert not is_free(sender)
    assert is_free(gone)
    wait_until(lambda: is_free(sender), 15, "the end of the silent session")
    assert time.monotonic() - begun > IDLE_LIMIT - 3
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 403
    asked.close()


# --- names, times, disk --------------------------------------------------------------------------

LONG = "ä" * 150 + ".txt"
NAMES = {
    "a/b/c.txt": "a/b/c.txt", "a/./b.txt": "a/b.txt", "a//b.txt": "a/b.txt",
    "/etc/x": "etc/x", "C:\\x": "x", "win\\dir\\x": "win/dir/x", "": "untitled",
    ".": "untitled", "con": "con", "x\0y.png": "x_y.png", "e\x1b[2Jf": "e_[2Jf",
    "line\nfeed\r": "line_feed_", "-rf": "-rf", "$(touch x)": "$(touch x)",
    "%2e%2e%2fx": "%2e%2e%2fx", "~": "~", ".bashrc": ".bashrc", "trail. ": "trail. ",
    "日本語\U0001f468‍\U0001f469.txt": "日本語\U0001f468‍\U0001f469.txt",
    "n" * 255: "n" * 255, LONG: "ä" * 125 + ".txt",
}
REFUSED = ["../../x", "..\\..\\x", "a/../../x", "..", "../x", "a/..", "/".join("d" * 1000)]


@versions
@pytest.mark.parametrize("name", NAMES, ids=[ascii(name)[:20] for name in NAMES])
def test_PR32_a_name_is_cleaned_and_stays_below_the_folder(receiver, tmp_path, era, name):
    """The exact name, in the one place where it belongs; no control character on the terminal."""
    before = set(files.paths_below(tmp_path))
    sender = SenderPeer(receiver.port, era)
    file = File(name, b"content")
    assert [a.status for a in sender.send([file])] == [200]
    assert stored(receiver) == {NAMES[name]: file.sha256}
    new = {path for path in set(files.paths_below(tmp_path)) - before if not path.endswith("/")}
    assert new == {f"in/{NAMES[name]}"}
    shown = receiver.stdout() + receiver.stderr()
    assert not re.search("[\0-\b\x0b-\x1f\x7f]", shown)


@versions
@pytest.mark.parametrize("name", REFUSED, ids=[ascii(name)[:20] for name in REFUSED])
def test_PR32_a_name_that_leaves_the_folder_is_400(receiver, tmp_path, era, name):
    """At the request, before any byte; the slot is free."""
    before = files.paths_below(tmp_path)
    sender = SenderPeer(receiver.port, era)
    answer = sender.prepare([File("good", b"x"), File(name, b"x")])
    assert (answer.status, answer.message) == (400, "File name not allowed")
    assert [p for p in files.paths_below(tmp_path) if p not in before] in ([], ["in/.lsend/"])
    assert is_free(sender)


@versions
def test_PR32_what_is_there_is_kept(receiver, era):
    """The newcomers are numbered; folders and links of the name are left alone."""
    files.make_file(receiver.folder / "a.tar.gz", b"old")
    (receiver.folder / "b").mkdir()
    (receiver.folder / "dangling").symlink_to(receiver.folder / "nowhere")
    sender = SenderPeer(receiver.port, era)
    offered = [File(name, os.urandom(100)) for name in ("a.tar.gz", "a.tar.gz", "b", "dangling")]
    assert [a.status for a in sender.send(offered)] == [200] * 4
    assert (receiver.folder / "a.tar.gz").read_bytes() == b"old"
    assert (receiver.folder / "b").is_dir() and (receiver.folder / "dangling").is_symlink()
    assert not (receiver.folder / "nowhere").exists()
    digests = {files.digest(path) for path in receiver.folder.iterdir()
               if path.is_file() and not path.is_symlink()}
    assert {file.sha256 for file in offered} <= digests
    assert len(digests) == 5


@versions
def test_PR32_a_linked_folder_is_not_followed(receiver, tmp_path, era):
    """The file is refused or stored elsewhere below; the folder outside stays empty."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (receiver.folder / "link").symlink_to(outside)
    sender = SenderPeer(receiver.port, era)
    answers = sender.send([File("link/x", b"content"), File("fine", b"fine")])
    assert answers[0].status in (200, 400, 403, 500)
    assert answers[1].status == 200
    assert list(outside.iterdir()) == []
    assert (receiver.folder / "link").is_symlink()


def test_PR32_an_alias_is_shown_escaped(receiver):
    """What a peer calls itself is as hostile as a file name."""
    sender = SenderPeer(receiver.port)
    body = sender.offer([File("a", b"x")])
    body["info"]["alias"] = "evil\x1b]0;title\x07\nfake line‮"
    assert sender.prepare([], body=body).status == 200
    wait_until(lambda: "evil" in receiver.stdout() + receiver.stderr(), what="a line")
    shown = receiver.stdout() + receiver.stderr()
    assert not set("\x1b\x07‮") & set(shown)
    assert not [line for line in shown.splitlines() if line.startswith("fake")]


TIMES = {"2021-03-04T05:06:07Z": 1614834367.0, "2021-03-04T05:06:07.123456Z": 1614834367.123456,
         "2021-03-04T05:06:07.123456789Z": 1614834367.123456789,
         "2021-03-04T07:06:07+02:00": 1614834367.0}
NO_TIMES = ["yesterday", "", 7, None, [], "2021-13-04T05:06:07Z", "-9999-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z", "1900-01-01T00:00:00Z"]


@versions
def test_PR33_a_modification_time_is_kept(receiver, era):
    """To the nanosecond."""
    sender = SenderPeer(receiver.port, era)
    offered = [File(f"{i}", b"x", metadata={"modified": text, "accessed": None})
               for i, text in enumerate(TIMES)]
    assert [a.status for a in sender.send(offered)] == [200] * len(offered)
    found = [os.stat(receiver.folder / str(i)).st_mtime for i in range(len(offered))]
    assert found == pytest.approx(list(TIMES.values()), abs=1e-6)


@versions
def test_PR33_a_bad_modification_time_is_ignored(receiver, era):
    """Never a 400; the time is now, or at least no time outside of 1970 and tomorrow (R29)."""
    sender = SenderPeer(receiver.port, era)
    offered = [File(f"{i}", b"x", metadata={"modified": text}) for i, text in enumerate(NO_TIMES)]
    offered += [File("no", b"x"), File("null", b"x", metadata=None), File("odd", b"x", metadata=7)]
    assert [a.status for a in sender.send(offered)] == [200] * len(offered)
    for file in offered:
        mtime = os.stat(receiver.folder / file.entry["fileName"]).st_mtime
        assert 0 <= mtime < time.time() + 90_000
    for name in ("0", "1", "2", "3", "4", "5", "no", "null", "odd"):
        assert abs(os.stat(receiver.folder / name).st_mtime - time.time()) < 60


@versions
def test_PR34_a_full_disk_is_500(start, small_disk, era):
    """It fills up after the request was accepted; the session ends and small files go on."""
    receiver = start("--min-free", "0", folder=small_disk)
    sender = SenderPeer(receiver.port, era)
    file = File("big", os.urandom(1_500_000))
    session, tokens = sender.start([file])
    files.make_file(receiver.folder / "filler", b"x" * 1_000_000)
    answer = sender.upload(session, file.id, tokens[file.id], file.data)
    assert (answer.status, answer.message) == (500, "Not enough space")
    assert set(stored(receiver)) == {"filler"}
    assert [a.status for a in sender.send([File("small", b"x" * 1000)])] == [200]
    assert sender.prepare([file]).status in (413, 500)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)],
                           capture_output=True, text=True, timeout=20, check=False)
    if mount.returncode != 0:
        pytest.skip(f"this machine forbids mounting: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


# --- v1 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PR35_a_v1_app_sends(receiver, tls):
    """A flat map of tokens, all the words for types, no session id anywhere."""
    sender = SenderPeer(receiver.port, "1.8", tls)
    words = ("image", "video", "pdf", "text", "apk", "other")
    offered = [File(f"{word}.x", word.encode(), fileType=word) for word in words]
    offered.append(File("mime.x", b"mime", fileType="image/png", preview="some"))
    answer = sender.prepare(offered)
    assert answer.status == 200
    tokens = answer.json()
    assert set(tokens) == {file.id for file in offered}
    assert all(isinstance(token, str) for token in tokens.values())
    for file in offered:
        assert sender.upload(None, file.id, tokens[file.id], file.data).status == 200
    assert stored(receiver) == {f.entry["fileName"]: f.sha256 for f in offered}


def test_PR35_a_v1_session_is_cancelled_by_its_address_only(receiver):
    """Another address is not heard."""
    sender = SenderPeer(receiver.port, "1.8")
    file = File("a", b"content")
    _, tokens = sender.start([file])
    assert SenderPeer(receiver.port, "1.8", source="127.0.0.2").cancel().status in (200, 403)
    assert not is_free(SenderPeer(receiver.port))
    assert sender.cancel().status == 200
    assert sender.upload(None, file.id, tokens[file.id], b"content").status == 403
    assert is_free(sender)


def test_PR36_v1_cancel_does_not_end_a_v2_session(receiver):
    """403, and the session goes on."""
    sender = SenderPeer(receiver.port)
    file = File("a", b"content")
    session, tokens = sender.start([file])
    assert SenderPeer(receiver.port, "1.8").cancel().status == 403
    assert sender.upload(session, file.id, tokens[file.id], b"content").status == 200


# --- load ----------------------------------------------------------------------------------------


@versions
def test_PR38_fifteen_thousand_files_in_one_request(receiver, era):
    """All get a token; one of them is sent."""
    sender = SenderPeer(receiver.port, era)
    offered = [File(f"folder/{i % 100}/picture {i}.jpg", b"") for i in range(15_000)]
    offered.append(File("last", b"content"))
    session, tokens = sender.start(offered)
    assert len(set(tokens.values())) == 15_001
    last = offered[-1]
    assert sender.upload(session, last.id, tokens[last.id], b"content").status == 200
    assert stored(receiver) == {"last": last.sha256}
    if not is_sanitized():
        assert receiver.peak_memory() < 150_000_000


@versions
def test_PR38_a_preview_of_ten_megabytes(receiver, era):
    """Of a picture it is dropped; a message of that size is refused, not cut."""
    sender = SenderPeer(receiver.port, era)
    picture = File("p.jpg", b"picture", fileType="image/jpeg", preview="A" * 10_000_000)
    assert [a.status for a in sender.send([picture])] == [200]
    message = File("m.txt", b"", fileType="text/plain", preview="A" * 10_000_000)
    assert sender.prepare([message]).status in (204, 413)
    assert is_free(sender)
    if not is_sanitized():
        assert receiver.peak_memory() < 150_000_000


def test_PR39_two_hundred_registers_at_a_time(receiver):
    """From as many addresses, half of them in TLS: each gets its answer."""
    barrier, answers = threading.Barrier(200), []

    def call(number):
        sender = SenderPeer(receiver.port, tls=number % 2 == 0, source=f"127.0.1.{number + 1}")
        barrier.wait(30)
        answers.append(sender.register().status)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 200


def test_PR39_out_of_descriptors_is_survived(start, plain_lsend):
    """More connections than the process may have; it serves again when they are gone."""
    few = ("sh", "-c", 'ulimit -n 48; exec "$0" "$@"')
    receiver = start("--http", prefix=few, program=plain_lsend)
    sender = SenderPeer(receiver.port)
    with contextlib.ExitStack() as stack:
        for number in range(100):
            caller = SenderPeer(receiver.port, tls=False, source=f"127.0.2.{number + 1}")
            stack.enter_context(Connection(caller.open_tcp()))
        time.sleep(1)
        assert receiver.popen.poll() is None
    wait_until(lambda: _answers(sender), 30, "the answer after the flood")
    assert [a.status for a in sender.send([File("a", b"content")])] == [200]
