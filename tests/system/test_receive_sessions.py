"""R63 to R90: tokens, sessions, order and PINs, against the running receiver. Many of these rows
stand in test_receiver_rows.py under the numbers of the conformance table."""

import contextlib
import json
import os
import socket
import threading

import pytest

from lab.netns import Lab, requires_netns
from lab.process import Receiver, is_sanitized, run_lsend, wait_until
from lab.wellbeing import Guard
from peers import namespace
from peers.hostile import WIRE_NAMES, WIRES, Hostile
from peers.sender import File

IPV6_FREEBIND = 78
wires = pytest.mark.parametrize("era,tls", WIRES, ids=WIRE_NAMES)
versions = pytest.mark.parametrize("era,tls", [("1.17", False), ("1.8", False)], ids=["v2", "v1"])


def cancel(sender, session):
    assert sender.cancel(session).status == 200


# --- parameters and tokens -----------------------------------------------------------------------


@wires
def test_R64_R66_queries_that_are_none(serving, sender):
    """R64, R66: bad escapes, NUL, no UTF-8, 60 KB, twice the same name: refused, and the right
    upload still works."""
    file = File("a", b"content")
    session, tokens = sender.start([file])
    token = tokens[file.id]
    right = sender.upload_target(session, file.id, token)
    path = sender.route("upload")
    queries = ["?=&&&=", "?", "?&", "?fileId", "?=x"]
    assert {sender.request("POST", path + query, b"content").status for query in queries} == {400}
    for bad in ("%zz", "%", "%0", "%00", "%c0%ae", "%ff", token + "%00", token + "%0d%0aX:%20y",
                "A" * 60_000, token + "&token=" + token, token + "&fileId=x", "&token=" + token):
        target = right.replace(f"token={token}", f"token={bad}")
        assert target != right
        assert sender.request("POST", target, b"content").status in (400, 403, 414, 431), bad
    assert serving.stored() == {}
    assert sender.request("POST", right, b"content").status == 200


def test_R67_tokens_cannot_be_foretold(serving):
    """R67: of 3,000 no two begin alike, each place takes nearly every character, and neighbours
    have nothing in common. (Comparing in constant time is tried where the function is.)"""
    sender = Hostile(serving.port, tls=False)
    offered = [File(f"{i}", b"x") for i in range(3000)]
    session, tokens = sender.start(offered)
    made = [tokens[file.id] for file in offered]
    assert len({token[:8] for token in made}) == len(made)
    assert all(len({token[place] for token in made}) >= 48 for place in range(20))
    alike = [sum(a == b for a, b in zip(one, other)) for one, other in zip(made, made[1:])]
    assert sum(alike) / len(alike) < 1
    cancel(sender, session)


FORGED = [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"),
          ("X-Real-IP", "127.0.0.1"), ("X-Client-IP", "127.0.0.1"), ("Via", "1.1 127.0.0.1")]


@wires
def test_R68_another_address_is_refused_whatever_it_claims(serving, sender):
    """R68: 403; the session goes on."""
    file = File("a", b"content")
    session, tokens = sender.start([file])
    stranger = Hostile(serving.port, sender.era, sender.tls, source="127.0.0.2")
    for fields in ([], FORGED, *[[field] for field in FORGED]):
        answer = stranger.upload(session, file.id, tokens[file.id], b"content",
                                 fields=[*fields, ("Accept", "*/*")])
        assert answer.status == 403
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200


@wires
def test_R69_odd_cancels_harm_nobody(serving, sender):
    """R69: of another address, of garbage, twice: never a 500."""
    file = File("a", b"content")
    session, tokens = sender.start([file])
    stranger = Hostile(serving.port, sender.era, sender.tls, source="127.0.0.2")
    odd = ["", "x", "\0", "../x", "A" * 7000, "\r\nX: y", "%zz", "'\"<>"]
    for given in [None, session, *odd]:
        assert stranger.cancel(given).status in (200, 400, 403)
    for given in [] if sender.v1 else odd:
        assert sender.cancel(given).status in (200, 400, 403)
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    session, _ = sender.start([file])
    for _ in range(2):
        assert sender.cancel(session).status in (200, 403)


