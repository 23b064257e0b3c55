"""Tables of the Sibnet page, made from the tidy frame; ours are means over seeds of runs that ended well.

Those on calibration are in ``sibnet_calibration_ece_tables``. A table without runs has its columns and no row.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sibnet_calibration.frame import NONE
from sibnet_calibration.settings import name

LIKENESS = "rank correlation of maps with the first"
OURS, PAPER, MEAN = "ours", "report", "mean"
PRINTED = {
    "41": {"wbce": "Cross Entropy", "cd": "Custom", "cd_two_stage": "Modified Pipeline"},
    "42": {"bce": "Cross Entropy", "focal": "Focal", "auc_adam": "DeepAUC"},
}
"""Rows of the printed tables by setting; DeepAUC was trained with Adam."""


def chosen(
    frame: pd.DataFrame, arms: str | Sequence[str], calibrator: str = NONE, data: str = "first"
) -> pd.DataFrame:
    """Rows of runs of these arms that ended well, of one calibrator and data set."""
    wanted = [arms] if isinstance(arms, str) else list(arms)
    mask = frame["status"].eq("ok") & frame["arm"].isin(wanted)
    return frame[mask & frame["calibrator"].eq(calibrator) & frame["data"].eq(data)]


def mean_of(group: pd.DataFrame, column: str) -> float:
    """Mean of a column; NaN where no run has it: no boxes, no maps, no known P(y | x).

    >>> mean_of(pd.DataFrame({"ece": [0.25, np.nan, 0.75]}), "ece"), mean_of(pd.DataFrame(), "ece")
    (0.5, nan)
    """
    return float(group[column].mean()) if column in group else float("nan")


def means(own: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """A row a setting: "loss", the mean of each column that any run has, under its words, and "seeds"."""
    there = {key: words for key, words in columns.items() if key in own and own[key].notna().any()}
    there = there if len(own) else dict(columns)
    found = [
        {"loss": name(str(setting)), **{words: mean_of(group, key) for key, words in there.items()}}
        | {"seeds": len(group)}
        for setting, group in own.groupby("setting", sort=False)
    ]
    return pd.DataFrame(found, columns=["loss", *there.values(), "seeds"])


def labels_of(frame: pd.DataFrame) -> list[str]:
    """Names of the labels, in the order of the columns."""
    return [column.removeprefix("auroc/") for column in frame if column.startswith("auroc/")]


def auroc_table(
    frame: pd.DataFrame,
    arms: str | Sequence[str],
    printed: pd.DataFrame | None = None,
    rows: Mapping[str, str] | None = None,
    *,
    data: str = "first",
) -> pd.DataFrame:
    """Tables 4.1 and 4.2: AUROC by label, a row a setting, with the report's below ours where it has the row.

    With several arms a row is a setting of an arm; the report's stands below the first arm's.

    Args: printed, indexed by the names that ``rows`` gives to settings, a column a label and "Mean"; data, the set.

    Returns: "loss", "of" (ours or the report's), the labels, "mean", "sd" (of the mean AUROC, over seeds), "seeds"
        (whole numbers, missing in the report's rows).
    """
    found = []
    labels = labels_of(frame)
    left = dict(rows or {})  # settings whose printed row is still to come
    for (arm, setting), group in chosen(frame, arms, data=data).groupby(["arm", "setting"], sort=False):
        scores = group["auroc_macro"]
        row = {"loss": name(str(setting), str(arm)), "of": OURS}
        row |= {label: group[f"auroc/{label}"].mean() for label in labels}
        found.append({**row, MEAN: scores.mean(), "sd": scores.std(ddof=1), "seeds": len(scores)})
        line = left.pop(str(setting), None)
        if printed is not None and line in printed.index:
            values = printed.loc[line]
            row = {"loss": name(str(setting)), "of": PAPER, MEAN: values.get("Mean")}
            found.append({**row, **{label: values.get(label) for label in labels}})
    table = pd.DataFrame(found, columns=["loss", "of", *labels, MEAN, "sd", "seeds"])
    return table.astype({"seeds": "Int64"})


def map_table(frame: pd.DataFrame, arms: str | Sequence[str]) -> pd.DataFrame:
    """What the two losses measure on maps of unseen images, and where the maps point; means over seeds."""
    columns = {
        "distinctiveness": "cosine, re-encoded",
        "raw_distinctiveness": "cosine, raw maps",
        "coherence": "coherence, mean over pairs",
        "coherence_sum": "coherence, sum",
        "dead_maps": "maps without a positive value",
        "point_macro": "pointing",
        "auroc_macro": "AUROC",
    }
    return means(chosen(frame, arms), columns)


def backbone_table(frame: pd.DataFrame, ranks: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """AUROC, calibration and pointing of each network with cross entropy, means over seeds, and likeness of the maps.

    Args: ranks, of ``sibnet_calibration_similarity.backbone_ranks``.
    """
    own = chosen(frame, ("backbones", "losses"))
    own = own[own["arm"].eq("backbones") | own["setting"].eq("bce")].sort_values("arm", kind="stable")
    found = []
    keys = ["backbone", "weights", "train_from"]
    for (backbone, weights, stage), group in own.groupby(keys, sort=False):
        row = {"backbone": backbone, "weights": weights, "trained from": stage or "the first layer"}
        row |= {"AUROC": mean_of(group, "auroc_macro"), "ECE": mean_of(group, "ece")}
        row |= {"pointing": mean_of(group, "point_macro")}
        row[LIKENESS] = ranks.get((str(backbone), str(weights)), np.nan)
        found.append({**row, "seeds": len(group)})
    columns = ["backbone", "weights", "trained from", "AUROC", "ECE", "pointing", LIKENESS, "seeds"]
    return pd.DataFrame(found, columns=columns)


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each arm was trained with, a row an arm and set; failed runs are among its models."""
    found = []
    for (arm, data), group in frame[frame["calibrator"].eq(NONE)].groupby(["arm", "data"], sort=False):
        one = group.iloc[0]
        images = group["train_images"].max() if "train_images" in group else np.nan
        row = {
            "arm": arm,
            "set": data,
            "network": _listed(group["backbone"]),
            "weights": _listed(group["weights"]),
        }
        row |= {"trained from": _listed(group["train_from"].replace("", "the first layer"))}
        row |= {"images": None if pd.isna(images) else int(images), "epochs": _listed(group["epochs"])}
        row |= {"batch": int(one["batch_size"]), "rate": _listed(group["learning_rate"])}
        row |= {"λ1": _listed(group["distinct"]), "λ2": _listed(group["coherent"])}
        row |= {"settings": group["setting"].nunique(), "models": len(group)}
        found.append({**row, "failed": int(group["status"].ne("ok").sum())})
    table = pd.DataFrame(found)
    return table.astype({"images": "Int64"}) if len(table) else table


def seeds_table(frame: pd.DataFrame, arms: str | Sequence[str]) -> pd.DataFrame:
    """Every seed's AUROC and ECE before calibration and after one temperature.

    Args: arms, those in which a setting and a seed are one model.
    """
    own = pd.concat([chosen(frame, arms, calibrator) for calibrator in (NONE, "one_t")])
    found = []
    for (arm, setting, seed), group in own.groupby(["arm", "setting", "seed"], sort=False):
        before, after = (group[group["calibrator"].eq(one)] for one in (NONE, "one_t"))
        row = {"arm": arm, "loss": name(setting, arm), "seed": int(seed)}
        row |= {"AUROC": mean_of(before, "auroc_macro"), "ECE": mean_of(before, "ece")}
        row |= {"ECE, one T": mean_of(after, "ece"), "NLL": mean_of(before, "nll")}
        found.append({**row, "pointing": mean_of(before, "point_macro")})
    return pd.DataFrame(
        found, columns=["arm", "loss", "seed", "AUROC", "ECE", "ECE, one T", "NLL", "pointing"]
    )


def mimo_table(frame: pd.DataFrame, named: Mapping[str, float], floors: pd.DataFrame) -> pd.DataFrame:
    """MIMO beside the same network with one input; then cross entropy's models of the arm "losses", one and together.

    Args: named, of ``sibnet_calibration_scalars.ensemble``, NaN for no last row; floors, of
        ``sibnet_calibration_reliability.floors``.
    """
    least = floors[floors["calibrator"].eq(NONE)].set_index("arm", append=True)["mean"]
    columns = {"auroc_macro": "AUROC", "nll": "NLL", "ece": "ECE"}
    found: list[dict[str, object]] = []
    for arm in ("mimo", "losses"):
        own = chosen(frame, arm)
        own = own if arm == "mimo" else own[own["setting"].eq("bce")]
        after = chosen(frame, arm, "one_t")
        for setting, group in own.groupby("setting", sort=False):
            row: dict[str, object] = {"loss": name(str(setting), arm)}
            row |= {words: mean_of(group, column) for column, words in columns.items()}
            row["floor"] = least.get((setting, arm), np.nan)
            row["ECE, one T"] = mean_of(after[after["setting"].eq(setting)], "ece")
            found.append({**row, "models": len(group)})
    if not np.isnan(named["ensemble_auroc"]):
        row = {"loss": f"{name('bce')}, all together", "models": 1}
        row |= {"AUROC": named["ensemble_auroc"], "NLL": named["ensemble_nll"]}
        found.append({**row, "ECE": named["ensemble_ece"], "ECE, one T": named["ensemble_ece_one_t"]})
    return pd.DataFrame(found, columns=["loss", *columns.values(), "floor", "ECE, one T", "models"])


def similarity_words(table: pd.DataFrame) -> pd.DataFrame:
    """``sibnet_calibration_similarity.similarity_table`` under words for readers.

    Returns: "loss" and "beside" (the two settings' names), "models" (same or two seeds, other images), "pairs of
        models", "rank correlation" (mean), "lowest", "highest" (of a pair of models), "SSIM", "same hottest cell" (a
        share), "maps" (pairs that count); "skipped" (constant maps) and "without SSIM" where there are any.
    """
    words = {
        "a": "loss",
        "b": "beside",
        "kind": "models",
        "models": "pairs of models",
        "rank": "rank correlation",
        "rank_low": "lowest",
        "rank_high": "highest",
        "ssim": "SSIM",
        "agree": "same hottest cell",
        "maps": "maps",
        "skipped": "skipped",
        "dead": "without SSIM",
    }
    shown = [key for key in words if key not in ("skipped", "dead") or table[key].any()]
    settings = {key: table[key].map(name) for key in ("a", "b")}
    return table.assign(**settings)[shown].rename(columns=words)


def _listed(values: "pd.Series[object]") -> str:
    """The different values, joined."""
    found = [f"{value:g}" if isinstance(value, float) else str(value) for value in dict.fromkeys(values)]
    return ", ".join(found)
