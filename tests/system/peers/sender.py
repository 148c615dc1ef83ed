"""SenderPeer: a LocalSend app that sends, of the era that a test asks for, and raw connections."""

import contextlib
import hashlib
import json
import select
import socket
import ssl
import struct
import uuid

from peers import certificates, namespace
from peers.wire import Wire, chunked, query_text, read_answer

PATIENCE = 30
STEP = 64 * 1024
VERSIONS = {"1.8": None, "1.9": "2.0", "1.17": "2.1", "1.18": "2.2"}


class File:
    """A file to offer, with what its entry in the request shall say."""

    def __init__(self, name, data=b"", **entry):
        self.id = entry.pop("id", str(uuid.uuid4()))
        self.data = data
        self.entry = {"id": self.id, "fileName": name, "size": len(data),
                      "fileType": "application/octet-stream"} | entry

    @property
    def sha256(self):
        """What really is in it."""
        return hashlib.sha256(self.data).hexdigest()


class Connection:
    """An open connection to the receiver."""

    def __init__(self, sock):
        self.socket = sock
        self.wire = Wire(sock)

    def send(self, data):
        """Whatever bytes."""
        self.socket.sendall(data)

    def send_listening(self, data):
        """Stops when an answer comes: a receiver may refuse before it has read everything."""
        view = memoryview(data)
        with contextlib.suppress(OSError):
            while view and not self._is_answered():
                self.socket.sendall(view[:STEP])
                view = view[STEP:]

    def _is_answered(self):
        """By poll(), which knows descriptors above 1023 too."""
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        return bool(poller.poll(0))

    def answer(self):
        """The next answer."""
        return read_answer(self.wire)

    def finish(self):
        """No more bytes from us; the answer may still come."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Cuts the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        """Closes it."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class SenderPeer:
    """Asks and uploads as the app of its era does. `identity` None = no client certificate."""

    def __init__(self, port, era="1.17", tls=True, host="127.0.0.1", source=None, net=None,
                 identity="sender", own_port=53317, context=None):
        self.host, self.port, self.era, self.tls = host, port, era, tls
        self.source, self.net, self.own_port = source, net, own_port
        self.v1 = era == "1.8"
        self.identity = identity
        if isinstance(identity, str):
            self.identity = certificates.certificate(identity)
        self.fingerprint = self.identity.fingerprint if self.identity else str(uuid.uuid4())
        self._context = context or (self._make_context() if tls else None)

    def _make_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.identity:
            context.load_cert_chain(self.identity.pem)
        return context

    # --- connections ----------------------------------------------------------------------------

    def open_tcp(self):
        """A bare TCP connection."""
        sock = namespace.open_socket(self.net, socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        try:
            if self.source:
                sock.bind((self.source, 0))
            sock.connect((self.host, self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def connect(self):
        """A connection ready for HTTP."""
        sock = self.open_tcp()
        if self._context:
            try:
                sock = self._context.wrap_socket(sock)
            except OSError:
                sock.close()
                raise
        return Connection(sock)

    def head(self, method, target, fields=()):
        """A request's head."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines.extend(f"{name}: {value}" for name, value in fields)
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def request(self, method, target, body=None, fields=(), in_chunks=False, connection=None):
        """One request, on its own connection unless one is given."""
        fields = list(fields)
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            fields.append(("Content-Type", "application/json"))
        if in_chunks:
            fields.append(("Transfer-Encoding", "chunked"))
        elif body is not None:
            fields.append(("Content-Length", len(body)))
        message = self.head(method, target, fields)
        with contextlib.ExitStack() as stack:
            if connection is None:
                connection = stack.enter_context(self.connect())
            if in_chunks:
                blocks = [body[i:i + 50_000] for i in range(0, len(body), 50_000)]
                message += b"".join(chunked(blocks))
            else:
                message += body or b""
            connection.send_listening(message)
            return connection.answer()

    # --- LocalSend ------------------------------------------------------------------------------

    def route(self, action):
        """The path of info, register, prepare, upload or cancel."""
        names = {"prepare": "prepare-upload"}
        if self.v1:
            names = {"prepare": "send-request", "upload": "send"}
        return f"/api/localsend/v{1 if self.v1 else 2}/{names.get(action, action)}"

    def info(self):
        """What the app says of itself in requests."""
        info = {"alias": f"Sender {self.era}", "deviceModel": "Scripted", "deviceType": "desktop"}
        if not self.v1:
            info |= {"version": VERSIONS[self.era], "fingerprint": self.fingerprint,
                     "port": self.own_port, "protocol": "https" if self.tls else "http",
                     "download": False}
        return info

    def register(self, **changes):
        """POST register with the app's own words, or some of them changed."""
        body = self.info() | {"fingerprint": self.fingerprint} | changes
        return self.request("POST", self.route("register"),
                            {name: value for name, value in body.items() if value is not ...})

    def offer(self, files):
        """The body of a prepare-upload or send-request."""
        return {"info": self.info(), "files": {file.id: file.entry for file in files}}

    def prepare(self, files, pin=None, connection=None, body=None):
        """Asks; the answer."""
        target = self.route("prepare") + query_text([("pin", pin)])
        return self.request("POST", target, self.offer(files) if body is None else body,
                            connection=connection)

    def start(self, files, pin=None):
        """Asks and insists on a yes: (session, tokens by file id)."""
        answer = self.prepare(files, pin)
        assert answer.status == 200, answer
        reply = answer.json()
        return (None, reply) if self.v1 else (reply["sessionId"], reply["files"])

    def upload_target(self, session, file_id, token):
        """The request target of an upload; 1.18 encodes nothing."""
        pairs = [("sessionId", session), ("fileId", file_id), ("token", token)]
        return self.route("upload") + query_text(pairs, encode=self.era != "1.18")

    def upload(self, session, file_id, token, data, connection=None, in_chunks=None, fields=()):
        """Uploads as the era frames it: 1.18 in chunks without a type, others with length and
        type."""
        in_chunks = self.era == "1.18" if in_chunks is None else in_chunks
        if not in_chunks and not fields:
            fields = [("Content-Type", "application/octet-stream")]
        return self.request("POST", self.upload_target(session, file_id, token), data, fields,
                            in_chunks, connection)

    def cancel(self, session=None):
        """POST cancel, with or without a session."""
        return self.request("POST", self.route("cancel") + query_text([("sessionId", session)]),
                            b"")

    def send(self, files, pin=None):
        """A whole transfer; the answers to the uploads."""
        session, tokens = self.start(files, pin)
        return [self.upload(session, file.id, tokens[file.id], file.data) for file in files]
