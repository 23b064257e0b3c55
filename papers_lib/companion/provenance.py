"""The manifest of a page: what it is made of, by what code, on which machine, and the hash of each file.

``SLUG.manifest.json`` holds slug, profile, ``record`` (of a recorded run) · files: name → {sha256, bytes} ·
components, what the results depend on (``staleness``) · digests of the renderer, of ``SLUG_files/executed.ipynb``,
which stays on the machine that ran it, and of the claim rules · commit, and whether tracked files outside reports/
differed from it · date (UTC) · device, machine (``machine.described``), libraries · seeds · wall_seconds of the
notebook, cached runs as they came · the command that makes the page · parameters, a data root by its last name only
· data: set → fingerprint.

No absolute path, host name or user name is in it.
"""

import hashlib
import json
import shlex
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from papers_lib import files
from papers_lib.errors import UserError

SCHEMA = 1
# What the companion reads back; a manifest without one of them was not written by it.
REQUIRED = [
    *("slug", "profile", "files", "components", "renderer", "executed_sha256", "rules_sha256"),
    *("date", "device", "libraries", "wall_seconds", "command", "parameters"),
]
PUBLISHED = ("html", "results.json", "claims.md", "timings.json")  # suffixes of SLUG; the last is optional


def now() -> str:
    """This second in UTC, as ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_state(root: Path) -> tuple[str, bool]:
    """Commit and whether tracked files outside ``reports/`` differ from it; ("", False) outside git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)reports")
        return git("rev-parse", "HEAD"), bool(changed)
    except (OSError, subprocess.SubprocessError):
        return "", False


def shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters fit for a published file: ``data_root`` and its like lose the path, which names a machine.

    >>> shown({"seeds": 5, "data_root": "/home/anna/voc", "voc_root": ""})
    {'seeds': 5, 'data_root': 'voc', 'voc_root': ''}
    """
    return {k: Path(v).name if k.endswith("_root") and v else v for k, v in parameters.items()}


def command(slug: str, profile: str, changed: Mapping[str, Any], record: str | None) -> str:
    """The command that makes the page: the profile and whatever the command line set on top of it.

    >>> command("pylon", "full", {"epochs": 3, "data_root": "/home/anna/voc"}, None)
    'papers run pylon --profile full --set epochs=3 --data-root voc'
    """
    words = ["papers", "run", slug, "--profile", profile]
    for name, value in shown(changed).items():
        text = value if isinstance(value, str) else json.dumps(value)
        options = {"device": "--device", "jobs": "--jobs", "data_root": "--data-root"}
        words += [options[name], text] if name in options else ["--set", f"{name}={text}"]
    return shlex.join([*words, *(["--record", record] if record else [])])


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if the file is missing or holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_manifest(out: Path, slug: str) -> dict[str, Any] | None:
    """The manifest of a page in a report folder; None where there is none of this schema.

    Raises:
        UserError: it lacks something that every manifest has.
    """
    manifest = read_json(out / f"{slug}.manifest.json")
    if manifest is None or manifest.get("schema") != SCHEMA:
        return None
    wrong = [name for name in REQUIRED if name not in manifest]
    wrong += [n for n in ("files", "components", "device") if not isinstance(manifest.get(n, {}), dict)]
    if wrong:
        raise UserError(
            f"{out.name}/{slug}.manifest.json: malformed ({', '.join(wrong)}); run the page again"
        )
    return manifest


def file_entries(out: Path, slug: str) -> dict[str, dict[str, Any]]:
    """Hash and size of each published file of a page that is there (the manifest itself aside)."""
    found = [out / f"{slug}.{suffix}" for suffix in PUBLISHED if (out / f"{slug}.{suffix}").is_file()]
    return {path.name: {"sha256": sha256(path), "bytes": path.stat().st_size} for path in found}


def damaged(out: Path, slug: str, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Published files that are absent or not those of the manifest, each with what is wrong."""
    entries, wrong = manifest["files"], {}
    for name in sorted(
        {*(f"{slug}.{suffix}" for suffix in PUBLISHED[:3]), *file_entries(out, slug), *entries}
    ):
        if not (out / name).is_file():
            wrong[name] = f"{name} is missing"
        elif name not in entries:
            wrong[name] = f"{name} is not in the manifest"
        elif sha256(out / name) != entries[name]["sha256"]:
            wrong[name] = f"{name} is not the one that was written"
    return wrong


def write_manifest(out: Path, manifest: Mapping[str, Any]) -> Path:
    """Write ``SLUG.manifest.json`` into ``out``, atomically and sorted, with the hashes of the files that are there."""
    slug = str(manifest["slug"])
    return files.write_json(out / f"{slug}.manifest.json", {**manifest, "files": file_entries(out, slug)})
