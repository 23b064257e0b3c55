"""Synthetic data sets made once and kept in a folder named by what made them."""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.files import replacing_folder
from papers_lib.sweep import code_digest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


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

    The code is the module that defines ``writer`` and what it imports of ours, without docstrings.
    """
    while isinstance(writer, functools.partial):
        writer = writer.func
    made_by = {
        "spec": {type(spec).__name__: asdict(spec)},
        "code": sorted(code_digest([writer.__module__]).values()),
    }
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:16]
