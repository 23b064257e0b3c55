"""What a folder of data is: a short name for its content, and whether it was generated."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from papers_lib.datasets.row_file import read_json
from papers_lib.errors import UserError

TEXT = (".csv", ".json", ".txt", ".xml")
LARGEST_TEXT = 64 * 2**20  # bytes


def tree_fingerprint(root: str | Path) -> str:
    """SHA-256 over path and size of all files below ``root`` but hidden ones, and content of text to 64 MiB."""
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected a data set")
    digest = hashlib.sha256()
    count = 0
    try:
        for relative, size, path in sorted(_files(str(root))):
            content = ""
            if relative.lower().endswith(TEXT) and size <= LARGEST_TEXT:
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            digest.update(json.dumps([relative, size, content]).encode() + b"\n")
            count += 1
    except OSError as error:
        raise UserError(f"{error.filename or root}: cannot be read ({error.strerror or error})") from error
    if not count:
        raise UserError(f"{root}: found no file, expected a data set")
    return digest.hexdigest()


def _files(root: str) -> Iterator[tuple[str, int, str]]:
    """Relative path, size and path of each file below ``root``, in no particular order."""

    def stop(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(root, onerror=stop, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (os.path.join(folder, name) for name in names if not name.startswith(".")):
            yield os.path.relpath(path, root).replace(os.sep, "/"), os.stat(path).st_size, path


def data_kind(root: Path) -> Literal["synthetic data", "real data"]:
    """What ``dataset.json`` under ``root`` says, which generated sets have; real data where there is none."""
    described = root / "dataset.json"
    made = described.is_file() and read_json(described, "an object with the kind of the data")
    return "synthetic data" if made and made.get("kind") == "synthetic data" else "real data"
