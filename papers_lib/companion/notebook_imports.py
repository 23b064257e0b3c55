"""Which of our modules a notebook imports, found by reading its cells."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError

_OURS = ("papers_lib", "data_gen")


def _is_module(name: str) -> bool:
    """Whether a dotted name is a source file of ours, and not a thing inside one; imports nothing."""
    base = Path(__file__).resolve().parents[2].joinpath(*name.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def _imports(source: str, where: str) -> Iterator[str]:
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)  # magics are no Python
    try:
        tree = ast.parse(plain)
    except SyntaxError as error:
        raise UserError(f"{where}, line {error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(notebook: Mapping[str, Any], where: str) -> list[str]:
    """Modules of ``papers_lib`` and ``data_gen`` that the code cells of a notebook import, sorted."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names = {
        n for i, cell in enumerate(cells, 1) for n in _imports(cell["source"], f"{where}: code cell {i}")
    }
    return sorted(name for name in names if name.split(".")[0] in _OURS and _is_module(name))
