"""Tables of the PYLON page, all made from the tidy frame of runs (:func:`pylon.frame.tidy`) or from their records.

Ours are means over seeds, of runs that ended well; folds of a cross-validation are averaged first, a value a seed.
What is printed stands beside; a class or method that only one of the two has is empty on the other side. Intervals
are Student's t over seeds, as in the paper. Nothing here needs a comparison to be there.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from papers_lib.sweep import Record
from pylon.baselines import BEST, CENTRE, PRIOR, baselines
from pylon.frame import (
    PART_ARMS,
    POST_HOC,
    SMALL,
    TRAININGS,
    Arms,
    Setting,
    Swept,
    by_seed,
    by_setting,
    hits_frame,
    in_order,
    interval,
    label,
    ok,
    printed_name,
    setting_names,
)
from pylon.measures import CAMS
from pylon.printed import AREA, MACRO, WEIGHTED

SETS: dict[str, Sequence[str]] = {
    "first": PART_ARMS,
    "larger images": ("large",),
    "small set": ("transfer",),
    "VOC's layout": ("voc",),
}
"""Comparisons that ran on the same images."""
BASELINES = ("chance", "prior", "image centre", "best fixed point", "ceiling, stride 32", "ceiling, stride 4")
FIRST = ("main", "others")
FAIR = ("cam", "fpn", "pylon")
PRINTED_PHASES = {"vindr": 3, "voc": 4}
"""The table in which the paper prints the trainings of a set."""
LONGER = "transfer, one phase, twice the epochs"  # comparison "budget"
MEASURES = {"point localization": "point_macro", "AUROC": "auroc_macro"}
INTERVAL = ("mean", "low", "high", "n", "sd")


def table_by_class(
    frame: pd.DataFrame,
    printed: pd.DataFrame | None = None,
    arms: Arms = "main",
    beside: pd.DataFrame | None = None,
    *,
    measure: str = "point",
) -> pd.DataFrame:
    """Tables 1 to 4: both averages and every class, "METHOD ours" beside "METHOD paper".

    Args:
        printed: of :func:`pylon.printed.printed_table`; its classes that ours lack are rows with the paper's values.
        beside: of :func:`pylon.baselines.baselines`, added at the right.
        measure: "point", "iou" or "auroc".

    Returns: index "class"; the columns "area ours" and "area paper" come first where they are known.
    """
    means = _means(ok(frame, arms), measure)
    names = setting_names(means)
    table = pd.DataFrame({f"{names[key]} ours": values for key, values in means.items()})
    classes = table.index[table.notna().any(axis=1) & ~table.index.isin([MACRO, WEIGHTED])]
    table = table.reindex([MACRO, WEIGHTED, *classes])
    if printed is not None:
        table = _beside(table, printed, names)
    if beside is not None:
        rows = table.index.map(lambda name: name if name in beside.index else None)
        table.insert(0, "area ours", beside["area"].reindex(rows).to_numpy())
        for column in (name for name in BASELINES if name in beside):
            table[column] = beside[column].reindex(rows).to_numpy()
    return table.rename_axis("class")


def _means(frame: pd.DataFrame, measure: str) -> "dict[Setting, pd.Series[float]]":
    """Means over seeds, (method, training) → class → value."""
    found = {}
    prefix = f"{measure}/"
    columns = {f"{measure}_macro": MACRO, f"{measure}_weighted": WEIGHTED}
    columns |= {name: name.removeprefix(prefix) for name in frame if name.startswith(prefix)}
    columns = {name: words for name, words in columns.items() if name in frame}
    for method in in_order(frame["method"]):
        for training, group in frame[frame["method"].eq(method)].groupby("training", sort=False):
            means = group.groupby("seed")[list(columns)].mean().mean().astype(float)
            if means.notna().any():
                found[method, str(training)] = means.rename(columns)
    return found


def _beside(table: pd.DataFrame, printed: pd.DataFrame, names: Mapping[Setting, str]) -> pd.DataFrame:
    """Ours and the paper's in turn; rows by the class's name less case and punctuation."""
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in printed.index}
    places = {name: plain.pop(re.sub(r"[^a-z]", "", name.lower()), None) for name in table.index}
    rows = [*places.values(), *plain.values()]
    joined = table.reindex([*table.index, *plain.values()])
    found = {"area paper": printed[AREA].reindex(rows).to_numpy()}
    for (method, training), name in names.items():
        found[f"{name} ours"] = joined[f"{name} ours"].to_numpy()
        paper = printed_name(method, training)
        if paper in printed:
            found[f"{name} paper"] = printed[paper].reindex(rows).to_numpy()
    return pd.DataFrame(found, index=joined.index)


def by_set(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """AUROC or IoU of every set by class, a block a set: runs on different images have no common mean."""
    blocks = []
    for words, arms in SETS.items():
        if len(ok(frame, arms)):
            block = table_by_class(frame, None, arms, measure=measure).reset_index()
            block.insert(0, "set", words)
            blocks.append(block.rename(columns=lambda name: name.removesuffix(" ours")))
    return pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame()


def seeds_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Every seed: two rows a method, the macro average and the smallest class; then epochs, mean and sd."""
    rows = []
    for name, group in by_setting(ok(frame, FIRST)):
        epochs = group["epochs_run"].mean() if "epochs_run" in group else np.nan
        for words, column in {"macro": "point_macro", SMALL: f"point/{SMALL}"}.items():
            seeds = by_seed(group, column).sort_index()
            if len(seeds):
                found = {"method": name, "of": words, "epochs": epochs, "mean": seeds.mean()}
                each = {f"seed {seed}": value for seed, value in seeds.items()}
                rows.append({**found, "sd": interval(seeds)["sd"], **each})
    return pd.DataFrame(rows, columns=None if rows else ["method", "of", "epochs", "mean", "sd"])


