"""The groups compared: the paper's tests, effect sizes, equal accuracy and power, as tables."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from heatmap_loss.experiment import GROUPS
from heatmap_loss.tables import NAMES, REGIONS, kept
from papers_lib.stats import (
    cohens_d,
    equivalence_p_ranks,
    hodges_lehmann,
    holm,
    mann_whitney,
    mann_whitney_p_floor,
    models_per_group,
    prob_superior,
    rank_biserial,
    shapiro,
    simulated_power,
    tost,
)

CAUSAL = {"toggle_change": "label switched: change", "outside_reliance": "outside reliance"}
Contrast = tuple[int, str, str, "pd.Series[float]", "pd.Series[float]"]


def contrasts(frame: pd.DataFrame, measures: Mapping[str, str] = REGIONS) -> Iterator[Contrast]:
    """(experiment, measure in words, other group in words, its values x, the heatmap group's y) of the matched groups.

    Values are those of kept models, by seed. Where the data lack the measure or nothing varies there is no contrast.
    """
    for experiment in sorted(frame["experiment"].unique()):
        for metric, title in measures.items():
            for group in ("cce", "mse") if metric in frame else ():
                x, y = (_values(frame, experiment, name, metric) for name in (group, "heatmap"))
                if min(len(x), len(y)) >= 2 and np.ptp(x) + np.ptp(y) > 0:
                    yield int(experiment), title, NAMES[group], x, y


def shapiro_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Shapiro-Wilk's test of each matched group's overlaps."""
    rows = []
    for experiment in sorted(frame["experiment"].unique()):
        for metric, region in REGIONS.items():
            for group in GROUPS if metric in frame else ():
                values = _values(frame, experiment, group, metric)
                if len(values) >= 3 and values.nunique() > 1:
                    test = shapiro(values)
                    rows.append((experiment, NAMES[group], region, len(values), test.statistic, test.p))
    return pd.DataFrame(rows, columns=["exp.", "group", "region", "n", "W", "p"])


def mann_whitney_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The paper's test of every contrast: x the group named, y the heatmap group."""
    rows = []
    for experiment, region, group, x, y in contrasts(frame):
        exact, asymptotic = mann_whitney(x, y), mann_whitney(x, y, method="asymptotic")
        sizes, floor = f"{len(x)}/{len(y)}", mann_whitney_p_floor(len(x), len(y))
        rows.append((experiment, region, group, sizes, exact.u, exact.p, exact.p, asymptotic.p, floor))
    columns = ["exp.", "region", "x", "n", "U", "p exact", "p Holm", "p asymptotic", "p floor"]
    table = pd.DataFrame(rows, columns=columns)
    if rows:  # within a region, as the claims' families
        table["p Holm"] = table.groupby("region")["p exact"].transform(lambda p: holm(p.tolist()))
    return table


def effects_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Effect sizes of the same contrasts, with 95 % intervals."""
    rows = []
    for experiment, region, group, x, y in contrasts(frame):
        superior, shift, d = prob_superior(x, y), hodges_lehmann(y, x), cohens_d(x, y)
        rows.append(
            {
                "exp.": experiment,
                "region": region,
                "x": group,
                "rank-biserial": rank_biserial(x, y),
                "P(x > y)": superior.estimate,
                "interval of P": span(superior.low, superior.high, ".2f"),
                "Cohen's d": d.estimate,
                "interval of d": span(d.low, d.high, ".1f"),
                "shift y - x": shift.estimate,
                "interval of the shift": span(shift.low, shift.high, ".2g"),
            }
        )
    return pd.DataFrame(rows)


def paired_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The same contrasts and the causal ones paired by seed: models of a seed share initial weights, rate and order.

    Wilcoxon's signed-rank test (exact without ties) and the pseudomedian of the differences, which the paper's unpaired
    test leaves unused; the paper's groups share no seeds.
    """
    rows = []
    for experiment, title, group, x, y in contrasts(frame, {**REGIONS, **CAUSAL}):
        difference = (y - x).dropna()
        if len(difference) < 5 or not difference.any():
            continue
        averages = np.add.outer(difference.to_numpy(), difference.to_numpy()) / 2
        middle = float(np.median(averages[np.triu_indices(len(difference))]))
        lower = f"{int((difference < 0).sum())}/{len(difference)}"
        p = float(stats.wilcoxon(difference).pvalue)
        rows.append((experiment, title, group, len(difference), middle, lower, p))
    columns = ["exp.", "measure", "x", "pairs", "pseudomedian y - x", "pairs with y < x", "signed-rank p"]
    return pd.DataFrame(rows, columns=columns)


def accuracy_table(frame: pd.DataFrame, margin: float = 0.01) -> pd.DataFrame:
    """Test accuracy of the matched groups, and TOST of equality with the heatmap group within ``margin``.

    By ranks (two one-sided Mann-Whitney tests of a shift by the margin), as the claims judge, and by Welch's t where
    the groups vary at all: accuracies pile up at 1.
    """
    rows = []
    for experiment in sorted(frame["experiment"].unique()):
        y = _values(frame, experiment, "heatmap", "test_accuracy")
        for group in GROUPS:
            x = _values(frame, experiment, group, "test_accuracy")
            of_group = frame["arm"].eq("main") & frame["experiment"].eq(experiment) & frame["group"].eq(group)
            row = {"exp.": experiment, "group": NAMES[group], "trained": int(of_group.sum()), "kept": len(x)}
            row |= {"mean": x.mean(), "lowest": x.min(), "exactly 1": int((x == 1.0).sum())}
            if group != "heatmap" and min(len(x), len(y)) >= 2:
                shift = hodges_lehmann(y, x, level=0.9)
                row["heatmap minus this"] = shift.estimate
                row["90 % interval"] = span(shift.low, shift.high, "+.4f")
                row["TOST p, ranks"] = equivalence_p_ranks(y, x, margin)
                row["TOST p, Welch"] = tost(y, x, margin).p if np.ptp(x) + np.ptp(y) else None
            rows.append(row)
    columns = ["exp.", "group", "trained", "kept", "mean", "lowest", "exactly 1"]
    columns += ["heatmap minus this", "90 % interval", "TOST p, ranks", "TOST p, Welch"]
    return pd.DataFrame(rows, columns=columns)


def power_table(frame: pd.DataFrame, sizes: Sequence[int] = (4, 8, 24), seed: int = 0) -> pd.DataFrame:
    """How many models a group suffice to see each contrast by Mann-Whitney at 5 % (two-sided)."""
    rows = []
    for experiment, title, group, x, y in contrasts(frame, {**REGIONS, **CAUSAL}):
        probability = prob_superior(x, y).estimate
        needed = models_per_group(probability) if probability != 0.5 else None
        rng = np.random.default_rng([seed, experiment])
        powers = [simulated_power(x, y, n, n, rng=rng, n_simulations=500).estimate for n in sizes]
        rows.append((experiment, title, group, probability, needed, *powers))
    columns = ["exp.", "measure", "x", "P(x > y)", "models for 80 %"]
    return pd.DataFrame(rows, columns=[*columns, *(f"power at {size}" for size in sizes)])


def scalars(frame: pd.DataFrame, shapiro_tests: pd.DataFrame) -> dict[str, float]:
    """The numbers that claims without a contrast of groups are judged by.

    ``log10_largest_shapiro_p_expN``: of the paper's two groups' p, NaN unless both were tested.
    ``groups_without_a_perfect_model``: of the paper's groups that have a kept model, NaN if none has.
    """
    values = {f"log10_largest_shapiro_p_exp{experiment}": math.nan for experiment in (1, 2)}
    paper = shapiro_tests["group"].isin([NAMES["cce"], NAMES["heatmap"]])
    heart = shapiro_tests[paper & shapiro_tests["region"].eq("heart")]
    for experiment, tests in heart.groupby("exp."):
        if len(tests) == 2:
            values[f"log10_largest_shapiro_p_exp{experiment}"] = math.log10(tests["p"].max())
    matched = kept(frame, arm="main")
    best = matched[matched["group"] != "mse"].groupby(["experiment", "group"])["test_accuracy"].max()
    values["groups_without_a_perfect_model"] = float((best < 1.0).sum()) if len(best) else math.nan
    return values


def span(low: float, high: float, spec: str) -> str:
    """An interval in words that do not break across lines.

    >>> span(0.25, 0.5, ".2f") == "0.25\u00a0to\u00a00.50"
    True
    """
    return f"{low:{spec}}\u00a0to\u00a0{high:{spec}}"


def _values(frame: pd.DataFrame, experiment: int, group: str, metric: str) -> "pd.Series[float]":
    """Finite values of the kept matched models of a group, by seed."""
    rows = kept(frame, experiment=experiment, arm="main", group=group)
    return rows.set_index("seed")[metric].dropna()
