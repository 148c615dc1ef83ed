#!/usr/bin/env python3
"""Adds up JUnit files and prints "N passed, N failed[, N skipped]". Fails when a test failed or none ran.

X.again.xml has the second try of tests that are in X.xml: what passes there has passed, and is named.
With --few-failed FILE it prints nothing and succeeds when a second try of FILE is worth it: one to five tests
failed, and none of them with a sanitizer's report, which is true however rarely it comes.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

MOST_AGAIN = 5
AGAIN = ".again"
SANITIZER = re.compile(r"ERROR: \w*Sanitizer|runtime error:|SanitizerReport")


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def read(path):
    """{test: outcome}; a test that failed and whose tidying up failed too is there twice."""
    found = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        if found.get(test) != "failed":
            found[test] = outcome_of(case)
    return found


def few_failed(path):
    failed = list(read(path).values()).count("failed")
    return 0 < failed <= MOST_AGAIN and not SANITIZER.search(pathlib.Path(path).read_text("utf-8", "replace"))


def main():
    if sys.argv[1] == "--few-failed":
        return 0 if few_failed(sys.argv[2]) else 1
    paths = sorted(map(pathlib.Path, sys.argv[1:]), key=lambda path: path.stem.endswith(AGAIN))
    results, second = {}, []
    for path in paths:
        again = path.stem.endswith(AGAIN)
        group = path.stem.removesuffix(AGAIN)
        for test, outcome in read(path).items():
            if again and outcome == "passed" and results.get((group, test)) == "failed":
                second.append(test)
            if again and outcome == "skipped" and results.get((group, test)) == "failed":
                continue
            results[group, test] = outcome
    if second:
        print("passed at the second try (timing):", *second, sep="\n  ")
    counts = [list(results.values()).count(outcome) for outcome in ("passed", "failed", "skipped")]
    print(f"{counts[0]} passed, {counts[1]} failed" + (f", {counts[2]} skipped" if counts[2] else ""))
    return 1 if counts[1] or not counts[0] else 0


if __name__ == "__main__":
    sys.exit(main())
