"""lsend and LocalSend implementations by other people, in both roles, each on its own host."""

import json
import shutil

import pytest

from lab import files
from lab.netns import Lab, requires_netns
from lab.process import Receiver, run_lsend, wait_until
from real import browser, install
from real.implementations import IMPLEMENTATIONS, OUR_ALIAS, PORT, Daemon, Npm
from real.program import run

pytestmark = requires_netns

MESSAGE = "hello \"w\u00f6rld\"\nsecond line"
PIN = "4711"


def network():
    """Two hosts."""
    with Lab(2, prefix=28) as made:
        # PyPI's localsend looks for the interface of the default route. Nothing is forwarded.
        made[1].run("ip", "route", "add", "default", "via", made[0].ipv4)
        yield made


@pytest.fixture(scope="module")
def lab():
    """The network of tests that start what they need on it."""
    yield from network()


@pytest.fixture(scope="module")
def shared_lab():
    """The network of the implementation that receives in many tests."""
    yield from network()


@pytest.fixture
def island():
    """Two hosts without a route to anywhere else: a browser does not wait for answers."""
    with Lab(2, prefix=28) as made:
        yield made


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """What is sent."""
    folder = tmp_path_factory.mktemp("sources")
    names = ["one file.bin", "photos/a.jpg", "photos/b \u00fc%+.txt", "photos/deep/c.bin"]
    files.make_named(folder, names)
    files.make_big(folder / "large.bin", 5_000_000, step=1 << 20)
    files.make_file(folder / "empty.dat")
    return folder


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def peer(request):
    """Each implementation in turn; a test is skipped when it cannot be installed."""
    return IMPLEMENTATIONS[request.param]()


class Running:
    """An implementation that receives, and lsend as its sender."""

    def __init__(self, lab, peer, folder, own_home):
        self.lab = lab
        self.peer = peer
        self.folder = folder
        self.own_home = own_home

    def lsend(self, command, *words, code=0):
        done = run_lsend(command, *words, home=self.own_home, netns=self.lab[0])
        assert done.returncode == code, done.stderr
        return done

    def send(self, *words, code=0):
        return self.lsend("send", self.lab[1].ipv4, *words, code=code)


@pytest.fixture(scope="module")
def receiving(shared_lab, peer, tmp_path_factory):
    """The implementation receives on the second host, and accepts everything."""
    home = tmp_path_factory.mktemp("foreign")
    with peer.receive(shared_lab[1], home) as program:
        running = Running(shared_lab, peer, peer.folder(home), tmp_path_factory.mktemp("own"))
        running.program = program
        yield running


@pytest.fixture
def foreign_home(tmp_path):
    """A home for a program that runs in one test."""
    path = tmp_path / "foreign"
    path.mkdir()
    return path


def check_stored(running, name, path):
    """The peer stored that content under that name (some answer 200 before they have)."""
    wanted = files.digest(path)
    stored = running.folder / name
    wait_until(lambda: stored.exists() and files.digest(stored) == wanted, what=f"{stored}")


# --- lsend finds and sends -----------------------------------------------------------------------


def test_PD2_lsend_finds_it(receiving):
    """PD2: with its alias, its address and the protocol that it speaks."""
    done = receiving.lsend("discover", "--json", "--count", "1", "--timeout", "15s")
    [device] = json.loads(done.stdout)["devices"]
    assert device["alias"].startswith(receiving.peer.alias)
    assert device["endpoints"] == [{"protocol": "https" if receiving.peer.secure else "http",
                                    "address": receiving.lab[1].ipv4, "port": PORT}]


def test_PS6_lsend_sends_a_file_by_alias(receiving, sources):
    """PS6: found by its name; HTTP gets a warning, HTTPS none."""
    done = receiving.lsend("send", "--wait", "15s", receiving.peer.alias, sources / "one file.bin")
    assert ("plain HTTP" in done.stderr) is not receiving.peer.secure
    check_stored(receiving, "one file.bin", sources / "one file.bin")


@pytest.mark.parametrize("option", ["--checksum", "--no-checksum"])
def test_PS14_lsend_sends_a_large_file(receiving, sources, option, tmp_path):
    """PS14: with a sha256 announced and without."""
    name = f"large{option}.bin"
    large = tmp_path / name
    large.write_bytes((sources / "large.bin").read_bytes())
    receiving.send(option, large)
    check_stored(receiving, name, large)


