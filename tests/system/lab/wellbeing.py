"""Guard: what has to hold after every attack on a receiver, whatever the attack was."""

import re
import time

from lab import files
from lab.process import Receiver, is_sanitized, wait_until
from peers.sender import SenderPeer

INFO = "/api/localsend/v2/info"
PROMPT = 2.0
_NO_FILES = ("link", "folder", "special")
_CONTROLS = re.compile("[\0-\b\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069]")


class Guard(Receiver):
    """A receiver and the promises of reliability.md 5: `check()` tries them all.

    `room` is the folder whose entries outside of the receiver's own folder must stay as they are
    (that folder itself: nothing is looked at); `whole` has the digests of files that may lie under a final name.
    """

    def __init__(self, folder, *options, room=None, **more):
        self.room = room or folder.parent
        self.whole = set()
        super().__init__(folder, *options, **more)
        self.remember()

    def remember(self):
        """What lies around now is what has to lie there later."""
        self._kept = self._around()
        self.whole |= set(self.stored().values())

    def _around(self):
        if self.room == self.folder:
            return {}
        inside = str(self.folder.relative_to(self.room)) + "/"
        return {name: digest for name, digest in _entries(self.room).items()
                if not name.startswith(inside)}

    def stored(self):
        """{name: sha256} of the files under final names."""
        return {name: digest for name, digest in _entries(self.folder).items()
                if not name.startswith(".lsend/") and digest not in _NO_FILES}

    def parts(self):
        """Files on their way in."""
        return [name for name in files.paths_below(self.folder)
                if name.startswith(".lsend/") and name != ".lsend/"]

    def is_prompt(self):
        """Does /info answer in time?"""
        begun = time.monotonic()
        status = SenderPeer(self.port).request("GET", INFO).status
        return status == 200 and time.monotonic() - begun < PROMPT * (3 if is_sanitized() else 1)

    def check(self, *senders):
        """`senders` are Hostiles: what they offered may be stored, whole."""
        assert self.popen.poll() is None, self.stderr()
        # A second look: another test may have had the processor.
        assert self.is_prompt() or self.is_prompt()
        wait_until(lambda: not self.parts(), 5, "the end of all parts")
        assert self._around() == self._kept
        self.whole.update(*(sender.whole for sender in senders))
        assert not {n: d for n, d in self.stored().items() if d not in self.whole}
        shown = self.stdout() + self.stderr()
        assert not _CONTROLS.search(shown), ascii(_CONTROLS.search(shown))


def _entries(folder):
    """{path: digest}; folders, links and special files have a word instead of a digest."""
    found = {}
    for name in files.paths_below(folder):
        path = folder / name
        if path.is_symlink():
            found[name] = _NO_FILES[0]
        elif path.is_file():
            found[name] = files.digest(path)
        else:
            found[name] = _NO_FILES[1 if path.is_dir() else 2]
    return found
