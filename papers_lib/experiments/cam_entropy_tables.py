"""Tables of the CAM-entropy page, all made from the tidy frame of runs."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from papers_lib.experiments.cam_entropy_curves import ends, setting_name
from papers_lib.experiments.records import Record

BETTER = {
    "object_mass": "heat on the object",
    "object_pointing": "points at the object",
    "part_mass": "heat on the part",
    "part_pointing": "points at the part",
    "scene_mass": "heat in the boxes, scenes",
    "scene_pointing": "points into a box, scenes",
    "deletion_gain": "deletion gain",
}
METRICS = (
    *("test_accuracy", "balanced_accuracy", "ce", "ce_norm", "ce_norm_all", "ca", "cd", "cv", "dead_share"),
    *("others_heat", "dead_accuracy", "dead_logit", "live_logit", "dead_negative_share", "spread"),
    *("true_probability", "max_logit", "min_logit", "max_map", "min_map", "relative_difference", *BETTER),
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
        dispersion_growth=first_last["cd_last"] / first_last["cd_first"],
        area_drift=first_last["ca_last"] / first_last["ca_first"] - 1,
        entropy_drift=first_last["ce_last"] - first_last["ce_first"],
    )


def settings_table(frame: pd.DataFrame, arms: Sequence[str] = ("main",)) -> pd.DataFrame:
    """Means over the seeds of a setting; the accuracies with their range."""
    rows = []
    for (arm, name), group in _ok(frame, arms).groupby(["arm", "name"], sort=False):
        row = {"arm": arm} if len(arms) > 1 else {}
        row |= {"loss": name, "models": len(group), "accuracy": group["test_accuracy"].mean()}
        row |= {"lowest": group["test_accuracy"].min(), "highest": group["test_accuracy"].max()}
        row |= {"balanced": group["balanced_accuracy"].mean(), "dead maps": group["dead_share"].mean()}
        row |= {"ce / ln HW": group["ce_norm"].mean(), "ca": group["ca"].mean()}
        row |= {"σ²/μ²": group["cd"].mean(), "σ/μ": group["cv"].mean()}
        rows.append({**row, "ce / ln HW, dead as uniform": group["ce_norm_all"].mean()})
    return pd.DataFrame(rows)


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
        "dead_accuracy": "accuracy on boxes with a dead map",
        "live_logit": "true logit, live map",
        "dead_logit": "true logit, dead map",
        "dead_negative_share": "of which not above 0",
    }
    means = _ok(frame, arms).groupby("name", sort=False)[list(columns)].mean()
    return means.rename(columns=columns).reset_index(names="loss")


def cross_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Which loss moves which measure: mean change against beta 0 of the same seed, and accuracy and dead maps."""
    chosen = _ok(frame, ["main", "measures"])
    chosen = chosen[chosen["beta"].isin([0.3, 3.0])]
    rows = [
        {
            "loss": name,
            "ce / ln HW": group["entropy_change"].mean(),
            "ca, relative": group["area_change"].mean(),
            "σ²/μ², factor": group["dispersion_factor"].mean(),
            "accuracy": group["accuracy_change"].mean(),
            "dead maps": group["dead_share"].mean(),
        }
        for name, group in chosen.groupby("name", sort=False)
    ]
    return pd.DataFrame(rows)


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
            "settings": group["setting"].nunique(),
        }
        row |= {"models": len(group), "diverged": int(group["status"].eq("diverged").sum())}
        rows.append({**row, "mixed precision": bool(one["mixed"])})
    return pd.DataFrame(rows)


def scalars(frame: pd.DataFrame) -> dict[str, float]:
    """Numbers that the page's prose refers to."""
    plain = _ok(frame, ["main"]).query("setting == 'none'")
    return {
        "accuracy_of_beta_0": float(plain["test_accuracy"].mean()),
        "balanced_accuracy_of_beta_0": float(plain["balanced_accuracy"].mean()),
    }


def _ok(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    return frame[frame["status"].eq("ok") & frame["arm"].isin(list(arms))]


def further_table(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Further arms, a row a setting, with what they measure beside sharpness."""
    table = settings_table(frame, arms) if len(arms) > 1 else settings_table(frame, arms).assign(arm=arms[0])
    chosen = _ok(frame, arms).groupby(["arm", "name"], sort=False)[["part_mass", "others_heat"]].mean()
    table[["heat on the part", "other classes' heat"]] = chosen.to_numpy()
    return table.drop(columns=["lowest", "highest", "ce / ln HW, dead as uniform"])


def costs_table(costs: Mapping[str, float]) -> pd.DataFrame:
    """Ratios of training steps, as ``cam_entropy_costs.read`` gives them."""
    words = {
        "step_ratio_ce": "ce over a plain step",
        "step_ratio_ca": "ca over a plain step",
        "step_ratio_cd": "cd over a plain step",
        "costlier_measure_ratio": "the costlier of ca and cd over ce",
    }
    return pd.DataFrame({"step": list(words.values()), "ratio": [costs[name] for name in words]})
