"""Which runs of the Sibnet experiment a figure takes, under which names and in which colours."""

from collections.abc import Iterator, Sequence

import pandas as pd

from papers_lib.companion.palette import PALETTE, colours
from papers_lib.sweep.records import Record
from sibnet_calibration.sweeps import Swept

ARMS = ("losses", "saliency", "mimo", "imbalance", "mapping")
NAMES = {
    "bce": "cross entropy",
    "wbce": "weighted cross entropy",
    "focal": "focal loss",
    "auc_adam": "DeepAUC, Adam",
    "auc_adam_ascending": "DeepAUC, Adam with ascent",
    "auc_pesg": "DeepAUC, PESG",
    "auc_pesg_two_stage": "DeepAUC, PESG after cross entropy",
    "cd": "custom loss (class distinctiveness)",
    "cd_two_stage": "modified pipeline (class distinctiveness)",
    "sc": "spatial coherence",
    "sc_two_stage": "spatial coherence, two stages",
    "cd_sc": "full loss",
    "cd_sc_two_stage": "full loss, two stages",
    "cd_raw_two_stage": "distinctiveness of raw maps, two stages",
    "sc_published_two_stage": "published coherence, two stages",
}
"""Names for readers, the report's where it has one."""
TINTS = {
    "bce": "baseline",
    "focal": "variant",
    "auc_pesg": "proposed",
    "auc_adam": "second variant",
    "cd_two_stage": "proposed",
    "sc_two_stage": "variant",
    "cd_sc_two_stage": "second variant",
}
"""Settings that keep their colour wherever it is free; so does "wbce" as the baseline where "bce" is not beside it."""


def name(setting: str, arm: str = "") -> str:
    """A setting's name for readers; the one-input network of the arm "mimo" is named as such.

    >>> name("focal"), name("mimo_3"), name("bce", "mimo")
    ('focal loss', 'MIMO, 3 inputs', 'one input, all trained')
    """
    if setting.startswith("mimo_"):
        return f"MIMO, {setting.removeprefix('mimo_')} inputs"
    return "one input, all trained" if arm == "mimo" else NAMES.get(setting, setting.replace("_", " "))


def models(swept: Swept, settings: Sequence[str], arms: Sequence[str] = ARMS) -> dict[str, list[Record]]:
    """Runs of each setting that ended well, of the first of the arms that has the setting; others are left out."""
    found = {}
    for setting in settings:
        own = [record for record in swept.records if record.config.setting() == setting]
        arm = next((arm for arm in arms if any(record.config.arm == arm for record in own)), None)
        found[setting] = [record for record in own if record.config.arm == arm and record.status == "ok"]
    return {setting: records for setting, records in found.items() if records}


def of_seed(swept: Swept, settings: Sequence[str], seed: int = 0) -> dict[str, Record]:
    """The run of each setting with this seed; settings without one are left out."""
    found = {
        setting: [r for r in own if r.config.seed == seed] for setting, own in models(swept, settings).items()
    }
    return {setting: records[0] for setting, records in found.items() if records}


def rows_of(
    frame: pd.DataFrame, arms: Sequence[str], data: str = "first"
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Runs that ended well, a setting at a time, under its name; the encoder is named where there are several."""
    keys = ["arm", "setting", "backbone", "weights"]
    chosen = frame[frame["status"].eq("ok") & frame["arm"].isin(list(arms)) & frame["data"].eq(data)]
    several = {key for key in keys[2:] if chosen[key].nunique() > 1}
    for (arm, setting, backbone, weights), group in chosen.groupby(keys, sort=False):
        more = [
            word
            for key, word in (("backbone", backbone), ("weights", f"{weights} weights"))
            if key in several
        ]
        yield ", ".join([name(str(setting), str(arm)), *map(str, more)]), group


def family(setting: str) -> str:
    """A colour by loss or saliency terms, one for all variants of these; for figures whose rows are named."""
    head = setting.removesuffix("_two_stage").replace("_raw", "").replace("_published", "")
    role = {**TINTS, "wbce": "baseline"}
    return PALETTE[role.get(head) or role.get(f"{head}_two_stage", "fourth variant")]


def tints(settings: Sequence[str]) -> dict[str, str]:
    """A colour for each setting, its own one if no setting before it has that."""
    first = {TINTS[setting]: setting for setting in reversed(settings) if setting in TINTS}
    known = {setting: PALETTE[role] for role, setting in first.items()}
    return colours(settings, {**({} if "bce" in settings else {"wbce": PALETTE["baseline"]}), **known})
