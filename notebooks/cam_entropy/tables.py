"""Tables of the CAM-entropy page, all made from the tidy frame of runs."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from cam_entropy.curves import ends, setting_name
from papers_lib.sweep.records import Record

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


def tidy(frame: pd.DataFrame, records: Iterable[Record]) -> pd.DataFrame:
    """A row a run, with its change against beta 0 of the same arm and seed, and from the first to the last epoch.

    The arms "front", "measures", "others" and "offset" share the beta-0 runs of "main".
    """
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
    groups = _ok(frame, arms).groupby(["arm", "name"], sort=False)
    table = pd.DataFrame(
        {
            "models": groups.size(),
            "accuracy": groups["test_accuracy"].mean(),
            "lowest": groups["test_accuracy"].min(),
            "highest": groups["test_accuracy"].max(),
            "balanced": groups["balanced_accuracy"].mean(),
            "dead maps": groups["dead_share"].mean(),
            "ce / ln HW": groups["ce_norm"].mean(),
            "ca": groups["ca"].mean(),
            "σ²/μ²": groups["cd"].mean(),
            "σ/μ": groups["cv"].mean(),
            "ce / ln HW, dead as uniform": groups["ce_norm_all"].mean(),
        }
    ).reset_index(names=["arm", "loss"])
    return table if len(arms) > 1 else table.drop(columns="arm")


def better_table(
    frame: pd.DataFrame, levels: Mapping[str, Mapping[str, float]], arms: Sequence[str] = ("main",)
) -> pd.DataFrame:
    """Localization and deletion of every setting, and what needs no model."""
    names = [name for name in BETTER if frame[name].notna().any()]
    means = _ok(frame, arms).groupby("name", sort=False)[names].mean()
    for level, words in (
        ("chance", "chance"),
        ("prior", "class's mean (prior)"),
        ("ceiling", "ceiling of the stride"),
    ):
        means.loc[words] = [levels.get(name, {}).get(level, np.nan) for name in names]
    return means.rename(columns=BETTER).reset_index(names="loss")


def levels_table(levels: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Chance, prior and ceiling by measure."""
    table = pd.DataFrame(levels).T.rename(index={**BETTER})
    return table.reindex(columns=["chance", "prior", "ceiling"]).reset_index(names="measure")


def dead_table(frame: pd.DataFrame, arms: Sequence[str] = ("main",)) -> pd.DataFrame:
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
    means = _ok(frame, arms).groupby("name", sort=False)[list(columns)].mean()
    return means.rename(columns=columns).reset_index(names="loss")


def lifted_table(
    frame: pd.DataFrame, printed: Mapping[str, Mapping[str, float]], arms: Sequence[str]
) -> pd.DataFrame:
    """What 1 + M comes to by setting, all maps, beside Table I's printed sample."""
    columns = {
        "min_lifted": "min",
        "max_lifted": "max",
        "relative_difference_lifted": "(max − min) / min",
        "ce_norm_lifted": "ce / ln HW",
        "ca_lifted": "ca",
        "cd_lifted": "σ²/μ²",
        "cv_lifted": "σ/μ",
        "max_logit": "max logit",
        "test_accuracy": "accuracy",
        "dead_share": "dead maps",
    }
    found = _ok(frame, arms)
    live = 1 - found["dead_share"]
    lifted = found.assign(
        min_lifted=1 + (found["min_map"] * live).where(live > 0, 0.0),
        max_lifted=1 + (found["max_map"] * live).where(live > 0, 0.0),
    )
    means = lifted.groupby(["arm", "name"], sort=False)[list(columns)].mean()
    table = means.rename(columns=columns).reset_index(names=["arm", "loss"])
    for column, words in (("beta0", "β = 0"), ("beta100", "β = 100")):
        cells = {row: float(values[column]) for row, values in printed.items()}
        low, high = cells["min_map"], cells["max_map"]
        row = {
            "arm": "paper's sample",
            "loss": words,
            "min": low,
            "max": high,
            "(max − min) / min": high / low - 1,
        }
        row |= {
            "ce / ln HW": cells["ce"],
            "ca": cells["ca"],
            "σ²/μ²": cells["cd"],
            "max logit": cells["max_logit"],
        }
        table.loc[len(table)] = row
    return table


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
    means = chosen.groupby("name", sort=False)[list(columns)].mean()
    return means.rename(columns=columns).reset_index(names="loss")


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each arm was trained with."""
    rows = []
    for arm, group in frame.groupby("arm", sort=False):
        one = group.iloc[0]
        row = {"arm": arm, "backbone": one["backbone"], "weights": one["weights"]}
        row |= {"trained from": one["train_from"] or "the first layer", "epochs": one["epochs"]}
        row |= {
            "batch": one["batch_size"],
            "rate": one["learning_rate"],
            "steps": one["steps"],
            "settings": group["setting"].nunique(),
        }
        row |= {"models": len(group), "diverged": int(group["status"].eq("diverged").sum())}
        rows.append({**row, "mixed precision": bool(one["mixed"])})
    return pd.DataFrame(rows)


def scalars(frame: pd.DataFrame) -> dict[str, float]:
    """Numbers that the page's prose refers to."""
    ok = frame[frame["status"].eq("ok")]
    plain, long = (ok[ok["arm"].eq(arm) & ok["setting"].eq("none")] for arm in ("main", "long"))
    offset = ok[ok["arm"].eq("offset") & ok["setting"].eq("offset_100")]
    return {
        "accuracy_of_beta_0": float(plain["test_accuracy"].mean()),
        "balanced_accuracy_of_beta_0": float(plain["balanced_accuracy"].mean()),
        "mean_area_change_100": float(
            ok.query("arm == 'main' and setting == 'relu_100'")["area_change"].mean()
        ),
        "lifted_dispersion_main": float(plain["cd_lifted"].mean()),
        "lifted_dispersion_long": float(long["cd_lifted"].mean()),
        "lifted_max_offset": float(1 + offset["max_map"].mean()),
    }


def further_table(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Further arms, a row a setting, with what they measure beside sharpness."""
    columns = {"part_mass": "heat on the part", "others_heat": "other classes' heat"}
    means = (
        _ok(frame, arms).groupby(["arm", "name"], sort=False)[list(columns)].mean().rename(columns=columns)
    )
    table = settings_table(frame, [*arms, ""]).drop(
        columns=["lowest", "highest", "ce / ln HW, dead as uniform"]
    )
    return table.merge(means, left_on=["arm", "loss"], right_index=True, how="left")


def costs_table(costs: Mapping[str, float]) -> pd.DataFrame:
    """Ratios of training steps, as ``cam_entropy_costs.read`` gives them."""
    words = {
        "step_ratio_ce": "ce over a plain step",
        "step_ratio_ca": "ca over a plain step",
        "step_ratio_cd": "cd over a plain step",
        "costlier_measure_ratio": "the costlier of ca and cd over ce",
        "step_ratio_naive": "the costliest naive way with ce over a plain step",
    }
    return pd.DataFrame({"step": list(words.values()), "ratio": [costs[name] for name in words]})


def _ok(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    return frame[frame["status"].eq("ok") & frame["arm"].isin(list(arms))]