def setup_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each comparison was trained with, a row a comparison, set and training."""
    frame = frame[~frame["method"].isin([*POST_HOC])]
    started = frame["source"].fillna("").ne("")
    stages = "stages " + (frame["train_from"].fillna(0).astype(int) + 1).astype(str) + " to 4"
    late = "decoder and " + stages.where(frame["train_from"].ne(0), "encoder")
    frame = frame.assign(
        start=(frame["weights"] + " weights").mask(started, "the model of comparison source"),
        trained=late.mask(frame["phases"].eq("decoder"), "decoder"),
        count=frame["phases"].str.count(",") + 1,
        failed=frame["status"].ne("ok"),
        done=frame["converged"].eq(True),
    )
    one = {"comparison": "arm", "data": "data", "side": "side", "encoder": "backbone", "from": "start"}
    one |= {"trained": "trained", "phases": "count", "encoder's statistics": "statistics", "width": "width"}
    one |= {"epochs at most": "epochs", "batch": "batch_size", "rate": "learning_rate"}
    one |= {"augmentation": "policy", "masked pairs": "masked", "mixed": "mixed"}
    more = {
        "images": ("train_images", "max"),
        "epochs run": ("epochs_run", "mean"),
        "converged": ("done", "mean"),
    }
    more |= {"methods": ("method", "nunique"), "seeds": ("seed", "nunique"), "models": ("seed", "size")}
    groups = frame.groupby(["arm", "data", "phases", "start", "statistics"], sort=False)
    columns = {name: (column, "first") for name, column in one.items()}
    table = groups.agg(**columns, **more, failed=("failed", "sum")).reset_index(drop=True)
    whole = ("side", "phases", "width", "images", "epochs at most", "batch", "masked pairs", "failed")
    return table.astype(dict.fromkeys(whole, "Int64")).replace({"augmentation": {"": None}})


def masked_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Masked-out area, lower is better: means over seeds, and what it costs in passes of the network an image.

    Images that are negative before anything is masked are left out of the area and counted beside it, those that
    never flip have an area of 1 (the paper says neither). "In lockstep": all pairs go up one step at a time and leave
    at their flip; "all levels": a loop over every step of 0.5 % without a stop.
    """
    columns = {"macro": "macro avg.", "weighted": "weighted avg.", "negative": "already negative"}
    columns |= {
        "never": "never negative",
        "passes": "passes, in lockstep",
        "all_passes": "passes, all levels",
    }
    rows = []
    for name, group in by_setting(ok(frame, FIRST)):
        seeds = by_seed(group, "masked_out_negative")
        means = {words: by_seed(group, f"masked_out_{key}").mean() for key, words in columns.items()}
        rows += [{"method": name, "models": len(seeds), **means}] if len(seeds) else []
    table = pd.DataFrame(rows, columns=["method", "models", *columns.values()])
    return table.assign(factor=table["passes, all levels"] / table["passes, in lockstep"])


