"""A filter of system calls, as container runtimes put it up: the calls that it does not know fail with
EPERM. As a program: refusing.py NUMBER[,NUMBER]... PROGRAM [ARGUMENT]..."""

import ctypes
import os
import platform
import struct
import sys

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM = 1
# access, faccessat, faccessat2
_ACCESS = {"x86_64": (21, 269, 439), "aarch64": (48, 439)}


def prefix():
    """To stand before a program that is to do without access(2) and its relatives; None where their
    numbers are not known."""
    numbers = _ACCESS.get(platform.machine())
    return numbers and (sys.executable, __file__, ",".join(map(str, numbers)))


def refuse(numbers):
    """From now on, in this process and what it starts."""
    steps = [(_LOAD, 0, 0, 0)]
    steps += [(_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(
            _PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter could be put up")


if __name__ == "__main__":
    refuse([int(number) for number in sys.argv[1].split(",")])
    os.execv(sys.argv[2], sys.argv[2:])
