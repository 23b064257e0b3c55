"""Tables of the PYLON page, all made from the tidy frame of runs (:func:`pylon.frame.tidy`).

Ours are means over seeds, of runs that ended well; folds of a cross-validation are averaged first, a value a seed.
What is printed stands beside, from :mod:`pylon.printed`; a class or method that only one of
the two has is empty on the other side. Nothing here needs an arm to be there.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pylon.frame import POST_HOC, SMALL
from pylon.printed import AREA, MACRO, WEIGHTED
from pylon.settings import (
    Arms,
    Setting,
    by_seed,
    by_setting,
    in_order,
    ok,
    printed_name,
    setting_names,
)

SETS: dict[str, Sequence[str]] = {
    "first": ("main", "others", "parts", "pools"),
    "larger images": ("large",),
    "small set": ("transfer",),
    "VOC's layout": ("voc",),
}
"""Arms that ran on the same images."""
LEVELS = ("chance", "prior", "image centre", "best fixed point", "ceiling, stride 32", "ceiling, stride 4")


def table_by_class(
    frame: pd.DataFrame,
    printed: pd.DataFrame | None = None,
    arms: Arms = "main",
    methods: Sequence[str] | None = None,
    levels: pd.DataFrame | None = None,
    *,
    measure: str = "point",
    trainings: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Tables 1 to 4: both averages and every class, "METHOD ours" beside "METHOD paper".

    Args:
        printed: of :func:`pylon.printed.printed_table`; its classes that ours lack are rows
            with the paper's values alone.
        arms, methods, trainings: which runs, and the order of the columns; None for all there are.
        levels: of :func:`pylon.levels.levels`, added at the right.
        measure: "point", "iou" or "auroc".

    Returns: index "class"; the columns "area ours" and "area paper" come first where they are known.
    """
    chosen = ok(frame, arms)
    means = _means(chosen, measure, methods, trainings)
    names = setting_names(means)
    table = pd.DataFrame({f"{names[key]} ours": values for key, values in means.items()})
    classes = table.index[table.notna().any(axis=1) & ~table.index.isin([MACRO, WEIGHTED])]
    table = table.reindex([MACRO, WEIGHTED, *classes])
    if printed is not None:
        table = _beside(table, printed, names)
    if levels is not None:
        rows = table.index.map(lambda name: name if name in levels.index else None)
        if "area" in levels:
            table.insert(0, "area ours", levels["area"].reindex(rows).to_numpy())
        for column in (name for name in LEVELS if name in levels):
            table[column] = levels[column].reindex(rows).to_numpy()
    return table.rename_axis("class")


