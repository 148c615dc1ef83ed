"""R31 to R62: names that would rather lie elsewhere, against the running receiver."""

import json
import os
import shutil
import socket
import threading

import pytest

from lab.process import wait_until
from lab.wellbeing import Guard
from peers.hostile import WIRE_NAMES, WIRES, Hostile
from peers.sender import File

wires = pytest.mark.parametrize("era,tls", WIRES, ids=WIRE_NAMES)
versions = pytest.mark.parametrize("era,tls", [("1.17", False), ("1.8", False)], ids=["v2", "v1"])


@pytest.fixture(scope="module")
def serving(lsend, own_home, tmp_path_factory):
    """One receiver; its folder lies two deep, so that `../..` would be seen."""
    room = tmp_path_factory.mktemp("names")
    (room / "upper" / "in").mkdir(parents=True)
    for name in ("x", "upper/x", "parent"):
        (room / name).write_text("kept")
    with Guard(room / "upper" / "in", "--http", room=room, home=own_home) as running:
        yield running


@pytest.fixture
def sender(serving, era, tls):
    """A hostile sender before an empty folder; afterwards all promises are tried."""
    empty(serving.folder)
    hostile = Hostile(serving.port, era, tls)
    yield hostile
    serving.check(hostile)


def empty(folder):
    """Removes everything but the receiver's own folder of parts."""
    for path in folder.iterdir():
        if path.name == ".lsend":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def offer(sender, *named):
    """Sends files of these names, each with a content of its own: (statuses, files). A refused
    request is [400]."""
    offered = [File(name, os.urandom(100)) for name in named]
    answer = sender.prepare(offered)
    if answer.status != 200:
        return [answer.status], offered
    reply = answer.json()
    tokens = reply if sender.v1 else reply["files"]
    return [sender.upload(reply.get("sessionId") if not sender.v1 else None, file.id,
                          tokens[file.id], file.data).status for file in offered], offered


def stored_as(serving, sender, name):
    """The name under which a file was stored, None when it was refused at the request."""
    statuses, offered = offer(sender, name)
    if statuses == [400]:
        assert serving.stored() == {}
        return None
    assert statuses == [200]
    (stored, digest), = serving.stored().items()
    assert digest == offered[0].sha256
    return stored


# --- one name at a time --------------------------------------------------------------------------

