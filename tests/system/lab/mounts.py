"""File systems that people have, in an image on a loop device; skipped with a reason where this machine forbids them."""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

_SIZE = 1 << 30  # sparse: more than receive wants to keep free


def _run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


def _need(*words, what):
    done = _run(*words)
    if done.returncode:
        pytest.skip(f"{what}: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout.strip()


def _programs(*names):
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"there is no {name} here")


# name: (the programs, how it is made, how it is mounted: {device} at {place})
KINDS = {
    "exfat-fuse": (("mkfs.exfat", "mount.exfat-fuse"), ("mkfs.exfat",),
                   ("mount.exfat-fuse", "{device}", "{place}", "-o", "umask=077")),
    "ntfs-3g": (("mkntfs", "ntfs-3g"), ("mkntfs", "-F", "-f", "-Q"),
                ("ntfs-3g", "{device}", "{place}", "-o", "umask=077,windows_names")),
    "lowntfs-3g": (("mkntfs", "lowntfs-3g"), ("mkntfs", "-F", "-f", "-Q"),
                   ("lowntfs-3g", "{device}", "{place}", "-o", "umask=077,ignore_case")),
    "ext4": (("mkfs.ext4",), ("mkfs.ext4", "-q", "-F"), ("mount", "{device}", "{place}")),
    "vfat": (("mkfs.vfat",), ("mkfs.vfat",),
             ("mount", "-t", "vfat", "-o", "umask=077", "{device}", "{place}")),
}


@contextlib.contextmanager
def mounted(kind):
    """The folder of a fresh file system of the kind; gone at the end."""
    programs, make, mount = KINDS[kind]
    _programs("losetup", *programs)
    with tempfile.TemporaryDirectory(prefix="lsend-mount-") as name:
        image, place = pathlib.Path(name) / "image", pathlib.Path(name) / "place"
        place.mkdir()
        with open(image, "wb") as file:
            file.truncate(_SIZE)
        device = _need("losetup", "-f", "--show", image, what="no loop device")
        try:
            _need(*make, device, what=f"no {kind} can be made")
            _need(*(word.format(device=device, place=place) for word in mount),
                  what=f"no {kind} can be mounted")
            try:
                yield place
            finally:
                unmount(place)
        finally:
            _run("losetup", "-d", device)


@contextlib.contextmanager
def bound(folder, place):
    """`place` is the same folder as `folder`, as where a disk has two names for one."""
    _need("mount", "--bind", folder, place, what="nothing can be mounted")
    try:
        yield
    finally:
        unmount(place)


def unmount(place):
    """Now, or as soon as nobody uses it."""
    for _ in range(20):
        if _run("umount", place).returncode == 0:
            return
        time.sleep(0.1)
    _run("umount", "-l", place)
