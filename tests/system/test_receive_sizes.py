"""R1 to R30: sizes, framing and contents that lie, against the running receiver."""

import contextlib
import gzip
import json
import os
import time

import pytest

from lab import files
from lab.process import is_sanitized, wait_until
from lab.wellbeing import Guard
from peers.hostile import WIRE_NAMES, WIRES, Hostile, read_all
from peers.sender import File

wires = pytest.mark.parametrize("era,tls", WIRES, ids=WIRE_NAMES)


@pytest.fixture
def sender(serving, era, tls):
    """A hostile sender; afterwards all promises are tried and the folder is emptied."""
    hostile = Hostile(serving.port, era, tls)
    yield hostile
    serving.check(hostile)
    free(hostile)
    for name in serving.stored():
        (serving.folder / name).unlink()


def free(sender):
    """Ends a session that a row left open, as its sender may; the slot is free then."""
    if sender.v1:
        sender.cancel()
    elif getattr(sender, "session", None):
        sender.cancel(sender.session)
    file = File("free?", b"x")
    wait_until(lambda: can_send(sender, file), 35, "a free slot")


def can_send(sender, file):
    answer = sender.prepare([file])
    if answer.status != 200:
        return False
    reply = answer.json()
    return sender.cancel(None if sender.v1 else reply["sessionId"]).status == 200


def start(sender, *offered):
    """A session that free() can end; the connections of a row are made by it."""
    session, tokens = sender.start(list(offered))
    sender.session = session
    return session, tokens


def entry(**changes):
    """One file's entry under its id; `...` takes a member away."""
    file = File("a.txt", b"x")
    made = {name: value for name, value in (file.entry | changes).items() if value is not ...}
    return {file.id: made}


# --- the length ----------------------------------------------------------------------------------


@wires
def test_R1_a_shorter_body_is_400_and_may_come_again(serving, sender):
    """R1, R11: with an honest length below the declared size, refused before the body."""
    file = File("short", os.urandom(50_000))
    session, tokens = start(sender, file)
    with sender.begin_upload(session, file, tokens[file.id], [("Content-Length", 49_999)]) as link:
        assert link.answer().status == 400
    assert sender.upload(session, file.id, tokens[file.id], file.data[:-1]).status == 400
    assert serving.stored() == {}
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    assert serving.stored() == {"short": file.sha256}


@wires
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("extra", [1, 30_000_000])
def test_R2_a_longer_body_is_refused(serving, sender, extra, in_chunks):
    """R2: by a byte or by 30 MB, by its length or as it comes."""
    file = File("long", os.urandom(1000))
    session, tokens = start(sender, file)
    answer = sender.upload(session, file.id, tokens[file.id], file.data + bytes(extra),
                           in_chunks=in_chunks)
    assert answer.status in (400, 413)
    assert serving.stored() == {}
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200


@wires
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_R3_an_empty_file_takes_no_bytes(serving, sender, in_chunks):
    """R3: size 0 is as binding as any."""
    file = File("empty", b"")
    session, tokens = start(sender, file)
    answer = sender.upload(session, file.id, tokens[file.id], b"x", in_chunks=in_chunks)
    assert answer.status in (400, 413)
    assert serving.stored() == {}


@wires
def test_R4_an_empty_file_exists(serving, sender):
    """R4: without body, without length, in no chunks."""
    offered = [File(f"{i}") for i in range(3)]
    session, tokens = start(sender, *offered)
    for file, fields in zip(offered, ([("Content-Length", 0)], [],
                                      [("Transfer-Encoding", "chunked")])):
        body = b"0\r\n\r\n" if fields and fields[0][1] == "chunked" else b""
        with sender.begin_upload(session, file, tokens[file.id], fields, body) as link:
            assert link.answer().status == 200
    assert serving.stored() == {f"{i}": File("").sha256 for i in range(3)}


BAD_SIZES = {"R5 minus one": "-1", "R5 lowest": str(-2 ** 63), "R6 fraction": "1.5",
             "R6 infinite": "1e400", "R6 bool": "true", "R6 list": "[]", "R6 object": "{}",
             "R6 null": "null", "R6 missing": ..., "R7 text": '"10"', "R7 decimal": "10.0",
             "R7 exponent": "1e1", "R7 minus nought": "-0"}


