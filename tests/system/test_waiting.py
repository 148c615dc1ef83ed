"""`send --wait`: a target that is away or busy is tried until it is there."""

import socket
import threading
import time

from lab.process import Program, Receiver, run_lsend, wait_until
from peers.sender import File, SenderPeer


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_PS3_waits_until_a_busy_receiver_is_free(home, tmp_path):
    """S6: 9 without --wait; with it as soon as the other one has ended."""
    source = tmp_path / "a.txt"
    source.write_text("patience")
    with Receiver(tmp_path / "inbox", home=home("receiver")) as receiver:
        other = SenderPeer(receiver.port)
        session, _ = other.start([File("other.txt", b"x")])
        refused = run_lsend("send", receiver.target, source, home=home("sender"))
        assert refused.returncode == 9, refused.stderr
        timer = threading.Timer(2, other.cancel, [session])
        timer.start()
        try:
            began = time.monotonic()
            waited = run_lsend("send", receiver.target, source, "--wait", "20s",
                               home=home("sender"))
        finally:
            timer.join()
        assert waited.returncode == 0, waited.stderr
        assert time.monotonic() - began > 1.5
        assert (receiver.folder / "a.txt").read_text() == "patience"


def test_PS3_a_wait_that_is_too_short_ends_busy(home, tmp_path):
    """S6."""
    source = tmp_path / "a.txt"
    source.write_text("patience")
    with Receiver(tmp_path / "inbox", home=home("receiver")) as receiver:
        SenderPeer(receiver.port).start([File("other.txt", b"x")])
        began = time.monotonic()
        refused = run_lsend("send", receiver.target, source, "--wait", "2s", home=home("sender"))
        assert refused.returncode == 9, refused.stderr
        assert 1 <= time.monotonic() - began < 20


def test_waits_for_a_receiver_that_is_away(home, tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("patience")
    port = free_port()
    with Program("send", f"127.0.0.1:{port}", source, "--wait", "30s", "-p", "0",
                 home=home("sender")) as sender:
        time.sleep(1.5)
        with Receiver(tmp_path / "inbox", home=home("receiver"), port=port) as receiver:
            assert sender.wait(30) == 0, sender.stderr()
            wait_until((receiver.folder / "a.txt").exists, what="the file")
