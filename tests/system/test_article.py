"""`lsend receive` for programs that are no LocalSend: POST /api/send takes files as a multipart
form, POST /api/clipboard a text as JSON."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from lab import files
from lab.process import Receiver, wait_until
from peers.sender import File, SenderPeer

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
needs_requests = pytest.mark.skipif(not importlib.util.find_spec("requests"),
                                    reason="python3-requests is not installed")
SEND, CLIPBOARD = "/api/send", "/api/clipboard"
BOUNDARY = "b0undary"
FORM_TYPE = ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
END = f"--{BOUNDARY}--\r\n".encode()
MIB = 1 << 20
PARTIAL, INTERRUPTED = 10, 130

# Word for word what people find on the web, but for the address.
SEND_SNIPPET = '''
import requests

target_ip = "192.168.1.50"
port = 53317

with open("artifact.tar.gz", "rb") as f:
    response = requests.post(
        f"https://{target_ip}:{port}/api/send",
        files={"file": f},
        verify=False  # NOTE: safe only on trusted local networks
    )

print(response.status_code)
# Expected output: 200
'''
CLIPBOARD_SNIPPET = '''
import requests

payload = {"text": "docker build -t my-app ."}

response = requests.post(
    "https://192.168.1.50:53317/api/clipboard",
    json=payload,
    verify=False
)

print(response.status_code)
# Expected output: 200
'''


@pytest.fixture
def start(lsend, own_home, tmp_path):
    """start(*options) runs a receiver."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(
            Receiver(tmp_path / "in", "--http", *options, home=own_home))


@pytest.fixture
def receiver(start):
    """`lsend receive` on HTTPS and HTTP, its events as JSON."""
    return start("--json")


def run(*words, cwd=None):
    """A program, without a proxy."""
    kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return subprocess.run([str(word) for word in words], capture_output=True, timeout=60, cwd=cwd,
                          env=kept, check=False)


def curl(receiver, path, *options, scheme="https"):
    """(status, body)"""
    done = run("curl", "-sSk", "--max-time", "30", "-w", "\n%{http_code}", *options,
               f"{scheme}://127.0.0.1:{receiver.port}{path}")
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), json.loads(body)


def part(name, content=b"", disposition=None):
    """A part of a form."""
    disposition = disposition or f'form-data; name="file"; filename="{name}"'
    return (f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content
            + b"\r\n")


def post(receiver, body, target=SEND, tls=False, fields=(), in_chunks=False):
    """A form, each byte of it as the test wants it; the answer."""
    peer = SenderPeer(receiver.port, tls=tls)
    return peer.request("POST", target, body, [FORM_TYPE, *fields], in_chunks)


def stored(receiver):
    """{name: content} of what was received; no part may be left."""
    names = [name for name in files.paths_below(receiver.folder) if not name.endswith("/")]
    assert not [name for name in names if name.startswith(".lsend/")], names
    return {name: (receiver.folder / name).read_bytes() for name in names}


def parts(receiver):
    """The sizes of the files on their way in."""
    return [path.stat().st_size for path in (receiver.folder / ".lsend").iterdir()]


def events(receiver, kind):
    """The events of that kind so far."""
    return [event for event in receiver.events() if event["type"] == kind]


def is_free(receiver):
    """Can a session be opened (and closed again)?"""
    sender = SenderPeer(receiver.port, tls=False)
    answer = sender.prepare([File("free?", b"x")])
    if answer.status == 200:
        sender.cancel(answer.json()["sessionId"])
    return answer.status == 200


@contextlib.contextmanager
def half_a_form(receiver, body, more=1):
    """A form of which `body` has come and `more` bytes are missing."""
    peer = SenderPeer(receiver.port, tls=False)
    with peer.connect() as connection:
        connection.send(peer.head("POST", SEND, [FORM_TYPE,
                                                 ("Content-Length", len(body) + more)]) + body)
        yield connection


# --- the snippets --------------------------------------------------------------------------------


