"""Files that were named, or lie below what was named, and cannot be sent: whatever the cause, the exit
code, the summary and the events say so."""

import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from lab import files, process, schema
from lab.process import Receiver, run_lsend
from lab.sending import Sent, digests, options_for, stored

NOT_FILES = "is a FIFO, socket or device: only files and folders can be sent"
NOBODY = 65534


@pytest.fixture
def tree(tmp_path):
    """A folder with two good files, and one that nobody can read."""
    folder = tmp_path / "tree"
    files.make_named(folder, ["good", "sub/fine"])
    os.mkfifo(folder / "pipe")
    return folder


def good_of(folder):
    return {f"tree/{name}": files.digest(folder / name) for name in ("good", "sub/fine")}


def failed_of(sent):
    """{name: what is said of it} of the files that failed."""
    return {name: event["error"]["message"] for name, event in sent.files.items()
            if event["status"] == "failed"}


def counts(sent):
    """What the result says."""
    result = sent.events[-1]
    return result["files_done"], result["files_failed"]


def test_one_of_a_folder(peer, send, tree):
    """The others arrive; exit 10, an event, a count, a target that is not ok."""
    receiver = peer()
    sent = send(receiver, tree)
    assert sent.code == 10
    assert stored(receiver) == good_of(tree)
    assert failed_of(sent) == {
        "tree/pipe": f"'{tree}/pipe' {NOT_FILES}; '-' sends what can be read from it: "
                     "lsend send TARGET - <FILE"}
    assert sent.message.startswith("1 of 3 files was not sent: 1 failed (first: 'tree/pipe': ")
    assert counts(sent) == (2, 1)
    target, = sent.events[-1]["targets"]
    assert (target["ok"], target["exit_code"], target["files_failed"]) == (False, 10, 1)
    assert sent.of("plan")[0]["left_out"] == 1
    assert all(e["total_files"] == 2 for e in sent.of("progress"))


@pytest.mark.parametrize("options", [[], ["-q"], ["-qq"]], ids=["", "-q", "-qq"])
def test_people_are_told(peer, own_home, tree, options):
    """However quiet it is."""
    receiver = peer()
    done = run_lsend("send", "--port", "0", *options, receiver.target, tree, home=own_home)
    assert done.returncode == 10
    assert f"lsend: failed: tree/pipe: '{tree}/pipe' {NOT_FILES}" in done.stderr
    assert "lsend: error: 1 of 3 files was not sent: 1 failed" in done.stderr
    assert ("sent 2 files, 1 failed, " in done.stderr) == (not options)


def test_nothing_else_is_there(peer, send, tree):
    """Exit 11, and nobody is asked."""
    shutil.rmtree(tree / "sub")
    (tree / "good").unlink()
    os.mkfifo(tree / "second")
    receiver = peer()
    sent = send(receiver, tree)
    assert sent.code == 11
    assert receiver.calls == []
    assert set(failed_of(sent)) == {"tree/pipe", "tree/second"}
    assert counts(sent) == (0, 2)
    assert sent.message.startswith("2 of 2 files cannot be sent (first: 'tree/pipe': ")


def test_require_all_sends_nothing(peer, send, tree):
    """And asks nobody."""
    receiver = peer()
    sent = send(receiver, "--require-all", tree)
    assert sent.code == 11
    assert receiver.calls == []
    assert list(failed_of(sent)) == ["tree/pipe"]
    assert counts(sent) == (0, 1)
    assert sent.message.endswith("), and --require-all wants all of them")


def test_require_all_leaves_filters_and_links_alone(peer, send, tree):
    """They are the user's own will, and documented."""
    (tree / "link").symlink_to("good")
    receiver = peer()
    assert send(receiver, "--require-all", "--exclude", "pipe", tree).code == 0
    assert stored(receiver) == good_of(tree)


def test_a_dry_run_says_it_too(peer, send, tree):
    """And ends as the run itself would."""
    receiver = peer()
    sent = send(receiver, "--dry-run", tree)
    assert sent.code == 10
    assert list(failed_of(sent)) == ["tree/pipe"]
    assert [entry["name"] for entry in sent.of("plan")[0]["list"]] == ["tree/good", "tree/sub/fine"]
    assert sent.message.startswith("1 of 3 files cannot be sent (first: 'tree/pipe': ")
    (tree / "good").unlink()
    shutil.rmtree(tree / "sub")
    assert send(receiver, "--dry-run", tree).code == 11
    assert receiver.of("prepare") == []


def test_for_each_of_several_targets(peer, send, own_home, tree):
    """An event and a count for each; two that fared alike are one exit code."""
    one, two = peer(), peer(alias="Two")
    done = run_lsend("send", "--json", "--port", "0", "--to", one.target, "--to", two.target, tree,
                     home=own_home)
    sent = Sent(done.returncode, done.stdout, done.stderr)
    assert sent.code == 10
    assert stored(one) == stored(two) == good_of(tree)
    failed = [(e["target"], e["name"]) for e in sent.of("file") if e["status"] == "failed"]
    assert sorted(failed) == sorted((each.target, "tree/pipe") for each in (one, two))
    assert counts(sent) == (4, 2)
    assert [t["files_failed"] for t in sent.events[-1]["targets"]] == [1, 1]