@wires
@pytest.mark.parametrize("text", BAD_SIZES.values(), ids=BAD_SIZES)
def test_R5_R6_R7_a_size_that_is_no_count_is_400(serving, sender, text):
    """R5, R6, R7: at the request, and the slot stays free. -0 is the number 0 to some readers."""
    body = json.dumps({"info": sender.info(), "files": entry(size=... if text is ... else "SIZE")})
    if text is not ...:
        body = body.replace('"SIZE"', text)
    answer = sender.request("POST", sender.route("prepare"), body.encode())
    if answer.status == 200 and text == "-0":
        sender.session = answer.json().get("sessionId")
    else:
        assert answer.status == 400


HUGE_SIZES = {"R8 largest signed": [2 ** 63 - 1], "R9 2^63": [2 ** 63], "R9 2^64-1": [2 ** 64 - 1],
              "R9 2^64": [2 ** 64], "R9 2^64+5": [2 ** 64 + 5], "R9 10^30": [10 ** 30],
              "R10 sum": [2 ** 63 - 1] * 4, "R10 wraps to 2": [2 ** 64 - 1, 3]}


@wires
@pytest.mark.parametrize("sizes", HUGE_SIZES.values(), ids=HUGE_SIZES)
def test_R8_R9_R10_a_size_beyond_the_disk_is_refused(serving, sender, sizes):
    """R8, R9, R10: no sum wraps around, and no space is taken."""
    entries = {}
    for number, size in enumerate(sizes):
        entries |= entry(fileName=f"{number}", size=size)
    answer = sender.ask(entries)
    # What no limit but the disk's forbids is told as the disk's (reliability.md 4.1).
    assert answer.status in (400, 413) or answer.message == "Not enough space"


@wires
def test_R12_an_upload_without_a_length_is_411(serving, sender):
    """R12: neither length nor chunks; what follows is no second request."""
    file = File("a", b"content")
    session, tokens = start(sender, file)
    target = sender.upload_target(session, file.id, tokens[file.id])
    answers = sender.say(sender.head("POST", target) + b"content" + sender.head("GET", "/"))
    assert [answer.status for answer in answers] == [411]
    assert serving.stored() == {}


BAD_LENGTHS = ["-5", "+5", "0x5", "5abc", "", "5, 6", "5\r\nContent-Length: 6", str(2 ** 64 + 5),
               "5 5", "٥", "5\x0b"]


@wires
@pytest.mark.parametrize("length", BAD_LENGTHS, ids=ascii)
def test_R13_a_length_that_is_none_ends_the_connection(serving, sender, length):
    """R13: 400 once, and the rest is not read as a request."""
    file = File("a", b"12345")
    session, tokens = start(sender, file)
    head = sender.head("POST", sender.upload_target(session, file.id, tokens[file.id]),
                       [("Content-Length", length)])
    answers = sender.say(head + b"12345" + sender.head("GET", sender.route("info")))
    assert [answer.status for answer in answers] == [400]
    assert answers[0].fields["connection"] == "close"
    assert serving.stored() == {}


