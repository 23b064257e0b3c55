"""Small trees in the layout of CheXpert-v1.0-small for the tests."""

from pathlib import Path

import numpy as np
from PIL import Image

HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,"
    "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
RELEASE = "CheXpert-v1.0-small"


def name(part: str, patient: int, study: int = 1, view: str = "frontal", release: str = RELEASE) -> str:
    return f"{release}/{part}/patient{patient:05d}/study{study}/view1_{view}.jpg"


def row(path: str, *, sex: str = "Female", age: str = "68", view: str = "AP", **labels: str) -> str:
    """A line of a table; labels by name, with _ for a blank in it."""
    values = dict.fromkeys(HEADER.split(","), "")
    lateral = "lateral" in path
    values |= {"Path": path, "Sex": sex, "Age": age, "Frontal/Lateral": "Lateral" if lateral else "Frontal"}
    values |= {"AP/PA": "" if lateral else view}
    values |= {key.replace("_", " "): value for key, value in labels.items()}
    return ",".join(values.values())


FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural_Effusion")
TRAIN = (
    row(name("train", 1), No_Finding="1.0", Support_Devices="1.0"),
    row(name("train", 2), **dict.fromkeys(FIVE, "-1.0")),
    row(name("train", 2, study=2), sex="Male", age="87", view="PA", Edema="1.0", Pleural_Effusion="0.0"),
    row(name("train", 2, study=2, view="lateral"), Edema="1.0", Pleural_Effusion="0.0"),
)
VALID = tuple(
    row(name("valid", 64541 + k), **dict(zip(FIVE, (f"{k % 2}.0", "0.0", "0.0", "0.0", "1.0"), strict=True)))
    for k in range(6)
)


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint8)


def write_release(root: Path, train=TRAIN, valid=VALID, header: str = HEADER) -> Path:
    """Write both tables and the pictures that parse from them. Return ``root``."""
    root.mkdir(parents=True)
    for table, rows in (("train.csv", train), ("valid.csv", valid)):
        (root / table).write_text("\n".join([header, *rows]) + "\n")
        for seed, line in enumerate(rows):
            file = root.joinpath(*line.split(",")[0].split("/")[1:])
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels(seed)).save(file)
    return root
