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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from papers_lib.companion import machine, paths, profiles, provenance
from papers_lib.errors import UserError

Action = Literal["run", "render", "nothing"]
_PACKAGES = Path(__file__).resolve().parents[2]  # the folder that holds papers_lib and data_gen


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_digest(sources: Mapping[str, str], root: Path) -> str:
    """Digest of our own source files that the sources import, directly or through others; nothing is imported.

    Args:
        sources: where → Python text; magics of a notebook are skipped.
        root: the checkout, whose ``notebooks`` hold the papers' packages.

    Raises:
        UserError: a source is no Python; the line begins with where.
    """
    waiting = [name for where, text in sources.items() for name in _imports(text, where)]
    found: dict[str, str] = {}
    for name in waiting:  # grows while it is read
        path = _source(name, root)
        if path is None or str(path) in found:
            continue
        found[str(path)] = name.removesuffix(".__init__") + provenance.sha256(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [_absolute(one, package) for one in _of_file(path, path.stat().st_mtime_ns)]
        waiting += [package] if package else []
    return digest(sorted(found.values()))


def _absolute(name: str, package: str) -> str:
    dots = len(name) - len(name.lstrip("."))
    return (
        ".".join([*package.split(".")[: len(package.split(".")) - dots + 1], name[dots:]]) if dots else name
    )


@cache
def _of_file(path: Path, mtime_ns: int) -> list[str]:
    return list(_imports(path.read_text(encoding="utf-8"), path.name))


def _imports(text: str, where: str) -> Iterator[str]:
    try:
        tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", text, flags=re.MULTILINE))
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{where}: is not Python ({' '.join(str(error).split())})") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}{'' if base.endswith('.') else '.'}{alias.name}" for alias in node.names)


def _source(module: str, root: Path) -> Path | None:
    """The source file of a module of ours; None for any other, and for a thing inside a module."""
    for folder in (_PACKAGES, root / "notebooks"):
        base = folder.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
    return None


def renderer_digest(root: Path) -> str:
    """Digest of the renderer's code and templates: a change of these alone needs no new execution."""
    templates = sorted(p for p in (Path(__file__).parent / "templates").rglob("*") if p.is_file())
    code = code_digest({"renderer": "import papers_lib.companion.render"}, root)
    return digest([code, {path.name: provenance.sha256(path) for path in templates}])


def components(
    root: Path, slug: str, parameters: Mapping[str, Any], record: str | None = None
) -> dict[str, Any]:
    """What the results of a run depend on, each part named (see the module).

    Raises:
        UserError: the notebook, the claims file or a data root cannot be read.
    """
    from papers_lib.datasets.fingerprint import tree_fingerprint

    notebook = profiles.read_notebook(paths.notebook_path(root, slug))
    cells, claims = notebook["cells"], paths.claims_path(root, slug)
    if not claims.is_file():
        raise UserError(f"notebooks/{slug}/claims.yaml: there is no such claims file")
    code = {f"{slug}.ipynb: code cell {i}": cell["source"] for i, cell in enumerate(_code(cells), 1)}
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
        "code": code_digest(code, root),
        "claims": digest([provenance.sha256(path) for path in printed]),
        "recorded results": digest([provenance.sha256(path) for path in recorded]),
        "data": {name: tree_fingerprint(Path(found)) for name, found in roots.items() if found},
        "device": machine.device_type(str(parameters.get("device", "cpu"))),
        "libraries": machine.library_versions(),
    }


def _code(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [cell for cell in cells if cell["cell_type"] == "code"]


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
    """What ``papers run`` will do about one page.

    Attributes:
        slug, profile, record: which page.
        out: its report folder.
        parameters: all of them, validated.
        changed: those set on the command line.
        components, renderer: the state it will be made from.
        action: run the notebook, render the page again, or nothing.
        reasons: why; empty for nothing.
        force: whether the runs in the cache are computed again, too.
        backend: what carries the runs of its sweeps; nothing depends on it.
    """

    slug: str
    profile: str
    record: str | None
    out: Path
    parameters: dict[str, Any]
    changed: dict[str, Any]
    components: dict[str, Any]
    renderer: str
    action: Action
    reasons: list[str]
    force: bool = False
    backend: str = "loky"


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
    parts, renderer = components(root, slug, parameters, record), renderer_digest(root)
    out = paths.report_folder(root, profile, record)
    action, reasons = judge(out, slug, parts, renderer)
    if force:
        action, reasons = "run", ["forced"]
    return Plan(
        slug, profile, record, out, parameters, changed, parts, renderer, action, reasons, force, backend
    )  # fmt: skip
