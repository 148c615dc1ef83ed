"""A way to a receiver that breaks off, or stalls, after so many bytes."""

import contextlib
import socket
import struct
import threading

BLOCK = 64 * 1024


class Cutting:
    """Forwards TCP to a port. `cuts` are used up in turn: a connection that has carried so many
    bytes towards the receiver is reset. With `stall_at` a connection carries so many and then
    nothing more (`.stalled` is set). `.carried` counts the bytes of all."""

    def __init__(self, port, cuts=(), stall_at=None):
        self.to, self.cuts, self.stall_at = port, list(cuts), stall_at
        self.carried = 0
        self.stalled = threading.Event()
        self._lock = threading.Lock()
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.target = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.to), timeout=10)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._sockets += [near, far]
                threading.Thread(target=self._up, args=(near, far), daemon=True).start()
                threading.Thread(target=self._down, args=(far, near), daemon=True).start()

    def _is_cut(self, so_far):
        with self._lock:
            if self.cuts and so_far > self.cuts[0]:
                self.cuts.pop(0)
                return True
        return False

    def _up(self, near, far):
        so_far = 0
        with contextlib.suppress(OSError):
            while data := near.recv(BLOCK):
                so_far += len(data)
                self.carried += len(data)
                if self._is_cut(so_far):
                    # What has come so far arrives; the sender's end hears a reset.
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                if self.stall_at is not None and so_far > self.stall_at:
                    self.stalled.set()
                    return
                far.sendall(data)
        for end in (far, near):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        near.close()

    @staticmethod
    def _down(far, near):
        with contextlib.suppress(OSError):
            while data := far.recv(BLOCK):
                near.sendall(data)
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)

    def flow(self):
        """Nothing stalls any more, on new connections."""
        self.stall_at = None

    def close(self):
        """Ends it with all that it carries."""
        for end in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
