"""Tables of the page, each a DataFrame made from the tidy frame of runs (but for ``field_table``)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from pandas.core.groupby import DataFrameGroupBy

from papers_lib.models.vgg_cardiac import field_share, receptive_field, small_vgg, vgg16

MEASURED = ["val_accuracy", "test_accuracy", "heart_share", "heart_share_grad_cam", "hot_cells", "dead_share"]
MEASURED += ["dead_share_grad_cam", "learning_rate", "outside_reliance"]
NAMES = {"cce": "CCE", "mse": "MSE only", "heatmap": "heatmap loss"}
REGIONS = {"heart_share": "heart", "label_share": "sex label"}
BY = ["experiment", "arm", "group"]


def tidy(frame: pd.DataFrame, label_area: float) -> pd.DataFrame:
    """``records_frame`` with the columns that claims compare by; ``label_area``: the sex label's share of the image."""
    missing = [name for name in MEASURED if name not in frame]  # a frame of failed runs has no metrics
    frame = frame.reindex(columns=[*frame.columns, *missing])
    frame["kept"] = frame["kept"].eq(True) if "kept" in frame else False
    frame["exclusion"] = frame["exclusion"].fillna("") if "exclusion" in frame else ""
    failed = frame["status"] != "ok"
    frame.loc[failed, "exclusion"] = frame.loc[failed, "status"] + ": " + frame.loc[failed, "reason"]
    frame["arm_group"] = frame["arm"] + " " + frame["group"]
    if "label_share" in frame and label_area:
        frame["label_share_over_area"] = frame["label_share"] / label_area
        frame["log10_label_share"] = np.log10(frame["label_share"].clip(lower=1e-12))
    return frame


def kept(frame: pd.DataFrame, **where: object) -> pd.DataFrame:
    """Rows that the 95 % filter kept and whose columns equal ``where``."""
    return frame[frame["kept"] & frame[list(where)].eq(pd.Series(where)).all(axis=1)]


def groups_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Medians of every group's kept models."""
    columns = {
        "val_accuracy": "validation",
        "test_accuracy": "test",
        "heart_share": "heat in heart",
        "heart_share_grad_cam": "by Grad-CAM",
        "label_share": "on label",
        "hot_cells": "hot cells",
        "dead_share": "dead maps",
        "dead_share_grad_cam": "dead Grad-CAM",
    }
    present = {name: title for name, title in columns.items() if name in frame}
    return _titled(_medians(frame[frame["kept"]].groupby(BY, sort=False), present))


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each comparison and group was trained with, and how many models."""
    columns = ["weights", "train_features", "epochs", "batch_size", "lr_low", "lr_high", "mixed"]
    rows = frame.groupby(BY, sort=False)
    table = rows[columns].first()
    low, high = table.pop("lr_low"), table.pop("lr_high")
    table["learning rate"] = [f"{a:.2g} to {b:.2g}" for a, b in zip(low, high, strict=True)]
    table["convolutions"] = table.pop("train_features").map({True: "trained", False: "frozen"})
    table["models"] = rows.size()
    return _titled(table).rename(columns={"batch_size": "batch", "mixed": "mixed precision"})


def exclusions_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Trained and kept models of every group, with each reason of exclusion and its count."""

    def counts(reasons: pd.Series) -> str | None:
        found = reasons[reasons != ""].str.replace(r"accuracy 0\.\d+", "accuracy", regex=True).value_counts()
        return "; ".join(f"{count} × {reason}" for reason, count in found.items()) or None

    why = frame.assign(why=frame["exclusion"].where(~frame["kept"], ""))
    columns = {"trained": ("kept", "size"), "kept": ("kept", "sum"), "excluded because": ("why", counts)}
    return _titled(why.groupby(BY, sort=False).agg(**columns))


def choices_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One change at a time to the heatmap term, beside the unchanged term and the control without it."""
    titles = {
        "main mse": "no term (control)",
        "main heatmap": "as coded: HiResCAM, predicted class, point-sampled mask",
        "mask heatmap": "mask shrunk by area",
        "method heatmap": "Grad-CAM in the loss",
        "target heatmap": "map of the true class",
    }
    columns = {
        "heart_share": "heat in heart, median",
        "heart_share_grad_cam": "by Grad-CAM",
        "dead_share_grad_cam": "dead Grad-CAM",
        "hot_cells": "hot cells",
        "test_accuracy": "test accuracy",
    }
    runs = frame[frame["kept"] & frame["arm_group"].isin(list(titles))].replace({"arm_group": titles})
    groups = runs.groupby(["experiment", "arm_group"], sort=False)
    return _medians(groups, columns).reset_index(names=["exp.", "heatmap term"])


def field_table() -> pd.DataFrame:
    """Receptive field of a cell of the last map, its stride, and the share of the image inside it (mean of cells)."""
    with torch.device("meta"):  # shapes only: nothing of VGG16's 15 million parameters is made
        large = vgg16(None, pretrained=False)
    rows = []
    for name, network in {"small VGG": small_vgg(torch.Generator()), "VGG16": large}.items():
        field, stride = receptive_field(network.convolutions)
        rows.append((name, f"{field} x {field}", stride, field_share(network.convolutions)))
    return pd.DataFrame(rows, columns=["network", "receptive field", "stride", "mean share of the image"])


def _medians(groups: DataFrameGroupBy, columns: Mapping[str, str]) -> pd.DataFrame:
    """Number of models and medians of the columns, under their titles, a row a group."""
    table = groups[list(columns)].median().rename(columns=columns)
    table.insert(0, "models", groups.size())
    return table


def _titled(table: pd.DataFrame) -> pd.DataFrame:
    titles = {"experiment": "exp.", "arm": "comparison"}
    return table.reset_index().replace({"group": NAMES}).rename(columns=titles)
