"""A set of six images made by hand, and records of PYLON runs on it with any metrics and arrays."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from papers_lib.datasets.boxed_images import BoxedImages, stacked
from papers_lib.sweep import DataRef, Record
from pylon.experiment import PylonRun
from pylon.frame import Swept

SIDE = 64
RUN = PylonRun(seed=0)
MASS, NODULE = 0, 1
PAIRS = np.array([[1, MASS], [2, MASS], [3, NODULE], [4, MASS]])


def images() -> BoxedImages:
    """Rows 0 (training) and 1: Mass at pixels 0 to 32; 2: Mass, 32 to 64; 3: Nodule, 16 to 20; 4: two of Mass."""
    quarter, far, small = (0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), (0.25, 0.25, 0.3125, 0.3125)
    drawn = [[(MASS, quarter)], [(MASS, quarter)], [(MASS, far)], [(NODULE, small)]]
    drawn += [[(MASS, quarter), (MASS, (0.5, 0.5, 0.75, 0.75))], []]
    names = tuple("abcdef")
    return BoxedImages(
        classes=("Mass", "Nodule", "Hernia"),
        names=names,
        paths=tuple(map(Path, names)),
        where=names,
        labels=np.array([[k in dict(one) for k in range(3)] for one in drawn]),
        **stacked(drawn),
        patients=None,
        split=np.array(["train", *["test"] * 5]),
    )


class Runs:
    """Makes records whose arrays lie in a folder, as the store has them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def record(self, metrics=(), arrays=(), status="ok", **fields) -> Record:
        config = replace(RUN, **fields)
        self.count += 1
        path = self.folder / f"{self.count}.npz"
        np.savez(path, **dict(arrays))
        if status != "ok":
            return Record(config, config.label(), status, "why", {}, str(self.count))
        found = {"training": config.training(), **dict(metrics)}
        return Record(config, config.label(), "ok", "", found, str(self.count), path if arrays else None)

    def pointed(self, hits, pairs=PAIRS, **fields) -> Record:
        """A run with these hits."""
        return self.record({"point_macro": 0.5}, {"pairs": pairs, "hits": np.array(hits, bool)}, **fields)

    def mapped(self, maps, rows=(1, 3, 2, 4), prefix="", **fields) -> Record:
        """A run with kept maps (rows, classes, h, w)."""
        return self.record({}, {"shown": np.array(rows), f"{prefix}shown_maps": np.float16(maps)}, **fields)


def swept(*records: Record, data: str = "nih", side: int = SIDE) -> Swept:
    pixels = np.zeros((6, side, side), np.uint8)
    return Swept(data, records, images(), pixels, DataRef(Path("x"), "abc", "synthetic data"))


def peak(row: int, column: int, cells: int = 8) -> np.ndarray:
    """A map (cells, cells), 1 at one cell, else 0."""
    found = np.zeros((cells, cells))
    found[row, column] = 1
    return found
