"""The grid of the heatmap-loss experiment: which runs each profile's arms consist of."""

from collections.abc import Iterable
from dataclasses import replace

from heatmap_loss.experiment import GROUPS, HeatmapRun
from heatmap_loss.parameters import ARMS
from papers_lib.errors import UserError


def main_arm(base: HeatmapRun, seeds: Iterable[int]) -> list[HeatmapRun]:
    """Matched groups: only the loss differs."""
    return [replace(base, group=group, seed=seed, arm="main") for group in GROUPS for seed in seeds]


def authors_arm(
    base: HeatmapRun, seeds: Iterable[int], lr_factor: float, epoch_factor: int
) -> list[HeatmapRun]:
    """The authors' own comparison: CCE on frozen convolutions, heatmap loss on trained ones.

    Both start from weights of another task. The ratios that make the confound are theirs: 6 epochs against 2, and
    the learning-rate ranges of the analysed models (1.7e-5 to 1e-3 against 5e-7 to 1.06e-5 in experiment 1).

    Args:
        lr_factor: on all of their learning rates, for a larger batch and fewer steps.
        epoch_factor: on both numbers of epochs, for smaller ones.
    """
    cce = replace(
        base,
        arm="authors",
        group="cce",
        weights=_pretrained(base),
        train_features=False,
        epochs=6 * epoch_factor,
        lr_low=lr_factor * (1.7e-5 if base.experiment == 1 else 5e-6),
        lr_high=lr_factor * 1e-3,
    )
    heatmap = replace(
        cce,
        group="heatmap",
        train_features=True,
        epochs=2 * epoch_factor,
        lr_low=lr_factor * 5e-7,
        lr_high=lr_factor * (1.06e-5 if base.experiment == 1 else 1.1e-5),
    )
    return [replace(config, seed=seed) for config in (cce, heatmap) for seed in seeds]


def frozen_arm(base: HeatmapRun, seeds: Iterable[int]) -> list[HeatmapRun]:
    """What freezing alone does: CCE from weights of another task, convolutions trained and frozen."""
    trained = replace(base, group="cce", weights=_pretrained(base), arm="pretrained")
    frozen = replace(trained, train_features=False, arm="frozen")
    return [replace(config, seed=seed) for config in (trained, frozen) for seed in seeds]


def variants(base: HeatmapRun, seeds: Iterable[int]) -> list[HeatmapRun]:
    """One change at a time to the heatmap term; the unchanged term is in the main arm.

    Every form at the weights 0.1, 1 and 10; the area-averaged mask; Grad-CAM in the loss; the true class's map.
    """
    heatmap = replace(base, group="heatmap")
    changes = [
        replace(heatmap, arm="weight", form=form, weight=weight)
        for form in ("mean", "sum", "share", "dice")
        for weight in (0.1, 1.0, 10.0)
        if (form, weight) != ("mean", 1.0)
    ]
    changes.append(replace(heatmap, arm="mask", mask="area"))
    changes.append(replace(heatmap, arm="method", method="grad_cam"))
    changes.append(replace(heatmap, arm="target", target="true"))
    return [replace(config, seed=seed) for config in changes for seed in seeds]


def grid(
    base: HeatmapRun,
    arms: Iterable[str],
    seeds: int,
    variant_seeds: int,
    lr_factor: float,
    epoch_factor: int,
) -> list[HeatmapRun]:
    """All runs of one experiment.

    Args:
        base: what all runs share.
        arms: out of ``ARMS``.
        seeds: models a group; ``variant_seeds`` of the arm "variants".
        lr_factor, epoch_factor: of the arm "authors".

    Raises:
        UserError: an unknown arm.
    """
    runs: list[HeatmapRun] = []
    for arm in arms:
        match arm:
            case "main":
                runs += main_arm(base, range(seeds))
            case "authors":
                runs += authors_arm(base, range(seeds), lr_factor, epoch_factor)
            case "frozen":
                runs += frozen_arm(base, range(seeds))
            case "variants":
                runs += variants(base, range(variant_seeds))
            case _:
                raise UserError(f"parameter arms: found {arm!r}, expected one of {', '.join(ARMS)}")
    return runs


def _pretrained(base: HeatmapRun) -> str:
    return "imagenet" if base.model == "vgg16" else "digits"
