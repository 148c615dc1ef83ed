"""What the receiver says it has stored (RFC 9530's Repr-Digest) is held against what was sent."""

import base64
import hashlib
import json

import pytest

from lab.process import Receiver, run_lsend
from peers.receiver import ReceiverPeer
from peers.sender import File, SenderPeer

CONTENT = b"all that was sent" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def field(digest):
    """The answer's field for the bytes of a digest."""
    return ("Repr-Digest", f"sha-256=:{base64.b64encode(digest).decode()}:")


def stating(*fields):
    """Takes an upload and answers 200 with these fields."""
    def act(exchange):
        exchange.read()
        exchange.answer(200, fields=fields)
        return True
    return act


def send(target, own_home, *arguments, **more):
    """(exit code, the events of --json)"""
    done = run_lsend("send", "--json", "--interface", "lo", "--port", "0", target, *arguments,
                     home=own_home, **more)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def of_file(events):
    """The event of the only file."""
    (event,) = [event for event in events if event["type"] == "file"]
    return event


@pytest.fixture(params=["announced", "as it passes"])
def send_content(request, own_home, tmp_path):
    """Sends CONTENT, from a file that is hashed before or from a pipe that is hashed on its way."""
    def run(target, *options):
        if request.param == "announced":
            path = tmp_path / "content.bin"
            path.write_bytes(CONTENT)
            return send(target, own_home, *options, path)
        return send(target, own_home, *options, "-", "--size", str(len(CONTENT)), "--name",
                    "content.bin", input=CONTENT)

    return run


def test_a_digest_that_fits_is_told(send_content):
    with ReceiverPeer(behave={"upload": stating(field(bytes.fromhex(SHA256)))}) as receiver:
        code, events = send_content(receiver.target)
    assert code == 0
    assert of_file(events)["sha256"] == SHA256


def test_another_digest_is_a_damaged_file_that_is_not_sent_again(send_content):
    wrong = hashlib.sha256(b"something else").digest()
    with ReceiverPeer(behave={"upload": stating(field(wrong))}) as receiver:
        code, events = send_content(receiver.target)
        assert len(receiver.of("upload")) == 1
    assert code == 12
    event = of_file(events)
    assert event["status"] == "failed" and "sha256" not in event
    message = event["error"]["message"]
    assert "has stored 'content.bin' damaged" in message
    assert SHA256 in message and wrong.hex() in message


@pytest.mark.parametrize("fields", [
    [], [("Repr-Digest", "sha-512=:AAAA:")], [("Repr-Digest", "sha-256=:AAAA:")],
    [("Content-Digest", field(hashlib.sha256(b"x").digest())[1])]],
    ids=["none", "another", "malformed", "of the answer"])
def test_without_a_digest_nothing_is_claimed(send_content, fields):
    with ReceiverPeer(behave={"upload": stating(*fields)}) as receiver:
        code, events = send_content(receiver.target)
    assert code == 0
    assert of_file(events)["status"] == "done" and "sha256" not in of_file(events)


def test_no_checksum_compares_none(send_content):
    wrong = field(hashlib.sha256(b"something else").digest())
    with ReceiverPeer(behave={"upload": stating(wrong)}) as receiver:
        code, events = send_content(receiver.target, "--no-checksum")
    assert code == 0
    assert "sha256" not in of_file(events)


@pytest.mark.parametrize("options, told", [((), True), (("--no-checksum",), False)],
                         ids=["by default", "--no-checksum"])
def test_between_two_lsend(home, tmp_path, options, told):
    """Nothing is announced for a pipe: the receiver hashes unless it is told not to."""
    with Receiver(tmp_path / "in", *options, home=home("receiver")) as receiver:
        code, events = send(f"127.0.0.1:{receiver.port}", home("sender"), "-", "--size",
                            str(len(CONTENT)), "--name", "content.bin", input=CONTENT)
        receiver.stop()
    assert code == 0
    assert (tmp_path / "in" / "content.bin").read_bytes() == CONTENT
    assert of_file(events).get("sha256") == (SHA256 if told else None)


def test_a_stored_file_is_answered_with_its_digest(home, tmp_path):
    """Whatever app asks gets the field, and only for what was stored."""
    file = File("content.bin", CONTENT)
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        sender = SenderPeer(receiver.port)
        session, tokens = sender.start([file])
        short = sender.upload(session, file.id, tokens[file.id], CONTENT[:-1])
        whole = sender.upload(session, file.id, tokens[file.id], CONTENT)
    assert short.status == 400 and "repr-digest" not in short.fields
    assert whole.status == 200
    assert whole.fields["repr-digest"] == field(bytes.fromhex(SHA256))[1]


def test_the_403_to_a_stored_file_says_what_is_stored(home, tmp_path):
    """A sender whose answer got lost need not send it anew, not even the last file."""
    first, last = File("a.bin", CONTENT), File("b.bin", CONTENT[:7])
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        sender = SenderPeer(receiver.port)
        session, tokens = sender.start([first, last])
        for file in (first, last):
            assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
            again = sender.upload(session, file.id, tokens[file.id], file.data)
            assert again.status == 403
            assert again.fields["repr-digest"] == field(bytes.fromhex(file.sha256))[1]
        strange = sender.upload(session, last.id, "another", last.data)
        assert strange.status == 403 and "repr-digest" not in strange.fields
    assert sorted(path.name for path in (tmp_path / "in").iterdir() if path.is_file()) == [
        "a.bin", "b.bin"]