def seeds_table(
    frame: pd.DataFrame, arms: Arms = ("main", "others"), small: str = SMALL, measure: str = "point"
) -> pd.DataFrame:
    """Every seed: two rows a method, the macro average and the smallest class; then lowest to highest, and the sd."""
    rows = []
    columns = {"macro": f"{measure}_macro", small: f"{measure}/{small}"}
    for name, group in by_setting(ok(frame, arms)):
        for words, column in columns.items():
            seeds = by_seed(group, column)
            if len(seeds):
                row = {f"seed {seed}": value for seed, value in seeds.items()}
                deviation = seeds.std(ddof=1) if len(seeds) > 1 else np.nan
                epochs = group["epochs_run"].mean() if "epochs_run" in group else np.nan
                first = {"method": name, "of": words, "epochs": epochs, "mean": seeds.mean(), "sd": deviation}
                rows.append({**first, **row})
    columns_of = ["method", "of", "epochs", "mean", "sd"]
    table = pd.DataFrame(rows, columns=None if rows else columns_of)
    seeds_of = [name for name in table.columns if name not in columns_of]
    return table[[*columns_of, *sorted(seeds_of, key=lambda name: int(name.split()[1]))]]


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each arm was trained with, a row an arm, set and training."""
    frame = frame[~frame["method"].isin([*POST_HOC])]
    started = frame["source"].fillna("").ne("")
    groups = frame.assign(started=started).groupby(
        ["arm", "data", "phases", "started", "statistics"], sort=False
    )
    rows = []
    for (arm, data, phases, of_source, statistics), group in groups:
        one = group.iloc[0]
        stages = f"stages {int(one['train_from']) + 1} to 4" if one["train_from"] else "encoder"
        trained = "decoder" if phases == "decoder" else f"decoder and {stages}"
        row = {"arm": arm, "data": data, "side": int(one["side"]), "encoder": one["backbone"]}
        row["from"] = "the model of arm source" if of_source else f"{one['weights']} weights"
        row |= {"trained": trained, "phases": phases.count(",") + 1, "encoder's statistics": statistics}
        row |= {"width": int(one["width"]), "images": group["train_images"].max()}
        row |= {"epochs at most": int(one["epochs"]), "epochs run": group["epochs_run"].mean()}
        row |= {"converged": group["converged"].eq(True).mean(), "batch": int(one["batch_size"])}
        row |= {
            "rate": one["learning_rate"],
            "augmentation": one["policy"] or None,
            "masked pairs": int(one["masked"]),
        }
        row |= {"methods": group["method"].nunique(), "seeds": group["seed"].nunique(), "models": len(group)}
        rows.append({**row, "failed": int(group["status"].ne("ok").sum()), "mixed": bool(one["mixed"])})
    return pd.DataFrame(rows).astype({"images": "Int64"} if rows else {})


def masked_table(frame: pd.DataFrame, arms: Arms = ("main", "others")) -> pd.DataFrame:
    """Masked-out area, lower is better: means over seeds, and what it costs in passes of the network an image.

    Images that are negative before anything is masked are left out of the area and counted beside it, those that
    never flip have an area of 1 (the paper says neither). "In lockstep": all pairs go up one level at a time and leave
    at their flip; "all levels": a loop over every step of 0.5 % without a stop.
    """
    columns = {
        "masked_out_macro": "macro avg.",
        "masked_out_weighted": "weighted avg.",
        "masked_out_negative": "already negative",
        "masked_out_never": "never negative",
        "masked_out_passes": "passes, in lockstep",
        "masked_out_all_passes": "passes, all levels",
    }
    rows = []
    for name, group in by_setting(ok(frame, arms)):
        seeds = by_seed(group, "masked_out_negative")
        if len(seeds):
            means = {words: by_seed(group, column).mean() for column, words in columns.items()}
            rows.append({"method": name, "models": len(seeds), **means})
    table = pd.DataFrame(rows, columns=["method", "models", *columns.values()])
    return table.assign(factor=table["passes, all levels"] / table["passes, in lockstep"])


def by_set(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """AUROC or IoU of every set by class, a block a set: runs on different images have no common mean."""
    blocks = {
        words: _plain(table_by_class(frame, None, arms, measure=measure)).reset_index()
        for words, arms in SETS.items()
        if len(ok(frame, arms))
    }
    if not blocks:
        return pd.DataFrame()
    return pd.concat(blocks, names=["set", None]).reset_index(level="set").reset_index(drop=True)


def _means(
    frame: pd.DataFrame, measure: str, methods: Sequence[str] | None, trainings: Sequence[str] | None
) -> "dict[Setting, pd.Series[float]]":
    """Means over seeds, (method, training) → class → value."""
    found = {}
    prefix = f"{measure}/"
    columns = {f"{measure}_macro": MACRO, f"{measure}_weighted": WEIGHTED}
    columns |= {name: name.removeprefix(prefix) for name in frame if name.startswith(prefix)}
    columns = {name: words for name, words in columns.items() if name in frame}
    for method in methods if methods is not None else in_order(frame["method"]):
        own = frame[frame["method"].eq(method)]
        for training in trainings if trainings is not None else dict.fromkeys(own["training"]):
            group = own[own["training"].eq(training)]
            means = group.groupby("seed")[list(columns)].mean().mean().astype(float)
            if means.notna().any():
                found[method, training] = means.rename(columns)
    return found


def _beside(table: pd.DataFrame, printed: pd.DataFrame, names: Mapping[Setting, str]) -> pd.DataFrame:
    """Ours and the paper's in turn; rows by the class's name less case and punctuation."""
    known = {_plain_name(name): name for name in printed.index}
    places = {name: known.pop(_plain_name(name), None) for name in table.index}
    rows = [*places.values(), *known.values()]
    joined = table.reindex([*table.index, *known.values()])
    found = {"area paper": printed[AREA].reindex(rows).to_numpy()}
    for (method, training), name in names.items():
        found[f"{name} ours"] = joined[f"{name} ours"].to_numpy()
        paper = printed_name(method, training)
        if paper in printed:
            found[f"{name} paper"] = printed[paper].reindex(rows).to_numpy()
    return pd.DataFrame(found, index=joined.index)


def _plain_name(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns=lambda name: name.removesuffix(" ours"))