def test_PS13_lsend_sends_a_folder(receiving, sources):
    """PS13: several files at a time, names with folders; some peers drop the folders."""
    receiving.send("--jobs", "4", sources / "photos")
    for path in sources.glob("photos/**/*.*"):
        name = path.relative_to(sources) if receiving.peer.keeps_folders else path.name
        check_stored(receiving, name, path)


def test_PS2_lsend_sends_an_empty_file(receiving, sources):
    """PS2, PS8: stored where the peer can; its refusal is reported as what it was."""
    if receiving.peer.keeps_empty:
        receiving.send(sources / "empty.dat")
        check_stored(receiving, "empty.dat", sources / "empty.dat")
        return
    done = receiving.send(sources / "empty.dat", code=1)
    assert "answered 500" in done.stderr
    assert not (receiving.folder / "empty.dat").exists()
    receiving.send(sources / "photos/a.jpg", "--prefix", "after-the-failure")


def test_PS2_lsend_sends_a_message(receiving):
    """PS2: no such peer answers 204 to a message: its text is stored as a file, or shown."""
    before = set(files.paths_below(receiving.folder))
    done = receiving.send("-m", MESSAGE)
    assert "message sent" in done.stderr

    def new():
        return set(files.paths_below(receiving.folder)) - before

    if receiving.peer.shows_messages:
        receiving.program.wait_for_text(json.dumps(MESSAGE))
        assert not new()
        return
    [name] = wait_until(new, what="a new file")
    assert name.endswith(".txt")
    text = receiving.folder / name
    wait_until(lambda: text.read_text(encoding="utf-8") == MESSAGE, what="its text")


def test_PS3_lsend_gives_the_pin(lab, peer, foreign_home, home, sources):
    """PS3: 401 without a PIN and with a wrong one, nothing stored; stored with the right one."""
    if not peer.pin:
        pytest.skip("it has no PIN")
    with peer.receive(lab[1], foreign_home, pin=PIN):
        for words, code in (([], 7), (["--pin", "1"], 7), (["--pin", PIN], 0)):
            done = run_lsend("send", *words, lab[1].ipv4, sources / "one file.bin", home=home(),
                             netns=lab[0])
            assert done.returncode == code, done.stderr
            stored_now = (peer.folder(foreign_home) / "one file.bin").exists()
            assert stored_now is (code == 0)


# --- lsend is found and receives -----------------------------------------------------------------


def test_PD2_it_finds_lsend(lab, peer, foreign_home, home, tmp_path):
    """PD2: by its announcement, our answer to it, or its scan."""
    with Receiver(tmp_path / "in", home=home(), netns=lab[0], interface=None, port=PORT,
                  alias=OUR_ALIAS):
        found = peer.find(lab[1], foreign_home)
        if found is None:
            pytest.skip("it cannot search")
        assert found == {OUR_ALIAS}


@pytest.mark.parametrize("options", [[], ["--http"]], ids=["https", "http"])
def test_PR9_PR20_PR27_PR28_it_sends_files(lab, peer, foreign_home, home, sources, tmp_path,
                                          options):
    """PR9, PR20, PR27, PR28, PR37: a large, a small and an empty file, in its own framing."""
    secure = not options or not peer.sends_to_http  # HTTPS is served on the same port as HTTP
    paths = [sources / "large.bin", sources / "photos" / "b \u00fc%+.txt", sources / "empty.dat"]
    with Receiver(tmp_path / "in", *options, "--json", home=home(), netns=lab[0], interface=None,
                  port=PORT, alias=OUR_ALIAS) as receiver:
        code, said = peer.send(lab[1], foreign_home, lab[0].ipv4, paths, secure,
                               over=lambda path: (receiver.folder / path.name).exists())
        assert code == 0, said
        got = files.tree(receiver.folder, times=False)
        for path in paths:
            assert got[path.name] == files.digest(path)
        # Some send again at each announcement, and are ended by then.
        whole = {sha256 for name, sha256 in got.items() if not name.startswith(".lsend/")}
        assert whole == {files.digest(path) for path in paths}
        requests = [event for event in receiver.events() if event["type"] == "request"]
        assert {event["device"]["alias"].split("@")[0] for event in requests} \
            <= {peer.alias, "TypeScript Sender"}
        assert {event["verified"] for event in requests} == {peer.certificate and secure}


