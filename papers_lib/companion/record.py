"""Recorded results: a run on data or a device that the repository does not have, kept without its pictures.

``reports/full/recorded/SLUG.NAME.json`` is written only by ``papers run --record NAME``; no number is typed.
"""

import re
from pathlib import Path

from papers_lib import files
from papers_lib.companion import paths, provenance
from papers_lib.errors import UserError

_NAME = re.compile(r"[a-z0-9_-]+")
_PROVENANCE = [
    *("profile", "commit", "dirty", "date", "device", "machine", "libraries", "seeds", "wall_seconds"),
    *("command", "parameters", "rules_sha256", "key"),
]
_RESULTS = ("evidence", "data", "values", "tables", "claims")


def checked_name(name: str) -> str:
    """``name`` if it can be part of a file name.

    Raises:
        UserError: it has other characters than a-z, 0-9, _ and -.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"--record {name}: expected lower-case letters, digits, _ and - only")
    return name


def write(root: Path, out: Path, slug: str, name: str) -> Path:
    """Write the recorded results of the run published in ``out``, provenance first.

    Raises:
        UserError: the run left no results, or the folder cannot be written to.
    """
    manifest = provenance.read_manifest(out, slug)
    results = provenance.read_json(out / f"{slug}.results.json")
    if manifest is None or results is None:
        raise UserError(f"{slug}: {out.name} holds no results to record as {name}")
    content = {key: manifest[key] for key in _PROVENANCE if key in manifest}
    content |= {key: results[key] for key in _RESULTS if key in results}
    path = paths.recorded_folder(root) / f"{slug}.{checked_name(name)}.json"
    return files.write_json(path, {"schema": 1, "slug": slug, "name": name, **content})
