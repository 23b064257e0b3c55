"""Whether a page still follows from what made it, and if not, why; whether its files are those that were written.

The results depend on the notebook's cells, the claims file with the printed numbers beside it, the parameters, the
code that the cells import, real data sets (if any) and the library versions. The manifest keeps each, so that a stale
page can say which one changed. The number of jobs is left out (a run has one thread and its own seed), and of a data
root only the data count.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from papers_lib.companion import parameters as notebooks
from papers_lib.companion import paths, provenance
from papers_lib.companion.results import portable
from papers_lib.errors import UserError

MAX_PAGE_BYTES = 1_500_000


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _hashes(files: Iterable[Path]) -> dict[str, str]:
    return {path.name: provenance.sha256(path) for path in sorted(files) if path.is_file()}


def imported(cells: list[dict[str, Any]], root: Path) -> list[str]:
    """Our own modules that the code cells of a notebook import, without importing them; magics are skipped."""
    found = set()
    for cell in cells:
        source = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell["source"], flags=re.MULTILINE)
        try:
            nodes = list(ast.walk(ast.parse(source))) if cell["cell_type"] == "code" else []
        except (SyntaxError, ValueError):
            continue  # the run will say so
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    folders = (Path(__file__).resolve().parents[2], root, root / "notebooks")
    tails = (".py", "/__init__.py")
    return [
        name for name in sorted(found)
        if any(Path(f"{folder}/{name.replace('.', '/')}{tail}").is_file() for folder in folders for tail in tails)
    ]  # fmt: skip


def inputs(root: Path, slug: str, parameters: Mapping[str, Any], device: str) -> dict[str, Any]:
    """What the results of a run depend on, part by part. Raises: UserError, a file or data root cannot be read."""
    from papers_lib.datasets.fingerprint import tree_fingerprint
    from papers_lib.sweep import code_digest

    cells = notebooks.read_notebook(paths.notebook_path(root, slug))["cells"]
    claims = paths.claims_path(root, slug)
    if not claims.is_file():
        raise UserError(f"notebooks/{slug}/claims.yaml: there is no such claims file")
    roots = {name: value for name, value in parameters.items() if name.endswith("_root")}
    others = {name: value for name, value in parameters.items() if name not in {"jobs", *roots}}
    return {
        "notebook": _digest([[c["cell_type"], c["source"], sorted(notebooks.tags(c))] for c in cells]),
        "claims": _digest([provenance.sha256(claims), _hashes((claims.parent / "printed").glob("*"))]),
        "parameters": {**others, "device": device},
        "code": _digest(code_digest(imported(cells, root), without=())),
        "data": {name: tree_fingerprint(Path(found)) for name, found in roots.items() if found},
        "libraries": provenance.library_versions(),
    }


def renderer_digest(root: Path, out: Path, slug: str, record: str | None) -> str:
    """Digest of renderer, templates, timings and recorded results (but a run's own): no reason to execute again."""
    from papers_lib.sweep import code_digest

    shown = _hashes([*paths.recorded_folder(root).glob(f"{slug}.*.json"), out / f"{slug}.timings.json"])
    shown.pop(f"{slug}.{record}.json", None)
    code = code_digest(["papers_lib.companion.render"], without=())
    return _digest([code, _hashes((Path(__file__).parent / "templates").rglob("*")), shown])


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why results made from the inputs ``old`` do not follow from ``new``; empty if they do.

    >>> base = {"parameters": {"epochs": 4}, "code": "1", "notebook": "2"}
    >>> changes(base, {**base, "parameters": {"epochs": 5}, "code": "2"})
    ['parameters changed (epochs)', 'code changed']
    """
    why = []
    for name, after in new.items():
        before: Any = old.get(name)
        if before != after:
            both = isinstance(before, dict) and isinstance(after, dict)
            keys = sorted(k for k in {**before, **after} if before.get(k) != after.get(k)) if both else []
            why.append(f"{name} changed ({', '.join(keys)})" if keys else f"{name} changed")
    return why


@dataclass(frozen=True)
class Plan:
    """What ``papers run`` will do about one page."""

    slug: str
    profile: str
    record: str | None
    out: Path
    chosen: notebooks.NotebookParameters
    inputs: dict[str, Any]
    command: str
    renderer: str
    force: bool = False  # runs in the cache are computed again, too
    backend: str = "processes"  # what carries the runs of its sweeps; nothing depends on it
    action: Literal["run", "render", "nothing"] = "run"
    reasons: list[str] = field(default_factory=list)  # why; empty for nothing

    @property
    def shown(self) -> dict[str, Any]:
        """The parameters without folders of this machine."""
        return {name: portable(value) for name, value in self.chosen}


def make_plan(
    root: Path, slug: str, profile: str, *, options: Mapping[str, Any], settings: list[str],
    force: bool = False, record: str | None = None, backend: str = "processes",
) -> Plan:  # fmt: skip
    """Check the parameters of one page and decide what it needs.

    Raises: UserError, something is not as it must be, or another run would take the published page's place.
    """
    chosen = notebooks.resolve(root, slug, profile, options, settings)
    base = dict(notebooks.resolve(root, slug, profile))
    changed = {name: value for name, value in chosen if value != base[name]}
    other = sorted(set(changed) - {"jobs", "device"})
    if profile == "full" and record is None and other:
        raise UserError(
            f"{slug}: reports/full holds the published page, found another {', '.join(other)}; "
            "add --record NAME to keep this run beside it"
        )
    found = inputs(root, slug, dict(chosen), provenance.device_type(chosen.device))
    out = paths.report_folder(root, profile, record)
    renderer = renderer_digest(root, out, slug, record)
    action, reasons = _needed(out, slug, found, renderer)
    if force:
        action, reasons = "run", ["forced"]
    command = provenance.command(slug, profile, changed, record)
    return Plan(slug, profile, record, out, chosen, found, command, renderer, force, backend, action, reasons)


def _needed(
    out: Path, slug: str, new: Mapping[str, Any], renderer: str
) -> tuple[Literal["run", "render", "nothing"], list[str]]:
    """Whether the notebook must run again, or the page be rendered again, and why."""
    manifest = provenance.read_manifest(out, slug)
    if manifest is None:
        return "run", ["no page yet"]
    wrong = provenance.damaged(out, slug, manifest)
    shown = [wrong.pop(f"{slug}.html")] if f"{slug}.html" in wrong else []
    why = [*changes(manifest.get("inputs", {}), new), *wrong.values()]
    if manifest["renderer"] != renderer:
        shown.append("the page's template, timings or recorded results changed")
    executed = out / f"{slug}_files" / "executed.ipynb"
    there = executed.is_file() and provenance.sha256(executed) == manifest["executed_sha256"]
    if shown and not why and not there:
        why = ["the executed notebook is not on this machine"]
    return "run" if why else "render" if shown else "nothing", why + shown


def check_page(root: Path, slug: str, profile: str) -> tuple[list[str], list[str]]:
    """Problems of one published page, a line each, and what changed since it was made, which is none."""
    out = paths.report_folder(root, profile)
    manifest = provenance.read_manifest(out, slug)
    if manifest is None:
        return [f"{slug}: no page in reports/{out.name}; run: papers run {slug} --profile {profile}"], []
    problems, page = [*provenance.damaged(out, slug, manifest).values()], out / f"{slug}.html"
    problems += page_problems(page) if page.is_file() else []
    parameters = dict(notebooks.resolve(root, slug, profile))
    later = changes(manifest.get("inputs", {}), inputs(root, slug, parameters, manifest["device"]["type"]))
    return [f"{slug}: {line}" for line in problems], [f"{slug}: {x} since the page was made" for x in later]


def page_problems(page: Path) -> Iterator[str]:
    """What is wrong with an HTML file: missing, too large, or it would make a request."""
    from papers_lib.companion.render import refuse_requests

    if not page.is_file():
        yield f"{page.parent.name}/{page.name} is missing"
        return
    if (size := page.stat().st_size) > MAX_PAGE_BYTES:
        yield f"{page.name} has {size / 1e6:.2f} MB; at most {MAX_PAGE_BYTES / 1e6:.1f} MB"
    try:
        refuse_requests(page.read_text(encoding="utf-8"), page.stem)
    except UserError as error:
        yield str(error)