def test_where_nobody_is_there(send, tree):
    """What could not be sent to anybody is told all the same."""
    sent = send(None, tree, target="127.0.0.1:1")
    assert sent.code == 5
    assert list(failed_of(sent)) == ["tree/pipe"]
    assert sent.events[-1]["targets"][0]["files_failed"] == 1


def test_a_receiver_that_declines(peer, send, tree):
    """Exit 8: nothing of what it was asked about."""
    receiver = peer(behave={"prepare": lambda exchange: exchange.refuse(403, "no") or True})
    sent = send(receiver, tree)
    assert sent.code == 8
    assert counts(sent) == (0, 1)


@pytest.mark.parametrize("kind", ["socket", "dangling link", "link to itself", "long path"])
def test_other_causes(peer, send, tree, kind):
    """Each is named; the others arrive."""
    (tree / "pipe").unlink()
    options = []
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(tree / "bad"))
        name, said = "tree/bad", f"'{tree}/bad' {NOT_FILES}"
    elif kind == "long path":
        part = "p" * 200
        name = "/".join(["tree"] + [part] * 6)
        files.make_file(tree.joinpath(*[part] * 6), "x")
        said = "' is refused: its path has more than 1024 bytes"
    else:
        (tree / "bad").symlink_to("nowhere" if kind == "dangling link" else "bad")
        options = ["--follow"]
        name, said = "tree/bad", f"cannot follow the link '{tree}/bad': "
    receiver = peer()
    sent = send(receiver, *options, tree)
    assert sent.code == 10, sent.message
    assert stored(receiver) == good_of(tree)
    assert list(failed_of(sent)) == [name]
    assert said in failed_of(sent)[name]


