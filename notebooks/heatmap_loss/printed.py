"""The authors' own numbers, read from ``printed/authors.yaml``, which names their source."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from papers_lib.companion.yaml_files import read_yaml
from papers_lib.stats_ranks import mann_whitney_from_u, mann_whitney_p_floor

Numbers = Mapping[str, Any]
FILE = Path(__file__).parent / "printed" / "authors.yaml"
NAMES = {"cce": "CCE", "heatmap": "heatmap loss"}


def read_numbers() -> Numbers:
    """The authors' numbers by section: setup, overlaps, tests."""
    return dict(read_yaml(FILE))


def setup_table(numbers: Numbers) -> pd.DataFrame:
    """What the four analysed groups differ in besides the loss."""
    rows = pd.DataFrame(numbers["setup"])
    rate = [f"{low:.2g} to {high:.2g}" for low, high in zip(rows["lr_low"], rows["lr_high"], strict=True)]
    return pd.DataFrame(
        {
            "group": rows["group"],
            "convolutions": rows["convolutions"],
            "learning rate": rate,
            "epochs": rows["epochs"],
            "tuner's objective": rows["objective"],
            "trained": rows["trials"],
            "below 95 %": rows["below_95"],
            "NaN or missing maps": rows["trials"] - rows["below_95"] - rows["analysed"],
            "analysed": rows["analysed"],
            "accuracy exactly 1": rows["accuracy_one"].astype("Int64"),
        }
    )


def overlaps_table(numbers: Numbers) -> pd.DataFrame:
    """The overlaps of the authors' groups, with Shapiro-Wilk's test and the region's share of the area."""
    names = {
        "experiment": "exp.",
        "shapiro_w": "Shapiro W",
        "shapiro_p": "Shapiro p",
        "area": "share of area",
    }
    rows = pd.DataFrame(numbers["overlaps"]).rename(columns=names)
    return rows.replace({"group": NAMES, "region": {"label": "sex label"}})


def overlap(numbers: Numbers, experiment: int, group: str, region: str) -> dict[str, Any]:
    """One row of the authors' overlaps: n, mean, sd, median, Shapiro's W and p, share of the area."""
    for row in numbers["overlaps"]:
        if (row["experiment"], row["group"], row["region"]) == (experiment, group, region):
            return dict(row)
    raise KeyError(f"no overlaps of experiment {experiment}, {group}, {region}")


def reference_lines(
    numbers: Numbers, baselines: Mapping[str, float], experiment: int, region: str, log10: bool = False
) -> dict[str, float]:
    """Horizontal lines of figures 6 and 7: what needs no model, and the medians of the authors' two groups.

    Args:
        baselines: ``data.baselines`` of the region; empty where the experiment was not run.
        log10: for an axis of logarithms.
    """
    lines = dict(baselines)
    for group, name in NAMES.items():
        lines[f"authors, {name}"] = float(overlap(numbers, experiment, group, region)["median"])
    return {text: math.log10(value) for text, value in lines.items()} if log10 else lines


def deviations(numbers: Numbers) -> str:
    """What follows from the authors' own tables, as Markdown: each number is computed."""
    first, second, label = numbers["tests"]
    exact = [mann_whitney_from_u(test["u"], test["n_cce"], test["n_heatmap"]).p for test in numbers["tests"]]
    floors = [
        mann_whitney_p_floor(test["n_cce"], test["n_heatmap"], "asymptotic") for test in (first, second)
    ]
    superior = label["u"] / (label["n_cce"] * label["n_heatmap"])
    cce, heatmap = (overlap(numbers, 2, group, "label") for group in NAMES)
    setup = pd.DataFrame(numbers["setup"])
    excluded, below = int((setup["trials"] - setup["analysed"]).sum()), int(setup["below_95"].sum())
    sentences = [
        f"The printed p of experiments 1 and 2 are those of complete separation (U = {first['u']} and "
        f"{second['u']}): {floors[0]:.1g} and {floors[1]:.1g} are the least that the asymptotic test can give for "
        "groups of these sizes. They say that the groups do not overlap, and nothing finer.",
        f"The exact p are {exact[0]:.1g} (experiment 1), {exact[1]:.1g} and, on the sex label, {exact[2]:.1g}.",
        f"On the sex label a CCE model has more heat than a heatmap-loss model in {superior:.0%} of the pairs, but "
        f"the means point the other way: {cce['mean']:.2g} (CCE) and {heatmap['mean']:.2g} (heatmap loss).",
        f"Both means are below the label's share of the area, {cce['area']:.2g}.",
        "The overlaps of the authors' CCE group in experiment 2 are compatible with a normal distribution "
        f"(Shapiro-Wilk p = {overlap(numbers, 2, 'cce', 'heart')['shapiro_p']:.2g}).",
        f"The filter at 95 % accuracy, the only one that the paper names, explains {below} of the authors' "
        f"{excluded} exclusions.",
    ]
    return "\n".join(f"- {sentence}" for sentence in sentences)
