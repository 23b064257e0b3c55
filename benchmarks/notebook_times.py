"""Seconds a notebook: as the pages of this checkout say, or measured by running it from an empty cache."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from papers_lib.companion import paths
from papers_lib.companion.provenance import command, read_manifest
from papers_lib.errors import UserError

PROFILES = ("smoke", "quick")  # may be measured: the published pages of full are not overwritten here
Call = Callable[..., subprocess.CompletedProcess]


def table(device: str = "cpu", measured: str = "", *, root: Path | None = None) -> list[dict[str, Any]]:
    """A row a page that its profile alone made, and a row a whole profile's time that stands beside a page.

    Args: measured, profile whose notebooks are run now; "" for none.
    """
    root = root or paths.repo_root()
    found = [row for slug in paths.slugs(root) for row in _of_pages(root, slug)]
    return found + (measure(root, measured, device) if measured else [])


def _of_pages(root: Path, slug: str) -> list[dict[str, Any]]:
    rows = []
    for profile in ("quick", "full"):
        folder = paths.report_folder(root, profile)
        manifest = read_manifest(folder, slug)
        if manifest and manifest["command"] == command(slug, profile, {}, None):
            what = f"{slug}, profile {profile}: its notebook as last run here, runs read that the cache had"
            size = f"page of {manifest['date'][:10]}, {manifest['device'].get('name', '')}"
            rows.append(_row(f"{slug}_{profile}", what, size, manifest["wall_seconds"]))
    timings = paths.report_folder(root, "full") / f"{slug}.timings.json"
    beside = json.loads(timings.read_text(encoding="utf-8"))["rows"] if timings.is_file() else []
    for number, row in enumerate(one for one in beside if "minutes" in one):
        what = f"{slug}: {row['step'].removesuffix(' (minutes)')}"
        rows.append(_row(f"{slug}_{number}", what, row["network"], 60 * row["minutes"]))
    return rows


def measure(
    root: Path, profile: str, device: str, call: Call = subprocess.run, slugs: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Run every notebook of a profile with folders of its own for data and results; its pages go where they belong.

    Raises: UserError, a profile that is not measured here, or a notebook that failed.
    """
    if profile not in PROFILES:
        raise UserError(f"--notebooks {profile}: expected one of {', '.join(PROFILES)}")
    rows = []
    for slug in slugs or paths.slugs(root):
        words = [sys.executable, "-m", "papers_lib.companion.cli", "run", slug, "--profile", profile]
        words += ["--force", "--device", device]
        with tempfile.TemporaryDirectory(prefix="papers-benchmark-") as folder:
            own = {"PAPERS_CACHE": f"{folder}/cache", "PAPERS_DATA": f"{folder}/data"}
            start = time.perf_counter()
            done = call(words, cwd=root, env={**os.environ, **own}, stdout=subprocess.DEVNULL, check=False)
            seconds = time.perf_counter() - start
        if done.returncode:
            raise UserError(f"papers run {slug} --profile {profile}: exit code {done.returncode}, expected 0")
        what = f"{slug}, profile {profile}: papers run with no data and an empty cache"
        rows.append(_row(f"{slug}_{profile}_empty", what, "", seconds))
    return rows


def _row(key: str, what: str, size: str, seconds: float) -> dict[str, Any]:
    return {"key": key, "step": what, "network": "", "size": size, "value": round(seconds, 1), "unit": "s"}
