"""Runs a program that the kernel refuses something, as Android and hardened containers do:
python3 seccomp.py FAMILY PROGRAM... refuses sockets of that address family with EPERM."""

import ctypes
import os
import platform
import struct
import sys

_NUMBERS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # architecture, socket()
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def supported():
    """Is this a machine whose numbers are known here?"""
    return platform.machine() in _NUMBERS


def prefix(family):
    """What stands in front of a program's words."""
    return (sys.executable, os.path.abspath(__file__), str(int(family)))


def _refuse_family(family):
    architecture, call = _NUMBERS[platform.machine()]
    steps = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 0, 5, architecture),
             (_LOAD, 0, 0, 0), (_JUMP_EQUAL, 0, 3, call),
             (_LOAD, 0, 0, 16), (_JUMP_EQUAL, 0, 1, family),
             (_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    filters = ctypes.create_string_buffer(code)

    class Program(ctypes.Structure):
        """struct sock_fprog"""
        _fields_ = [("length", ctypes.c_ushort), ("filters", ctypes.c_void_p)]

    program = Program(len(steps), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(
            PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no seccomp")


if __name__ == "__main__":
    _refuse_family(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
