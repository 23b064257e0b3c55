"""Which test images the PYLON page shows, and the maps that were kept of them.

Images are decided before any training: ``pylon_measures`` keeps the maps of the first ones of the test part, class
after class, and the figures take them in that order. Maps are of the lowest seed (and fold), in half precision.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from papers_lib.sweep.records import Record
from pylon.frame import POST_HOC, Swept, mean_areas
from pylon.settings import in_order, printed_name

Column = str | tuple[str, str]
"""A method, or a method and its training ("one_phase", …) where there are several."""
Pair = tuple[int, int]
"""An image, by its row in the store, and a class."""
ARMS = ("main", "others", "large", "transfer", "voc")
"""Arms with the paper's methods."""


class Shown(NamedTuple):
    """The kept maps of one model: method and training, rows (s,) of the images, raw maps (s, K, h, w)."""

    method: str
    training: str
    rows: np.ndarray
    maps: np.ndarray

    def map_of(self, pair: Pair) -> np.ndarray | None:
        """The raw map (h, w) of an image and class; None if it was not kept."""
        at = np.flatnonzero(self.rows == pair[0])
        return self.maps[at[0], pair[1]].astype(np.float32) if len(at) else None


def shown(swept: Swept, column: Column, arms: Sequence[str] = ARMS) -> Shown | None:
    """Kept maps of the run of lowest seed (and fold) of a method; None where there is no such run that ended well."""
    method, training = (column, None) if isinstance(column, str) else column
    prefix, trained = (f"{method}.", "cam") if method in POST_HOC else ("", method)
    of_method = [
        record
        for record in _of(swept, arms)
        if record.config.method == trained and training in (None, record.config.training())
    ]
    for record in sorted(of_method, key=lambda record: (record.config.seed, record.config.fold)):
        arrays = record.arrays()
        if f"{prefix}shown_maps" in arrays:
            return Shown(method, record.config.training(), arrays["shown"], arrays[f"{prefix}shown_maps"])
    return None


def all_shown(swept: Swept, columns: Sequence[Column], arms: Sequence[str] = ARMS) -> list[Shown]:
    """Those of ``columns`` that there are."""
    return [found for column in columns if (found := shown(swept, column, arms)) is not None]


def methods_of(swept: Swept, training: str | None = None, arms: Sequence[str] = ARMS) -> list[Column]:
    """The paper's methods that have a run, with the maps read off the baseline; ``training``: those runs alone."""
    records = [one for one in _of(swept, arms) if training in (None, one.config.training())]
    methods = [record.config.method for record in records]
    methods += [*POST_HOC] if "cam" in methods else []
    found = [method for method in in_order(methods) if printed_name(method)]
    return [method if training is None else (method, training) for method in found]


def kept_rows(swept: Swept, arms: Sequence[str] = ARMS) -> list[int]:
    """Rows of the images whose maps were kept, in their order; the same for all models of a test part."""
    for record in sorted(_of(swept, arms), key=lambda record: record.config.fold):
        arrays = record.arrays()
        if "shown" in arrays:
            return [int(row) for row in arrays["shown"]]
    return []


def example_pairs(swept: Swept, count: int = 6, arms: Sequence[str] = ARMS) -> list[Pair]:
    """Images to show: of each class in turn the first kept one that has a box of it and is not taken yet."""
    rows, found = kept_rows(swept, arms), dict[int, int]()
    for k in range(len(swept.images.classes)):
        fitting = [
            row for row in rows if row not in found and bool((swept.images.box_classes[row] == k).any())
        ]
        found |= {fitting[0]: k} if fitting else {}
    return list(found.items())[:count]


def smallest_pairs(swept: Swept, count: int = 2, arms: Sequence[str] = ARMS) -> list[Pair]:
    """Of the classes with the smallest boxes, by mean area over the set, the first kept image each."""
    areas, classes = mean_areas(swept.images), swept.images.classes
    of_class = {k: row for row, k in example_pairs(swept, len(classes), arms)}
    order = sorted(of_class, key=lambda k: areas[classes[k]])
    return [(of_class[k], k) for k in order][:count]


def _of(swept: Swept, arms: Sequence[str]) -> list[Record]:
    return [record for record in swept.records if record.status == "ok" and record.config.arm in arms]
