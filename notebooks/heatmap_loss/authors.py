"""The authors' own numbers, put through the same statistics as ours as far as their columns allow.

The numbers are read from ``notebooks/heatmap_loss/printed/authors.yaml``, which names their source.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from papers_lib.companion.printed_yaml import any_mapping
from papers_lib.stats_ranks import mann_whitney_from_u, mann_whitney_p_floor, rank_biserial_from_u

from papers_lib.companion.yaml_files import read_yaml
from papers_lib.stats import cohens_d_from_summary, holm

Numbers = Mapping[str, Any]


def read_numbers(path: str | Path) -> Numbers:
    """The authors' numbers by section: setup, overlaps, tests, lr_overlap_spearman, area_baselines."""
    return any_mapping(read_yaml(Path(path)), Path(path).name)


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
    return rows.replace(
        {"group": {"cce": "CCE", "heatmap": "heatmap loss"}, "region": {"label": "sex label"}}
    )


def results_table(numbers: Numbers) -> pd.DataFrame:
    """The three printed p-values beside exact and asymptotic p, floor and effect sizes from U, n, means and SDs."""
    rows = []
    for test in numbers["tests"]:
        u, n_x, n_y = test["u"], test["n_cce"], test["n_heatmap"]
        x, y = (overlap(numbers, test["experiment"], group, test["region"]) for group in ("cce", "heatmap"))
        d = cohens_d_from_summary(x["mean"], x["sd"], x["n"], y["mean"], y["sd"], y["n"])
        rows.append(
            {
                "exp.": test["experiment"],
                "region": {"label": "sex label"}.get(test["region"], test["region"]),
                "n": f"{n_x}/{n_y}",
                "p printed": test["printed_p"],
                "U": u,
                "p asymptotic": mann_whitney_from_u(u, n_x, n_y, "asymptotic").p,
                "p exact": mann_whitney_from_u(u, n_x, n_y).p,
                "floor (asymptotic)": mann_whitney_p_floor(n_x, n_y, "asymptotic"),
                "rank-biserial": rank_biserial_from_u(u, n_x, n_y),
                "P(x > y)": u / (n_x * n_y),
                "Cohen's d": d.estimate,
            }
        )
    table = pd.DataFrame(rows)
    table.insert(6, "p Holm", holm(table["p exact"].tolist()))
    return table


def overlap(numbers: Numbers, experiment: int, group: str, region: str) -> dict[str, Any]:
    """One row of the authors' overlaps: n, mean, sd, median, Shapiro's W and p, share of the area."""
    for row in numbers["overlaps"]:
        if (row["experiment"], row["group"], row["region"]) == (experiment, group, region):
            return dict(row)
    raise KeyError(f"no overlaps of experiment {experiment}, {group}, {region}")


def authors_values(numbers: Numbers) -> dict[str, float]:
    """The scalars that findings 2 to 4 and 7 are judged by."""
    tests = {(test["experiment"], test["region"]): test for test in numbers["tests"]}
    values = {
        f"authors_u_exp{experiment}_heart": float(tests[experiment, "heart"]["u"]) for experiment in (1, 2)
    }
    setup = pd.DataFrame(numbers["setup"])
    excluded = int((setup["trials"] - setup["analysed"]).sum())
    values["authors_excluded"] = float(excluded)
    values["authors_excluded_by_filter"] = float(setup["below_95"].sum())
    values["authors_filter_share"] = float(setup["below_95"].sum()) / excluded
    cce, heatmap = (overlap(numbers, 2, group, "label") for group in ("cce", "heatmap"))
    values["authors_label_mean_difference"] = heatmap["mean"] - cce["mean"]
    values["authors_label_median_difference"] = heatmap["median"] - cce["median"]
    values["authors_shapiro_p_exp2_cce"] = overlap(numbers, 2, "cce", "heart")["shapiro_p"]
    return values


def reference_lines(
    numbers: Numbers,
    levels: Mapping[int, Mapping[str, Mapping[str, float]]],
    experiment: int,
    region: str,
    log10: bool = False,
) -> dict[str, float]:
    """Horizontal lines of figures 6 and 7: what needs no model, and the medians of the authors' two groups.

    Args:
        numbers: of ``read_numbers``.
        levels: ``heatmap_loss_data.levels`` by experiment; an experiment without data has none.
        experiment, region: which of the authors' overlaps, such as 1, "heart".
        log10: for an axis of logarithms.
    """
    lines = dict(levels.get(experiment, {}).get(region, {}))
    for group, name in (("cce", "CCE"), ("heatmap", "heatmap loss")):
        lines[f"authors, {name}"] = float(overlap(numbers, experiment, group, region)["median"])
    return {text: math.log10(value) for text, value in lines.items()} if log10 else lines
