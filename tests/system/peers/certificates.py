"""Certificates as LocalSend apps make them: self-signed RSA-2048, CN only."""

import functools
import hashlib
import pathlib
import ssl
import subprocess
import tempfile

import pytest


class Certificate:
    """A key and a certificate in one PEM file."""

    def __init__(self, pem):
        self.pem = pathlib.Path(pem)
        self.fingerprint = fingerprint_of_pem(self.pem)


def fingerprint_of_der(der):
    """SHA-256 over the DER in upper case hex: what LocalSend calls a fingerprint."""
    return hashlib.sha256(der).hexdigest().upper()


def certificate_text(path):
    """The first certificate of a PEM file, without the key next to it."""
    text = pathlib.Path(path).read_text()
    begin = text.index("-----BEGIN CERTIFICATE-----")
    end = text.index("-----END CERTIFICATE-----", begin) + len("-----END CERTIFICATE-----")
    return text[begin:end] + "\n"


def fingerprint_of_pem(path):
    """The fingerprint of the certificate in a PEM file."""
    return fingerprint_of_der(ssl.PEM_cert_to_DER_cert(certificate_text(path)))


@functools.lru_cache(maxsize=1)
def _folder():
    return tempfile.TemporaryDirectory(prefix="lsend-peers-")


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


@functools.lru_cache(maxsize=None)
def certificate(name="peer"):
    """A certificate that is valid for ten years; one for each name, made once a run."""
    key, cert, pem = _paths(name)
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
             "-subj", "/CN=LocalSend User", "-keyout", str(key), "-out", str(cert))
    pem.write_text(key.read_text() + cert.read_text())
    return Certificate(pem)


def expired_certificate():
    """A certificate whose last day was in 2001."""
    return _dated("expired", "20000101000000Z", "20010101000000Z")


def future_certificate():
    """A certificate whose first day is in 2090."""
    return _dated("future", "20900101000000Z", "20910101000000Z")


@functools.lru_cache(maxsize=None)
def _dated(name, begin, end):
    key, cert, pem = _paths(name)
    request = cert.with_suffix(".csr")
    _openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=LocalSend User",
             "-keyout", str(key), "-out", str(request))
    base = cert.with_suffix("")
    base.mkdir()
    (base / "index.txt").write_text("")
    (base / "serial").write_text("01\n")
    (base / "ca.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
    subprocess.run(
        ["openssl", "ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", str(key),
         "-in", str(request), "-out", str(cert), "-notext",
         "-startdate", begin, "-enddate", end],
        cwd=base, check=True, capture_output=True, timeout=60)
    pem.write_text(key.read_text() + cert.read_text())
    return Certificate(pem)


@functools.lru_cache(maxsize=None)
def odd(name, *words):
    """A self-signed certificate made with these words of openssl req."""
    key, cert, pem = _paths(f"odd-{name}")
    done = subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=odd", "-keyout", key,
                           "-out", cert, *words], capture_output=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"this OpenSSL cannot make it: {done.stderr.decode().splitlines()[-1:]}")
    pem.write_text(key.read_text() + cert.read_text())
    return Certificate(pem)


def _paths(name):
    folder = pathlib.Path(_folder().name)
    return folder / f"{name}.key", folder / f"{name}.crt", folder / f"{name}.pem"
