"""How much of what its map's stride allows each method reaches in the class of the smallest objects."""

import pandas as pd

from pylon.ablation import interval
from pylon.frame import SMALL
from pylon.settings import by_seed, by_setting, ok

SIZES = {"first": ("main", "others"), "larger images": ("large",)}


def shares_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a size and method: stride, hits in the smallest class, its share of the ceiling with a 95 % interval."""
    rows = []
    for words, arms in SIZES.items():
        for name, group in by_setting(ok(frame, arms)):
            found = by_seed(group, "nodule_share")
            if len(found):
                hits = by_seed(group, f"point/{SMALL}").mean()
                row = {"images": words, "method": name, "stride": group["stride"].iloc[0], "hits": hits}
                rows.append({**row, **interval(found)})
    columns = ["images", "method", "stride", "hits", "mean", "low", "high", "n", "sd"]
    return pd.DataFrame(rows, columns=columns).rename(columns={"mean": "share of the ceiling"})
