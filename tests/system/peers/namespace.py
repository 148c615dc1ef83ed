"""Sockets inside a network namespace, made from outside: a socket keeps the namespace it was
opened in, so a thread enters the namespace, opens it and ends."""

import ctypes
import os
import socket
import threading

CLONE_NEWNET = 0x40000000


def inside(namespace, action):
    """Calls `action` in the named namespace (None = here) and gives its result."""
    if namespace is None:
        return action()
    outcome = {}

    def enter():
        try:
            descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(descriptor, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"cannot enter namespace {namespace}")
            finally:
                os.close(descriptor)
            outcome["result"] = action()
        except BaseException as error:  # handed to the caller's thread
            outcome["error"] = error

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(30)
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def open_socket(namespace, family, kind):
    """A socket of that namespace."""
    return inside(namespace, lambda: socket.socket(family, kind))
