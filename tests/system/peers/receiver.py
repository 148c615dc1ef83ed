"""ReceiverPeer: a LocalSend app that receives, of the era that a test asks for."""

import contextlib
import dataclasses
import hashlib
import json
import secrets
import socket
import ssl
import struct
import threading
import time
import urllib.parse
import uuid

from peers import certificates, namespace
from peers.wire import Closed, Wire, chunked

KEEP = 16 * 1024 * 1024
PATIENCE = 60
NAMES = {"info": "info", "register": "register", "prepare-upload": "prepare", "upload": "upload",
         "send-request": "prepare", "send": "upload", "cancel": "cancel"}


@dataclasses.dataclass(frozen=True)
class Era:
    """What an app's server of that time does differently."""

    version: str
    routes: frozenset
    dart: bool
    wants_certificate: bool = False


V1 = ("v1/info", "v1/register", "v1/send-request", "v1/send", "v1/cancel")
V2 = ("v2/info", "v2/register", "v2/prepare-upload", "v2/upload", "v2/cancel")
ERAS = {
    "1.8": Era("1.0", frozenset(V1), True),
    "1.9": Era("2.0", frozenset(V1 + V2), True),
    "1.17": Era("2.1", frozenset(V1 + V2), True),
    "1.18": Era("2.2", frozenset(V2 + ("v1/info",)), False, True),
}


@dataclasses.dataclass
class Call:
    """A request as it arrived."""

    method: str
    target: str
    fields: dict
    source: tuple
    connection: int
    client: str | None
    at: float = 0.0
    size: int = 0
    sha256: str = ""
    body: bytes = b""
    complete: bool = False
    status: int = 0

    @property
    def path(self):
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self):
        """The decoded parameters."""
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def json(self):
        """The body as JSON."""
        return json.loads(self.body.decode())


class Exchange:
    """One request on its way through a behaviour."""

    def __init__(self, peer, call, wire, sock):
        self.peer = peer
        self.call = call
        self.wire = wire
        self.socket = sock
        self.keep = True
        self._blocks = None
        self._digest = hashlib.sha256()

    @property
    def file(self):
        """The offered file that an upload is for."""
        return self.peer.offered.get(self.call.query.get("fileId"), {})

    def read(self, limit=None, pause=0.0):
        """Reads the body: all of it, or until at least `limit` bytes have come."""
        if self._blocks is None:
            if self.call.fields.get("expect", "").lower() == "100-continue":
                self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._blocks = self.wire.body(self.call.fields)
        while limit is None or self.call.size < limit:
            block = next(self._blocks, None)
            if block is None:
                self.call.complete = True
                self.call.sha256 = self._digest.hexdigest()
                return
            self.call.size += len(block)
            self._digest.update(block)
            if len(self.call.body) < KEEP:
                self.call.body += block
            if pause:
                time.sleep(pause)

    def answer(self, status, body=b"", close=False, fields=()):
        """Answers with bytes, or with an object as JSON."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.call.status = status
        lines = [f"HTTP/1.1 {status} Answer"]
        if payload:
            kind = "application/json; charset=utf-8" if self.peer.era.dart else "application/json"
            lines.append(f"Content-Type: {kind}")
        stray = status == 204
        if self.peer.chunked_answers and payload and not stray:
            lines.append("Transfer-Encoding: chunked")
            payload = b"".join(chunked([payload[:7], payload[7:]]))
        elif not stray:
            lines.append(f"Content-Length: {len(payload)}")
        lines.extend(f"{name}: {value}" for name, value in fields)
        if close or stray:
            lines.append("Connection: close")
            self.keep = False
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)

    def raw(self, data):
        """Whatever bytes."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Closed(str(error)) from error

    def refuse(self, status, message):
        """An error as apps say it."""
        self.answer(status, {"message": message})

    def reset(self):
        """Ends the connection by RST."""
        self.keep = False
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.drop(self.socket)

    def wait_until_gone(self, limit=PATIENCE):
        """True when the caller closed its connection in time."""
        self.keep = False
        self.socket.settimeout(limit)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


