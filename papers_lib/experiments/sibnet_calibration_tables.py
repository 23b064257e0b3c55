"""Tables of the Sibnet page, made from the tidy frame; ours are means over seeds of runs that ended well."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from papers_lib.experiments.sibnet_calibration_frame import NONE
from papers_lib.experiments.sibnet_calibration_settings import name
from papers_lib.metrics.ece_floor import Range

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

    Args: printed, indexed by the names that ``rows`` gives to settings, a column a label and "Mean"; data, the set.

    Returns: "loss", "of" (ours or the report's), the labels, "mean", "sd" (of the mean over seeds), "seeds".
    """
    found = []
    labels = labels_of(frame)
    own = chosen(frame, arms, data=data)
    for setting, group in own.groupby("setting", sort=False):
        means = group["auroc_macro"]
        row = {"loss": name(str(setting)), "of": OURS}
        row |= {label: group[f"auroc/{label}"].mean() for label in labels}
        found.append({**row, MEAN: means.mean(), "sd": means.std(ddof=1), "seeds": len(means)})
        if printed is not None and rows and setting in rows and rows[str(setting)] in printed.index:
            values = printed.loc[rows[str(setting)]]
            row = {"loss": name(str(setting)), "of": PAPER, MEAN: values.get("Mean")}
            found.append({**row, **{label: values.get(label) for label in labels}})
    return pd.DataFrame(found, columns=["loss", "of", *labels, MEAN, "sd", "seeds"])


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
    return _means(chosen(frame, arms), columns)


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

    Args: printed, of the report; rows, its names by setting; floors, of ``sibnet_calibration_reliability.floors``.
    """
    words = {
        NONE: "before",
        "one_t": "one T",
        "label_t": "T a label",
        "platt": "Platt",
        "isotonic": "isotonic",
    }
    found = []
    for setting in dict.fromkeys(chosen(frame, arms, data=data)["setting"]):
        row: dict[str, object] = {"loss": name(setting)}
        for calibrator, word in words.items():
            own = chosen(frame, arms, calibrator, data)
            row[word] = own[own["setting"].eq(setting)]["ece"].mean()
            if printed is not None and calibrator in (NONE, "one_t"):
                line = (rows or {}).get(setting)
                column = printed.columns[0 if calibrator == NONE else 1]
                row[f"{word}, report"] = printed.loc[line, column] if line in printed.index else np.nan
            if floors is not None and calibrator in (NONE, "one_t"):
                own = floors[
                    floors["calibrator"].eq(calibrator)
                    & floors["arm"].isin([arms] if isinstance(arms, str) else arms)
                ]
                row[f"{word}, floor"] = own["mean"].get(setting, np.nan)
        found.append(row)
    return pd.DataFrame(found)


def calibrator_table(frame: pd.DataFrame, arms: str | Sequence[str]) -> pd.DataFrame:
    """Every reading of calibration by setting and calibrator; means over seeds."""
    columns = {
        "ece": "ECE",
        "ece_mass": "ECE, equal mass",
        "ece_confidence": "ECE of the confidence",
        "true_ece": "ECE against P(y | x)",
        "bias": "bias",
        "brier": "Brier score",
        "nll_calibrated": "NLL",
    }
    parts = []
    for calibrator in dict.fromkeys(frame["calibrator"]):
        table = _means(chosen(frame, arms, calibrator), columns)
        table.insert(1, "calibrator", calibrator.replace("_", " "))
        parts.append(table)
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return joined.sort_values("loss", kind="stable", ignore_index=True) if len(joined) else joined


def shift_table(frame: pd.DataFrame, arms: str | Sequence[str]) -> pd.DataFrame:
    """ECE of ordinary images and of the same with half the contrast, by calibrator; means over seeds."""
    found = []
    for calibrator in (NONE, "one_t", "label_t", "platt", "isotonic"):
        own = chosen(frame, arms, calibrator)
        for setting, group in own.groupby("setting", sort=False):
            row = {"loss": name(str(setting)), "calibrator": calibrator.replace("_", " ")}
            found.append({**row, "ECE": group["ece"].mean(), "half contrast": group["ece_contrast"].mean()})
    table = pd.DataFrame(found, columns=["loss", "calibrator", "ECE", "half contrast"])
    return table.sort_values("loss", kind="stable", ignore_index=True)


def mapping_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Cross entropy on each way to map uncertain labels; labels of the test part are certain everywhere."""
    words = {
        "first": "1 for Cardiomegaly and Edema (the report)",
        "common": "1 for Atelectasis and Edema",
        "zeros": "0 for all",
        "ones": "1 for all",
    }
    found = []
    for data, text in words.items():
        arms = "losses" if data == "first" else "mapping"
        for calibrator in (NONE, "one_t"):
            own = chosen(frame, arms, calibrator, data)
            own = own[own["setting"].eq("bce")]
            if len(own):
                row = {"uncertain labels": text, "calibrator": calibrator.replace("_", " ")}
                row |= {"AUROC": own["auroc_macro"].mean(), "ECE": own["ece"].mean()}
                row |= {"ECE against P(y | x)": own["true_ece"].mean(), "bias": own["bias"].mean()}
                found.append({**row, "seeds": len(own)})
    return pd.DataFrame(found)


