"""PR37: what `lsend receive` makes of certificates, TLS versions and plain bytes."""

import contextlib
import socket
import ssl

import pytest

from lab.process import Receiver, wait_until
from peers import certificates
from peers.sender import File, SenderPeer
from peers.wire import Closed

V2_INFO = "/api/localsend/v2/info"


@pytest.fixture
def receiver(lsend, home, tmp_path):
    """`lsend receive` on HTTPS only, its events as JSON."""
    with Receiver(tmp_path / "in", "--json", home=home()) as running:
        yield running
        assert SenderPeer(running.port).request("GET", V2_INFO).status == 200


def context(lowest=None, highest=None, identity=None):
    """A client's side of TLS, as weak as asked for."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_ciphers("ALL:@SECLEVEL=0")
    if lowest:
        made.minimum_version = lowest
    if highest:
        made.maximum_version = highest
    if identity:
        made.load_cert_chain(identity.pem)
    return made


def request_event(receiver):
    """The event of the one request that came."""
    return wait_until(lambda: [e for e in receiver.events() if e["type"] == "request"],
                      what="a request event")[0]


@pytest.mark.parametrize("who,proven", [("none", False), ("good", True), ("expired", False)])
def test_PR37_client_certificates(receiver, who, proven):
    """Without one, with a self-signed one, with an expired one: all may send, only a valid one is
    an identity."""
    identity = {"none": None, "good": certificates.certificate("good"),
                "expired": certificates.expired_certificate()}[who]
    sender = SenderPeer(receiver.port, identity=identity)
    file = File("a", b"content")
    assert [a.status for a in sender.send([file])] == [200]
    assert (receiver.folder / "a").read_bytes() == b"content"
    event = request_event(receiver)
    assert event["verified"] is proven
    if proven:
        assert event["device"]["fingerprint"] == identity.fingerprint


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_PR37_tls_1_2_and_1_3(receiver, version):
    """A client that speaks only one of them is served, with its certificate."""
    only = context(version, version, certificates.certificate("good"))
    sender = SenderPeer(receiver.port, identity="good", context=only)
    with sender.connect() as connection:
        assert connection.socket.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2",
                                               ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    assert [a.status for a in sender.send([File("a", b"content")])] == [200]
    assert request_event(receiver)["verified"] is True


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_PR37_older_tls_is_refused(receiver, version):
    """However weak the client would like it."""
    sender = SenderPeer(receiver.port, context=context(version, version))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        sender.connect()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_PR37_a_session_is_not_resumed(receiver, version):
    """A client that offers its ticket gets a full handshake: its certificate is seen again."""
    one = context(version, version, certificates.certificate("good"))
    session = None
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as tcp:
            with one.wrap_socket(tcp, session=session) as tls:
                tls.sendall(b"GET /api/localsend/v2/info HTTP/1.1\r\nHost: x\r\n\r\n")
                assert tls.recv(1000).startswith(b"HTTP/1.1 200")
                assert not tls.session_reused
                session = tls.session


def test_PR37_plain_http_on_the_tls_port_ends_cleanly(receiver):
    """A short answer or none, but an end."""
    sender = SenderPeer(receiver.port, tls=False)
    with sender.connect() as connection:
        connection.send(sender.head("GET", V2_INFO))
        with contextlib.suppress(Closed):
            assert connection.answer().status == 400


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\xff\xff" + b"\xff" * 500, b"\x80\x2e\x01\x00",
                                     b"SSH-2.0-x\r\n", b"\0" * 4096, b"\x16", b""])
def test_PR37_garbage_instead_of_a_handshake(receiver, garbage):
    """The connection ends, and others do not notice."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as tcp:
        tcp.sendall(garbage)
        tcp.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while tcp.recv(4096):
                pass


def test_PR37_a_chain_that_is_too_long_is_not_read(receiver):
    """More than 16 KiB of certificates: the handshake ends."""
    chain = "".join(certificates.certificate_text(certificates.certificate(name).pem)
                    for name in ("good", "liar")) * 12
    pem = certificates.certificate("good").pem.with_name("chain.pem")
    key = certificates.certificate("good").pem.read_text().split("-----BEGIN CERTIFICATE")[0]
    pem.write_text(key + chain)
    long = context()
    long.load_cert_chain(pem)
    sender = SenderPeer(receiver.port, context=long)
    with pytest.raises((OSError, Closed)):
        sender.request("GET", V2_INFO)
