"""R105 to R114 and R118 to R122: requests that are none, and JSON that is not the protocol's."""

import codecs
import contextlib
import json
import os
import re
import socket
import time

import pytest

from lab.process import is_sanitized, wait_until
from peers.hostile import WIRE_NAMES, WIRES, Hostile, read_all
from peers.sender import File
from peers.wire import Closed

wires = pytest.mark.parametrize("era,tls", WIRES, ids=WIRE_NAMES)
versions = pytest.mark.parametrize("era,tls", [("1.17", False), ("1.8", False)], ids=["v2", "v1"])
schemes = pytest.mark.parametrize("era,tls", [("1.17", True), ("1.17", False)],
                                  ids=["https", "http"])
REFUSALS = (400, 404, 405, 411, 413, 414, 417, 431, 501)


# --- no HTTP at all ------------------------------------------------------------------------------

GARBAGE = {
    "binary": bytes(range(256)) * 20, "zeros": b"\0" * 5000, "ff": b"\xff" * 5000,
    "0.9": b"GET /\r\n", "0.9 with blank line": b"GET /\r\n\r\n", "h2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n", "smtp": b"EHLO x\r\nMAIL FROM:<x>\r\n", "redis": b"*1\r\n$4\r\nPING\r\n",
    "9.9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", "no version": b"GET / HTTP\r\nHost: x\r\n\r\n",
    "lf only": b"GET / HTTP/1.1\nHost: x\n\n", "blank lines": b"\r\n" * 1000,
    "answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "one byte": b"G", "nothing": b"",
    "smb": b"\0\0\0\x54\xffSMB" + b"\0" * 80, "rtsp": b"OPTIONS * RTSP/1.0\r\n\r\n",
    "hello": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\x5a" * 508,
}


@schemes
@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_R105_what_is_no_http_is_400_or_closed(serving, sender, data):
    """R105: a TLS hello on the HTTP port begins TLS there, which then fails."""
    with contextlib.suppress(OSError):
        status = sender.status_of(data, finish=True)
        assert status in (None, *REFUSALS)


LINES = {
    "uri of 100 KB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1", "blanks": b"GET /a b c HTTP/1.1",
    "nul": b"GET /a\0b HTTP/1.1", "esc": b"GET /\x1b[2J HTTP/1.1", "utf-8": "GET /ä HTTP/1.1".encode(),
    "ff": b"GET /\xff HTTP/1.1", "del": b"GET /\x7f HTTP/1.1", "tab": b"GET\t/\tHTTP/1.1",
    "method of 100 KB": b"G" * 100_000 + b" / HTTP/1.1", "lower case": b"get / HTTP/1.1",
    "trace": b"TRACE / HTTP/1.1", "connect": b"CONNECT 10.0.0.1:80 HTTP/1.1", "put": b"PUT / HTTP/1.1",
    "delete": b"DELETE / HTTP/1.1", "star": b"OPTIONS * HTTP/1.1", "empty target": b"GET  HTTP/1.1",
    "no slash": b"GET x HTTP/1.1", "odd method": b"G<T / HTTP/1.1", "leading blank": b" GET / HTTP/1.1",
    "fragment": b"GET /#x HTTP/1.1", "8 KiB": b"GET /" + b"a" * 8192 + b" HTTP/1.1",
    # R107: somebody takes us for a proxy.
    "R107 absolute": b"GET http://169.254.169.254/latest/meta-data/ HTTP/1.1",
    "R107 absolute https": b"GET https://169.254.169.254/ HTTP/1.1",
    "R107 authority": b"GET //169.254.169.254/ HTTP/1.1",
    # R108: files of ours.
    "R108 dots": b"GET /../../etc/passwd HTTP/1.1", "R108 encoded": b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
    "R108 in api": b"GET /api/localsend/v2/../../../etc/passwd HTTP/1.1",
    "R108 in api encoded": b"GET /api/localsend/v2/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1",
    "R108 download": b"GET /api/localsend/v2/download?sessionId=x&fileId=../../etc/passwd HTTP/1.1",
    "R108 prepare-download": b"POST /api/localsend/v2/prepare-download HTTP/1.1",
    "R108 folder": b"GET /.lsend/ HTTP/1.1", "R108 backslash": b"GET /..\\..\\etc/passwd HTTP/1.1",
}


