"""Traps of the protocol that no conformance row names; tests/TRAPS.md says where each of the others
is tried."""

import contextlib
import socket
import ssl
import subprocess

import pytest

from lab.netns import Lab, requires_netns
from lab.process import Program, Receiver, run_lsend, wait_until
from peers import behaviour, certificates
from peers.receiver import ReceiverPeer
from peers.sender import SenderPeer


@pytest.fixture
def receiver(tmp_path, home, lsend):
    with Receiver(tmp_path / "in", "--http", home=home("receiver")) as running:
        yield running


@requires_netns
def test_trap_9_a_firewall_in_front_of_our_port(home, lsend):
    """Apps since 1.18 answer by a call only: who finds nobody is told of the firewall."""
    with Lab(1) as alone:
        done = run_lsend("discover", "--timeout", "1s", "--no-scan", home=home(), netns=alone[0])
    assert done.returncode == 0
    assert "firewall" in done.stderr and "53317" in done.stderr


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_trap_11_one_port_speaks_both(receiver, tls):
    """With --http an app finds it whichever of both it has switched on."""
    answer = SenderPeer(receiver.port, tls=tls).request("GET", "/api/localsend/v2/info")
    assert answer.status == 200


def test_trap_18_a_client_that_offers_http_2(receiver):
    """Apps up to 1.17 offer h2 first: what they then speak is HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    peer = SenderPeer(receiver.port, context=context)
    with peer.connect() as connection:
        assert connection.socket.selected_alpn_protocol() in (None, "http/1.1")
        answer = peer.request("GET", "/api/localsend/v2/info", connection=connection)
    assert answer.status == 200


@pytest.mark.parametrize("status", [201, 202, 204])
def test_trap_22_another_success_than_200_is_none(home, tmp_path, lsend, status):
    """For an upload apps say 200 and nothing else; what else is said is no acknowledgement."""
    path = tmp_path / "file.txt"
    path.write_bytes(b"content")
    with ReceiverPeer("1.17", behave={"upload": behaviour.always(status, b"")}) as one:
        done = run_lsend("send", one.url, path, home=home())
    assert done.returncode not in (0, 1), done.stderr


def test_trap_44_a_server_that_names_another_issuer(home, tmp_path, lsend):
    """1.18 asks for certificates of its own issuer: ours is sent all the same."""
    own, other = certificates.certificate("server"), tmp_path / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "10",
                    "-subj", "/CN=Somebody Else", "-keyout", tmp_path / "other.key", "-out", other],
                   check=True, capture_output=True, timeout=60)
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "server.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", own.pem, "-verify",
             "1", "-CAfile", other, "-www", "-naccept", "2"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: b"ACCEPT" in log.read_bytes(), what="the server")
        run_lsend("info", f"https://127.0.0.1:{port}", home=home())
        wait_until(lambda: b"depth=0" in log.read_bytes(), what="a client certificate")
        assert b"LocalSend User" in log.read_bytes()
    finally:
        server.kill()
        server.wait(10)
