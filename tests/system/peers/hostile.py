"""Hostile: a sender that keeps no rule, and what no receiver may ever say to one."""

import contextlib
import re

from peers.sender import Connection, SenderPeer
from peers.wire import Answer, Closed, Wire

# A message of ours is a few plain words: no path, no name of a library, nothing a peer chose.
MESSAGE = re.compile(r"[A-Z][A-Za-z0-9 -]{2,60}\.?")
WIRES = [("1.17", True), ("1.17", False), ("1.8", True), ("1.8", False)]
WIRE_NAMES = [f"{'v1' if era == '1.8' else 'v2'}-{'https' if tls else 'http'}"
              for era, tls in WIRES]


def check_harmless(answer):
    """No refusal tells a stranger more than its status does, and no browser is let in."""
    assert not [name for name in answer.fields if name.startswith("access-control")], answer.fields
    assert answer.status < 500 or answer.status in (500, 501, 503), answer
    if answer.status >= 400 and answer.body:
        assert MESSAGE.fullmatch(answer.message), answer
        assert set(answer.json()) == {"message"}, answer
    return answer


class Hostile(SenderPeer):
    """A SenderPeer whose answers are all checked. `whole` has the digest of each file offered."""

    def __init__(self, port, era="1.17", tls=True, **more):
        super().__init__(port, era, tls, **more)
        self.whole = set()

    def offer(self, files):
        self.whole |= {file.sha256 for file in files}
        return super().offer(files)

    def request(self, *words, **more):
        return check_harmless(super().request(*words, **more))

    def ask(self, entries):
        """Prepares with entries as they are, {id: entry}; the answer."""
        return self.prepare([], body={"info": self.info(), "files": entries})

    def say(self, data, finish=False):
        """Raw bytes on a connection of their own; all answers until the end, at most 50."""
        with self.connect() as connection:
            connection.send_listening(data)
            if finish:
                with contextlib.suppress(OSError):
                    connection.finish()
            return read_all(connection)

    def status_of(self, data, finish=False):
        """The status of the first answer, or None where the connection was just closed."""
        answers = self.say(data, finish)
        return answers[0].status if answers else None

    def begin_upload(self, session, file, token, fields, body=b""):
        """An upload's head and the first bytes of its body; the open connection."""
        connection = self.connect()
        target = self.upload_target(session, file.id, token)
        connection.send(self.head("POST", target, fields))
        connection.send_listening(body)
        return connection


def read_all(connection, most=50):
    """Every answer until the connection ends; 1xx among them."""
    answers = []
    with contextlib.suppress(Closed):
        while len(answers) < most:
            first, fields = connection.wire.head()
            status = int(first.split()[1])
            plain = status < 200 or status in (204, 304)
            body = b"" if plain else b"".join(connection.wire.body(fields))
            answers.append(check_harmless(Answer(status, fields, body)))
            if fields.get("connection", "").lower() == "close":
                break
    return answers


def raw(sock):
    """A Connection on a socket that the test made itself."""
    made = Connection(sock)
    made.wire = Wire(sock)
    return made
