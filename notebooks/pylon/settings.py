"""Which runs of the PYLON experiment a table takes, in which order and under which names."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from papers_lib.models.heatmap_methods import METHODS
from pylon.frame import POST_HOC, PRINTED, TRAININGS, label

PRINTED_TRAININGS = {
    "transfer_one_phase": " with transfer",
    "transfer_two_phase": " two-phase",
    "transfer_two_phase_moving": " two-phase",
    "two_phase": " two-phase",
    "one_phase": "",
    "frozen": "",
}
"""What Tables 3 and 4 add to a method's name; ours with a frozen encoder stand beside its one-phase numbers."""
ORDER = (
    "cam",
    *POST_HOC,
    "li2018",
    "unet",
    "pan",
    "deeplab",
    "fpn",
    "pylon_0up",
    "pylon_1up",
    "pylon_2up",
    "pylon",
)
"""Methods as they stand beside each other; others follow."""
Arms = str | Sequence[str]
Setting = tuple[str, str]
"""A method and how it was trained."""


def ok(frame: pd.DataFrame, arms: Arms) -> pd.DataFrame:
    """Runs of these arms that ended well."""
    return frame[
        frame["status"].eq("ok") & frame["arm"].isin([arms] if isinstance(arms, str) else list(arms))
    ]


def by_seed(frame: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Values of a column by seed, the mean of its folds; seeds without a value are left out."""
    if column not in frame:
        return pd.Series(dtype=float)
    return frame.groupby("seed")[column].mean().dropna().astype(float)


def in_order(methods: Iterable[str]) -> list[str]:
    """The methods once each, those of :data:`ORDER` first.

    >>> in_order(["pylon", "fpn_group", "cam", "pylon"])
    ['cam', 'pylon', 'fpn_group']
    """
    found = list(dict.fromkeys(methods))
    return [
        *(method for method in ORDER if method in found),
        *(method for method in found if method not in ORDER),
    ]


def setting_names(settings: Iterable[Setting]) -> dict[Setting, str]:
    """Names for readers; the training is named where the settings differ in it.

    >>> setting_names([("cam", "frozen"), ("grad_cam", "frozen")]).values()
    dict_values(['CAM', 'Grad-CAM'])
    >>> setting_names([("cam", "one_phase"), ("cam", "two_phase")]).values()
    dict_values(['CAM, one phase', 'CAM, two phases'])
    """
    settings = list(settings)
    several = len({training for _, training in settings}) > 1
    return {
        (method, training): f"{label(method)}, {TRAININGS[training]}" if several else label(method)
        for method, training in settings
    }


def by_setting(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Runs of each method and training, under its name for readers."""
    found = dict(iter(frame.groupby(["method", "training"], sort=False)))
    groups = {key: found[key] for method in in_order(frame["method"]) for key in found if key[0] == method}
    for key, name in setting_names(groups).items():
        yield name, groups[key]


def printed_name(method: str, training: str = "") -> str:
    """The column of a method in Tables 1 to 4; "" where the paper has none.

    >>> printed_name("cam", "transfer_one_phase"), printed_name("xgrad_cam"), printed_name("pylon_2up")
    ('Baseline with transfer', 'XGradCAM', '')
    """
    name = PRINTED.get(method) or ("" if method in POST_HOC else METHODS[method].printed)
    return f"{name}{PRINTED_TRAININGS.get(training, ' ?')}" if name and training else name
