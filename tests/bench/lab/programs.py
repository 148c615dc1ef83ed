"""Who transfers: lsend, the reference and the opponents.

Each gives a server's command, knows when it listens, and gives the client's command. Servers are
started for one transfer, so that what both ends cost is known.
"""

import os
import pathlib
import shlex
import socket
import subprocess

from lab.meter import BenchError, wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(run):
    """Is the port of this transfer listened at? Asked of the kernel, so that no server sees it."""
    words = ["ss", "-Hltn", f"sport = :{run.port}"]
    if run.link.server_ns:
        words = ["ip", "netns", "exec", run.link.server_ns, *words]
    return subprocess.run(words, capture_output=True, check=True, timeout=10).stdout.strip()


class Program:
    """A way to transfer. `run` has .source .target .link .port .folder, and .keys for identities."""

    name = ""
    encrypted = True

    def server(self, run):
        raise NotImplementedError

    def client(self, run):
        raise NotImplementedError

    def ready(self, run):
        return listens(run)

    def prepare(self, run):
        """Untimed, before the server starts."""

    def environment(self, run, end):
        return None


class Lsend(Program):
    def __init__(self, binary, name="lsend", send=(), receive=()):
        self.name, self._binary = name, binary
        self._send, self._receive = send, receive

    def environment(self, run, end):
        home = run.keys / f"lsend-{end}"
        if not home.exists():
            home.mkdir(mode=0o700)
            subprocess.run([self._binary, "info"], env=_lsend_home(home), check=True, timeout=30,
                           capture_output=True)
        return _lsend_home(home)

    def server(self, run):
        run.ready_file.unlink(missing_ok=True)
        return [self._binary, "receive", "-q", "--auto-accept", "--dir", run.target, "--port",
                run.port, "--interface", run.link.interface, "--ready-file", run.ready_file,
                "--alias", "bench", *self._receive]

    def ready(self, run):
        return run.ready_file.exists()

    def client(self, run):
        return [self._binary, "send", "-q", f"{run.link.address}:{run.port}", run.source, "--port",
                "0", "--interface", run.link.interface, *self._send]


def _lsend_home(home):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSEND_")}
    return {**kept, "LSEND_HOME": str(home)}


class Reference(Program):
    """OpenSSL on sockets, one file; see reference.cpp."""

    name = "minimal OpenSSL"

    def __init__(self, tools):
        self._program = tools / "reference"

    def server(self, run):
        run.ready_file.unlink(missing_ok=True)
        return [self._program, "receive", run.ready_file, run.target / run.source.name]

    def ready(self, run):
        if run.ready_file.exists():
            run.port = int(run.ready_file.read_text())
            return True
        return False

    def client(self, run):
        return [self._program, "send", run.port, run.source]


