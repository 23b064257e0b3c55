"""The paper's ablations beside ours (Tables S16 to S18, Figures S14 and S15), and one phase against two.

Intervals are Student's t over seeds, as in the paper, a value a seed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from papers_lib.stats import UndefinedStatistic, paired_t, student_t
from pylon.arms import FAIR
from pylon.frame import TRAININGS, label
from pylon.printed import MACRO, Numbers, printed_table
from pylon.settings import by_seed, ok, printed_name

PART_ARMS = ("main", "others", "parts", "pools")
LONGER = "transfer, one phase, twice the epochs"  # arm "budget"
POINT, AUROC = "point localization", "AUROC"
TABLES = {"vindr": 3, "voc": 4}
"""Where the paper prints the trainings of a set."""


class Row(NamedTuple):
    """A model of an ablation: what is varied, its method, the key of its printed number and of the SD, the measure."""

    part: str
    method: str
    printed: str = ""
    sd: str = ""
    measure: str = POINT
    says: str = ""


ROWS = (
    Row("number of UPs, small variant", "pylon_0up", "ups_0"),
    Row("number of UPs, small variant", "pylon_small_1up", "ups_1"),
    Row("number of UPs, small variant", "pylon_small_2up", "ups_2"),
    Row("number of UPs, small variant", "pylon_small", "ups_3"),
    Row("number of UPs, proposed", "pylon_2up"),
    Row("number of UPs, proposed", "pylon", "table 1"),
    Row("Pyramid Attention", "pylon_small_no_pa", "without_pa"),
    Row("Pyramid Attention", "pylon_small", "with_pa"),
    Row("head", "pylon_small_head3", "head_3x3"),
    Row("head", "pylon_small", "head_1x1"),
    Row("head, AUROC", "pylon_small_head3", "auroc_head_3x3", measure=AUROC),
    Row("head, AUROC", "pylon_small", "auroc_head_1x1", measure=AUROC),
    Row("head, AUROC", "conventional", "auroc_conventional", measure=AUROC),
    Row("head, AUROC", "pylon", "auroc_max_pool", measure=AUROC),
    Row("convolutions of UP", "pylon_conv3x3"),
    Row("convolutions of UP", "pylon", "table 1"),
    Row("global average pool", "pan", "pan", "pan_sd"),
    Row("global average pool", "pan_no_gap", "pan_no_gap", "pan_no_gap_sd"),
    Row("global average pool", "deeplab", "table 1"),
    Row("global average pool", "deeplab_no_gap"),
    Row("global average pool", "pylon_gap", says="worse by up to 0.05"),
    Row("global average pool", "pylon", "table 1"),
    Row("normalization", "fpn_group"),
    Row("normalization", "fpn_group1", says="one group resolved the issue"),
    Row("normalization", "fpn", "table 1"),
    Row("normalization", "pylon_group", says="only slightly reduced"),
    Row("normalization", "pylon", "table 1"),
    Row("normalization", "li2018_group", says="only slightly reduced"),
    Row("normalization", "li2018", "table 1"),
)


def ablation_table(frame: pd.DataFrame, numbers: Numbers, rows: Sequence[Row] = ROWS) -> pd.DataFrame:
    """A row a model of an ablation: our mean with its 95 % interval, n and sd over seeds, and what is printed.

    Models that were not trained have n = 0. "table 1" as a printed number is the macro average of Table 1.
    """
    chosen = ok(frame, PART_ARMS)
    found = []
    for row in rows:
        column = "auroc_macro" if row.measure == AUROC else "point_macro"
        paper, deviation = _printed(row, numbers), np.nan
        if row.sd:
            deviation = numbers.stated(row.sd).value
        own = interval(by_seed(chosen[chosen["method"].eq(row.method)], column))
        names = {"part": row.part, "model": label(row.method)}
        found.append({**names, **own, "paper": paper, "paper sd": deviation, "paper says": row.says or None})
    return pd.DataFrame(found)


def phases_table(frame: pd.DataFrame, numbers: Numbers, methods: Sequence[str] = FAIR) -> pd.DataFrame:
    """Macro point localization by set, method and training, and what two phases gain over one from the same start.

    The paper gives two phases to PYLON alone; here FPN and the baseline have them too. The gain is the mean difference
    of the same seed, with its paired 95 % interval; its "paper" is the difference of two printed macro averages. Rows
    ``LONGER`` have as many epochs in one phase as the others in two.
    """
    rows = []
    for data, number in TABLES.items():
        printed = printed_table(numbers, number).loc[MACRO]
        own = ok(frame, ("transfer", "voc"))
        own = own[own["data"].eq(data)]
        longer = ok(frame, "budget")
        longer = longer[longer["data"].eq(data)]
        for method in methods:
            for training in TRAININGS:
                seeds = by_seed(_of(own, method, training), "point_macro")
                if len(seeds):
                    paper = printed.get(printed_name(method, training), np.nan)
                    names = {"data": data, "method": label(method), "training": TRAININGS[training]}
                    gain = _gain(own, method, training, printed)
                    rows.append({**names, **interval(seeds), "paper": paper, **gain})
            seeds = by_seed(longer[longer["method"].eq(method)], "point_macro")
            if len(seeds):
                names = {"data": data, "method": label(method), "training": LONGER}
                rows.append({**names, **interval(seeds)})
    columns = ["data", "method", "training", *_KEYS, "paper", *_GAIN_KEYS]
    return pd.DataFrame(rows, columns=columns)


def backbones_table(frame: pd.DataFrame, methods: Sequence[str] = FAIR) -> pd.DataFrame:
    """Macro point localization and AUROC by encoder and method, of the arms "main" and "backbone"."""
    chosen = ok(frame, ("main", "backbone"))
    chosen = chosen[chosen["method"].isin(methods)]
    rows = []
    for (encoder, method), group in chosen.groupby(["backbone", "method"], sort=False):
        names = {"encoder": encoder, "method": label(method)}
        rows.append(
            {
                **names,
                **interval(by_seed(group, "point_macro")),
                "AUROC": by_seed(group, "auroc_macro").mean(),
            }
        )
    return pd.DataFrame(rows, columns=["encoder", "method", *_KEYS, "AUROC"])


def phase_gains(frame: pd.DataFrame, method: str, training: str) -> "pd.Series[float]":
    """Macro point localization of a two-phase training less that of one phase from the same start, seed by seed."""
    two, one = (by_seed(_of(frame, method, name), "point_macro") for name in (training, _one_phase(training)))
    return (two - one).dropna()


def interval(values: "pd.Series[float]") -> dict[str, float]:
    """Keys mean, low and high of Student's 95 % interval, n and sd; NaN where the values do not define them.

    >>> interval(pd.Series([1.0, 2.0, 3.0]))["high"].__round__(3)  # 2 + 4.303 · 1/√3
    4.484
    """
    low = high = np.nan
    try:
        found = student_t(values)
        low, high = found.low, found.high
    except UndefinedStatistic:
        pass  # one value, or all equal
    deviation = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return dict(zip(_KEYS, (float(values.mean()), low, high, len(values), deviation), strict=True))


_KEYS = ("mean", "low", "high", "n", "sd")
_GAIN_KEYS = ("gain", "gain low", "gain high", "paper gain")


def _printed(row: Row, numbers: Numbers) -> float:
    if row.printed == "table 1":
        return float(printed_table(numbers, 1).loc[MACRO, printed_name(row.method)])
    return numbers.stated(row.printed).value if row.printed else np.nan


def _of(frame: pd.DataFrame, method: str, training: str) -> pd.DataFrame:
    return frame[frame["method"].eq(method) & frame["training"].eq(training)]


def _one_phase(training: str) -> str:
    """The training that two phases are compared with: the same start, everything trained at once."""
    return training.removesuffix("_moving").replace("two_phase", "one_phase")


def _gain(frame: pd.DataFrame, method: str, training: str, printed: "pd.Series[float]") -> dict[str, float]:
    if "two_phase" not in training:
        return {}
    gained = phase_gains(frame, method, training)
    low = high = np.nan
    try:
        found = paired_t(gained, np.zeros(len(gained)))
        low, high = found.low, found.high
    except UndefinedStatistic:
        pass
    names = [printed_name(method, name) for name in (training, _one_phase(training))]
    two, one = (float(printed.get(name, np.nan)) if name else np.nan for name in names)
    return dict(zip(_GAIN_KEYS, (float(gained.mean()), low, high, two - one), strict=True))