REFUSED = {
    "R31": ["../x", "../../x", "../" * 8 + "x", "x/../../y", "a/b/../../../z", "a/..", "..",
            "..\\..\\x", "a\\..\\..\\x", "../..\\x", "/../x", "C:\\..\\x", "./../x"],
    "R44": ["n" * 65_000],
    "R45": ["/".join("d" * 1000), "d/" * 33 + "x", "/".join(["n" * 200] * 20)],
}
# Whether stored or refused is ours to choose; where it is stored, this is its name.
NAMES = {
    "R32": {".": "untitled", "...": "...", "": "untitled", "/": "untitled", "////": "untitled",
            " ": "untitled", " / ": "untitled", "./.": "untitled"},
    "R33": {"/parent/abs": "parent/abs", "//parent/abs": "parent/abs", "~/x": "~/x", "~": "~",
            "~root/x": "~root/x"},
    "R34": {"dir\\x": "dir/x", "a/b\\c": "a/b/c", "\\x": "x"},
    "R35": {"C:\\Windows\\x": "Windows/x", "C:x": "C:x", "\\\\srv\\share\\x": "srv/share/x",
            "\\\\?\\C:\\x": "x", "c:/x": "x", "C:": "C:"},
    "R36": {"%2e%2e%2fx": "%2e%2e%2fx", "%252e%252e%252fx": "%252e%252e%252fx",
            "\uff0e\uff0e\uff0fx": "\uff0e\uff0e\uff0fx", "\u2024\u2024/x": "\u2024\u2024/x",
            "..%2fx": "..%2fx", "..;/x": "..;/x", ".. /x": ".. /x", "..\u200b/x": "..\u200b/x"},
    "R38": {"a\0b": "a_b", "x.txt\0.png": "x.txt_.png", "\0": "_", "..\0": ".._",
            "..\0/x": ".._/x"},
    "R39": {"a\nb": "a_b", "a\r\nb": "a__b", "a\tb": "a_b", "a\x07": "a_", "a\x7fb": "a_b",
            "a\x9b2J": "a_2J", "a\u2028b": "a_b", "a\u2029b": "a_b", "..\n": ".._",
            "\n../x": "_../x"},
    "R40": {"\x1b]0;title\x07": "_]0;title_", "\x1b[2J": "_[2J", "\x1b[31mred.txt": "_[31mred.txt"},
    "R41": {"a\u202egpj.exe": "a\u202egpj.exe", "a\u2066b": "a\u2066b", "a\u200bb": "a\u200bb",
            "\ufeffx": "\ufeffx"},
    "R42": {"\U0001f468\u200d\U0001f469\u200d\U0001f467.png":
            "\U0001f468\u200d\U0001f469\u200d\U0001f467.png", "\u65e5\u672c\u8a9e": "\u65e5\u672c\u8a9e",
            "e\u0301.txt": "e\u0301.txt", "\u00e9.txt": "\u00e9.txt"},
    "R43": {"n" * 255: "n" * 255, "n" * 251 + ".txt": "n" * 251 + ".txt",
            "\u00e9" * 127 + "n": "\u00e9" * 127 + "n", "d" * 255 + "/x": "d" * 255 + "/x"},
    "R44": {"n" * 256: "n" * 255, "n" * 1000 + ".txt": "n" * 251 + ".txt",
            "\u00e9" * 200: "\u00e9" * 127, "\U0001f600" * 90: "\U0001f600" * 63,
            "x." + "e" * 300: ("x." + "e" * 300)[:255]},
    "R46": {name: name for name in ("CON", "nul.txt", "COM1.x", "LPT9", "aux.h", "x.txt:stream",
                                    "a:b", "x::$DATA")},
    "R47": {name: name for name in ("x.", "x..", "x ", " x", "x. . ", "x ./y ")},
    "R48": {name: name for name in (
        "-rf x", "--help", "$(touch x)", "`touch x`", "a'b\"c", "*", "?", "[a]", "%n%s%n",
        "<script>alert(1)</script>".replace("/", "|"), "a;reboot", "a|b", "a&b", "!x", "{a,b}",
        "$HOME", "#x", "a=b")},
    "R49": {name: name for name in (
        ".bashrc", ".ssh/authorized_keys", ".git/hooks/post-checkout",
        ".config/autostart/x.desktop", ".htaccess", ".profile")},
    "R50": {"/dev/null": "dev/null", "/proc/self/mem": "proc/self/mem", "dev/stdout": "dev/stdout",
            "/etc/passwd": "etc/passwd"},
    "R51": {"x.part": "x.part", ".lsend": "_.lsend", ".lsend/x": "_.lsend/x", ".LSEND/x":
            "_.LSEND/x", ".lsend-trust": ".lsend-trust", "sub/.lsend/x": "sub/.lsend/x",
            ".lsend\\AAAAAAAAAAAAAAAAAAAAAA": "_.lsend/AAAAAAAAAAAAAAAAAAAAAA"},
}
EVERY_NAME = [(row, name, stored) for row, names in NAMES.items() for name, stored in names.items()]


@wires
@pytest.mark.parametrize("row,name", [(row, name) for row, names in REFUSED.items()
                                      for name in names],
                         ids=lambda value: ascii(value)[:24])
def test_R31_R34_R44_R45_a_name_that_leaves_is_400(serving, sender, row, name):
    """R31, R34, R44, R45: at the request; also after a file that is fine, and no folder is made."""
    statuses, _ = offer(sender, "fine", name)
    assert statuses == [400]
    assert set(os.listdir(serving.folder)) == {".lsend"}


@versions
@pytest.mark.parametrize("row,name,stored", EVERY_NAME, ids=lambda value: ascii(value)[:24])
def test_R32_to_R51_a_name_is_made_harmless(serving, sender, row, name, stored):
    """R32, R33, R34, R35, R36, R38, R39, R40, R41, R42, R43, R44, R46, R47, R48, R49, R50, R51:
    one file of exactly this name, of exactly this content, in one place. How the receiver tells of
    it, bidi marks and controls included, is checked with every row."""
    assert stored_as(serving, sender, name) == stored


def test_R49_R50_the_same_over_https(serving):
    """R32 to R51 over TLS: all names in one request, all contents there."""
    empty(serving.folder)
    sender = Hostile(serving.port)
    statuses, offered = offer(sender, *[name for _, name, _ in EVERY_NAME])
    # A name may need a folder where another made a file: then it is refused, not lost in silence.
    refused = [file for file, status in zip(offered, statuses) if status != 200]
    assert set(statuses) <= {200, 400}
    assert len(refused) <= 5
    assert sorted(serving.stored().values()) == sorted(
        file.sha256 for file in offered if file not in refused)
    serving.check(sender)