def test_PR16_it_sends_with_a_pin(lab, peer, foreign_home, home, sources, tmp_path):
    """PR16: refused with a wrong PIN, and stored with the right one."""
    if not peer.sends_pin:
        pytest.skip("its sender knows no PIN")
    path = sources / "one file.bin"
    with Receiver(tmp_path / "in", "--pin", PIN, home=home(), netns=lab[0], interface=None,
                  port=PORT, alias=OUR_ALIAS) as receiver:
        code, said = peer.send(lab[1], foreign_home, lab[0].ipv4, [path], True, pin="1")
        assert code != 0, said
        assert files.tree(receiver.folder) == {}
        code, said = peer.send(lab[1], foreign_home, lab[0].ipv4, [path], True, pin=PIN)
        assert code == 0, said
        assert files.tree(receiver.folder, times=False) == {path.name: files.digest(path)}


# --- what only one of them does ------------------------------------------------------------------


def test_PS3_localsendd_declines(lab, foreign_home, home, sources):
    """PS3: with nobody attached to it, it declines at once."""
    daemon = Daemon()
    with daemon.receive(lab[1], foreign_home, unattended=False):
        done = run_lsend("send", lab[1].ipv4, sources / "one file.bin", home=home(), netns=lab[0])
    assert done.returncode == 8, done.stderr
    assert files.tree(daemon.folder(foreign_home)) == {}


def test_PR24_npm_sends_large_files_in_parts(lab, foreign_home, home, tmp_path):
    """PR24: above 50 MiB it posts parts with X-Content-Range, which is no LocalSend: refused."""
    path = files.make_big(tmp_path / "huge.bin", (50 << 20) + 1)
    with Receiver(tmp_path / "in", home=home(), netns=lab[0], interface=None, port=PORT,
                  alias=OUR_ALIAS) as receiver:
        code, said = Npm().send(lab[1], foreign_home, lab[0].ipv4, [path], True)
        assert code == 1 and "Failed to upload chunk: 0-10485759, Status: 400" in said
        assert files.tree(receiver.folder) == {}
        assert receiver.popen.poll() is None


def test_PS8_localsend_cli_breaks_on_a_new_folder(lab, foreign_home, home, sources):
    """PS8: it hangs up on a file in a folder that it does not have; the others arrive."""
    cli = IMPLEMENTATIONS["localsend-cli"]()
    with cli.receive(lab[1], foreign_home):
        done = run_lsend("send", lab[1].ipv4, sources / "photos" / "deep", sources / "one file.bin",
                         home=home(), netns=lab[0])
    assert done.returncode == 10, done.stderr
    assert "failed: deep/c.bin" in done.stderr
    got = files.tree(cli.folder(foreign_home), times=False)
    assert got == {"one file.bin": files.digest(sources / "one file.bin")}


# --- programs that everybody has, by plain HTTP --------------------------------------------------

API = "/api/localsend/v2/"
CURL = """
set -e
reply=$(curl -sS --fail --max-time 20 --json "$2" "$1/prepare-upload")
session=$(printf %s "$reply" | sed 's/.*"sessionId":"\\([^"]*\\)".*/\\1/')
token=$(printf %s "$reply" | sed 's/.*"f":"\\([^"]*\\)".*/\\1/')
curl -sS --fail --max-time 20 -X POST -T "$3" "$1/upload?sessionId=$session&fileId=f&token=$token"
"""


def offer(path):
    """What a script writes by hand."""
    return {"info": {"alias": "script", "version": "2.1", "fingerprint": "script", "port": PORT,
                     "protocol": "http"},
            "files": {"f": {"id": "f", "fileName": path.name, "size": path.stat().st_size,
                            "fileType": "application/octet-stream"}}}


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_PR20_curl_by_http(lab, foreign_home, home, sources, tmp_path):
    """PR20: two calls of curl in a shell script are a sender."""
    path = sources / "large.bin"
    with Receiver(tmp_path / "in", "--http", home=home(), netns=lab[0], interface=None,
                  port=PORT) as receiver:
        done = run(lab[1], foreign_home, "sh", "-c", CURL, "sh",
                   f"http://{lab[0].ipv4}:{PORT}{API[:-1]}", json.dumps(offer(path)), path)
        assert done.returncode == 0, done.stdout
        assert files.tree(receiver.folder, times=False) == {path.name: files.digest(path)}


