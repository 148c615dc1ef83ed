"""R123 and R124: handshakes that are none, and certificates that no app makes."""

import contextlib
import socket
import ssl
import struct
import subprocess
import time

import pytest

from lab.process import is_sanitized, wait_until
from lab.wellbeing import Guard
from peers import certificates
from peers.hostile import Hostile
from peers.sender import File

PATIENCE = 20
HANDSHAKE_LIMIT = 10


@pytest.fixture(scope="module")
def serving(lsend, own_home, tmp_path_factory):
    """HTTPS only, its events as JSON."""
    room = tmp_path_factory.mktemp("tls")
    with Guard(room / "in", "--json", room=room, home=own_home) as running:
        yield running


@pytest.fixture(autouse=True)
def stays_well(serving):
    """After each row all promises are tried and a file is sent."""
    yield
    sender = Hostile(serving.port)
    assert [answer.status for answer in sender.send([File("after", b"after")])] == [200]
    serving.check(sender)


def record(kind, body, version=0x0301):
    """A TLS record."""
    return struct.pack(">BHH", kind, version, len(body) & 0xffff) + body


def client_hello():
    """What OpenSSL says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context().wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def context(ciphers="ALL:@SECLEVEL=0", identity=None, version=None):
    """A client that minds nothing."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_ciphers(ciphers)
    if version:
        made.minimum_version = made.maximum_version = version
    if identity:
        made.load_cert_chain(identity)
    return made


