"""How often a map's hottest cell is one of its outermost: where a head's zero padding shows."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from papers_lib.sweep.records import Record
from pylon.frame import label
from pylon.settings import in_order


def border_table(records: Iterable[Record], arms: tuple[str, ...]) -> pd.DataFrame:
    """A row a method: share of the kept maps, all classes, whose hottest cell lies on the border; and of all cells."""
    found: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        arrays = record.arrays() if record.status == "ok" and record.config.arm in arms else {}
        if "shown_maps" in arrays:
            found.setdefault(record.config.method, []).append(
                _border(arrays["shown_maps"].astype(np.float32))
            )
    rows = [
        {
            "method": label(method),
            "hottest cell on the border": float(np.mean([share for share, _ in found[method]])),
            "cells on the border": found[method][0][1],
            "models": len(found[method]),
        }
        for method in in_order(found)
    ]
    return pd.DataFrame(rows)


def _border(maps: np.ndarray) -> tuple[float, float]:
    """Share of maps (n, K, h, w) with their maximum on the border, and of cells that lie there."""
    height, width = maps.shape[-2:]
    row, column = np.divmod(maps.reshape(-1, height * width).argmax(1), width)
    edge = (row == 0) | (row == height - 1) | (column == 0) | (column == width - 1)
    return float(edge.mean()), 1 - max(height - 2, 0) * max(width - 2, 0) / (height * width)
