"""Tables of the Sibnet page on calibration, made from the tidy frame; means over seeds of runs that ended well.

A table without runs has its columns and no row.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from papers_lib.metrics.ece_floor import Range
from sibnet_calibration.frame import NONE
from sibnet_calibration.settings import name
from sibnet_calibration.tables import chosen, mean_of, means

WORDS = {
    NONE: "before",
    "one_t": "one T",
    "label_t": "T a label",
    "platt": "Platt",
    "isotonic": "isotonic",
}
SHIFT = (NONE, "one_t", "platt")
RANGE = "range, one T"
FLOORS = {NONE: "floor", "one_t": "floor, one T"}
MAPPINGS = {
    "report": "1 for Cardiomegaly and Edema (the report)",
    "common": "1 for Atelectasis and Edema",
    "zeros": "0 for all",
    "ones": "1 for all",
}
"""Ways to read uncertain labels; see ``papers_lib.datasets.chexpert.load_chexpert``."""


def ece_table(
    frame: pd.DataFrame,
    arms: str | Sequence[str],
    printed: pd.DataFrame | None = None,
    rows: Mapping[str, str] | None = None,
    floors: pd.DataFrame | None = None,
    *,
    data: str = "first",
) -> pd.DataFrame:
    """Table 4.3: mean ECE before calibration and after, the report's beside ours, and the floor of each.

    Args: printed, of the report; rows, its names by setting; floors, of ``sibnet_calibration_reliability.floors`` on
        the same set.
    """
    wanted = _several(arms)
    found = []
    for setting in dict.fromkeys(chosen(frame, arms, data=data)["setting"]):
        row: dict[str, object] = {"loss": name(setting)}
        for calibrator, word in WORDS.items():
            own = chosen(frame, arms, calibrator, data)
            row[word] = mean_of(own[own["setting"].eq(setting)], "ece")
            if printed is not None and calibrator in (NONE, "one_t"):
                line = (rows or {}).get(setting)
                column = printed.columns[0 if calibrator == NONE else 1]
                row[f"{word}, report"] = printed.loc[line, column] if line in printed.index else np.nan
            if floors is not None and calibrator in (NONE, "one_t"):
                own = floors[floors["calibrator"].eq(calibrator) & floors["arm"].isin(wanted)]
                row[f"{word}, floor"] = mean_of(own[own.index == setting], "mean")
        found.append(row)
    more = {"report": printed is not None, "floor": floors is not None}
    return pd.DataFrame(
        found, columns=["loss", *_ece_columns([word for word, there in more.items() if there])]
    )


def _several(arms: str | Sequence[str]) -> list[str]:
    return [arms] if isinstance(arms, str) else list(arms)


def _floors_of(floors: pd.DataFrame | None, data: str, arms: Sequence[str], setting: str) -> dict[str, float]:
    """Mean floors of a setting on a set, by column (NaN: none was drawn); nothing without ``floors``."""
    if floors is None:
        return {}
    own = floors[floors["data"].eq(data) & floors["arm"].isin(arms) & (floors.index == setting)]
    return {words: mean_of(own[own["calibrator"].eq(key)], "mean") for key, words in FLOORS.items()}


def _ece_columns(more: Sequence[str]) -> Iterator[str]:
    for calibrator, word in WORDS.items():
        yield word
        if calibrator in (NONE, "one_t"):
            yield from (f"{word}, {other}" for other in more)


def calibrator_table(
    frame: pd.DataFrame, arms: str | Sequence[str], floors: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every reading of calibration by setting and calibrator; means over seeds.

    A loss is named in its first row alone: "loss" is empty in the others. Args: floors, of
    ``sibnet_calibration_reliability.floors``: beside the ECE, where they have the calibrator.
    """
    columns = {
        "ece": "ECE",
        "ece_mass": "ECE, equal mass",
        "ece_confidence": "ECE of the confidence",
        "true_ece": "ECE against P(y | x)",
        "bias": "bias",
        "brier": "Brier score",
        "nll_calibrated": "NLL",
    }
    parts: list[pd.DataFrame] = []
    for calibrator in dict.fromkeys(frame["calibrator"]):
        own = chosen(frame, arms, calibrator)
        if len(own) or not parts:
            table = means(own, columns)
            table.insert(1, "calibrator", calibrator.replace("_", " "))
            if floors is not None:
                at = floors[floors["calibrator"].eq(calibrator) & floors["arm"].isin(_several(arms))]
                mean = dict(zip(map(name, at.index), at["mean"], strict=True))
                table.insert(3, "floor", table["loss"].map(mean).astype(float))
            parts.append(table)
    table = _by_loss(pd.concat(parts, ignore_index=True))
    table["loss"] = table["loss"].mask(table["loss"].duplicated(), "")
    return table


def shift_table(frame: pd.DataFrame, arms: str | Sequence[str]) -> pd.DataFrame:
    """ECE of the test part, and of its first images with half their contrast; a row a loss, means over seeds.

    Each without calibration, after one temperature and after Platt scaling. The two are not of as many images
    (``sibnet_calibration_measures.SHIFTED``): fewer have a higher floor.
    """
    found = []
    for setting in dict.fromkeys(chosen(frame, arms)["setting"]):
        row: dict[str, object] = {"loss": name(setting)}
        for calibrator in SHIFT:
            own = chosen(frame, arms, calibrator)
            own = own[own["setting"].eq(setting)]
            row[WORDS[calibrator]] = mean_of(own, "ece")
            row[f"{WORDS[calibrator]}, half contrast"] = mean_of(own, "ece_contrast")
        found.append(row)
    columns = [f"{WORDS[calibrator]}{more}" for calibrator in SHIFT for more in ("", ", half contrast")]
    return pd.DataFrame(found, columns=["loss", *columns])


