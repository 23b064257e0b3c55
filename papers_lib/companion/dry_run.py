"""``papers run --dry-run``: what would run, why, and what it would cost. Runs nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from papers_lib.companion import experiment_hooks, provenance
from papers_lib.companion.staleness import Plan
from papers_lib.errors import UserError
from papers_lib.sweep.progress import duration


def _estimate(plan: Plan) -> dict[str, Any] | None:
    """What ``papers_lib.experiments.SLUG_estimate.estimate(parameters)`` says, from measured step times."""
    estimate = experiment_hooks.find(plan.slug, "estimate", "estimate")
    return None if estimate is None else dict(estimate(plan.parameters))


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _cost(plan: Plan) -> str:
    if plan.action != "run":
        return "a few seconds"
    try:
        manifest = provenance.read_manifest(plan.out, plan.slug)
    except UserError:  # among the plan's reasons already
        manifest = None
    if manifest is not None and _alike(plan, manifest):
        return _last_time(manifest)
    estimate = _estimate(plan)
    if estimate is None and manifest is not None:
        return f"{_last_time(manifest)}; this one is forced, or has other parameters or another device"
    if estimate is None:
        return "time unknown: this profile has not run here yet"
    parts = [duration(estimate["seconds"])]
    parts += [
        f"{_size(estimate[k])} {k.removesuffix('_bytes')}"
        for k in ("memory_bytes", "disk_bytes")
        if k in estimate
    ]
    return f"{', '.join(parts)} ({estimate['how']})"


def _alike(plan: Plan, manifest: Mapping[str, Any]) -> bool:
    """Whether the time of the page's last run says something about this one: the same runs, and the cache is read."""
    same = manifest.get("parameters") == provenance.shown(plan.parameters)
    return same and not plan.force and manifest["device"]["type"] == plan.components["device"]


def _last_time(manifest: Mapping[str, Any]) -> str:
    where = manifest["device"]["name"]
    return f"{duration(manifest['wall_seconds'])} the last time on {where}, without runs that the cache had"


def lines(plan: Plan) -> Iterator[str]:
    """What the plan comes to, in lines for the terminal."""
    if plan.action == "nothing":
        yield f"{plan.slug}: up to date"
        return
    what = "would run" if plan.action == "run" else "would render the page again"
    yield f"{plan.slug}: {what} ({'; '.join(plan.reasons)})"
    yield f"  expected: {_cost(plan)}"
    shown = ", ".join(f"{name}={value!r}" for name, value in provenance.shown(plan.parameters).items())
    yield f"  parameters: {shown}"
    yield f"  device: {plan.components['device']}; writes reports/{plan.out.name}/{plan.slug}.html"
