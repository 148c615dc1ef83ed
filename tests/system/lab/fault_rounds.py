"""Transfers during which one call of the receiver fails, and what must hold whichever it was."""

import errno
import os

from peers.sender import File

ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT)


class FaultRounds:
    """Rounds against a Guard with a Faults preloaded; a file named "taken" makes a name collide.

    `.calls` touch the folder in a round without faults; `.failed` are the names of those that were
    made to fail, `.leftovers` the parts that could not be removed because removing failed.
    """

    def __init__(self, serving, sender, faults):
        self._serving, self._sender, self._faults = serving, sender, faults
        self.rounds = self.leftovers = 0
        self.failed = set()
        assert sender.send([File("taken", b"taken")])[0].status == 200
        faults.arm(0)
        assert self.transfer()[1] == [200] * 3
        self.calls = faults.disarm()

    def transfer(self):
        """A new folder, a name that is taken, a digest and a time that were announced: the files
        and their statuses; a session that is left over is ended."""
        number, data = self.rounds, os.urandom(200_000)
        self.rounds += 1
        offered = [File(f"new{number}/x", os.urandom(1000)), File("taken", os.urandom(100)),
                   File(f"{number}", data, sha256=File("", data).sha256,
                        metadata={"modified": "2020-01-02T03:04:05Z"})]
        answer = self._sender.prepare(offered)
        if answer.status != 200:
            return offered, [answer.status] * 3
        reply = answer.json()
        tokens = reply if self._sender.v1 else reply["files"]
        session = reply.get("sessionId")
        statuses = [self._sender.upload(session, f.id, tokens[f.id], f.data).status
                    for f in offered]
        self._sender.cancel(session)
        return offered, statuses

    def fail(self, at, error):
        """One round: 200 only for what is there whole, and nothing else under a final name."""
        self._faults.arm(at, error)
        offered, statuses = self.transfer()
        call = self._faults.failed_call()
        self._faults.disarm()
        self.failed.add(call)
        self.leftovers += call == "unlinkat"
        assert set(statuses) <= {200, 500}, (at, call, statuses)
        stored = set(self._serving.stored().values())
        for file, status in zip(offered, statuses):
            assert status != 200 or file.sha256 in stored, (at, call)
        assert not stored - self._sender.whole - self._serving.whole, (at, call)