BROKEN_TEXT = {"overlong": b"\xc0\xae\xc0\xae/x", "no utf-8": b"\xff\xfe", "cut": b"x\xe2\x82",
               "surrogate in utf-8": b"\xed\xa0\x80", "lone escape": b"\\ud800",
               "lone low escape": b"\\udc00x", "raw control": b"a\x01b"}


@wires
@pytest.mark.parametrize("text", BROKEN_TEXT.values(), ids=BROKEN_TEXT)
def test_R37_a_name_that_is_no_text_is_400(serving, sender, text):
    """R37: or it is stored as U+FFFD; never as raw bytes."""
    body = json.dumps(sender.offer([File("NAME", b"x")])).encode().replace(b'"NAME"',
                                                                          b'"' + text + b'"')
    assert sender.request("POST", sender.route("prepare"), body).status == 400


# --- what is there already -----------------------------------------------------------------------


@versions
def test_R52_a_linked_folder_is_never_followed(serving, sender):
    """R52: to a folder outside and inside; as a parent, at any depth."""
    (serving.folder / "real" / "deep").mkdir(parents=True)
    (serving.folder / "out").symlink_to(serving.room)
    (serving.folder / "up").symlink_to("..")
    (serving.folder / "inner").symlink_to("real")
    (serving.folder / "real" / "deep" / "link").symlink_to(serving.room)
    statuses, _ = offer(sender, "out/x", "up/x", "inner/x", "real/deep/link/x", "fine")
    assert set(statuses[:-1]) <= {400, 403, 500}
    assert statuses[-1] == 200
    assert os.listdir(serving.folder / "real") == ["deep"]
    assert os.listdir(serving.folder / "real" / "deep") == ["link"]


@versions
@pytest.mark.parametrize("kind", ["file", "dangling", "null", "fifo", "socket", "folder", "loop"])
def test_R53_R54_R55_R56_what_has_the_name_is_left_alone(serving, sender, kind):
    """R53, R54, R55, R56: links, special files and folders; the newcomer takes the next name, and
    nobody waits for a FIFO's reader."""
    place, target = serving.folder / "x.bin", serving.folder / "target"
    with socket.socket(socket.AF_UNIX) as sock:
        if kind == "file":
            target.write_bytes(b"target")
            serving.whole.add(File("", b"target").sha256)
        make = {"file": lambda: place.symlink_to("target"),
                "dangling": lambda: place.symlink_to("nowhere"),
                "null": lambda: place.symlink_to("/dev/null"), "fifo": lambda: os.mkfifo(place),
                "socket": lambda: bind_in(sock, place), "folder": place.mkdir,
                "loop": lambda: place.symlink_to("x.bin")}
        make[kind]()
        before = os.lstat(place)
        statuses, offered = offer(sender, "x.bin")
    assert statuses == [200]
    assert serving.stored()["x (1).bin"] == offered[0].sha256
    after = os.lstat(place)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert not (serving.folder / "nowhere").exists()
    if kind == "file":
        assert target.read_bytes() == b"target"


