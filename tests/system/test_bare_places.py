"""Places where something is missing that most have: system calls that a filter refuses, /proc."""

import os
import shutil
import subprocess

import pytest

from lab import files, process, refusing, schema
from lab.process import Receiver
from lab.sending import Sent, options_for, stored

NOBODY = 65534


def run(prefix, home, *arguments, input=b"", cwd=None):
    """lsend behind a prefix, to its end."""
    done = subprocess.run([*prefix, process.binary(), *map(str, arguments)], input=input, cwd=cwd,
                          capture_output=True, env=process.environment(home), timeout=60, check=False)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    process.check_sanitizers(done.stderr)
    if "--json" in arguments:
        schema.check_output(done.stdout, ended=True)
    return done


@pytest.fixture
def no_access():
    """The prefix for programs whose access(2), faccessat(2) and faccessat2(2) fail with EPERM."""
    prefix = refusing.prefix()
    if not prefix:
        pytest.skip("the numbers of this machine's system calls are not known")
    done = subprocess.run([*prefix, shutil.which("test"), "-r", "/"], check=False)
    assert done.returncode == 1, "the filter refuses nothing"
    return prefix


@pytest.fixture
def no_proc(plain_lsend, monkeypatch):
    """The prefix for programs whose /proc is empty. Sanitizers cannot do without one."""
    if os.geteuid() != 0:
        pytest.skip("only root can hide /proc")
    prefix = ("unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh")
    done = subprocess.run([*prefix, shutil.which("test"), "-e", "/proc/self"], capture_output=True,
                          check=False)
    if done.returncode != 1 or done.stderr:
        pytest.skip(f"/proc cannot be hidden here: {done.stderr.decode()}")
    monkeypatch.setenv("LSEND_BINARY", plain_lsend)
    return prefix


def test_a_folder_without_access(peer, own_home, no_access, tmp_path):
    """However it is named it has its name."""
    made = files.make_named(tmp_path / "src", ["a", "sub/b"])
    wanted = {"src/a": files.digest(made[0]), "src/sub/b": files.digest(made[1])}
    (tmp_path / "link").symlink_to("src")
    for words, cwd in ((["src/"], tmp_path), (["."], tmp_path / "src"), (["../src/."], tmp_path / "src"),
                       ([tmp_path / "src" / ""], None)):
        receiver = peer()
        done = run(no_access, own_home, *options_for(receiver.target), *words, cwd=cwd)
        assert done.returncode == 0, done.stdout
        assert stored(receiver) == wanted


def test_another_users_file_without_access(peer, own_home, no_access, tmp_path):
    """It is opened to see whether it can be read."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    theirs, = files.make_named(tmp_path, ["theirs"])
    os.chown(theirs, NOBODY, NOBODY)
    receiver = peer()
    done = run(no_access, own_home, *options_for(receiver.target), theirs)
    assert done.returncode == 0, done.stdout
    assert stored(receiver) == {"theirs": files.digest(theirs)}


def test_a_receiver_without_access(send, home, no_access, three, tmp_path):
    """It opens its folder by whatever name, and keeps the labels of its parts."""
    part = "Ab3-_4567890123456789x"
    for name in (part, part + ".json"):
        kept = files.make_file(tmp_path / "real" / ".lsend" / name, "{}")
        kept.chmod(0o600)
    (tmp_path / "real" / ".lsend").chmod(0o700)
    (tmp_path / "in").symlink_to("real")
    with Receiver(tmp_path / "in", home=home("receiver"), prefix=no_access) as receiver:
        assert send(receiver, *three).code == 0
        names = {path.name for path in (tmp_path / "real").iterdir()}
        assert names == {".lsend", "a.txt", "b.png", "c.bin"}
        assert (tmp_path / "real" / ".lsend" / (part + ".json")).exists()


def test_the_doctor_without_access(home, no_access, tmp_path):
    """It tries whether the folder can be written, and leaves nothing there."""
    (tmp_path / "in").mkdir()
    environment = home("me")
    (environment / "config.toml").write_text(f'[receive]\ndir = "{tmp_path}/in"\n')
    done = run(no_access, environment, "doctor")
    assert f"'{tmp_path}/in' can be written" in done.stdout, done.stdout
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("checksum", [[], ["--checksum"]], ids=["", "--checksum"])
def test_standard_input_without_proc(peer, own_home, no_proc, checksum):
    """It is stored without a name, and read by what is open."""
    receivers = [peer(), peer(alias="Two")]
    content = b"hi" * 400_000
    targets = [word for receiver in receivers for word in ("--to", receiver.target)]
    done = run(no_proc, own_home, "send", "--json", "--port", "0", *checksum, *targets, "-", "--name",
               "x", input=content)
    assert done.returncode == 0, done.stdout
    assert [receiver.stored["x"].body for receiver in receivers] == [content] * 2


def test_files_and_a_receiver_without_proc(own_home, home, no_proc, tmp_path):
    """All of it."""
    made = files.make_named(tmp_path / "src", ["a", "sub/b"])
    with Receiver(tmp_path / "in", home=home("receiver"), prefix=no_proc) as receiver:
        done = run(no_proc, own_home, *options_for(receiver.target), "src/", cwd=tmp_path)
        assert Sent(done.returncode, done.stdout, done.stderr).code == 0, done.stdout
        assert files.tree(receiver.folder, times=False) == {
            "src/a": files.digest(made[0]), "src/sub/b": files.digest(made[1])}
