"""``papers run --dry-run``: what would run, why, and what it would cost.

The time is that of one short run of each kind: the paper's own grid (``SLUG/grid.py: plan(chosen)``) says which runs
there are, ``chosen.shortened()`` gives the same grid at the least sizes. A run's time is taken to grow with its
``cost()`` times the images of its data set, so the fixed part of a short run makes the estimate rather too long.
"""

import importlib
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from papers_lib.companion import profiles, provenance
from papers_lib.companion.staleness import Plan
from papers_lib.errors import UserError
from papers_lib.sweep import duration

Kind = tuple[str, str]  # the part's name, and what its configs call their kind


def lines(plan: Plan, root: Path) -> Iterator[str]:
    """What the plan comes to, in lines for the terminal."""
    if plan.action == "nothing":
        yield f"{plan.slug}: up to date"
        return
    what = "would run" if plan.action == "run" else "would render the page again"
    yield f"{plan.slug}: {what} ({'; '.join(plan.reasons)})"
    yield from _expected(plan, root)
    shown = ", ".join(f"{name}={value!r}" for name, value in provenance.shown(plan.parameters).items())
    yield f"  parameters: {shown}"
    yield f"  device: {plan.components['device']}; writes reports/{plan.out.name}/{plan.slug}.html"


def _expected(plan: Plan, root: Path) -> Iterator[str]:
    if plan.action != "run":
        yield "  expected: a few seconds"
        return
    try:
        manifest = provenance.read_manifest(plan.out, plan.slug)
    except UserError:  # among the plan's reasons already
        manifest = None
    if manifest is not None and _alike(plan, manifest):
        took, where = duration(manifest["wall_seconds"]), manifest["device"]["name"]
        yield f"  expected: {took} the last time on {where}, without runs that the cache had"
        return
    grid = _grid(plan.slug, root)
    if grid is None:
        yield "  expected: time unknown: this profile has not run here yet"
    else:
        yield from estimate(grid, plan.parameters, plan.slug, root, plan.components["device"])


def _alike(plan: Plan, manifest: Mapping[str, Any]) -> bool:
    """Whether the time of the page's last run says something about this one: the same runs, and the cache is read."""
    same = manifest["parameters"] == provenance.shown(plan.parameters)
    return same and not plan.force and manifest["device"]["type"] == plan.components["device"]


def _grid(slug: str, root: Path) -> Callable[..., Any] | None:
    """``SLUG.grid.plan``, where the paper has it and its parameters."""
    if profiles.model(root, slug) is None or not importlib.util.find_spec(f"{slug}.grid"):
        return None
    found: Callable[..., Any] = importlib.import_module(f"{slug}.grid").plan
    return found


def estimate(
    grid: Callable[..., Any], parameters: Mapping[str, Any], slug: str, root: Path, device: str
) -> Iterator[str]:
    """Lines with the runs of each kind, seconds a run, and the hours of all on the processes that share them."""
    from papers_lib.training import processes

    paper = profiles.model(root, slug)
    assert paper is not None  # as _grid saw
    chosen = paper.of(parameters)
    short: dict[Kind, tuple[float, Any, Any]] = {}
    for kind, size, part, config in _runs(grid(chosen.shortened())):
        if kind not in short or size < short[kind][0]:
            short[kind] = (size, part, config)
    sizes: dict[Kind, list[float]] = {}
    for kind, size, _, _ in _runs(grid(chosen)):
        sizes.setdefault(kind, []).append(size)
    if absent := [kind for kind in sizes if kind not in short]:
        raise UserError(f"{slug}: grid.plan of the shortened parameters has no run of {', '.join(absent[0])}")
    total, warm = 0.0, False
    for kind, all_sizes in sizes.items():
        size, part, config = short[kind]
        if not warm:  # the first run also waits for imports and weights
            _seconds(part, config, device)
            warm = True
        seconds = _seconds(part, config, device) * sum(all_sizes) / size
        total += seconds
        yield f"  {', '.join(kind)}: {len(all_sizes)} runs, {duration(seconds / len(all_sizes))} a run"
    jobs, runs = processes(int(parameters.get("jobs", 0)), device), sum(map(len, sizes.values()))
    whole = total / (jobs if device == "cpu" else 1)  # on a GPU processes take turns
    yield f"  expected: {duration(whole)} for {runs} runs in {jobs} processes, from an empty cache"


def _runs(parts: list[Any]) -> Iterator[tuple[Kind, float, Any, Any]]:
    """Kind, size, part and config of each run of a plan."""
    for part in parts:
        for config in part.configs:
            yield (part.name, str(config.kind())), float(config.cost()) * part.images, part, config


def _seconds(part: Any, config: Any, device: str) -> float:
    """How long one run takes in this process; one that diverges took its time as well."""
    from papers_lib.sweep import Context, RunFailed, one_thread

    data = part.data()
    with tempfile.TemporaryDirectory(prefix="papers-dry-run-") as scratch, one_thread(), suppress(RunFailed):
        context = Context(device, data.root, Path(scratch) / "checkpoint", **part.options)
        start = time.perf_counter()
        try:
            part.run(config, context)
        finally:
            seconds = time.perf_counter() - start
    return seconds
