"""The grid of the Sibnet experiment: which runs each arm consists of, and on which data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sibnet_calibration.experiment import SibnetRun

SECOND, SCRATCH = "efficientnet_lite2", "random"
"""The other encoder of the arm "backbones", and the initial weights of the third."""


@dataclass(frozen=True)
class Grid:
    """What the arms vary.

    Attributes:
        seeds: models a setting of the arms "losses" and "saliency"; ``variant_seeds`` of the rest.
        distinct, coherent: λ1 and λ2 of the custom losses.
        distincts, coherents: other values of them, for the arm "weights".
        rates, dropouts: of Figures 4.3 and 4.4.
        saliency_epochs: of the arms "saliency" and "weights"; 0 means those of the others.
        long_epochs: of the models of "rates"; the report's 50.
        mimo: numbers of inputs.
        backbones: names beside the first; "random" is the first from random weights, all of it trained.
        quick: only the settings of the short profile.
    """

    seeds: int = 3
    variant_seeds: int = 3
    distinct: float = 1.4
    coherent: float = 30.0
    distincts: tuple[float, ...] = ()
    coherents: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    dropouts: tuple[float, ...] = ()
    saliency_epochs: int = 0
    long_epochs: int = 20
    mimo: tuple[int, ...] = (2,)
    backbones: tuple[str, ...] = (SECOND, SCRATCH)
    quick: bool = False


def losses_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """Tables 4.2 and 4.3: DeepAUC with Adam, as the report trained it, and with PESG, which it was made for.

    Not in the report: Adam with ascent on alpha, and PESG after a first stage of cross entropy, as the loss's own paper
    trains it.
    """
    settings = [
        replace(base, loss="bce"),
        replace(base, loss="focal"),
        replace(base, loss="auc", optimizer="pesg"),
    ]
    if not grid.quick:
        settings.append(replace(base, loss="auc", optimizer="adam"))
        settings.append(replace(base, loss="auc", optimizer="adam_ascending"))
        settings.append(_staged(replace(base, loss="auc", optimizer="pesg", first_loss="bce")))
    return _each(settings, grid.seeds)


def saliency_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """Table 4.1, with the rows that the report lacks: spatial coherence, and both terms.

    Not in the report either: distinctiveness of the raw maps, and the published variant of coherence.
    """
    base = _weighted(base, grid)
    cd = replace(base, distinct=grid.distinct)
    if grid.quick:
        return _each([base, _staged(cd)], grid.seeds)
    sc = replace(base, coherent=grid.coherent)
    both = replace(cd, coherent=grid.coherent)
    main = [base, cd, _staged(cd), sc, _staged(sc), both, _staged(both)]
    variants = [_staged(replace(cd, encoded=False)), _staged(replace(sc, variant="published"))]
    return _each(main, grid.seeds) + _each(variants, grid.variant_seeds)


def mimo_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """Section 3.5, with results: all of the network trained, with one input and several, at equal numbers of images.

    A MIMO network sees each image ``repetition`` times an epoch; epochs of the arm are rounded to a multiple of that.
    """
    rounds = max(1, round(base.epochs / base.repetition))
    base = replace(base, train_from="", epochs=rounds * base.repetition)
    return _each([base, *(replace(base, inputs=inputs) for inputs in grid.mimo)], grid.variant_seeds)


def rates_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """Figures 4.3 and 4.4: learning rates and dropout rates of the custom loss, trained for long (section 4.4)."""
    base = replace(base, loss="wbce", distinct=grid.distinct, epochs=grid.long_epochs)
    rates = [replace(base, learning_rate=rate) for rate in grid.rates]
    dropouts = [replace(base, dropout=dropout) for dropout in grid.dropouts]
    return _each(list(dict.fromkeys([*rates, *dropouts])), grid.variant_seeds)


def backbones_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """Figure 4.5 and section 4.5: other encoders, and the first from random weights ("random initial weights", 4.3)."""
    found = []
    for name in grid.backbones:
        other = (
            replace(base, weights="random", train_from="")
            if name == SCRATCH
            else replace(base, backbone=name)
        )
        found.append(other)
    return _each(found, grid.variant_seeds)


def weights_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """λ1 and λ2 of the modified pipeline."""
    base = _weighted(base, grid)
    settings = [_staged(replace(base, distinct=value)) for value in grid.distincts]
    settings += [_staged(replace(base, coherent=value)) for value in grid.coherents]
    return _each(settings, grid.variant_seeds)


def imbalance_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """The losses made for imbalance, on a set with rarer findings."""
    settings = [
        replace(base, loss="bce"),
        replace(base, loss="wbce"),
        replace(base, loss="focal"),
        replace(base, loss="auc", optimizer="pesg"),
    ]
    return _each(settings, grid.variant_seeds)


def mapping_arm(base: SibnetRun, grid: Grid) -> list[SibnetRun]:
    """Cross entropy, on a set whose uncertain labels are mapped in another way."""
    return _each([base], grid.variant_seeds)


ARMS: dict[str, Callable[[SibnetRun, Grid], list[SibnetRun]]] = {
    "losses": losses_arm,
    "saliency": saliency_arm,
    "mimo": mimo_arm,
    "rates": rates_arm,
    "backbones": backbones_arm,
    "weights": weights_arm,
    "imbalance": imbalance_arm,
    "mapping": mapping_arm,
}
FIRST = ("losses", "saliency", "mimo", "rates", "backbones", "weights")
"""Arms on the first data set."""


def runs_of(base: SibnetRun, arms: Sequence[str], grid: Grid) -> list[SibnetRun]:
    """All runs of the arms named, each marked with its arm."""
    return [run for arm in arms for run in ARMS[arm](replace(base, arm=arm), grid)]


def _weighted(base: SibnetRun, grid: Grid) -> SibnetRun:
    """Weighted cross entropy, to which the report adds its terms on the maps."""
    return replace(base, loss="wbce", epochs=grid.saliency_epochs or base.epochs)


def _staged(run: SibnetRun) -> SibnetRun:
    """The run in two stages, half of its epochs each."""
    return replace(run, first_epochs=run.epochs // 2)


def _each(settings: Sequence[SibnetRun], seeds: int) -> list[SibnetRun]:
    return [replace(one, seed=seed) for one in settings for seed in range(seeds)]
