"""R97: the power fails. What a disk would hold then is copied while lsend writes, and read anew."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from lab import files
from lab.process import Receiver
from peers.sender import File, SenderPeer

SIZE = 96_000_000


def run(*words, check=True):
    return subprocess.run([str(word) for word in words], check=check, capture_output=True,
                          text=True, timeout=60)


@contextlib.contextmanager
def mounted(image, folder):
    """An ext4 file system in a file; unmounted in the end."""
    folder.mkdir()
    done = run("mount", "-o", "loop", "-t", "ext4", image, folder, check=False)
    if done.returncode:
        pytest.skip(f"this machine forbids mounting: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        run("umount", "-l", folder)


@pytest.fixture
def image(tmp_path):
    """An empty ext4."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("mounting an image needs root and mkfs.ext4")
    path = tmp_path / "disk.img"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    run("mkfs.ext4", "-q", "-F", path)
    return path


@pytest.mark.parametrize("policy", ["session", "file"])
def test_R97_what_was_acknowledged_survives(lsend, own_home, tmp_path, image, policy):
    """R97: three times; under `file` every file that was answered 200 before the copy is there with
    its digest, under `session` every file of a session whose last answer came before."""
    with mounted(image, tmp_path / "disk") as disk:
        with Receiver(disk / "in", "--http", "--min-free", "0", f"--fsync={policy}",
                      home=own_home) as receiver:
            kept, stop = {}, threading.Event()
            sending = threading.Thread(target=send, args=(receiver, policy, kept, stop))
            sending.start()
            try:
                for number in range(3):
                    time.sleep(0.7)
                    # A copy takes its time: only what the kernel does goes on meanwhile.
                    receiver.send_signal(signal.SIGSTOP)
                    before = dict(kept)
                    run("cp", "--sparse=always", image, tmp_path / f"copy{number}.img")
                    receiver.send_signal(signal.SIGCONT)
                    assert before
                    check_copy(tmp_path / f"copy{number}.img", tmp_path / f"look{number}", before)
            finally:
                stop.set()
                sending.join(60)


def send(receiver, policy, kept, stop):
    """Small files, a few at a time; `kept` has what was promised, by name."""
    sender, number = SenderPeer(receiver.port, tls=False), 0
    while not stop.is_set() and number < 400:
        offered = [File(f"{number + i}", os.urandom(20_000)) for i in range(4)]
        number += 4
        session, tokens = sender.start(offered)
        done = {}
        for file in offered:
            assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
            done[file.entry["fileName"]] = file.sha256
            if policy == "file":
                kept |= {file.entry["fileName"]: file.sha256}
        kept.update(done)


def check_copy(copy, place, promised):
    """Mounts the copy, as after a power cut: its journal is replayed."""
    with mounted(copy, place) as found:
        there = files.tree(found / "in", times=False)
        assert {name: there.get(name) for name in promised} == promised
    copy.unlink()
