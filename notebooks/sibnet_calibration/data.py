"""Sets of the Sibnet experiment as stores of small copies, and what a run reads of them: pixels or stored features."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data_gen import chest_chexpert
from data_gen.store import ensure
from papers_lib.datasets.chexpert import find_root, load_chexpert
from papers_lib.datasets.chexpert_store import ARRAYS, ChexpertImages, ChexpertStore, open_store, write_store
from papers_lib.datasets.fingerprint import data_kind, tree_fingerprint
from papers_lib.datasets.image_sets import load_set, write_set
from papers_lib.datasets.image_store import StoreSpec, load_images
from papers_lib.errors import UserError
from papers_lib.sweep import DataRef
from papers_lib.training import front_features, gpu_batches, on_gpu

PARTS = ("train", "val", "test")
"""Parts of a set; calibrators are fitted on "val"."""


class Opened(NamedTuple):
    """A store that runs read, its images, and the fingerprint of the set it was made from."""

    store: DataRef
    images: ChexpertImages
    fingerprint: str


@dataclass(frozen=True)
class Source:
    """A set as the notebook asks for it; calling it gives the store that ``sweep`` takes, made where it is missing."""

    data_root: str  # folder of a set in CheXpert's layout or NIH ChestX-ray14's; "": synthetic radiographs
    folder: Path  # where synthetic sets and stores are kept
    side: int  # of the stored copies in pixels, a multiple of 32
    train: int = 0  # this and the next four: of data_gen.chest_chexpert.ChexpertSpec
    valid: int = 0
    seed: int = 0
    picture_side: int = 128
    odds: float = 1.0
    uncertain: str = "report"  # this and the next three: of load_chexpert; NIH's layout takes the share alone
    views: str = "frontal"
    calibration: str = "valid"
    calibration_share: float = 1 / 3
    jobs: int = 1  # processes; 0: one a core

    def __call__(self) -> DataRef:
        return open_source(self).store

    def options(self) -> dict[str, str | float]:
        """Arguments of ``load_chexpert``."""
        names = ("uncertain", "views", "calibration", "calibration_share")
        return {name: getattr(self, name) for name in names}

    def training_images(self) -> int:
        """How many there are, without making the store."""
        if not self.data_root:
            return self.train
        root = Path(self.data_root).expanduser()
        nih = layout_of(root) == "nih"
        listed = load_set(self._nih(""), root) if nih else load_chexpert(root, **self.options())
        return int((listed.split == "train").sum())

    def _nih(self, fingerprint: str) -> StoreSpec:
        options = {"val_share": self.calibration_share, "seed": 0}
        return StoreSpec(fingerprint or "unknown", self.side, kind="nih", options=options)


def layout_of(root: Path) -> str:
    """Which of two layouts a folder has: "chexpert" or "nih". Raises: UserError for neither."""
    if any(root.glob("Data_Entry_2017*.csv")):
        return "nih"
    if any(root.glob("train.csv")) or any(root.glob("*/train.csv")):
        return "chexpert"
    raise UserError(
        f"{root}: found no data set, expected train.csv and valid.csv (CheXpert) or Data_Entry_2017*.csv "
        "(NIH ChestX-ray14)"
    )


@lru_cache(maxsize=8)
def open_source(source: Source) -> Opened:
    """The set with all pictures resized, made once. Raises: UserError, also where a training label is constant."""
    root, jobs = Path(source.data_root).expanduser(), source.jobs
    if source.data_root:
        fingerprint = tree_fingerprint(root)[:16]
    else:
        looks = {"seed": source.seed, "side": source.picture_side, "odds": source.odds}
        spec = chest_chexpert.ChexpertSpec(source.train, source.valid, **looks)  # type: ignore[arg-type]
        root = ensure(source.folder, "chest-chexpert", spec, partial(chest_chexpert.write, jobs=jobs))
        fingerprint = root.name.rpartition("-")[2]
    if layout_of(root) == "nih":
        kind, writer = data_kind(root), partial(write_set, root=root, jobs=jobs)
        made = ensure(source.folder, "images", source._nih(fingerprint), writer)
    else:
        kind, copies = data_kind(find_root(root)), partial(write_store, root=root, jobs=jobs)
        store = ChexpertStore(fingerprint, source.side, source.options())
        made = ensure(source.folder, "chexpert", store, copies)
    opened = Opened(DataRef(made, made.name.rpartition("-")[2], kind), open_images(made), fingerprint)
    labels = opened.images.images.part("train").labels
    for name, of_class in zip(opened.images.images.classes, labels.T, strict=True):
        if of_class.all() or not of_class.any():
            raise UserError(
                f"{root}: found {int(of_class.sum())} of {len(labels)} training images with {name}, expected some "
                "with and some without"
            )
    return opened


@lru_cache(maxsize=4)
def open_images(root: Path) -> ChexpertImages:
    """A store, read once a process; one of a set in NIH's layout knows no truth, and its labels are certain."""
    if (root / ARRAYS["truth"]).is_file():
        return open_store(root)
    images, pixels = load_images(root)
    return ChexpertImages(images, pixels, np.full(images.labels.shape, np.nan), images.labels.astype(float))


@lru_cache(maxsize=4)
def stored(root: Path, backbone: str, weights: str, stage: str, device: str, jobs: int = 1) -> np.ndarray:
    """Features of a store's images before ``stage``, float16 (N, C, h, w), computed where the store lacks them."""
    grey = open_images(root).pixels
    colour = np.broadcast_to(grey[..., None], (*grey.shape, 3))
    return front_features(colour, root / "front", backbone, weights, stage, device=device, jobs=jobs)


@dataclass(frozen=True)
class Inputs:
    """What a model is fed with."""

    images: ChexpertImages
    features: np.ndarray | None  # float16 (N, C, h, w) of the frozen part; None: all is trained
    rows: Mapping[str, np.ndarray]  # row numbers of each part
    device: str  # where batches are wanted

    @classmethod
    def of(cls, root: Path, backbone: str, weights: str, stage: str, device: str) -> "Inputs":
        """Of the store at ``root``, for a network that is trained from ``stage`` on."""
        images = open_images(root)
        features = stored(root, backbone, weights, stage, device) if stage else None
        rows = {part: np.flatnonzero(images.images.split == part) for part in PARTS}
        return cls(images, features, rows, device)

    def batch(self, rows: np.ndarray) -> Tensor:
        """Features (n, C, h, w), or pixels (n, 3, H, W) in [0, 1], as float32 on the device."""
        if self.features is None:
            return self.pixels(rows)
        return self._taken(self.features, rows).contiguous(memory_format=torch.channels_last)

    def pixels(self, rows: np.ndarray) -> Tensor:
        """Pixels (n, 3, H, W) in [0, 1], as float32 on the device."""
        grey = self._taken(self.images.pixels, rows) / 255
        return grey[:, None].expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)

    def _taken(self, array: np.ndarray, rows: np.ndarray) -> Tensor:
        if on_gpu(self.device):  # from a copy that lies on the GPU, or through pinned memory
            return gpu_batches.taken(array, rows, self.device).float()
        return torch.from_numpy(np.asarray(array[rows])).to(self.device).float()
