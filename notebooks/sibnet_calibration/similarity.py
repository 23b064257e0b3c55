"""How alike the saliency maps of two models are: "almost identical" (section 4.6, Figure 4.6) as numbers.

The report looks at one image. Here all kept maps of two models are compared, and three yardsticks stand beside each
pair of losses: the same loss with another seed, the two losses with different seeds, and maps of other images.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from papers_lib.cams import display_map
from papers_lib.stats_ranks import spearman_statistic
from papers_lib.sweep.records import Record
from sibnet_calibration.sweeps import Swept

ARMS = ("losses", "saliency")
"""Arms whose settings are compared; a setting of the same name in another arm is trained otherwise."""
PAIRS = (
    ("bce", "focal"),
    ("bce", "auc_pesg"),
    ("bce", "auc_adam"),
    ("bce", "wbce"),
    ("wbce", "cd"),
    ("wbce", "cd_two_stage"),
    ("wbce", "sc_two_stage"),
    ("wbce", "cd_sc_two_stage"),
)
SAME, SEEDS, OTHER, IMAGES = "same seed", "two seeds", "two seeds, two losses", "other images"
WINDOW = 7  # cells of an SSIM window, as scikit-image has it
C1, C2 = 0.01**2, 0.03**2  # Wang et al. 2004, for values from 0 to 1


class Similarity(NamedTuple):
    """Means over pairs of maps, NaN where none counts; 1 is the same.

    Fields: rank, Spearman's correlation of the raw maps' cells; ssim, structural similarity of the display maps; agree,
    share of pairs whose hottest cell is the same; maps, pairs that count; skipped, pairs with a map that is constant or
    not finite; dead, pairs that count but have no SSIM, as one of the maps has no positive value.
    """

    rank: float
    ssim: float
    agree: float
    maps: int
    skipped: int
    dead: int


def similarity(maps_a: np.ndarray, maps_b: np.ndarray, chosen: np.ndarray | None = None) -> Similarity:
    """Compare the maps of two models, image by image and class by class, at the maps' own resolution.

    Rank and hottest cell take the raw maps, negative values included; SSIM takes what a reader sees: ReLU, divided by
    the maximum (``cams.display_map``), not enlarged, as enlarging adds smoothness that all maps share.

    Args:
        maps_a, maps_b: raw maps (n, K, h, w) of the same images; half precision is computed in single.
        chosen: bool (n, K), the pairs that count; None for all.

    Returns: :class:`Similarity`. Among equal cells the first, row by row, is the hottest.
    Raises: ValueError for shapes that differ.

    >>> a = np.array([[[[1.0, 2.0, 3.0]], [[5.0, 5.0, 5.0]]]])
    >>> found = similarity(a, np.array([[[[2.0, 1.0, 3.0]], [[0.0, 1.0, 2.0]]]]))
    >>> round(found.rank, 4), found.agree, found.maps, found.skipped  # 1 - 6 (1 + 1 + 0) / (3 · 8)
    (0.5, 1.0, 1, 1)
    """
    if maps_a.ndim != 4 or maps_a.shape != maps_b.shape:
        raise ValueError(f"maps: expected the same (n, K, h, w) twice, got {maps_a.shape} and {maps_b.shape}")
    if chosen is not None and chosen.shape != maps_a.shape[:2]:
        raise ValueError(f"chosen: expected {maps_a.shape[:2]} as in maps, got {chosen.shape}")
    kept = np.ones(maps_a.shape[:2], bool) if chosen is None else chosen.astype(bool)
    a, b = (maps[kept].astype(np.float32) for maps in (maps_a, maps_b))
    usable = _varies(a) & _varies(b)
    a, b = a[usable], b[usable]
    flat_a, flat_b = _flat(a), _flat(b)
    positive = (flat_a.max(1, initial=-1) > 0) & (flat_b.max(1, initial=-1) > 0)
    return Similarity(
        rank=_mean(spearman_statistic(flat_a, flat_b)) if len(a) else np.nan,
        ssim=_mean(ssim(_shown(a[positive]), _shown(b[positive]))) if positive.any() else np.nan,
        agree=_mean(flat_a.argmax(1) == flat_b.argmax(1)) if len(a) else np.nan,
        maps=len(a),
        skipped=len(usable) - len(a),
        dead=int((~positive).sum()),
    )


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity (n,) of maps (n, h, w) in [0, 1]: Wang et al. 2004, equation 13, over square windows.

    (2 μa μb + C1)(2 σab + C2) / ((μa² + μb² + C1)(σa² + σb² + C2)), averaged over all windows of 7 x 7 cells that lie
    inside the map, each cell with the same weight and (co)variances unbiased, as scikit-image has it by default. A side
    with fewer cells than 7 has one window there, so that a map of 6 x 6 cells is one window.

    >>> one = np.array([[[0.0, 1.0]]])
    >>> np.round(ssim(one, one[..., ::-1]), 4).tolist()  # μ 1/2, σ² 1/2, σab -1/2: (-1 + C2) / (1 + C2)
    [-0.9982]
    """
    window = [min(WINDOW, side) for side in a.shape[-2:]]
    x, y = (torch.from_numpy(np.array(maps, float))[:, None] for maps in (a, b))
    mean_a, mean_b, aa, bb, ab = (F.avg_pool2d(one, window, 1).numpy() for one in (x, y, x * x, y * y, x * y))
    unbiased = np.prod(window) / max(np.prod(window) - 1, 1)
    var_a, var_b = unbiased * (aa - mean_a**2), unbiased * (bb - mean_b**2)
    shared = unbiased * (ab - mean_a * mean_b)
    above = (2 * mean_a * mean_b + C1) * (2 * shared + C2)
    below = (mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2)
    return np.asarray((above / below).mean((1, 2, 3)))


