"""``papers list``: each paper, and how its pages stand."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from papers_lib.companion import paths, profiles, provenance, status
from papers_lib.errors import UserError


def title(root: Path, slug: str) -> str:
    """Title of a paper from its claims file, else the notebook's first heading."""
    try:
        text = paths.claims_path(root, slug).read_text(encoding="utf-8")
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (
        Exception
    ):  # PyYAML raises what it likes; `papers run` says what is wrong, a list is no place to stop
        content = None
    if isinstance(content, dict) and content.get("title"):
        return str(content["title"])
    cells = profiles.read_notebook(paths.notebook_path(root, slug))["cells"]
    lines = [
        line for cell in cells if cell["cell_type"] == "markdown" for line in cell["source"].splitlines()
    ]
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), slug)


def age(date: str, now: float | None = None) -> str:
    """Time since an ISO date in UTC, in the largest unit that fits.

    >>> age("1970-01-01T00:00:00Z", now=7200)
    '2 h ago'
    """
    then = datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    seconds = max(0.0, (time.time() if now is None else now) - then)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now"


def outcome_counts(results: Mapping[str, Any] | None) -> str:
    """How many claims came out how, such as ``3 supported, 1 inconclusive``; observations are not among them."""
    counts = Counter(str(c["outcome"]) for c in (results or {}).get("claims", []) if c.get("kind") == "claim")
    return ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())


def pages(root: Path, slug: str) -> list[tuple[str, str, str]]:
    """Report folder, state with age, and claim outcomes of each page of a paper, profile by profile."""
    found = []
    folders = [p for p in (root / "reports").glob("*") if p.is_dir()]
    order = {name: i for i, name in enumerate(paths.PROFILES)}
    for out in sorted(folders, key=lambda p: (order.get(p.name.split("-")[0], len(order)), p.name)):
        run = status.read(out, slug)
        try:
            manifest = provenance.read_manifest(out, slug)
        except UserError as error:
            found.append((out.name, str(error), ""))
            continue
        if manifest is None and run is None:
            continue
        said = [f"page of {age(manifest['date'])}"] if manifest is not None else ["no page"]
        if run is not None and run["state"] == "running":
            said.append(f"running since {run['start']}")
        elif run is not None and run["state"] != "succeeded":
            said.append(f"last run {run['state']}, {age(run.get('end', run['start']))}")
            said += [run["message"]] if run["message"] else []
        counts = outcome_counts(provenance.read_json(out / f"{slug}.results.json"))
        found.append((out.name, "; ".join(said), counts))
    return found
