"""``papers run --dry-run``: what would run, why, and what it would cost.

The time is that of one short run of each kind of the paper's own grid (``SLUG/grid.py: plan(chosen)``), at its least
sizes (``chosen.shortened()``). A run's time is taken to grow with its ``cost()`` times the images of its data set, so
the fixed part of a short run makes the estimate rather too long.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from papers_lib.companion import provenance
from papers_lib.companion.manifest import Plan
from papers_lib.companion.parameters import NotebookParameters, plan_of
from papers_lib.errors import UserError
from papers_lib.processes import processes
from papers_lib.sweep import Context, RunFailed, duration, one_thread

Kind = tuple[str, str]  # the part's name, and what its configs call their kind


def lines(plan: Plan, root: Path) -> Iterator[str]:
    """What the plan comes to, in lines for the terminal."""
    if plan.action == "nothing":
        yield f"{plan.slug}: up to date"
        return
    what = "would run" if plan.action == "run" else "would render the page again"
    yield f"{plan.slug}: {what} ({'; '.join(plan.reasons)})"
    parameters, device = plan.shown, plan.inputs["parameters"]["device"]
    manifest = provenance.read_manifest(plan.out, plan.slug) or {}
    same = manifest.get("parameters") == parameters and manifest["device"]["type"] == device
    if plan.action == "render":
        yield "  expected: a few seconds"
    elif same and not plan.force:
        took, where = duration(manifest["wall_seconds"]), manifest["device"]["name"]
        yield f"  expected: {took} the last time on {where}, without runs that the cache had"
    elif (root / "notebooks" / plan.slug / "grid.py").is_file():
        yield from estimate(plan, device)
    else:
        yield "  expected: time unknown: this profile has not run here yet"
    yield f"  parameters: {', '.join(f'{name}={value!r}' for name, value in parameters.items())}"
    yield f"  device: {device}; writes reports/{plan.out.name}/{plan.slug}.html"


def estimate(plan: Plan, device: str) -> Iterator[str]:
    """Lines with the runs of each kind, seconds a run, and the hours of all on the processes that share them."""
    short, whole = _by_kind(plan.slug, plan.chosen.shortened()), _by_kind(plan.slug, plan.chosen)
    if absent := [kind for kind in whole if kind not in short]:
        found = ", ".join(absent[0])
        raise UserError(f"{plan.slug}: grid.plan of the shortened parameters has no run of {found}")
    for found_runs in list(short.values())[:1]:
        _seconds(*found_runs[0][1:], device)  # the first run also waits for imports and weights
    total = 0.0
    for kind, runs in whole.items():
        size, part, config = min(short[kind], key=lambda run: run[0])
        seconds = _seconds(part, config, device) * sum(run[0] for run in runs) / size
        total += seconds
        yield f"  {', '.join(kind)}: {len(runs)} runs, {duration(seconds / len(runs))} a run"
    jobs, count = processes(plan.chosen.jobs, device), sum(map(len, whole.values()))
    expected = duration(total / (jobs if device == "cpu" else 1))  # on a GPU processes take turns
    yield f"  expected: {expected} for {count} runs in {jobs} processes, from an empty cache"


def _by_kind(slug: str, chosen: NotebookParameters) -> dict[Kind, list[tuple[float, Any, Any]]]:
    """Size, part and config of each run of a plan, by kind."""
    found: dict[Kind, list[tuple[float, Any, Any]]] = {}
    for part in plan_of(slug, chosen):
        for config in part.configs:
            run = (float(config.cost()) * part.images, part, config)
            found.setdefault((part.name, str(config.kind())), []).append(run)
    return found


def _seconds(part: Any, config: Any, device: str) -> float:
    """How long one run takes in this process; one that diverged took its time as well."""
    data = part.data()
    with tempfile.TemporaryDirectory(prefix="papers-dry-run-") as scratch, one_thread():
        context = Context(device, data.root, Path(scratch) / "checkpoint", **part.options)
        start = time.perf_counter()
        with suppress(RunFailed):
            part.run(config, context)
        return time.perf_counter() - start
