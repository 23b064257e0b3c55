"""All runs of the paper, built from the notebook's parameters: one function for notebook, dry run and tests."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cam_entropy.data import open_data
from cam_entropy.experiment import EntropyRun, run
from cam_entropy.parameters import Parameters
from papers_lib.companion import paths
from papers_lib.sweep import DataRef, Part

Runs = list[EntropyRun]


def plan(chosen: Parameters, folder: Path | None = None) -> list[Part]:
    """One part, with the runs of every comparison in ``chosen.arms``.

    Args:
        chosen: the notebook's parameters.
        folder: where synthetic scenes and crops are kept; default that of the checkout.
    """

    def crops() -> DataRef:
        return open_data(*data_of(chosen, folder)).crops

    return [Part("crops of scenes", run, configs_of(chosen), crops, chosen.train_scenes)]


def data_of(chosen: Parameters, folder: Path | None = None) -> tuple[Any, ...]:
    """Arguments of ``open_data``."""
    sizes = {"train": chosen.train_scenes, "test": chosen.test_scenes}
    crop = {name: getattr(chosen, name) for name in ("side", "scene_side", "whole", "difficult")}
    return chosen.data_root, folder or paths.data_folder(), sizes, chosen.data_seed, crop, chosen.jobs


def configs_of(chosen: Parameters) -> Runs:
    """The runs, comparison by comparison; the deletion curve is measured in the main one only."""
    names = ("backbone", "weights", "train_from", "epochs", "batch_size", "learning_rate", "mixed", "measure")
    base = EntropyRun(seed=0, beta=0.0, **{name: getattr(chosen, name) for name in names})
    runs = [run for arm in chosen.arms for run in COMPARISONS[arm](replace(base, arm=arm), chosen)]
    return [replace(run, deletion=chosen.deletion if run.arm == "main" else 0) for run in runs]


def main(base: EntropyRun, chosen: Parameters) -> Runs:
    """The paper's loss in both forms; only β and form differ."""
    settings = [("relu", beta) for beta in chosen.betas] + [
        ("shifted", beta) for beta in chosen.shifted_betas
    ]
    return _each(base, settings, chosen.seeds)


def front(base: EntropyRun, chosen: Parameters) -> Runs:
    """More values of β, for accuracy against sharpness; those of the main comparison are trained there."""
    trained = {"relu": chosen.betas, "shifted": chosen.shifted_betas}
    settings = [(form, beta) for form in trained for beta in chosen.front_betas if beta not in trained[form]]
    return _each(base, settings, chosen.variant_seeds)


def measures(base: EntropyRun, chosen: Parameters) -> Runs:
    """The measures that are not in the loss of the main comparison, in its place."""
    settings = parsed(chosen.measure_settings)
    return [
        config
        for measure in ("ce", "ca", "cd")
        if measure != base.measure
        for config in _each(replace(base, measure=measure), settings, chosen.variant_seeds)
    ]


def others(base: EntropyRun, chosen: Parameters) -> Runs:
    """The other classes' maps pushed the other way, section III B, end."""
    return _each(replace(base, others=chosen.others), parsed(chosen.others_settings), chosen.variant_seeds)


def offset(base: EntropyRun, chosen: Parameters) -> Runs:
    """1 + M in the place of M: does it explain Table I?"""
    return _each(base, [("offset", beta) for beta in chosen.offset_betas], chosen.variant_seeds)


def long(base: EntropyRun, chosen: Parameters) -> Runs:
    """Longer training, since the paper's is: does β = 100 recover?"""
    base = replace(base, epochs=chosen.long_factor * base.epochs)
    return _each(base, parsed(chosen.long_settings), chosen.variant_seeds)


def fresh(base: EntropyRun, chosen: Parameters) -> Runs:
    """Seeds that no rule was written after: for what was noticed in the other comparisons."""
    settings = [("relu", 0.0), ("relu", 0.3), ("relu", 100.0), ("shifted", 0.3)]
    runs = [
        *_each(base, settings, chosen.seeds),
        *_each(replace(base, measure="ca"), [("relu", 0.3)], chosen.seeds),
        *_each(replace(base, others=chosen.others), parsed(chosen.others_settings), chosen.seeds),
    ]
    return [replace(config, seed=chosen.fresh_seed + config.seed) for config in runs]


def deeper(base: EntropyRun, chosen: Parameters) -> Runs:
    """More of the backbone trained."""
    base = replace(base, train_from=chosen.deeper_from)
    return _each(base, parsed(chosen.few_settings), chosen.variant_seeds)


def backbone(base: EntropyRun, chosen: Parameters) -> Runs:
    """A second backbone."""
    base = replace(base, backbone=chosen.second_backbone, train_from=chosen.second_from)
    return _each(base, parsed(chosen.few_settings), chosen.variant_seeds)


COMPARISONS: dict[str, Callable[[EntropyRun, Parameters], Runs]] = {
    one.__name__: one for one in (main, front, measures, others, offset, long, fresh, deeper, backbone)
}


def parsed(settings: Iterable[str]) -> list[tuple[str, float]]:
    """Form and β of settings.

    >>> parsed(["none", "shifted_0.3"])
    [('relu', 0.0), ('shifted', 0.3)]
    """
    parts = [("relu_0" if setting == "none" else setting).split("_") for setting in settings]
    return [(form, float(beta)) for form, beta in parts]


def _each(base: EntropyRun, settings: Iterable[tuple[str, float]], seeds: int) -> Runs:
    return [replace(base, beta=beta, form=form, seed=s) for form, beta in settings for s in range(seeds)]
