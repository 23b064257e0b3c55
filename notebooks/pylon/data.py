"""Data of the PYLON experiment: the user's set in any of three layouts, or the synthetic stand-ins, as image stores."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from data_gen import chest, chest_vindr, scenes
from data_gen.store import ensure
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.data_kind import data_kind
from papers_lib.datasets.fingerprint import tree_fingerprint
from papers_lib.datasets.image_sets import write_set
from papers_lib.datasets.image_store import StoreSpec
from papers_lib.errors import UserError
from papers_lib.sweep.core import DataRef
from pylon.inputs import open_images

CHANNELS = {"nih": 1, "vindr": 1, "voc": 3}
NAMES = {"nih": "NIH ChestX-ray14", "vindr": "VinDr-CXR", "voc": "Pascal VOC"}


class Opened(NamedTuple):
    """An image store that runs read, its list, and the fingerprint and layout of the set it was made from."""

    store: DataRef
    images: BoxedImages
    fingerprint: str
    layout: str


def layout_of(root: Path) -> str:
    """Which of the three layouts a folder has: "nih", "vindr" or "voc".

    Raises:
        UserError: none of them.
    """
    if any(root.glob("Data_Entry_2017*.csv")):
        return "nih"
    if (root / "train.csv").is_file():
        return "vindr"
    if any(root.glob("**/ImageSets/Main")):
        return "voc"
    raise UserError(
        f"{root}: found no data set, expected Data_Entry_2017*.csv (NIH ChestX-ray14), train.csv (VinDr-CXR) "
        "or ImageSets/Main (Pascal VOC)"
    )


def open_set(
    data_root: str,
    layout: str,
    folder: Path,
    spec: Mapping[str, Any],
    side: int,
    options: Mapping[str, Any],
    jobs: int,
) -> Opened:
    """A data set with all pictures resized to ``side``, made once.

    Args:
        data_root: folder of a set in one of the layouts, or "" for the stand-in.
        layout: of the stand-in: "nih", "vindr" or "voc".
        folder: where generated sets and stores are kept.
        spec: sizes and seed of the stand-in.
        side: in pixels, a multiple of 32.
        options: of the set's loader, see ``papers_lib.datasets.image_sets``; those of the layout are used.
        jobs: processes; 0 means one a core.

    Raises:
        UserError: a set that cannot be read; the line names the file.
    """
    if data_root:
        root = Path(data_root).expanduser()
        layout = layout_of(root)
        fingerprint = tree_fingerprint(root)[:16]
    else:
        root = _stand_in(layout, folder, spec, jobs)
        fingerprint = root.name.rpartition("-")[2]
    store = StoreSpec(fingerprint, side, CHANNELS[layout], layout, dict(options.get(layout, {})))
    made = ensure(folder, "images", store, partial(write_set, root=root, jobs=jobs))
    images, _ = open_images(made)
    return Opened(DataRef(made, made.name.rpartition("-")[2], data_kind(root)), images, fingerprint, layout)


def _stand_in(layout: str, folder: Path, spec: Mapping[str, Any], jobs: int) -> Path:
    made: dict[str, tuple[Any, Any]] = {
        "nih": (chest.ChestSpec, chest.write),
        "vindr": (chest_vindr.VindrSpec, chest_vindr.write),
        "voc": (scenes.ScenesSpec, scenes.write),
    }
    of_layout, write = made[layout]
    names = {"nih": "chest", "vindr": "chest-vindr", "voc": "scenes"}
    return ensure(folder, names[layout], of_layout(**spec), partial(write, jobs=jobs))