def by_seed(swept: Swept, setting: str, arms: Sequence[str] = ARMS) -> dict[int, Record]:
    """Seed → record of the runs of a setting that ended well and kept maps, seeds in order."""
    found = {
        record.config.seed: record
        for record in swept.records
        if record.status == "ok" and record.config.arm in arms and record.config.setting() == setting
    }
    return {seed: found[seed] for seed in sorted(found) if "maps" in found[seed].arrays()}


def compared(
    swept: Swept,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    *,
    present: bool = False,
    arms: Sequence[str] = ARMS,
) -> pd.DataFrame:
    """A row a pair of models: a, b (settings), kind, seed_a, seed_b, and the fields of :class:`Similarity`.

    Kinds: "same seed", two losses from the same initial weights in the same order of samples; "two seeds", each loss of
    a pair with itself; "two seeds, two losses", which differs from the last by the loss alone; "other images", the
    same seed, but each map beside that of the image half the kept ones further on: what the class alone makes alike,
    chance. A pair of which a setting has no run is left out.

    Args: present, count only the maps of classes that the image has by its label.
    """
    settings = list(dict.fromkeys(name for pair in pairs for name in pair))
    maps = {
        name: {seed: record.arrays()["maps"] for seed, record in by_seed(swept, name, arms).items()}
        for name in settings
    }
    labels = swept.opened.images.images.part("test").labels if present else None
    rows: list[dict[str, object]] = []

    def add(kind: str, a: str, b: str, seed_a: int, seed_b: int) -> None:
        first, second = maps[a][seed_a], maps[b][seed_b]
        if kind == IMAGES:
            second = np.roll(second, -(len(second) // 2), 0)
        found = similarity(first, second, None if labels is None else labels[: len(first)])
        rows.append({"a": a, "b": b, "kind": kind, "seed_a": seed_a, "seed_b": seed_b, **found._asdict()})

    there = [(a, b) for a, b in pairs if maps[a] and maps[b]]
    for a, b in there:
        both = [seed for seed in maps[a] if seed in maps[b]]
        for kind in (SAME, IMAGES):
            for seed in both:
                add(kind, a, b, seed, seed)
        for seed_a, seed_b in permutations(both, 2):
            add(OTHER, a, b, seed_a, seed_b)
    for name in dict.fromkeys(name for pair in there for name in pair):
        for seed_a, seed_b in combinations(maps[name], 2):
            add(SEEDS, name, name, seed_a, seed_b)
    return pd.DataFrame(rows, columns=["a", "b", "kind", "seed_a", "seed_b", *Similarity._fields])


def similarity_table(found: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`compared`, a row a kind and pair of settings: means over pairs of models, and the rank's range.

    Columns: a, b, kind, models (pairs of them), rank, rank_low, rank_high, ssim, agree, maps, skipped, dead (sums).
    """
    grouped = found.groupby(["a", "b", "kind"], sort=False)
    return grouped.agg(
        models=("rank", "size"),
        rank=("rank", "mean"),
        rank_low=("rank", "min"),
        rank_high=("rank", "max"),
        ssim=("ssim", "mean"),
        agree=("agree", "mean"),
        maps=("maps", "sum"),
        skipped=("skipped", "sum"),
        dead=("dead", "sum"),
    ).reset_index()


def backbone_ranks(swept: Swept, setting: str = "bce") -> dict[tuple[str, str], float]:
    """Rank correlation of another network's maps with the first one's of the same seed, mean over seeds.

    Returns: by (backbone, weights) of the arm "backbones"; NaN where the maps are of another size.
    """
    first = by_seed(swept, setting, ("losses",))
    found: dict[tuple[str, str], list[float]] = {}
    for record in swept.records:
        config = record.config
        if record.status != "ok" or config.arm != "backbones" or config.seed not in first:
            continue
        own, beside = (one.arrays()["maps"] for one in (record, first[config.seed]))
        rank = similarity(own, beside).rank if own.shape == beside.shape else float("nan")
        found.setdefault((config.backbone, config.weights), []).append(rank)
    return {key: float(np.mean(values)) for key, values in found.items()}


def shown(table: pd.DataFrame) -> "pd.Series[bool]":
    """Rows of :func:`similarity_table` for the page: same seed, two seeds; of the first pair the other yardsticks."""
    first = table["a"].eq(PAIRS[0][0]) & table["b"].eq(PAIRS[0][1])
    return table["kind"].isin([SAME, SEEDS]) | first


def similarity_scalars(found: pd.DataFrame, prefix: str = "") -> dict[str, float]:
    """Named numbers of :func:`compared`, for each measure M of rank, ssim, agree; those that there are.

    M_A_B (same seed), M_A_B_seeds (two seeds, two losses), M_A_B_images (other images), M_A_seeds (two seeds). And the
    answers: M_A_B_less_seeds, M_A_B less M_A_seeds, above 0 if the losses' maps are more alike than those of two
    seeds; M_A_B_cost, M_A_seeds less M_A_B_seeds, what the other loss takes off where the seed differs anyway.

    Args: prefix, before every name.
    """
    ending = {SAME: "", OTHER: "_seeds", IMAGES: "_images"}
    named: dict[str, float] = {}
    for row in similarity_table(found).to_dict("records"):
        stem = f"{row['a']}_seeds" if row["kind"] == SEEDS else f"{row['a']}_{row['b']}{ending[row['kind']]}"
        named |= {f"{measure}_{stem}": float(row[measure]) for measure in ("rank", "ssim", "agree")}
    for a, b in dict.fromkeys(zip(found["a"], found["b"], strict=True)):
        for measure in ("rank", "ssim", "agree"):
            named |= _differences(named, f"{measure}_{a}_{b}", f"{measure}_{a}_seeds")
    return {f"{prefix}{name}": value for name, value in named.items()}


def _differences(named: Mapping[str, float], pair: str, seeds: str) -> dict[str, float]:
    if pair not in named or seeds not in named or f"{pair}_seeds" not in named:
        return {}
    return {
        f"{pair}_less_seeds": named[pair] - named[seeds],
        f"{pair}_cost": named[seeds] - named[f"{pair}_seeds"],
    }


def _varies(maps: np.ndarray) -> np.ndarray:
    """(n,), whether a map is finite and not constant."""
    flat = _flat(maps)
    return np.isfinite(flat).all(1) & (flat != flat[:, :1]).any(1)


def _flat(maps: np.ndarray) -> np.ndarray:
    return maps.reshape(len(maps), maps.shape[-2] * maps.shape[-1])


def _shown(maps: np.ndarray) -> np.ndarray:
    return display_map(torch.from_numpy(maps)).numpy()


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values, dtype=float))
