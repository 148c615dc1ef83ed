"""A sender, scripted, that goes on where its uploads broke off (reliability.md 7.5)."""

import base64
import contextlib
import fcntl
import hashlib
import os

from lab.process import wait_until
from peers.sender import File, SenderPeer

MIB = 1 << 20
MODIFIED = "2026-01-02T03:04:05.678Z"


def digest(data):
    """As wire and events have it."""
    return hashlib.sha256(data).hexdigest()


def big(name="disk.img", size=24 * MIB, announce=True, **entry):
    """A file worth keeping; without its sha256 it is known by its time."""
    data = os.urandom(size)
    about = {"metadata": {"modified": MODIFIED}}
    if announce:
        about["sha256"] = digest(data)
    return File(name, data, **(about | entry))


class Resuming(SenderPeer):
    """What `lsend send` says, with every word under the test's control."""

    wish = {"v": 1, "resume": True}

    def info(self):
        return super().info() | ({"lsend": self.wish} if self.wish else {})

    def ask(self, *offered, session=None):
        """The answer to a prepare-upload as (reply, points by file id)."""
        body = self.offer(offered)
        if session:
            body["info"]["lsend"] = self.wish | {"session": session}
        answer = self.prepare(offered, body=body)
        assert answer.status == 200, answer
        reply = answer.json()
        extension = reply.get("lsend") or {}
        return reply, extension.get("resume")

    def target_of(self, reply, file, offset=None):
        """Where the file goes."""
        target = self.upload_target(reply["sessionId"], file.id, reply["files"][file.id])
        return target if offset is None else f"{target}&offset={offset}"

    def break_off(self, reply, file, size, offset=None, keep_open=False):
        """Uploads the next `size` bytes and is gone, or only silent (the open connection)."""
        start = offset or 0
        connection = self.connect()
        connection.send(self.head("POST", self.target_of(reply, file, offset),
                                  [("Content-Length", len(file.data) - start)]))
        connection.send(file.data[start:start + size])
        if not keep_open:
            connection.close()
        return connection

    def go_on(self, reply, file, offset=None, data=None):
        """The rest of the file, or other bytes; the answer."""
        data = file.data[offset or 0:] if data is None else data
        return self.request("POST", self.target_of(reply, file, offset), data,
                            [("Content-Type", "application/octet-stream")])

    def cancel_with(self, reply, words=""):
        """Ends the session."""
        path = f"{self.route('cancel')}?sessionId={reply['sessionId']}{words}"
        return self.request("POST", path, b"")


def stated(answer):
    """The sha256 that an upload's answer names."""
    field = answer.fields["repr-digest"]
    return base64.b64decode(field.split(":")[1]).hex()


def parts_in(folder):
    """What lies in the private folder: (parts, labels)."""
    names = sorted(path.name for path in (folder / ".lsend").iterdir())
    labels = [name for name in names if name.endswith(".json")]
    return [name for name in names if name not in labels], labels


def wait_kept(folder, count=1):
    """Until so many parts bear a label; the paths of the parts."""
    def kept():
        labels = parts_in(folder)[1]
        return len(labels) == count and labels

    return [folder / ".lsend" / name.removesuffix(".json")
            for name in wait_until(kept, what=f"{count} kept parts")]


def wait_let_go(part, size):
    """Until it has that size and nobody uses it any more."""
    def is_free():
        if part.stat().st_size != size:
            return False
        with open(part, "rb") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        return False

    wait_until(is_free, what=f"a part of {size} bytes that is in nobody's use")


def wait_gone(folder):
    """Until the private folder is empty."""
    wait_until(lambda: parts_in(folder) == ([], []), what="an empty private folder")
