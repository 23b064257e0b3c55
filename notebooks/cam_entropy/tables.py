"""Tables of the page, all made from the tidy frame of runs."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from papers_lib.cams import head_gradients
from papers_lib.models.classifier import PooledClassifier
from papers_lib.sweep import Record

FORMS = {"relu": "ReLU", "shifted": "M − min M", "offset": "1 + M"}
BETTER = {
    "object_mass": "heat on the object",
    "object_pointing": "points at the object",
    "part_mass": "heat on the part",
    "part_pointing": "points at the part",
    "scene_mass": "heat in the boxes, scenes",
    "scene_pointing": "points into a box, scenes",
    "deletion_gain": "deletion gain",
}
KINDS = ("all", "lifted")  # all maps, dead ones taken for uniform; and 1 + M
METRICS = (
    *(f"{name}_{of}" for name in ("ce", "ca", "cd", "cv") for of in KINDS),
    *("ce_norm_lifted", "relative_difference_lifted", "live_accuracy", "steps"),
    *("test_accuracy", "balanced_accuracy", "ce", "ce_norm", "ce_norm_all", "ca", "cd", "cv", "dead_share"),
    *("others_heat", "dead_accuracy", "dead_logit", "live_logit", "dead_negative_share", "spread"),
    *("true_probability", "max_logit", "min_logit", "max_map", "min_map", "relative_difference", *BETTER),
    "without_zero_share",
)
"""Columns that tables and claims name; there, as NaN, even where every run failed."""
ALIKE = ["arm", "backbone", "train_from", "seed"]


def setting_name(setting: str) -> str:
    """A setting in words.

    >>> setting_name("none"), setting_name("ca_shifted_3"), setting_name("relu_0.3_others_1")
    ('β = 0', 'ca, β = 3, M − min M', 'β = 0.3, ReLU, others pushed')
    """
    if setting == "none":
        return "β = 0"
    head, _, others = setting.partition("_others_")
    *measure, form, beta = head.split("_")
    words = [*measure, f"β = {beta}", FORMS[form]]
    return ", ".join([*words, "others pushed"] if others else words)


def curves_of(record: Record) -> dict[str, np.ndarray]:
    """A run's values after each epoch, by name."""
    arrays = record.arrays()
    return dict(zip(map(str, arrays["curve_names"]), arrays["curves"].T, strict=True))


def ends(record: Record) -> dict[str, float]:
    """Test entropy, area and dispersion after the first and the last epoch: ce_first, ce_last, …"""
    found = curves_of(record) if record.status == "ok" else {}
    at = {"first": 0, "last": -1}
    return {
        f"{n}_{end}": float(found[f"test_{n}"][at[end]]) for n in ("ce", "ca", "cd") for end in at if found
    }


def tidy(frame: pd.DataFrame, records: Iterable[Record]) -> pd.DataFrame:
    """A row a run, with its change against beta 0 of the seed (of "main" where shared), and over its epochs."""
    settings = [record.config.setting() for record in records]
    frame = frame.reindex(columns=[*frame.columns, *(name for name in METRICS if name not in frame)])
    frame = frame.assign(setting=settings, name=[setting_name(setting) for setting in settings])
    home = frame["arm"].where(~frame["arm"].isin(["front", "measures", "others", "offset"]), "main")
    plain = frame[frame["setting"].eq("none")].drop_duplicates(ALIKE).set_index(ALIKE)
    index = pd.MultiIndex.from_frame(frame.assign(arm=home)[ALIKE])
    base = plain.reindex(index).reset_index(drop=True)
    base.index = frame.index
    first_last = pd.DataFrame([ends(record) for record in records], index=frame.index)
    return frame.assign(
        area_change=frame["ca"] / base["ca"] - 1,
        dispersion_factor=frame["cd"] / base["cd"],
        entropy_change=frame["ce_norm"] - base["ce_norm"],
        accuracy_change=frame["test_accuracy"] - base["test_accuracy"],
        dead_accuracy_change=frame["dead_accuracy"] - base["test_accuracy"],
        **{f"area_change_{of}": frame[f"ca_{of}"] / base[f"ca_{of}"] - 1 for of in KINDS},
        **{f"dispersion_factor_{of}": frame[f"cd_{of}"] / base[f"cd_{of}"] for of in KINDS},
        dispersion_growth=first_last["cd_last"] / first_last["cd_first"],
        area_drift=first_last["ca_last"] / first_last["ca_first"] - 1,
        entropy_drift=first_last["ce_last"] - first_last["ce_first"],
    )