def test_R70_versions_do_not_mix(serving):
    """R70: v2's token on v1's route, from the same address and another one; a v1 session while a
    v2 one runs; and the other way round."""
    new, old = Hostile(serving.port), Hostile(serving.port, "1.8")
    stranger = Hostile(serving.port, "1.8", source="127.0.0.2")
    file = File("a", b"content")
    for owner, others in ((new, (old, stranger)), (old, (new,))):
        session, tokens = owner.start([file])
        for other in others:
            assert other.upload("x" if other is new else None, file.id, tokens[file.id],
                                b"content").status == 403
            assert other.prepare([File("b", b"x")]).status == 409
        assert owner.upload(session, file.id, tokens[file.id], b"content").status == 200
    serving.check(new, old)


# --- the slot ------------------------------------------------------------------------------------


def test_R73_five_senders_that_go_at_once(lsend, own_home, tmp_path):
    """R73: each resets its connection before the answer; the slot is free after the idle limit."""
    with Guard(tmp_path / "in", "--http", home=own_home) as serving:
        sender = Hostile(serving.port, tls=False)
        body = json.dumps(sender.offer([File("a", b"x")])).encode()
        head = sender.head("POST", sender.route("prepare"), [("Content-Length", len(body))])
        for _ in range(5):
            connection = sender.connect()
            connection.send(head + body)
            connection.reset()
        wait_until(lambda: sender.prepare([File("a", b"x")]).status == 200, 40, "a free slot")
        serving.check(sender)


@wires
def test_R74_no_upload_after_a_cancel(serving, sender):
    """R74: 403, and nothing is stored."""
    file = File("a", b"content")
    session, tokens = sender.start([file])
    cancel(sender, session)
    assert sender.upload(session, file.id, tokens[file.id], file.data).status == 403
    assert serving.stored() == {}


@wires
def test_R79_four_uploads_of_one_file(serving, sender):
    """R79: with different contents, slowly: at most one is taken, and it is whole."""
    contents = [os.urandom(200_000) for _ in range(4)]
    file = File("a", contents[0])
    session, tokens = sender.start([file])
    sender.whole |= {File("", content).sha256 for content in contents}
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(sender.begin_upload(
            session, file, tokens[file.id], [("Content-Length", 200_000)], content[:100_000]))
            for content in contents]
        for link, content in zip(links, contents):
            with contextlib.suppress(OSError):
                link.send(content[100_000:])
        statuses = [link.answer().status for link in links]
    assert sorted(statuses) == [200, 403, 403, 403]
    winner = contents[statuses.index(200)]
    assert serving.stored() == {"a": File("", winner).sha256}


@wires
def test_R80_one_file_breaks_and_the_others_go_on(serving, sender):
    """R80: the broken one may be tried three times in all."""
    broken, *others = [File(name, os.urandom(50_000)) for name in ("broken", "b", "c")]
    session, tokens = sender.start([broken, *others])
    for number in range(3):
        with sender.begin_upload(session, broken, tokens[broken.id], [("Content-Length", 50_000)],
                                 broken.data[:20_000]):
            wait_until(serving.parts, what="a part")
        wait_until(lambda: not serving.parts(), what="the end of the part")
        if number < 2:
            other = others[number]
            if number == 0:
                assert sender.upload(session, other.id, tokens[other.id], other.data).status == 200
    assert sender.upload(session, broken.id, tokens[broken.id], broken.data).status == 403
    last = others[1]
    assert sender.upload(session, last.id, tokens[last.id], last.data).status == 200
    assert set(serving.stored()) == {"b", "c"}


# --- many files, odd ids -------------------------------------------------------------------------


@versions
def test_R81_no_file_and_too_many(serving, sender):
    """R81: none is 400, 10,000 are taken, 300,000 are 413."""
    assert sender.prepare([]).status == 400
    session, tokens = sender.start([File(f"{i}") for i in range(10_000)])
    assert len(set(tokens.values())) == 10_000
    cancel(sender, session)
    entries = {f"{i}": {"id": f"{i}", "fileName": "x", "size": 0, "fileType": "x"}
               for i in range(300_000)}
    assert sender.ask(entries).status == 413


ODD_IDS = ["", "../x", "/etc/passwd", "a\0b", "a\r\nX: y", "\x1b[2J", "__proto__", "constructor",
           "a&token=x#y", "%2e%2e", "?", "#", "+", " ", "ä\U0001f600", "i" * 512]