HELLO = client_hello()
STARTS = {
    "garbage": bytes(range(256)) * 8, "zeros": bytes(4096), "plain http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "sslv2 hello": b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10\x01\0\x80\x02\0\x80\x03\0\x80" + b"\x11" * 24,
    "half a record": HELLO[:len(HELLO) // 2], "record of 64 KB": record(22, b"\x01" * 65_535),
    "length of 64 KB": struct.pack(">BHH", 22, 0x0301, 0xffff) + b"\x01" * 100, "alert first": record(21, b"\x02\x28"),
    "close_notify first": record(21, b"\x01\0"), "heartbeat": record(24, b"\x01\x40\0" + b"x" * 16),
    "application data first": record(23, b"x" * 100), "hello twice": HELLO * 2,
    "hello and heartbeat": HELLO + record(24, b"\x01\x40\0"), "empty record": record(22, b""),
    "a thousand empty records": record(22, b"") * 1000, "a thousand warnings": record(21, b"\x01\x5a") * 1000,
    "hello with a huge length": record(22, b"\x01\xff\xff\xff" + b"\0" * 100),
    "hello byte by byte": b"".join(record(22, HELLO[5 + i:6 + i]) for i in range(60)), "nothing": b"",
    "one byte": b"\x16",
}


@pytest.mark.parametrize("data", STARTS.values(), ids=STARTS)
def test_R123_what_is_no_handshake_ends(serving, data):
    """R123: an alert, a 400 for plain HTTP, or just the end."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as tcp:
        with contextlib.suppress(OSError):
            tcp.sendall(data)
            tcp.shutdown(socket.SHUT_WR)
        heard = b""
        with contextlib.suppress(ConnectionError):
            while block := tcp.recv(4096):
                heard += block
        assert heard[:1] in (b"", b"\x15", b"\x16") or heard.startswith(b"HTTP/1.1 400")


def test_R123_a_hundred_stalled_handshakes(serving):
    """R123: half of them began; others are served meanwhile, and they are cut off."""
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        stalled = []
        for number in range(100):
            sock = socket.socket()
            stack.enter_context(sock)
            sock.settimeout(PATIENCE + HANDSHAKE_LIMIT)
            sock.bind((f"127.0.8.{number % 50 + 1}", 0))
            sock.connect(("127.0.0.1", serving.port))
            if number % 2:
                sock.sendall(HELLO[:100])
            stalled.append(sock)
        sender = Hostile(serving.port)
        assert [answer.status for answer in sender.send([File("a", b"content")])] == [200]
        assert time.monotonic() - begun < HANDSHAKE_LIMIT - 2
        serving.whole |= sender.whole
        for sock in stalled:
            with contextlib.suppress(ConnectionError):
                while sock.recv(4096):
                    pass
    assert time.monotonic() - begun < HANDSHAKE_LIMIT + 10


def test_R123_two_hundred_handshakes(serving):
    """R123: one after the other, with and without a certificate, some left at once."""
    before = serving.peak_memory()
    for number in range(200):
        sender = Hostile(serving.port, identity="sender" if number % 2 else None)
        with sender.connect() as connection:
            if number % 3 == 0:
                connection.reset()
            elif number % 3 == 1:
                assert sender.request("GET", sender.route("info"),
                                      connection=connection).status == 200
    if not is_sanitized():  # it keeps what was freed
        assert serving.peak_memory() < before + 50_000_000


WEAK = {"anonymous": "aNULL:@SECLEVEL=0", "null": "eNULL:@SECLEVEL=0", "cbc": "AES128-SHA:@SECLEVEL=0",
        "cbc ecdhe": "ECDHE-RSA-AES128-SHA256:@SECLEVEL=0", "rsa": "AES128-GCM-SHA256:@SECLEVEL=0",
        "dhe": "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "3des": "DES-CBC3-SHA:@SECLEVEL=0",
        "rc4": "RC4-SHA:@SECLEVEL=0", "camellia": "CAMELLIA128-SHA:@SECLEVEL=0"}


@pytest.mark.parametrize("ciphers", WEAK.values(), ids=WEAK)
def test_R124_weak_ciphers_are_refused(serving, ciphers):
    """R124: without authentication, without encryption, without forward secrecy, of the past."""
    try:
        weak = context(ciphers, version=ssl.TLSVersion.TLSv1_2)
    except ssl.SSLError:
        weak = None
    if weak is None:
        # This OpenSSL cannot even ask for it by name: the cipher's number in a hello of its own.
        with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as tcp:
            number = b"\0\x05" if "RC4" in ciphers else b"\0\x0a"
            hello = b"\x03\x03" + b"\x33" * 32 + b"\0\0\x02" + number + b"\x01\0"
            tcp.sendall(record(22, b"\x01" + len(hello).to_bytes(3, "big") + hello))
            assert tcp.recv(4096)[:1] in (b"\x15", b"")
        return
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as tcp:
            weak.wrap_socket(tcp).close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.SSLv3, ssl.TLSVersion.TLSv1,
                                     ssl.TLSVersion.TLSv1_1])
def test_R124_old_versions_are_refused(serving, version):
    """R124: also where the client would take anything. What this OpenSSL cannot speak is asked for
    in a hello of its own."""
    number = {ssl.TLSVersion.SSLv3: b"\x03\0", ssl.TLSVersion.TLSv1: b"\x03\x01",
              ssl.TLSVersion.TLSv1_1: b"\x03\x02"}[version]
    hello = number + b"\x33" * 32 + b"\0\0\x04\xc0\x13\0\x2f\x01\0"
    with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as tcp:
        tcp.sendall(record(22, b"\x01" + len(hello).to_bytes(3, "big") + hello))
        assert tcp.recv(4096)[:1] in (b"\x15", b"")


@pytest.mark.skipif(subprocess.run(["sh", "-c", "command -v openssl"], capture_output=True,
                                   check=False).returncode != 0, reason="there is no openssl(1)")
def test_R124_a_renegotiation_is_refused(serving):
    """R124: the client asks for it by a lone R; nothing is served afterwards on this connection."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{serving.port}", "-tls1_2", "-legacy_renegotiation"],
        input=b"R\nGET /api/localsend/v2/info HTTP/1.1\r\nHost: x\r\n\r\n", capture_output=True, timeout=PATIENCE,
        check=False)
    assert b"RENEGOTIATING" in done.stdout + done.stderr
    assert b"HTTP/1.1 200" not in done.stdout


# --- certificates that no app makes --------------------------------------------------------------