def bind_in(sock, path):
    """Paths of sockets are short: it is bound in its folder."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        sock.bind(path.name)
    finally:
        os.chdir(here)


@versions
def test_R56_a_file_where_a_folder_is_needed(serving, sender):
    """R56: the file stays what it is."""
    statuses, first = offer(sender, "a")
    assert statuses == [200]
    statuses, _ = offer(sender, "a/b", "fine")
    assert statuses[0] in (400, 403, 500)
    assert statuses[1] == 200
    assert serving.stored()["a"] == first[0].sha256


@wires
def test_R57_R58_an_existing_file_is_kept(serving, sender):
    """R57, R58: the newcomer is numbered before its extension; one that breaks off leaves
    nothing."""
    statuses, (old,) = offer(sender, "a.tar.gz")
    assert statuses == [200]
    broken = File("a.tar.gz", os.urandom(100_000))
    session, tokens = sender.start([broken])
    with sender.begin_upload(session, broken, tokens[broken.id], [("Content-Length", 100_000)],
                             broken.data[:50_000]):
        wait_until(serving.parts, what="a part")
    wait_until(lambda: not serving.parts(), what="the end of the part")
    assert serving.stored() == {"a.tar.gz": old.sha256}
    assert sender.upload(session, broken.id, tokens[broken.id], broken.data).status == 200
    assert serving.stored() == {"a.tar.gz": old.sha256, "a.tar (1).gz": broken.sha256}


@wires
def test_R59_two_files_of_one_name_at_a_time(serving, sender):
    """R59: one after the other and side by side: all are stored."""
    offered = [File("same/name.txt", os.urandom(50_000)) for _ in range(6)]
    session, tokens = sender.start(offered)
    for file in offered[:2]:
        assert sender.upload(session, file.id, tokens[file.id], file.data).status == 200
    barrier, statuses = threading.Barrier(4), []

    def upload(file):
        barrier.wait(20)
        statuses.append(sender.upload(session, file.id, tokens[file.id], file.data).status)

    threads = [threading.Thread(target=upload, args=(file,)) for file in offered[2:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 4
    assert sorted(serving.stored().values()) == sorted(file.sha256 for file in offered)


TWINS = {"normalisation": ["\u00e9", "e\u0301"], "case": ["File", "file", "FILE"],
         "after cleaning": ["a\tb", "a\nb", "a_b", "a\0b"], "after cutting": ["n" * 300, "n" * 400],
         "folder and underscore": ["a/b", "a_b"], "trimmed": ["x", "x ", "x.", " x"],
         "numbered": ["x", "x (1)", "x", "x (1)"], "separators": ["d/x", "d\\x", "d//x", "d/./x"]}


@versions
@pytest.mark.parametrize("names", TWINS.values(), ids=TWINS)
def test_R60_R47_twins_both_survive(serving, sender, names):
    """R60, R47: whatever makes two names one, no content is lost."""
    statuses, offered = offer(sender, *names)
    assert statuses == [200] * len(names)
    assert sorted(serving.stored().values()) == sorted(file.sha256 for file in offered)


@versions
def test_R61_ten_thousand_of_one_name(serving, sender):
    """R61: a free name all the same, without trying them all."""
    for number in range(10_000):
        name = f"name ({number}).txt" if number else "name.txt"
        os.close(os.open(serving.folder / name, os.O_CREAT | os.O_WRONLY, 0o600))
    serving.whole.add(File("").sha256)
    statuses, (file,) = offer(sender, "name.txt")
    assert statuses == [200]
    assert len(list(serving.folder.glob("name*.txt"))) == 10_001
    assert file.sha256 in serving.stored().values()


# --- the folder itself ---------------------------------------------------------------------------


def test_R62_the_folder_may_be_a_link_and_be_replaced(lsend, own_home, tmp_path):
    """R62: what was opened at the start stays the root, whatever the name leads to later."""
    (tmp_path / "real").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "in").symlink_to("real")
    with Guard(tmp_path / "in", "--http", room=tmp_path, home=own_home) as serving:
        sender = Hostile(serving.port, tls=False)
        statuses, (first,) = offer(sender, "first")
        assert statuses == [200]
        (tmp_path / "in").unlink()
        (tmp_path / "in").symlink_to("other")
        statuses, (second,) = offer(sender, "second")
        assert statuses == [200]
        os.rename(tmp_path / "real", tmp_path / "moved")
        statuses, (third,) = offer(sender, "third")
        assert statuses == [200]
        assert {path.name: path.read_bytes() for path in (tmp_path / "moved").iterdir()
                if path.is_file()} == {f.entry["fileName"]: f.data for f in (first, second, third)}
        assert list((tmp_path / "other").iterdir()) == []
        assert serving.is_prompt()


def test_R62_the_folder_is_deleted(lsend, own_home, tmp_path):
    """R62: 500 and a line that says so; nothing is made anew, and the receiver lives on."""
    with Guard(tmp_path / "in", "--http", room=tmp_path, home=own_home) as serving:
        sender = Hostile(serving.port, tls=False)
        offered = File("x", b"content")
        session, tokens = sender.start([offered])
        shutil.rmtree(tmp_path / "in")
        answer = sender.upload(session, offered.id, tokens[offered.id], offered.data)
        assert (answer.status, answer.message) == (500, "Cannot store the file")
        wait_until(lambda: "No such file" in serving.stderr() + serving.stdout(), what="a line")
        statuses, _ = offer(sender, "y")
        assert statuses == [500]
        assert not (tmp_path / "in").exists()
        assert serving.is_prompt()