CODINGS = {
    "both": [("Transfer-Encoding", "chunked"), ("Content-Length", 5)],
    "both, length first": [("Content-Length", 5), ("Transfer-Encoding", "chunked")],
    "unknown": [("Transfer-Encoding", "xchunked")],
    "gzip first": [("Transfer-Encoding", "gzip, chunked")],
    "chunked not last": [("Transfer-Encoding", "chunked, gzip")],
    "twice": [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
    "twice in one": [("Transfer-Encoding", "chunked, chunked")],
    "identity": [("Transfer-Encoding", "identity"), ("Content-Length", 5)],
    "blank before colon": [("Transfer-Encoding ", "chunked")],
    "tab inside": [("Transfer-Encoding", "\x0bchunked")],
}


@wires
@pytest.mark.parametrize("fields", CODINGS.values(), ids=CODINGS)
def test_R14_doubtful_framing_smuggles_nothing(serving, sender, fields):
    """R14: one refusal, then the end; the hidden request is never answered."""
    file = File("a", b"12345")
    session, tokens = start(sender, file)
    head = sender.head("POST", sender.upload_target(session, file.id, tokens[file.id]), fields)
    hidden = sender.head("GET", sender.route("info"))
    answers = sender.say(head + b"5\r\n12345\r\n0\r\n\r\n" + hidden)
    assert [answer.status for answer in answers] in ([400], [501])
    assert serving.stored() == {}


@wires
def test_R15_chunks_are_as_good_as_a_length(serving, sender):
    """R15: of odd sizes, with extensions and trailers, in upper case and with leading noughts."""
    data = os.urandom(100_000)
    file = File("a", data)
    session, tokens = start(sender, file)
    body = (b"A;name=value\r\n" + data[:10] + b"\r\n0001\r\n" + data[10:11] + b"\r\n" +
            b"%X\r\n" % (len(data) - 11) + data[11:] + b"\r\n0\r\nTrailer: x\r\n\r\n")
    with sender.begin_upload(session, file, tokens[file.id], [("Transfer-Encoding", "chunked")],
                             body) as link:
        assert link.answer().status == 200
    assert serving.stored() == {"a": file.sha256}


BAD_CHUNKS = {"letters": b"zz\r\nxx", "minus": b"-5\r\n12345\r\n0\r\n\r\n",
              "0x": b"0x5\r\n12345\r\n0\r\n\r\n", "16 f": b"f" * 16 + b"\r\n12345",
              "40 digits": b"0" * 39 + b"5\r\n12345\r\n0\r\n\r\n",
              "2^63": b"8000000000000000\r\n12345", "no end of chunk": b"5\r\n123450\r\n\r\n", "no size": b"\r\n12345\r\n0\r\n\r\n",
              "lf only": b"5\n12345\n0\n\n", "wrong end": b"5\r\n12345xx0\r\n\r\n"}


@wires
@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_R16_a_malformed_chunk_is_400(serving, sender, body):
    """R16: nothing is stored, and the connection ends."""
    file = File("a", b"12345")
    session, tokens = start(sender, file)
    with sender.begin_upload(session, file, tokens[file.id], [("Transfer-Encoding", "chunked")],
                             body) as link:
        answers = read_all(link)
    assert [answer.status for answer in answers] in ([400], [413])
    assert serving.stored() == {}


@wires
@pytest.mark.parametrize("kind", ["extension", "trailers"])
def test_R17_endless_framing_is_bounded(serving, sender, kind):
    """R17: 1.5 MB of chunk extension, 100,000 trailers: refused, in bounded memory."""
    file = File("a", b"12345")
    session, tokens = start(sender, file)
    body = (b"5;" + b"e" * 1_500_000 + b"\r\n12345\r\n0\r\n\r\n" if kind == "extension" else
            b"5\r\n12345\r\n0\r\n" + b"Trailer: value\r\n" * 100_000 + b"\r\n")
    before = serving.peak_memory()
    with sender.begin_upload(session, file, tokens[file.id], [("Transfer-Encoding", "chunked")],
                             body) as link:
        answers = read_all(link)
    assert all(400 <= answer.status < 500 for answer in answers)
    assert serving.stored() == {}
    if not is_sanitized():
        assert serving.peak_memory() < before + 20_000_000


# --- connections that end ------------------------------------------------------------------------


@wires
@pytest.mark.parametrize("cut", ["finish", "close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_R18_R19_R20_a_cut_upload_is_not_a_file(serving, sender, framing, cut):
    """R18, R19, R20: by FIN after every byte but the last chunk, by close or RST at half; over TLS
    all of them come without close_notify. The same token is good for another try."""
    file = File("cut", os.urandom(200_000))
    session, tokens = start(sender, file)
    if framing == "chunked":
        fields, body = [("Transfer-Encoding", "chunked")], b"%x\r\n" % 200_000 + file.data + b"\r\n"
    else:
        fields, body = [("Content-Length", 200_000)], file.data[:100_000]
    link = sender.begin_upload(session, file, tokens[file.id], fields, body)
    wait_until(serving.parts, what="a part")
    with contextlib.suppress(OSError):
        getattr(link, cut)()
    wait_until(lambda: not serving.parts(), what="the end of the part")
    assert serving.stored() == {}
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    assert serving.stored() == {"cut": file.sha256}
    link.close()


# --- codings and expectations --------------------------------------------------------------------


@wires
def test_R21_a_compressed_upload_is_never_expanded(serving, sender):
    """R21: stored as it came, or 415."""
    data = gzip.compress(b"0" * 1_000_000)
    file = File("a.gz", data)
    session, tokens = start(sender, file)
    answer = sender.upload(session, file.id, tokens[file.id], data,
                           fields=[("Content-Encoding", "gzip")])
    assert answer.status in (200, 415)
    assert serving.stored() == ({"a.gz": file.sha256} if answer.status == 200 else {})


@wires
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x"])
def test_R22_compressed_json_is_415(serving, sender, coding):
    """R22: a bomb is not lit."""
    bomb = gzip.compress(json.dumps(sender.offer([File("a", b"x")])).encode() + b" " * 50_000_000)
    answer = sender.request("POST", sender.route("prepare"), bomb, [("Content-Encoding", coding)])
    assert answer.status == 415


@wires
def test_R23_an_expectation_is_met(serving, sender):
    """R23: 100 comes before the body is sent, then 200."""
    file = File("a", os.urandom(5000))
    session, tokens = start(sender, file)
    fields = [("Content-Length", 5000), ("Expect", "100-continue")]
    with sender.begin_upload(session, file, tokens[file.id], fields) as link:
        first, _ = link.wire.head()
        assert first.split()[1] == "100"
        link.send(file.data)
        assert link.answer().status == 200
    assert serving.stored() == {"a": file.sha256}


@wires
def test_R24_nobody_is_asked_for_a_body_that_is_refused(serving, sender):
    """R24: a wrong token and 1 GB: the final answer comes at once, without 100."""
    file = File("a", b"x", size=10 ** 9)
    session, _ = start(sender, file)
    fields = [("Content-Length", 10 ** 9), ("Expect", "100-continue")]
    with sender.begin_upload(session, file, "wrong", fields) as link:
        assert [answer.status for answer in read_all(link)] == [403]


@wires
def test_R25_a_terabyte_with_a_wrong_token_is_not_read(serving, sender):
    """R25: 403 at once; of what is sent only the buffers' worth is taken."""
    file = File("a", b"x")
    session, _ = start(sender, file)
    begun = time.monotonic()
    with sender.begin_upload(session, file, "wrong", [("Content-Length", 2 ** 40)]) as link:
        link.send_listening(bytes(100_000_000))
        assert link.answer().status == 403
    assert time.monotonic() - begun < 10


# --- contents ------------------------------------------------------------------------------------


@wires
@pytest.mark.parametrize("value", ["", "abc", "g" * 64, "0" * 63, "0" * 65, 7, {}, [], True])
def test_R28_a_sha256_that_is_none(serving, sender, value):
    """R28: 400 at the request; null counts as none (R26)."""
    answer = sender.ask(entry(sha256=value))
    assert answer.status == 400
    file = File("a", b"content", sha256=None)
    session, tokens = start(sender, file)
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200


@wires
def test_R30_what_is_large_or_unknown_is_borne(serving, sender):
    """R30: a preview of 3 MB, an alias of 1 MB, words and members that nobody knows."""
    picture = File("p.jpg", b"picture", fileType="image/jpeg", preview="A" * 3_000_000)
    unknown = File("u", b"unknown", fileType="no/such-type", whatever={"a": [1, None]})
    body = sender.offer([picture, unknown])
    body["more"] = [{}] * 100
    body["info"] |= {"deviceType": "toaster", "future": {"x": 1}}
    answer = sender.prepare([], body=body)
    assert answer.status == 200
    reply = answer.json()
    sender.session = reply.get("sessionId")
    tokens = reply if sender.v1 else reply["files"]
    for file in (picture, unknown):
        assert sender.upload(sender.session, file.id, tokens[file.id], file.data).status == 200
    assert serving.stored() == {"p.jpg": picture.sha256, "u": unknown.sha256}
    body = sender.offer([File("a", b"x")])
    body["info"]["alias"] = "A" * 1_000_000
    answer = sender.prepare([], body=body)
    assert answer.status in (200, 400, 413)
    if answer.status == 200:
        sender.session = answer.json().get("sessionId")


def test_R2_a_limit_is_on_the_bytes_that_arrive(lsend, own_home, tmp_path):
    """R2, R8: nothing beyond the declared size reaches the disk, where a chunked body goes on."""
    with Guard(tmp_path / "in", "--http", home=own_home) as serving:
        sender = Hostile(serving.port, tls=False)
        file = File("a", b"x" * 100_000)
        session, tokens = sender.start([file])
        with sender.begin_upload(session, file, tokens[file.id],
                                 [("Transfer-Encoding", "chunked")]) as link:
            largest = 0
            with contextlib.suppress(OSError):
                for _ in range(200):
                    link.send(b"%x\r\n" % 100_000 + file.data + b"\r\n")
                    for name in serving.parts():
                        with contextlib.suppress(OSError):
                            largest = max(largest, os.stat(serving.folder / name).st_size)
            assert largest <= 100_000
            with contextlib.suppress(Exception):
                assert link.answer().status in (400, 413)
        serving.check(sender)
        assert files.tree(serving.folder, times=False) == {}
