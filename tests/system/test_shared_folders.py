"""Folders that others use as well: teams, disks without modes, and what files are like there."""

import contextlib
import grp
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from lab.files import digest, make_file
from lab.process import Receiver, run_lsend
from peers.hostile import Hostile
from peers.sender import File

TEAM = 54321


@pytest.fixture
def receive(home, tmp_path, lsend):
    """receive(*options) gives a receiver on loopback, one at a time."""
    def start(*options, **more):
        return Receiver(tmp_path / "inbox", *options, home=home("receiver"), **more)

    return start


def push(receiver, home, *args, **more):
    return run_lsend("send", receiver.target, *args, home=home("sender"), **more)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def with_umask(mask):
    return ("sh", "-c", f'umask {mask:03o}; exec "$0" "$@"')


def make_inbox(tmp_path, bits, group=None):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    if group is not None:
        os.chown(inbox, -1, group)
    inbox.chmod(bits)
    return inbox


def make_scripts(folder):
    plain = make_file(folder / "d" / "plain.txt", "plain")
    script = make_file(folder / "d" / "run.sh", "#!/bin/sh\n")
    plain.chmod(0o644)
    script.chmod(0o4755)
    return folder / "d"


@pytest.mark.parametrize("bits", [0o777, 0o775])
def test_a_folder_that_others_can_write_names_the_way_in(home, tmp_path, bits):
    if bits == 0o775 and os.geteuid() != 0:
        pytest.skip("only root can give a folder to a foreign group")
    inbox = make_inbox(tmp_path, bits, TEAM if bits == 0o775 else None)
    done = run_lsend("receive", "-y", "--dir", inbox, home=home("receiver"))
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert error.startswith(f"lsend: error: '{inbox}' can be written by others, who could replace "
                            "what arrives: ")
    assert error.endswith("name another folder (--dir) or, if that is meant, add --shared-dir")
    assert not (inbox / ".lsend").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to a foreign group")
@pytest.mark.parametrize("how", ["option", "variable", "configuration"])
def test_a_folder_of_a_team(receive, home, tmp_path, how):
    """2775 and a umask of 002: all of the team can use what arrives, and nobody what is on its
    way."""
    source = make_scripts(tmp_path / "source")
    inbox = make_inbox(tmp_path, 0o2775, TEAM)
    more = {"option": {}, "variable": {"env": {"LSEND_SHARED_DIR": "1"}}, "configuration": {}}[how]
    options = ["--shared-dir"] if how == "option" else []
    if how == "configuration":
        (home("receiver") / "config.toml").write_text("[receive]\nshared-dir = true\n")
    with receive(*options, prefix=with_umask(0o002), **more) as receiver:
        done = push(receiver, home, source)
        assert done.returncode == 0, done.stderr
        assert mode(inbox / ".lsend") & 0o777 == 0o700
    assert mode(inbox / "d") == 0o2775
    assert mode(inbox / "d/plain.txt") == 0o664
    assert mode(inbox / "d/run.sh") == 0o775
    for path in ("d", "d/plain.txt", "d/run.sh"):
        assert (inbox / path).stat().st_gid == TEAM


@pytest.mark.parametrize("mask", [0o022, 0o007])
def test_default_access_lists_hold_as_cp_has_it(receive, home, tmp_path, mask):
    if not shutil.which("setfacl"):
        pytest.skip("there is no setfacl (package acl)")
    source = make_scripts(tmp_path / "source")
    inbox = make_inbox(tmp_path, 0o770)
    lists = "u::rwx,u:1234:rwx,g::r-x,g:54321:rwx,m::rwx,o::---"
    set_list = subprocess.run(["setfacl", "-m", f"d:{lists}".replace(",", ",d:"), inbox],
                              capture_output=True, check=False)
    if set_list.returncode != 0:
        pytest.skip("this file system has no access lists")
    with receive("--shared-dir", prefix=with_umask(mask)) as receiver:
        done = push(receiver, home, source)
        assert done.returncode == 0, done.stderr
        bare = subprocess.run(["getfacl", "-cp", inbox / ".lsend"], capture_output=True, text=True,
                              check=True).stdout
        assert bare.split() == ["user::rwx", "group::---", "other::---"]
    # cp takes away what the source does not allow; no sender says so much of its files.
    for path, bits in ((source, 0o777), (source / "plain.txt", 0o666), (source / "run.sh", 0o777)):
        path.chmod(bits)
    subprocess.run([*with_umask(mask), "cp", "-r", source, inbox / "copied"], check=True)

    def lists_of(name):
        shown = subprocess.run(["getfacl", "-cpR", name], cwd=inbox, capture_output=True, text=True,
                               check=True).stdout
        return shown

    assert "user:1234:rw" in lists_of("d/plain.txt")
    for name in ("plain.txt", "run.sh"):
        assert lists_of(f"d/{name}") == lists_of(f"copied/{name}")
    # cp takes the umask from folders all the same, mkdir does not.
    subprocess.run([*with_umask(mask), "mkdir", inbox / "made"], check=True)
    for path in ("d/plain.txt", "d/run.sh"):
        (inbox / path).unlink()
    assert lists_of("d") == lists_of("made")


