"""A web page in a headless Chromium, and what went over the wire for it."""

import json
import shutil
import sys
import urllib.parse

from lab.files import make_file

from .program import Foreign, run

PROGRAM = shutil.which("chromium")
_WEB_PORT = 8000
_OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--no-first-run", "--virtual-time-budget=20000", "--dump-dom"]


def visit(host, home, page, timeout=120):
    """Serves the page from the host itself, opens it there and gives (DOM, exchanges).

    An exchange is [request line, request headers, status line, response headers].
    """
    folder, log = home / "www", home / "net.json"
    make_file(folder / "index.html", page)
    with Foreign(host, home, sys.executable, "-m", "http.server", str(_WEB_PORT), "--bind",
                 host.ipv4, "--directory", folder) as server:
        server.wait_for_text("Serving")
        done = run(host, home, PROGRAM, *_OPTIONS, f"--user-data-dir={home / 'profile'}",
                   f"--log-net-log={log}", f"http://{host.ipv4}:{_WEB_PORT}/", timeout=timeout)
    assert done.returncode == 0, done.stdout
    return done.stdout, _exchanges(json.loads(log.read_text(encoding="utf-8")))


def _exchanges(log):
    """Requests with their answers, from Chromium's own log of the network."""
    types = log["constants"]["logEventTypes"]
    sent = types["HTTP_TRANSACTION_SEND_REQUEST_HEADERS"]
    read = types["HTTP_TRANSACTION_READ_RESPONSE_HEADERS"]
    found = {}
    for event in log["events"]:
        headers = event.get("params", {}).get("headers")
        if headers and event["type"] == sent:
            line = urllib.parse.unquote(event["params"]["line"]).strip()
            found[event["source"]["id"]] = [line, headers, "", []]
        elif headers and event["type"] == read:
            found[event["source"]["id"]][2:] = [headers[0], headers[1:]]
    return list(found.values())
