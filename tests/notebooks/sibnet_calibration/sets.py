"""A set made by hand for the Sibnet figures: K labels drawn from a known P(y | x), no pictures; and models of it."""

from pathlib import Path

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert_store import ChexpertImages
from papers_lib.sweep.core import DataRef
from sibnet_calibration.data import Opened
from sibnet_calibration.sweeps import Swept

NAMES = np.array(["label_loss", "loss", "stage", "val_auroc", "val_loss"])
PARTS = {"train": 20, "val": 60, "test": 90}


def opened(classes=3, *, known=True) -> Opened:
    count = sum(PARTS.values())
    generator = np.random.default_rng(0)
    truth = generator.uniform(0.05, 0.95, (count, classes))
    images = BoxedImages(
        classes=tuple(f"label {k}" for k in range(classes)),
        names=tuple(map(str, range(count))),
        paths=(Path("a"),) * count,
        where=("",) * count,
        labels=generator.random((count, classes)) < truth,
        boxes=(np.zeros((0, 4), np.float32),) * count,
        box_classes=(np.zeros(0, np.int64),) * count,
        patients=None,
        split=np.repeat(list(PARTS), list(PARTS.values())),
    )
    known_truth = truth if known else np.full_like(truth, np.nan)
    pixels = np.zeros((count, 1, 1), np.uint8)
    store = DataRef(Path("a"), "a", "stand-in")
    return Opened(store, ChexpertImages(images, pixels, known_truth, images.labels.astype(float)), "a")


def logits(found: Opened, scale=1.0, shift=0.0, seed=0) -> dict[str, np.ndarray]:
    """Arrays of a model that knows P(y | x) up to some noise, sharpened and shifted."""
    images = found.images.images
    generator = np.random.default_rng(seed)
    z = scale * (2.0 * images.labels - 1 + generator.normal(size=images.labels.shape)) + shift
    parts = {f"{part}_logits": np.float32(z[images.split == part]) for part in PARTS}
    return parts | {"contrast_logits": parts["test_logits"][:30]}


def swept(found: Opened, *records, data="first") -> Swept:
    return Swept(data, records, found)


def curves(stages, loss, val_auroc, label_loss=None) -> dict[str, np.ndarray]:
    """Arrays of a run's epochs; its validation loss is one less its AUROC."""
    added = np.full(len(loss), np.nan) if label_loss is None else label_loss
    table = np.array([added, loss, stages, val_auroc, 1 - np.array(val_auroc)], float).T
    return {"curves": table, "curve_names": NAMES}
