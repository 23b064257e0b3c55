"""Small trees in the layout of the NIH ChestX-ray14 release for the tests."""

from pathlib import Path

import numpy as np
from PIL import Image

RELEASE_2017 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
ROWS = (
    ("00000001_000.png", "Cardiomegaly|Infiltration", 1),
    ("00000001_001.png", "No Finding", 1),
    ("00000002_000.png", "Pleural_Thickening", 2),
    ("00000003_000.png", "Mass", 3),
    ("00000004_000.png", "No Finding", 4),
)
"""Image, findings, patient; the last image is the test list's."""

BOXES = (
    ("00000001_000.png", "Infiltrate", 256, 128, 512, 256.0),
    ("00000001_000.png", "Cardiomegaly", 0, 0, 1024, 1024),
    ("00000003_000.png", "Mass", "686.5", "131.5", "185.25", "313.25"),
)


def picture(seed=0, size=(32, 32)):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def write_release(root: Path, rows=ROWS, boxes=BOXES, test=1) -> Path:
    """Write the release with 32 x 32 pictures; the last ``test`` images are the test list's. Return ``root``."""
    (root / "images").mkdir(parents=True)
    lines = [f"{i},{findings},0,{patient},58,M,PA,2682,2749,0.143,0.143," for i, findings, patient in rows]
    (root / "Data_Entry_2017.csv").write_text("\n".join([RELEASE_2017, *lines]) + "\n")
    lines = [",".join(map(str, box)) for box in boxes]
    (root / "BBox_List_2017.csv").write_text("\n".join([BOX_HEADER, *lines]) + "\n")
    names = [row[0] for row in rows]
    (root / "train_val_list.txt").write_text("\n".join(names[: len(names) - test]) + "\n")
    (root / "test_list.txt").write_text("\n".join(names[len(names) - test :]) + "\n")
    for seed, name in enumerate(names):
        Image.fromarray(picture(seed)).save(root / "images" / name)
    return root
