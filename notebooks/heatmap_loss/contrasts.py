"""The groups compared: the paper's tests, the same pairs by seed, and equal accuracy, as tables."""

import math
from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from heatmap_loss.experiment import GROUPS
from heatmap_loss.tables import NAMES, REGIONS, kept
from papers_lib.stats import (
    equivalence_p_ranks,
    hodges_lehmann,
    holm,
    mann_whitney,
    mann_whitney_p_floor,
    shapiro,
)

CAUSAL = {"toggle_change": "label switched: change", "outside_reliance": "outside reliance"}
Contrast = tuple[tuple[int, str, str], "pd.Series[float]", "pd.Series[float]"]


def contrasts(frame: pd.DataFrame, measures: Mapping[str, str] = REGIONS) -> Iterator[Contrast]:
    """Experiment, measure and other group in words, its values x and the heatmap group's y, wherever these vary."""
    for experiment, metric, group in product(sorted(frame["experiment"].unique()), measures, ("cce", "mse")):
        x, y = (_values(frame, experiment, name, metric) for name in (group, "heatmap"))
        if min(len(x), len(y)) >= 2 and np.ptp(x) + np.ptp(y) > 0:
            yield (int(experiment), measures[metric], NAMES[group]), x, y


def shapiro_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Shapiro-Wilk's test of each matched group's overlaps."""
    rows = []
    for experiment, metric, group in product(sorted(frame["experiment"].unique()), REGIONS, GROUPS):
        values = _values(frame, experiment, group, metric)
        if len(values) >= 3 and values.nunique() > 1:
            test = shapiro(values)
            rows.append((experiment, NAMES[group], REGIONS[metric], len(values), test.statistic, test.p))
    return pd.DataFrame(rows, columns=["exp.", "group", "region", "n", "W", "p"])


def mann_whitney_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The paper's test of every contrast: x the group named, y the heatmap group."""
    rows = []
    for names, x, y in contrasts(frame):
        exact, asymptotic = mann_whitney(x, y), mann_whitney(x, y, method="asymptotic")
        sizes, floor = f"{len(x)}/{len(y)}", mann_whitney_p_floor(len(x), len(y))
        rows.append((*names, sizes, exact.u, exact.p, exact.p, asymptotic.p, floor))
    columns = ["exp.", "region", "x", "n", "U", "p exact", "p Holm", "p asymptotic", "p floor"]
    table = pd.DataFrame(rows, columns=columns)
    if rows:  # within a region, as the claims' families
        table["p Holm"] = table.groupby("region")["p exact"].transform(lambda p: holm(p.tolist()))
    return table


def paired_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The same contrasts and the causal ones paired by seed: pseudomedian and Wilcoxon's signed-rank test."""
    rows = []
    for names, x, y in contrasts(frame, REGIONS | CAUSAL):
        difference = (y - x).dropna()
        if len(difference) < 5 or not difference.any():
            continue
        averages = np.add.outer(difference.to_numpy(), difference.to_numpy()) / 2
        middle = float(np.median(averages[np.triu_indices(len(difference))]))
        lower = f"{int((difference < 0).sum())}/{len(difference)}"
        p = float(stats.wilcoxon(difference).pvalue)
        rows.append((*names, len(difference), middle, lower, p))
    columns = ["exp.", "measure", "x", "pairs", "pseudomedian y - x", "pairs with y < x", "signed-rank p"]
    return pd.DataFrame(rows, columns=columns)


def accuracy_table(frame: pd.DataFrame, margin: float = 0.01) -> pd.DataFrame:
    """Test accuracy of the matched groups; equality with the heatmap group by two one-sided Mann-Whitney tests."""
    rows = []
    trained = frame[frame["arm"].eq("main")].groupby(["experiment", "group"]).size()
    for experiment, group in product(sorted(frame["experiment"].unique()), GROUPS):
        x, y = (_values(frame, experiment, name, "test_accuracy") for name in (group, "heatmap"))
        count = int(trained.get((experiment, group), 0))
        row = {"exp.": experiment, "group": NAMES[group], "trained": count, "kept": len(x)}
        row |= {"mean": x.mean(), "lowest": x.min(), "exactly 1": int((x == 1.0).sum())}
        row |= dict.fromkeys(("heatmap minus this", "90 % interval", "TOST p, ranks"))
        if group != "heatmap" and min(len(x), len(y)) >= 2:
            shift = hodges_lehmann(y, x, level=0.9)
            row["heatmap minus this"] = shift.estimate
            row["90 % interval"] = f"{shift.low:+.4f}\u00a0to\u00a0{shift.high:+.4f}"
            row["TOST p, ranks"] = equivalence_p_ranks(y, x, margin)
        rows.append(row)
    return pd.DataFrame(rows)


def rate_correlation_high(runs: pd.DataFrame) -> float:
    """Upper end (95 %) of Spearman's correlation of learning rate and heat in the heart; NaN of fewer than four models.

    Fisher's z with the variance (1 + r²/2)/(n - 3) of Bonett and Wright (2000).
    """
    x, y = runs["learning_rate"], runs["heart_share"]
    if len(runs) < 4 or x.nunique() < 2 or y.nunique() < 2:
        return math.nan
    r = float(np.clip(stats.spearmanr(x, y).statistic, -1 + 1e-12, 1 - 1e-12))
    return math.tanh(math.atanh(r) + stats.norm.isf(0.025) * math.sqrt((1 + r**2 / 2) / (len(runs) - 3)))


def scalars(frame: pd.DataFrame, shapiro_tests: pd.DataFrame) -> dict[str, float]:
    """The numbers that claims without a contrast are judged by, of the paper's two groups; NaN where untested."""
    values = {f"log10_largest_shapiro_p_exp{experiment}": math.nan for experiment in (1, 2)}
    paper = shapiro_tests["group"].isin([NAMES["cce"], NAMES["heatmap"]])
    for experiment, tests in shapiro_tests[paper & shapiro_tests["region"].eq("heart")].groupby("exp."):
        if len(tests) == 2:
            values[f"log10_largest_shapiro_p_exp{experiment}"] = math.log10(tests["p"].max())
    matched = kept(frame, arm="main")
    best = matched[matched["group"] != "mse"].groupby(["experiment", "group"])["test_accuracy"].max()
    values["groups_without_a_perfect_model"] = float((best < 1.0).sum()) if len(best) else math.nan
    values["f9_rate_high"] = rate_correlation_high(kept(frame, experiment=1, arm="authors", group="cce"))
    return values


def _values(frame: pd.DataFrame, experiment: int, group: str, metric: str) -> "pd.Series[float]":
    """Finite values of the kept matched models of a group, by seed; none where the data lack the measure."""
    rows = kept(frame, experiment=experiment, arm="main", group=group)
    return rows.set_index("seed").reindex(columns=[metric])[metric].dropna()
