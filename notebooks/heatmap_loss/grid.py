"""All runs of the paper, built from the notebook's parameters: one function for notebook, dry run and tests."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from heatmap_loss.data import experiments_of, open_data
from heatmap_loss.experiment import GROUPS, HeatmapRun, run
from heatmap_loss.parameters import Parameters
from papers_lib.companion import paths
from papers_lib.sweep import Part


def plan(chosen: Parameters, folder: Path | None = None) -> list[Part]:
    """One part per experiment, with the runs of every comparison; synthetic slices in ``folder``, or the checkout's."""
    sizes = {"train": chosen.train_slices, "val": chosen.val_slices, "test": chosen.test_slices}
    where = (chosen.data_root, folder or paths.data_folder(), sizes, chosen.data_seed, chosen.jobs)
    return [
        Part(
            name=f"cardiac slices, experiment {experiment}",
            run=run,
            configs=configs_of(experiment, chosen),
            data=partial(open_data, experiment, *where),
            images=chosen.train_slices,
        )
        for experiment in experiments_of(chosen.data_root, chosen.experiments)
    ]


def configs_of(experiment: int, chosen: Parameters) -> list[HeatmapRun]:
    """The runs of one experiment, comparison by comparison."""
    shared = ("model", "weights", "lr_low", "lr_high", "epochs", "batch_size", "mixed")
    term = ("weight", "form", "method", "target", "mask")
    values = {name: getattr(chosen, name) for name in (*shared, *term)}
    base = HeatmapRun(experiment=experiment, group="cce", seed=0, **values)
    weights = "imagenet" if base.model == "vgg16" else "digits"
    trained = replace(base, weights=weights, arm="pretrained")
    of_arm = {
        # Matched groups: only the loss differs.
        "main": [replace(base, group=group) for group in GROUPS],
        "authors": authors(trained, chosen),
        # What freezing alone does: CCE from weights of another task, convolutions trained and frozen.
        "frozen": [trained, replace(trained, train_features=False, arm="frozen")],
        "variants": list(variants(base, chosen)),
    }
    seeds = {arm: chosen.variant_seeds if arm == "variants" else chosen.seeds for arm in of_arm}
    return [
        replace(config, seed=seed)
        for arm in chosen.arms
        for config in of_arm[arm]
        for seed in range(seeds[arm])
    ]


def authors(base: HeatmapRun, chosen: Parameters) -> list[HeatmapRun]:
    """The authors' own comparison: CCE on frozen convolutions, heatmap loss on trained ones, 6 epochs against 2."""
    rate, epochs = chosen.authors_lr_factor, chosen.authors_epoch_factor
    low, high = (1.7e-5, 1.06e-5) if base.experiment == 1 else (5e-6, 1.1e-5)
    shared = replace(base, arm="authors")
    cce = replace(shared, train_features=False, epochs=6 * epochs, lr_low=rate * low, lr_high=rate * 1e-3)
    heatmap = replace(shared, group="heatmap", epochs=2 * epochs, lr_low=rate * 5e-7, lr_high=rate * high)
    return [cce, heatmap]


def variants(base: HeatmapRun, chosen: Parameters) -> Iterator[HeatmapRun]:
    """One change at a time to the heatmap term: every form at every weight; another mask, map and class."""
    heatmap = replace(base, group="heatmap")
    for form in chosen.variant_forms:
        for weight in chosen.variant_weights:
            if (form, weight) != (base.form, base.weight):
                yield replace(heatmap, arm="weight", form=form, weight=weight)
    yield replace(heatmap, arm="mask", mask="area" if base.mask == "point" else "point")
    yield replace(heatmap, arm="method", method="grad_cam" if base.method == "hires_cam" else "hires_cam")
    yield replace(heatmap, arm="target", target="true" if base.target == "predicted" else "predicted")
