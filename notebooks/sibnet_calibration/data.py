"""Data of the Sibnet experiment: the user's set, in CheXpert's layout or NIH's, or the stand-in, as an image store."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from data_gen import chest_chexpert
from data_gen.store import ensure
from papers_lib.datasets.chexpert import find_root
from papers_lib.datasets.chexpert_store import ChexpertImages, ChexpertStore, write_store
from papers_lib.datasets.data_kind import data_kind
from papers_lib.datasets.fingerprint import tree_fingerprint
from papers_lib.datasets.image_sets import write_set
from papers_lib.datasets.image_store import StoreSpec
from papers_lib.errors import UserError
from papers_lib.sweep.core import DataRef
from sibnet_calibration.inputs import open_images

CALIBRATION_SHARE = 1 / 3
"""Of the images of the table that is cut, whole patients; see ``papers_lib.datasets.chexpert.load_chexpert``."""


class Opened(NamedTuple):
    """A store that runs read, its images, and the fingerprint of the set it was made from."""

    store: DataRef
    images: ChexpertImages
    fingerprint: str


def layout_of(root: Path) -> str:
    """Which of two layouts a folder has: "chexpert" or "nih" (ChestX-ray14).

    Raises:
        UserError: neither.
    """
    if any(root.glob("Data_Entry_2017*.csv")):
        return "nih"
    if any(root.glob("train.csv")) or any(root.glob("*/train.csv")):
        return "chexpert"
    raise UserError(
        f"{root}: found no data set, expected train.csv and valid.csv (CheXpert) or Data_Entry_2017*.csv "
        "(NIH ChestX-ray14)"
    )


def open_set(
    data_root: str, folder: Path, spec: Mapping[str, Any], side: int, options: Mapping[str, Any], jobs: int
) -> Opened:
    """A set in CheXpert's layout with all pictures resized to ``side``, made once.

    Args:
        data_root: folder of a set in CheXpert's layout or NIH ChestX-ray14's, or "" for the stand-in.
        folder: where generated sets and stores are kept.
        spec: sizes, seed and odds of the stand-in, see ``data_gen.chest_chexpert.ChexpertSpec``.
        side: in pixels, a multiple of 32.
        options: of ``papers_lib.datasets.chexpert.load_chexpert``; NIH's layout takes share and seed of them.
        jobs: processes; 0 means one a core.

    Raises:
        UserError: a set that cannot be read; the line names the file.
    """
    if data_root and layout_of(Path(data_root).expanduser()) == "nih":
        return _open_nih(Path(data_root).expanduser(), folder, side, options, jobs)
    if data_root:
        root = Path(data_root).expanduser()
        fingerprint = tree_fingerprint(root)[:16]
    else:
        writer = partial(chest_chexpert.write, jobs=jobs)
        root = ensure(folder, "chest-chexpert", chest_chexpert.ChexpertSpec(**spec), writer)
        fingerprint = root.name.rpartition("-")[2]
    store = ChexpertStore(fingerprint, side, dict(options))
    made = ensure(folder, "chexpert", store, partial(write_store, root=root, jobs=jobs))
    data = DataRef(made, made.name.rpartition("-")[2], data_kind(find_root(root)))
    return Opened(data, open_images(made), fingerprint)


def _open_nih(root: Path, folder: Path, side: int, options: Mapping[str, Any], jobs: int) -> Opened:
    """NIH ChestX-ray14: its test list, and a calibration part cut by patient from its train_val list."""
    fingerprint = tree_fingerprint(root)[:16]
    known = {"val_share": options.get("calibration_share", CALIBRATION_SHARE), "seed": options.get("seed", 0)}
    store = StoreSpec(fingerprint, side, kind="nih", options=known)
    made = ensure(folder, "images", store, partial(write_set, root=root, jobs=jobs))
    return Opened(
        DataRef(made, made.name.rpartition("-")[2], data_kind(root)), open_images(made), fingerprint
    )
