"""HTTP/1.1 on a socket, from both ends, with every byte under the test's control."""

import json
import urllib.parse

BLOCK = 64 * 1024


class Closed(Exception):
    """The other end has closed or reset the connection."""


class Wire:
    """Reads messages from a socket; writes are the caller's."""

    def __init__(self, sock):
        self.socket = sock
        self._buffer = b""

    def _more(self):
        try:
            data = self.socket.recv(BLOCK)
        except (ConnectionError, TimeoutError, OSError) as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("end of stream")
        self._buffer += data

    def ahead(self):
        """Is there more than what was asked for?"""
        return bool(self._buffer)

    def line(self):
        """One line without its end."""
        while b"\r\n" not in self._buffer:
            self._more()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def exactly(self, size):
        """Blocks that add up to `size` bytes."""
        while size > 0:
            if not self._buffer:
                self._more()
            block, self._buffer = self._buffer[:size], self._buffer[size:]
            size -= len(block)
            yield block

    def head(self):
        """The first line, and the fields with lower case names."""
        first = self.line()
        fields = {}
        while True:
            line = self.line()
            if not line:
                return first, fields
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()

    def body(self, fields, until_close=False):
        """The blocks of a body."""
        if fields.get("transfer-encoding", "").lower() == "chunked":
            while True:
                size = int(self.line().split(";")[0], 16)
                yield from self.exactly(size)
                if size == 0:
                    while self.line():
                        pass
                    return
                self.line()
        elif "content-length" in fields:
            yield from self.exactly(int(fields["content-length"]))
        elif until_close:
            while True:
                if self._buffer:
                    yield self._buffer
                    self._buffer = b""
                try:
                    self._more()
                except Closed:
                    return


class Answer:
    """What a server said."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    def json(self):
        """The body as JSON."""
        return json.loads(self.body.decode())

    @property
    def message(self):
        """The text of an error answer."""
        return self.json()["message"]

    def __repr__(self):
        return f"<Answer {self.status} {self.body[:200]!r}>"


def read_answer(wire):
    """The next final answer on a client's connection; 1xx are skipped."""
    while True:
        first, fields = wire.head()
        status = int(first.split()[1])
        if status >= 200:
            break
    if status in (204, 304):
        return Answer(status, fields, b"")
    return Answer(status, fields, b"".join(wire.body(fields, until_close=True)))


def query_text(pairs, encode=True):
    """`?a=b&c=d`; app 1.18 does not encode the values."""
    quote = (lambda text: urllib.parse.quote(text, safe="")) if encode else str
    items = [f"{name}={quote(value)}" for name, value in pairs if value is not None]
    return "?" + "&".join(items) if items else ""


def chunked(blocks):
    """Blocks in the chunked coding."""
    for block in blocks:
        if block:
            yield b"%x\r\n" % len(block) + block + b"\r\n"
    yield b"0\r\n\r\n"
