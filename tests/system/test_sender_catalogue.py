"""Rows S11 to S31 of what hostile and odd receivers do to `lsend send`, beyond test_sender_rows."""

import os
import socket
import subprocess
import threading
import time

import pytest

from lab.process import binary, environment
from lab.sending import big_file, digests, stored
from peers import behaviour, certificates
from peers.receiver import ReceiverPeer


def grant(session="session", token="token"):
    """A prepare answer with this session and these tokens, v1 and v2."""
    def act(exchange):
        exchange.read()
        peer = exchange.peer
        peer.offered = dict(exchange.call.json()["files"])
        peer.tokens = {key: token for key in peer.offered}
        peer.session = peer.session_id = session
        v1 = "/v1/" in exchange.call.path
        exchange.answer(200, dict(peer.tokens) if v1
                        else {"sessionId": session, "files": dict(peer.tokens)})
        return True
    return act


ODD = {"CRLF": "a\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1", "NUL": "a\0b", "query": "a&fileId=b#c?d=e",
       "unicode": "\U0001f600 ä", "long": "x" * 1_000_000, "percent": "%0d%0a%00"}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("where", ["session", "token"])
@pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])
def test_S11_odd_sessions_and_tokens(peer, send, three, era, where, kind):
    """They go back percent-encoded as they came, or are refused; no request is ever split."""
    if era == "1.8" and where == "session":
        pytest.skip("v1 has no session")
    receiver = peer(era, behave={"prepare": grant(**{where: ODD[kind]})})
    sent = send(receiver, *three)
    assert {call.method for call in receiver.calls} <= {"GET", "POST"}
    assert all(not call.fields.get("x-evil") for call in receiver.calls)
    assert sent.code in (0, 16), sent.message
    if sent.code == 0:
        assert stored(receiver) == digests(three)
    else:
        assert receiver.of("upload") == []


def endless(exchange, start, more):
    """An answer that never ends; at most a minute."""
    exchange.read()
    exchange.raw(start)
    until = time.monotonic() + 60
    while time.monotonic() < until and not exchange.peer.closing:
        exchange.raw(more)
    return True


