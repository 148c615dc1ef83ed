"""What `receive` and an identity do on file systems that know no links, modes or odd names."""

import contextlib
import hashlib
import json
import os
import time

import pytest

from lab.files import make_file, make_named
from lab.mounts import bound, mounted
from lab.process import Receiver, run_lsend

KINDS = ["exfat-fuse", "ntfs-3g", "lowntfs-3g", "ext4", "vfat"]


@pytest.fixture(params=KINDS)
def disk(request):
    with mounted(request.param) as place:
        yield place


@pytest.fixture
def disk_of():
    """disk_of(kind) mounts one of that kind, for the test."""
    with contextlib.ExitStack() as stack:
        yield lambda kind: stack.enter_context(mounted(kind))


def send(receiver, home, *args):
    return run_lsend("send", receiver.target, *args, home=home("sender"))


def below(folder):
    """{path: content} of what was stored."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not str(path.relative_to(folder)).startswith(".lsend")}


def files_of(receiver):
    return [event for event in receiver.events() if event["type"] == "file"]


def test_files_arrive_whole_and_replace_nothing(disk, home, tmp_path, lsend):
    source = tmp_path / "source"
    make_named(source, ["a.txt", "d/b.txt"])
    make_file(source / "big", os.urandom(3_000_000))
    with Receiver(disk / "in", home=home("receiver")) as receiver:
        done = send(receiver, home, source)
        assert done.returncode == 0, done.stderr
        first = below(receiver.folder)
        assert first == {f"source/{name}": data for name, data in below(source).items()}
        make_file(source / "a.txt", b"other")
        done = send(receiver, home, source / "a.txt", "--prefix", "source")
        assert done.returncode == 0, done.stderr
        assert below(receiver.folder) == first | {"source/a (1).txt": b"other"}
        assert os.listdir(receiver.folder / ".lsend") == []


def test_overwrite_and_skip_and_fail(disk, home, tmp_path, lsend):
    path = make_file(tmp_path / "a.txt", b"one")
    for conflict, code, content in (("overwrite", 0, b"two"), ("fail", 8, b"one"),
                                    ("skip", 0, b"one")):
        folder = disk / conflict
        with Receiver(folder, "--conflict", conflict, home=home("receiver")) as receiver:
            make_file(path, b"one")
            assert send(receiver, home, path, "--checksum").returncode == 0
            make_file(path, b"one" if conflict == "skip" else b"two")
            assert send(receiver, home, path, "--checksum").returncode == code
            assert below(folder) == {"a.txt": content}


def test_an_identity_and_known_devices_are_kept(disk, home, tmp_path, lsend):
    path = make_file(tmp_path / "a.txt", b"x")
    own = disk / "own"
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        done = run_lsend("send", receiver.target, path, home=own)
        assert done.returncode == 0, done.stderr
        known = run_lsend("devices", "--json", home=own)
        assert receiver.fingerprint in known.stdout
    infos = [json.loads(run_lsend("info", "--json", home=own).stdout) for _ in range(2)]
    assert infos[0]["fingerprint"] == infos[1]["fingerprint"]
    assert sorted(name for name in os.listdir(own) if name.startswith(".identity")) == []


# --- names ----------------------------------------------------------------------------------------

ODD = {"a:b?.txt": "a_b_.txt", "CON": "CON_", "con.log": "con_.log", "dot.": "dot_",
       "blank ": "blank_", "a<b>|\"*c": "a_b____c", "d:/x:y": "d_/x_y"}


@pytest.mark.parametrize("kind", ["exfat-fuse", "ntfs-3g", "vfat"])
def test_a_name_that_the_disk_refuses_is_cleaned_and_told(disk_of, kind, home, tmp_path, lsend):
    disk = disk_of(kind)
    source = tmp_path / "source"
    make_named(source, list(ODD))
    with Receiver(disk / "in", "--json", "--conflict", "skip", home=home("receiver")) as receiver:
        done = send(receiver, home, source, "--checksum")
        assert done.returncode == 0, done.stderr
        told = {event["name"]: event["path"] for event in files_of(receiver)}
        assert {hashlib.sha256(data).hexdigest() for data in below(source).values()} == {
            hashlib.sha256(data).hexdigest() for data in below(receiver.folder).values()}
        assert sorted(told.values()) == sorted(below(receiver.folder))
        # What the disk takes stays as it is; what it refuses has always the same name.
        for name, path in told.items():
            plain = name.removeprefix("source/")
            assert path in (f"source/{plain}", f"source/{ODD[plain]}")
        assert told["source/a:b?.txt"] == "source/a_b_.txt"
        again = send(receiver, home, source, "--checksum")
        assert again.returncode == 0, again.stderr
        assert {event["status"] for event in files_of(receiver)[len(ODD):]} == {"skipped"}


def test_a_name_that_the_disk_takes_stays(home, tmp_path, lsend):
    source = tmp_path / "source"
    make_named(source, list(ODD))
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        assert send(receiver, home, source).returncode == 0
        assert sorted(below(receiver.folder)) == sorted(f"source/{name}" for name in ODD)


@pytest.mark.parametrize("kind", ["lowntfs-3g", "exfat-fuse"])
@pytest.mark.parametrize("conflict", ["overwrite", "fail"])
def test_names_that_the_disk_folds_replace_one_another_never(disk_of, kind, conflict, home,
                                                             tmp_path, lsend):
    disk = disk_of(kind)
    source = tmp_path / "source"
    make_named(source, ["File", "file", "Dir/x", "dir/X", "other", "caf\u00e9", "CAF\u00c9"])
    with Receiver(disk / "in", "--json", "--conflict", conflict,
                  home=home("receiver")) as receiver:
        done = send(receiver, home, source)
        assert done.returncode == 10, done.stderr
        events = files_of(receiver)
        assert sorted(event["status"] for event in events) == 3 * ["declined"] + 4 * ["done"]
        stored = [event["name"] for event in events if event["status"] == "done"]
        assert sorted(below(receiver.folder).values()) == sorted(
            (tmp_path / name).read_bytes() for name in stored)
        assert os.listdir(receiver.folder / ".lsend") == []


def test_no_peer_gets_among_the_parts_by_another_name_for_them(home, tmp_path, lsend):
    path = make_file(tmp_path / "a.txt", b"x")
    with Receiver(tmp_path / "in", "--json", home=home("receiver")) as receiver:
        alias = receiver.folder / "alias"
        alias.mkdir()
        with bound(receiver.folder / ".lsend", alias):
            done = send(receiver, home, path, "--prefix", "alias")
            assert done.returncode == 0, done.stderr
            assert [event["path"] for event in files_of(receiver)] == ["_alias/a.txt"]
            assert os.listdir(alias) == []


def test_names_that_clean_to_one_replace_one_another_never(disk_of, home, tmp_path, lsend):
    disk = disk_of("exfat-fuse")
    source = tmp_path / "source"
    make_named(source, ["a:b", "a?b"])
    with Receiver(disk / "in", "--json", "--conflict", "overwrite",
                  home=home("receiver")) as receiver:
        assert send(receiver, home, source).returncode == 10
        assert sorted(event["status"] for event in files_of(receiver)) == ["declined", "done"]
    with Receiver(disk / "in2", "--json", home=home("receiver")) as receiver:
        assert send(receiver, home, source).returncode == 0
        assert sorted(below(receiver.folder)) == ["source/a_b", "source/a_b (1)"]


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [10_413_792_000, 9_223_372_100, -10_000_000])
def test_a_time_that_cannot_be_is_the_time_of_arrival(home, tmp_path, lsend, seconds):
    path = make_file(tmp_path / "a.txt", b"x")
    os.utime(path, (seconds, seconds))
    if os.stat(path).st_mtime != seconds:
        pytest.skip("this file system keeps no such time")
    begun = time.time()
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        assert send(receiver, home, path).returncode == 0
        assert begun - 5 < os.stat(receiver.folder / "a.txt").st_mtime < time.time() + 5
