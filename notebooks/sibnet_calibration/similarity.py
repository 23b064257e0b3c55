"""How alike the saliency maps of two models are: "almost identical" (section 4.6, Figure 4.6) as numbers.

The report looks at one image. Here all kept maps of two models are compared, and three yardsticks stand beside each
pair of losses: the same loss with another seed, the two losses with different seeds, and maps of other images.
"""

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import pandas as pd

from papers_lib.stats import spearman_statistic
from sibnet_calibration.grid import Swept, name

ARMS = ("losses", "saliency")
"""Comparisons whose settings are compared; a setting of the same name in another one is trained otherwise."""
PAIRS = [("bce", other) for other in ("focal", "auc_pesg", "auc_adam", "wbce")]
PAIRS += [("wbce", other) for other in ("cd", "cd_two_stage", "sc_two_stage", "cd_sc_two_stage")]
SAME, SEEDS, OTHER, IMAGES = "same seed", "two seeds", "two seeds, two losses", "other images"
SHOWN = {"loss": "a", "beside": "b", "models": "kind", "pairs of models": "count", "rank correlation": "rank"}
SHOWN |= {"lowest": "low", "highest": "high", "same hottest cell": "agree", "maps": "maps"}
"""Columns of the table for readers → those of :func:`means`."""


class Similarity(NamedTuple):
    """Means over pairs of maps, NaN where none counts, and numbers of pairs."""

    rank: float  # Spearman's correlation of the raw maps' cells
    agree: float  # share with the same hottest cell
    maps: int  # pairs that count: neither map is constant or not finite


def similarity(maps_a: np.ndarray, maps_b: np.ndarray) -> Similarity:
    """Compare raw maps (n, K, h, w) of two models of the same images, at the maps' own resolution.

    Negative values count; of equally hot cells the first is taken.

    >>> a = np.array([[[[1.0, 2.0, 3.0]], [[5.0, 5.0, 5.0]]]])
    >>> found = similarity(a, np.array([[[[2.0, 1.0, 3.0]], [[0.0, 1.0, 2.0]]]]))
    >>> round(found.rank, 4), found.agree, found.maps  # 1 - 6 (1 + 1 + 0) / (3 · 8)
    (0.5, 1.0, 1)
    """
    if maps_a.ndim != 4 or maps_a.shape != maps_b.shape:
        raise ValueError(f"maps: expected the same (n, K, h, w) twice, got {maps_a.shape} and {maps_b.shape}")
    h, w = maps_a.shape[2:]
    flat = np.stack([maps.reshape(-1, h * w).astype(np.float32) for maps in (maps_a, maps_b)])
    usable = (np.isfinite(flat).all(2) & (flat != flat[..., :1]).any(2)).all(0)
    a, b = flat[:, usable]
    return Similarity(
        rank=float(np.mean(spearman_statistic(a, b), dtype=float)) if len(a) else np.nan,
        agree=float(np.mean(a.argmax(1) == b.argmax(1))) if len(a) else np.nan,
        maps=len(a),
    )


def maps_of(swept: Swept, setting: str) -> dict[int, np.ndarray]:
    """Seed → kept maps of the runs of a setting that ended well, seeds in order."""
    records = [one for one in swept.records if one.status == "ok" and one.config.arm in ARMS]
    found = {one.config.seed: one.arrays() for one in records if one.config.setting() == setting}
    return {seed: found[seed]["maps"] for seed in sorted(found) if "maps" in found[seed]}


def compared(swept: Swept) -> pd.DataFrame:
    """A row a pair of models: a, b (settings), kind, seed_a, seed_b, and the fields of :class:`Similarity`.

    Kinds: "same seed", two losses from the same start; "two seeds", a loss with itself; "two seeds, two losses"; "other
    images", the same seed, but each map beside that of the image half the kept ones further on: chance.
    """
    maps = {setting: maps_of(swept, setting) for setting in {one for pair in PAIRS for one in pair}}
    there = [(a, b) for a, b in PAIRS if maps[a] and maps[b]]

    def wanted() -> Iterator[tuple[str, str, str, int, int]]:
        for a, b in there:
            both = [seed for seed in maps[a] if seed in maps[b]]
            yield from ((kind, a, b, seed, seed) for kind in (SAME, IMAGES) for seed in both)
            yield from ((OTHER, a, b, *seeds) for seeds in permutations(both, 2))
        for one in dict.fromkeys(one for pair in there for one in pair):
            yield from ((SEEDS, one, one, *seeds) for seeds in combinations(maps[one], 2))

    rows = []
    for kind, a, b, seed_a, seed_b in wanted():
        second = maps[b][seed_b]
        second = np.roll(second, -(len(second) // 2), 0) if kind == IMAGES else second
        rows.append((a, b, kind, seed_a, seed_b, *similarity(maps[a][seed_a], second)))
    return pd.DataFrame(rows, columns=["a", "b", "kind", "seed_a", "seed_b", *Similarity._fields])


def means(found: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`compared`, a row a pair of settings and kind: number, means, the rank's range, and counts of maps."""
    ways = {"rank": "mean", "agree": "mean", "maps": "sum"}
    columns = {"count": ("rank", "size"), "low": ("rank", "min"), "high": ("rank", "max")}
    columns |= {key: (key, way) for key, way in ways.items()}
    return found.groupby(["a", "b", "kind"], sort=False).agg(**columns)


def similarity_table(found: pd.DataFrame) -> pd.DataFrame:
    """:func:`means` in words: of each pair the same seed and two seeds, of the first the other yardsticks as well."""
    table = means(found).reset_index()
    first = table["a"].eq(PAIRS[0][0]) & table["b"].eq(PAIRS[0][1])
    table = table[table["kind"].isin([SAME, SEEDS]) | first]
    table = table.assign(a=table["a"].map(name), b=table["b"].map(name))[[*SHOWN.values()]]
    return table.set_axis([*SHOWN], axis=1)


def similarity_values(found: pd.DataFrame) -> dict[str, float]:
    """Numbers that claims and prose name: rank_bce_OTHER from the same start; rank_bce_seeds."""
    others = ["focal", "auc_adam", "auc_pesg"]
    same = means(found).reindex([("bce", other, SAME) for other in others] + [("bce", "bce", SEEDS)])
    named = dict(zip([f"rank_bce_{one}" for one in (*others, "seeds")], same["rank"].to_list(), strict=True))
    for short, other in (("auc", "auc_adam"), ("pesg", "auc_pesg"), ("seeds", "seeds")):
        named[f"rank_focal_less_{short}"] = named["rank_bce_focal"] - named[f"rank_bce_{other}"]
    return named
