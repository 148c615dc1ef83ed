"""Small files leave together towards another lsend, and one by one towards everybody else; what
happens in the middle of such a group costs no file and stores none twice."""

import base64
import collections
import hashlib
import json
import select
import time

import pytest

from lab.files import tree
from lab.process import Receiver, run_lsend
from peers.receiver import ReceiverPeer

FILES = 60


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "many"
    made.mkdir()
    for number in range(FILES):
        (made / f"{number:03}.txt").write_bytes(f"file {number} ".encode() * (number * 7))
    return made


@pytest.fixture
def send(own_home, folder):
    """send(target, option, ...): exit code and the `file` events by name."""
    def run(target, *options):
        done = run_lsend("send", "--json", "-i", "lo", "--port", "0", *options, target, folder,
                         home=own_home)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        files = [event for event in events if event["type"] == "file"]
        names = [event["name"] for event in files]
        assert len(names) == len(set(names)), "a file was told of twice"
        return done.returncode, {event["name"]: event for event in files}

    return run


class Store:
    """The uploads of another lsend: takes each file once, answers with its digest."""

    def __init__(self):
        self.stored = {}
        self.attempts = collections.Counter()
        self.most_waiting = 0
        self.mishaps = {}

    def __call__(self, exchange):
        exchange.read()
        name = exchange.file.get("fileName")
        self.attempts[name] += 1
        digest = hashlib.sha256(exchange.call.body).digest()
        field = ("Repr-Digest", f"sha-256=:{base64.b64encode(digest).decode()}:")
        if name in self.stored:
            exchange.answer(403, {"message": "Invalid token"}, close=True, fields=[field])
            return True
        mishap = self.mishaps.pop(name, None)
        if mishap:
            return mishap(self, exchange, name)
        self.stored[name] = exchange.call.body
        exchange.answer(200, fields=[field])
        return True


def taken_but_not_answered(store, exchange, name):
    store.stored[name] = exchange.call.body
    exchange.reset()
    return True


def not_taken(_store, exchange, _name):
    exchange.reset()
    return True


def damaged_once(_store, exchange, _name):
    exchange.answer(422, {"message": "Checksum mismatch"})
    return True


def closed_politely(_store, exchange, _name):
    exchange.answer(500, close=True)
    return True


MISHAPS = [taken_but_not_answered, not_taken, damaged_once, closed_politely]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.__name__)
def test_a_mishap_in_the_middle_of_a_group(send, folder, mishap, jobs, tls):
    store = Store()
    for number in (9, 30, 31, 47):
        store.mishaps[f"many/{number:03}.txt"] = mishap
    with ReceiverPeer(behave={"upload": store}, tls=tls) as receiver:
        code, files = send(receiver.target, "--jobs", jobs)
        assert len(receiver.of("prepare")) == 1
    assert code == 0
    assert not store.mishaps
    assert {name: hashlib.sha256(data).hexdigest() for name, data in store.stored.items()} == {
        "many/" + path: digest for path, digest in tree(folder, times=False).items()}
    assert len(files) == FILES
    assert {event["status"] for event in files.values()} == {"done"}
    assert max(store.attempts.values()) <= 3


def test_the_rest_of_a_refused_group_is_sent(send):
    """A refusal for good costs the one file."""
    def refused(_store, exchange, _name):
        exchange.answer(400, {"message": "Bad name"}, close=True)
        return True

    store = Store()
    store.mishaps["many/020.txt"] = refused
    with ReceiverPeer(behave={"upload": store}, tls=False) as receiver:
        code, files = send(receiver.target, "--jobs", "1")
    assert code == 10
    assert {name for name, event in files.items() if event["status"] != "done"} == {"many/020.txt"}
    assert len(store.stored) == FILES - 1
    assert store.attempts["many/020.txt"] == 1


def test_a_group_that_gets_429_loses_no_file(send):
    """"Fewer at a time" from a peer that takes one upload at a time anyway."""
    def too_many(_store, exchange, _name):
        exchange.answer(429, {"message": "Too many requests"}, fields=[("Retry-After", "0")])
        return True

    store = Store()
    for number in (20, 21, 22, 23):
        store.mishaps[f"many/{number:03}.txt"] = too_many
    with ReceiverPeer(behave={"upload": store}, tls=False) as receiver:
        code, files = send(receiver.target, "--jobs", "1")
    assert code == 0, files
    assert len(store.stored) == FILES


def test_a_message_that_is_refused_with_a_digest(own_home):
    """There is no file that could be hashed."""
    def refuse(exchange):
        exchange.read()
        digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
        exchange.answer(403, {"message": "No"}, fields=[("Repr-Digest", f"sha-256=:{digest}:")])
        return True

    with ReceiverPeer(behave={"upload": refuse}, tls=False) as receiver:
        done = run_lsend("send", "-i", "lo", "--port", "0", receiver.target, "-m", "hi",
                         home=own_home)
    assert done.returncode == 8, done.stderr


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_answers_before_a_group_was_sent_count_for_nothing(send, tls):
    """S12: it says 200 in advance and breaks off; then it is honest."""
    store = Store()

    def lies(store, exchange, name):
        store.stored[name] = exchange.call.body
        digest = base64.b64encode(hashlib.sha256(exchange.call.body).digest()).decode()
        exchange.answer(200, fields=[("Repr-Digest", f"sha-256=:{digest}:")])
        for _ in range(16):
            exchange.answer(200)
        exchange.reset()
        return True

    store.mishaps["many/000.txt"] = lies
    with ReceiverPeer(behave={"upload": store}, tls=tls) as receiver:
        code, files = send(receiver.target, "--jobs", "1", "--no-checksum")
    done = {name for name, event in files.items() if event["status"] == "done"}
    assert done <= set(store.stored)
    assert code == 0 and len(store.stored) == FILES


@pytest.mark.parametrize("digests", [False, True], ids=["an app", "another lsend"])
def test_only_another_lsend_gets_requests_before_it_has_answered(send, digests):
    early = []

    def upload(exchange):
        exchange.read()
        time.sleep(0.01)
        waiting, _, _ = select.select([exchange.socket], [], [], 0)
        early.append(bool(waiting) or exchange.wire.ahead())
        digest = base64.b64encode(hashlib.sha256(exchange.call.body).digest()).decode()
        exchange.answer(200, fields=[("Repr-Digest", f"sha-256=:{digest}:")] if digests else [])
        return True

    with ReceiverPeer(behave={"upload": upload}, tls=False) as receiver:
        code, _ = send(receiver.target, "--jobs", "1")
    assert code == 0
    assert any(early) == digests
    assert not early[0], "nothing is known of the peer before its first answer"


@pytest.mark.parametrize("options", [(), ("--no-checksum",), ("--checksum",)],
                         ids=["by default", "unannounced", "announced"])
def test_between_two_lsend_all_sizes_arrive(home, send, folder, tmp_path, options):
    """Empty, small and large ones among one another."""
    for number, size in enumerate((16_384, 16_385, 65_536, 300_000, 0, 1)):
        (folder / f"{number * 10:03}-x.bin").write_bytes(bytes([number]) * size)
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        code, files = send(f"127.0.0.1:{receiver.port}", *options)
        receiver.stop()
    assert code == 0
    assert len(files) == FILES + 6
    assert tree(tmp_path / "in" / "many") == tree(folder)  # times too
