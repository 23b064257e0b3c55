"""Standard errors of the Sibnet report's printed AUCs, which the report gives without any.

The report compares single AUCs on about 200 images (sections 4.3, 4.6). Here each has the standard error of Hanley and
McNeil (1982) with the positives of CheXpert's 202 frontal validation images. The images alone are counted: another
training run would differ as well, and no seed is repeated in the report.

What is not printed is bracketed. Labels share their images, so a mean over labels lies between independent labels
(least) and fully dependent ones (greatest). Two models share them too: their AUCs correlate, by a ρ that takes the
images themselves to know. So a difference is judged by the ρ that it would need.
"""

import math
from collections.abc import Sequence

import pandas as pd

from sibnet_calibration.printed import (
    AUC_TABLES,
    CE,
    CUSTOM,
    DEEP_AUC,
    FOCAL,
    LABELS,
    MEAN,
    MODIFIED,
    Numbers,
    printed_table,
)

PAIRS = (("4.1", CUSTOM, CE), ("4.1", MODIFIED, CE), ("4.1", MODIFIED, CUSTOM), ("4.2", FOCAL, CE),
         ("4.2", DEEP_AUC, CE))  # fmt: skip
PREVALENCES = (0.1, 0.2, 0.3, 0.4)
Z = 1.959964  # two-sided 5 % of the normal distribution


def hanley_mcneil_se(auc: float, positives: float, negatives: float) -> float:
    """Standard error of an AUC over images, from the AUC and the numbers of images of either kind.

    SE² = (A(1 - A) + (P - 1)(Q₁ - A²) + (N - 1)(Q₂ - A²)) / (P N), Q₁ = A / (2 - A), Q₂ = 2A² / (1 + A): Hanley and
    McNeil, Radiology 143 (1982), 29-36. The report has no standard error. Q₁ and Q₂ are those of
    exponentially distributed scores; with other scores of the same AUC the error differs somewhat. An AUC of 0 or 1
    gets 0, which is too small: the formula knows no uncertainty there.

    Args: auc: A, 0 to 1; positives, negatives: P and N, 1 or more (not whole where a prevalence is assumed).
    Raises: ValueError for any other argument.

    >>> hanley_mcneil_se(0.5, 1, 1)  # one pair, won or lost: √(1/2 · 1/2)
    0.5
    >>> round(hanley_mcneil_se(0.5, 2, 2), 4)  # Q₁ = Q₂ = 1/3: √((1/4 + 1/12 + 1/12) / 4) = √(5/48)
    0.3227
    >>> round(hanley_mcneil_se(0.8, 2, 1), 4)  # Q₁ = 2/3: √((0.16 + 0.66667 - 0.64) / 2)
    0.3055
    """
    if not 0 <= auc <= 1:
        raise ValueError(f"auc: found {auc}, expected 0 to 1")
    for name, count in (("positives", positives), ("negatives", negatives)):
        if not 1 <= count < math.inf:
            raise ValueError(f"{name}: found {count}, expected a finite number of 1 or more")
    square = auc**2
    both_positive = (positives - 1) * (auc / (2 - auc) - square)  # two positives above one negative
    both_negative = (negatives - 1) * (2 * square / (1 + auc) - square)  # one positive above two negatives
    variance = (auc * (1 - auc) + both_positive + both_negative) / (positives * negatives)
    return math.sqrt(max(variance, 0.0))  # rounding may leave -1e-17 at 0 and 1


def mean_error_bounds(errors: Sequence[float]) -> tuple[float, float]:
    """Standard error of a mean of K AUCs: if they are independent, √(Σ SE²) / K, and fully dependent, Σ SE / K.

    Negative correlations, which could give less than the first, are not expected of labels on the same images.
    Raises: ValueError for no errors, or a negative or non-finite one.

    >>> mean_error_bounds([0.03, 0.04])  # 0.05 / 2 and 0.07 / 2
    (0.025, 0.035)
    """
    if not errors or not all(0 <= error < math.inf for error in errors):
        raise ValueError(f"errors: found {list(errors)}, expected one or more finite numbers, 0 or above")
    return math.hypot(*errors) / len(errors), math.fsum(errors) / len(errors)


def correlation_needed(difference: float, a: float, b: float) -> float:
    """Correlation ρ from which on a difference of estimates with standard errors ``a`` and ``b`` is significant at 5 %.

    From difference² = 1.96² (a² + b² - 2ρab). At or below 0: significant even if uncorrelated; above 1: never.
    Raises: ValueError unless both standard errors are positive.

    >>> round(correlation_needed(1.959964, 1.0, 1.0), 6)  # 1 = 2 - 2ρ
    0.5
    """
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise ValueError(f"standard errors: found {a} and {b}, expected two positive finite numbers")
    return (a**2 + b**2 - (difference / Z) ** 2) / (2 * a * b)


