"""Where the configuration is read from, and what a mistake in it costs."""

import json
import subprocess

import pytest

from lab.process import Receiver, binary, environment, run_lsend


def info(home, **variables):
    """`info --json` with an environment of its own: none of LSEND_HOME."""
    env = {**environment(home), **{key: str(value) for key, value in variables.items()}}
    if "LSEND_HOME" not in variables:
        del env["LSEND_HOME"]
    done = subprocess.run([binary(), "info", "--json"], env=env, capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(text)


def test_the_places_of_the_users_file(home, tmp_path):
    write(home() / ".config" / "lsend", "alias = 'of home'\n")
    assert info(home())["alias"] == "of home"
    write(tmp_path / "xdg" / "lsend", "alias = 'of xdg'\n")
    assert info(home(), XDG_CONFIG_HOME=tmp_path / "xdg")["alias"] == "of xdg"
    write(tmp_path / "unit", "alias = 'of systemd'\n")
    (tmp_path / "state").mkdir(mode=0o700)
    told = info(home(), CONFIGURATION_DIRECTORY=tmp_path / "unit",
                STATE_DIRECTORY=tmp_path / "state", XDG_CONFIG_HOME=tmp_path / "xdg")
    assert told["alias"] == "of systemd"
    assert told["identity_folder"] == str(tmp_path / "state")
    write(tmp_path / "all", "alias = 'of LSEND_HOME'\n")
    (tmp_path / "all").chmod(0o700)
    assert info(home(), LSEND_HOME=tmp_path / "all",
                CONFIGURATION_DIRECTORY=tmp_path / "unit")["alias"] == "of LSEND_HOME"


@pytest.mark.parametrize("words", [("info",), ("discover",), ("send", "A", "f"),
                                   ("receive", "-y")], ids=" ".join)
def test_a_mistake_stops_every_command(home, words):
    (home() / "config.toml").write_text("alias = 'a'\n[send]\njbos = 3\n")
    done = run_lsend(*words, home=home())
    assert done.returncode == 2
    assert done.stderr == (f"lsend: error: {home()}/config.toml:3:1: unknown key 'jbos' in [send]; "
                           "did you mean 'jobs'?\n")
    assert run_lsend("--version", home=home()).returncode == 0


def test_policy_of_receive_comes_from_the_file(home, tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 2000)
    (home("bob") / "config.toml").write_text("[receive]\nauto-accept = true\nmax-size = '1k'\n")
    with Receiver(tmp_path / "in", home=home("bob"), accept=False) as receiver:
        done = run_lsend("send", receiver.target, tmp_path / "big", home=home("alice"))
        assert done.returncode in (8, 15), done.stderr
    assert not list((tmp_path / "in").glob("big*"))


def test_flags_and_variables_win(home, tmp_path):
    (home() / "config.toml").write_text("alias = 'file'\nport = 1\n")
    def told(*args, **env):
        return json.loads(run_lsend("info", "--json", *args, home=home(), env=env).stdout)
    assert (told()["alias"], told()["port"]) == ("file", 1)
    assert told(LSEND_ALIAS="variable")["alias"] == "variable"
    assert told("--alias", "flag", LSEND_ALIAS="variable")["alias"] == "flag"
    other = tmp_path / "other.toml"
    other.write_text("alias = 'other'\n")
    assert told("--config", other)["alias"] == "other"
    assert told("--config", other)["port"] == 53317
