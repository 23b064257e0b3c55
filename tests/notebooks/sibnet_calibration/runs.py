"""A tiny synthetic CheXpert, runs on it, and sets, records and rows of the tidy frame made by hand."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from papers_lib.companion import paths
from papers_lib.companion.parameters import resolve
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert_store import ChexpertImages
from papers_lib.sweep import Context, DataRef, Record
from sibnet_calibration.data import Opened, Source, open_source
from sibnet_calibration.experiment import SibnetRun
from sibnet_calibration.grid import Swept
from sibnet_calibration.parameters import Parameters

SIDE = 64
SOURCE = Source("", Path(), SIDE, train=24, valid=30, seed=8, picture_side=SIDE, odds=6.0)
RUN = SibnetRun(seed=0, weights="random", epochs=2, batch_size=10)
"""EfficientNet-Lite0 from random weights, trained behind stored features; the last batch holds four images."""
PARTS = {"train": 20, "val": 60, "test": 90}


def open_tiny(folder: Path) -> Opened:
    """Every part has images with each of the five labels, and without."""
    torch.set_num_threads(1)
    return open_source(replace(SOURCE, folder=folder))


def context(opened: Opened, checkpoint: Path) -> Context:
    return Context("cpu", opened.store.root, checkpoint)


def same(a, b):
    """Metrics or arrays alike; NaN equals NaN."""
    return a.keys() == b.keys() and all(
        np.array_equal(a[name], b[name], equal_nan=np.asarray(a[name]).dtype.kind == "f") for name in a
    )


def parameters(profile="quick", **changes) -> Parameters:
    """Those of the notebook under a profile."""
    given = dict(resolve(paths.repo_root(), "sibnet_calibration", profile))
    return Parameters.of({**given, **changes})


class Runs:
    """Makes records whose arrays lie in a folder, as the store has them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def record(self, metrics=(), arrays=(), status="ok", **fields) -> Record:
        config = replace(RUN, **fields)
        self.count += 1
        path = self.folder / f"{self.count}.npz"
        np.savez(path, **dict(arrays))
        reason = "" if status == "ok" else "why"
        found = path if arrays else None
        return Record(config, config.label(), status, reason, dict(metrics), str(self.count), found)


def opened(classes=3, *, known=True, boxes=True) -> Opened:
    """Labels drawn from a known P(y | x), pictures of noise; each image has a box of each class, upper left."""
    count = sum(PARTS.values())
    generator = np.random.default_rng(0)
    truth = generator.uniform(0.05, 0.95, (count, classes))
    labels = generator.random((count, classes)) < truth
    quarter = np.tile(np.array([[0, 0, 0.5, 0.5]], np.float32), (classes if boxes else 0, 1))
    images = BoxedImages(
        classes=tuple(f"label {k}" for k in range(classes)),
        names=tuple(map(str, range(count))),
        paths=(Path("a"),) * count,
        where=("",) * count,
        labels=labels,
        boxes=(quarter,) * count,
        box_classes=(np.arange(len(quarter)),) * count,
        patients=None,
        split=np.repeat(list(PARTS), list(PARTS.values())),
    )
    pixels = generator.integers(0, 256, (count, 32, 32), dtype=np.uint8)
    known_truth = truth if known else np.full_like(truth, np.nan)
    store = DataRef(Path("a"), "a", "synthetic data")
    return Opened(store, ChexpertImages(images, pixels, known_truth, labels.astype(float)), "a")


def logits(found: Opened, scale=1.0, shift=0.0, seed=0) -> dict[str, np.ndarray]:
    """Arrays of a model that knows P(y | x) up to some noise, sharpened and shifted."""
    images = found.images.images
    generator = np.random.default_rng(seed)
    z = scale * (2.0 * images.labels - 1 + generator.normal(size=images.labels.shape)) + shift
    parts = {f"{part}_logits": np.float32(z[images.split == part]) for part in PARTS}
    return parts | {"contrast_logits": parts["test_logits"][:30]}


def swept(found: Opened, *records: Record, data="first") -> Swept:
    return Swept(data, records, found)


def model(setting, arm="losses", seed=0, data="first", status="ok", after=(), **fields):
    """Rows of the tidy frame for one model: its measures before calibration, then those after each calibrator."""
    same = {**asdict(RUN), "arm": arm, "setting": setting, "seed": seed, "data": data, "status": status}
    own = {key: value for key, value in fields.items() if key in same}
    measures = {key: value for key, value in fields.items() if key not in own}
    rows = [{**same, **own, "calibrator": "none", **measures}]
    return rows + [{**same, **own, "calibrator": name, **found} for name, found in dict(after).items()]


def frame_of(*models):
    return pd.DataFrame([row for rows in models for row in rows])
