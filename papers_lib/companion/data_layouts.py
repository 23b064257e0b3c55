"""Which of the five layouts a folder has: told by names and one header, so any other folder is answered at once."""

import csv
import os
import re
from pathlib import Path
from typing import NamedTuple

from papers_lib.datasets.cardiac_layout import TABLE as CARDIAC
from papers_lib.errors import UserError

# As nih_files, chexpert and vindr_boxes have them, which import torch.
NIH, TRAIN = "Data_Entry_2017*.csv", "train.csv"
HEADER_BYTES = 4096


class Layout(NamedTuple):
    """A layout: its key, its name, what tells it, and the notebooks that read it."""

    key: str
    name: str
    told_by: str
    notebooks: tuple[str, ...]


LAYOUTS = {
    one.key: one
    for one in (
        Layout("cardiac", "cardiac slices", CARDIAC, ("heatmap_loss",)),
        Layout("voc", "Pascal VOC", "a folder VOC2007, VOC2012 or the like", ("cam_entropy", "pylon")),
        Layout("nih", "NIH ChestX-ray14", NIH, ("pylon", "sibnet_calibration")),
        Layout("vindr", "VinDr-CXR", f"{TRAIN} with a column image_id", ("pylon",)),
        Layout(
            "chexpert",
            "CheXpert",
            f"{TRAIN} with a column Path, or a folder with one",
            ("sibnet_calibration",),
        ),
    )
}


def find_layout(root: Path) -> Layout:
    """The layout of the data set at ``root``; no folder below its own is walked through.

    Raises:
        UserError: no such folder, one that cannot be read, or none of the layouts: what was looked for and what is
            there.
    """
    try:
        names = sorted(os.listdir(root))
    except OSError as error:
        raise UserError(
            f"{root}: cannot be read ({error.strerror}), expected the folder of a data set"
        ) from error
    if CARDIAC in names:
        return LAYOUTS["cardiac"]
    if any(root.glob(NIH)):
        return LAYOUTS["nih"]
    if _years(root) or _years(root / "VOCdevkit"):
        return LAYOUTS["voc"]
    tables = [root / TRAIN] if TRAIN in names else sorted(root.glob(f"*/{TRAIN}"))
    columns = {name for table in tables for name in _header(table)}
    if "Path" in columns:
        return LAYOUTS["chexpert"]
    if "image_id" in columns and TRAIN in names:
        return LAYOUTS["vindr"]
    there = [repr(name) for name in names if not name.startswith(".")]
    found = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
    looked_for = "; ".join(f"{one.told_by} ({one.name})" for one in LAYOUTS.values())
    hint = " (give the folder above this one)" if {"Annotations", "JPEGImages"} & set(names) else ""
    raise UserError(f"{root}: found {found or 'nothing'}, no data set; looked for {looked_for}{hint}")


def _years(folder: Path) -> bool:
    """Whether there is a folder VOC2007 or the like; `voc_files.VocIndex.find` then says what is wrong with it."""
    try:
        return any(re.fullmatch("VOC[0-9]{4}", name) for name in os.listdir(folder))
    except OSError:
        return False


def _header(table: Path) -> list[str]:
    """Names of the columns, as far as they can be told; the adapter says what is wrong with a table."""
    if not table.is_file():  # to open a pipe would wait for its other end
        return []
    try:
        with table.open("rb") as file:
            text = file.read(HEADER_BYTES).decode("utf-8-sig", "replace")
        return [name.strip() for name in next(csv.reader(text.splitlines()), [])]
    except (OSError, csv.Error):
        return []
