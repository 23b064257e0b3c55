"""Tables of the Sibnet page and the numbers that its prose names, from the tidy frame; failed runs are left out.

Ours are means over seeds. A table without runs has its columns and no row.
"""

from collections.abc import Mapping, Sequence

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
ECES = {"ECE": "ece", "floor": "floor", "bias": "bias"}
ECES |= {"ECE, one T": "one_t:ece", "floor, one T": "one_t:floor"}
LIKENESS = "rank correlation of maps with the first"
Columns = Mapping[str, str]
"""Words for readers → a column of the tidy frame, before calibration or, as in "one_t:ece", after a calibrator."""


def ok(frame: pd.DataFrame, arms: str | Sequence[str], data: str | Sequence[str] = "first") -> pd.DataFrame:
    """Rows of these comparisons' models that ended well, on these sets."""
    wanted, sets = ([one] if isinstance(one, str) else list(one) for one in (arms, data))
    return frame[frame["status"].eq("ok") & frame["arm"].isin(wanted) & frame["data"].isin(sets)]


def means(rows: pd.DataFrame, keys: Sequence[str], columns: Columns) -> pd.DataFrame:
    """A row a group of ``keys``, in the order of its first model: means (NaN where no run has it) and "seeds".

    >>> frame = pd.DataFrame({"setting": "bce", "calibrator": "none", "ece": [0.25, np.nan, 0.75]})
    >>> means(frame, ["setting"], {"ECE": "ece", "AUROC": "auroc_macro"}).to_numpy().tolist()
    [['bce', 0.5, nan, 3]]
    """
    found = []
    for key, group in rows.groupby(list(keys), sort=False):
        row = dict(zip(keys, key, strict=True))
        for words, shown in columns.items():
            calibrator, _, column = shown.rpartition(":")
            own = group["calibrator"].eq(calibrator or NONE)
            row[words] = group.loc[own, column].mean() if column in group else np.nan
        found.append({**row, "seeds": int(group["calibrator"].eq(NONE).sum())})
    return pd.DataFrame(found, columns=[*keys, *columns, "seeds"])


