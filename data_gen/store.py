"""Synthetic data sets made once and kept in a folder named by what made them."""

import ast
import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.files import replacing_folder
from papers_lib.sweep import module_digest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PACKAGES = ("data_gen", "papers_lib.datasets")
"""Imports followed by the fingerprint: the generators, and the layouts that they write."""


def ensure(folder: str | Path, name: str, spec: "DataclassInstance", writer: Callable[..., Any]) -> Path:
    """Folder of the data set ``name`` that ``writer(path, spec)`` makes; written only where absent.

    The folder is ``FOLDER/NAME-FINGERPRINT``. It appears whole or not at all, so one that is there is
    complete; of two callers at once both may write, one wins, and both get the same content.
    """
    root = Path(folder) / f"{name}-{fingerprint(spec, writer)}"
    if not root.is_dir():
        with replacing_folder(root) as temporary:
            writer(temporary, spec)
    return root


def fingerprint(spec: "DataclassInstance", writer: Callable[..., Any]) -> str:
    """16 hexadecimal digits over the type and values of ``spec`` and the code behind ``writer``.

    The code is the syntax trees, without docstrings, of the module that defines ``writer`` and of all
    modules of ``PACKAGES`` that it imports, directly or through others.
    """
    while isinstance(writer, functools.partial):
        writer = writer.func
    source = Path(inspect.getfile(writer)).resolve()
    made_by = {
        "spec": {type(spec).__name__: asdict(spec)},
        "code": sorted(module_digest(path) for path in _sources(source)),
    }
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:16]


def _sources(source: Path) -> set[Path]:
    """``source`` and the modules of ``PACKAGES`` it needs, found by reading, not by importing."""
    found, waiting = {source}, [source]
    while waiting:
        for path in _imported(waiting.pop()):
            if path not in found:
                found.add(path)
                waiting.append(path)
    return found


def _imported(source: Path) -> list[Path]:
    top = Path(__file__).resolve().parent.parent
    names: list[str] = []
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import module` names a module, `from module import function` does not.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [top / f"{name.replace('.', '/')}.py" for name in names if name.startswith(PACKAGES)]
    return [path for path in paths if path.is_file()]