class ReceiverPeer:
    """Serves until close(); a context manager. `behave` maps info, register, prepare, upload and
    cancel to a function of an Exchange that returns True when it has dealt with the request."""

    def __init__(self, era="1.17", tls=True, host="127.0.0.1", port=0, net=None, alias=None,
                 trusted=None, pin=None, accept=None, behave=None, name="peer",
                 chunked_answers=False, tls_maximum=None, silent_to_tls=False, certificate=None):
        self.era_name, self.era = era, ERAS[era]
        self.alias = alias or f"Scripted {era}"
        self.tls, self.host = tls, host
        self.pin, self.accept = pin, accept or (lambda file: True)
        self.behave = behave or {}
        self.chunked_answers, self.silent_to_tls = chunked_answers, silent_to_tls
        # One that is given may be weaker than OpenSSL likes.
        self._any_strength = certificate is not None
        self.certificate = certificate or certificates.certificate(name)
        # Before 1.9 a fingerprint was a random text.
        self.fingerprint = str(uuid.uuid4()) if era == "1.8" else self.certificate.fingerprint
        self.calls, self.offered, self.tokens, self.stored = [], {}, {}, {}
        self.session = self.session_id = None
        self.deaf = False  # new connections are accepted and get no word
        self.handshake_errors = []
        self.connections = self.handshakes = 0
        self._lock = threading.RLock()
        self._open, self._threads, self.closing = [], [], False
        self._context = self._make_context(trusted, tls_maximum) if tls else None
        self._listener = namespace.open_socket(net, socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)

    # --- what a test asks -----------------------------------------------------------------------

    @property
    def target(self):
        """The address as `lsend send` takes it."""
        return f"{self.host}:{self.port}"

    @property
    def url(self):
        """The address with its scheme."""
        return f"{'https' if self.tls else 'http'}://{self.target}"

    def of(self, action):
        """The requests of one kind, in the order in which they came."""
        with self._lock:
            return [c for c in self.calls if NAMES.get(c.path.rpartition("/")[2]) == action]

    def wait_for(self, action, count=1, limit=20):
        """Waits until so many requests of one kind have come, and gives them."""
        until = time.monotonic() + limit
        while len(self.of(action)) < count:
            assert time.monotonic() < until, f"no {action} came: {self.calls}"
            time.sleep(0.02)
        return self.of(action)

    def device(self, with_address):
        """What the app says of itself."""
        device = {"alias": self.alias, "deviceModel": "Scripted", "deviceType": "desktop"}
        if self.era_name == "1.8":
            return device
        device |= {"version": self.era.version, "fingerprint": self.fingerprint, "download": False}
        if with_address:
            device |= {"port": self.port, "protocol": "https" if self.tls else "http"}
        if self.era.dart:
            device["deviceModel"] = None
        return device

    # --- the server -----------------------------------------------------------------------------

    def _make_context(self, trusted, maximum):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._any_strength:
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(self.certificate.pem)
        if maximum is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = maximum
        if self.era.wants_certificate:
            # Python can only ask for a certificate that it knows: the caller's own.
            assert trusted, "a 1.18 peer needs the certificate that it shall ask for"
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=certificates.certificate_text(trusted))
        return context

    def _spawn(self, action, *arguments):
        thread = threading.Thread(target=action, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self.closing:
            try:
                sock, source = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.append(sock)
            self._spawn(self._serve, sock, source, number)

    def _serve(self, sock, source, number):
        sock.settimeout(PATIENCE)
        client = None
        try:
            while self.deaf and not self.closing:
                time.sleep(0.05)
            if self._context:
                sock = self._handshake(sock)
                der = sock.getpeercert(binary_form=True)
                client = certificates.fingerprint_of_der(der) if der else None
            elif self._speaks_tls(sock):
                return
            wire = Wire(sock)
            while not self.closing and self._serve_one(wire, sock, source, number, client):
                pass
        except (Closed, OSError, ValueError):
            pass
        finally:
            self.drop(sock)

    def _speaks_tls(self, sock):
        """A plain server that is sent a handshake says that this is no HTTP, or says nothing."""
        if sock.recv(1, socket.MSG_PEEK) != b"\x16":
            return False
        self.handshakes += 1
        if self.silent_to_tls:
            while sock.recv(4096):
                pass
        else:
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                         b"Connection: close\r\n\r\n")
        return True

    def _handshake(self, sock):
        try:
            secure = self._context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.handshake_errors.append(str(error))
            self.drop(sock)
            raise Closed(str(error)) from error
        with self._lock:
            self._open.append(secure)
        return secure

    def drop(self, sock):
        """Closes a connection."""
        with self._lock:
            if sock in self._open:
                self._open.remove(sock)
        with contextlib.suppress(OSError):
            sock.close()

    def _serve_one(self, wire, sock, source, number, client):
        first, fields = wire.head()
        method, target, _ = first.split(" ")
        call = Call(method, target, fields, source, number, client, time.monotonic())
        with self._lock:
            self.calls.append(call)
        exchange = Exchange(self, call, wire, sock)
        route = call.path.removeprefix("/api/localsend/")
        action = NAMES.get(route.partition("/")[2])
        handled = action in self.behave and self.behave[action](exchange)
        if not handled:
            exchange.read()
            if route not in self.era.routes:
                exchange.answer(404, {"message": "Not found"} if self.era.dart else b"")
            else:
                getattr(self, "_" + action)(exchange, route.startswith("v1/"))
        return exchange.keep

    # --- the routes -----------------------------------------------------------------------------

    def _info(self, exchange, _v1):
        if self.era.dart and exchange.call.query.get("fingerprint") == self.fingerprint:
            exchange.refuse(412, "Self-discovered")
        else:
            exchange.answer(200, self.device(False))

    def _register(self, exchange, _v1):
        if not _valid_register(exchange.call, self.era_name):
            exchange.refuse(400, "Request body malformed")
        else:
            exchange.answer(200, self.device(False))

    def _prepare(self, exchange, v1):
        with self._lock:
            refusal = self._refuse_prepare(exchange.call)
            if refusal:
                exchange.refuse(*refusal)
                return
            self.offered = dict(exchange.call.json()["files"])
            self.tokens = {key: secrets.token_hex(16) for key, file in self.offered.items()
                           if self.accept(file)}
            self.session = self.session_id = str(uuid.uuid4())
            tokens = dict(self.tokens)
        if v1:
            exchange.answer(200, tokens)
        elif not tokens:
            self.session = None
            # What Dart's server writes behind a 204 is no part of it, and no second answer.
            exchange.answer(204, b"{}" if self.era.dart else b"")
        else:
            exchange.answer(200, {"sessionId": self.session, "files": tokens})

    def _refuse_prepare(self, call):
        busy = (409, "Blocked by another session") if self.session else None
        right_pin = self.pin is None or call.query.get("pin") == self.pin
        wrong_pin = None if right_pin else (401, "Invalid pin.")
        order = (busy, wrong_pin) if self.era.dart else (wrong_pin, busy)
        return next((refusal for refusal in order if refusal), None)

    def _upload(self, exchange, v1):
        call, query = exchange.call, exchange.call.query
        with self._lock:
            known = self.session and (v1 or query.get("sessionId") == self.session)
            token = self.tokens.get(query.get("fileId"))
            if not known or token is None or query.get("token") != token:
                exchange.refuse(403, "Invalid token")
                return
            file = self.offered[query["fileId"]]
            if not self.era.dart and call.size != file["size"]:
                exchange.refuse(500, "Wrong size")
                return
            if not self.era.dart and file.get("sha256", call.sha256).lower() != call.sha256:
                exchange.refuse(422, "Checksum mismatch")
                return
            self.stored[file["fileName"]] = call
            del self.tokens[query["fileId"]]
            if not self.tokens:
                self.session = None
        exchange.answer(200, {} if self.era.dart else b"")

    def _cancel(self, exchange, _v1):
        given = exchange.call.query.get("sessionId")
        with self._lock:
            fits = self.session is not None and given in (None, self.session)
            self.session = None if fits else self.session
        if fits or not self.era.dart:
            exchange.answer(200, {} if self.era.dart else b"")
        else:
            exchange.refuse(403, "No permission")

    # --- the end --------------------------------------------------------------------------------

    def close(self):
        """Ends all connections and threads."""
        self.closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._open)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            self.drop(sock)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _valid_register(call, era):
    """What the parser of that app insists on (types included)."""
    try:
        body = call.json()
    except ValueError:
        return False
    wanted = {"alias": str, "fingerprint": str}
    if era == "1.8":
        wanted["deviceType"] = str
        if body.get("deviceType") not in ("mobile", "desktop", "web"):
            return False
    if era == "1.18":
        wanted |= {"version": str, "port": int, "protocol": str}
        if body.get("protocol") not in ("http", "https"):
            return False
    return all(isinstance(body.get(name), kind) for name, kind in wanted.items())
