"""lsend doctor: each fault is made on purpose, those of the network in a namespace of its own."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from lab.netns import Lab, requires_netns
from lab.process import Receiver, run_lsend

NEED_NFT = pytest.mark.skipif(not shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin"),
                              reason="there is no nft(8)")


@pytest.fixture(name="host")
def _host():
    with Lab(1) as lab:
        yield lab[0]


def checks_of(done):
    """The checks of --json by their names."""
    document = json.loads(done.stdout)
    assert document["type"] == "doctor"
    assert done.returncode in (0, 1), done.stderr
    assert document["ok"] == (done.returncode == 0)
    assert document["exit_code"] == done.returncode
    for check in document["checks"]:
        assert ("remedy" in check) == (check["status"] != "ok"), check
    return {check["check"]: check for check in document["checks"]}


def examine(home, *args, netns=None, **more):
    return checks_of(run_lsend("doctor", "--json", *args, home=home, netns=netns, **more))


@requires_netns
def test_a_healthy_machine(home, host):
    checks = examine(home(), netns=host)
    assert "fail" not in {check["status"] for check in checks.values()}, checks
    assert checks["multicast eth0"]["finding"] == "we hear ourselves"
    assert host.ipv4 in checks["interfaces"]["finding"]
    assert checks["route"]["status"] == "ok"
    text = run_lsend("doctor", home=home(), netns=host)
    assert text.returncode == 0
    for name in ("configuration", "identity", "folder", "disk", "clock", "interfaces", "TCP port",
                 "UDP port", "multicast eth0", "route", "firewall"):
        assert any(line[6:].startswith(name) for line in text.stdout.splitlines()), name


@requires_netns
def test_nothing_is_left_behind(home, host):
    run_lsend("doctor", home=home(), netns=host)
    assert not list(home().iterdir())


@requires_netns
def test_no_interface(home, host):
    host.run("ip", "link", "set", "eth0", "down")
    checks = examine(home(), netns=host)
    assert checks["interfaces"]["status"] == "fail"
    assert "ip link set dev" in checks["interfaces"]["remedy"]
    named = examine(home(), "--interface", "eth9", netns=host)
    assert named["interfaces"]["status"] == "fail"
    assert "eth9" in named["interfaces"]["finding"]


@requires_netns
def test_no_route(home, host):
    host.run("ip", "route", "flush", "224.0.0.0/4")
    route = examine(home(), netns=host)["route"]
    assert route["status"] == "warn"
    assert route["remedy"] == "ip route add 224.0.0.0/4 dev eth0"
    assert run_lsend("doctor", home=home(), netns=host).returncode == 0


@requires_netns
@NEED_NFT
def test_a_firewall_that_drops(home, host):
    host.run("nft", "add table inet f; add chain inet f in { type filter hook input priority 0; "
             "policy drop; }")
    checks = examine(home(), netns=host)
    assert checks["firewall"]["status"] == "warn"
    assert "--dport 53317" in checks["firewall"]["remedy"]
    assert checks["multicast eth0"]["status"] == "fail"
    assert "UDP port 53317" in checks["multicast eth0"]["remedy"]
    host.run("nft", "add rule inet f in udp dport 53317 accept")
    host.run("nft", "add rule inet f in tcp dport 53317 accept")
    mended = examine(home(), netns=host)
    assert mended["firewall"]["status"] == "ok"
    assert mended["multicast eth0"]["status"] == "ok"


@requires_netns
def test_deaf_by_one_family_is_a_warning(home, host):
    host.run("iptables", "-I", "INPUT", "-p", "udp", "-j", "DROP")
    multicast = examine(home(), netns=host)["multicast eth0"]
    assert multicast["status"] == "warn"
    assert "IPv4" in multicast["finding"]


def listener(kind, netns):
    """A program with a port; its pid is printed in the check."""
    script = ("import socket,sys,time\n"
              f"s=socket.socket(socket.AF_INET, socket.{kind})\n"
              "s.bind(('0.0.0.0', 53317))\n"
              "if s.type == socket.SOCK_STREAM: s.listen()\n"
              "print('up', flush=True)\n"
              "time.sleep(60)\n")
    child = subprocess.Popen(["ip", "netns", "exec", str(netns), sys.executable, "-c", script],
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "up\n"
    return child


@requires_netns
@pytest.mark.parametrize("kind, check", [("SOCK_STREAM", "TCP port"), ("SOCK_DGRAM", "UDP port")])
def test_a_port_that_another_program_holds(kind, check, home, host):
    other = listener(kind, host)
    try:
        found = examine(home(), netns=host)[check]
        assert found["status"] == "fail"
        assert f"(pid {other.pid})" in found["finding"]
        if kind == "SOCK_STREAM":
            assert f"kill {other.pid}" in found["remedy"]
            refused = run_lsend("receive", "--auto-accept", home=home(), netns=host)
            assert refused.returncode == 13
            assert f"(pid {other.pid})" in refused.stderr
    finally:
        other.kill()
        other.wait(10)
        other.stdout.close()


def test_a_receiver_of_ours_is_no_fault(home, tmp_path):
    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        port = examine(home("bob"), "--port", receiver.port)["TCP port"]
    assert port["status"] == "ok"
    assert f"lsend (pid {receiver.pid})" in port["finding"]


def test_an_identity_that_others_can_read(home):
    assert run_lsend("info", home=home()).returncode == 0
    file = home() / "identity.pem"
    file.chmod(0o644)
    identity = examine(home())["identity"]
    assert identity["status"] == "fail"
    assert identity["remedy"] == f"chmod 600 '{file}' && chmod 700 '{home()}'"
    subprocess.run(["sh", "-c", identity["remedy"]], check=True)
    assert examine(home())["identity"]["status"] == "ok"


def test_a_clock_that_is_behind(home):
    assert run_lsend("info", home=home()).returncode == 0
    later = time.time() + 30 * 24 * 3600
    os.utime(home() / "identity.pem", (later, later))
    clock = examine(home())["clock"]
    assert clock["status"] == "fail"
    assert "timedatectl" in clock["remedy"]


def test_a_folder_that_is_none_and_a_disk_that_is_full(home, tmp_path):
    (tmp_path / "file").write_text("x")
    folder = examine(home(), env={"LSEND_DIR": tmp_path / "file"})["folder"]
    assert folder["status"] == "fail"
    assert "is no folder" in folder["finding"]
    full = examine(home(), env={"LSEND_DIR": tmp_path, "LSEND_MIN_FREE": "8E"})["disk"]
    assert full["status"] == "fail"
    assert "--min-free" in full["remedy"]
    assert examine(home(), env={"LSEND_DIR": tmp_path / "file" / "none"})["folder"]["status"] == "fail"


@pytest.mark.parametrize("text, place", [("prot = 1\n", ":1:1: "), ("a = = 1\n", ":1:"),
                                         ("[send]\njobs = 0\n", ":2:1: "),
                                         ("[receive]\n\nmax-size = 'x'\n", ":3:1: ")])
def test_a_configuration_with_a_mistake(text, place, home):
    path = home() / "config.toml"
    assert examine(home())["configuration"]["finding"] == "there is no file: all is as built in"
    path.write_text(text)
    wrong = examine(home())["configuration"]
    assert wrong["status"] == "fail"
    assert wrong["finding"].startswith(f"{path}{place}")
    path.write_text("alias = 'fine'\n")
    assert examine(home())["configuration"]["finding"] == str(path)


def test_quiet_leaves_out_what_is_ok(home):
    done = run_lsend("doctor", "--quiet", home=home())
    assert not any(line.startswith("ok ") for line in done.stdout.splitlines())
    assert run_lsend("doctor", "something", home=home()).returncode == 2
