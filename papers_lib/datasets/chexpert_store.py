"""Small copies of CheXpert's pictures in one array, beside the labels as they are written and what is known of them.

::

    FOLDER/images.npy and the rest    as `image_store` writes them
    FOLDER/raw_labels.npy             float64 (N, 5): 1, 0, -1 (uncertain), NaN (blank)
    FOLDER/truth.npy                  float64 (N, 5): P(y = 1 | x), NaN where it is not known
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.chexpert import CLASSES, find_root, list_chexpert
from papers_lib.datasets.image_store import StoreSpec, load_images, write_images
from papers_lib.datasets.row_file import new_folder, read_array, write_arrays
from papers_lib.datasets.tabular import number, read_table
from papers_lib.errors import UserError

TRUTH = "truth.csv"
ARRAYS = {"truth": "truth.npy", "raw_labels": "raw_labels.npy"}


@dataclass(frozen=True)
class ChexpertStore:
    """What to make: data (fingerprint of the set), side in pixels, options (of `list_chexpert`, by name)."""

    data: str
    side: int
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        StoreSpec(self.data, self.side, options=self.options).check_options(list_chexpert)


@dataclass(frozen=True, eq=False)
class ChexpertImages:
    """N images: the list, with uncertain labels mapped, and what belongs to each."""

    images: BoxedImages
    pixels: np.ndarray  # uint8 (N, side, side), a read-only memory map
    truth: np.ndarray  # P(y = 1 | x) of the labels, NaN where it is not known (real data), float64 (N, 5)
    raw_labels: np.ndarray  # as the tables have them: 1, 0, -1 or NaN, float64 (N, 5)


def write_store(folder: str | Path, spec: ChexpertStore, *, root: str | Path, jobs: int = 1) -> Path:
    """List the set at ``root`` and write its small copies to ``folder``, whole or not at all: for `ensure`."""
    with new_folder(folder) as temporary:
        images, raw = list_chexpert(root, **spec.options)
        arrays = {"truth": read_truth(root, images.names), "raw_labels": raw}
        plain = StoreSpec(spec.data, spec.side, kind="chexpert", options=spec.options)
        write_images(temporary, plain, images=images, jobs=jobs)
        write_arrays(temporary, arrays)
    return Path(folder)


def open_store(folder: str | Path) -> ChexpertImages:
    """Open what :func:`write_store` wrote; a file that is missing, damaged or does not fit is a `UserError`."""
    images, pixels = load_images(folder)
    expected = f"float64 ({len(images)}, {len(CLASSES)}) as write_store wrote it"
    arrays = {}
    for name, file in ARRAYS.items():
        arrays[name] = read_array(Path(folder) / file, expected)
        if arrays[name].dtype != np.float64 or arrays[name].shape != (len(images), len(CLASSES)):
            raise UserError(f"{Path(folder) / file}: found {arrays[name].shape}, expected {expected}")
    return ChexpertImages(images, pixels, **arrays)


def read_truth(root: str | Path, names: tuple[str, ...]) -> np.ndarray:
    """P(y = 1 | x) of ``names`` from truth.csv at ``root``, float64 (N, 5); NaN where not there, as for real data."""
    path = find_root(root) / TRUTH
    if not path.exists():
        return np.full((len(names), len(CLASSES)), np.nan)
    columns = {"Path": None, **dict.fromkeys((f"P({name})" for name in CLASSES), number(0, 1))}
    table = read_table(path, columns, unique="Path").set_index("Path")
    return np.ascontiguousarray(table.reindex(list(names)).to_numpy(np.float64))