def label_error(numbers: Numbers, table: str, loss: str, label: str) -> float:
    """Standard error of one printed AUC with the label's positives among the frontal validation images."""
    positives = numbers.positives[label]
    auc = float(printed_table(numbers, table).loc[loss, label])
    return hanley_mcneil_se(auc, positives, numbers.frontal - positives)


def errors_table(numbers: Numbers) -> pd.DataFrame:
    """A row a cell of Tables 4.1 and 4.2: the AUC, images of either kind, the standard error."""
    rows = []
    for table in AUC_TABLES:
        for loss, cells in printed_table(numbers, table).iterrows():
            for label in LABELS:
                positives = numbers.positives[label]
                error = label_error(numbers, table, str(loss), label)
                rows.append((table, loss, label, cells[label], positives, numbers.frontal - positives, error))
    columns = ["table", "loss", "label", "AUC", "positives", "negatives", "standard error"]
    return pd.DataFrame(rows, columns=columns)


def differences_table(numbers: Numbers) -> pd.DataFrame:
    """A row a difference that the report draws a conclusion from: of the means, and label by label.

    "standard error": of the difference if the models' AUCs are uncorrelated and, for the mean, labels independent;
    "ρ needed": :func:`correlation_needed`. A ρ near 1 asks for two models that rank the images almost alike;
    dependent labels would ask for a ρ still nearer to 1.
    """
    rows = []
    for table, a, b in PAIRS:
        cells = printed_table(numbers, table)
        errors = {
            loss: {label: label_error(numbers, table, loss, label) for label in LABELS} for loss in (a, b)
        }
        for found in errors.values():
            found[MEAN] = mean_error_bounds([*found.values()])[0]
        for column in (MEAN, *LABELS):
            difference = round(float(cells.loc[a, column] - cells.loc[b, column]), 9)  # no binary dust
            of_a, of_b = errors[a][column], errors[b][column]
            both, needed = math.hypot(of_a, of_b), correlation_needed(difference, of_a, of_b)
            rows.append((table, f"{a} less {b}", column, difference, both, difference / both, needed))
    columns = ["table", "losses", "AUC of", "difference", "standard error", "difference / SE", "ρ needed"]
    return pd.DataFrame(rows, columns=columns)


def prevalence_table(numbers: Numbers) -> pd.DataFrame:
    """A row a cell of Table 4.2, a column a prevalence: its standard error with the report's own 200 images.

    For the reader who does not want to rely on the counts, which the report does not print.
    """
    images = numbers.stated("validation_images").value
    cells = printed_table(numbers, "4.2")[list(LABELS)].stack()
    found = {
        f"{share:.0%} positive": [
            hanley_mcneil_se(auc, share * images, (1 - share) * images) for auc in cells
        ]
        for share in PREVALENCES
    }
    return pd.DataFrame({"AUC": cells, **found}).rename_axis(["loss", "label"]).reset_index()


def error_values(numbers: Numbers) -> dict[str, float]:
    """Named numbers of finding "focal loss marginally better": ranges, and of each difference of means its size in SE.

    ``se_*``: of a label's AUC in Table 4.2 (cross entropy and focal), and of cross entropy's mean; ``STEM_se`` and
    ``STEM_z``: SE of a difference of means and the difference in it; ``STEM_rho``: ρ needed; ``STEM_beyond``: labels
    whose difference exceeds 1.96 SE.
    """
    table = errors_table(numbers)
    rivals = table[(table["table"] == "4.2") & table["loss"].isin([CE, FOCAL])]
    least, greatest = mean_error_bounds(rivals.loc[rivals["loss"] == CE, "standard error"].tolist())
    assumed = prevalence_table(numbers).set_index("loss").loc[[CE, FOCAL]].filter(like="positive")
    found = {
        "se_least": rivals["standard error"].min(),
        "se_greatest": rivals["standard error"].max(),
        "se_assumed_least": assumed.min(axis=None),
        "se_assumed_greatest": assumed.max(axis=None),
        "se_mean_independent": least,
        "se_mean_dependent": greatest,
    }
    names = {CE: "ce", CUSTOM: "custom", MODIFIED: "modified", FOCAL: "focal", DEEP_AUC: "deepauc"}
    every = differences_table(numbers)
    for _, a, b in PAIRS:
        rows = every[every["losses"] == f"{a} less {b}"].set_index("AUC of")
        stem, mean = f"{names[a]}_less_{names[b]}", rows.loc[MEAN]
        found[f"{stem}_se"], found[f"{stem}_z"] = mean["standard error"], mean["difference / SE"]
        found[f"{stem}_rho"] = mean["ρ needed"]
        found[f"{stem}_beyond"] = (rows.loc[list(LABELS), "difference / SE"].abs() > Z).sum()
    return {name: float(value) for name, value in found.items()}
