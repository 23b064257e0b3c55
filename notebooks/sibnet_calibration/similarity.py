"""How alike the saliency maps of two models are: "almost identical" (section 4.6, Figure 4.6) as numbers.

The report looks at one image. Here all kept maps of two models are compared, and three yardsticks stand beside each
pair of losses: the same loss with another seed, the two losses with different seeds, and maps of other images.
"""

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from papers_lib.cams import display_map
from papers_lib.stats import spearman_statistic
from sibnet_calibration.grid import Swept, name

ARMS = ("losses", "saliency")
"""Comparisons whose settings are compared; a setting of the same name in another one is trained otherwise."""
PAIRS = [("bce", other) for other in ("focal", "auc_pesg", "auc_adam", "wbce")]
PAIRS += [("wbce", other) for other in ("cd", "cd_two_stage", "sc_two_stage", "cd_sc_two_stage")]
SAME, SEEDS, OTHER, IMAGES = "same seed", "two seeds", "two seeds, two losses", "other images"
C1, C2 = 0.01**2, 0.03**2  # Wang et al. 2004, for values from 0 to 1
SHOWN = {"loss": "a", "beside": "b", "models": "kind", "pairs of models": "count", "rank correlation": "rank"}
SHOWN |= {"lowest": "low", "highest": "high", "SSIM": "ssim", "same hottest cell": "agree", "maps": "maps"}
SHOWN |= {"skipped": "skipped", "without SSIM": "dead"}
"""Columns of the table for readers → those of :func:`means`."""


class Similarity(NamedTuple):
    """Means over pairs of maps, NaN where none counts, and numbers of pairs."""

    rank: float  # Spearman's correlation of the raw maps' cells
    ssim: float  # structural similarity of the display maps
    agree: float  # share with the same hottest cell
    maps: int  # pairs that count
    skipped: int  # pairs in which a map is constant or not finite
    dead: int  # pairs that count, but without SSIM, as a map has no positive value


def similarity(maps_a: np.ndarray, maps_b: np.ndarray) -> Similarity:
    """Compare raw maps (n, K, h, w) of two models of the same images, at the maps' own resolution.

    Rank and hottest cell (the first of equals) take the raw maps, negative values included; SSIM takes what a reader
    sees: ReLU, divided by the maximum, not enlarged, as enlarging adds smoothness that all maps share.

    >>> a = np.array([[[[1.0, 2.0, 3.0]], [[5.0, 5.0, 5.0]]]])
    >>> found = similarity(a, np.array([[[[2.0, 1.0, 3.0]], [[0.0, 1.0, 2.0]]]]))
    >>> round(found.rank, 4), found.agree, found.maps, found.skipped  # 1 - 6 (1 + 1 + 0) / (3 · 8)
    (0.5, 1.0, 1, 1)
    """
    if maps_a.ndim != 4 or maps_a.shape != maps_b.shape:
        raise ValueError(f"maps: expected the same (n, K, h, w) twice, got {maps_a.shape} and {maps_b.shape}")
    h, w = maps_a.shape[2:]
    flat = np.stack([maps.reshape(-1, h * w).astype(np.float32) for maps in (maps_a, maps_b)])
    usable = (np.isfinite(flat).all(2) & (flat != flat[..., :1]).any(2)).all(0)
    a, b = flat[:, usable]
    positive = (a.max(1, initial=-1) > 0) & (b.max(1, initial=-1) > 0)
    seen = [display_map(torch.from_numpy(one[positive].reshape(-1, h, w))).numpy() for one in (a, b)]
    return Similarity(
        rank=float(np.mean(spearman_statistic(a, b), dtype=float)) if len(a) else np.nan,
        ssim=float(np.mean(ssim(*seen), dtype=float)) if positive.any() else np.nan,
        agree=float(np.mean(a.argmax(1) == b.argmax(1))) if len(a) else np.nan,
        maps=len(a),
        skipped=len(usable) - len(a),
        dead=int((~positive).sum()),
    )


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity (n,) of maps (n, h, w) in [0, 1]: Wang et al. 2004, equation 13, over square windows.

    Mean over all windows of 7 x 7 cells inside the map (fewer on a smaller side), as scikit-image's default.

    >>> one = np.array([[[0.0, 1.0]]])
    >>> np.round(ssim(one, one[..., ::-1]), 4).tolist()  # μ 1/2, σ² 1/2, σab -1/2: (-1 + C2) / (1 + C2)
    [-0.9982]
    """
    window = [min(7, side) for side in a.shape[-2:]]
    x, y = (torch.from_numpy(np.array(maps, float))[:, None] for maps in (a, b))
    mean_a, mean_b, aa, bb, ab = (F.avg_pool2d(one, window, 1).numpy() for one in (x, y, x * x, y * y, x * y))
    unbiased = np.prod(window) / max(np.prod(window) - 1, 1)
    var_a, var_b = unbiased * (aa - mean_a**2), unbiased * (bb - mean_b**2)
    shared = unbiased * (ab - mean_a * mean_b)
    above = (2 * mean_a * mean_b + C1) * (2 * shared + C2)
    below = (mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2)
    return np.asarray((above / below).mean((1, 2, 3)))


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
    ways = {"rank": "mean", "ssim": "mean", "agree": "mean", "maps": "sum", "skipped": "sum", "dead": "sum"}
    columns = {"count": ("rank", "size"), "low": ("rank", "min"), "high": ("rank", "max")}
    columns |= {key: (key, way) for key, way in ways.items()}
    return found.groupby(["a", "b", "kind"], sort=False).agg(**columns)


def similarity_table(found: pd.DataFrame) -> pd.DataFrame:
    """:func:`means` in words: of each pair the same seed and two seeds, of the first the other yardsticks as well."""
    table = means(found).reset_index()
    first = table["a"].eq(PAIRS[0][0]) & table["b"].eq(PAIRS[0][1])
    table = table[table["kind"].isin([SAME, SEEDS]) | first]
    shown = {words: key for words, key in SHOWN.items() if key not in ("skipped", "dead") or table[key].any()}
    table = table.assign(a=table["a"].map(name), b=table["b"].map(name))[[*shown.values()]]
    return table.set_axis([*shown], axis=1)


def similarity_values(found: pd.DataFrame) -> dict[str, float]:
    """Numbers that claims and prose name: rank_bce_OTHER and ssim_bce_focal from the same start; rank_bce_seeds."""
    others = ["focal", "auc_adam", "auc_pesg"]
    same = means(found).reindex([("bce", other, SAME) for other in others] + [("bce", "bce", SEEDS)])
    named = dict(zip([f"rank_bce_{one}" for one in (*others, "seeds")], same["rank"].to_list(), strict=True))
    for short, other in (("auc", "auc_adam"), ("pesg", "auc_pesg"), ("seeds", "seeds")):
        named[f"rank_focal_less_{short}"] = named["rank_bce_focal"] - named[f"rank_bce_{other}"]
    return named | {"ssim_bce_focal": float(same["ssim"].iloc[0])}