@pytest.fixture
def as_nobody(tmp_path, lsend):
    """as_nobody(receiver, *arguments) is `send` by a user who may not read everything."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is missing (util-linux)")
    folder = tmp_path / "nobody"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == 0 and above.is_relative_to("/tmp") and above != pathlib.Path("/tmp"):
            above.chmod(0o755)

    def run(receiver, *arguments, **more):
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", process.binary(),
             *options_for(receiver.target), *map(str, arguments)], capture_output=True, text=True,
            timeout=60, env=process.environment(folder), check=False, stdin=subprocess.DEVNULL, **more)
        process.check_sanitizers(done.stderr)
        schema.check_output(done.stdout, ended=True)
        return Sent(done.returncode, done.stdout, done.stderr)

    return run


def test_without_permission(peer, as_nobody, tree):
    """An unreadable file, and a folder that stands for all that is in it."""
    (tree / "pipe").unlink()
    files.make_named(tree, ["secret", "closed/one", "closed/two"])
    (tree / "secret").chmod(0o600)
    (tree / "closed").chmod(0o700)
    receiver = peer()
    sent = as_nobody(receiver, tree)
    assert sent.code == 10, sent.err
    assert stored(receiver) == good_of(tree)
    assert failed_of(sent) == {
        "tree/closed": f"cannot read the folder '{tree}/closed': Permission denied",
        "tree/secret": f"cannot read '{tree}/secret': Permission denied"}
    assert sent.files["tree/secret"]["size"] == (tree / "secret").stat().st_size
    assert counts(sent) == (2, 2)


def test_without_permission_to_what_was_named(peer, as_nobody, tree):
    """As it was: nobody is asked; and each has its event now."""
    (tree / "good").chmod(0o600)
    receiver = peer()
    sent = as_nobody(receiver, tree / "good", tree / "sub/fine", tree / "gone")
    assert sent.code == 11
    assert receiver.calls == []
    assert sent.message == f"cannot read '{tree}/good': Permission denied; and so 1 other"
    assert set(failed_of(sent)) == {"good", "gone"}
    assert counts(sent) == (0, 2)


def test_a_listed_file_that_is_missing_is_counted(peer, send, tree):
    """Nobody is asked."""
    receiver = peer()
    sent = send(receiver, "--files-from", "-", cwd=tree, input="good\nsub/gone\n")
    assert sent.code == 11
    assert receiver.calls == []
    assert failed_of(sent) == {"sub/gone": "cannot read 'sub/gone': No such file or directory"}
    assert counts(sent) == (0, 1)


@pytest.mark.parametrize("option", ["--checksum", "--no-checksum"])
def test_a_file_that_reads_as_an_error(peer, send, tmp_path, option):
    """It is there, it opens, and its first byte is an error: /proc/self/mem by a link."""
    folder = tmp_path / "tree"
    good = files.make_named(folder, ["good"])
    (folder / "mem").symlink_to("/proc/self/mem")
    receiver = peer()
    sent = send(receiver, "-L", option, folder)
    assert sent.code == 10
    assert stored(receiver) == {"tree/good": digests(good)["good"]}
    assert list(failed_of(sent)) == ["tree/mem"]


def test_retry_does_not_hope_for_it(peer, send, tree):
    """The rest is there, and no second request is made for what cannot be read."""
    receiver = peer()
    sent = send(receiver, "--retry", "3", tree)
    assert sent.code == 10
    assert len(receiver.of("prepare")) == 1


# --- names ----------------------------------------------------------------------------------------


def test_names_that_another_system_would_take_for_folders(home, own_home, tmp_path):
    """'\\' in a name: cleaned, told, and nothing keeps the others from arriving."""
    folder = tmp_path / "tree"
    made = files.make_named(folder, ["..\\..\\evil", "a\\b", "good"])
    alone, = files.make_named(tmp_path, ["..\\alone"])
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        done = run_lsend(*options_for(receiver.target), folder, alone, home=own_home)
        sent = Sent(done.returncode, done.stdout, done.stderr)
        assert sent.code == 0, sent.message
        wanted = {"tree/.._.._evil": files.digest(made[0]), "tree/a_b": files.digest(made[1]),
                  "tree/good": files.digest(made[2]), ".._alone": files.digest(alone)}
        assert files.tree(receiver.folder, times=False) == wanted
    assert f"'{made[1]}' is sent as 'tree/a_b'" in [e["message"] for e in sent.of("warning")]


@pytest.mark.parametrize("source", ["<(echo hi)", "/dev/stdin", "/dev/fd/0", "pipe"])
def test_what_is_piped_by_name_gets_the_hint(peer, own_home, tmp_path, source):
    """At '-', and nobody is asked."""
    os.mkfifo(tmp_path / "pipe")
    receiver = peer()
    words = f"printf hi | {process.binary()} send --port 0 {receiver.target} {source}"
    done = subprocess.run(["bash", "-c", words], env=process.environment(own_home), cwd=tmp_path,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 11
    assert "'-' sends what can be read from it: lsend send TARGET - <FILE" in done.stderr
    assert receiver.calls == []


def test_the_only_file_may_have_another_name(peer, send, tmp_path):
    """With the type of that name; not a folder, and not several."""
    path, = files.make_named(tmp_path, ["a\\b.bin"])
    receiver = peer()
    sent = send(receiver, "--name", "new/photo.jpg", "--prefix", "./p//q/", path)
    assert sent.code == 0, sent.message
    assert stored(receiver) == {"p/q/new/photo.jpg": files.digest(path)}
    assert sent.of("warning") == []
    offered, = receiver.offered.values()
    assert offered["fileType"] == "image/jpeg"
    other = peer()
    sent = send(other, "--name", "x", tmp_path)
    assert (sent.code, other.calls) == (2, [])
    assert sent.message == (f"--name is for one file, and '{tmp_path}' is a folder; --prefix puts a "
                            "folder in front of its names")
    sent = send(other, "--name", "x", tmp_path / "gone")
    assert (sent.code, other.calls) == (11, [])


@pytest.mark.parametrize("options", [["--name", ".."], ["--prefix", ".."], ["--prefix", "a/../b"],
                                     ["--name", "a\\b"]])
def test_names_that_leave_the_folder_are_usage_errors(peer, send, three, options):
    """The option is named."""
    receiver = peer()
    sent = send(receiver, *options, three[0])
    assert (sent.code, receiver.calls) == (2, [])
    assert sent.message.startswith(f"{options[0]}: '{options[1]}' has ")


# --- what is private to a receiver ------------------------------------------------------------------


def test_what_a_receiver_keeps_to_itself_is_never_sent(peer, send, home, tmp_path):
    """Below a folder in silence; by its own name not at all."""
    part = "Ab3-_4567890123456789x"
    with Receiver(tmp_path / "in", home=home("receiver")) as receiver:
        files.make_file(receiver.folder / "arrived", "x")
        files.make_file(receiver.folder / ".lsend" / part, "half of it")
        files.make_file(receiver.folder / ".lsend" / (part + ".json"), "{}")
        one = peer()
        sent = send(one, receiver.folder)
        assert (sent.code, list(one.stored)) == (0, ["in/arrived"])
        plan, = sent.of("plan")
        assert (plan["files"], plan["left_out"], sent.of("warning")) == (1, 0, [])
        for path in (receiver.folder / ".lsend", receiver.folder / ".lsend" / part):
            two = peer()
            sent = send(two, path)
            assert (sent.code, two.calls) == (11, [])
            assert sent.message == (f"'{path}' is private to a receiver: what is there has not "
                                    "arrived yet")
        three = peer()
        sent = send(three, "--files-from", "-", cwd=receiver.folder,
                    input=f".lsend/{part}\narrived\n")
        assert (sent.code, list(three.stored)) == (0, ["arrived"])
