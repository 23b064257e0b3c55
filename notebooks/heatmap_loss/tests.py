"""Statistical tests of the heatmap-loss report, as tables made from the tidy frame of runs."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from heatmap_loss.experiment import GROUPS
from heatmap_loss.tables import NAMES, REGIONS, kept
from papers_lib.stats import cohens_d, holm, shapiro, tost
from papers_lib.stats_power import models_per_group, simulated_power
from papers_lib.stats_ranks import (
    equivalence_p_ranks,
    hodges_lehmann,
    mann_whitney,
    mann_whitney_p_floor,
    prob_superior,
    rank_biserial,
)

MANN_WHITNEY = ["exp.", "region", "x", "n", "U", "p exact", "p Holm", "p asymptotic", "p floor"]
EFFECTS = [
    "exp.",
    "region",
    "x",
    "rank-biserial",
    "P(x > y)",
    "interval of P",
    "Cohen's d",
    "interval of d",
    "shift y - x",
]
EFFECTS += ["interval of the shift"]
PAIRED = ["exp.", "measure", "x", "pairs", "pseudomedian y - x", "pairs with y < x", "signed-rank p"]
CAUSAL = {"toggle_change": "label switched: change", "outside_reliance": "outside reliance"}
ACCURACY = ["exp.", "group", "trained", "kept", "mean", "lowest", "exactly 1"]
ACCURACY += ["heatmap minus this", "90 % interval", "TOST p, ranks", "TOST p, Welch"]
POWER = ["exp.", "measure", "x", "P(x > y)", "models for 80 %"]


def shapiro_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Shapiro-Wilk's test of each matched group's overlaps."""
    rows = []
    for experiment, metric in _regions(frame):
        for group in GROUPS:
            values = kept(frame, experiment=experiment, arm="main", group=group)[metric].dropna()
            if len(values) >= 3 and values.nunique() > 1:
                test = shapiro(values)
                rows.append((experiment, NAMES[group], REGIONS[metric], len(values), test.statistic, test.p))
    return pd.DataFrame(rows, columns=["exp.", "group", "region", "n", "W", "p"])


def contrasts(frame: pd.DataFrame) -> Iterator[tuple[int, str, str, np.ndarray, np.ndarray]]:
    """(experiment, metric, other group, its values x, the heatmap group's values y) of the matched arms."""
    for experiment, metric in _regions(frame):
        for group in ("cce", "mse"):
            x, y = (_values(frame, experiment, name, metric).to_numpy() for name in (group, "heatmap"))
            if min(len(x), len(y)) >= 2 and np.ptp(x) + np.ptp(y) > 0:
                yield experiment, metric, group, x, y


def mann_whitney_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The paper's test of every contrast of the matched arms: x the group named, y the heatmap group."""
    rows = []
    for experiment, metric, group, x, y in contrasts(frame):
        exact, asymptotic = mann_whitney(x, y), mann_whitney(x, y, method="asymptotic")
        floor = mann_whitney_p_floor(len(x), len(y))
        sizes = f"{len(x)}/{len(y)}"
        rows.append(
            (experiment, REGIONS[metric], NAMES[group], sizes, exact.u, exact.p, exact.p, asymptotic.p, floor)
        )
    table = pd.DataFrame(rows, columns=MANN_WHITNEY)
    if rows:  # within a region, as the claims' families
        table["p Holm"] = table.groupby("region")["p exact"].transform(lambda p: holm(p.tolist()))
    return table


def effects_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Effect sizes of the same contrasts, with 95 % intervals."""
    rows = []
    for experiment, metric, group, x, y in contrasts(frame):
        superior, shift, d = prob_superior(x, y), hodges_lehmann(y, x), cohens_d(x, y)
        rows.append(
            (
                experiment,
                REGIONS[metric],
                NAMES[group],
                rank_biserial(x, y),
                superior.estimate,
                span(superior.low, superior.high, ".2f"),
                d.estimate,
                span(d.low, d.high, ".1f"),
                shift.estimate,
                span(shift.low, shift.high, ".2g"),
            )
        )
    return pd.DataFrame(rows, columns=EFFECTS)


def paired_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The same contrasts and the causal ones paired by seed: models of a seed share initial weights, rate and order.

    Wilcoxon's signed-rank test (exact without ties) and the pseudomedian of the differences, which the paper's unpaired
    test leaves unused; the paper's groups share no seeds.
    """
    rows = []
    for experiment in sorted(frame["experiment"].unique()):
        for metric, title in {**REGIONS, **CAUSAL}.items():
            for group in ("cce", "mse"):
                if metric not in frame:
                    continue
                x, y = (_values(frame, experiment, name, metric) for name in (group, "heatmap"))
                difference = (y - x).dropna()
                if len(difference) < 5 or not difference.any():
                    continue
                averages = np.add.outer(difference.to_numpy(), difference.to_numpy()) / 2
                middle = float(np.median(averages[np.triu_indices(len(difference))]))
                p = float(stats.wilcoxon(difference).pvalue)
                lower = int((difference < 0).sum())
                rows.append(
                    (
                        experiment,
                        title,
                        NAMES[group],
                        len(difference),
                        middle,
                        f"{lower}/{len(difference)}",
                        p,
                    )
                )
    return pd.DataFrame(rows, columns=PAIRED)