@wires
@pytest.mark.parametrize("file_id", ODD_IDS, ids=lambda value: ascii(value)[:20])
def test_R82_an_id_is_only_an_id(serving, sender, file_id):
    """R82: it works or is refused; no file has anything of it in its name."""
    file = File("name", b"content", id=file_id)
    answer = sender.prepare([file])
    assert answer.status in (200, 400)
    if answer.status == 200:
        reply = answer.json()
        tokens = reply if sender.v1 else reply["files"]
        uploaded = sender.upload(reply.get("sessionId"), file_id, tokens[file_id], b"content")
        assert uploaded.status in (200, 400, 403)
        assert set(serving.stored()) <= {"name"}
        if uploaded.status != 200:
            cancel(sender, reply.get("sessionId"))


@versions
def test_R82_ids_that_are_too_long_or_no_text(serving, sender):
    """R82: 10 KB, a lone surrogate."""
    assert sender.prepare([File("a", b"x", id="i" * 10_000)]).status in (400, 413)
    body = json.dumps(sender.offer([File("a", b"x", id="ID")])).replace('"ID"', '"\\ud800"')
    assert sender.request("POST", sender.route("prepare"), body.encode()).status == 400


@versions
def test_R83_the_key_is_the_id(serving, sender):
    """R83: where key and id differ the key counts, or it is 400; of two equal keys one is taken,
    or it is 400."""
    file = File("a", b"content", id="inner")
    answer = sender.ask({"outer": file.entry})
    assert answer.status in (200, 400)
    if answer.status == 200:
        reply = answer.json()
        tokens = reply if sender.v1 else reply["files"]
        assert set(tokens) == {"outer"}
        cancel(sender, reply.get("sessionId"))
    for inside in ('"k": %s, "k": %s', '"k": {"id": "k", "size": 1, "size": 2, "fileName": "a", '
                   '"fileType": "x"}'):
        entry = json.dumps(File("a", b"content", id="k").entry)
        files = inside % (entry, entry) if "%" in inside else inside
        body = '{"info": %s, "files": {%s}}' % (json.dumps(sender.info()), files)
        answer = sender.request("POST", sender.route("prepare"), body.encode())
        assert answer.status in (200, 400)
        if answer.status == 200:
            reply = answer.json()
            assert len(reply if sender.v1 else reply["files"]) == 1
            cancel(sender, reply.get("sessionId"))


# --- PIN -----------------------------------------------------------------------------------------


@pytest.fixture
def guarded(lsend, own_home, tmp_path):
    """A receiver with the PIN 1234."""
    with Guard(tmp_path / "in", "--http", "--pin", "1234", home=own_home) as running:
        yield running


@versions
def test_R84_R86_what_is_not_the_pin_is_401(guarded, era, tls):
    """R84, R86: missing, in another case, as a list, in a field, with a tail: on both routes. Each
    comes from an address of its own, since wrong ones are counted."""
    queries = ["", "?pin", "?pin=", "?PIN=1234", "?pin[]=1234", "?pins=1234", "?pin=1234%00",
               "?pin=1234%20", "?pin=%201234", "?pin=12345", "?pin=123", "?pin=01234",
               "?pin=%EF%BC%91234", "?%70in%3d1234", "?pin=1234%0a"]
    for number, query in enumerate(queries):
        sender = Hostile(guarded.port, era, tls, source=f"127.0.3.{number + 1}")
        body = sender.offer([File("a", b"x")])
        answer = sender.request("POST", sender.route("prepare") + query, body,
                                [("Pin", "1234"), ("Authorization", "Basic MTIzNA==")])
        assert answer.status in (400 if "%00" in query else 401, 401), query
    twice = Hostile(guarded.port, era, tls, source="127.0.3.99")
    answer = twice.request("POST", twice.route("prepare") + "?pin=9999&pin=1234",
                           twice.offer([File("a", b"x")]))
    assert answer.status in (400, 401)
    guarded.check()


@wires
def test_R85_R86_wrong_pins_end_in_429(guarded, era, tls):
    """R85, R86: at the fourth at the latest, whatever address the fields claim; the right PIN of
    another address works."""
    sender = Hostile(guarded.port, era, tls)
    statuses = []
    for number in range(20):
        body = sender.offer([File("a", b"x")])
        answer = sender.request("POST", sender.route("prepare") + f"?pin={number:04}", body,
                                [("X-Forwarded-For", f"10.0.0.{number}"),
                                 ("Forwarded", f"for=10.0.0.{number}")])
        statuses.append(answer.status)
    assert set(statuses[:3]) <= {401, 429} and set(statuses[3:]) == {429}
    assert sender.prepare([File("a", b"x")], pin="1234").status == 429
    other = Hostile(guarded.port, era, tls, source="127.0.0.2")
    assert [a.status for a in other.send([File("a", b"content")], pin="1234")] == [200]
    guarded.check(other)