def run_snippet(receiver, text, cwd):
    """Runs it with the receiver's address in it; what it prints."""
    text = text.replace("192.168.1.50", "127.0.0.1").replace("53317", str(receiver.port))
    done = run(sys.executable, "-W", "ignore", "-c", text, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


@needs_requests
def test_send_snippet(receiver, tmp_path):
    content = os.urandom(3_000_000)
    files.make_file(tmp_path / "artifact.tar.gz", content)
    assert run_snippet(receiver, SEND_SNIPPET, tmp_path) == "200"
    assert stored(receiver) == {"artifact.tar.gz": content}
    event, = events(receiver, "decision")
    assert event["accepted"] and not event["verified"]
    assert event["device"]["alias"] == event["address"] == "127.0.0.1"
    end, = events(receiver, "session")
    assert end["end"] == "finished"
    assert (end["files_done"], end["files_failed"], end["bytes"]) == (1, 0, 3_000_000)


@needs_requests
def test_clipboard_snippet(start, tmp_path):
    receiver = start()
    assert run_snippet(receiver, CLIPBOARD_SNIPPET, tmp_path) == "200"
    assert receiver.stdout() == "docker build -t my-app .\n"
    assert stored(receiver) == {}


# --- curl ----------------------------------------------------------------------------------------


@needs_curl
@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("framing", [[], ["-H", "Transfer-Encoding: chunked"],
                                     ["-H", "Expect: 100-continue"], ["--http1.0"]],
                         ids=["length", "chunked", "expect", "http1.0"])
def test_curl_sends_files(receiver, tmp_path, scheme, framing):
    """Several files, a field and an empty file in one form."""
    contents = {"x": os.urandom(1_500_000), "a b.txt": b"text", "ü€.bin": b"\r\n--\0",
                "empty": b""}
    options = ["-F", "note=this is no file"]
    for name, content in contents.items():
        options += ["-F", f"file=@{files.make_file(tmp_path / 'from' / name, content)}"]
    assert curl(receiver, SEND, *framing, *options, scheme=scheme) == (200, {})
    assert stored(receiver) == contents
    done = {event["name"]: event["size"] for event in events(receiver, "file")}
    assert done == {name: len(content) for name, content in contents.items()}


@needs_curl
def test_curl_sends_the_same_name_twice(receiver, tmp_path):
    path = files.make_file(tmp_path / "x.txt", b"one")
    assert curl(receiver, SEND, "-F", f"file=@{path}", "-F", f"file=@{path}")[0] == 200
    assert stored(receiver) == {"x.txt": b"one", "x (1).txt": b"one"}


@needs_curl
def test_curl_hears_why_before_a_big_form_is_through(start, tmp_path):
    receiver = start("--max-file-size", "1M")
    path = files.make_big(tmp_path / "big", 30_000_000)
    assert curl(receiver, SEND, "-F", f"file=@{path}", "-H", "Expect:") == (
        413, {"message": "Request too large"})
    assert stored(receiver) == {}


@needs_requests
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_requests_keeps_its_connection(receiver):
    import requests
    base = f"https://127.0.0.1:{receiver.port}"
    with requests.Session() as session:
        session.verify, session.trust_env = False, False
        sent = [("file", (name, os.urandom(1000))) for name in ("ä ö.txt", 'say "hi"', "c")]
        assert session.post(base + SEND, files=sent, timeout=30).json() == {}
        assert session.post(base + CLIPBOARD, json={"text": "x"}, timeout=30).json() == {}
        assert session.post(base + SEND, files=sent[:1], timeout=30).status_code == 200
    found = stored(receiver)
    assert len(found) == 4 and found["ä ö.txt"] == found["ä ö (1).txt"] == sent[0][1][1]


# --- what a form may look like -------------------------------------------------------------------


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_content_that_looks_like_a_boundary(receiver, in_chunks):
    """Near the sizes of the blocks that are read, at every offset to them."""
    lines = f"\r\n--{BOUNDARY}x\r\n--{BOUNDARY[:-1]}\r\n--\r\n-{BOUNDARY}\r\r\n".encode()
    contents = {f"{i}": os.urandom(64 * 1024 - i) + lines * 3 for i in range(0, 60, 3)}
    body = b"".join(part(name, content) for name, content in contents.items()) + END
    assert post(receiver, body, in_chunks=in_chunks).status == 200
    assert stored(receiver) == contents


@pytest.mark.parametrize("name,expected", [
    ("with blanks .txt", "with blanks .txt"), ("folder/in it", "folder/in it"),
    ("/etc/passwd", "etc/passwd"), ("C:\\Users\\me\\x.doc", "Users/me/x.doc"),
    ('say \\"hi\\"', 'say "hi"'), ("bell\u0085", "bell_"), (".lsend/x", None),
])
def test_names(receiver, name, expected):
    """The rules for names are those of every other route."""
    answer = post(receiver, part(name, b"content") + END)
    assert answer.status == 200
    found = list(stored(receiver).items())
    assert len(found) == 1 and found[0][1] == b"content"
    if expected:
        assert found[0][0] == expected


@pytest.mark.parametrize("disposition", [
    b'form-data; name="file"; filename="../x"', b'form-data; filename="a/../../x"',
    b'form-data; filename="..\\x"', b"form-data; filename*=UTF-8''..%2Fx",
    b'form-data; filename="\xff\xfe"', b'form-data; filename="' + b"d/" * 40 + b'x"',
])
def test_hostile_names_are_refused(receiver, disposition):
    body = (f"--{BOUNDARY}\r\nContent-Disposition: ".encode() + disposition
            + b"\r\n\r\nevil\r\n" + END)
    answer = post(receiver, body)
    assert (answer.status, answer.message) == (400, "File name not allowed")
    assert stored(receiver) == {}
    assert not (receiver.folder.parent / "x").exists()
    assert is_free(receiver)


@pytest.mark.parametrize("body", [
    b"", b"no form at all", END, part("x", b"cut"), part("x", b"cut") + END[:-4],
    part("", disposition='form-data; name="only a field"') + END,
    part("", disposition='form-data; name="file"; filename=""') + END,
    part("x", disposition='form-data; filename="unfinished') + END,
    b"--" + BOUNDARY.encode() + b"\r\nno header\r\n\r\n" + END,
])
def test_malformed_forms_are_refused(receiver, body):
    answer = post(receiver, body)
    assert (answer.status, answer.message) == (400, "Bad request")
    assert stored(receiver) == {}
    assert is_free(receiver)


@pytest.mark.parametrize("content_type", [
    "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 71,
    "multipart/mixed; boundary=b0undary"])
def test_other_bodies_are_refused(receiver, content_type):
    peer = SenderPeer(receiver.port, tls=False)
    answer = peer.request("POST", SEND, part("x", b"y") + END, [("Content-Type", content_type)])
    assert answer.status == 400
    assert stored(receiver) == {}


def test_a_file_without_a_name_has_one_when_it_has_content(receiver):
    body = part("", b"content") + part("", b"") + END
    assert post(receiver, body).status == 200
    assert stored(receiver) == {"untitled": b"content"}


# --- PIN, rules, limits --------------------------------------------------------------------------


def test_pin(start):
    receiver = start("--pin", "12 34")
    form = part("x", b"content") + END
    text = json.dumps({"text": "hello"}).encode()
    for target, body in ((SEND, form), (CLIPBOARD, text)):
        answers = [post(receiver, body, target + query) for query in ("", "?pin=1", "?pin=12%2034")]
        assert [answer.status for answer in answers] == [401, 401, 200]
        assert [answer.message for answer in answers[:2]] == ["PIN required", "Invalid PIN"]
    assert stored(receiver) == {"x": b"content"}
    assert receiver.stdout() == "x\nhello\n"
    for _ in range(3):
        assert post(receiver, form, SEND + "?pin=0").status == 401
    assert post(receiver, form, SEND + "?pin=12%2034").status == 429


@pytest.mark.parametrize("option,body,kept", [
    (["--max-files", "2"], part("a", b"1") + part("b", b"2") + part("c", b"3"), ["a", "b"]),
    (["--max-file-size", "1M"], part("a", b"1" * 10**6) + part("b", b"2" * (10**6 + 1)), ["a"]),
    (["--max-size", "1M"], part("a", b"1" * 10**6) + part("b", b"2"), ["a"]),
    (["--max-size", "1M"], part("a", b"1" * (10**6 + 1)), []),
], ids=["files", "file size", "size", "one file"])
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunked"])
def test_limits(start, option, body, kept, in_chunks):
    """What came before is whole and stays; what is over a limit leaves nothing."""
    receiver = start("--json", *option)
    answer = post(receiver, body + END, in_chunks=in_chunks)
    assert (answer.status, answer.message) == (413, "Request too large")
    assert sorted(stored(receiver)) == kept
    failed, = [event for event in events(receiver, "file") if event["status"] == "failed"]
    assert option[0] in failed["error"]["message"]
    assert is_free(receiver)


def test_free_space(start):
    receiver = start("--min-free", "1000000G")
    answer = post(receiver, part("x", b"content") + END)
    assert (answer.status, answer.message) == (500, "Not enough space")
    assert stored(receiver) == {}


@pytest.mark.parametrize("fields", [[("Origin", "https://evil.example")],
                                    [("Sec-Fetch-Site", "cross-site")]])
def test_pages_of_other_sites_are_refused(receiver, fields):
    """A page could send a form without asking the browser."""
    assert post(receiver, part("x", b"content") + END, fields=fields).status == 403
    assert post(receiver, b'{"text":"hello"}', CLIPBOARD, fields=fields).status == 403
    assert stored(receiver) == {} and not events(receiver, "message")


@pytest.mark.parametrize("path", [SEND, CLIPBOARD])
def test_other_methods(receiver, path):
    assert SenderPeer(receiver.port, tls=False).request("GET", path).status == 405


# --- as it arrives -------------------------------------------------------------------------------


def test_a_file_is_written_as_it_comes(receiver):
    """Nothing of it is seen before its boundary has come."""
    body = part("big", os.urandom(4 * MIB))[:-2]
    rest = b"\r\n" + END
    with half_a_form(receiver, body, len(rest)) as connection:
        wait_until(lambda: sum(parts(receiver)) == 4 * MIB, what="the part")
        assert not (receiver.folder / "big").exists()
        connection.send(rest)
        assert connection.answer().status == 200
    assert len(stored(receiver)["big"]) == 4 * MIB


def test_busy(receiver):
    """One session at a time, whatever it came by."""
    sender = SenderPeer(receiver.port, tls=False)
    form = part("x", b"content") + END
    with half_a_form(receiver, form[:-1], 1) as connection:
        wait_until(lambda: events(receiver, "request"), what="the request")
        assert sender.prepare([File("y", b"y")]).status == 409
        assert post(receiver, form).status == 409
        assert post(receiver, b'{"text":"x"}', CLIPBOARD).status == 409
        connection.send(form[-1:])
        assert connection.answer().status == 200
    session, _ = sender.start([File("y", b"y")])
    assert post(receiver, form).status == 409
    assert sender.cancel(session).status == 200
    assert post(receiver, form).status == 200


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_is_cut(receiver, how):
    """Whole files stay, the broken one leaves nothing, the slot is free."""
    with half_a_form(receiver, part("whole", b"1") + part("broken", b"2" * MIB)[:-2], 99) as cut:
        wait_until(lambda: MIB in parts(receiver), what="the part")
        getattr(cut, how)()
        end, = wait_until(lambda: events(receiver, "session"), what="the end")
    assert (end["end"], end["files_done"], end["files_failed"]) == ("cancelled", 1, 1)
    assert stored(receiver) == {"whole": b"1"}
    assert is_free(receiver)


def test_a_form_is_one_transfer(start):
    receiver = start("--once")
    assert post(receiver, b"no form").status == 400
    assert post(receiver, part("../x") + END).status == 400
    assert post(receiver, part("a", b"1") + part("b", b"2") + END).status == 200
    assert receiver.wait() == 0
    assert stored(receiver) == {"a": b"1", "b": b"2"}


def test_a_form_that_breaks_is_a_transfer_that_lost_files(start):
    receiver = start("--once")
    with half_a_form(receiver, part("x", b"content")[:-2]) as cut:
        wait_until(lambda: 7 in parts(receiver), what="the part")
        cut.close()
    assert receiver.wait() == PARTIAL
    assert stored(receiver) == {}


def test_an_interrupt_ends_a_form(receiver):
    with half_a_form(receiver, part("x", b"content")[:-2]):
        wait_until(lambda: 7 in parts(receiver), what="the part")
        assert receiver.stop(signal.SIGINT, expect=None) == INTERRUPTED
    assert stored(receiver) == {}


# --- texts ---------------------------------------------------------------------------------------


@needs_curl
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_curl_sends_a_text(receiver, scheme):
    text = "two\nlines, ü and \u001b[31m"
    assert curl(receiver, CLIPBOARD, "--data", json.dumps({"text": text}), scheme=scheme) == (
        200, {})
    event, = events(receiver, "message")
    assert event["text"] == text and event["device"]["alias"] == "127.0.0.1"


@pytest.mark.parametrize("body", [b"", b"{}", b"text", b'{"text":7}', b'{"text":null}', b'["text"]',
                                  b'{"text":"\xff"}'])
def test_what_is_no_text_is_refused(receiver, body):
    answer = post(receiver, body, CLIPBOARD)
    assert (answer.status, answer.message) == (400, "Bad request")
    assert not events(receiver, "message")


def test_a_text_is_one_transfer(start):
    receiver = start("--once")
    assert post(receiver, b'{"text":"hello"}', CLIPBOARD).status == 200
    assert receiver.wait() == 0
    assert receiver.stdout() == "hello\n"
