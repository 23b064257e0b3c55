"""Whether a page still follows from what made it, and if not, why.

The results depend on the notebook's cells, its parameters, the code it imports, the claims file with the
numbers of paper and authors beside it, recorded results, real data sets (if any), the device type and the
library versions. Each is stored in the manifest, so that a stale page can say which one moved. The number of
jobs is left out (a run has one thread and its own seed), and so are the parameters ``device``, ``data_root``
and its like (``…_root``): the device type and the fingerprint of the data stand for them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from papers_lib.companion import experiment_hooks, machine, notebook_imports, paths, profiles, provenance
from papers_lib.errors import UserError

Action = Literal["run", "render", "nothing"]
_STOOD_FOR = ("jobs", "device")


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def renderer_digest() -> str:
    """Digest of the renderer's code and templates: a change of these alone needs no new execution."""
    from papers_lib.sweep.digest import code_digest

    templates = Path(__file__).parent / "templates"
    texts = {
        p.relative_to(templates).as_posix(): provenance.sha256(p)
        for p in sorted(templates.rglob("*"))
        if p.is_file()
    }
    return digest([code_digest(["papers_lib.companion.render"]), texts])


def notebook_digest(notebook: Mapping[str, Any]) -> str:
    """Digest of the cells: kind, text and tags; outputs and editor metadata do not count."""
    return digest(
        [[cell["cell_type"], cell["source"], sorted(profiles.tags(cell))] for cell in notebook["cells"]]
    )


def _recorded(root: Path, slug: str, own: str | None) -> dict[str, str]:
    """Digests of the recorded results that the page shows (a recorded run does not wait for its own)."""
    found = sorted(paths.recorded_folder(root).glob(f"{slug}.*.json"))
    return {p.name: provenance.sha256(p) for p in found if p.name != f"{slug}.{own}.json"}


def components(
    root: Path, slug: str, parameters: Mapping[str, Any], record: str | None = None
) -> dict[str, Any]:
    """What the results of a run depend on, each part named (see the module).

    Raises:
        UserError: the notebook, the claims file or the data root cannot be read.
    """
    from papers_lib.sweep.digest import code_digest

    path = paths.notebook_path(root, slug)
    notebook = profiles.read_notebook(path)
    claims = paths.claims_path(root, slug)
    if not claims.is_file():
        raise UserError(f"{claims.name}: no claims file of this name in notebooks/claims")
    return {
        "notebook": notebook_digest(notebook),
        "parameters": {
            k: v for k, v in parameters.items() if k not in _STOOD_FOR and not k.endswith("_root")
        },
        "code": code_digest(notebook_imports.imported_modules(notebook, path.name)),
        "claims": provenance.sha256(claims),
        "numbers": _numbers(claims),
        "recorded": _recorded(root, slug, record),
        **_data(parameters),
        "device": machine.device_type(str(parameters.get("device", "cpu"))),
        "libraries": machine.library_versions(),
    }


def _numbers(claims: Path) -> dict[str, str]:
    """Digests of the files in ``printed/`` beside the claims file."""
    found = sorted((claims.parent / "printed").glob("*"))
    return {path.relative_to(claims.parent).as_posix(): provenance.sha256(path) for path in found}


def _data(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Fingerprint of the folder that each parameter ``…_root`` names, "" for none; ``data_root`` is always there."""
    from papers_lib.datasets.fingerprint import tree_fingerprint

    roots = {"data_root": ""} | {k: str(v) for k, v in parameters.items() if k.endswith("_root")}
    return {k: tree_fingerprint(Path(v)) if v else "" for k, v in roots.items()}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why results made with ``old`` components do not follow from ``new`` ones; empty if they do.

    >>> base = {"parameters": {"epochs": 4}, "code": {"papers_lib/a.py": "1"}, "device": "cpu"}
    >>> differences(base, {**base, "parameters": {"epochs": 5}, "code": {"papers_lib/a.py": "2"}})
    ['parameter epochs 4 → 5', 'code changed: papers_lib/a.py']
    """
    why: list[str] = []
    plain = {
        "notebook": "notebook changed",
        "claims": "claims file changed",
        "numbers": "numbers of the paper or its authors changed",
        "recorded": "recorded results changed",
        "data_root": "data under the data root changed",
    }
    plain |= {
        name: f"data under {name} changed" for name in new if name.endswith("_root") and name not in plain
    }
    for name in new:
        before, after = old.get(name), new[name]
        if before == after:
            continue
        if name in ("parameters", "libraries", "code") and isinstance(before, dict):
            moved = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
            kind = {"parameters": "parameter", "libraries": "library"}.get(name)
            if kind:
                why += [f"{kind} {k} {before.get(k, 'absent')} → {after.get(k, 'absent')}" for k in moved]
            else:
                why.append(f"code changed: {', '.join(moved)}")
        else:
            why.append(plain.get(name, f"{name} {before} → {after}"))
    return why


@dataclass(frozen=True)
class Plan:
    """What ``papers run`` will do about one page.

    Attributes:
        slug, profile, record: which page.
        out: its report folder.
        parameters: all of them, validated.
        changed: those set on the command line.
        components, key, renderer: the state it will be made from.
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
    key: str
    renderer: str
    action: Action
    reasons: list[str]
    force: bool = False
    backend: str = "loky"


def _damaged(out: Path, slug: str, manifest: Mapping[str, Any]) -> list[str]:
    """Published files that are absent or not those of the manifest."""
    wrong = []
    for name in sorted(
        {f"{slug}.html", f"{slug}.results.json", f"{slug}.claims.md", *manifest.get("files", {})}
    ):
        entry, path = manifest.get("files", {}).get(name), out / name
        if entry is None or not path.is_file():
            wrong.append(f"{name} is missing")
        elif provenance.sha256(path) != entry["sha256"]:
            wrong.append(f"{name} is not the one that was written")
    return wrong


def judge(out: Path, slug: str, new: Mapping[str, Any], renderer: str) -> tuple[Action, list[str]]:
    """What the page in ``out`` needs, and why."""
    try:
        manifest = provenance.read_manifest(out, slug)
    except UserError as error:
        return "run", [str(error)]
    if manifest is None:
        return "run", ["no page yet"]
    why = differences(manifest["components"], new)
    damaged = _damaged(out, slug, manifest)
    shown_only = (f"{slug}.html", f"{slug}.timings.json")  # timings are measured apart, for the page
    lost = [reason for reason in damaged if not reason.startswith(shown_only)]
    if why or lost:
        return "run", why + lost
    reasons = damaged + (["page template or renderer changed"] if manifest["renderer"] != renderer else [])
    timings = f"{slug}.timings.json"
    if timings not in manifest["files"] and (out / timings).is_file():
        reasons.append("timings are new: render again")
    if not reasons:
        return "nothing", []
    executed = out / f"{slug}_files" / "executed.ipynb"
    kept = executed.is_file() and provenance.sha256(executed) == manifest["executed_sha256"]
    return (
        ("render", reasons) if kept else ("run", [*reasons, "the executed notebook is not on this machine"])
    )


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
    experiment_hooks.check_parameters(slug, parameters)
    parts, renderer = components(root, slug, parameters, record), renderer_digest()
    out = paths.report_folder(root, profile, record)
    forced: tuple[Action, list[str]] = ("run", ["forced"])
    action, reasons = forced if force else judge(out, slug, parts, renderer)
    return Plan(
        slug,
        profile,
        record,
        out,
        parameters,
        changed,
        parts,
        digest(parts),
        renderer,
        action,
        reasons,
        force,
        backend,
    )
