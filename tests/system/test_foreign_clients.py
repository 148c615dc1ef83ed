"""Programs that everybody has, as senders to `lsend receive`: curl, openssl, python's requests."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess

import pytest

from lab import files
from lab.process import Receiver
from peers import certificates
from peers.sender import File, SenderPeer

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")
V2 = "/api/localsend/v2/"


@pytest.fixture
def receiver(lsend, home, tmp_path):
    """`lsend receive` on HTTPS only, its events as JSON."""
    with Receiver(tmp_path / "in", "--json", home=home()) as running:
        yield running
        assert running.popen.poll() is None


def request_event(receiver):
    """The event of the request that came."""
    return [event for event in receiver.events() if event["type"] == "request"][0]


def run(*words, input=None, timeout=60):
    """A program, without a proxy."""
    kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return subprocess.run([str(word) for word in words], input=input, capture_output=True,
                          timeout=timeout, env=kept, check=False)


# --- curl ----------------------------------------------------------------------------------------


class Curl:
    """curl with the same options each time."""

    def __init__(self, receiver, *options):
        self.base = f"https://127.0.0.1:{receiver.port}{V2}"
        self.options = ["curl", "-sSk", "--max-time", "30", *options]

    def __call__(self, path, *options, input=None):
        """(status, body)"""
        done = run(*self.options, "-w", "\n%{http_code}", *options, self.base + path, input=input)
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body

    def start(self, *offered):
        """Asks; (session, tokens)"""
        request = {"info": {"alias": "curl", "version": "2.1", "fingerprint": "curl", "port": 53317,
                            "protocol": "https"},
                   "files": {file.id: file.entry for file in offered}}
        status, body = self("prepare-upload", "--json", json.dumps(request))
        assert status == 200, body
        reply = json.loads(body)
        return reply["sessionId"], reply["files"]


def upload_path(session, file, tokens):
    """The rest of the URL."""
    return f"upload?sessionId={session}&fileId={file.id}&token={tokens[file.id]}"


@needs_curl
@pytest.mark.parametrize("certificate", [False, True], ids=["anonymous", "certificate"])
@pytest.mark.parametrize("framing", ["length", "chunked", "stdin chunked", "expect", "http1.0"])
def test_curl_sends_a_file(receiver, tmp_path, certificate, framing):
    """PR20, PR37: with and without a client certificate, in every framing that it knows."""
    identity = certificates.certificate("curl")
    curl = Curl(receiver, *(["--cert", identity.pem] if certificate else []))
    file = File("from curl.bin", os.urandom(1_500_000))
    path = files.make_file(tmp_path / "source", file.data)
    session, tokens = curl.start(file)
    options = {
        "length": ["-X", "POST", "-T", path],
        "chunked": ["-X", "POST", "-T", path, "-H", "Transfer-Encoding: chunked"],
        "stdin chunked": ["-X", "POST", "-T", "-", "-H", "Transfer-Encoding: chunked"],
        "expect": ["--data-binary", f"@{path}", "-H", "Expect: 100-continue"],
        "http1.0": ["--http1.0", "--data-binary", f"@{path}"],
    }[framing]
    input = file.data if framing == "stdin chunked" else None
    status, body = curl(upload_path(session, file, tokens), *options, input=input)
    assert (status, body) == (200, b"")
    assert files.tree(receiver.folder, times=False) == {"from curl.bin": file.sha256}
    event = request_event(receiver)
    assert event["verified"] is certificate
    if certificate:
        assert event["device"]["fingerprint"] == identity.fingerprint


@needs_curl
def test_curl_asks_for_http2_and_gets_http1(receiver):
    """No ALPN of ours offers h2."""
    done = run("curl", "-sSk", "--http2", "--max-time", "20", "-o", os.devnull, "-w",
               "%{http_version} %{http_code}", f"https://127.0.0.1:{receiver.port}{V2}info")
    assert done.stdout == b"1.1 200"


@needs_curl
def test_curl_a_form_is_not_an_upload(receiver, tmp_path):
    """A multipart body is larger than the file: refused, nothing stored."""
    curl = Curl(receiver)
    file = File("form.bin", b"content")
    path = files.make_file(tmp_path / "source", file.data)
    session, tokens = curl.start(file)
    status, body = curl(upload_path(session, file, tokens), "-F", f"file=@{path}")
    assert (status, json.loads(body)) == (400, {"message": "Size mismatch"})
    assert files.tree(receiver.folder) == {}


@needs_curl
def test_curl_hears_why_before_a_big_body_is_through(receiver, tmp_path):
    """PR22, trap 23: the 403 arrives, not a reset."""
    path = files.make_big(tmp_path / "big", 30_000_000)
    curl = Curl(receiver)
    for options in (["-X", "POST", "-T", path], ["--data-binary", f"@{path}", "-H", "Expect:"]):
        status, body = curl("upload?sessionId=a&fileId=b&token=c", *options)
        assert (status, json.loads(body)) == (403, {"message": "Forbidden"})


# --- openssl -------------------------------------------------------------------------------------


def s_client(receiver, *options, input=b""):
    """One handshake."""
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{receiver.port}", *options,
               input=input, timeout=30)


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_sees_our_certificate_and_the_wish_for_its_own(receiver, version):
    """PR37: v3, RSA-2048, SHA-256, CN only, valid for ever; a certificate is requested."""
    done = s_client(receiver, version, "-state", "-showcerts")
    out, err = done.stdout.decode(), done.stderr.decode()
    assert version[1:].replace("tls1_", "TLSv1.") in out
    assert "certificate request" in (out + err).lower()
    assert "No client certificate CA names sent" in out
    begin = out.index("-----BEGIN CERTIFICATE-----")
    pem = out[begin:out.index("-----END CERTIFICATE-----") + 26]
    text = run("openssl", "x509", "-noout", "-text", "-fingerprint", "-sha256",
               input=pem.encode()).stdout.decode()
    assert receiver.fingerprint in text.replace(":", "")
    assert "Version: 3" in text and "Public-Key: (2048 bit)" in text
    assert "sha256WithRSAEncryption" in text
    assert "Subject Alternative Name" not in text
    assert run("openssl", "x509", "-noout", "-checkend", "3000000000",
               input=pem.encode()).returncode == 0


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_openssl_old_versions_are_refused(receiver, version):
    """PR37: whatever the client allows itself."""
    done = s_client(receiver, version, "-cipher", "ALL:@SECLEVEL=0")
    assert done.returncode != 0
    assert b"alert protocol version" in done.stderr


@needs_openssl
@pytest.mark.parametrize("weak", ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256",
                                  "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA256"])
def test_openssl_weak_suites_are_refused(receiver, weak):
    """PR37: TLS 1.2 has forward secrecy and AEAD or nothing."""
    done = s_client(receiver, "-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0")
    assert done.returncode != 0
    assert b"handshake failure" in done.stderr


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_sessions_are_not_resumed(receiver, tmp_path, version):
    """PR37: no ticket is given, and six handshakes are six new ones."""
    request = b"GET /api/localsend/v2/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    saved = tmp_path / "session"
    done = s_client(receiver, version, "-sess_out", saved, "-ign_eof", input=request)
    assert b"200 OK" in done.stdout
    assert b"New Session Ticket arrived" not in done.stdout
    assert b"TLS session ticket:" not in done.stdout
    if saved.exists():
        again = s_client(receiver, version, "-sess_in", saved, "-ign_eof", input=request)
        assert b"Reused," not in again.stdout and b"New," in again.stdout
    many = s_client(receiver, version, "-reconnect")
    assert b"Reused," not in many.stdout


# --- python-requests -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.skipif(not importlib.util.find_spec("requests"),
                    reason="python3-requests is not installed")
def test_requests_sends_a_file(receiver):
    """PR20: one session, kept alive, with a certificate."""
    import requests
    identity = certificates.certificate("requests")
    base = f"https://127.0.0.1:{receiver.port}{V2}"
    with requests.Session() as session:
        session.verify, session.cert, session.trust_env = False, str(identity.pem), False
        file = File("from requests", os.urandom(500_000))
        offer = SenderPeer(receiver.port).offer([file])
        reply = session.post(base + "prepare-upload", json=offer, timeout=30).json()
        query = {"sessionId": reply["sessionId"], "fileId": file.id,
                 "token": reply["files"][file.id]}
        blocks = (file.data[i:i + 65_536] for i in range(0, len(file.data), 65_536))
        answer = session.post(base + "upload", params=query, data=blocks, timeout=30)
    assert answer.status_code == 200
    stored = (receiver.folder / "from requests").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == file.sha256
    assert request_event(receiver)["verified"] is True
