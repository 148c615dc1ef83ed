"""Hosts on a bridge, each a network namespace: nothing of the real network is touched."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time

import pytest

_DAD_TIMEOUT = 10.0
_counter = itertools.count()


def _run(*words, check=True, timeout=20):
    return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, check=check,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout)


def _why_not():
    """Why this machine cannot make a lab; empty when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "there is no ip(8)"
    if not os.path.exists("/proc/sys/net/ipv6"):
        return "the kernel has no IPv6"
    try:
        with Lab(1):
            return ""
    except (OSError, subprocess.SubprocessError) as error:
        return f"network namespaces do not work here: {getattr(error, 'stderr', error)}".strip()


class Host:
    """A namespace with one interface, eth0."""

    def __init__(self, name, ipv4):
        self.name = name
        self.ipv4 = ipv4
        self.ipv6 = ""

    def __str__(self):
        return self.name

    def run(self, *command, check=True, timeout=20):
        """Runs a command on this host."""
        return _run("ip", "netns", "exec", self.name, *command, check=check, timeout=timeout)

    def addresses(self):
        """The addresses of eth0, as `ip -json` describes them."""
        listed = json.loads(_run("ip", "-n", self.name, "-json", "addr", "show", "eth0").stdout)
        return listed[0]["addr_info"]

    def wait_for_ipv6(self):
        """Waits until the link-local address may be used (duplicate detection is done)."""
        limit = time.monotonic() + _DAD_TIMEOUT
        while time.monotonic() < limit:
            usable = [entry["local"] for entry in self.addresses()
                      if entry["family"] == "inet6" and entry["scope"] == "link"
                      and not entry.get("tentative")]
            if usable:
                self.ipv6 = usable[0]
                return
            time.sleep(0.05)
        raise OSError(f"{self.name} has no link-local address after {_DAD_TIMEOUT} s")


class Lab:
    """n hosts, 10.77.0.1 and up; a context manager that always removes them again."""

    def __init__(self, hosts, prefix=16):
        self._stem = f"lst{os.getpid():x}n{next(_counter)}"
        self._switch = self._stem + "sw"
        self._prefix = prefix
        self._made = []
        self.hosts = [Host(f"{self._stem}h{i}", f"10.77.0.{i + 1}") for i in range(hosts)]

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def __getitem__(self, index):
        return self.hosts[index]

    def __len__(self):
        return len(self.hosts)

    def _add_namespace(self, name):
        _run("ip", "netns", "add", name)
        self._made.append(name)
        _run("ip", "-n", name, "link", "set", "lo", "up")

    def _build(self):
        self._add_namespace(self._switch)
        _run("ip", "-n", self._switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", 0)
        _run("ip", "-n", self._switch, "link", "set", "br0", "up")
        for number, host in enumerate(self.hosts):
            self._add_host(number, host)
        for host in self.hosts:
            host.wait_for_ipv6()

    def _add_host(self, number, host):
        self._add_namespace(host.name)
        plug = f"p{number}"
        _run("ip", "-n", self._switch, "link", "add", plug, "type", "veth", "peer", "name", "eth0",
             "netns", host.name)
        _run("ip", "-n", self._switch, "link", "set", plug, "master", "br0", "up")
        _run("ip", "-n", host.name, "addr", "add", f"{host.ipv4}/{self._prefix}", "dev", "eth0")
        _run("ip", "-n", host.name, "link", "set", "eth0", "up")
        _run("ip", "-n", host.name, "route", "add", "224.0.0.0/4", "dev", "eth0")

    def _remove(self):
        for name in reversed(self._made):
            with contextlib.suppress(subprocess.SubprocessError):
                _run("ip", "netns", "delete", name, check=False)
        self._made = []


_REASON = _why_not()
requires_netns = pytest.mark.skipif(bool(_REASON), reason=_REASON or "namespaces work")