class OverSix(Hostile):
    """A sender from any IPv6 address of the host's, in a network namespace."""

    def open_tcp(self):
        sock = namespace.open_socket(self.net, socket.AF_INET6, socket.SOCK_STREAM)
        sock.settimeout(20)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        sock.bind((self.source, 0))
        sock.connect(("::1", self.port))
        return sock


@requires_netns
def test_R87_one_network_has_many_addresses(lsend, own_home, tmp_path):
    """R87: a thousand addresses of one /64 have three tries together; another /64 is free."""
    with Lab(1) as lab:
        for network in ("fd00:77::/64", "fd00:78::/64"):
            lab[0].run("ip", "-6", "route", "add", "local", network, "dev", "lo")
        with Receiver(tmp_path / "in", "--http", "--pin", "1234", home=own_home,
                      netns=lab[0]) as serving:
            statuses = []
            for number in range(1000):
                sender = OverSix(serving.port, tls=False, net=lab[0],
                                 source=f"fd00:77::{number + 1:x}")
                statuses.append(sender.prepare([File("a", b"x")], pin=f"{number:03}").status)
            assert set(statuses[:3]) <= {401, 429} and set(statuses[3:]) == {429}
            last = OverSix(serving.port, tls=False, net=lab[0], source="fd00:77::ffff")
            assert last.prepare([File("a", b"x")], pin="1234").status == 429
            other = OverSix(serving.port, tls=False, net=lab[0], source="fd00:78::1")
            assert [a.status for a in other.send([File("a", b"content")], pin="1234")] == [200]


# --- a program that decides ----------------------------------------------------------------------


PROGRAMS = {"fails": ("exit 3", {403}), "is killed": ("kill -9 $$", {403}),
            "is not there": ("/nonexistent/program", {403}),
            "reads nothing": ("exec <&-; exit 0", {200}),
            "prints 1 GB": ("head -c 1000000000 /dev/zero; exit 0", {200, 403}),
            "prints 1 GB of errors": ("head -c 1000000000 /dev/zero >&2; exit 1", {403})}


@wires
@pytest.mark.parametrize("what", PROGRAMS)
def test_R90_a_program_that_misbehaves(lsend, own_home, tmp_path, era, tls, what):
    """R90: 403 unless it ends with 0; what it prints is held by nobody."""
    command, expected = PROGRAMS[what]
    with Guard(tmp_path / "in", "--http", "--accept-exec", command, home=own_home,
               accept=False) as serving:
        sender = Hostile(serving.port, era, tls)
        before = serving.peak_memory()
        assert sender.prepare([File("a", b"x")]).status in expected
        if not is_sanitized():
            assert serving.peak_memory() < before + 20_000_000
        assert len(serving.stdout() + serving.stderr()) < 100_000
        serving.check(sender)


# --- two receivers -------------------------------------------------------------------------------


def test_R89_a_port_is_taken(serving, home):
    """R89: the second receiver ends at once with 13, and says which port and what to do."""
    done = run_lsend("receive", "--auto-accept", "--port", serving.port, "--dir",
                     serving.room / "in", home=home("second"), timeout=20)
    assert done.returncode == 13
    assert str(serving.port) in done.stderr and "--port" in done.stderr
    assert serving.is_prompt()


def test_R89_a_folder_is_shared(lsend, own_home, tmp_path):
    """R89: two receivers into one folder, files of one name side by side: all arrive."""
    with Receiver(tmp_path / "in", "--http", home=own_home) as one, \
            Receiver(tmp_path / "in", "--http", home=own_home) as two:
        sent, done = [], []

        def send(receiver):
            sender = Hostile(receiver.port, tls=False)
            for _ in range(10):
                file = File("same.bin", os.urandom(20_000))
                sent.append(file.sha256)
                done.append(sender.send([file])[0].status)

        threads = [threading.Thread(target=send, args=(receiver,)) for receiver in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert done == [200] * 20
        stored = {path.name: File("", path.read_bytes()).sha256
                  for path in (tmp_path / "in").iterdir() if path.is_file()}
        assert sorted(stored.values()) == sorted(sent)
        assert {receiver.popen.poll() for receiver in (one, two)} == {None}
        with socket.create_connection(("127.0.0.1", two.port), timeout=5):
            pass