def backbone_table(frame: pd.DataFrame) -> pd.DataFrame:
    """AUROC, calibration and pointing of each network; means over seeds."""
    own = pd.concat([chosen(frame, "backbones"), chosen(frame, "losses").query("setting == 'bce'")])
    found = []
    keys = ["backbone", "weights", "train_from"]
    for (backbone, weights, stage), group in own.groupby(keys, sort=False):
        row = {"backbone": backbone, "weights": weights, "trained from": stage or "the first layer"}
        row |= {"AUROC": group["auroc_macro"].mean(), "ECE": group["ece"].mean()}
        found.append({**row, "pointing": group["point_macro"].mean(), "seeds": len(group)})
    return pd.DataFrame(found)


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each arm was trained with, a row an arm and set."""
    found = []
    for (arm, data), group in frame[frame["calibrator"].eq(NONE)].groupby(["arm", "data"], sort=False):
        one = group.iloc[0]
        row = {
            "arm": arm,
            "set": data,
            "network": _listed(group["backbone"]),
            "weights": _listed(group["weights"]),
        }
        row |= {"trained from": _listed(group["train_from"].replace("", "the first layer"))}
        row |= {"images": group["train_images"].max(), "epochs": _listed(group["epochs"])}
        row |= {"batch": int(one["batch_size"]), "rate": _listed(group["learning_rate"])}
        row |= {"λ1": _listed(group["distinct"]), "λ2": _listed(group["coherent"])}
        row |= {"settings": group["setting"].nunique(), "models": len(group)}
        found.append({**row, "failed": int(group["status"].ne("ok").sum())})
    return pd.DataFrame(found)


def seeds_table(frame: pd.DataFrame, arms: str | Sequence[str]) -> pd.DataFrame:
    """Every seed's AUROC and ECE before calibration and after one temperature."""
    own = pd.concat([chosen(frame, arms, calibrator) for calibrator in (NONE, "one_t")])
    found = []
    for (arm, setting, seed), group in own.groupby(["arm", "setting", "seed"], sort=False):
        before, after = (group[group["calibrator"].eq(one)] for one in (NONE, "one_t"))
        row = {"arm": arm, "loss": name(setting), "seed": int(seed), "AUROC": before["auroc_macro"].mean()}
        row |= {"ECE": before["ece"].mean(), "ECE, one T": after["ece"].mean()}
        found.append({**row, "NLL": before["nll"].mean(), "pointing": before["point_macro"].mean()})
    return pd.DataFrame(found)


def _means(own: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    there = {
        column: words for column, words in columns.items() if column in own and own[column].notna().any()
    }
    found = [
        {"loss": name(str(setting)), **{words: group[column].mean() for column, words in there.items()}}
        | {"seeds": len(group)}
        for setting, group in own.groupby("setting", sort=False)
    ]
    return pd.DataFrame(found, columns=["loss", *there.values(), "seeds"])


def _listed(values: "pd.Series[object]") -> str:
    """The different values, joined."""
    found = [f"{value:g}" if isinstance(value, float) else str(value) for value in dict.fromkeys(values)]
    return ", ".join(found)


def floor_table(floors: pd.DataFrame, few: Range | None) -> pd.DataFrame:
    """Floors by arm, setting and calibrator; last of cross entropy after one temperature, on 200 images.

    Args: floors, of ``sibnet_calibration_reliability.floors``; few, of ``floor_at`` there.
    """
    table = floors.reset_index()
    table.insert(
        0, "loss", [name(setting, arm) for setting, arm in zip(table["setting"], table["arm"], strict=True)]
    )
    table["calibrator"] = table["calibrator"].str.replace("_", " ")
    table["images"] = "test part"
    table = table.drop(columns=["setting", "arm"])
    if few is not None:
        last = {"loss": name("bce"), "calibrator": "one t", "images": "200", **few._asdict()}
        table = pd.concat([table, pd.DataFrame([last])], ignore_index=True)
    return table[["loss", "calibrator", "images", "low", "mean", "high"]]


def mimo_table(frame: pd.DataFrame, named: Mapping[str, float]) -> pd.DataFrame:
    """MIMO beside the same network with one input; then cross entropy's models of the arm "losses", one and together.

    Args: named, with "ensemble_auroc" and "ensemble_ece" of ``sibnet_calibration_scalars.ensemble``.
    """
    columns = {"auroc_macro": "AUROC", "nll": "NLL", "ece": "ECE"}
    found = []
    for arm in ("mimo", "losses"):
        own = chosen(frame, arm)
        after = chosen(frame, arm, "one_t")
        for setting in dict.fromkeys(own["setting"] if arm == "mimo" else ["bce"]):
            group = own[own["setting"].eq(setting)]
            row = {
                "loss": name(setting, arm),
                **{words: group[column].mean() for column, words in columns.items()},
            }
            row["ECE, one T"] = after[after["setting"].eq(setting)]["ece"].mean()
            found.append({**row, "models": len(group)})
    together = {
        "loss": f"{name('bce')}, all together",
        "AUROC": named["ensemble_auroc"],
        "ECE": named["ensemble_ece"],
    }
    return pd.DataFrame([*found, {**together, "models": 1}])


def rare_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The losses on the set with rarer findings, beside the first set's; means over seeds."""
    found = []
    for data, arms in (("rare", "imbalance"), ("first", ["losses", "saliency"])):
        own, after = (chosen(frame, arms, calibrator, data) for calibrator in (NONE, "one_t"))
        wanted = chosen(frame, "imbalance", NONE, "rare")["setting"]
        for setting in dict.fromkeys(wanted):
            group = own[own["setting"].eq(setting)]
            row = {"loss": name(setting), "set": data, "AUROC": group["auroc_macro"].mean()}
            row |= {"ECE": group["ece"].mean(), "bias": group["bias"].mean()}
            row["ECE, one T"] = after[after["setting"].eq(setting)]["ece"].mean()
            found.append({**row, "pointing": group["point_macro"].mean(), "seeds": len(group)})
    return pd.DataFrame(found)
