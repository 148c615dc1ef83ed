"""Which files `lsend send` takes: --exclude, --include, --files-from."""

import os

import pytest

from lab import files
from lab.process import run_lsend
from lab.sending import digests, stored


@pytest.fixture
def project(tmp_path):
    """A folder as programmers have them."""
    folder = tmp_path / "project"
    files.make_named(folder, [".git/config", ".hidden", "a.c", "a.o", "build/a.o", "build/log",
                              "src/b.c", "src/b.o", "src/build"])
    return folder


CHOICES = [
    ([], [".git/config", ".hidden", "a.c", "a.o", "build/a.o", "build/log", "src/b.c", "src/b.o",
          "src/build"]),
    (["--exclude", "*.o"], [".git/config", ".hidden", "a.c", "build/log", "src/b.c", "src/build"]),
    (["--exclude", "build/", "--exclude=.git"], [".hidden", "a.c", "a.o", "src/b.c", "src/b.o",
                                                 "src/build"]),
    (["--include", "a.o", "--exclude", "*.o", "--exclude", ".*"],
     ["a.c", "a.o", "build/a.o", "build/log", "src/b.c", "src/build"]),
    (["--exclude", "*.o", "--include", "a.o", "--exclude", ".*"],
     ["a.c", "build/log", "src/b.c", "src/build"]),
    (["--include", "*/", "--include", "*.c", "--exclude", "*"], ["a.c", "src/b.c"]),
    (["--exclude", "/project/src"], [".git/config", ".hidden", "a.c", "a.o", "build/a.o",
                                     "build/log"]),
    (["--exclude", "src/*.o", "--exclude", ".*"], ["a.c", "a.o", "build/a.o", "build/log",
                                                   "src/b.c", "src/build"]),
]


@pytest.mark.parametrize("options,names", CHOICES, ids=[" ".join(o) or "all" for o, _ in CHOICES])
def test_the_first_rule_that_fits_decides(peer, send, project, options, names):
    """Hidden files go like all others; the order of both options counts."""
    receiver = peer()
    sent = send(receiver, *options, project)
    assert sent.code == 0, sent.err
    assert sorted(receiver.stored) == sorted(f"project/{name}" for name in names)
    plan, = sent.of("plan")
    assert plan["files"] == len(names)
    assert (plan["left_out"] > 0) == bool(options)


def test_nothing_left_is_exit_11(peer, send, project):
    """And nobody is asked."""
    receiver = peer()
    sent = send(receiver, "--exclude", "*", project)
    assert sent.code == 11
    assert "--exclude" in sent.message
    assert receiver.calls == []


def test_links_are_skipped_and_counted(peer, send, project):
    """Unless -L follows them."""
    (project / "link").symlink_to("a.c")
    sent = send(peer(), project)
    assert sent.code == 0
    assert sent.of("plan")[0]["left_out"] == 1
    assert "1 symbolic link was skipped" in sent.of("warning")[0]["message"]
    receiver = peer()
    assert send(receiver, "-L", project).code == 0
    assert "project/link" in receiver.stored


def test_a_list_of_files_keeps_folders(peer, send, project):
    """One path a line, empty lines do not count; folders recurse; PATHs may stand beside it."""
    listing = project.parent / "list"
    listing.write_text("src/b.c\n\n./build\n")
    receiver = peer()
    sent = send(receiver, "--files-from", listing, "a.c", cwd=project)
    assert sent.code == 0, sent.message
    assert sorted(receiver.stored) == ["a.c", "build/a.o", "build/log", "src/b.c"]


@pytest.mark.parametrize("end,option", [("\n", []), ("\0", ["-0"]), ("\0", ["--null"])])
def test_a_list_on_standard_input(peer, send, project, end, option):
    """As find writes it; with NUL also names with line ends."""
    names = ["src/b.c", "a.o"] + (["line\nend"] if end == "\0" else [])
    (project / "line\nend").write_text("x")
    receiver = peer()
    sent = send(receiver, "--files-from", "-", *option, cwd=project,
                input="".join(name + end for name in names))
    assert sent.code == 0, sent.message
    assert sorted(receiver.stored) == sorted(names)


def test_rules_are_for_lists_too(peer, send, project):
    """What they leave out of it."""
    receiver = peer()
    sent = send(receiver, "--files-from", "-", "--exclude", "*.o", cwd=project,
                input="src\na.o\n")
    assert sent.code == 0, sent.message
    assert sorted(receiver.stored) == ["src/b.c", "src/build"]


def test_a_listed_file_that_is_missing(peer, send, project):
    """Exit 11, it is named, and nobody is asked."""
    receiver = peer()
    sent = send(receiver, "--files-from", "-", cwd=project, input="a.c\nmissing\n")
    assert sent.code == 11
    assert "missing" in sent.message
    assert receiver.calls == []


USAGE = [(["--files-from", "-", "-"], "together with files"), (["-0", "a.c"], "--files-from"),
         (["--exclude", "", "a.c"], "pattern"), (["--exclude", "*.o", "-"], "--exclude"),
         (["--dry-run", "-"], "--size"), (["--exclude", "x", "-m", "text"], "for files"),
         (["--retry", "-1", "a.c"], "--retry"), (["--retry", "many", "a.c"], "--retry")]


@pytest.mark.parametrize("words,said", USAGE, ids=[" ".join(words) for words, _ in USAGE])
def test_what_makes_no_sense_is_exit_2(own_home, project, words, said):
    """The option is named."""
    done = run_lsend("send", "127.0.0.1:9", *words, home=own_home, cwd=project)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("kind", ["FIFO", "device", "dangling link"])
def test_S29_specials_that_are_named_are_refused(peer, send, tmp_path, kind):
    """Before anybody is asked."""
    path = tmp_path / "special"
    if kind == "FIFO":
        os.mkfifo(path)
    if kind == "device":
        path = "/dev/null"
    if kind == "dangling link":
        path.symlink_to("nowhere")
    receiver = peer()
    sent = send(receiver, path)
    assert sent.code == 11
    assert receiver.calls == []


def test_S29_a_file_of_proc_is_refused_with_a_remedy(peer, send):
    """It does not tell its size."""
    sent = send(peer(), "/proc/self/status")
    assert sent.code == 11
    assert "lsend send TARGET - <FILE" in sent.message


def test_a_link_that_is_named_is_followed(peer, send, tmp_path):
    """Under its own name."""
    real, = files.make_named(tmp_path, ["real"])
    (tmp_path / "link").symlink_to("real")
    receiver = peer()
    assert send(receiver, tmp_path / "link").code == 0
    assert stored(receiver) == {"link": digests([real])["real"]}
