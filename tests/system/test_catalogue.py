"""tests/CATALOGUE.md and the tests say the same."""

import ast
import pathlib
import re

ROWS = [f"R{number}" for number in range(1, 125)] + [f"S{number}" for number in range(1, 61)]
HERE = pathlib.Path(__file__).parent
_ID = re.compile(r"(?<![A-Z0-9])[RS]\d+(?!\d)")


def carried():
    """{row: the tests whose name or first words carry it}."""
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = f"{node.name} {ast.get_docstring(node)}"
                for row in set(_ID.findall(text)):
                    found.setdefault(row, set()).add(f"{path.name}::{node.name}")
    return found


def listed():
    """{row: the tests that the catalogue names, or why there is none}."""
    found = {}
    for line in (HERE.parent / "CATALOGUE.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and _ID.fullmatch(cells[0]):
            assert cells[0] not in found, f"{cells[0]} stands there twice"
            found[cells[0]] = cells[2]
    return found


def test_every_row_of_the_catalogue_has_its_tests():
    """Each row once, with tests that exist and carry its number; or with a reason."""
    catalogue, tests = listed(), carried()
    assert list(catalogue) == ROWS
    for row, cell in catalogue.items():
        named = set(re.findall(r"`([^`]+)`", cell))
        assert named <= tests.get(row, set()), row
        assert named or cell.startswith("not tried: "), row
