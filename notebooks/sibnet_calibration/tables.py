"""Tables of the Sibnet page and the numbers that its prose names, from the tidy frame; failed runs are left out.

Ours are means over seeds. A table without runs has its columns and no row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from papers_lib.metrics.calibration_error import Range
from papers_lib.metrics.classification import auroc
from sibnet_calibration.calibration import NONE
from sibnet_calibration.grid import Swept, name

PRINTED = {
    "41": {"wbce": "Cross Entropy", "cd": "Custom", "cd_two_stage": "Modified Pipeline"},
    "42": {"bce": "Cross Entropy", "focal": "Focal", "auc_adam": "DeepAUC"},
}
"""Rows of the printed tables by setting; DeepAUC was trained with Adam."""
WORDS = {NONE: "before", "one_t": "one T", "label_t": "T a label", "platt": "Platt", "isotonic": "isotonic"}
MAPPINGS = {
    "report": "1 for Cardiomegaly and Edema (the report)",
    "common": "1 for Atelectasis and Edema",
    "zeros": "0 for all",
    "ones": "1 for all",
}
"""Ways to read uncertain labels; see ``papers_lib.datasets.chexpert.load_chexpert``."""
FEW, RESAMPLES = 200, 200  # images of the report's validation set (section 4.1), and draws of so many
NAMED = {
    "auroc_macro": ("cd_raw_two_stage", "auc_adam", "auc_adam_ascending", "auc_pesg", "auc_pesg_two_stage"),
    "distinctiveness": ("wbce", "cd_two_stage"),
    "raw_distinctiveness": ("wbce", "cd_two_stage", "cd_raw_two_stage", "sc_two_stage"),
    "coherence": ("wbce", "sc_two_stage"),
    "point_macro": ("wbce", "cd_two_stage", "sc_two_stage"),
    "code_negative": ("wbce",),
}
"""Settings whose mean of a column a claim or the prose names."""
MAPS = {"cosine, re-encoded": "distinctiveness", "cosine, raw maps": "raw_distinctiveness"}
MAPS |= {"coherence, mean over pairs": "coherence", "coherence, sum": "coherence_sum"}
MAPS |= {"maps without a positive value": "dead_maps", "pointing": "point_macro", "AUROC": "auroc_macro"}
READINGS = {"ECE": "ece", "floor": "floor", "ECE, equal mass": "ece_mass"}
READINGS |= {"ECE of the confidence": "ece_confidence", "ECE against P(y | x)": "true_ece"}
READINGS |= {"bias": "bias", "Brier score": "brier", "NLL": "nll_calibrated"}
ECES = {"ECE": "ece", "floor": "floor", "bias": "bias"}
ECES |= {"ECE, one T": "one_t:ece", "floor, one T": "one_t:floor"}
SETUP = {"network": "backbone", "weights": "weights", "trained from": "train_from", "epochs": "epochs"}
SETUP |= {"batch": "batch_size", "rate": "learning_rate", "λ1": "distinct", "λ2": "coherent"}
WHOLE = "the first layer"
Columns = Mapping[str, str]
"""Words for readers → a column of the tidy frame, before calibration or, as in "one_t:ece", after a calibrator."""


def ok(frame: pd.DataFrame, arms: str | Sequence[str], data: str | Sequence[str] = "first") -> pd.DataFrame:
    """Rows of these comparisons' models that ended well, on these sets."""
    wanted, sets = ([one] if isinstance(one, str) else list(one) for one in (arms, data))
    return frame[frame["status"].eq("ok") & frame["arm"].isin(wanted) & frame["data"].isin(sets)]


