"""The grid of the heatmap-loss experiment: which runs each profile's arms consist of."""

from collections.abc import Iterable
from dataclasses import replace

from papers_lib.errors import UserError
from papers_lib.experiments.heatmap_loss import GROUPS, HeatmapRun

LR_FACTOR = 100.0
"""The authors' learning rates times this: their 20,000 to 60,000 steps of batch 1 against our few hundred of batch 16.

One factor for both groups, so that the ratio of their ranges, the confound, is kept.
"""


def main_arm(base: HeatmapRun, seeds: Iterable[int]) -> list[HeatmapRun]:
    """Matched groups: only the loss differs."""
    return [replace(base, group=group, seed=seed, arm="main") for group in GROUPS for seed in seeds]


def authors_arm(base: HeatmapRun, seeds: Iterable[int]) -> list[HeatmapRun]:
    """The authors' own comparison: CCE on frozen convolutions, heatmap loss on trained ones.

    Their learning-rate ranges of the analysed models (fact sheet), times ``LR_FACTOR``; epochs 6 against 2 as theirs,
    doubled, since an epoch of ours is shorter; both start from weights of another task (``digits_pretext``).
    """
    cce = replace(
        base,
        arm="authors",
        group="cce",
        weights="imagenet" if base.model == "vgg16" else "digits",
        train_features=False,
        epochs=12,
        lr_low=1.7e-5 * LR_FACTOR if base.experiment == 1 else 5e-6 * LR_FACTOR,
        lr_high=1e-3 * LR_FACTOR,
    )
    heatmap = replace(
        cce,
        group="heatmap",
        train_features=True,
        epochs=4,
        lr_low=5e-7 * LR_FACTOR,
        lr_high=1.06e-5 * LR_FACTOR if base.experiment == 1 else 1.1e-5 * LR_FACTOR,
    )
    return [replace(config, seed=seed) for config in (cce, heatmap) for seed in seeds]


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


def grid(base: HeatmapRun, arms: Iterable[str], seeds: int, variant_seeds: int) -> list[HeatmapRun]:
    """All runs of one experiment: ``arms`` out of "main", "authors" and "variants".

    Raises:
        UserError: an unknown arm.
    """
    runs: list[HeatmapRun] = []
    for arm in arms:
        match arm:
            case "main":
                runs += main_arm(base, range(seeds))
            case "authors":
                runs += authors_arm(base, range(seeds))
            case "variants":
                runs += variants(base, range(variant_seeds))
            case _:
                raise UserError(f"parameter arms: found {arm!r}, expected 'main', 'authors' or 'variants'")
    return runs