ENDLESS = {
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "head": (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 4000 + b"\r\n"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
               b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 0x10000),
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("action", ["info", "prepare", "upload"])
def test_S16_answers_without_an_end(peer, send, three, action, kind):
    """Exit 16 (5 for one that breaks at our end), long before the answer ends."""
    start, more = ENDLESS[kind]
    receiver = peer(behave={action: lambda exchange: endless(exchange, start, more)})
    begun = time.monotonic()
    sent = send(receiver, *three)
    assert sent.code == 16, sent.message
    assert time.monotonic() - begun < 20


def test_S17_an_answer_in_single_bytes(peer, send, three):
    """Works."""
    def drip(exchange):
        exchange.read()
        exchange.peer.stored[exchange.file["fileName"]] = exchange.call
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
            exchange.raw(bytes([byte]))
            time.sleep(0.005)
        return True

    receiver = peer(behave={"upload": drip})
    assert send(receiver, *three).code == 0
    assert stored(receiver) == digests(three)


def test_S17_http_1_0_and_a_close_each_time(peer, send, three):
    """Works: a new connection for each request."""
    def old(exchange):
        exchange.read()
        exchange.peer.stored[exchange.file["fileName"]] = exchange.call
        exchange.raw(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        exchange.keep = False
        return True

    receiver = peer(behave={"upload": old})
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)


def test_S17_line_feeds_only(peer, send, three):
    """Exit 16."""
    receiver = peer(behave={"prepare": behaviour.raw(
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}")})
    assert send(receiver, *three).code == 16


def test_S19_another_certificate_than_demanded(peer, send, three):
    """Exit 6, and no HTTP byte has left."""
    receiver = peer()
    other = certificates.certificate("somebody else").fingerprint
    sent = send(receiver, "--fingerprint", other, *three)
    assert sent.code == 6
    assert receiver.calls == []
    sent = send(receiver, "--fingerprint", receiver.fingerprint, *three)
    assert sent.code == 0, sent.message


def chain_of_ten_megabytes():
    """A good certificate with many more behind it."""
    good = certificates.certificate("peer")
    long = good.pem.parent / "long.pem"
    more = certificates.certificate_text(good.pem)
    long.write_text(good.pem.read_text() + more * 12_000)
    return certificates.Certificate(long)


WEAK = {
    "512 bits": lambda: certificates.odd("512", "-newkey", "rsa:512"),
    "1024 bits": lambda: certificates.odd("1024", "-newkey", "rsa:1024"),
    "sha1": lambda: certificates.odd("sha1", "-newkey", "rsa:2048", "-sha1"),
    "a chain of 10 MB": chain_of_ten_megabytes,
    "unknown curve": lambda: certificates.odd("k1", "-newkey", "ec", "-pkeyopt",
                                              "ec_paramgen_curve:secp256k1"),
}


@pytest.mark.parametrize("kind", WEAK)
def test_S20_a_certificate_that_proves_nothing(peer, send, three, kind):
    """Too weak or too large: exit 6, and nothing about the files has left."""
    receiver = peer(certificate=WEAK[kind]())
    sent = send(receiver, *three, target=receiver.url)
    assert sent.code == 6, sent.message
    assert receiver.of("prepare") == []
    assert receiver.host in sent.message


@pytest.mark.parametrize("kind", ["expired", "not yet valid", "another name", "1024 bits"])
def test_S20_the_fingerprint_is_the_identity(peer, send, three, kind):
    """Neither dates nor names nor strength matter where exactly this certificate is demanded: what
    is odd about it is a warning."""
    made = {
        "expired": certificates.expired_certificate,
        "not yet valid": certificates.future_certificate,
        "another name": lambda: certificates.odd("name", "-newkey", "rsa:2048", "-addext",
                                                 "subjectAltName=DNS:example.org"),
        "1024 bits": WEAK["1024 bits"],
    }[kind]()
    receiver = peer(certificate=made)
    sent = send(receiver, "--fingerprint", made.fingerprint, *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    warnings = [e["message"] for e in sent.of("warning") if "certificate" in e["message"]]
    assert len(warnings) == (0 if kind == "another name" else 1)


def test_S20_a_certificate_out_of_its_dates_is_nobody_in_particular(peer, send, three):
    """Where nobody demands it an expired one proves nothing; that stops what wants a proof."""
    receiver = peer(certificate=certificates.expired_certificate())
    assert send(receiver, "--trust", "strict", *three).code == 6
    assert receiver.of("prepare") == []
    sent = send(receiver, *three)
    assert sent.code == 0, sent.message
    assert [e["verified"] for e in sent.of("target")] == [False]


def test_S21_a_known_device_that_does_without_tls(send, three, tmp_path_factory):
    """Exit 6, and nothing of the files is told."""
    with ReceiverPeer("1.17", alias="Once safe") as secure:
        assert send(secure, *three).code == 0
        port = secure.port
    with ReceiverPeer("1.17", tls=False, alias="Once safe", port=port) as plain:
        sent = send(plain, *three)
        assert sent.code == 6, sent.message
        assert plain.of("prepare") == []


def test_S22_garbage_instead_of_a_handshake(send, three):
    """Exit 5 or 6 at once, with a reason."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)

        def serve():
            for _ in range(8):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x28")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        sent = send(None, *three, target=f"https://127.0.0.1:{listener.getsockname()[1]}")
    assert sent.code in (5, 6), sent.message
    assert sent.message


def test_S23_the_certificate_changes_after_prepare(peer, send, three):
    """Exit 6: whoever answers now gets no file."""
    receiver = peer()

    def change(exchange):
        other = certificates.certificate("somebody else")
        exchange.peer._context.load_cert_chain(other.pem)
        return False

    receiver.behave["prepare"] = change
    receiver.behave["upload"] = behaviour.times(1, behaviour.close_after(1))
    sent = send(receiver, "--jobs", "1", *three)
    assert sent.code == 6, sent.message
    assert receiver.stored == {}
    assert len(receiver.of("upload")) == 1


@pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])
def test_S31_ten_terabytes_are_announced_as_they_are(peer, send, tmp_path, era):
    """Sizes beyond 2^32 and 2^53 in total, as integers."""
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        try:
            os.ftruncate(file.fileno(), 10 * 10**12)
        except OSError:
            pytest.skip("this file system has no such files")
    receiver = peer(era, behave={"prepare": behaviour.always(403)})
    assert send(receiver, path).code == 8
    entry, = receiver.of("prepare")[0].json()["files"].values()
    assert (type(entry["size"]), entry["size"]) == (int, 10 * 10**12)


@pytest.fixture(scope="module")
def twenty_thousand(tmp_path_factory):
    """20,001 empty files."""
    folder = tmp_path_factory.mktemp("many") / "many"
    folder.mkdir()
    for number in range(20_001):
        (folder / f"{number:05}").touch()
    return folder


def few(file):
    """One of a thousand."""
    return file["fileName"].endswith("000")


def offered_by(receiver):
    """How many files each request named."""
    return [len(call.json()["files"]) for call in receiver.of("prepare") if call.status == 200]


@pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])
def test_S31_many_files_go_in_sessions_of_ten_thousand(peer, send, twenty_thousand, era):
    """To an app, which holds the whole list in memory; each file is offered once, and no session is
    called off that went well."""
    receiver = peer(era, accept=few)
    sent = send(receiver, twenty_thousand)
    assert sent.code == 10, sent.message
    assert offered_by(receiver) == [10_000, 10_000, 1]
    named = [file["fileName"] for call in receiver.of("prepare")
             for file in call.json()["files"].values()]
    assert len(set(named)) == 20_001
    assert sorted(receiver.stored) == [f"many/{number:05}" for number in range(0, 20_001, 1000)]
    assert receiver.of("cancel") == []
    assert (sent.events[-1]["files_done"], sent.events[-1]["files_skipped"]) == (21, 19_980)
    assert len(sent.of("file")) == 20_001


def test_S31_a_no_ends_it(peer, send, twenty_thousand):
    """Nobody is asked about the rest: exit 8 after the first request, 10 after the second."""
    receiver = peer(behave={"prepare": behaviour.always(403)})
    assert send(receiver, twenty_thousand).code == 8
    call, = receiver.of("prepare")
    assert len(call.json()["files"]) == 10_000

    def no_more(exchange):
        return len(receiver.of("prepare")) > 1 and behaviour.always(403)(exchange)

    receiver = peer(accept=few, behave={"prepare": no_more})
    sent = send(receiver, twenty_thousand)
    assert sent.code == 10, sent.message
    assert len(receiver.of("prepare")) == 2
    assert (sent.events[-1]["files_done"], sent.events[-1]["files_failed"]) == (10, 10_001)


def test_S31_a_person_has_to_close_the_first_ten_thousand(peer, send, twenty_thousand):
    """1.17 answers 409 until somebody taps "Done": that is waited for without --wait."""
    def busy(exchange):
        return len(receiver.of("prepare")) in (2, 3) and behaviour.always(409)(exchange)

    receiver = peer(accept=few, behave={"prepare": busy})
    sent = send(receiver, twenty_thousand)
    assert sent.code == 10, sent.message
    assert offered_by(receiver) == [10_000, 10_000, 1]
    assert len(receiver.stored) == 21
    assert [e for e in sent.of("waiting") if "is busy" in e["reason"]]


def test_S31_another_lsend_takes_all_at_once(peer, send, twenty_thousand):
    """It says in its info what it is."""
    def info(exchange):
        exchange.read()
        device = exchange.peer.device(False) | {"lsend": {"v": 1, "resume": True}}
        exchange.answer(200, device)
        return True

    receiver = peer(accept=few, behave={"info": info})
    sent = send(receiver, twenty_thousand)
    assert sent.code == 10, sent.message
    assert offered_by(receiver) == [20_001]


@pytest.mark.parametrize("how", ["closed", "full"])
def test_S35_standard_output_that_takes_nothing(peer, own_home, three, how):
    """The transfer goes on; only a full disk is told."""
    receiver = peer()
    command = "exec >&-" if how == "closed" else "exec >/dev/full"
    done = subprocess.run(
        ["sh", "-c", f'{command}; "$@"', "sh", binary(), "send", "--json", "--interface", "lo",
         "--port", "0", receiver.target, *map(str, three)],
        env=environment(own_home), stderr=subprocess.PIPE, timeout=60, check=False)
    assert stored(receiver) == digests(three)
    assert done.returncode in (0, 11)


def test_the_answer_may_come_when_the_network_has_taken_everything(peer, send, tmp_path):
    """S15, S36: the stall limit counts from the last byte acknowledged, not from the last one that
    the kernel took: a peer that reads slowly but steadily is no stalled one."""
    def slowly(exchange):
        exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        exchange.read(pause=0.01)
        return False

    receiver = peer(tls=False, behave={"upload": slowly})
    sent = send(receiver, "--stall-timeout", "2s", big_file(tmp_path, 20_000_000),
                target=receiver.url)
    assert sent.code == 0, sent.message