def test_PR20_requests_by_http(lab, foreign_home, home, sources, tmp_path):
    """PR20: python's requests in its defaults."""
    python = install.venv("requests", "requests==2.32.5") / "python3"
    path = sources / "large.bin"
    script = ("import json, sys, requests\n"
              "base, offer, path = sys.argv[1:]\n"
              "reply = requests.post(base + 'prepare-upload', json=json.loads(offer)).json()\n"
              "query = {'sessionId': reply['sessionId'], 'fileId': 'f',"
              " 'token': reply['files']['f']}\n"
              "with open(path, 'rb') as file:\n"
              "    print(requests.post(base + 'upload', params=query, data=file).status_code)\n")
    with Receiver(tmp_path / "in", "--http", home=home(), netns=lab[0], interface=None,
                  port=PORT) as receiver:
        done = run(lab[1], foreign_home, python, "-c", script,
                   f"http://{lab[0].ipv4}:{PORT}{API}", json.dumps(offer(path)), path)
        assert done.stdout == "200\n"
        assert files.tree(receiver.folder, times=False) == {path.name: files.digest(path)}


# --- a web page ----------------------------------------------------------------------------------

PAGE = """<!doctype html><meta charset="utf-8"><title>elsewhere</title><body>waiting<script>
const base = "http://ADDRESS", offer = JSON.stringify(OFFER), form = new FormData();
form.append("file", new Blob(["evil"]), "evil.txt");
const tries = [
  ["/api/localsend/v2/prepare-upload", {body: offer}],
  ["/api/localsend/v2/prepare-upload", {body: offer, mode: "no-cors"}],
  ["/api/localsend/v2/prepare-upload",
   {body: offer, headers: {"Content-Type": "application/json"}}],
  ["/api/localsend/v1/send-request", {body: offer}],
  ["/api/localsend/v2/register", {body: JSON.stringify(OFFER.info)}],
  ["/api/localsend/v2/cancel", {}],
  ["/api/send", {body: form, mode: "no-cors"}],
  ["/api/clipboard", {body: JSON.stringify({text: "evil"}), mode: "no-cors"}],
];
(async () => {
  const said = [];
  for (const [path, options] of tries) {
    try { said.push((await fetch(base + path, {method: "POST", ...options})).type); }
    catch (error) { said.push(error.name); }
  }
  document.body.textContent = "said: " + said.join(" ");
})();
</script>"""


@pytest.mark.skipif(not browser.PROGRAM, reason="there is no chromium")
def test_R114_a_web_page_is_refused(island, foreign_home, home, sources, tmp_path):
    """R114: a page of another origin hears 403 for every POST, without a CORS header."""
    page = PAGE.replace("ADDRESS", f"{island[0].ipv4}:{PORT}") \
        .replace("OFFER", json.dumps(offer(sources / "large.bin")))
    with Receiver(tmp_path / "in", "--http", "--json", home=home(), netns=island[0], interface=None,
                  port=PORT) as receiver:
        shown, exchanges = browser.visit(island[1], foreign_home, page)
        assert ("said: TypeError opaque TypeError TypeError TypeError TypeError opaque opaque"
                in shown), shown
        posts = [exchange for exchange in exchanges if exchange[0].startswith("POST ")]
        assert len(posts) == 7, exchanges
        assert {status for _, _, status, _ in posts} == {"HTTP/1.1 403 Forbidden"}
        [preflight] = [exchange for exchange in exchanges if exchange[0].startswith("OPTIONS ")]
        assert preflight[2].split()[1] in ("403", "404", "405")
        for _, _, _, headers in [*posts, preflight]:
            assert not [line for line in headers if line.lower().startswith("access-control-")]
        assert files.tree(receiver.folder) == {}
        assert {event["type"] for event in receiver.events()} == {"ready", "warning"}
        done = run_lsend("send", "--http", island[0].ipv4, sources / "empty.dat",
                         home=home("other"), netns=island[1])
        assert done.returncode == 0, done.stderr
