from types import SimpleNamespace

import numpy as np
import pytest

from data_gen.cardiac_mri import CardiacSpec, write


@pytest.fixture(scope="session")
def slices(tmp_path_factory):
    """A small data set of each experiment: 64 training, 32 validation and 16 test slices."""
    roots = {}
    for experiment in (1, 2):
        roots[experiment] = tmp_path_factory.mktemp("slices") / f"exp{experiment}"
        write(roots[experiment], CardiacSpec(experiment=experiment, train=64, val=32, test=16, seed=1))
    return roots


CROP = {"side": 64, "scene_side": 128, "whole": False, "difficult": True}


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """Eight training and four test scenes, their boxes as crops of 64 px, and where they were put."""
    from cam_entropy.data import open_data

    folder = tmp_path_factory.mktemp("scenes")
    sizes = {"train": 8, "test": 4}
    found = open_data("", folder, sizes, 0, CROP, 1)
    return SimpleNamespace(crops=found.crops, root=found.crops.root, found=found, folder=folder, sizes=sizes)


@pytest.fixture
def hand_split():
    """Builds a CropSplit of black pictures by hand; every item is the only one of its picture unless told."""
    from papers_lib.datasets.voc_crop_split import CropSplit

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


@pytest.fixture
def entropy_record(tmp_path):
    """Builds a Record of a CAM-entropy run by hand, with arrays in a file as the store has them."""
    from cam_entropy.experiment import EntropyRun
    from papers_lib.sweep.records import Record

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
    """Items of every training batch of CAM-entropy runs, in order."""
    from cam_entropy import experiment as cam_entropy
    from cam_entropy.split import batch_of

    items = []

    def recording(inputs, some, device):
        items.append(some.tolist())
        return batch_of(inputs, some, device)

    monkeypatch.setattr(cam_entropy, "batch_of", recording)
    return items


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Images for PYLON runs, with the features that the module's runs store beside them."""
    import torch

    from tests.notebooks.pylon.stores import write_store

    torch.set_num_threads(1)
    return write_store(tmp_path_factory.mktemp("pylon") / "images")


@pytest.fixture(scope="session")
def chexpert(tmp_path_factory):
    """24 training, 9 calibration and 21 test pictures of 64 px in CheXpert's layout, as runs read them."""
    from tests.notebooks.sibnet_calibration.runs import open_tiny

    return open_tiny(tmp_path_factory.mktemp("chexpert"))
