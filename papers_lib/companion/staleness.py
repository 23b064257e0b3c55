"""Whether a page still follows from what made it, and if not, why.

The results depend on the notebook's cells, its parameters ("config"), the code that it imports, the claims file with
the printed numbers beside it, recorded results, real data sets (if any), the device type and the library versions. The
manifest keeps each, so that a stale page can say which one moved. The number of jobs is left out (a run has one thread
and its own seed), and so are the parameters ``device`` and ``…_root``: the device type and the data stand for them.
"""

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from papers_lib.companion import machine, paths, profiles, provenance
from papers_lib.errors import UserError

Action = Literal["run", "render", "nothing"]


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def imported(cells: list[dict[str, Any]], where: str, root: Path) -> list[str]:
    """Our own modules that the code cells of a notebook import; magics are skipped, nothing is imported.

    Raises:
        UserError: a cell is no Python; the line begins with ``where`` and its number.
    """
    found = set()
    for number, cell in enumerate((cell for cell in cells if cell["cell_type"] == "code"), 1):
        try:
            tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", cell["source"], flags=re.MULTILINE))
        except (SyntaxError, ValueError) as error:
            line = " ".join(str(error).split())
            raise UserError(f"{where}: code cell {number}: is not Python ({line})") from error
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    folders = (Path(__file__).resolve().parents[2], root, root / "notebooks")
    places = [(name, [folder.joinpath(*name.split(".")) for folder in folders]) for name in sorted(found)]
    return [
        name
        for name, bases in places
        if any(base.with_suffix(".py").is_file() or (base / "__init__.py").is_file() for base in bases)
    ]


def renderer_digest() -> str:
    """Digest of the renderer's code and templates: a change of these alone needs no new execution."""
    from papers_lib.sweep.digest import code_digest

    templates = sorted(p for p in (Path(__file__).parent / "templates").rglob("*") if p.is_file())
    code = code_digest(["papers_lib.companion.render"], without=())
    return digest([code, {path.name: provenance.sha256(path) for path in templates}])


def components(
    root: Path, slug: str, parameters: Mapping[str, Any], record: str | None = None
) -> dict[str, Any]:
    """What the results of a run depend on, each part named (see the module).

    Raises:
        UserError: the notebook, the claims file or a data root cannot be read.
    """
    from papers_lib.datasets.fingerprint import tree_fingerprint
    from papers_lib.sweep.digest import code_digest

    notebook = profiles.read_notebook(paths.notebook_path(root, slug))
    cells, claims = notebook["cells"], paths.claims_path(root, slug)
    if not claims.is_file():
        raise UserError(f"notebooks/{slug}/claims.yaml: there is no such claims file")
    modules = imported(cells, f"{slug}.ipynb", root)
    printed = [claims, *sorted(path for path in (claims.parent / "printed").glob("*") if path.is_file())]
    recorded = [  # a recorded run does not wait for its own results
        path for path in sorted(paths.recorded_folder(root).glob(f"{slug}.*.json"))
        if path.name != f"{slug}.{record}.json"
    ]  # fmt: skip
    roots = {name: str(value) for name, value in parameters.items() if name.endswith("_root")}
    stood_for = {"jobs", "device", *roots}
    return {
        "notebook": digest([[c["cell_type"], c["source"], sorted(profiles.tags(c))] for c in cells]),
        "config": {name: value for name, value in parameters.items() if name not in stood_for},
        "code": digest(code_digest(modules, without=())),
        "claims": digest([provenance.sha256(path) for path in printed]),
        "recorded results": digest([provenance.sha256(path) for path in recorded]),
        "data": {name: tree_fingerprint(Path(found)) for name, found in roots.items() if found},
        "device": machine.device_type(str(parameters.get("device", "cpu"))),
        "libraries": machine.library_versions(),
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why results made with ``old`` components do not follow from ``new`` ones; empty if they do.

    >>> base = {"config": {"epochs": 4}, "code": "1", "device": "cpu"}
    >>> differences(base, {**base, "config": {"epochs": 5}, "code": "2"})
    ['config changed (epochs)', 'code changed']
    """
    why = []
    for name in new:
        before: Any = old.get(name)
        after = new[name]
        if before != after:
            both = isinstance(before, dict) and isinstance(after, dict)
            moved = sorted(k for k in {**before, **after} if before.get(k) != after.get(k)) if both else []
            why.append(f"{name} changed ({', '.join(moved)})" if moved else f"{name} changed")
    return why


@dataclass(frozen=True)
class Plan:
    """What ``papers run`` will do about one page."""

    slug: str
    profile: str
    record: str | None
    out: Path
    parameters: dict[str, Any]
    changed: dict[str, Any]  # those set on the command line
    components: dict[str, Any]
    renderer: str
    action: Action
    reasons: list[str]  # why; empty for nothing
    force: bool = False  # runs in the cache are computed again, too
    backend: str = "loky"  # what carries the runs of its sweeps; nothing depends on it


def judge(out: Path, slug: str, new: Mapping[str, Any], renderer: str) -> tuple[Action, list[str]]:
    """What the page in ``out`` needs, and why."""
    try:
        manifest = provenance.read_manifest(out, slug)
    except UserError as error:
        return "run", [str(error)]
    if manifest is None:
        return "run", ["no page yet"]
    wrong = provenance.damaged(out, slug, manifest)
    shown = (f"{slug}.html", f"{slug}.timings.json")  # timings are measured apart, for the page
    why = differences(manifest["components"], new) + [
        text for name, text in wrong.items() if name not in shown
    ]
    if why:
        return "run", why
    reasons = [
        *wrong.values(),
        *(["the page's template changed"] if manifest["renderer"] != renderer else []),
    ]
    executed = out / f"{slug}_files" / "executed.ipynb"
    if reasons and not (executed.is_file() and provenance.sha256(executed) == manifest["executed_sha256"]):
        return "run", [*reasons, "the executed notebook is not on this machine"]
    return ("render", reasons) if reasons else ("nothing", [])


def make_plan(
    root: Path, slug: str, profile: str, *, options: Mapping[str, Any], settings: list[str],
    force: bool = False, record: str | None = None, backend: str = "loky",
) -> Plan:  # fmt: skip
    """Validate the parameters of one page and decide what it needs.

    Raises:
        UserError: a parameter, file or device that is not as it must be, or another run than the profile's
            own would take the place of the published page.
    """
    parameters = profiles.resolve(root, slug, profile, options, settings)
    base = profiles.resolve(root, slug, profile)
    changed = {name: value for name, value in parameters.items() if value != base[name]}
    other = sorted(set(changed) - {"jobs", "device"})
    if profile == "full" and record is None and other:
        raise UserError(
            f"{slug}: reports/full holds the published page, found another {', '.join(other)}; "
            "add --record NAME to keep this run beside it"
        )
    parts, renderer = components(root, slug, parameters, record), renderer_digest()
    out = paths.report_folder(root, profile, record)
    action, reasons = judge(out, slug, parts, renderer)
    if force:
        action, reasons = "run", ["forced"]
    return Plan(
        slug, profile, record, out, parameters, changed, parts, renderer, action, reasons, force, backend
    )  # fmt: skip