def ablation_table(frame: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """A row a model of an ablation: our mean with its interval, n and sd over seeds, and what is printed.

    Models that were not trained have n = 0. Args: printed, of :func:`pylon.printed.ablations`.
    """
    chosen = ok(frame, PART_ARMS)
    rows = []
    for row in printed.to_dict("records"):
        own = by_seed(chosen[chosen["method"].eq(row["method"])], MEASURES[row["measure"]])
        paper = {name: row[name] for name in ("paper", "paper sd", "paper says")}
        rows.append({"part": row["part"], "model": label(row["method"]), **interval(own), **paper})
    return pd.DataFrame(rows)


def phases_table(frame: pd.DataFrame, printed: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Macro point localization by set, method and training, and what two phases gain over one from the same start.

    The paper gives two phases to PYLON alone; here FPN and the baseline have them too. The gain is the mean difference
    of the same seed, with its paired interval; its "paper" is the difference of two printed macro averages. Rows
    ``LONGER`` have as many epochs in one phase as the others in two.
    """
    rows = []
    own = ok(frame, ("transfer", "voc", "budget"))
    keys = ["data", "method", own["training"].mask(own["arm"].eq("budget"), LONGER)]
    found = {key: by_seed(group, "point_macro") for key, group in own.groupby(keys)}
    for data, number in PRINTED_PHASES.items():
        for method in FAIR:
            for training, words in {**TRAININGS, LONGER: LONGER}.items():
                seeds = found.get((data, method, training), pd.Series(dtype=float))
                one = training.removesuffix("_moving").replace("two_phase", "one_phase")
                names = (printed_name(method, name) if name != LONGER else "" for name in (training, one))
                paper, before = (printed[number].loc[MACRO].get(name, np.nan) for name in names)
                row = {"data": data, "method": label(method), "training": words, "paper": paper}
                row |= interval(seeds)
                if one != training and len(seeds):
                    gained = interval((seeds - found.get((data, method, one), np.nan * seeds)).dropna())
                    row |= {"gain": gained["mean"], "gain low": gained["low"], "gain high": gained["high"]}
                    row["paper gain"] = paper - before
                rows += [row] if len(seeds) else []
    gains = ("gain", "gain low", "gain high", "paper gain")
    return pd.DataFrame(rows, columns=["data", "method", "training", *INTERVAL, "paper", *gains])


def backbones_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Macro point localization and AUROC by encoder and method, of the comparisons "main" and "backbone"."""
    chosen = ok(frame, ("main", "backbone"))
    rows = []
    for keys, group in chosen[chosen["method"].isin(FAIR)].groupby(["backbone", "method"], sort=False):
        names = {"encoder": keys[0], "method": label(keys[1])}
        auroc = {"AUROC": by_seed(group, "auroc_macro").mean()}
        rows.append({**names, **interval(by_seed(group, "point_macro")), **auroc})
    return pd.DataFrame(rows, columns=["encoder", "method", *INTERVAL, "AUROC"])


def shares_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a size and method: stride, hits in the smallest class, its share of the ceiling with an interval."""
    rows = []
    for words, arms in {"first": FIRST, "larger images": ("large",)}.items():
        for name, group in by_setting(ok(frame, arms)):
            found = by_seed(group, "nodule_share")
            if len(found):
                hits = by_seed(group, f"point/{SMALL}").mean()
                row = {"images": words, "method": name, "stride": group["stride"].iloc[0], "hits": hits}
                rows.append({**row, **interval(found)})
    columns = ["images", "method", "stride", "hits", *INTERVAL]
    return pd.DataFrame(rows, columns=columns).rename(columns={"mean": "share of the ceiling"})


def border_table(records: Iterable[Record]) -> pd.DataFrame:
    """A row a method: share of the kept maps, all classes, whose hottest cell lies on the border; and of all cells."""
    rows = []
    for record in records:
        arrays = record.arrays() if record.status == "ok" and record.config.arm in PART_ARMS else {}
        if "shown_maps" in arrays:
            maps = arrays["shown_maps"].astype(np.float32)
            border = np.pad(np.zeros(np.maximum(np.array(maps.shape[-2:]) - 2, 0)), 1, constant_values=1)
            hottest = border.ravel()[maps.reshape(-1, border.size).argmax(1)]
            rows.append((record.config.method, hottest.mean(), border.mean()))
    found = pd.DataFrame(rows, columns=["method", "hottest cell on the border", "cells on the border"])
    groups = found.groupby("method", sort=False)
    table = groups.mean().assign(models=groups.size()).reindex(in_order(found["method"])).reset_index()
    return table.assign(method=table["method"].map(label)) if rows else pd.DataFrame()


def pooled_folds(swept: Swept) -> pd.DataFrame:
    """A cross-validation read as one test: a row a method, training and seed whose folds all ended well.

    The hits of all folds are joined, so that every boxed image is tested once: where boxes are few, a mean of folds
    would weigh a fold of three boxes of a class like one of thirty.

    Raises: ValueError if two folds tested the same image: they are not of one cross-validation.
    """
    configs = [one.config for one in swept.records if one.status == "ok" and one.config.fold >= 0]
    done = Counter((one.method, one.training(), one.seed) for one in configs if one.arm == "main")
    hits = hits_frame(swept, ("main",))
    rows = []
    for (method, training, seed), own in hits[hits["fold"] >= 0].groupby(["method", "training", "seed"]):
        if done["cam" if method in CAMS else method, training, seed] == configs[0].folds:
            if own.duplicated(["row", "class"]).any():
                raise ValueError(f"{method} {training} seed {seed}: folds that share test images")
            each = own.groupby("class")["hit"].mean().rename(lambda k: f"point/{swept.images.classes[k]}")
            shared = {"arm": "main", "status": "ok", "method": method, "training": training, "seed": seed}
            rows.append({**shared, "point_macro": each.mean(), "point_weighted": own["hit"].mean(), **each})
    return pd.DataFrame(rows, columns=None if rows else ["arm", "status", "method", "training", "seed"])


def folds_table(swept: Swept) -> pd.DataFrame:
    """Point localization by class over all boxes, means over seeds, beside the baselines of the same boxes."""
    bounds = baselines(swept.images, swept.side, part=None)
    table = table_by_class(pooled_folds(swept), beside=bounds)
    table.insert(0, "images", bounds["images"].reindex(table.index))
    return table


def folds_verdict(table: pd.DataFrame) -> str:
    """What a table of :func:`folds_table` says of the methods, beside the priors that never look at the image."""
    macro = table.loc[MACRO].drop("area ours")
    ours = {name.removesuffix(" ours"): macro[name] for name in macro.index if name.endswith(" ours")}
    priors = {name: float(macro[name]) for name in (PRIOR, CENTRE, BEST)}
    best = max(ours, key=lambda name: ours[name])
    said = ", ".join(f"{name} {value:.2f}" for name, value in priors.items())
    words = f"The best method, {best}, points into {ours[best]:.2f} of the boxes, mean over classes; without a model: "
    if ours[best] > max(priors.values()):
        return f"{words}{said}."
    return (
        f"{words}{said}. A prior that never looks at the image does as well or better, so these images teach nothing "
        "about the methods."
    )


def scalars(frame: pd.DataFrame, records: Iterable[Record] = ()) -> dict[str, float]:
    """The numbers that claims and prose name; NaN without their runs.

    Returns:
        nodule_share_METHOD: mean over seeds of what the map's stride allows, for CAM, FPN and PYLON.
        sd_ratio_pan: standard deviation over seeds of the macro point localization, PAN over PAN without pools.
        gradcam_points_apart: pairs of image and class, over all runs of the baseline, in which CAM and Grad-CAM
            point at different pixels.
    """
    chosen = ok(frame, PART_ARMS)
    of = dict(iter(chosen.groupby("method")))
    share, spread = (
        {name: by_seed(of.get(name, chosen[:0]), column) for name in names}
        for column, names in (("nodule_share", FAIR), ("point_macro", ("pan", "pan_no_gap")))
    )
    found = {f"nodule_share_{name}": float(values.mean()) for name, values in share.items()}
    found["sd_ratio_pan"] = interval(spread["pan"])["sd"] / (interval(spread["pan_no_gap"])["sd"] or np.nan)
    arrays = [one.arrays() for one in records if one.config.method.startswith("cam") and one.status == "ok"]
    apart = [float(one["grad_cam.points_apart"]) for one in arrays if "grad_cam.points_apart" in one]
    return {**found, "gradcam_points_apart": sum(apart) if apart else np.nan}
