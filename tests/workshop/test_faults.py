"""Every test that the list of faults names exists."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAULTS = (ROOT / "docs" / "faults.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_every_test_that_is_named_is_there():
    named = NAMED.findall(FAULTS)
    gone = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists() or (name and name not in names_in(file))
    ]

    assert named
    assert gone == []


def test_every_fault_names_a_test():
    rows = [
        line
        for line in FAULTS.splitlines()
        if line.startswith("| ") and not line.startswith("| what goes wrong")
    ]

    assert [row for row in rows if not NAMED.search(row)] == []