def by_loss(rows: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """:func:`means` a setting, named in the column "loss"."""
    table = means(rows, ["setting"], columns)
    return table.assign(setting=table["setting"].map(name)).rename(columns={"setting": "loss"})


def auroc_table(
    frame: pd.DataFrame, arms: str | Sequence[str], printed: pd.DataFrame, rows: Mapping[str, str]
) -> pd.DataFrame:
    """Tables 4.1 and 4.2: AUROC by label, a row a setting of a comparison, the report's below ours where it has one.

    Args: printed, indexed by the names that ``rows`` gives to settings, a column a label and "Mean".
    """
    labels = [column.removeprefix("auroc/") for column in frame if column.startswith("auroc/")]
    found, left = [], dict(rows)  # settings whose printed row is still to come
    own = ok(frame, arms)
    for (arm, setting), group in own[own["calibrator"].eq(NONE)].groupby(["arm", "setting"], sort=False):
        scores = group["auroc_macro"]
        row = {"loss": name(str(setting), str(arm)), "of": "ours", "mean": scores.mean()}
        row |= {label: group[f"auroc/{label}"].mean() for label in labels}
        found.append({**row, "sd": scores.std(ddof=1), "seeds": len(scores)})
        line = left.pop(str(setting), None)
        if line in printed.index:
            values = printed.loc[line]
            row = {"loss": name(str(setting)), "of": "report", "mean": values.get("Mean")}
            found.append({**row, **{label: values.get(label) for label in labels}})
    table = pd.DataFrame(found, columns=["loss", "of", *labels, "mean", "sd", "seeds"])
    return table.astype({"seeds": "Int64"})


def map_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What the two losses measure on maps of unseen images, and where the maps point; columns that any run has."""
    columns = {"cosine, re-encoded": "distinctiveness", "cosine, raw maps": "raw_distinctiveness"}
    columns |= {"coherence, mean over pairs": "coherence", "coherence, sum": "coherence_sum"}
    columns |= {
        "maps without a positive value": "dead_maps",
        "pointing": "point_macro",
        "AUROC": "auroc_macro",
    }
    table = by_loss(ok(frame, "saliency"), columns)
    return table.dropna(axis=1, how="all") if len(table) else table


def with_floors(frame: pd.DataFrame, floors: pd.DataFrame) -> pd.DataFrame:
    """The tidy frame with the mean of ``calibration.floors`` as a column "floor" (NaN: none was drawn)."""
    keys = ["data", "arm", "setting", "calibrator"]
    return frame.merge(floors.rename(columns={"mean": "floor"})[[*keys, "floor"]], "left", keys)


def ece_table(
    frame: pd.DataFrame, arm: str, printed: pd.DataFrame | None = None, rows: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Table 4.3: mean ECE before calibration and after, the report's beside ours, and the floor of each.

    Args: frame, with floors; printed, of the report, with its names by setting in ``rows``.
    """
    own, columns = ok(frame, arm), {}
    for key, words in WORDS.items():
        columns[words] = f"{key}:ece"
        columns |= {f"{words}, floor": f"{key}:floor"} if key in (NONE, "one_t") else {}
    table = by_loss(own, columns).drop(columns="seeds")
    if printed is not None:
        lines = [(rows or {}).get(setting) for setting in own["setting"].drop_duplicates()]
        for place, words in enumerate((WORDS[NONE], WORDS["one_t"])):
            cells = [printed.iloc[:, place].get(line, np.nan) for line in lines]
            table.insert(table.columns.get_loc(words) + 1, f"{words}, report", cells)
    return table


def calibrator_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Every reading of calibration by loss and calibrator, of the comparison "losses"; columns that any run has.

    A loss is named in its first row alone: "loss" is empty in the others. Args: frame, with floors.
    """
    columns = {
        "ece": "ECE",
        "floor": "floor",
        "ece_mass": "ECE, equal mass",
        "ece_confidence": "ECE of the confidence",
    }
    columns |= {
        "true_ece": "ECE against P(y | x)",
        "bias": "bias",
        "brier": "Brier score",
        "nll_calibrated": "NLL",
    }
    own = ok(frame, "losses")
    grouped = own.groupby(["setting", "calibrator"], sort=False)
    table = grouped[[key for key in columns if key in own]].mean().rename(columns=columns)
    table = table.dropna(axis=1, how="all") if len(table) else table
    table = table.assign(seeds=grouped.size()).reset_index()
    table["setting"] = table["setting"].map(name).mask(table["setting"].duplicated(), "")
    return table.assign(calibrator=table["calibrator"].str.replace("_", " ")).rename(
        columns={"setting": "loss"}
    )


def shift_table(frame: pd.DataFrame) -> pd.DataFrame:
    """ECE of the test part, and of its first images with half their contrast; fewer images have a higher floor."""
    both = (("", "ece"), (", half contrast", "ece_contrast"))
    several = ((key, more, column) for key in (NONE, "one_t", "platt") for more, column in both)
    columns = {f"{WORDS[key]}{more}": f"{key}:{column}" for key, more, column in several}
    return by_loss(ok(frame, "losses"), columns).drop(columns="seeds")


def floor_table(floors: pd.DataFrame, few: Range | None) -> pd.DataFrame:
    """Mean floors by setting and calibrator; last ``calibration.floor_at``, of one temperature on 200 images."""
    found: list[dict[str, object]] = []
    for (arm, setting), group in floors.groupby(["arm", "setting"], sort=False):
        at = group.set_index("calibrator")
        row: dict[str, object] = {"loss": name(str(setting), str(arm))}
        row |= {words: at["mean"].get(key, np.nan) for key, words in WORDS.items()}
        found.append({**row, "range, one T": _range(*at.loc["one_t", ["low", "high"]])})
    if few is not None:
        row = {"loss": f"{name('bce')}, {FEW} images", WORDS["one_t"]: few.mean}
        found.append({**row, "range, one T": _range(few.low, few.high)})
    return pd.DataFrame(found, columns=["loss", *WORDS.values(), "range, one T"])


def _range(low: float, high: float) -> str:
    """Both ends to three decimals, without the zero before the point.

    >>> _range(0.04, 0.0628), _range(0.9996, 1)
    ('.040 to .063', '1.000 to 1.000')
    """
    return " to ".join(f"{end:.3f}".removeprefix("0") for end in (low, high))


def mimo_table(frame: pd.DataFrame, together: Mapping[str, float]) -> pd.DataFrame:
    """MIMO beside one input; then cross entropy's models of "losses", and these together (``calibration.ensemble``)."""
    columns = {
        "AUROC": "auroc_macro",
        "NLL": "nll",
        "ECE": "ece",
        "floor": "floor",
        "ECE, one T": "one_t:ece",
    }
    mimo, losses = ok(frame, "mimo"), ok(frame, "losses")
    own = pd.concat([mimo, losses[losses["setting"].eq("bce")]])
    table = means(own, ["arm", "setting"], columns)
    loss = [name(setting, arm) for arm, setting in zip(table["arm"], table["setting"], strict=True)]
    words = {"setting": "loss", "seeds": "models"}
    table = table.assign(setting=loss).drop(columns="arm").rename(columns=words)
    if together:
        row = {"loss": f"{name('bce')}, all together", "models": 1, "ECE, one T": together["ece_one_t"]}
        row |= {"AUROC": together["auroc"], "NLL": together["nll"], "ECE": together["ece"]}
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
    return table


def backbone_table(frame: pd.DataFrame, ranks: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """AUROC, calibration and pointing of each network with cross entropy, and ``similarity.backbone_ranks``."""
    own = ok(frame, ("backbones", "losses"))
    own = own[own["arm"].eq("backbones") | own["setting"].eq("bce")].sort_values("arm", kind="stable")
    keys = ["backbone", "weights", "train_from"]
    columns = {"AUROC": "auroc_macro", "ECE": "ece", "pointing": "point_macro"}
    table = means(own, keys, columns)
    alike = [ranks.get(key, np.nan) for key in zip(table["backbone"], table["weights"], strict=True)]
    table.insert(6, LIKENESS, alike)
    table["train_from"] = table["train_from"].replace("", "the first layer")
    return table.rename(columns={"train_from": "trained from"})


def rare_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The losses on the set with rarer findings, beside the first set's where that has them; frame with floors."""
    rare, first = ok(frame, "imbalance", "rare"), ok(frame, ("losses", "saliency"))
    columns = {"AUROC": "auroc_macro", **ECES, "pointing": "point_macro"}
    own = pd.concat([rare, *(first[first["setting"].eq(one)] for one in rare["setting"].unique())])
    table = means(own, ["setting", "data"], columns)
    return table.assign(setting=table["setting"].map(name)).rename(columns={"setting": "loss", "data": "set"})


def mapping_table(frame: pd.DataFrame, first: str) -> pd.DataFrame:
    """Cross entropy on each way to map uncertain labels; labels of the test part are certain everywhere.

    Args: frame, with floors; first, how the first set's uncertain labels are mapped, a key of ``MAPPINGS``.
    """
    plain = ok(frame, "losses")
    own = pd.concat([plain[plain["setting"].eq("bce")], ok(frame, "mapping", [*MAPPINGS])])
    known = {"ECE against P(y | x)": "true_ece", "ECE against P(y | x), one T": "one_t:true_ece"}
    table = means(own, ["data"], {"AUROC": "auroc_macro", **ECES, **known})
    words = table["data"].replace("first", first).map(MAPPINGS)
    return table.assign(data=words).rename(columns={"data": "uncertain labels"})


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each comparison was trained with, a row a comparison and set; failed runs are among its models."""
    found = []
    listed = {"network": "backbone", "weights": "weights", "trained from": "train_from", "epochs": "epochs"}
    listed |= {"batch": "batch_size", "rate": "learning_rate", "λ1": "distinct", "λ2": "coherent"}
    for (arm, data), group in frame[frame["calibrator"].eq(NONE)].groupby(["arm", "data"], sort=False):
        row: dict[str, object] = {"comparison": arm, "set": data}
        for words, column in listed.items():
            values = dict.fromkeys(group[column].replace("", "the first layer"))
            row[words] = ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in values)
        row["images"] = group["train_images"].max() if "train_images" in group else np.nan
        row |= {"settings": group["setting"].nunique(), "models": len(group)}
        found.append({**row, "failed": int(group["status"].ne("ok").sum())})
    return pd.DataFrame(found).astype({"images": "Int64"})


def seeds_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Every seed's AUROC and ECE before calibration and after one temperature."""
    columns = {"AUROC": "auroc_macro", "ECE": "ece", "ECE, one T": "one_t:ece"}
    columns |= {"NLL": "nll", "pointing": "point_macro"}
    table = means(ok(frame, ("losses", "saliency", "mimo")), ["arm", "setting", "seed"], columns)
    table["setting"] = [name(*key) for key in zip(table["setting"], table["arm"], strict=True)]
    return table.drop(columns="seeds").rename(columns={"arm": "comparison", "setting": "loss"})


def values(frame: pd.DataFrame, first: Swept) -> dict[str, float]:
    """Numbers that claims and prose name: mean_MEASURE_SETTING of "losses" and "saliency", NaN where no run has it;

    mean_ece_SETTING_CALIBRATOR; oracle_auroc, of P(y | x) itself; and those of :func:`few_images`.
    """
    images, own = first.opened.images, ok(frame, ("losses", "saliency"))
    truth, labels = images.truth[images.images.split == "test"], images.images.part("test").labels
    best = np.nan if np.isnan(truth).any() else auroc(torch.from_numpy(truth), torch.from_numpy(labels)).macro
    found = {"oracle_auroc": best}

    def mean(setting: str, column: str, calibrator: str = NONE) -> float:
        rows = own[own["setting"].eq(setting) & own["calibrator"].eq(calibrator)]
        return float(rows[column].mean()) if column in rows else np.nan

    for column, settings in NAMED.items():
        stem = "auroc" if column == "auroc_macro" else column
        found |= {f"mean_{stem}_{setting}": mean(setting, column) for setting in settings}
    for setting in ("bce", "wbce", "auc_pesg"):
        found |= {f"mean_ece_{setting}_{key}": mean(setting, "ece", key) for key in (NONE, "one_t", "platt")}
    return found | few_images(first)


def few_images(first: Swept) -> dict[str, float]:
    """How far 200 images tell focal loss from cross entropy, of the models of the first seed that both have.

    Returns: few_sd, standard deviation of their difference in mean AUROC over draws of 200 test images; few_wrong,
        share of the draws with another sign than on all test images; NaN with one loss alone.
    """
    both = [{one.config.seed: one for one in first.models(loss, ("losses",))} for loss in ("focal", "bce")]
    seeds = both[0].keys() & both[1].keys()  # with one seed both started from the same weights
    if not seeds:
        return {"few_sd": np.nan, "few_wrong": np.nan}
    labels = torch.from_numpy(first.opened.images.images.part("test").labels)
    a, b = (torch.from_numpy(own[min(seeds)].arrays()["test_logits"]) for own in both)
    whole = auroc(a, labels).macro - auroc(b, labels).macro
    generator, drawn = torch.Generator().manual_seed(0), []
    for _ in range(RESAMPLES):
        rows = torch.randint(len(labels), (min(FEW, len(labels)),), generator=generator)
        if bool((labels[rows].any(0) & ~labels[rows].all(0)).any()):
            drawn.append(auroc(a[rows], labels[rows]).macro - auroc(b[rows], labels[rows]).macro)
    if len(drawn) < 2:  # labels so rare that few draws have one with both values
        return {"few_sd": np.nan, "few_wrong": np.nan}
    wrong = np.sign(drawn) != np.sign(whole)
    return {"few_sd": float(np.std(drawn, ddof=1)), "few_wrong": float(wrong.mean())}
