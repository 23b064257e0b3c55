"""Data of the heatmap-loss experiment: a real set where the user has one, the synthetic stand-in otherwise."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from data_gen.cardiac_mri import CardiacSpec, write
from data_gen.store import ensure
from papers_lib.datasets.cardiac import CardiacSplit, describe, load_cardiac
from papers_lib.datasets.fingerprint import tree_fingerprint
from papers_lib.errors import UserError
from papers_lib.experiments.sweep import DataRef


def open_data(
    experiment: int, data_root: str, folder: Path, sizes: Mapping[str, int], seed: int, jobs: int
) -> DataRef:
    """The data set of one experiment.

    Args:
        experiment: 1 or 2.
        data_root: folder of a real set in the layout of ``papers_lib.datasets.cardiac``, or "".
        folder: where generated sets are kept.
        sizes: slices by split ("train", "val", "test") of a generated set.
        seed: of a generated set.
        jobs: processes that write it.
    """
    if not data_root:
        spec = CardiacSpec(experiment=experiment, seed=seed, **sizes)
        root = ensure(folder, f"cardiac-exp{experiment}", spec, partial(write, jobs=max(1, jobs)))
        return DataRef(root, root.name.rpartition("-")[2], "stand-in")
    root = Path(data_root).expanduser()
    kind = describe(root).kind
    return DataRef(root, tree_fingerprint(root)[:16], "real data" if kind == "real" else "stand-in")


def experiments_of(data_root: str, experiments: list[int]) -> list[int]:
    """The experiments that the data allow: a user's own set is experiment 2 if its masks hold a sex label, else 1."""
    unknown = [number for number in experiments if number not in (1, 2)]
    if unknown or not experiments:
        raise UserError(f"parameter experiments: found {experiments}, expected a list of 1 and 2")
    if not data_root:
        return experiments
    return [2] if load_cardiac(Path(data_root).expanduser(), "test").label_box.any() else [1]


def area_shares(split: CardiacSplit) -> dict[str, float]:
    """Share of the image that heart and sex label cover: mean in each class, then over the classes.

    It is what a map without any preference would score, the chance level of the overlaps.
    """
    regions = {"heart": split.heart, "label": split.label_box}
    return {
        name: float(np.mean([mask[split.classes == k].mean() for k in np.unique(split.classes)]))
        for name, mask in regions.items()
    }


def sixteen(split: CardiacSplit, name: str, classes: tuple[str, ...]) -> np.ndarray:
    """The first sixteen slices of a class, as in figures 2 to 5."""
    return split.images[split.classes == classes.index(name)][:16]
