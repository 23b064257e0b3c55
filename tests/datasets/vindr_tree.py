"""Small trees in the layout of the VinDr-CXR release for the tests."""

import csv
import io

import numpy as np
from PIL import Image

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.vindr_cxr import CLASSES, load_vindr
from tests.datasets.dicom_files import write_dicom

HEADER = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"
SIZE = (80, 100)  # height, width of the originals
ALL_TRAIN = {"train": 1.0}


def row(image="a", name="Cardiomegaly", number=None, reader="R1", box=(10, 20, 50, 40)):
    number = (CLASSES.index(name) if name in CLASSES else 14) if number is None else number
    corners = ["", "", "", ""] if box is None else [str(value) for value in box]
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([image, name, number, reader, *corners])
    return text.getvalue()


def healthy(image="a", reader="R1"):
    return row(image, "No finding", reader=reader, box=None)


def tree(root, *rows, header=HEADER, images="abc", kind="png", meta=True):
    """A release whose originals have ``SIZE``; PNGs are stored at 20 x 16 pixels."""
    folder = root / "train"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    for i, name in enumerate(images):
        if kind == "png":
            Image.new("L", (20, 16), 10 * i).save(folder / f"{name}.png")
        else:
            write_dicom(folder / f"{name}.{kind}", np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) + i)
    if meta and kind == "png":
        lines = [f"{name},{SIZE[0]},{SIZE[1]}" for name in images]
        (root / "train_meta.csv").write_text("\n".join(["image_id,dim0,dim1", *lines]) + "\n")
    return root


def load(root, **options) -> BoxedImages:
    return load_vindr(root, shares=ALL_TRAIN, **options)
