"""The cardiac slices: a real set where the user has one, synthetic slices otherwise; and scores without a model."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from data_gen.cardiac_mri import CardiacSpec, write
from data_gen.store import ensure
from papers_lib.datasets.cardiac import CardiacSplit, load_cardiac
from papers_lib.datasets.fingerprint import data_kind, tree_fingerprint
from papers_lib.metrics.overlap import best_cell_share
from papers_lib.sweep import DataRef


def open_data(
    experiment: int, data_root: str, folder: Path, sizes: Mapping[str, int], seed: int, jobs: int
) -> DataRef:
    """The data set of one experiment: the one at ``data_root``, or, if that is "", synthetic slices in ``folder``."""
    if not data_root:
        spec = CardiacSpec(experiment=experiment, seed=seed, **sizes)
        root = ensure(folder, f"cardiac-exp{experiment}", spec, partial(write, jobs=jobs))
        return DataRef(root, root.name.rpartition("-")[2], "synthetic data")
    root = Path(data_root).expanduser()
    return DataRef(root, tree_fingerprint(root)[:16], data_kind(root))


def experiments_of(data_root: str, experiments: Sequence[int]) -> Sequence[int]:
    """The experiments that the data allow: a user's own set is experiment 2 if its masks hold a sex label, else 1."""
    if not data_root:
        return experiments
    return [2] if load_cardiac(Path(data_root).expanduser(), "test").label_box.any() else [1]


def baselines(split: CardiacSplit, map_size: tuple[int, int]) -> dict[str, dict[str, float]]:
    """Shares of heat in the "heart" and the "label" without a model, averaged in classes, then over them.

    ``area``: the region's share of the image (chance). ``class's mean mask``: of a map equal to it (trivial prior;
    fitted on the slices scored, so a little too high). ``best cell``: all heat in it (ceiling of the map's stride).
    """
    found = {}
    for name, masks in (("heart", split.heart), ("label", split.label_box)):
        if not masks.any():
            continue
        by_class = [torch.from_numpy(masks[split.classes == k]).double() for k in np.unique(split.classes)]
        seen = [mask for mask in by_class if mask.any()]
        prior = [float((mask.mean(0) * mask).sum((1, 2)).mean() / mask.mean(0).sum()) for mask in seen]
        found[name] = {
            "area": fmean(float(mask.mean()) for mask in by_class),
            "class's mean mask": fmean(prior),
            "best cell": fmean(float(best_cell_share(mask, map_size).mean()) for mask in by_class),
        }
    return found
