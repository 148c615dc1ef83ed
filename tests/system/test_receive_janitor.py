"""Somebody cleans up in the folder of `receive` while it runs."""

import json
import os
import shutil
import subprocess

import pytest

from lab.files import make_file
from lab.process import Receiver, run_lsend, wait_until
from peers.hostile import Hostile
from peers.sender import File


def health(receiver, home):
    """(exit code, reason) of `info --self`."""
    done = run_lsend("info", "--self", "--port", str(receiver.port), "--json",
                     home=home("receiver"))
    answer = json.loads(done.stdout)
    return done.returncode, answer["error"]["message"] if done.returncode else ""


def send(receiver, home, *args):
    return run_lsend("send", receiver.target, *args, home=home("sender"))


def warnings(receiver):
    return [event["message"] for event in receiver.events() if event["type"] == "warning"]


def test_what_a_janitor_takes_is_made_anew(home, tmp_path, lsend):
    path = make_file(tmp_path / "a.txt", b"a")
    with Receiver(tmp_path / "in", "--json", home=home("receiver")) as receiver:
        assert send(receiver, home, path, "--prefix", "2026/05").returncode == 0
        for name in os.listdir(receiver.folder):
            shutil.rmtree(receiver.folder / name)
        assert health(receiver, home) == (0, "")
        done = send(receiver, home, path, "--prefix", "2026/05")
        assert done.returncode == 0, done.stderr
        assert (receiver.folder / "2026/05/a.txt").read_bytes() == b"a"


@pytest.mark.parametrize("what", ["the part", "the folder"])
def test_a_part_that_is_removed_while_it_comes_arrives_all_the_same(home, tmp_path, lsend, what):
    with Receiver(tmp_path / "in", "--http", home=home("receiver")) as receiver:
        sender = Hostile(receiver.port, tls=False)
        file = File("d/a.bin", os.urandom(1_000_000))
        session, tokens = sender.start([file])
        private = receiver.folder / ".lsend"
        with sender.begin_upload(session, file, tokens[file.id],
                                 [("Content-Length", len(file.data))],
                                 file.data[:400_000]) as connection:
            wait_until(lambda: os.listdir(private), what="a part")
            if what == "the part":
                for name in os.listdir(private):
                    (private / name).unlink()
            else:
                shutil.rmtree(private)
            connection.send(file.data[400_000:])
            wait_until((receiver.folder / "d/a.bin").exists, what="the file")
        assert (receiver.folder / "d/a.bin").read_bytes() == file.data
        wait_until(lambda: os.listdir(private) == [], what="an empty private folder")


def test_a_folder_that_is_not_the_one_any_more_is_told(home, tmp_path, lsend):
    """It goes on into the folder that it has opened (R62), and says so; so does the health check."""
    with Receiver(tmp_path / "in", "--json", home=home("receiver")) as receiver:
        assert health(receiver, home) == (0, "")
        os.rename(tmp_path / "in", tmp_path / "moved")
        code, why = health(receiver, home)
        assert code == 11
        assert "was removed or moved away while lsend was running" in why
        (tmp_path / "in").mkdir()
        code, why = health(receiver, home)
        assert code == 11
        assert why.endswith(
            f"'{tmp_path}/in' is another folder now than the one that lsend opened, into which "
            "files still go: it was replaced, mounted over or unmounted; start lsend again to use "
            "it")
        wait_until(lambda: [text for text in warnings(receiver) if "is another folder" in text],
                   what="a warning")


def test_a_folder_that_is_mounted_over_or_read_only_is_told(home, tmp_path, lsend):
    folder = tmp_path / "in"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "lsend-test", folder], capture_output=True,
                           text=True, check=False)
    if mount.returncode:
        pytest.skip(f"nothing can be mounted: {mount.stderr.strip()}")
    try:
        with Receiver(folder, home=home("receiver")) as receiver:
            assert health(receiver, home) == (0, "")
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            code, why = health(receiver, home)
            assert code == 11
            assert why.endswith("Read-only file system")
            subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
            assert health(receiver, home) == (0, "")
            subprocess.run(["umount", "-l", folder], check=True)
            code, why = health(receiver, home)
            assert code == 11
            assert "mounted over or unmounted" in why
    finally:
        subprocess.run(["umount", "-l", folder], capture_output=True, check=False)


def test_nobody_else_hears_of_it(home, tmp_path, lsend):
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        os.rename(tmp_path / "in", tmp_path / "moved")
        answer = Hostile(receiver.port).request("GET", "/api/localsend/v2/info")
        assert answer.status == 200
        assert "trouble" not in json.dumps(answer.json())
