"""The main job in the words of LocalSend 1.0 to 1.8: a thousand files, odd names, both directions."""

import hashlib

import pytest

from lab import files
from lab.process import Receiver, run_lsend
from peers.receiver import ReceiverPeer
from peers.sender import File, SenderPeer

NAMES = ["with blank.txt", "中文.txt", "emoji 🎉.txt", "x" * 251 + ".txt", "empty"]


def sums(folder):
    """sha256 of each file below `folder`, by its name with that of the folder in front."""
    return {f"{folder.name}/{path.relative_to(folder)}": hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file() and ".lsend" not in path.parts}


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PS5_a_thousand_files_to_a_v1_app(home, tmp_path, tls):
    source = tmp_path / "tree"
    files.make_tree(source, 1000)
    for name in NAMES:
        (source / name).write_bytes(b"" if name == "empty" else name.encode())
    with ReceiverPeer("1.8", tls=tls) as peer:
        sent = run_lsend("send", peer.target, source, home=home("sender"), timeout=120)
        assert sent.returncode == 0, sent.stderr
        arrived = {name: call.sha256 for name, call in peer.stored.items()}
        assert arrived == sums(source)
        assert {call.path for call in peer.of("upload")} == {"/api/localsend/v1/send"}


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_PR35_a_thousand_files_from_a_v1_app(home, tmp_path, tls):
    extra = [] if tls else ["--http"]
    offered = [File(f"tree/{i % 10}/{i}.bin", hashlib.sha256(b"%d" % i).digest() * (i % 50),
                    fileType="other") for i in range(1000)]
    offered += [File("tree/" + name, name.encode(), fileType="text") for name in NAMES]
    with Receiver(tmp_path / "inbox", *extra, home=home("receiver")) as receiver:
        answers = SenderPeer(receiver.port, "1.8", tls=tls).send(offered)
        assert {answer.status for answer in answers} == {200}
        assert sums(receiver.folder / "tree") == {file.entry["fileName"]: file.sha256
                                                  for file in offered}
