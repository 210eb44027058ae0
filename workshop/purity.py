"""A rule for import-linter: a module whose docstring says "Pure." only computes.

Such a module imports the standard library, other pure modules and those named in `also_pure`, so
it cannot reach a database, the clock or the settings. The docstring marks the module; there is no
list.
"""

import ast
import re
import sys
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

# Modules of the standard library that reach the outside world.
IMPURE = {"asyncio", "io", "os", "pathlib", "random", "secrets", "socket", "sqlite3", "subprocess"}
IMPURE |= {"http", "threading", "time", "urllib"}


class PureContract(Contract):
    """Modules that call themselves pure import only pure modules."""

    also_pure: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - the base class names it
        """Broken if a pure module imports an impure one."""
        root = self.session_options["root_packages"][0]
        pure = {name for name in graph.modules if name.startswith(root) and is_pure(name)}
        allowed = pure | set(self.also_pure) | (sys.stdlib_module_names - IMPURE)
        faults = [
            (module, imported)
            for module in sorted(pure)
            for imported in sorted(graph.find_modules_directly_imported_by(module))
            if imported not in allowed
        ]
        return ContractCheck(kept=not faults, metadata={"faults": faults, "pure": pure})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each forbidden import."""
        for module, imported in check.metadata["faults"]:
            output.print_error(f"{module} calls itself pure and imports {imported}")


def is_pure(module: str) -> bool:
    """Whether the docstring of a module of this project holds the sentence "Pure."."""
    path = Path(*module.split(".")).with_suffix(".py")
    if not path.exists():
        return False
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return re.search(r"\bPure\.(\s|$)", docstring) is not None