ODD = {
    "expired": lambda: certificates.expired_certificate().pem,
    "not yet valid": lambda: certificates.future_certificate().pem,
    "md5": lambda: certificates.odd("md5", "-newkey", "rsa:2048", "-md5").pem,
    "sha1": lambda: certificates.odd("sha1", "-newkey", "rsa:2048", "-sha1").pem,
    "512 bits": lambda: certificates.odd("512", "-newkey", "rsa:512").pem,
    "1024 bits": lambda: certificates.odd("1024", "-newkey", "rsa:1024").pem,
    "ecdsa": lambda: certificates.odd("ec", "-newkey", "ec", "-pkeyopt",
                                      "ec_paramgen_curve:P-256").pem,
    "ed25519": lambda: certificates.odd("ed", "-newkey", "ed25519").pem,
    "secp256k1": lambda: certificates.odd("k1", "-newkey", "ec", "-pkeyopt",
                                          "ec_paramgen_curve:secp256k1").pem,
    "many names": lambda: certificates.odd("names", "-newkey", "rsa:2048", "-addext",
                                          "subjectAltName=" + ",".join(
                                              f"DNS:{'n' * 40}{i}.example" for i in range(150))).pem,
    "version 1 serial": lambda: certificates.odd("serial", "-newkey", "rsa:2048", "-set_serial",
                                                "-5").pem,
}
TRUSTED = ("ecdsa", "ed25519", "many names", "version 1 serial")


@pytest.mark.parametrize("kind", ODD)
def test_R124_odd_client_certificates(serving, kind):
    """R124: refused, or no identity; only what is valid now and signs itself well proves one."""
    pem = ODD[kind]()
    requests = len(of_type(serving, "request"))
    try:
        sender = Hostile(serving.port, context=context(identity=pem))
        answers = sender.send([File("odd", b"odd")])
    except OSError:
        return
    assert [answer.status for answer in answers] == [200]
    serving.whole |= sender.whole
    event = wait_until(lambda: of_type(serving, "request")[requests:], what="the event")[0]
    assert not event["verified"] or kind in TRUSTED


def of_type(serving, kind):
    return [event for event in serving.events() if event["type"] == kind]


def test_R124_a_certificate_of_16_kbit(serving):
    """R124: a signature that takes long to check holds nobody up."""
    place = certificates.certificate("sender").pem.parent / "16k.pem"
    place.write_text(large_certificate())
    hostile = context(identity=place)
    begun = time.monotonic()
    for _ in range(5):
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as tcp:
                hostile.wrap_socket(tcp).close()
    assert time.monotonic() - begun < 60
    assert serving.is_prompt()


def large_certificate():
    """Key and self-signed certificate of 16,384 bits. Finding such primes takes minutes, so the
    modulus is a product of many small ones, which RSA does not mind."""
    modulus = multi_prime()
    config = ["asn1=SEQUENCE:rsa", "[rsa]", "version=INTEGER:0"]
    names = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    config += [f"{name}=INTEGER:0x{value:x}" for name, value in zip(names, modulus)]
    folder = certificates.certificate("sender").pem.parent
    (folder / "16k.cnf").write_text("\n".join(config) + "\n")
    run = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, timeout=120,
                                        capture_output=True)
    run("asn1parse", "-genconf", "16k.cnf", "-noout", "-out", "16k.der")
    run("rsa", "-inform", "DER", "-in", "16k.der", "-out", "16k.key")
    run("req", "-x509", "-new", "-key", "16k.key", "-subj", "/CN=large", "-out", "16k.crt")
    return (folder / "16k.key").read_text() + (folder / "16k.crt").read_text()


def multi_prime():
    """(n, e, d, p, q, dp, dq, qi): p and q are products of eight 1024-bit primes each; exponents
    modulo the order of each group keep the arithmetic right."""
    import math
    primes = []
    while len(primes) < 16:
        done = subprocess.run(["openssl", "prime", "-generate", "-bits", "1024"], check=True,
                              capture_output=True, text=True, timeout=60)
        prime = int(done.stdout)
        if math.gcd(prime - 1, 65537) == 1:
            primes.append(prime)
    p, q = math.prod(primes[:8]), math.prod(primes[8:])
    order = math.lcm(*(prime - 1 for prime in primes))
    order_p = math.lcm(*(prime - 1 for prime in primes[:8]))
    order_q = math.lcm(*(prime - 1 for prime in primes[8:]))
    if p < q:
        p, q, order_p, order_q = q, p, order_q, order_p
    exponent = 65537
    return (p * q, exponent, pow(exponent, -1, order), p, q, pow(exponent, -1, order_p),
            pow(exponent, -1, order_q), pow(q, -1, p))
