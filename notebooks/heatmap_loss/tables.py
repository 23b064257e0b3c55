"""Tables of the heatmap-loss report, each a DataFrame made from the tidy frame of runs and nothing else."""

import numpy as np
import pandas as pd

MEASURED = ["val_accuracy", "test_accuracy", "heart_share", "heart_share_grad_cam", "hot_cells", "dead_share"]
MEASURED += ["dead_share_grad_cam", "learning_rate", "outside_reliance"]
NAMES = {"cce": "CCE", "mse": "MSE only", "heatmap": "heatmap loss"}
REGIONS = {"heart_share": "heart", "label_share": "sex label"}


def tidy(frame: pd.DataFrame, label_area: float) -> pd.DataFrame:
    """The runs with ``kept`` filled in for failed ones, and the columns that claims compare by.

    Args:
        frame: ``records_frame`` of all runs.
        label_area: mean share of the image that the sex label covers.
    """
    frame = frame.copy()
    for name in MEASURED:  # a frame of failed runs has no metrics
        if name not in frame:
            frame[name] = np.nan
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
    chosen = frame["kept"]
    for column, value in where.items():
        chosen = chosen & (frame[column] == value)
    return frame[chosen]


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
    rows = frame[frame["kept"]].groupby(["experiment", "arm", "group"], sort=False)
    table = rows[list(present)].median().rename(columns=present)
    table.insert(0, "models", rows.size())
    return table.reset_index().replace({"group": NAMES}).rename(columns={"experiment": "exp."})


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each arm and group was trained with, and how many models."""
    columns = ["weights", "train_features", "epochs", "batch_size", "lr_low", "lr_high", "mixed"]
    rows = frame.groupby(["experiment", "arm", "group"], sort=False)
    table = rows[columns].first()
    table["learning rate"] = [
        f"{low:.2g} to {high:.2g}"
        for low, high in zip(table.pop("lr_low"), table.pop("lr_high"), strict=True)
    ]
    table["convolutions"] = table.pop("train_features").map({True: "trained", False: "frozen"})
    table["models"] = rows.size()
    titles = {"experiment": "exp.", "batch_size": "batch", "mixed": "mixed precision"}
    return table.reset_index().replace({"group": NAMES}).rename(columns=titles)


def exclusions_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Trained and kept models of every group, with each reason of exclusion and its count."""
    rows = []
    for (experiment, arm, group), runs in frame.groupby(["experiment", "arm", "group"], sort=False):
        reasons = runs.loc[~runs["kept"], "exclusion"].str.replace(r"accuracy 0\.\d+", "accuracy", regex=True)
        counts = reasons.value_counts()
        rows.append(
            {
                "exp.": experiment,
                "arm": arm,
                "group": NAMES[group],
                "trained": len(runs),
                "kept": int(runs["kept"].sum()),
                "excluded because": "; ".join(f"{count} × {reason}" for reason, count in counts.items())
                or None,
            }
        )
    return pd.DataFrame(rows)


def definitions_table(frame: pd.DataFrame, least: float = 0.99) -> pd.DataFrame:
    """Each definition of the term at the largest weight whose median validation accuracy is at least ``least``.

    The rule makes the definitions comparable: their raw scales differ by a factor of up to 48, the cells of the map.
    """
    runs = frame[(frame["group"] == "heatmap") & frame["arm"].isin(["main", "weight"])]
    medians = runs.groupby(["experiment", "form", "weight"], as_index=False).agg(
        models=("val_accuracy", "size"),
        validation=("val_accuracy", "median"),
        heart=("heart_share", "median"),
        cells=("hot_cells", "median"),
        dead=("dead_share", "median"),
        reliance=("outside_reliance", "median"),
    )
    good = medians[medians["validation"] >= least].sort_values("weight")
    chosen = good.groupby(["experiment", "form"], as_index=False).last()
    titles = {
        "form": "definition",
        "validation": "val. accuracy",
        "heart": "heat in heart",
        "cells": "hot cells",
        "dead": "dead maps",
        "reliance": "outside reliance",
    }
    return chosen.rename(columns=titles)


def choices_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One change at a time to the heatmap term, beside the unchanged term and the control without it."""
    arms = {
        "main mse": "no term (control)",
        "main heatmap": "as coded: HiResCAM, predicted class, point-sampled mask",
        "mask heatmap": "mask shrunk by area",
        "method heatmap": "Grad-CAM in the loss",
        "target heatmap": "map of the true class",
    }
    rows = []
    for experiment in sorted(frame["experiment"].unique()):
        for arm, title in arms.items():
            runs = kept(frame, experiment=experiment, arm_group=arm)
            if len(runs):
                share = runs["heart_share"].quantile([0.25, 0.5, 0.75]).to_numpy()
                rows.append(
                    {
                        "exp.": experiment,
                        "heatmap term": title,
                        "models": len(runs),
                        "heat in heart, median": share[1],
                        "quartiles": f"{share[0]:.3f} to {share[2]:.3f}",
                        "by Grad-CAM": runs["heart_share_grad_cam"].median(),
                        "dead Grad-CAM": runs["dead_share_grad_cam"].median(),
                        "hot cells": runs["hot_cells"].median(),
                        "test accuracy": runs["test_accuracy"].median(),
                    }
                )
    return pd.DataFrame(rows)


CAUSAL_NAMES = {
    "toggle_change": "label switched: change",
    "toggle_flips": "predictions changed",
    "erase_heart_change": "heart erased: change",
    "erase_outside_change": "rest erased: change",
    "outside_reliance": "outside reliance",
    "only_heart_accuracy": "accuracy on the heart alone",
}


def causal_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Medians of the causal checks by experiment and group."""
    present = frame.columns.intersection(list(CAUSAL_NAMES))
    medians = frame.groupby(["experiment", "group"], sort=False)[list(present)].median()
    return medians.rename(columns=CAUSAL_NAMES).reset_index()


def comparisons(frame: pd.DataFrame) -> pd.DataFrame:
    """Kept CCE and heatmap-loss models: matched, confounded as the authors' groups are, and frozen alone."""
    arms = {
        "main": "matched",
        "authors": "as the authors",
        "pretrained": "pretrained",
        "frozen": "pretrained, frozen",
    }
    chosen = frame["kept"] & frame["arm"].isin(list(arms)) & frame["group"].isin(["cce", "heatmap"])
    return frame[chosen].replace({"group": NAMES, "arm": arms})


def weights_long(frame: pd.DataFrame) -> pd.DataFrame:
    """Heat in the heart and validation accuracy of every weight and definition of the term, a row a value."""
    titles = {"heart_share": "heat in the heart", "val_accuracy": "validation accuracy"}
    runs = frame[
        frame["group"].eq("heatmap") & frame["arm"].isin(["main", "weight"]) & frame["status"].eq("ok")
    ]
    runs = runs.rename(columns={**titles, "form": "definition"})
    return runs.melt(
        ["experiment", "definition", "weight", "seed"], list(titles.values()), var_name="measure"
    )