def settings_table(frame: pd.DataFrame, arms: Sequence[str] = ("main",)) -> pd.DataFrame:
    """Means over the seeds of a setting, a row each; the accuracies with their range, sharpness of live maps."""
    columns = {
        "models": ("test_accuracy", "size"),
        "accuracy": ("test_accuracy", "mean"),
        "lowest": ("test_accuracy", "min"),
        "highest": ("test_accuracy", "max"),
        "balanced": ("balanced_accuracy", "mean"),
        "dead maps": ("dead_share", "mean"),
        "ce / ln HW": ("ce_norm", "mean"),
        "ca": ("ca", "mean"),
        "σ²/μ²": ("cd", "mean"),
        "σ/μ": ("cv", "mean"),
        "ce / ln HW, dead as uniform": ("ce_norm_all", "mean"),
    }
    groups = _ok(frame, arms).groupby(["arm", "name"], sort=False)
    table = groups.agg(**columns).reset_index(names=["comparison", "loss"])
    return table if len(arms) > 1 else table.drop(columns="comparison")


def better_table(frame: pd.DataFrame, baselines: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Localization and deletion of every setting, and what needs no model."""
    names = [name for name in BETTER if frame[name].notna().any()]
    means = _ok(frame, ["main"]).groupby("name", sort=False)[names].mean()
    rows = {"chance": "chance", "prior": "class's mean (prior)", "ceiling": "ceiling of the stride"}
    bounds = pd.DataFrame(baselines).reindex(index=list(rows), columns=names).rename(index=rows)
    return pd.concat([means, bounds]).rename(columns=BETTER).reset_index(names="loss")


def dead_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Dead maps of every setting: how many, how accurate the model is on their boxes, the true class's logit."""
    columns = {
        "dead_share": "dead maps",
        "test_accuracy": "accuracy",
        "live_accuracy": "accuracy, live map",
        "dead_accuracy": "accuracy, dead map",
        "live_logit": "true logit, live map",
        "dead_logit": "true logit, dead map",
        "dead_negative_share": "of which not above 0",
    }
    return _means(_ok(frame, ["main"]), columns)


def lifted_table(
    frame: pd.DataFrame, printed: Mapping[str, Mapping[str, float]], arms: Sequence[str]
) -> pd.DataFrame:
    """What 1 + M comes to by setting, all maps, beside Table I's printed sample."""
    columns = {
        "min_map": "min",
        "max_map": "max",
        "relative_difference_lifted": "(max − min) / min",
        "ce_norm_lifted": "ce / ln HW",
        "ca_lifted": "ca",
        "cd_lifted": "σ²/μ²",
        "cv_lifted": "σ/μ",
        "max_logit": "max logit",
    }
    found = _ok(frame, arms)
    live = 1 - found["dead_share"]
    of_all = {end: 1 + (found[end] * live).where(live > 0, 0.0) for end in ("min_map", "max_map")}
    table = _means(found.assign(**of_all), columns, "arm", "name").rename(columns={"arm": "comparison"})
    paper = pd.DataFrame(printed).loc[
        ["beta0", "beta100"], ["min_map", "max_map", "max_logit", "ca", "ce", "cd"]
    ]
    paper = paper.astype(float).rename(columns={**columns, "ce": "ce / ln HW", "cd": "σ²/μ²"})
    paper["(max − min) / min"] = paper["max"] / paper["min"] - 1
    return pd.concat(
        [table, paper.assign(comparison="paper's sample", loss=["β = 0", "β = 100"])], ignore_index=True
    )


def cross_table(frame: pd.DataFrame, betas: Iterable[float]) -> pd.DataFrame:
    """Which loss moves which measure: mean change against beta 0 of the same seed, and accuracy and dead maps."""
    chosen = _ok(frame, ["main", "measures"])
    chosen = chosen[chosen["beta"].isin(list(betas))]
    columns = {
        "entropy_change": "ce / ln HW",
        "area_change": "ca, relative",
        "dispersion_factor": "σ²/μ², factor",
        "accuracy_change": "accuracy",
        "dead_share": "dead maps",
    }
    return _means(chosen, columns)


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What the models of each comparison were trained with."""
    names = {"backbone": "backbone", "weights": "weights", "train_from": "trained from", "epochs": "epochs"}
    names |= {"batch_size": "batch", "learning_rate": "rate", "steps": "steps"}
    groups = frame.assign(diverged=frame["status"].eq("diverged")).groupby("arm", sort=False)
    table = groups[list(names)].first().rename(columns=names)
    table["trained from"] = table["trained from"].replace("", "the first layer")
    table["settings"], table["models"] = groups["setting"].nunique(), groups.size()
    table["diverged"], table["mixed precision"] = groups["diverged"].sum(), groups["mixed"].first()
    return table.reset_index(names="comparison")


def scalars(frame: pd.DataFrame) -> dict[str, float]:
    """Numbers that the page's prose refers to."""
    groups = frame[frame["status"].eq("ok")].groupby(["arm", "setting"])
    means = groups[["area_change", "cd_lifted", "max_map"]].mean()

    def mean(arm: str, setting: str, column: str) -> float:
        return float(means[column].get((arm, setting), np.nan))

    return {
        "mean_area_change_100": mean("main", "relu_100", "area_change"),
        "lifted_dispersion_main": mean("main", "none", "cd_lifted"),
        "lifted_dispersion_long": mean("long", "none", "cd_lifted"),
        "lifted_max_offset": 1 + mean("offset", "offset_100", "max_map"),
    }


def alpha_slope(unit: type[nn.Module] = nn.ReLU, step: float = 1e-6) -> float:
    """Largest |change of α| / |change of A| over central differences in random directions.

    Head of section IV A with random weights; α of equation 5. With ReLU it is 0 unless a unit flips within ``step``.
    """
    generator = torch.Generator().manual_seed(0)
    head = PooledClassifier(nn.Sequential(), 64, 20, generator=generator).head.double()
    head[3] = unit()
    A = torch.rand(4, 64, 6, 6, generator=generator).double()

    def alpha(A: Tensor) -> Tensor:
        return head_gradients(head, A, torch.arange(4), create_graph=False).gradients.mean((2, 3))

    slopes = []
    for _ in range(20):
        direction = torch.randn(A.shape, generator=generator).double()
        change = alpha(A + step * direction) - alpha(A - step * direction)
        slopes.append(float(change.abs().max() / (2 * step * direction.abs().max())))
    return max(slopes)


def further_table(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Further comparisons, a row a setting, with what they measure beside sharpness."""
    columns = {"part_mass": "heat on the part", "others_heat": "other classes' heat"}
    table = settings_table(frame, [*arms, ""])
    table = table.drop(columns=["lowest", "highest", "ce / ln HW, dead as uniform"])
    means = _means(_ok(frame, arms), columns, "arm", "name")
    return table.assign(**{title: means[title] for title in columns.values()})


def _means(frame: pd.DataFrame, columns: Mapping[str, str], *by: str) -> pd.DataFrame:
    """Means of the columns over the seeds, a row a setting, under their titles."""
    means = frame.groupby(list(by) or ["name"], sort=False)[list(columns)].mean()
    return means.rename(columns=columns).reset_index().rename(columns={"name": "loss"})


def _ok(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    return frame[frame["status"].eq("ok") & frame["arm"].isin(list(arms))]
