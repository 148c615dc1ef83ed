"""'~' in front of a path: the home folder, wherever the path is given."""

import os
import pwd

import pytest

from lab import files, process
from lab.process import Receiver, run_lsend


@pytest.fixture
def user(tmp_path):
    """(environment, home folder) of a user who works somewhere else."""
    folder = tmp_path / "user"
    folder.mkdir(mode=0o700)
    return {"HOME": folder, "LSEND_HOME": "~/lsend"}, folder


def test_everywhere_at_once(user, tmp_path, lsend):
    """LSEND_HOME, the configuration's keys, options and variables; no folder is called '~'."""
    env, folder = user
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    files.make_file(folder / "pin", "12\n").chmod(0o600)
    files.make_file(folder / "mine.toml", '[receive]\ndir = "~/inbox"\n')
    (folder / "lsend").mkdir(mode=0o700)
    ready = folder / "ready.json"
    program = process.Program("receive", "--config", "~/mine.toml", "--pin-file=~/pin",
                              "--ready-file=~/ready.json", "--no-announce", "--port", "0", home=folder,
                              env=env, cwd=elsewhere)
    with program:
        process.wait_until(ready.exists, what="the ready file")
        assert (folder / "inbox").is_dir()
    assert (folder / "lsend" / "identity.pem").exists()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("given", ["--dir", "LSEND_DIR"])
def test_an_inbox_below_the_home_folder(user, home, tmp_path, lsend, given):
    """And not below a folder of that name."""
    env, folder = user
    options = ["--dir", "~/in"] if given == "--dir" else []
    env = dict(env, **({} if options else {"LSEND_DIR": "~/in"}))
    program = process.Program("receive", "-y", *options, "--ready-file", tmp_path / "ready",
                              "--no-announce", "--port", "0", home=folder, env=env, cwd=tmp_path)
    with program:
        process.wait_until((tmp_path / "ready").exists, what="the ready file")
        assert (folder / "in" / ".lsend").is_dir()
        assert not (tmp_path / "~").exists()


def test_of_another_user(home, tmp_path):
    """As the password database knows it; a user that is none is named."""
    name = pwd.getpwuid(os.geteuid()).pw_name
    done = run_lsend("send", f"--files-from=~{name}/lsend-no-such-list", "127.0.0.1:1", home=home())
    assert done.returncode == 11
    folder = pwd.getpwuid(os.geteuid()).pw_dir
    assert f"cannot open '{folder}/lsend-no-such-list'" in done.stderr
    done = run_lsend("receive", "-y", "--dir=~no-such-user/in", home=home(), cwd=tmp_path)
    assert done.returncode == 2
    assert ("--dir: '~no-such-user/in' is below the home folder of the user 'no-such-user', and there "
            "is none: './~' stands for a name with '~'") in done.stderr
    assert list(tmp_path.glob("~*")) == []


def test_a_folder_that_is_called_so(home, tmp_path):
    """By './~'."""
    with Receiver("./~", home=home(), cwd=tmp_path):
        assert (tmp_path / "~" / ".lsend").is_dir()
