"""What a profile of the PYLON notebook would cost, arm by arm, from its own code timed on this machine."""

import os
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from papers_lib.models.heatmap_methods import METHODS
from papers_lib.sweep.estimate_costs import Costs, peak_bytes, side_by_side, timed_on
from papers_lib.sweep.progress import duration
from papers_lib.sweep.workers import one_thread
from papers_lib.training.devices import pick_device, processes
from papers_lib.training.pyramid_features import SUM_EVERY, Frozen
from pylon import experiment as pylon
from pylon import timing
from pylon.amounts import Amounts, amounts
from pylon.arms import FAIR, Grid, budget_arm, runs_of, transfer_arm
from pylon.experiment import PylonRun
from pylon.measures import CAMS, SHOWN

LEVELS = 100  # passes for a pair of the masked-out area: half of the 201 that one can take
BYTES_PER_RECORD = 20_000  # JSON and curves
STATE = 16  # bytes a parameter: itself, its gradient, two moments of Adam


@dataclass(frozen=True)
class Job:
    """A run, and the images it reads: set ("nih", "vindr", "voc") and side."""

    run: PylonRun
    data: str
    side: int


def estimate(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds, memory and disk of a whole run with the notebook's ``parameters``, with nothing on disk yet.

    A few stand-ins are drawn and resized, or a few pictures of the user's sets; of every kind of run (method, side,
    phase, stages stored) a training step, a prediction and what is measured at the end are timed on noise with random
    weights, which cost the same. The rest is counting: all epochs, since nobody knows when the loss will level off.

    Returns:
        ``seconds`` of compute on this device, ``arms`` (those of each arm's runs, shared by the processes),
        ``memory_bytes`` at the peak of all processes, ``disk_bytes`` of pictures, stores, features and results, and
        ``how``, a sentence on what was counted and timed. Hours of a GPU are known on a GPU only.

    Raises:
        UserError: a user's data set cannot be read.
    """
    device = pick_device(str(parameters["device"]))
    count = processes(int(parameters["jobs"]), device)
    writers = int(parameters["jobs"]) or os.cpu_count() or 1
    resident = peak_bytes()
    jobs = jobs_of(parameters)
    with one_thread() if device == "cpu" else nullcontext():
        largest = {job.data: max(one.side for one in jobs if one.data == job.data) for job in jobs}
        sets = {name: amounts(name, parameters, side) for name, side in largest.items()}
        jobs = [replace(job, run=replace(job.run, channels=sets[job.data].channels)) for job in jobs]
        made, stores = _made(jobs, sets)
        frozen = _frozen(jobs, device)
        encoded, features = _features(frozen, sets)
        costs = _costs(jobs, sets, frozen, device)
    once = made / writers + encoded / (count if device == "cpu" else 1)
    memory = count * (resident + costs.memory if device == "cpu" else peak_bytes(device))
    together = side_by_side(count, device)
    arms = {name: seconds / together for name, seconds in costs.by_arm.items()}
    return {
        "seconds": once + max(sum(costs.each) / together, *costs.each),
        "arms": arms,
        "memory_bytes": round(memory),
        "disk_bytes": round(stores + features + costs.records),
        "how": _how(parameters, jobs, sets, arms, once, count, device),
    }


def jobs_of(parameters: Mapping[str, Any]) -> list[Job]:
    """Every run of the notebook; channels are those of a radiograph."""
    same = ["backbone", "weights", "width", "train_from", "epochs", "batch_size", "learning_rate"]
    same += ["weight_decay", "patience", "every", "policy", "mixed"]
    chosen = {name: parameters[name] for name in same}
    chosen["standardise"] = bool(parameters.get("standardise", PylonRun.standardise))
    chosen["greys"] = str(parameters.get("greys", PylonRun.greys))
    base = PylonRun(seed=0, phases=tuple(parameters["phases"]), **chosen)
    of_tuned = {"tuned_from": "train_from", "tuned_epochs": "epochs"}
    of_tuned |= {"tuned_batch": "batch_size", "tuned_rate": "learning_rate"}
    tuned = {to: parameters[name] for name, to in of_tuned.items()}
    grid = Grid(
        **{name: parameters[name] for name in ("seeds", "variant_seeds", "folds", "masked")}, tuned=tuned
    )
    found = []
    for arm in parameters["arms"]:
        if arm == "budget":
            longer = budget_arm(replace(base, arm=arm), grid, dict.fromkeys(FAIR, "source"))
            found += [Job(run, "vindr", int(parameters["tuned_side"])) for run in longer]
        elif arm == "transfer":
            side = int(parameters["tuned_side"])
            sources = dict.fromkeys(FAIR, "source")
            found += [Job(run, "nih", side) for run in runs_of(base, ["source"], grid)]
            moved = transfer_arm(replace(base, arm=arm), grid, sources)
            found += [Job(run, "vindr", side) for run in moved]
        else:
            side = int(parameters[{"large": "large_side", "voc": "tuned_side"}.get(arm, "side")])
            found += [Job(run, "voc" if arm == "voc" else "nih", side) for run in runs_of(base, [arm], grid)]
    return found


def _made(jobs: Iterable[Job], sets: Mapping[str, Amounts]) -> tuple[float, float]:
    """Seconds to draw and to resize all pictures, and their bytes."""
    seconds = sum(one.images * one.draw for one in sets.values())
    size = sum(one.images * one.drawn_bytes for one in sets.values())
    for data, side in {(job.data, job.side) for job in jobs}:
        one = sets[data]
        seconds += one.images * one.resize
        size += one.images * side**2 * one.channels
    return seconds, size


def _stages_of(run: PylonRun) -> set[int]:
    """How many stages each feature store that the run reads holds."""
    found = {pylon._given(run, phase) for phase in run.phases} - {0}
    return found | ({pylon.STAGES} if run.standardise and not run.source else set())


def _frozen(jobs: Iterable[Job], device: str) -> dict[tuple[str, int, Frozen], timing.Stored]:
    """Speed and size of every feature store."""
    wanted = {
        (job.data, job.side, job.run.frozen(n)): (job.run, n)
        for job in jobs
        for n in sorted(_stages_of(job.run))
    }
    return {key: timing.stored(run, n, key[1], device) for key, (run, n) in wanted.items()}


def _features(
    frozen: Mapping[tuple[str, int, Frozen], timing.Stored], sets: Mapping[str, Amounts]
) -> tuple[float, float]:
    """Seconds and bytes of all feature stores."""
    found = [(sets[data].images, one) for (data, _, _), one in frozen.items()]
    return sum(n * one.seconds for n, one in found), sum(n * one.bytes for n, one in found)


def _costs(
    jobs: Iterable[Job],
    sets: Mapping[str, Amounts],
    frozen: Mapping[tuple[str, int, Frozen], timing.Stored],
    device: str,
) -> Costs:
    costs = Costs()
    known: dict[Any, timing.Speed] = {}
    for job in jobs:
        run, one = job.run, _parts(job.run, sets[job.data])
        speeds = []
        for phase in run.phases:
            key = _kind(run, phase, one.classes, job.side)
            if key not in known:
                known[key] = timing.speed(run, phase, one.classes, job.side, device)
            speeds.append(timing.enlarged(known[key], job.side))
        seconds = _seconds_of(run, one, speeds)
        costs.each.append(seconds)
        costs.by_arm[run.arm] = costs.by_arm.get(run.arm, 0.0) + seconds
        shown = _map_values(run.method, job.side) * one.classes
        kept = max(speed.saved for speed in speeds) * run.batch_size + STATE * speeds[-1].parameters
        maps = 2 * 4 * shown * one.boxed  # all maps of the boxed images, once in parts and once joined
        sums = 0.0
        if run.standardise and not run.source:
            stage = frozen[(job.data, job.side, run.frozen(pylon.STAGES))].largest
            sums = 3 * stage * one.train / SUM_EVERY  # half precision, and as float32
        costs.memory = max(costs.memory, kept, maps, sums)
        costs.records += _record_bytes(run, one, shown, speeds[-1].parameters)
    return costs


def _kind(run: PylonRun, phase: str, classes: int, side: int) -> tuple[Any, ...]:
    """All that what is timed depends on."""
    given = pylon._given(run, phase)
    names = ("method", "backbone", "channels", "width", "statistics", "batch_size", "policy", "mixed")
    own = (getattr(run, name) for name in names)
    return (*own, phase, given, bool(given and run.masked), classes, min(side, timing.SIDE))


def _parts(run: PylonRun, one: Amounts) -> Amounts:
    """The parts of the set, or those of a cross-validation over all of it."""
    if run.fold < 0:
        return one
    fold = one.images // run.folds
    return replace(one, train=one.images - 2 * fold, val=fold, test=fold, boxed=min(one.boxed, fold))


def _seconds_of(run: PylonRun, one: Amounts, speeds: list[timing.Speed]) -> float:
    checks = -(-run.epochs // run.every)
    trained = sum(run.epochs * one.train * speed.train + checks * one.val * speed.predict for speed in speeds)
    last = speeds[-1]
    pairs = min(run.masked, one.boxed * one.classes)
    measured = (one.test + one.val) * last.predict + one.boxed * last.point + pairs * LEVELS * last.through
    return trained + measured


def _map_values(method: str, side: int) -> float:
    """Cells of one heatmap; none without one."""
    row = METHODS[method]
    if row.cells:
        return float(row.cells**2)
    return (side / row.stride) ** 2 if row.stride else 0.0


def _record_bytes(run: PylonRun, one: Amounts, shown: float, parameters: int) -> float:
    maps = 1 + (len(CAMS) if METHODS[run.method].kind == "cam" else 0)
    weights = (
        2 * 4 * parameters if run.keep else 0
    )  # with the record, and where the runs that start from it look
    return BYTES_PER_RECORD + 2 * maps * min(SHOWN, one.boxed) * shown + 4 * one.test * one.classes + weights


def _how(
    parameters: Mapping[str, Any],
    jobs: list[Job],
    sets: Mapping[str, Amounts],
    arms: Mapping[str, float],
    once: float,
    count: int,
    device: str,
) -> str:
    listed = ", ".join(f"{name} {duration(seconds)}" for name, seconds in arms.items())
    images = ", ".join(f"{one.images} {name}" for name, one in sets.items())
    return (
        f"{len(jobs)} models, {count} at once on {device}: {listed}; pictures and features {duration(once)}; "
        f"images {images}; all {parameters['epochs']} epochs of each phase counted, training stops sooner at a "
        f"plateau; from timed steps and evaluations of each kind; {timed_on(device)}"
    )
