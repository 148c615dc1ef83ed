"""Makes files and trees, and says what is in them."""

import hashlib
import os
import pathlib
import random

_BLOCK = 1 << 20
# A time of its own for each file, with a fraction, long past.
_FIRST_MTIME_NS = 1_500_000_000_123_456_000


def make_file(path, content=b"", mtime_ns=None):
    """Writes a file, its folders as well, and gives its path."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def make_named(folder, names, seed=1):
    """A file for each name ("a/b.txt" makes the folder), contents and times all different."""
    chance = random.Random(seed)
    made = []
    for number, name in enumerate(names):
        content = chance.randbytes(chance.randrange(1, 3000))
        mtime_ns = _FIRST_MTIME_NS + number * 1_000_000_007_000
        made.append(make_file(pathlib.Path(folder) / name, content, mtime_ns))
    return made


def make_tree(folder, files, per_folder=10, seed=1):
    """That many files, nested up to three folders deep."""
    names = []
    for number in range(files):
        group, rest = divmod(number, per_folder)
        names.append(f"d{group % 10}/e{group // 10 % 10}/f{group // 100}/file-{number}-{rest}.bin")
    return make_named(folder, names, seed)


def make_big(path, size, step=64 * _BLOCK, seed=1, mtime_ns=_FIRST_MTIME_NS):
    """A file of that size: random blocks every `step` bytes and at its end, holes between."""
    chance = random.Random(seed)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        for start in range(0, size, step):
            file.seek(start)
            file.write(chance.randbytes(min(_BLOCK, size - start)))
        file.truncate(size)
        tail = min(4096, size)
        file.seek(size - tail)
        file.write(chance.randbytes(tail))
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def digest(path):
    """The sha256 of a file, in hex."""
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def paths_below(folder):
    """Every entry below, relative, sorted: files, links, and folders with a slash at the end."""
    found = []
    for base, folders, files in os.walk(folder):
        inside = os.path.relpath(base, folder)
        for name in folders:
            path = os.path.normpath(os.path.join(inside, name))
            found.append(path if os.path.islink(os.path.join(folder, path)) else path + "/")
        found += [os.path.normpath(os.path.join(inside, name)) for name in files]
    return sorted(found)


def tree(folder, times=True):
    """{relative path: (sha256, mtime in ns)} of all files; only the sha256 without `times`."""
    found = {}
    for name in paths_below(folder):
        if name.endswith("/"):
            continue
        path = os.path.join(folder, name)
        sha256 = digest(path)
        found[name] = (sha256, os.stat(path).st_mtime_ns) if times else sha256
    return found
