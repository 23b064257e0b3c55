"""The grid of the CAM-entropy experiment: which runs each arm consists of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cam_entropy.experiment import EntropyRun


@dataclass(frozen=True)
class Grid:
    """What the arms vary.

    Attributes:
        seeds: models a setting of the arm "main"; ``variant_seeds`` of the others.
        betas: of the main arm, map in the ReLU form as printed; 0 is the ordinary loss.
        shifted_betas: of the main arm, map in the form M - min M.
        front_betas: further ones, in both forms, for the accuracy-sharpness front.
        measure_settings: beta and form at which ca and cd are trained, to compare with ce.
        others_settings: beta and form at which the other classes' maps are pushed.
        offset_betas: of the form 1 + M.
        long_factor: on the epochs in the arm "long"; ``long_settings``: its settings.
        fresh_seeds: first seed of the arm "fresh", far from all others.
        deeper_from: first stage trained in the arm "deeper".
        second_backbone: of the arm "backbone", trained from ``second_from`` on.
        few: the settings of "deeper", "backbone": beta and form.
    """

    seeds: int = 3
    variant_seeds: int = 3
    betas: Sequence[float] = (0.0, 0.3, 3.0, 100.0)
    shifted_betas: Sequence[float] = (0.3, 3.0)
    front_betas: Sequence[float] = (0.01, 0.03, 0.1, 1.0, 10.0)
    measure_settings: Sequence[tuple[float, str]] = ((0.3, "relu"), (0.3, "shifted"), (3.0, "shifted"))
    others_settings: Sequence[tuple[float, str]] = ((0.3, "relu"), (0.3, "shifted"))
    offset_betas: Sequence[float] = (3.0, 100.0)
    long_factor: int = 4
    long_settings: Sequence[tuple[float, str]] = ((0.0, "relu"), (100.0, "relu"), (100.0, "offset"))
    fresh_seeds: int = 100
    deeper_from: str = "blocks_5"
    second_backbone: str = "efficientnet_lite2"
    second_from: str = "blocks_6"
    few: Sequence[tuple[float, str]] = ((0.0, "relu"), (100.0, "relu"), (0.3, "shifted"))


def main_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """The paper's loss in both forms; only beta and form differ."""
    settings = [(beta, "relu") for beta in grid.betas] + [(beta, "shifted") for beta in grid.shifted_betas]
    return _each(replace(base, arm="main"), settings, grid.seeds)


def front_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """More values of beta, for accuracy against sharpness; those of the main arm are trained there."""
    trained = {"relu": grid.betas, "shifted": grid.shifted_betas}
    settings = [(beta, form) for form in trained for beta in grid.front_betas if beta not in trained[form]]
    return _each(replace(base, arm="front"), settings, grid.variant_seeds)


def measures_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """ca and cd in the place of ce."""
    return [
        run
        for measure in ("ca", "cd")
        for run in _each(
            replace(base, arm="measures", measure=measure), grid.measure_settings, grid.variant_seeds
        )
    ]


def others_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """The other classes' maps pushed the other way, section III B, end."""
    return _each(replace(base, arm="others", others=1.0), grid.others_settings, grid.variant_seeds)


def long_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """Longer training, since the paper's is: does beta = 100 recover?"""
    long = replace(base, arm="long", epochs=grid.long_factor * base.epochs)
    return _each(long, grid.long_settings, grid.variant_seeds)


def offset_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """1 + M in the place of M: does it explain Table I?"""
    return _each(
        replace(base, arm="offset"), [(beta, "offset") for beta in grid.offset_betas], grid.variant_seeds
    )


def fresh_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """Seeds that no rule was written after: for what was noticed in the other arms."""
    fresh = replace(base, arm="fresh")
    settings = [(0.0, "relu"), (0.3, "relu"), (100.0, "relu"), (0.3, "shifted")]
    runs = [
        *_each(fresh, settings, grid.seeds),
        *_each(replace(fresh, measure="ca"), [(0.3, "relu")], grid.seeds),
        *_each(replace(fresh, others=1.0), grid.others_settings, grid.seeds),
    ]
    return [replace(run, seed=grid.fresh_seeds + run.seed) for run in runs]


def deeper_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """More of the backbone trained."""
    return _each(replace(base, arm="deeper", train_from=grid.deeper_from), grid.few, grid.variant_seeds)


def backbone_arm(base: EntropyRun, grid: Grid) -> list[EntropyRun]:
    """A second backbone."""
    second = replace(base, arm="backbone", backbone=grid.second_backbone, train_from=grid.second_from)
    return _each(second, grid.few, grid.variant_seeds)


ARMS = {
    "main": main_arm,
    "front": front_arm,
    "measures": measures_arm,
    "others": others_arm,
    "offset": offset_arm,
    "long": long_arm,
    "fresh": fresh_arm,
    "deeper": deeper_arm,
    "backbone": backbone_arm,
}


def runs_of(base: EntropyRun, arms: Iterable[str], grid: Grid, deletion: int) -> list[EntropyRun]:
    """All runs of the arms named; the deletion curve is measured in the main arm only."""
    every = [run for arm in arms for run in ARMS[arm](base, grid)]
    return [replace(run, deletion=deletion if run.arm == "main" else 0) for run in every]


def _each(base: EntropyRun, settings: Iterable[tuple[float, str]], seeds: int) -> list[EntropyRun]:
    return [
        replace(base, beta=beta, form=form, seed=seed) for beta, form in settings for seed in range(seeds)
    ]
