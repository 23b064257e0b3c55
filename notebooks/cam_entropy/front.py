"""The accuracy-sharpness front, in long form: what the figures of the full profile are drawn from."""

from typing import Any

import numpy as np
import pandas as pd

from cam_entropy.curves import FORMS
from papers_lib.companion.palette import DASHES, MARKERS, colours
from papers_lib.stats import student_t

FRONT_PANELS = {
    "test_accuracy": "test accuracy",
    "ce_norm": "normalised entropy, live maps",
    "dead_share": "share of dead maps",
    "part_mass": "heat on the deciding part",
}
BETTER_PANELS_OF = {
    "object_mass": "heat on the object",
    "part_mass": "heat on the deciding part",
    "part_pointing": "points at the deciding part",
    "scene_pointing": "points into a box, scenes",
}
AT_ZERO = 0.003  # where β = 0 is drawn on the logarithmic axis


def t_interval(values: "pd.Series[float]") -> tuple[float, float]:
    """95 % interval of the mean (Student's t), as seaborn takes it; the point itself where there is no spread."""
    found = np.asarray(values.dropna(), dtype=float)
    if len(found) < 2 or np.ptp(found) == 0:
        middle = float(found.mean()) if len(found) else np.nan
        return middle, middle
    interval = student_t(found, 0.95, 0.0)
    return interval.low, interval.high


_FORMS = ["β = 0", *(FORMS[form] for form in ("relu", "shifted"))]
_TOLD_BY: dict[str, Any] = {
    **{"hue": "form", "palette": colours(_FORMS)},
    **{"style": "form", "markers": dict(zip(_FORMS, MARKERS, strict=False))},
}
OVER_BETA: dict[str, Any] = {
    **{"kind": "line", **_TOLD_BY, "dashes": dict(zip(_FORMS, DASHES, strict=False))},
    **{"errorbar": t_interval, "x": "beta", "y": "value"},
    **{"col": "panel", "col_wrap": 2, "height": 2.6, "aspect": 1.5, "facet_kws": {"sharey": False}},
}
FRONT: dict[str, Any] = {
    **{"x": "normalised entropy of live maps", "y": "test accuracy", **_TOLD_BY, "size": "dead maps"},
    **{"sizes": (25, 160), "height": 4.0, "aspect": 1.5},
}
BETTER_PANELS: dict[str, Any] = {
    **{"x": "ce_norm", "y": "value", **_TOLD_BY, "col": "panel", "col_wrap": 2},
    **{"height": 2.6, "aspect": 1.5, "facet_kws": {"sharey": False}},
}
HIDDEN: list[dict[str, Any]] = [
    {"y": "test_accuracy", "labels": ("", "test accuracy")},
    {"y": "dead_share", "labels": ("", "share of dead test maps")},
]
"""Panels of ``strip_panels`` over :func:`in_lines`."""


def in_lines(frame: pd.DataFrame) -> pd.DataFrame:
    """The names of the settings broken into lines, so that they fit side by side."""
    return frame.assign(name=frame["name"].str.replace(", ", "\n"))


def front(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy, entropy and dead maps of each setting of the arms main and front: the points of the front."""
    chosen = _of_front(frame)
    chosen = chosen.assign(form=chosen["form"].map(FORMS).where(chosen["beta"] > 0, "β = 0"))
    columns = {
        "ce_norm": "normalised entropy of live maps",
        "test_accuracy": "test accuracy",
        "dead_share": "dead maps",
    }
    return (
        chosen.groupby(["form", "beta"], sort=False)[list(columns)]
        .mean()
        .rename(columns=columns)
        .reset_index()
    )


def over_beta(frame: pd.DataFrame) -> pd.DataFrame:
    """beta, form, panel, value of every model of the arms main and front; beta 0 belongs to both forms."""
    return _long(_both_forms(frame), FRONT_PANELS)


def better_long(frame: pd.DataFrame) -> pd.DataFrame:
    """ce_norm, form, panel, value of every model of the arms main and front with a live map."""
    chosen = _of_front(frame)
    chosen = chosen.assign(form=chosen["form"].map(FORMS).where(chosen["beta"] > 0, "β = 0"))
    return _long(chosen, BETTER_PANELS_OF, ["ce_norm"]).dropna()


def _both_forms(frame: pd.DataFrame) -> pd.DataFrame:
    chosen = _of_front(frame)
    plain = chosen[chosen["beta"] == 0]
    both = pd.concat([chosen, plain.assign(form="shifted")], ignore_index=True)
    return both.assign(beta=both["beta"].where(both["beta"] > 0, AT_ZERO), form=both["form"].map(FORMS))


def _of_front(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["status"].eq("ok") & frame["arm"].isin(["main", "front"])]


def _long(frame: pd.DataFrame, panels: dict[str, str], keys: list[str] | None = None) -> pd.DataFrame:
    names = ["beta", "form", "seed", *(keys or [])]
    parts = [frame[names].assign(panel=words, value=frame[column]) for column, words in panels.items()]
    return pd.concat(parts, ignore_index=True)
