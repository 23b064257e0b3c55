from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cam_entropy import experiment
from cam_entropy.data import batch_of, open_data
from cam_entropy.experiment import EntropyRun
from papers_lib.datasets.voc_store import CropSplit
from papers_lib.sweep import Record

CROP = {"side": 64, "scene_side": 128, "whole": False, "difficult": True}


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """Eight training and four test scenes, their boxes as crops of 64 px, and where they were put."""
    folder, sizes = tmp_path_factory.mktemp("scenes"), {"train": 8, "test": 4}
    found = open_data("", folder, sizes, 0, CROP, 1)
    return SimpleNamespace(root=found.crops.root, found=found, folder=folder, sizes=sizes)


@pytest.fixture
def hand_split():
    """Builds a CropSplit of black pictures by hand; every item is the only one of its picture unless told."""

    def make(classes, *, side=64, mask_side=96, names=("a", "b"), **fields):
        count = len(classes)
        plain = {
            "images": np.zeros((count, side, side, 3), np.uint8),
            "classes": np.array(classes, np.int64),
            "image": np.arange(count),
            "boxes": np.zeros((count, 4), np.float32),
            "region": np.tile(np.float32([0, 0, side, side]), (count, 1)),
            "masks": np.zeros((count, mask_side, mask_side), bool),
            "has_mask": np.zeros(count, bool),
            "parts": np.full((count, 4), np.nan, np.float32),
            "scenes": None,
            "scene_boxes": [],
            "scene_classes": [],
            "names": tuple(names),
        }
        every = {**plain, **fields}
        pictures = tuple(f"VOC2012/{number}" for number in range(int(every["image"].max()) + 1))
        return CropSplit(**every, pictures=pictures)

    return make


class Colours(torch.nn.Module):
    """Features are means of colours over cells; logits and maps of class 0 are red's, of class 1 green's."""

    def __init__(self, cells, weights):
        super().__init__()
        self.features = torch.nn.AdaptiveAvgPool2d(cells)
        first, last = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            first.weight.copy_(torch.eye(3))
            last.weight.copy_(torch.tensor(weights))
        pooled = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
        self.head = torch.nn.Sequential(*pooled, first, torch.nn.ReLU(), last)

    def forward(self, images):
        return self.head(self.features(images))


@pytest.fixture
def colours():
    """Makes a model by hand: see :class:`Colours`."""
    return Colours


@pytest.fixture
def entropy_record(tmp_path):
    """Builds a Record of a run by hand, with arrays in a file as the store has them."""

    def make(metrics=(), arrays=(), status="ok", **fields):
        config = EntropyRun(**{"seed": 0, "beta": 0.0, **fields})
        metrics, arrays = dict(metrics), dict(arrays)
        key = f"{len(list(tmp_path.iterdir())):03d}"
        path = tmp_path / f"{key}.npz"
        np.savez(path, **arrays)
        if status == "ok":
            metrics = {"setting": config.setting(), **metrics}
        reason = "" if status == "ok" else "why"
        return Record(config, config.label(), status, reason, metrics, key, path if arrays else None)

    return make


@pytest.fixture
def drawn(monkeypatch):
    """Items of every training batch, in order."""
    items = []

    def recording(inputs, some, device):
        items.append(some.tolist())
        return batch_of(inputs, some, device)

    monkeypatch.setattr(experiment, "batch_of", recording)
    return items
