"""What runs read: the data set as an image store, its parts, and stored features of the frozen encoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from data_gen import chest, chest_vindr, scenes
from data_gen.store import ensure
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.fingerprint import data_kind, tree_fingerprint
from papers_lib.datasets.image_sets import load_set, write_set
from papers_lib.datasets.image_store import StoreSpec, load_images
from papers_lib.datasets.splits import k_folds_by_patient
from papers_lib.errors import UserError
from papers_lib.models.heatmap_classifier import HeatmapClassifier, HeatmapOutput
from papers_lib.models.pyramid_encoder import LaterStages
from papers_lib.sweep import DataRef
from papers_lib.training import PHOTOGRAPH, RADIOGRAPH, Frozen, augment, pyramid_features, taken

CHANNELS = {"nih": 1, "vindr": 1, "voc": 3}
SYNTHETIC: dict[str, tuple[str, Any, Any]] = {  # folder name, sizes and writer in each layout
    "nih": ("chest", chest.ChestSpec, chest.write),
    "vindr": ("chest-vindr", chest_vindr.VindrSpec, chest_vindr.write),
    "voc": ("scenes", scenes.ScenesSpec, scenes.write),
}
POLICIES = {"radiograph": RADIOGRAPH, "photograph": PHOTOGRAPH}
Given = Tensor | list[Tensor]  # pixels, or features


def layout_of(root: Path) -> str:
    """Which of the three layouts a folder has: "nih", "vindr" or "voc". Raises: UserError: none of them."""
    files = {"nih": "Data_Entry_2017*.csv", "vindr": "train.csv", "voc": "**/ImageSets/Main"}
    for layout, pattern in files.items():
        if any(root.glob(pattern)):
            return layout
    raise UserError(f"{root}: found no data set, expected {' or '.join(files.values())}")


class ImageSet(NamedTuple):
    """A data set: its layout, and how to make or load it."""

    layout: str
    root: str  # folder of a real set, or ""
    sizes: Mapping[str, int]  # of the synthetic set, and its seed
    options: Mapping[str, Any]  # of the loader, see papers_lib.datasets.image_sets

    def training_images(self) -> int:
        """How many images a run trains on, without opening a picture."""
        if self.root:
            spec = StoreSpec("", 64, CHANNELS[self.layout], self.layout, dict(self.options))
            return len(load_set(spec, Path(self.root).expanduser()).part("train"))
        if self.layout == "vindr":
            return round(0.7 * self.sizes["images"])
        listed = self.sizes["train_val" if self.layout == "nih" else "train"]
        return round((1 - self.options["val_share"]) * listed)

    def open(self, folder: Path, side: int, jobs: int) -> DataRef:
        """The set with all pictures resized to ``side`` pixels, made once and kept in ``folder``."""
        if self.root:
            root = Path(self.root).expanduser()
            fingerprint = tree_fingerprint(root)[:16]
        else:
            name, sizes, write = SYNTHETIC[self.layout]
            root = ensure(folder, name, sizes(**self.sizes), partial(write, jobs=jobs))
            fingerprint = root.name.rpartition("-")[2]
        spec = StoreSpec(fingerprint, side, CHANNELS[self.layout], self.layout, dict(self.options))
        made = ensure(folder, "images", spec, partial(write_set, root=root, jobs=jobs))
        return DataRef(made, made.name.rpartition("-")[2], data_kind(root))


@lru_cache(maxsize=4)
def open_images(root: Path) -> tuple[BoxedImages, np.ndarray]:
    """List and pictures, uint8 (N, H, W) or (N, H, W, 3), of an image store; read once a process."""
    return load_images(root)


@lru_cache(maxsize=6)
def stored(root: Path, which: Frozen, device: str, jobs: int = 1) -> tuple[np.ndarray, ...]:
    """Features of a store's images, computed where it lacks them."""
    _, images = open_images(root)
    return tuple(pyramid_features(images, root, which, device=device, jobs=jobs))


def rows_of(images: BoxedImages, fold: int, folds: int) -> dict[str, np.ndarray]:
    """Row numbers of each part: the set's splits where ``fold`` is negative, else of a cross-validation by patient."""
    if fold < 0:
        return {name: np.flatnonzero(images.split == name) for name in ("train", "val", "test")}
    owners = images.names if images.patients is None else images.patients
    found = k_folds_by_patient(owners, folds, seed=0)
    test, val = found == fold, found == (fold + 1) % folds
    parts = {"train": ~(test | val), "val": val, "test": test}
    return {name: np.flatnonzero(part) for name, part in parts.items()}


@dataclass(frozen=True)
class Inputs:
    """What a phase of training feeds its model with: pixels, or stored features of the first stages."""

    images: np.ndarray  # uint8 (N, H, W) or (N, H, W, 3)
    stages: tuple[np.ndarray, ...] = ()  # float16 (N, h, w, C) each, finest first; raw, not standardised
    policy: str = ""  # augmentation of the pixels, "radiograph" or "photograph"; needs no stages

    def batch(self, rows: np.ndarray, device: str, generator: torch.Generator | None = None) -> Given:
        """Pixels (n, C, H, W) in [0, 1], augmented where a generator is given, or raw features (n, C, h, w)."""
        if self.stages:
            return [taken(stage, rows, device).permute(0, 3, 1, 2).float() for stage in self.stages]
        found = self.pixels(rows, device)
        if not self.policy or generator is None:
            return found
        with torch.autocast(torch.device(device).type, enabled=False):  # else its grid is in half precision
            return augment(found, POLICIES[self.policy], generator)

    def pixels(self, rows: np.ndarray, device: str) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1], channels last in memory."""
        found = taken(self.images, rows, device)
        found = found[:, None] if found.ndim == 3 else found.permute(0, 3, 1, 2)
        return (found.float() / 255).contiguous(memory_format=torch.channels_last)


class Staged(nn.Module):
    """A heatmap classifier that takes pixels, or features of the first ``given`` stages (0: pixels).

    ``later`` is the encoder behind the given stages; None where pixels are given.
    """

    later: LaterStages | None

    def __init__(self, model: HeatmapClassifier, given: int) -> None:
        super().__init__()
        assert model.encoder is not None
        self.model = model
        later = LaterStages(model.encoder, given) if given else None
        self.__dict__["later"] = later  # no module of this one: its layers are the model's

    def features(self, given: Given) -> list[Tensor]:
        """Features of all stages, finest first."""
        encoder: Any = self.later or self.model.encoder
        return encoder(given)

    def forward(self, given: Given) -> HeatmapOutput:
        return self.model.from_features(self.features(given))
