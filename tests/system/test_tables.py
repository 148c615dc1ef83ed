"""The tables of tests (tests/*.md) name every row and only tests that exist. As a program it prints
how many rows and tests each family has."""

import ast
import pathlib
import re
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
NO_TEST = "cannot bite: "


def family(name, last, first=1):
    """The ids of a family's rows."""
    return [f"{name}{number}" for number in range(first, last + 1)]


# The rows that a table has to have, family after family.
TABLES = {
    "TRAPS.md": {"traps": family("", 46)},
    "CONFORMANCE.md": {"PR": family("PR", 39), "PS": family("PS", 14), "PD": family("PD", 6),
                       "S": family("S", 60, first=42)},
}


def system_tests():
    """The names of the tests in this folder."""
    found = set()
    for path in TESTS.glob("system/test_*.py"):
        found |= {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body
                  if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    return found


def unit_tests():
    """The names of the test cases in C++."""
    found = set()
    for path in [*TESTS.glob("unit/**/*.cpp"), *TESTS.glob("net/*.cpp")]:
        text = path.read_text(encoding="utf-8")
        for case in re.findall(r'TEST_CASE\(\s*((?:"[^"]*"\s*)+)', text):
            found.add("".join(re.findall(r'"([^"]*)"', case)))
    return found


def rows_of(table):
    """{id: the last cell} of all rows below a header that begins with "row" or "trap"."""
    found = {}
    for line in (TESTS / table).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|") or len(cells) < 3 or cells[0] in ("row", "trap"):
            continue
        assert cells[0] not in found, f"{table}: {cells[0]} stands there twice"
        found[cells[0]] = cells[-1].strip()
    return found


def named(cell):
    """The tests that a cell names."""
    return [] if cell.startswith(NO_TEST) else re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_there(table):
    """Each once, in order, with tests or with the reason why there are none."""
    rows = rows_of(table)
    assert list(rows) == [row for rows_there in TABLES[table].values() for row in rows_there]
    for row, cell in rows.items():
        assert named(cell) or cell.startswith(NO_TEST), f"{table}: {row} has no test"


@pytest.mark.parametrize("table", TABLES)
def test_every_test_that_is_named_exists(table):
    """As a function of tests/system or as a test case in C++."""
    there = system_tests() | unit_tests()
    missing = [f"{row}: {name}" for row, cell in rows_of(table).items() for name in named(cell)
               if name not in there]
    assert not missing, f"{table} names tests that do not exist"


def test_readme_names_tests_that_exist():
    """Its table of eras says what is tried and by which test."""
    text = (TESTS.parent / "README.md").read_text(encoding="utf-8")
    there = system_tests()
    files = {path.name for path in TESTS.glob("system/test_*.py")}
    for name in re.findall(r"`(test_\w+(?:\.py)?)", text):
        assert name in files or name in there, name


def main():
    """Prints the counts."""
    for table, families in TABLES.items():
        rows = rows_of(table)
        for name, ids in families.items():
            tests = {test for row in ids for test in named(rows[row])}
            tried = sum(bool(named(rows[row])) for row in ids)
            print(f"{table}: {name}: {tried} of {len(ids)} rows tried by {len(tests)} tests")


if __name__ == "__main__":
    sys.exit(main())