def span(low: float, high: float, spec: str) -> str:
    """An interval in words that do not break across lines.

    >>> span(0.25, 0.5, ".2f") == "0.25\u00a0to\u00a00.50"
    True
    """
    return f"{low:{spec}}\u00a0to\u00a0{high:{spec}}"


def accuracy_table(frame: pd.DataFrame, margin: float = 0.01) -> pd.DataFrame:
    """Test accuracy of the matched groups, and TOST of equality with the heatmap group within ``margin``.

    By ranks (two one-sided Mann-Whitney tests of a shift by the margin), as the claims judge, and by Welch's t where
    the groups vary at all: accuracies pile up at 1.
    """
    rows = []
    for experiment in sorted(frame["experiment"].unique()):
        y = kept(frame, experiment=experiment, arm="main", group="heatmap")["test_accuracy"].to_numpy()
        for group in GROUPS:
            x = kept(frame, experiment=experiment, arm="main", group=group)["test_accuracy"].to_numpy()
            arm = frame["arm"].eq("main") & frame["experiment"].eq(experiment)
            trained = frame[arm & frame["group"].eq(group)]
            row = {
                "exp.": experiment,
                "group": NAMES[group],
                "trained": len(trained),
                "kept": len(x),
                "mean": float(np.mean(x)) if len(x) else None,
                "lowest": float(np.min(x)) if len(x) else None,
                "exactly 1": int((x == 1.0).sum()),
            }
            if group != "heatmap" and min(len(x), len(y)) >= 2:
                shift = hodges_lehmann(y, x, level=0.9)
                row |= {
                    "heatmap minus this": shift.estimate,
                    "90 % interval": span(shift.low, shift.high, "+.4f"),
                    "TOST p, ranks": equivalence_p_ranks(y, x, margin),
                    "TOST p, Welch": tost(y, x, margin).p if np.ptp(x) + np.ptp(y) else None,
                }
            rows.append(row)
    return pd.DataFrame(rows, columns=ACCURACY)


def power_table(frame: pd.DataFrame, sizes: Sequence[int] = (4, 8, 24), seed: int = 0) -> pd.DataFrame:
    """How many models a group suffice to see each contrast by Mann-Whitney at 5 % (two-sided)."""
    rows = []
    for experiment in sorted(frame["experiment"].unique()):
        for metric, title in {**REGIONS, **CAUSAL}.items():
            for group in ("cce", "mse") if metric in frame else ():
                x, y = (_values(frame, experiment, name, metric).to_numpy() for name in (group, "heatmap"))
                if min(len(x), len(y)) < 2 or np.ptp(x) + np.ptp(y) == 0:
                    continue
                probability = prob_superior(x, y).estimate
                needed = models_per_group(probability) if probability != 0.5 else None
                rng = np.random.default_rng([seed, experiment])
                powers = [simulated_power(x, y, n, n, rng=rng, n_simulations=500).estimate for n in sizes]
                rows.append((experiment, title, NAMES[group], probability, needed, *powers))
    return pd.DataFrame(rows, columns=[*POWER, *(f"power at {size}" for size in sizes)])


def scalars(frame: pd.DataFrame, shapiro_tests: pd.DataFrame) -> dict[str, float]:
    """The numbers that claims without a contrast of groups are judged by.

    ``log10_largest_shapiro_p_expN``: of the paper's two groups' p, NaN unless both were tested.
    ``groups_without_a_perfect_model``: of the paper's groups that have a kept model, NaN if none has.
    """
    values = {f"log10_largest_shapiro_p_exp{experiment}": math.nan for experiment in (1, 2)}
    paper = shapiro_tests["group"].isin([NAMES["cce"], NAMES["heatmap"]]) & shapiro_tests["region"].eq(
        "heart"
    )
    for experiment, tests in shapiro_tests[paper].groupby("exp."):
        if len(tests) == 2:
            values[f"log10_largest_shapiro_p_exp{experiment}"] = math.log10(tests["p"].max())
    matched = frame[frame["kept"] & frame["arm"].eq("main") & frame["group"].isin(["cce", "heatmap"])]
    best = matched.groupby(["experiment", "group"])["test_accuracy"].max()
    values["groups_without_a_perfect_model"] = float((best < 1.0).sum()) if len(best) else math.nan
    return values


def _values(frame: pd.DataFrame, experiment: int, group: str, metric: str) -> pd.Series:
    """Finite values of the kept matched models of a group, by seed."""
    rows = kept(frame, experiment=experiment, arm="main", group=group)
    return rows.set_index("seed")[metric].dropna()


def _regions(frame: pd.DataFrame) -> Iterator[tuple[int, str]]:
    for experiment in sorted(frame["experiment"].unique()):
        for metric in REGIONS:
            if metric in frame and frame.loc[frame["experiment"] == experiment, metric].notna().any():
                yield int(experiment), metric
