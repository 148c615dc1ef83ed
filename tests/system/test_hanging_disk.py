"""What `receive` does when its disk stops to answer, as one does whose server has gone."""

import os
import pathlib
import shutil
import signal
import subprocess
import threading

import pytest

from lab.process import Receiver, run_lsend, wait_until

GONE = 2.5  # the contract says two seconds; the rest is for a machine under load


class HangingDisk:
    """A folder below a FUSE daemon that can be stopped and let go on."""

    def __init__(self, daemon, folder):
        self._daemon = daemon
        self.folder = folder

    def hang(self):
        self._daemon.send_signal(signal.SIGSTOP)

    def answer(self):
        self._daemon.send_signal(signal.SIGCONT)


@pytest.fixture
def disk(tmp_path):
    if not shutil.which("bindfs") or not pathlib.Path("/dev/fuse").exists():
        pytest.skip("there is no bindfs or no /dev/fuse here")
    below, folder = tmp_path / "below", tmp_path / "disk"
    below.mkdir()
    folder.mkdir()
    daemon = subprocess.Popen(["bindfs", "-f", below, folder], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.ismount(folder) or daemon.poll() is not None, what="the mount")
        if daemon.poll() is not None:
            pytest.skip("no FUSE here")
        yield HangingDisk(daemon, folder)
    finally:
        daemon.send_signal(signal.SIGCONT)
        subprocess.run(["umount", "-l", folder], check=False)
        daemon.terminate()
        daemon.wait(10)


def silent(receiver):
    return (f"'{receiver.folder}' does not answer: its disk, or the server that it is on, hangs; "
            "nothing can be stored until it answers")


def warnings(receiver):
    return [event["message"] for event in receiver.events() if event["type"] == "warning"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_receiver_says_so_and_ends_in_order(disk, home, plain_lsend, number):
    """A sanitizer's end waits for the thread that hangs: without one."""
    with Receiver(disk.folder / "in", "--json", home=home("receiver"),
                  program=plain_lsend) as receiver:
        disk.hang()
        wait_until(lambda: silent(receiver) in warnings(receiver), 20, "the warning")
        receiver.send_signal(number)
        assert receiver.wait(GONE) == 0
        assert warnings(receiver).count(silent(receiver)) == 1


def test_it_serves_again_when_the_disk_answers(disk, home, tmp_path):
    with Receiver(disk.folder / "in", "--json", home=home("receiver")) as receiver:
        disk.hang()
        wait_until(lambda: silent(receiver) in warnings(receiver), 20, "the warning")
        disk.answer()
        path = tmp_path / "a.txt"
        path.write_bytes(b"text")
        done = run_lsend("send", receiver.target, path, home=home("sender"))
        assert done.returncode == 0, done.stderr
        assert (disk.folder / "in" / "a.txt").read_bytes() == b"text"
        assert receiver.stop() == 0


def hanging_threads(receiver):
    """Threads that wait for an answer of FUSE, by what /proc says of them."""
    found = 0
    for task in pathlib.Path(f"/proc/{receiver.pid}/task").iterdir():
        try:
            found += "fuse" in (task / "wchan").read_text() or "request_wait" in (
                task / "wchan").read_text()
        except OSError:
            continue
    return found


def test_a_thread_of_the_pool_that_hangs_keeps_no_process(disk, home):
    """Whoever asks how the receiver is has it make a file."""
    own = home("receiver")
    with Receiver(disk.folder / "in", home=own) as receiver:
        disk.hang()
        wait_until(lambda: silent(receiver) in receiver.stderr(), 20, "the warning")
        before = hanging_threads(receiver)
        if not before:
            pytest.skip("this kernel does not say what a thread waits for")
        asks = threading.Thread(target=run_lsend, kwargs={"home": own}, args=(
            "info", "--self", "--port", receiver.port, "-i", "lo"))
        asks.start()
        try:
            wait_until(lambda: hanging_threads(receiver) > before, 10, "a thread of the pool")
            receiver.send_signal(signal.SIGTERM)
            assert receiver.wait(GONE) == 143
            assert receiver.stderr().splitlines()[-1] == "lsend: error: terminated"
        finally:
            receiver.discard()
            asks.join()
