"""Rounds of kill -9 in the middle of transfers, and what must be found after each."""

import contextlib
import os
import random
import threading
import time

from lab import files
from lab.process import Receiver
from peers.sender import File, SenderPeer

SMALL, BIG = 2_000, 4_000_000


class Rounds:
    """`run(n)` makes n rounds into one folder; the counts are `.rounds`, `.cut` (rounds in which a
    transfer was under way), `.acknowledged` and `.partial`."""

    def __init__(self, folder, home, seed=1):
        self._folder, self._home = folder, home
        self._chance = random.Random(seed)
        self._offered, self._answered = set(), {}
        self.rounds = self.cut = self.acknowledged = self.partial = 0

    def run(self, rounds, deadline=None):
        """Stops at the time.monotonic() `deadline` as well."""
        while self.rounds < rounds and (deadline is None or time.monotonic() < deadline):
            self._round()

    def _round(self):
        with Receiver(self._folder, "--http", home=self._home) as receiver:
            sender = SenderPeer(receiver.port, self._chance.choice(("1.17", "1.8")), tls=False)
            # What the last round left must be in nobody's way.
            sizes = [SMALL] * self._chance.randrange(1, 6) + [BIG] * self._chance.randrange(2)
            offered = [File(f"{self.rounds}/{i}", os.urandom(size)) for i, size in enumerate(sizes)]
            self._offered |= {file.sha256 for file in offered}
            sending = threading.Thread(target=self._send, args=(sender, offered))
            sending.start()
            time.sleep(self._chance.random() ** 2 * 0.06)
            receiver.popen.kill()
            receiver.popen.wait(10)
            sending.join(30)
        self.rounds += 1
        self._inspect()

    def _send(self, sender, offered):
        """As much as gets through; what was acknowledged is noted."""
        done = 0
        with contextlib.suppress(Exception):
            session, tokens = sender.start(offered)
            for file in offered:
                if sender.upload(session, file.id, tokens[file.id], file.data).status == 200:
                    self._answered[file.sha256] = file.entry["fileName"]
                    done += 1
        self.cut += 0 < done < len(offered)
        self.acknowledged += done

    def _inspect(self):
        """Every file under a final name is one that was offered, and none of those that were
        acknowledged is missing. The folder is emptied but for its parts."""
        found = set()
        for name in files.paths_below(self._folder):
            path = self._folder / name
            if name.startswith(".lsend/") or name.endswith("/"):
                continue
            digest = files.digest(path)
            found.add(digest)
            self.partial += digest not in self._offered
            path.unlink()
        missing = {digest: name for digest, name in self._answered.items() if digest not in found}
        assert not missing, f"acknowledged and lost: {missing}"
        assert not self.partial, "an incomplete file under a final name"
        self._offered, self._answered = set(), {}