class OverSsh(Program):
    """What scp and rsync over ssh share: an sshd of our own with keys of its own."""

    def prepare(self, run):
        keys = run.keys / "ssh"
        if not keys.exists():
            keys.mkdir(mode=0o700)
            for key in ("host", "user"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / key],
                               check=True, timeout=30)
            (keys / "authorized").write_text((keys / "user.pub").read_text())
        # Where sshd, started as root, confines what is not yet logged in.
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        (run.keys / "sshd_config").write_text(
            f"Port {run.port}\nListenAddress {run.link.address}\nHostKey {keys}/host\n"
            f"AuthorizedKeysFile {keys}/authorized\nStrictModes no\nPidFile none\nUseDNS no\n"
            f"UsePAM {'yes' if os.geteuid() == 0 else 'no'}\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
            "PrintMotd no\nPrintLastLog no\nSubsystem sftp internal-sftp\n")

    def server(self, run):
        return ["/usr/sbin/sshd", "-D", "-e", "-f", run.keys / "sshd_config"]

    def options(self, run):
        keys = run.keys / "ssh"
        return ["-F", "none", "-i", keys / "user", "-o", "IdentitiesOnly=yes", "-o",
                "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                "LogLevel=ERROR"]


class Scp(OverSsh):
    name = "scp"

    def client(self, run):
        return ["scp", "-q", "-r", *self.options(run), "-P", run.port, run.source,
                f"{run.link.address}:{run.target}/"]


class RsyncSsh(OverSsh):
    name = "rsync over ssh"

    def client(self, run):
        shell = shlex.join(map(str, ["ssh", "-p", run.port, *self.options(run)]))
        return ["rsync", "-rt", "-e", shell, run.source, f"{run.link.address}:{run.target}/"]


class RsyncDaemon(Program):
    name = "rsync daemon"
    encrypted = False

    def server(self, run):
        config = run.keys / "rsyncd.conf"
        root = "uid = root\ngid = root\n" if os.geteuid() == 0 else ""
        config.write_text(f"use chroot = no\nreverse lookup = no\n{root}[in]\npath = {run.target}\n"
                          "read only = no\n")
        return ["rsync", "--daemon", "--no-detach", f"--config={config}", f"--port={run.port}",
                f"--address={run.link.address}", "--log-file=/dev/null"]

    def client(self, run):
        return ["rsync", "-rt", run.source, f"rsync://{run.link.address}:{run.port}/in/"]


class CurlNginx(Program):
    """curl's PUT into nginx over TLS, many files in parallel over kept-alive connections."""

    name = "curl into nginx"
    parallel = 8

    def prepare(self, run):
        keys = run.keys / "nginx"
        if not keys.exists():
            keys.mkdir()
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                            "2", "-subj", "/CN=bench", "-keyout", keys / "key.pem", "-out",
                            keys / "cert.pem"], check=True, capture_output=True, timeout=60)
        spool = run.target.parent / f"{run.target.name}-nginx"
        spool.mkdir()
        user = "user root;" if os.geteuid() == 0 else ""
        # The request's body goes to a file of the same file system and is renamed into place.
        (keys / "nginx.conf").write_text(
            f"daemon off; {user} worker_processes auto; pid {keys}/pid; error_log stderr;\n"
            "events { worker_connections 512; }\n"
            "http { access_log off; client_max_body_size 0; client_body_buffer_size 256k;\n"
            f" client_body_temp_path {spool}; keepalive_requests 1000000;\n"
            + "".join(f" {kind}_temp_path {keys}/{kind};" for kind in
                      ("proxy", "fastcgi", "uwsgi", "scgi")) +
            f"\n server {{ listen {run.link.address}:{run.port} ssl;\n"
            f"  ssl_certificate {keys}/cert.pem; ssl_certificate_key {keys}/key.pem;\n"
            f"  location / {{ root {run.target}; dav_methods PUT; create_full_put_path on; }} }} }}\n")
        if run.source.is_dir():
            self._list(run)

    def _list(self, run):
        lines = []
        for path in sorted(run.source.rglob("*")):
            if path.is_file():
                name = path.relative_to(run.source.parent)
                lines += [f'upload-file = "{path}"',
                          f'url = "https://{run.link.address}:{run.port}/{name}"']
        (run.keys / "curl.list").write_text("\n".join(lines) + "\n")

    def server(self, run):
        return ["/usr/sbin/nginx", "-c", run.keys / "nginx" / "nginx.conf", "-p",
                run.keys / "nginx", "-e", "stderr"]

    def client(self, run):
        common = ["curl", "-q", "-s", "-S", "-k", "-f"]
        if run.source.is_dir():
            return [*common, "-Z", "--parallel-max", self.parallel, "-K", run.keys / "curl.list"]
        return [*common, "-T", run.source,
                f"https://{run.link.address}:{run.port}/{run.source.name}"]


def wait_for(program, run, server):
    """Until the server listens; BenchError with its own words when it ends before."""

    def look():
        if not server.alive():
            raise BenchError(f"{program.name}: the server ended: {server.log()}")
        return program.ready(run)

    wait_until(look, f"{program.name} was not ready")
