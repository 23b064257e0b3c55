"""A tiny stand-in for CheXpert, runs on it, and records of runs with any metrics and arrays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from papers_lib.sweep.context import Context
from papers_lib.sweep.records import Record
from sibnet_calibration.data import Opened, open_set
from sibnet_calibration.experiment import SibnetRun

SIDE = 64
SPEC = {"train": 24, "valid": 30, "seed": 8, "side": SIDE, "odds": 6.0}
RUN = SibnetRun(seed=0, weights="random", epochs=2, batch_size=10)
"""EfficientNet-Lite0 from random weights, trained behind stored features; the last batch holds four images."""


def open_tiny(folder: Path) -> Opened:
    """Every part has images with each of the five labels, and without."""
    torch.set_num_threads(1)
    return open_set("", folder, SPEC, SIDE, {}, 1)


def context(opened: Opened, checkpoint: Path) -> Context:
    return Context("cpu", opened.store.root, checkpoint)


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
        return Record(
            config, config.label(), status, reason, dict(metrics), str(self.count), path if arrays else None
        )
