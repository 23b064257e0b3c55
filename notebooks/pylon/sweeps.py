"""All sweeps of the PYLON notebook: which arm runs on which data set, at which size."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from papers_lib.errors import UserError
from papers_lib.sweep.core import sweep
from papers_lib.sweep.one_pool import one_pool
from papers_lib.sweep.progress import say
from papers_lib.training.gpu import FULL
from pylon.arms import FAIR, Grid, budget_arm, runs_of, transfer_arm
from pylon.data import CHANNELS, Opened, open_set
from pylon.experiment import STAGES, PylonRun, run
from pylon.frame import Swept
from pylon.inputs import open_images, stored
from pylon.source import share_source

FIRST = ("main", "others", "long", "parts", "pools", "backbone")
"""Arms on the first data set, at ``side``."""


class Plan(NamedTuple):
    """What the notebook's parameters come to.

    Fields:
        base: the run that all others vary.
        grid: seeds and folds.
        arms: names.
        roots: folder of the real set by "first", "vindr" and "voc"; "" for the stand-in.
        specs: sizes and seed of the stand-ins by layout.
        sides: pixels, by "first", "large" and "tuned".
        options: of the loaders by layout.
        folder, cache: where sets and results are kept.
        jobs, device, precision: as the sweep has them.
    """

    base: PylonRun
    grid: Grid
    arms: Sequence[str]
    roots: Mapping[str, str]
    specs: Mapping[str, Mapping[str, Any]]
    sides: Mapping[str, int]
    options: Mapping[str, Mapping[str, Any]]
    folder: Path
    cache: Path
    jobs: int
    device: str
    precision: str = FULL


@one_pool(run)
def first_set(plan: Plan) -> Opened:
    """The set of the headline comparison: the user's, in any of the three layouts, or the NIH-like stand-in."""
    return _open(plan, "nih", plan.roots["first"], plan.sides["first"])


@one_pool(run)
def run_plan(plan: Plan, opened: Opened) -> list[Swept]:
    """Train what the cache lacks, arm by arm; an empty list of records where an arm is not asked for.

    Raises:
        UserError: a set that cannot be read; sources of the arm "transfer" that did not end well.
    """
    owners = opened.images.names if opened.images.patients is None else opened.images.patients
    if plan.grid.folds > len(set(owners)):
        raise UserError(
            f"parameter folds: found {plan.grid.folds}, expected at most {len(set(owners))} (patients)"
        )
    found = [_swept(plan, opened, "nih", [arm for arm in FIRST if arm in plan.arms], plan.sides["first"])]
    if "large" in plan.arms:
        side = plan.sides["large"]
        large = _open(plan, "nih", plan.roots["first"], side)
        found.append(_swept(plan, large, "nih_large", ["large"], side))
    if "transfer" in plan.arms:
        found += _transfer(plan)
    if "voc" in plan.arms:
        side = plan.sides["tuned"]
        voc = _open(plan, "voc", plan.roots["voc"], side)
        found.append(_swept(plan, voc, "voc", ["voc"], side))
    return found


def _transfer(plan: Plan) -> list[Swept]:
    """A source a method on the first set, then the small set."""
    side = plan.sides["tuned"]
    large = _open(plan, "nih", plan.roots["first"], side)
    sources = _swept(plan, large, "nih_source", ["source"], side)
    small = _open(plan, "vindr", plan.roots["vindr"], side)
    keys = {}
    for record in sources.records:
        if record.status != "ok":
            raise UserError(
                f"{record.label}: {record.status} ({record.reason}), expected weights to start from"
            )
        share_source(record.arrays(), record.key, small.store.root)
        keys[record.config.method] = record.key
    base = replace(plan.base, arm="transfer", channels=CHANNELS[small.layout])
    runs = transfer_arm(base, plan.grid, {method: keys[method] for method in FAIR})
    if "budget" in plan.arms:
        runs += budget_arm(replace(base, arm="budget"), plan.grid, keys)
    return [sources, _sweep(plan, small, "vindr", runs, side)]


def _swept(plan: Plan, opened: Opened, data: str, arms: Sequence[str], side: int) -> Swept:
    base = replace(plan.base, channels=CHANNELS[opened.layout])
    return _sweep(plan, opened, data, runs_of(base, arms, plan.grid), side)


def _sweep(plan: Plan, opened: Opened, data: str, runs: Sequence[PylonRun], side: int) -> Swept:
    """Features that the runs read are stored before they start, in all processes; left to them, each would do it."""
    if runs:
        say(f"{data}: {len(runs)} models on {len(opened.images)} images of {side} pixels")
    if all(one.greys == "backbone" and not one.policy for one in runs):
        for which in dict.fromkeys(one.frozen(stages) for one in runs for stages in _stages(one)):
            stored(opened.store.root, which, plan.device, plan.jobs)
    how: dict[str, Any] = {"jobs": plan.jobs, "device": plan.device, "precision": plan.precision}
    records = sweep(run, runs, data=opened.store, cache=plan.cache, **how) if runs else []
    return Swept(
        data,
        records,
        opened.images,
        side,
        open_images(opened.store.root)[1],
        opened.store.kind,
        opened.fingerprint,
    )


def _stages(config: PylonRun) -> set[int]:
    """Numbers of stages of the files that a run reads."""
    tuned = config.phases != ("decoder",) or config.source or config.statistics == "moving"
    return {STAGES, *({config.train_from} if tuned and config.train_from else set())}


def _open(plan: Plan, layout: str, root: str, side: int) -> Opened:
    opened = open_set(root, layout, plan.folder, plan.specs[layout], side, plan.options, plan.jobs)
    test = opened.images if plan.grid.folds else opened.images.part("test")
    if not any(len(boxes) for boxes in test.boxes):
        raise UserError(
            f"{root or opened.store.root}: found no box among {len(test)} test images, expected some"
        )
    return opened
