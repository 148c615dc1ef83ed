"""scripts/count_results.py: each test counts once, and a second try is for clocks only."""

import subprocess
import sys

import pytest

from lab.process import ROOT

SCRIPT = ROOT / "scripts" / "count_results.py"
FAILED = '<failure message="late">TimeoutError: it is late</failure>'
REPORT = '<failure message="x">lab.process.SanitizerReport: ERROR: AddressSanitizer: heap</failure>'


def count(*words):
    return subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True,
                          timeout=30, check=False)


@pytest.fixture
def junit(tmp_path):
    """junit(name, {test: what is in it}) writes a file and gives its path."""
    def write(name, *cases):
        path = tmp_path / name
        inside = "".join(f'<testcase classname="c" name="{test}">{text}</testcase>' for test, text in cases)
        path.write_text(f"<testsuites><testsuite>{inside}</testsuite></testsuites>")
        return path

    return write


def test_all_kinds_are_counted(junit):
    done = count(junit("a.xml", ("one", ""), ("two", "<skipped/>"), ("three", FAILED), ("three", "<error/>")),
                 junit("b.xml", ("one", "")))
    assert (done.returncode, done.stdout) == (1, "2 passed, 1 failed, 1 skipped\n")
    done = count(junit("a.xml", ("one", "")))
    assert (done.returncode, done.stdout) == (0, "1 passed, 0 failed\n")
    assert count(junit("a.xml")).returncode == 1


def test_a_second_try_counts_once_and_is_named(junit):
    first = junit("a.xml", ("one", ""), ("two", FAILED), ("three", FAILED))
    done = count(junit("a.again.xml", ("two", ""), ("three", "")), first)
    assert (done.returncode, done.stdout) == (
        0, "passed at the second try (timing):\n  c::two\n  c::three\n3 passed, 0 failed\n")
    done = count(first, junit("a.again.xml", ("two", ""), ("three", FAILED)))
    assert done.returncode == 1 and done.stdout.endswith("\n2 passed, 1 failed\n")
    done = count(first, junit("a.again.xml", ("two", ""), ("three", "<skipped/>")))
    assert done.returncode == 1 and done.stdout.endswith("\n2 passed, 1 failed\n")


@pytest.mark.parametrize("failed, text, worth", [(0, FAILED, False), (1, FAILED, True), (5, FAILED, True),
                                                 (6, FAILED, False), (1, REPORT, False)])
def test_what_is_worth_a_second_try(junit, failed, text, worth):
    path = junit("a.xml", ("good", ""), *((f"bad{number}", text) for number in range(failed)))
    assert count("--few-failed", path).returncode == (0 if worth else 1)