def uncalibrated(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a model."""
    return rows[rows["calibrator"].eq(NONE)]


def means(rows: pd.DataFrame, keys: Sequence[str], columns: Columns) -> pd.DataFrame:
    """A row a group of ``keys``, in the order of its first model: means (NaN where no run has it) and "seeds".

    >>> frame = pd.DataFrame({"setting": "bce", "calibrator": "none", "ece": [0.25, np.nan, 0.75]})
    >>> means(frame, ["setting"], {"ECE": "ece", "AUROC": "auroc_macro"}).to_numpy().tolist()
    [['bce', 0.5, nan, 3]]
    """
    table = uncalibrated(rows).groupby(list(keys), sort=False).size().to_frame("seeds")
    for place, (words, shown) in enumerate(columns.items()):
        calibrator, _, column = shown.rpartition(":")
        own = rows[rows["calibrator"].eq(calibrator or NONE)].reindex(columns=[*keys, column])
        table.insert(place, words, own.groupby(list(keys))[column].mean())
    return table.reset_index()


def by_loss(rows: pd.DataFrame, columns: Columns, *, arms: bool = False) -> pd.DataFrame:
    """:func:`means` a setting (with ``arms``, of each comparison), named in the column "loss"."""
    table = means(rows, ["arm", "setting"] if arms else ["setting"], columns)
    words = [name(*key) for key in table[["setting", "arm"] if arms else ["setting"]].to_numpy()]
    return (
        table.assign(setting=words).rename(columns={"setting": "loss"}).drop(columns="arm", errors="ignore")
    )


def auroc_table(
    frame: pd.DataFrame, arms: str | Sequence[str], printed: pd.DataFrame, rows: Mapping[str, str]
) -> pd.DataFrame:
    """Tables 4.1 and 4.2: AUROC by label, a row a setting; below it the report's, whose name ``rows`` gives."""
    labels = [column.removeprefix("auroc/") for column in frame if column.startswith("auroc/")]
    each = {f"auroc/{label}": label for label in labels}
    own = uncalibrated(ok(frame, arms)).reindex(columns=["arm", "setting", *each, "auroc_macro"])
    grouped = own.rename(columns=each).groupby(["arm", "setting"], sort=False)
    ways = {"mean": ("auroc_macro", "mean"), "sd": ("auroc_macro", "std"), "seeds": ("auroc_macro", "size")}
    ours = grouped.agg(**{label: (label, "mean") for label in labels}, **ways).reset_index()
    words = [name(setting, arm) for arm, setting in ours[["arm", "setting"]].to_numpy()]
    theirs = ours[["setting"]].drop_duplicates().assign(line=lambda table: table["setting"].map(rows))
    theirs = theirs.dropna().join(printed.rename(columns={"Mean": "mean"}), on="line")
    theirs = theirs.assign(of="report", loss=theirs["setting"].map(name))
    table = pd.concat([ours.assign(of="ours", loss=words), theirs]).sort_index(kind="stable")
    columns = ["loss", "of", *labels, "mean", "sd", "seeds"]
    return table.reindex(columns=columns).reset_index(drop=True).astype({"seeds": "Int64"})


def map_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What the two losses measure on maps of unseen images, and where the maps point; columns that any run has."""
    table = by_loss(ok(frame, "saliency"), MAPS)
    return table.dropna(axis=1, how="all") if len(table) else table


def with_floors(frame: pd.DataFrame, floors: pd.DataFrame) -> pd.DataFrame:
    """The tidy frame with the mean of ``calibration.floors`` as a column "floor" (NaN: none was drawn)."""
    keys = ["data", "arm", "setting", "calibrator"]
    return frame.merge(floors.rename(columns={"mean": "floor"})[[*keys, "floor"]], "left", keys)


def ece_table(frame: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Table 4.3: mean ECE before calibration and after, the ``printed`` ones beside, and the floor of each."""
    own, columns = ok(frame, "losses"), {}
    for key, words in WORDS.items():
        columns[words] = f"{key}:ece"
        columns |= {f"{words}, floor": f"{key}:floor"} if key in (NONE, "one_t") else {}
    table = by_loss(own, columns).drop(columns="seeds")
    lines = own["setting"].drop_duplicates().map(PRINTED["42"])
    for place, words in enumerate((WORDS[NONE], WORDS["one_t"])):
        cells = lines.map(printed.iloc[:, place]).to_numpy(float)
        table.insert(table.columns.get_loc(words) + 1, f"{words}, report", cells)
    return table


def calibrator_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Every reading of calibration by loss (named in its first row) and calibrator; columns that any run has."""
    grouped = ok(frame, "losses").groupby(["setting", "calibrator"], sort=False)
    found = {words: grouped[column].mean() for words, column in READINGS.items() if column in frame}
    table = pd.DataFrame(found).dropna(axis=1, how="all").assign(seeds=grouped.size()).reset_index()
    table["setting"] = table["setting"].map(name).mask(table["setting"].duplicated(), "")
    table["calibrator"] = table["calibrator"].str.replace("_", " ")
    return table.rename(columns={"setting": "loss"})


def shift_table(frame: pd.DataFrame) -> pd.DataFrame:
    """ECE of the test part, and of its first images with half their contrast; fewer images have a higher floor."""
    both = (("", "ece"), (", half contrast", "ece_contrast"))
    several = ((key, more, column) for key in (NONE, "one_t", "platt") for more, column in both)
    columns = {f"{WORDS[key]}{more}": f"{key}:{column}" for key, more, column in several}
    return by_loss(ok(frame, "losses"), columns).drop(columns="seeds")


def floor_table(floors: pd.DataFrame, few: Range | None) -> pd.DataFrame:
    """Mean floors by setting and calibrator; last ``calibration.floor_at``, of one temperature on 200 images."""
    more = {"arm": "", "setting": f"{name('bce')}, {FEW} images", "calibrator": "one_t"}
    several = pd.concat([floors, pd.DataFrame([more | few._asdict()] if few else [])])
    keys = ["arm", "setting"]
    wide = several.pivot_table("mean", keys, "calibrator", sort=False).reindex(columns=[*WORDS])
    table = wide.rename(columns=WORDS).reset_index()
    table.insert(0, "loss", [name(setting, arm) for arm, setting in table[keys].to_numpy()])
    return table.drop(columns=keys).rename_axis(columns=None)


def mimo_table(frame: pd.DataFrame) -> pd.DataFrame:
    """MIMO beside one input; then cross entropy's models of "losses"."""
    columns = {
        "AUROC": "auroc_macro",
        "NLL": "nll",
        "ECE": "ece",
        "floor": "floor",
        "ECE, one T": "one_t:ece",
    }
    losses = ok(frame, "losses")
    own = pd.concat([ok(frame, "mimo"), losses[losses["setting"].eq("bce")]])
    return by_loss(own, columns, arms=True)


def backbone_table(frame: pd.DataFrame) -> pd.DataFrame:
    """AUROC, calibration and pointing of each network with cross entropy."""
    own = ok(frame, ("backbones", "losses"))
    own = own[own["arm"].eq("backbones") | own["setting"].eq("bce")].sort_values("arm", kind="stable")
    columns = {"AUROC": "auroc_macro", "ECE": "ece", "pointing": "point_macro"}
    table = means(own, ["backbone", "weights", "train_from"], columns)
    return table.replace({"train_from": {"": WHOLE}}).rename(columns={"train_from": "trained from"})


def rare_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The losses on the set with rarer findings, beside the first set's where that has them; frame with floors."""
    rare, first = ok(frame, "imbalance", "rare"), ok(frame, ("losses", "saliency"))
    own = pd.concat([rare, *(first[first["setting"].eq(one)] for one in rare["setting"].unique())])
    columns = {"AUROC": "auroc_macro", **ECES, "pointing": "point_macro"}
    table = means(own, ["setting", "data"], columns)
    return table.assign(setting=table["setting"].map(name)).rename(columns={"setting": "loss", "data": "set"})


def mapping_table(frame: pd.DataFrame, first: str) -> pd.DataFrame:
    """Cross entropy on each way to map uncertain labels (``first``: the first set's)."""
    plain = ok(frame, "losses")
    own = pd.concat([plain[plain["setting"].eq("bce")], ok(frame, "mapping", [*MAPPINGS])])
    known = {"ECE against P(y | x)": "true_ece", "ECE against P(y | x), one T": "one_t:true_ece"}
    table = means(own, ["data"], {"AUROC": "auroc_macro", **ECES, **known})
    words = table["data"].replace("first", first).map(MAPPINGS)
    return table.assign(data=words).rename(columns={"data": "uncertain labels"})


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each comparison was trained with, a row a comparison and set; failed runs are among its models."""

    def different(values: "pd.Series[float]") -> str:
        return ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in dict.fromkeys(values))

    own = uncalibrated(frame).replace({"train_from": {"": WHOLE}}).assign(failed=frame["status"].ne("ok"))
    own = own.reindex(columns=[*own, *({"train_images"} - {*own})])
    columns: dict[str, tuple[str, Any]] = {words: (column, different) for words, column in SETUP.items()}
    columns |= {"images": ("train_images", "max"), "settings": ("setting", "nunique")}
    columns |= {"models": ("setting", "size"), "failed": ("failed", "sum")}
    found = own.groupby(["arm", "data"], sort=False).agg(**columns).astype({"images": "Int64"}).reset_index()
    return found.rename(columns={"arm": "comparison", "data": "set"})


def values(frame: pd.DataFrame, first: Swept) -> dict[str, float]:
    """Numbers that claims and prose name, NaN where no run has them; oracle_auroc is that of P(y | x) itself."""
    own, truth, labels = ok(frame, ("losses", "saliency")), first.truth, first.part("test").labels
    best = np.nan if np.isnan(truth).any() else auroc(torch.from_numpy(truth), torch.from_numpy(labels)).macro
    found = {"oracle_auroc": best}
    average = own.groupby(["setting", "calibrator"]).mean(numeric_only=True)

    def mean(setting: str, column: str, calibrator: str = NONE) -> float:
        there = (setting, calibrator) in average.index and column in average
        return float(average.loc[(setting, calibrator), column]) if there else np.nan

    for column, settings in NAMED.items():
        stem = "auroc" if column == "auroc_macro" else column
        found |= {f"mean_{stem}_{setting}": mean(setting, column) for setting in settings}
    for setting in ("bce", "wbce", "auc_pesg"):
        found |= {f"mean_ece_{setting}_{key}": mean(setting, "ece", key) for key in (NONE, "one_t", "platt")}
    return found | few_images(first)


def few_images(first: Swept) -> dict[str, float]:
    """How far 200 test images tell focal loss from cross entropy (the first seed of both); NaN with one alone.

    few_sd: standard deviation of their difference in AUROC over draws; few_wrong: share of draws with another sign.
    """
    both = [{one.config.seed: one for one in first.models(loss, ("losses",))} for loss in ("focal", "bce")]
    seeds = both[0].keys() & both[1].keys()  # with one seed both started from the same weights
    drawn: list[float] = []
    if seeds:
        labels = torch.from_numpy(first.part("test").labels)
        a, b = (torch.from_numpy(own[min(seeds)].arrays()["test_logits"]) for own in both)
        whole = auroc(a, labels).macro - auroc(b, labels).macro
        generator = torch.Generator().manual_seed(0)
        for _ in range(RESAMPLES):
            rows = torch.randint(len(labels), (min(FEW, len(labels)),), generator=generator)
            if bool((labels[rows].any(0) & ~labels[rows].all(0)).any()):
                drawn.append(auroc(a[rows], labels[rows]).macro - auroc(b[rows], labels[rows]).macro)
    if len(drawn) < 2:  # labels so rare that few draws have one with both values
        return {"few_sd": np.nan, "few_wrong": np.nan}
    wrong = np.sign(drawn) != np.sign(whole)
    return {"few_sd": float(np.std(drawn, ddof=1)), "few_wrong": float(wrong.mean())}
