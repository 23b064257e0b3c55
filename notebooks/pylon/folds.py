"""A cross-validation read as one test: the hits of all folds joined, so that every boxed image is tested once.

Where boxes are few (NIH has 880 boxed images, a sample of it far fewer), the mean of folds would weigh a fold of
three boxes of a class like one of thirty.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from papers_lib.sweep.records import Record
from pylon.frame import Swept, label
from pylon.levels import BEST, CENTRE, PRIOR, levels
from pylon.measures import CAMS
from pylon.printed import MACRO
from pylon.tables import table_by_class


def pooled_folds(swept: Swept, arms: Sequence[str] = ("main", "others")) -> pd.DataFrame:
    """A row a method, training and seed whose folds all ended well, and the same for the maps read off the baseline.

    Returns: the tidy frame's columns arm, data, method, name, training, setting, seed, folds, status, side, and
    point_macro, point_weighted, point/CLASS of the joined folds. No rows without a cross-validation.

    Raises: ValueError if two folds tested the same image: they are not of one cross-validation.
    """
    columns = ["arm", "data", "method", "name", "training", "setting", "seed", "folds", "status", "side"]
    rows = []
    for records in _runs(swept.records, arms):
        config = records[0].config
        shared = {"arm": config.arm, "data": swept.data, "training": config.training(), "seed": config.seed}
        shared |= {"folds": config.folds, "status": "ok", "side": swept.side}
        for method, pairs, hits in _joined(records):
            own = {"method": method, "name": label(method), "setting": f"{method}_{config.training()}"}
            rows.append({**shared, **own, **_shares(pairs, hits, swept.images.classes)})
    return pd.DataFrame(rows, columns=None if rows else columns)


def folds_table(
    swept: Swept, methods: Sequence[str] | None = None, arms: Sequence[str] = ("main",)
) -> pd.DataFrame:
    """Point localization by class over all boxes, means over seeds, beside the levels of the same boxes.

    See :func:`pylon.tables.table_by_class`; the prior of an image comes from all others.
    """
    bounds = levels(swept.images, swept.side, part=None)
    table = table_by_class(pooled_folds(swept, arms), None, arms, methods, bounds)
    table.insert(0, "images", bounds["images"].reindex(table.index))
    return table


def _runs(records: Sequence[Record], arms: Sequence[str]) -> Iterator[list[Record]]:
    """All folds of one model, where none is missing."""
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        config = record.config
        if config.fold >= 0 and config.arm in arms and record.status == "ok":
            key = (config.arm, config.method, config.training(), config.seed, config.folds)
            found.setdefault(key, []).append(record)
    for one in found.values():
        if sorted(record.config.fold for record in one) == list(range(one[0].config.folds)):
            yield one


def _joined(records: Sequence[Record]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Method, pairs (p, 2) of row and class, hits (p,), of all folds; a fold without a box has none."""
    arrays = [found for record in records if "pairs" in (found := record.arrays())]
    if not arrays:
        return
    pairs = np.concatenate([found["pairs"] for found in arrays])
    if len(np.unique(pairs, axis=0)) != len(pairs):
        raise ValueError(f"{records[0].label}: folds that share test images")
    for prefix, method in [("", records[0].config.method), *((f"{cam}.", cam) for cam in CAMS)]:
        if f"{prefix}hits" in arrays[0]:
            yield method, pairs, np.concatenate([found[f"{prefix}hits"] for found in arrays])


def _shares(pairs: np.ndarray, hits: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    each = {
        f"point/{classes[k]}": float(hits[pairs[:, 1] == k].mean()) for k in np.unique(pairs[:, 1]).tolist()
    }
    return {"point_macro": float(np.mean([*each.values()])), "point_weighted": float(hits.mean()), **each}


def verdict(table: pd.DataFrame) -> str:
    """What a table of :func:`folds_table` says of the methods, beside the priors that never look at the image."""
    macro = table.loc[MACRO]
    ours = {
        name.removesuffix(" ours"): macro[name]
        for name in table
        if name.endswith(" ours") and name != "area ours"
    }
    priors = {name: float(macro[name]) for name in (PRIOR, CENTRE, BEST)}
    best = max(ours, key=lambda name: ours[name])
    beaten = [name for name, value in priors.items() if ours[best] > value]
    said = ", ".join(f"{name} {value:.2f}" for name, value in priors.items())
    words = (
        f"The best method, {best}, points into {ours[best]:.2f} of the boxes, mean over classes; "
        f"without a model: {said}."
    )
    if len(beaten) == len(priors):
        return words
    return (
        f"{words} A prior that never looks at the image does as well or better, so these images teach nothing "
        "about the methods."
    )
