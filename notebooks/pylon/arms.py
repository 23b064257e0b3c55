"""The grid of the PYLON experiment: which runs each arm consists of, and on which data set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pylon.experiment import PylonRun

MAIN = ("cam", "fpn", "pylon", "pylon_2up", "pylon_0up")
OTHERS = ("li2018", "unet", "pan", "deeplab")
PARTS = (
    "pylon_small",
    "pylon_small_2up",
    "pylon_small_1up",
    "pylon_small_no_pa",
    "pylon_small_head3",
    "pylon_conv3x3",
    "conventional",
)
POOLS_AND_NORMS = (
    "pylon_gap",
    "pylon_group",
    "pan_no_gap",
    "deeplab_no_gap",
    "fpn_group",
    "fpn_group1",
    "li2018_group",
)
FAIR = ("cam", "fpn", "pylon")


@dataclass(frozen=True)
class Grid:
    """What the arms vary.

    Attributes:
        seeds: models a method of the arm "main", and of PAN; ``variant_seeds`` of the rest.
        folds: of the cross-validation by patient that takes the place of the arm "main"'s splits; 0 has none.
        masked: pairs of the masked-out area, in the arms "main" and "others".
        tuned: fields of the runs whose encoder is trained (arms "transfer" and "voc").
    """

    seeds: int = 3
    variant_seeds: int = 3
    folds: int = 0
    masked: int = 0
    tuned: Any = None


def main_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """The headline comparison, and the number of UPs as the main axis: strides 4, 8 and 32."""
    return _each(replace(base, masked=grid.masked), MAIN, grid.seeds, grid.folds)


def others_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """The paper's other competitors, Table 1; PAN with all seeds, since the paper's claim is on its scatter."""
    measured = replace(base, masked=grid.masked)
    slow = tuple(method for method in OTHERS if method != "pan")
    return _each(measured, ("pan",), grid.seeds, grid.folds) + _each(
        measured, slow, grid.variant_seeds, grid.folds
    )


def large_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """Larger images, Table 2."""
    return _each(base, ("cam", "li2018", "fpn", "pylon"), grid.variant_seeds)


def parts_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """PYLON's parts taken out one by one, Tables S16 and S17."""
    return _each(base, PARTS, grid.variant_seeds)


def pools_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """Global average pools and group norm, Table S18, Figures S14 and S15."""
    rest = tuple(method for method in POOLS_AND_NORMS if method != "pan_no_gap")
    return _each(base, ("pan_no_gap",), grid.seeds) + _each(base, rest, grid.variant_seeds)


def source_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """One model a method that the small set starts from, as in the paper; trained as the main arm is.

    In quick and full that is on the frozen encoder: in one phase a thousand images do not make a model point (seen in
    a pilot on other data and another seed), and one that does not point has no localization to hand on.
    """
    return _each(replace(base, keep=True), FAIR, 1)


def transfer_arm(base: PylonRun, grid: Grid, sources: dict[str, str]) -> list[PylonRun]:
    """Table 3: without transfer, with it, and with two phases; the latter two for FPN and the baseline as well.

    Args: sources, the key of the source of each method of ``FAIR``.
    """
    base = replace(base, **(grid.tuned or {}))
    runs = _each(replace(base, phases=("all",)), ("cam", "li2018", "fpn", "pylon"), grid.variant_seeds)
    for method, source in sources.items():
        started = replace(base, source=source)
        runs += _each(replace(started, phases=("all",)), (method,), grid.variant_seeds)
        runs += _each(replace(started, phases=("decoder", "all")), (method,), grid.variant_seeds)
        if method == "pylon":
            moving = replace(started, phases=("decoder", "all"), statistics="moving")
            runs += _each(moving, (method,), grid.variant_seeds)
    return runs


def voc_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """Table 4, from ImageNet: one phase, and two phases for FPN and the baseline as well."""
    policy = "photograph" if base.policy else ""
    base = replace(base, channels=3, greys="backbone", policy=policy, **(grid.tuned or {}))
    one = _each(replace(base, phases=("all",)), ("cam", "li2018", "fpn", "pylon"), grid.variant_seeds)
    return one + _each(replace(base, phases=("decoder", "all")), FAIR, grid.variant_seeds)


def long_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """The baseline with four times the epochs: it learns slowest, and must not lose for want of time."""
    return _each(replace(base, epochs=4 * base.epochs), ("cam",), grid.seeds)


def budget_arm(base: PylonRun, grid: Grid, sources: dict[str, str]) -> list[PylonRun]:
    """One phase of twice the epochs, from the same sources: is it two phases that help, or more epochs?"""
    tuned = replace(base, **(grid.tuned or {}))
    longer = replace(tuned, phases=("all",), epochs=2 * tuned.epochs)
    return [
        run
        for method in ("fpn", "pylon")
        for run in _each(replace(longer, source=sources[method]), (method,), grid.variant_seeds)
    ]


def backbone_arm(base: PylonRun, grid: Grid) -> list[PylonRun]:
    """A second encoder."""
    return _each(replace(base, backbone="efficientnet_lite2"), FAIR, grid.variant_seeds)


ARMS = {
    "main": main_arm,
    "others": others_arm,
    "large": large_arm,
    "parts": parts_arm,
    "pools": pools_arm,
    "long": long_arm,
    "backbone": backbone_arm,
    "source": source_arm,
    "voc": voc_arm,
}
"""Arms by name; "transfer" and "budget" need the sources' keys and are called by themselves."""


def runs_of(base: PylonRun, arms: Iterable[str], grid: Grid) -> list[PylonRun]:
    """All runs of the arms named, each marked with its arm."""
    return [run for arm in arms for run in ARMS[arm](replace(base, arm=arm), grid)]


def _each(base: PylonRun, methods: Sequence[str], seeds: int, folds: int = 0) -> list[PylonRun]:
    return [
        replace(base, method=method, seed=seed, fold=fold, folds=folds or base.folds)
        for method in methods
        for seed in range(seeds)
        for fold in (range(folds) if folds else (-1,))
    ]
