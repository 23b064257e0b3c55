"""All sweeps of the Sibnet notebook: which arm runs on which data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from papers_lib.errors import UserError
from papers_lib.sweep.core import Record, sweep
from papers_lib.sweep.one_pool import one_pool
from papers_lib.sweep.progress import say
from papers_lib.training.gpu import FULL
from sibnet_calibration.arms import FIRST, Grid, runs_of
from sibnet_calibration.data import Opened, open_set
from sibnet_calibration.experiment import SibnetRun, run
from sibnet_calibration.inputs import stored

MAPPINGS = ("common", "zeros", "ones")
"""Ways to read uncertain labels beside the report's; see ``papers_lib.datasets.chexpert.load_chexpert``."""


class Plan(NamedTuple):
    """What the notebook's parameters come to.

    Fields: base, the run that all others vary; grid; arms by name; data_root, folder of the real set or ""; spec, sizes
    and seed of the stand-in; rare_odds, of the stand-in's findings in the arm "imbalance"; side in pixels; options of
    the loader; folder and cache, where sets and results are kept; jobs, device and precision as the sweep has them.
    """

    base: SibnetRun
    grid: Grid
    arms: Sequence[str]
    data_root: str
    spec: Mapping[str, Any]
    rare_odds: float
    side: int
    options: Mapping[str, Any]
    folder: Path
    cache: Path
    jobs: int
    device: str
    precision: str = FULL


class Swept(NamedTuple):
    """The records of one sweep under the name of its data, with the set."""

    data: str
    records: Sequence[Record]
    opened: Opened


@one_pool(run)
def first_set(plan: Plan) -> Opened:
    """The set of all arms but two: the user's, or the stand-in; uncertain labels are mapped by ``plan.options``.

    Raises:
        UserError: a set that cannot be read, or whose training part has a label always or never.
    """
    return _open(plan)


@one_pool(run)
def run_plan(plan: Plan, opened: Opened) -> list[Swept]:
    """Train what the cache lacks, set by set.

    Raises:
        UserError: a set that cannot be read.
    """
    found = [_swept(plan, opened, "first", [arm for arm in FIRST if arm in plan.arms])]
    if "imbalance" in plan.arms and not plan.data_root:
        rare = _open(plan, spec={"odds": plan.rare_odds})
        found.append(_swept(plan, rare, "rare", ["imbalance"]))
    if "mapping" in plan.arms:
        found += [
            _swept(plan, _open(plan, options={"uncertain": name}), name, ["mapping"]) for name in MAPPINGS
        ]
    return found


def _swept(plan: Plan, opened: Opened, data: str, arms: Sequence[str]) -> Swept:
    """Features of frozen parts are stored before the runs start, in all processes; left to them, each would do it."""
    runs = runs_of(plan.base, arms, plan.grid)
    if not runs:
        return Swept(data, [], opened)
    say(f"{data}: {len(runs)} models on {len(opened.images.images)} images of {plan.side} pixels")
    for front in dict.fromkeys((one.backbone, one.weights, one.train_from) for one in runs if one.train_from):
        stored(opened.store.root, *front, plan.device, plan.jobs)
    how: dict[str, Any] = {"jobs": plan.jobs, "device": plan.device, "precision": plan.precision}
    records = sweep(run, runs, data=opened.store, cache=plan.cache, **how)
    return Swept(data, records, opened)


def _open(
    plan: Plan, spec: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None
) -> Opened:
    opened = open_set(
        plan.data_root,
        plan.folder,
        {**plan.spec, **(spec or {})},
        plan.side,
        {**plan.options, **(options or {})},
        plan.jobs,
    )
    images = opened.images.images
    labels = images.part("train").labels
    for k, name in enumerate(images.classes):
        if labels[:, k].all() or not labels[:, k].any():
            raise UserError(
                f"{plan.data_root or opened.store.root}: found {int(labels[:, k].sum())} of {len(labels)} training "
                f"images with {name}, expected some with and some without"
            )
    return opened