@schemes
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_R106_R107_R108_a_line_that_asks_for_nothing_of_ours(serving, sender, line):
    """R106, R107, R108: refused, nothing is fetched for anybody, no file is read to anybody."""
    answers = sender.say(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [answer.status for answer in answers] in [[status] for status in REFUSALS]
    assert b"root:" not in answers[0].body
    assert "FEA9FEA9" not in remote_ends(serving.pid)


def remote_ends(pid):
    """The IPv4 addresses that a process has TCP connections with, as the kernel writes them."""
    inodes = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{entry}")))
    found = set()
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            words = line.split()
            if words[9] in inodes:
                found.add(words[2].split(":")[0])
    return found


FIELDS = {
    "1 MB": b"X: " + b"v" * 1_000_000 + b"\r\n", "20,000": b"X: y\r\n" * 20_000,
    "101": b"X: y\r\n" * 101, "no colon": b"NoColonHere\r\n", "blank before colon": b"X : y\r\n",
    "nul": b"X: a\0b\r\n", "bad name": b"X(y): z\r\n", "bare cr": b"X: a\rb\r\n",
    "fold of 100 KB": b"X: a\r\n " + b"b" * 100_000 + b"\r\n", "no name": b": y\r\n",
    "name of 20 KB": b"X" * 20_000 + b": y\r\n", "first line blank": b" X: y\r\n",
    "two hosts": b"Host: a\r\nHost: b\r\n", "R113 junk expected": b"Expect: junk\r\n",
    "R113 number expected": b"Expect: 999\r\n",
}


@schemes
@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_R109_R110_R113_fields_that_are_none(serving, sender, fields):
    """R109, R110, R113: refused once, and the connection ends."""
    line = b"GET /api/localsend/v2/info HTTP/1.1\r\n"
    host = b"" if b"Host" in fields else b"Host: x\r\n"
    answers = sender.say(line + host + fields + b"\r\n")
    assert [answer.status for answer in answers] in ([400], [417], [431])
    if b"Expect" in fields:
        assert answers[0].status == 417


@schemes
def test_R110_a_host_is_asked_of_1_1_only(serving, sender):
    """R110: 1.0 is served without, 1.1 is not."""
    line = b"GET /api/localsend/v2/info HTTP/1."
    assert sender.status_of(line + b"0\r\n\r\n") == 200
    assert sender.status_of(line + b"1\r\n\r\n") == 400
    assert sender.status_of(line + b"1\r\nHost:\r\nConnection: close\r\n\r\n") in (200, 400)


# --- more than one request -----------------------------------------------------------------------


@wires
def test_R111_requests_on_one_connection(serving, sender):
    """R111: twenty after one another, three at a time; each answer is that of its request."""
    info = sender.head("GET", sender.route("info"))
    missing = sender.head("GET", "/nothing")
    with sender.connect() as connection:
        for _ in range(20):
            connection.send(info)
            assert connection.answer().json()["alias"] == "Receiver"
        connection.send(info + missing + info)
        assert [connection.answer().status for _ in range(3)] == [200, 404, 200]


@wires
def test_R111_a_refused_body_is_no_request(serving, sender):
    """R111: what is in it is never answered."""
    file = File("a", b"x")
    session, tokens = sender.start([file])
    hidden = sender.head("GET", sender.route("info"))
    for target in (sender.upload_target(session, file.id, "wrong"), sender.route("nothing"),
                   sender.upload_target(session, file.id, tokens[file.id])):
        head = sender.head("POST", target, [("Content-Length", len(hidden) * 3)])
        answers = sender.say(head + hidden * 3)
        assert len(answers) == 1 and answers[0].status in (400, 403, 404)
    assert sender.cancel(session).status == 200


@schemes
def test_R112_answers_that_nobody_reads(serving, sender):
    """R112: requests without end, no answer taken: the receiver stops reading, and its memory
    stays."""
    with sender.connect() as connection:
        requests = sender.head("GET", sender.route("info")) * 1000
        before = serving.peak_memory()
        connection.socket.settimeout(1)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 100_000_000:
                connection.socket.sendall(requests)
                sent += len(requests)
        assert sent < 100_000_000
        if not is_sanitized():
            assert serving.peak_memory() < before + 8_000_000
        assert serving.is_prompt()


@schemes
def test_R113_what_is_none_of_our_business_is_ignored(serving, sender):
    """R113: an upgrade, a range, a body on GET, line ends in a query: no field of ours has them."""
    target = sender.route("info")
    fields = [("Upgrade", "h2c"), ("Connection", "Upgrade"), ("Range", "bytes=0-1"),
              ("Accept-Encoding", "gzip"), ("If-None-Match", "*")]
    answer = sender.request("GET", target, None, fields)
    assert answer.status == 200 and answer.json()["alias"] == "Receiver"
    assert not {"upgrade", "content-range", "content-encoding"} & set(answer.fields)
    for query in ("?x=a%0d%0aSet-Cookie:%20y", "?fingerprint=%0d%0aX-Own:%20y"):
        answer = sender.request("GET", target + query)
        assert not {"set-cookie", "x-own"} & set(answer.fields)
    answers = sender.say(sender.head("GET", target, [("Content-Length", 5)]) + b"12345" +
                         sender.head("GET", "/nothing", [("Connection", "close")]))
    assert [answer.status for answer in answers] in ([200, 404], [200], [400])


BROWSERS = [[("Origin", "http://evil.example")], [("Origin", "null")],
            [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")],
            [("Origin", "http://127.0.0.1"), ("Sec-Fetch-Site", "cross-site")]]


@wires
@pytest.mark.parametrize("fields", BROWSERS, ids=str)
def test_R114_no_page_of_another_site(serving, sender, fields):
    """R114: 403 for everything that it asks; never a field that lets it read the answer."""
    body = json.dumps(sender.offer([File("a", b"x")])).encode()
    for target in (sender.route("prepare"), sender.route("register"), sender.route("cancel")):
        answer = sender.request("POST", target, body,
                                [*fields, ("Content-Type", "text/plain")])
        assert answer.status == 403
    assert sender.request("GET", sender.route("info"), None, fields).status == 403
    preflight = sender.request("OPTIONS", sender.route("prepare"), None,
                               [*fields, ("Access-Control-Request-Method", "POST")])
    assert preflight.status in (403, 404, 405)


@schemes
def test_R114_a_foreign_host_with_an_origin(serving, sender):
    """R114: as after DNS rebinding."""
    answers = sender.say(b"POST /api/localsend/v2/prepare-upload HTTP/1.1\r\nHost: evil.example\r\n"
                         b"Origin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}")
    assert [answer.status for answer in answers] == [403]


# --- JSON ----------------------------------------------------------------------------------------

OFFER = json.dumps({"info": {"alias": "A", "version": "2.1", "fingerprint": "F", "port": 53317,
                             "protocol": "https", "deviceType": "mobile"},
                    "files": {"f": {"id": "f", "fileName": "a", "size": 1, "fileType": "x"}}})
JSON = {
    "empty": b"", "blank": b"  ", "null": b"null", "array": b"[]", "number": b"1", "text": b'"x"',
    "trailing": OFFER.encode() + b" x", "two": OFFER.encode() * 2, "nan": OFFER.replace(": 1", ": NaN").encode(),
    "infinity": OFFER.replace(": 1", ": Infinity").encode(), "-infinity": OFFER.replace(": 1", ": -Infinity").encode(),
    "comment": b"/* x */" + OFFER.encode(), "line comment": b"// x\n" + OFFER.encode(),
    "utf-16": codecs.BOM_UTF16_LE + OFFER.encode("utf-16-le"), "utf-16 without bom": OFFER.encode("utf-16-be"),
    "utf-32": OFFER.encode("utf-32"), "trailing comma": OFFER[:-1].encode() + b",}",
    "single quotes": OFFER.replace('"', "'").encode(), "cut": OFFER[:-1].encode(), "deep arrays": b"[" * 200_000,
    "deep inside": OFFER[:-1].encode() + b', "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep objects": OFFER[:-1].encode() + b', "x": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001,
    "number of 500 KB": OFFER.replace(": 1,", ": " + "1" * 500_000 + ",").encode(),
    "nul": OFFER.encode().replace(b'"a"', b'"a\0"'), "raw newline": OFFER.encode().replace(b'"a"', b'"a\n"'),
    "bad escape": OFFER.encode().replace(b'"a"', b'"\\x"'), "hex": OFFER.replace(": 1,", ": 0x1,").encode(),
    "leading nought": OFFER.replace(": 1,", ": 01,").encode(), "plus": OFFER.replace(": 1,", ": +1,").encode(),
}


@wires
@pytest.mark.parametrize("body", JSON.values(), ids=JSON)
def test_R118_json_that_is_none(serving, sender, body):
    """R118: 400, however deep, and the process goes on."""
    answer = sender.request("POST", sender.route("prepare"), body)
    assert (answer.status, answer.message) == (400, "Bad request")


@wires
@pytest.mark.parametrize("kind", ["bom", "keys", "string"])
def test_R118_json_that_may_be_taken(serving, sender, kind):
    """R118: a byte order mark, 200,000 unknown keys, a string of 1 MB in an unknown member: taken
    or refused."""
    more = {"keys": {f"k{i}": i for i in range(200_000)}, "string": "s" * 1_000_000}.get(kind, 1)
    body = json.dumps(json.loads(OFFER) | {"more": more}).encode()
    if kind == "bom":
        body = codecs.BOM_UTF8 + body
    answer = sender.request("POST", sender.route("prepare"), body)
    assert answer.status in (200, 400, 413)
    if answer.status == 200 and not sender.v1:
        assert sender.cancel(answer.json()["sessionId"]).status == 200


@wires
def test_R119_a_body_without_end_is_413(serving, sender):
    """R119: by its length before it is read, in chunks when the limit is met."""
    before = serving.peak_memory()
    target = sender.route("prepare")
    with sender.connect() as connection:
        begun = time.monotonic()
        connection.send(sender.head("POST", target, [("Content-Length", 100_000_000)]))
        assert connection.answer().status == 413
        assert time.monotonic() - begun < 5
    with sender.connect() as connection:
        connection.send(sender.head("POST", sender.route("register"),
                                    [("Transfer-Encoding", "chunked")]))
        connection.send_listening((b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 4)
        assert [answer.status for answer in read_all(connection)] == [413]
    if not is_sanitized():
        assert serving.peak_memory() < before + 20_000_000


def test_R119_endless_chunks_of_json(serving):
    """R119: the largest request allowed is the most that is ever held."""
    sender = Hostile(serving.port, tls=False)
    before = serving.peak_memory()
    with sender.connect() as connection:
        connection.send(sender.head("POST", sender.route("prepare"),
                                    [("Transfer-Encoding", "chunked")]))
        connection.send_listening((b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 80)
        with contextlib.suppress(Closed):
            assert connection.answer().status == 413
    if not is_sanitized():
        assert serving.peak_memory() < before + 150_000_000
    serving.check(sender)


WRONG = [None, True, 1, -1, 1.5, "", "x", [], {}, [[]], {"a": {}}]
PLACES = ["info", "files", "files.f", "files.f.id", "files.f.fileName", "info.alias", "info.port",
          "info.version", "info.fingerprint", "info.protocol", "info.deviceType", "info.deviceModel",
          "files.f.fileType", "files.f.preview", "files.f.metadata", "files.f.sha256"]


@versions
@pytest.mark.parametrize("place", PLACES)
def test_R120_members_of_the_wrong_type(serving, sender, place):
    """R120: refused or ignored; at each place each kind of value."""
    *way, last = place.split(".")
    for value in WRONG:
        message = json.loads(OFFER)
        member = message
        for step in way:
            member = member[step]
        member[last] = value
        answer = sender.prepare([], body=message)
        assert answer.status in (200, 204, 400), (value, answer)
        if answer.status == 200:
            cancelled = sender.cancel(answer.json().get("sessionId"))
            assert cancelled.status == 200


# --- register ------------------------------------------------------------------------------------


def test_R121_nobody_is_called_for_somebody_else(serving):
    """R121: a register names a port of a third party, here of one that listens: no call comes."""
    with socket.create_server(("127.0.0.1", 0)) as victim:
        victim.settimeout(1)
        for era, tls in WIRES:
            sender = Hostile(serving.port, era, tls, own_port=victim.getsockname()[1],
                             source="127.0.0.2", identity=None)
            assert sender.register().status == 200
        with pytest.raises(TimeoutError):
            victim.accept()
    serving.check()


def test_heads_that_announce_much_keep_nobody_out(serving):
    """4.1: the memory for requests that are being read is taken by what has come, not announced."""
    with contextlib.ExitStack() as stack:
        for length in (64 << 20, 32 << 20, 32 << 20):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", serving.port), 5))
            link.sendall(b"POST /api/localsend/v2/prepare-upload HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Length: %d\r\n\r\n{" % length)
        time.sleep(0.5)
        sender = Hostile(serving.port, tls=False)
        session, _ = sender.start([File("a", b"x")])
        assert session
    serving.check()


def test_R122_two_thousand_devices(serving):
    """R122: each with a fingerprint of its own, from a hundred addresses: only so many are kept."""
    before = serving.peak_memory()
    for host in range(100):
        sender = Hostile(serving.port, tls=False, identity=None, source=f"127.0.9.{host + 1}")
        with sender.connect() as connection:
            for number in range(20):
                body = sender.info() | {"fingerprint": f"{host * 20 + number:064X}",
                                        "alias": "A" * 200}
                assert sender.request("POST", sender.route("register"), body,
                                      connection=connection).status == 200
    if not is_sanitized():
        assert serving.peak_memory() < before + 5_000_000
    wait_until(serving.is_prompt, what="an answer in time")
    serving.check(sender)