@pytest.fixture
def flat_disk(tmp_path):
    """A mount that shows mode 0777 for all, whatever is asked of it; its folder."""
    if not shutil.which("bindfs"):
        pytest.skip("there is no bindfs")
    below = tmp_path / "below"
    below.mkdir()
    folder = tmp_path / "inbox"
    folder.mkdir()
    mounted = subprocess.run(["bindfs", "-p", "0777", "--chmod-ignore", "--chown-ignore", below,
                              folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no FUSE here")
    yield folder
    subprocess.run(["umount", folder], check=False)


def test_a_disk_that_keeps_no_modes(receive, home, tmp_path, flat_disk):
    """As WSL, Unraid, rclone and USB disks have them: no chmod is advised, which could not work."""
    done = run_lsend("receive", "-y", "--dir", flat_disk, home=home("receiver"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"lsend: error: '{flat_disk}' can be written by others, who could replace what arrives: "
        "name another folder (--dir) or, if that is meant, add --shared-dir")
    source = make_scripts(tmp_path / "source")
    big = make_file(tmp_path / "big", os.urandom(3_000_000))
    with receive("--shared-dir") as receiver:
        done = push(receiver, home, source, big)
        assert done.returncode == 0, done.stderr
    with receive("--shared-dir") as receiver:  # its own private folder is no obstacle
        done = push(receiver, home, source)
        assert done.returncode == 0, done.stderr
    assert digest(flat_disk / "big") == digest(big)
    assert (flat_disk / "d" / "plain (1).txt").read_text() == "plain"
    done = run_lsend("receive", "-y", "--dir", flat_disk, "--shared-dir", "--mode", "640",
                     home=home("receiver"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"lsend: error: --mode: the disk of '{flat_disk}' does not keep this mode: leave it out")


def test_a_form_on_a_disk_that_tells_at_the_end(receive, tmp_path, flat_disk):
    """Where a disk tells of its faults when a file is closed, large files of a form are waited for
    beside the others."""
    big, small = tmp_path / "big", make_file(tmp_path / "small", "small")
    make_file(big, os.urandom(3_000_000))
    with receive("--shared-dir", "--http") as receiver:
        curl = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                               "-F", f"a=@{big}", "-F", f"b=@{small}", "-F", f"c=@{big}",
                               f"http://{receiver.target}/api/send"],
                              stdout=subprocess.PIPE, timeout=30, check=False)
        assert curl.stdout == b"200"
    assert digest(flat_disk / "big") == digest(flat_disk / "big (1)") == digest(big)
    assert (flat_disk / "small").read_text() == "small"


def test_a_mode_and_a_group_of_the_users(receive, home, tmp_path):
    source = make_scripts(tmp_path / "source")
    inbox = make_inbox(tmp_path, 0o755)
    group = TEAM if os.geteuid() == 0 else os.getegid()
    with receive("--mode", "660", "--group", str(group), prefix=with_umask(0o077)) as receiver:
        assert push(receiver, home, source).returncode == 0
    assert [mode(inbox / path) for path in ("d", "d/plain.txt", "d/run.sh")] == [0o770, 0o660, 0o770]
    assert all((inbox / path).stat().st_gid == group for path in ("d", "d/plain.txt", "d/run.sh"))


def test_a_group_by_its_name(receive, home, tmp_path):
    path = make_file(tmp_path / "a", "a")
    name = grp.getgrgid(os.getegid()).gr_name
    with receive("--group", name) as receiver:
        assert push(receiver, home, path).returncode == 0
    assert (tmp_path / "inbox" / "a").stat().st_gid == os.getegid()
    done = run_lsend("receive", "-y", "--dir", tmp_path / "inbox", "--group", "no-such-group",
                     home=home("receiver"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "lsend: error: --group: this host has no group 'no-such-group'")


@pytest.mark.parametrize("option, bits", [([], 0o755), (["--no-executable"], 0o644)])
def test_what_can_be_run_there_can_be_run_here(receive, home, tmp_path, option, bits):
    source = make_scripts(tmp_path / "source")
    with receive(*option, prefix=with_umask(0o022)) as receiver:
        done = push(receiver, home, source)
        assert done.returncode == 0, done.stderr
    assert mode(tmp_path / "inbox" / "d" / "run.sh") == bits
    assert mode(tmp_path / "inbox" / "d" / "plain.txt") == 0o644


@pytest.mark.parametrize("era", ["1.17", "1.8", "1.18"])
def test_official_apps_hear_nothing_new(peer, send, tmp_path, era):
    """What is executable or has holes goes to them as any other file."""
    source = make_scripts(tmp_path / "source")
    with open(source / "sparse", "wb") as file:
        file.truncate(1_000_000)
    receiver = peer(era)
    assert send(receiver, source).code == 0
    entries = receiver.of("prepare")[0].json()["files"].values()
    assert len(entries) == 3
    assert not [entry for entry in entries if "lsend" in entry]


# --- holes ----------------------------------------------------------------------------------------


def make_sparse(path, size, pieces):
    with open(path, "wb") as file:
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)
        file.truncate(size)
    return path


def blocks(path):
    return path.stat().st_blocks * 512


def tmpfs(size):
    return ("unshare", "-m", "sh", "-c",
            f'mount -t tmpfs -o size={size},mode=0755 none "$0" && exec "$@"')


def can_mount(folder):
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def test_holes_stay_holes(receive, home, tmp_path):
    path = make_sparse(tmp_path / "disk.img", 300_000_000,
                       [(0, b"head"), (123_456_789, os.urandom(70_000))])
    if blocks(path) > 1_000_000:
        pytest.skip("this file system keeps no holes")
    with receive("--json") as receiver:
        done = push(receiver, home, path)
        assert done.returncode == 0, done.stderr
        event, = [event for event in receiver.events() if event["type"] == "file"]
    assert event["sha256"] == digest(path)
    stored = tmp_path / "inbox" / "disk.img"
    assert stored.stat().st_size == 300_000_000
    assert digest(stored) == digest(path)
    assert blocks(stored) <= blocks(path) + 16_384


def test_the_check_of_the_disk_knows_holes(receive, home, tmp_path):
    """200 MB with a hole have room on a disk of 64 MB, between two lsend."""
    path = make_sparse(tmp_path / "disk.img", 200_000_000, [(150_000_000, b"x" * 5000)])
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    if not can_mount(inbox):
        pytest.skip("cannot mount a tmpfs in a mount namespace here")
    with receive("--min-free", "20M", prefix=(*tmpfs("64m"), str(inbox))) as receiver:
        done = push(receiver, home, path)
        assert done.returncode == 0, done.stderr
        folder = pathlib.Path(f"/proc/{receiver.pid}/root") / str(inbox).lstrip("/")
        assert digest(folder / "disk.img") == digest(path)
        # Without holes it has none.
        full = make_file(tmp_path / "full.img", os.urandom(60_000_000))
        refused = push(receiver, home, full)
        assert "Not enough space" in refused.stderr


def test_a_lie_about_holes_does_not_fill_the_disk(own_home, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    if not can_mount(inbox):
        pytest.skip("cannot mount a tmpfs in a mount namespace here")
    with Receiver(inbox, "--http", "--min-free", "20M", home=own_home,
                  prefix=(*tmpfs("64m"), str(inbox))) as serving:
        folder = pathlib.Path(f"/proc/{serving.pid}/root") / str(inbox).lstrip("/")
        sender = Hostile(serving.port, tls=False)
        file = File("lie", os.urandom(60_000_000), lsend={"allocated": 4096})
        session, tokens = sender.start([file])
        least = []
        with sender.begin_upload(session, file, tokens[file.id],
                                 [("Content-Length", len(file.data))]) as link:
            with contextlib.suppress(OSError):
                for at in range(0, len(file.data), 1_000_000):
                    link.send(file.data[at:at + 1_000_000])
                    disk = os.statvfs(folder)
                    least.append(disk.f_bavail * disk.f_frsize)
            assert link.answer().status == 500
        assert min(least) >= 20_000_000
        assert not (folder / "lie").exists()
