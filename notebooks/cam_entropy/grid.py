"""All runs of the paper, built from the notebook's parameters: one function for notebook, dry run and tests."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cam_entropy.data import open_data
from cam_entropy.experiment import EntropyRun, run
from cam_entropy.parameters import STRIDE, Parameters
from papers_lib.companion import paths
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.sweep import DataRef, Part

Setting = tuple[str, float]


def plan(chosen: Parameters, folder: Path | None = None) -> list[Part]:
    """One part, with the runs of every comparison; synthetic scenes and crops in ``folder``, or the checkout's."""

    def crops() -> DataRef:
        return open_data(*data_of(chosen, folder)).crops

    return [Part("crops of scenes", run, configs_of(chosen), crops, chosen.train_scenes)]


def data_of(chosen: Parameters, folder: Path | None = None) -> tuple[Any, ...]:
    """Arguments of ``open_data``."""
    sizes = {"train": chosen.train_scenes, "test": chosen.test_scenes}
    crop = {name: getattr(chosen, name) for name in ("side", "scene_side", "whole", "difficult")}
    return chosen.data_root, folder or paths.data_folder(), sizes, chosen.data_seed, crop, chosen.jobs


def configs_of(chosen: Parameters) -> list[EntropyRun]:
    """The runs, comparison by comparison; the deletion curve is measured in the main one only."""
    names = ("backbone", "weights", "train_from", "epochs", "batch_size", "learning_rate", "mixed", "measure")
    base = EntropyRun(seed=0, beta=0.0, **{name: getattr(chosen, name) for name in names})
    settings_by_arm = settings_of(base, chosen)
    runs = []
    for arm in chosen.arms:
        count = chosen.seeds if arm in ("main", "fresh") else chosen.variant_seeds
        first = chosen.fresh_seed if arm == "fresh" else 0
        deletion = chosen.deletion if arm == "main" else 0
        for shared, settings in settings_by_arm[arm]:
            for form, beta in settings:
                config = replace(shared, arm=arm, form=form, beta=beta, deletion=deletion)
                runs += [replace(config, seed=seed) for seed in range(first, first + count)]
    return runs


def settings_of(base: EntropyRun, chosen: Parameters) -> dict[str, list[tuple[EntropyRun, list[Setting]]]]:
    """What each comparison trains: a run that its settings (form and β) share, and these settings."""
    printed = [("relu", beta) for beta in chosen.betas]
    trained = {"relu": chosen.betas, "shifted": chosen.shifted_betas}
    front = [(form, beta) for form in trained for beta in chosen.front_betas if beta not in trained[form]]
    pushed = (replace(base, others=chosen.others), parsed(chosen.others_settings))
    fresh = parsed(["none", "relu_0.3", "relu_100", "shifted_0.3"])
    rest = [replace(base, measure=one) for one in ("ce", "ca", "cd") if one != base.measure]
    second = replace(base, backbone=chosen.second_backbone, train_from=chosen.second_from)
    few = parsed(chosen.few_settings)
    return {
        "main": [(base, printed + [("shifted", beta) for beta in chosen.shifted_betas])],
        "front": [(base, front)],
        "measures": [(one, parsed(chosen.measure_settings)) for one in rest],
        "others": [pushed],
        # 1 + M in the place of M: does it explain Table I?
        "offset": [(base, [("offset", beta) for beta in chosen.offset_betas])],
        # Longer training, since the paper's is: does β = 100 recover?
        "long": [(replace(base, epochs=chosen.long_factor * base.epochs), parsed(chosen.long_settings))],
        # Seeds that no rule was written after: for what was noticed in the other comparisons.
        "fresh": [(base, fresh), (replace(base, measure="ca"), parsed(["relu_0.3"])), pushed],
        "deeper": [(replace(base, train_from=chosen.deeper_from), few)],
        "backbone": [(second, few)],
    }


def parsed(settings: Iterable[str]) -> list[Setting]:
    """Form and β of settings.

    >>> parsed(["none", "shifted_0.3"])
    [('relu', 0.0), ('shifted', 0.3)]
    """
    parts = [("relu_0" if setting == "none" else setting).split("_") for setting in settings]
    return [(form, float(beta)) for form, beta in parts]


@torch.no_grad()
def check_backbones(runs: Iterable[EntropyRun]) -> None:
    """Build each network once. Raises: UserError, no such network, weights or stage, or a stride not ``STRIDE``."""
    side = 2 * STRIDE
    for backbone, weights, stage in sorted({(one.backbone, one.weights, one.train_from) for one in runs}):
        generator = torch.Generator().manual_seed(0)
        model = pooled_classifier(backbone, 2, generator=generator, weights=weights)  # type: ignore[arg-type]
        try:
            split_at(model, stage)
            found = tuple(model.eval().features(torch.zeros(1, 3, side, side)).shape[-2:])
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"network {backbone}, pictures of {side} x {side}: {reason}") from error
        if found != (2, 2):
            text = f"pictures of {side} x {side} make maps of {found[0]} x {found[1]} cells, expected 2 x 2"
            raise UserError(f"network {backbone}: {text} (a stride of {STRIDE})")
