"""The authors' own numbers, not printed in the paper, and what follows from them.

``printed/*.csv``: recomputed from the result tables in the authors' public repository (JamesCallanan/Grad-CAM).
"""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from papers_lib.stats import mann_whitney_from_u, mann_whitney_p_floor

FOLDER = Path(__file__).parent / "printed"
GROUPS = ("CCE", "heatmap loss")


def overlap(experiment: int, group: str, region: str, column: str) -> float:
    """One number of the authors' table of overlaps."""
    rows = pd.read_csv(FOLDER / "overlaps.csv").set_index(["exp.", "group", "region"])
    return float(rows.loc[(experiment, group, region), column])


def reference_lines(
    baselines: Mapping[str, float], experiment: int, region: str, log10: bool = False
) -> dict[str, float]:
    """Horizontal lines of figures 6 and 7: ``data.baselines`` of the region, and the medians of the authors' groups."""
    medians = {f"authors, {group}": overlap(experiment, group, region, "median") for group in GROUPS}
    lines = {**baselines, **medians}
    return {text: math.log10(value) for text, value in lines.items()} if log10 else lines


def deviations() -> str:
    """What follows from the authors' tables, as Markdown: each number is computed."""
    tests = list(pd.read_csv(FOLDER / "tests.csv").itertuples())
    exact = [mann_whitney_from_u(test.u, test.n_cce, test.n_heatmap).p for test in tests]
    floors = [mann_whitney_p_floor(test.n_cce, test.n_heatmap, "asymptotic") for test in tests]
    superior = tests[2].u / (tests[2].n_cce * tests[2].n_heatmap)
    means = [overlap(2, group, "sex label", "mean") for group in GROUPS]
    setup = pd.read_csv(FOLDER / "setup.csv")
    excluded, below = int((setup["trained"] - setup["analysed"]).sum()), int(setup["below 95 %"].sum())
    sentences = [
        f"The printed p of experiments 1 and 2 are those of complete separation (U = {tests[0].u} and {tests[1].u}): "
        f"{floors[0]:.1g} and {floors[1]:.1g} are the least that the asymptotic test can give for groups of these "
        "sizes. They say that the groups do not overlap, and nothing finer.",
        f"The exact p are {exact[0]:.1g} (experiment 1), {exact[1]:.1g} and, on the sex label, {exact[2]:.1g}.",
        f"On the sex label a CCE model has more heat than a heatmap-loss model in {superior:.0%} of the pairs, but "
        f"the means point the other way: {means[0]:.2g} (CCE) and {means[1]:.2g} (heatmap loss).",
        f"Both means are below the label's share of the area, {overlap(2, 'CCE', 'sex label', 'share of area'):.2g}.",
        "The overlaps of the authors' CCE group in experiment 2 are compatible with a normal distribution "
        f"(Shapiro-Wilk p = {overlap(2, 'CCE', 'heart', 'Shapiro p'):.2g}).",
        f"The filter at 95 % accuracy, the only one that the paper names, explains {below} of the authors' "
        f"{excluded} exclusions.",
    ]
    return "\n".join(f"- {sentence}" for sentence in sentences)