def floor_table(floors: pd.DataFrame, few: Range | None) -> pd.DataFrame:
    """Mean floors, a row a setting of an arm, a column a calibrator; last of cross entropy on 200 images.

    That last row has one temperature alone.

    Args: floors, of ``sibnet_calibration_reliability.floors``; few, of ``floor_at`` there.

    Returns: "loss", the calibrators (``WORDS``; NaN without a floor), "range, one T" (95 % of the draws, as text).
    """
    found: list[dict[str, object]] = []
    for (arm, setting), group in floors.reset_index().groupby(["arm", "setting"], sort=False):
        row: dict[str, object] = {"loss": name(str(setting), str(arm))}
        for calibrator, word in WORDS.items():
            row[word] = mean_of(group[group["calibrator"].eq(calibrator)], "mean")
        after = group[group["calibrator"].eq("one_t")]
        row[RANGE] = _range(after["low"].iloc[0], after["high"].iloc[0]) if len(after) else None
        found.append(row)
    if few is not None:
        row = {"loss": f"{name('bce')}, 200 images", WORDS["one_t"]: few.mean}
        found.append({**row, RANGE: _range(few.low, few.high)})
    return pd.DataFrame(found, columns=["loss", *WORDS.values(), RANGE])


def mapping_table(
    frame: pd.DataFrame, first: str = "report", floors: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Cross entropy on each way to map uncertain labels; labels of the test part are certain everywhere.

    AUROC and bias (mean predicted less share of positives) are of the model before calibration; one temperature does
    not change AUROC.

    Args: first, how the first set's uncertain labels are mapped: a key of ``MAPPINGS``; floors, of
        ``sibnet_calibration_reliability.floors_by_set``.
    """
    readings = {"ece": "ECE", "true_ece": "ECE against P(y | x)"}
    found = []
    for data in ("first", *(key for key in MAPPINGS if key != "report")):
        arms = "losses" if data == "first" else "mapping"
        before, after = (chosen(frame, arms, calibrator, data) for calibrator in (NONE, "one_t"))
        before, after = (own[own["setting"].eq("bce")] for own in (before, after))
        if len(before):
            row: dict[str, object] = {"uncertain labels": MAPPINGS[first if data == "first" else data]}
            row["AUROC"] = mean_of(before, "auroc_macro")
            for key, words in readings.items():
                row |= {words: mean_of(before, key), f"{words}, one T": mean_of(after, key)}
            row |= _floors_of(floors, data, [arms], "bce")
            found.append({**row, "bias": mean_of(before, "bias"), "seeds": len(before)})
    columns = [f"{words}{more}" for words in readings.values() for more in ("", ", one T")]
    columns[2:2] = FLOORS.values() if floors is not None else []
    return pd.DataFrame(found, columns=["uncertain labels", "AUROC", *columns, "bias", "seeds"])


def rare_table(frame: pd.DataFrame, floors: pd.DataFrame | None = None) -> pd.DataFrame:
    """The losses on the set with rarer findings, beside the first set's where that has them; means over seeds.

    Args: floors, of ``sibnet_calibration_reliability.floors_by_set``.
    """
    found = []
    wanted = list(dict.fromkeys(chosen(frame, "imbalance", NONE, "rare")["setting"]))
    for data, arms in (("rare", ["imbalance"]), ("first", ["losses", "saliency"])):
        own, after = (chosen(frame, arms, calibrator, data) for calibrator in (NONE, "one_t"))
        for setting in (one for one in wanted if own["setting"].eq(one).any()):
            group = own[own["setting"].eq(setting)]
            row: dict[str, object] = {
                "loss": name(setting),
                "set": data,
                "AUROC": mean_of(group, "auroc_macro"),
            }
            row |= {"ECE": mean_of(group, "ece"), "bias": mean_of(group, "bias")}
            row["ECE, one T"] = mean_of(after[after["setting"].eq(setting)], "ece")
            row |= _floors_of(floors, data, arms, setting)
            found.append({**row, "pointing": mean_of(group, "point_macro"), "seeds": len(group)})
    before, after_it = ([words] if floors is not None else [] for words in FLOORS.values())
    return pd.DataFrame(
        found,
        columns=[
            "loss",
            "set",
            "AUROC",
            "ECE",
            *before,
            "bias",
            "ECE, one T",
            *after_it,
            "pointing",
            "seeds",
        ],
    )


def _by_loss(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a loss together; losses in the order in which they come first, as in the other tables."""
    order = list(dict.fromkeys(table["loss"]))
    return table.sort_values(
        "loss", key=lambda names: names.map(order.index), kind="stable", ignore_index=True
    )


def _range(low: float, high: float) -> str:
    """Both ends to three decimals, without the zero before the point.

    >>> _range(0.04, 0.0628), _range(0.9996, 1)
    ('.040 to .063', '1.000 to 1.000')
    """
    return " to ".join(f"{end:.3f}".removeprefix("0") for end in (low, high))
