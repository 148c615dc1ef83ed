"""The JSON Schema, and that what --json prints keeps to it.

lab.process holds every output of --json in every test against it; here are the schema itself and
what other tests do not print.
"""

import base64
import json
import os
import subprocess

import jsonschema
import pytest

from lab import schema
from lab.process import Receiver, binary, environment, run_lsend


def events(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_program_prints_the_schema_of_the_repository(home):
    done = run_lsend("--json-schema", home=home())
    assert done.returncode == 0
    assert done.stdout == schema.PATH.read_text(encoding="utf-8")
    assert run_lsend("send", "--json-schema", home=home()).stdout == done.stdout


def test_the_schema_is_one():
    text = json.loads(schema.PATH.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(text)
    for name, form in text["$defs"].items():
        if form.get("type") == "object":
            assert form["additionalProperties"] is False, name
            assert set(form["required"]) <= set(form["properties"]), name


def test_the_schema_is_strict():
    good = {"v": 1, "type": "warning", "ts": "2026-01-02T03:04:05.678Z", "message": "x"}
    schema.check_object(good)
    whole = jsonschema.Draft202012Validator(json.loads(schema.PATH.read_text(encoding="utf-8")))
    assert whole.is_valid(good)
    for bad in ({**good, "more": 1}, {**good, "v": 2}, {**good, "type": "other"},
                {**good, "ts": "yesterday"}, {key: good[key] for key in ("v", "type", "ts")}):
        assert not whole.is_valid(bad)
        with pytest.raises(schema.SchemaBreach):
            schema.check_object(bad)


def test_the_last_line_is_the_result(home, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with Receiver(tmp_path / "in", "--json", "--once", home=home("bob")) as receiver:
        done = run_lsend("send", receiver.target, tmp_path / "a.txt", "--json", home=home("alice"))
        assert done.returncode == 0
        assert receiver.wait() == 0
        received = receiver.events()
    sent = events(done)
    assert sent[-1]["type"] == received[-1]["type"] == "result"
    assert sent[-1]["ok"] and received[-1]["ok"]
    assert {"target", "file", "result"} <= {event["type"] for event in sent}
    assert {"ready", "request", "file", "session", "result"} <= {event["type"]
                                                                for event in received}


def test_an_error_says_what_to_do(home, tmp_path):
    done = run_lsend("send", "127.0.0.1:1", "-m", "hi", "--json", home=home())
    assert done.returncode == 5
    error, result = events(done)[-2:]
    assert error["type"] == "error"
    assert (error["code"], error["exit_code"], error["temporary"]) == ("unreachable", 5, True)
    assert "lsend doctor" in error["hint"]
    assert (result["type"], result["ok"], result["exit_code"]) == ("result", False, 5)


@pytest.mark.parametrize("words", [("discover", "--count", "x"), ("info", "a", "b"),
                                   ("send",), ("receive",), ("discover", "--watch", "--count", "1")],
                         ids=" ".join)
def test_wrong_usage_is_json_too(words, home):
    done = run_lsend(*words, "--json", home=home())
    assert done.returncode == 2
    assert events(done)


def test_queries_print_one_document(home):
    for words in (("discover", "--timeout", "100ms", "--no-scan"), ("info",),
                  ("info", "127.0.0.1:1")):
        done = run_lsend(*words, "--json", home=home())
        assert len(events(done)) == 1, words


def test_a_name_that_is_no_utf8_is_also_there_in_base64(home, tmp_path):
    name = b"caf\xe9.txt"
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(b"x")

    with Receiver(tmp_path / "in", home=home("bob")) as receiver:
        done = subprocess.run([binary(), "send", receiver.target, path, "--json"], timeout=60,
                              env=environment(home("alice")), capture_output=True, check=False)
    text = done.stdout.decode("ascii")
    schema.check_output(text)
    file, = [json.loads(line) for line in text.splitlines() if '"type":"file"' in line]
    assert file["name"] == "caf\ufffd.txt"
    assert base64.b64decode(file["name_b64"]) == name
