"""``papers run --dry-run``: what would run, why, and what it would cost.

The time is that of one short run of each kind: the paper's own grid (``SLUG/grid.py: plan(chosen)``) says which runs
there are, ``chosen.shortened()`` gives the same grid at the least sizes. A run's time is taken to grow with its
``cost()`` times the images of its data set, so the fixed part of a short run makes the estimate rather too long.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from papers_lib.companion import provenance
from papers_lib.companion.manifest import Plan
from papers_lib.companion.parameters import plan_of
from papers_lib.errors import UserError
from papers_lib.sweep import Context, RunFailed, duration, one_thread

Kind = tuple[str, str]  # the part's name, and what its configs call their kind


def lines(plan: Plan, root: Path) -> Iterator[str]:
    """What the plan comes to, in lines for the terminal."""
    if plan.action == "nothing":
        yield f"{plan.slug}: up to date"
        return
    what = "would run" if plan.action == "run" else "would render the page again"
    yield f"{plan.slug}: {what} ({'; '.join(plan.reasons)})"
    parameters, device = provenance.shown(dict(plan.chosen)), plan.inputs["parameters"]["device"]
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
    from papers_lib.processes import processes

    short: dict[Kind, tuple[float, Any, Any]] = {}
    for kind, size, part, config in _runs(plan_of(plan.slug, plan.chosen.shortened())):
        if kind not in short or size < short[kind][0]:
            short[kind] = (size, part, config)
    sizes: dict[Kind, list[float]] = {}
    for kind, size, _, _ in _runs(plan_of(plan.slug, plan.chosen)):
        sizes.setdefault(kind, []).append(size)
    if absent := [kind for kind in sizes if kind not in short]:
        found = ", ".join(absent[0])
        raise UserError(f"{plan.slug}: grid.plan of the shortened parameters has no run of {found}")
    for _, part, config in list(short.values())[:1]:
        _seconds(part, config, device)  # the first run also waits for imports and weights
    total = 0.0
    for kind, all_sizes in sizes.items():
        size, part, config = short[kind]
        seconds = _seconds(part, config, device) * sum(all_sizes) / size
        total += seconds
        yield f"  {', '.join(kind)}: {len(all_sizes)} runs, {duration(seconds / len(all_sizes))} a run"
    jobs, runs = processes(plan.chosen.jobs, device), sum(map(len, sizes.values()))
    whole = total / (jobs if device == "cpu" else 1)  # on a GPU processes take turns
    yield f"  expected: {duration(whole)} for {runs} runs in {jobs} processes, from an empty cache"


def _runs(parts: list[Any]) -> Iterator[tuple[Kind, float, Any, Any]]:
    """Kind, size, part and config of each run of a plan."""
    for part in parts:
        for config in part.configs:
            yield (part.name, str(config.kind())), float(config.cost()) * part.images, part, config


def _seconds(part: Any, config: Any, device: str) -> float:
    """How long one run takes in this process; one that diverged took its time as well."""
    data = part.data()
    with tempfile.TemporaryDirectory(prefix="papers-dry-run-") as scratch, one_thread():
        context = Context(device, data.root, Path(scratch) / "checkpoint", **part.options)
        start = time.perf_counter()
        with suppress(RunFailed):
            part.run(config, context)
        return time.perf_counter() - start
