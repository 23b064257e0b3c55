"""Tables of the PYLON page, all made from the tidy frame of runs (:func:`pylon.frame.tidy`) or from their records.

Ours are means over seeds, of runs that ended well; folds of a cross-validation are averaged first, a value a seed.
Intervals are Student's t over seeds, as in the paper. Nothing here needs a comparison to be there.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd

from papers_lib.sweep import Record
from pylon.baselines import BEST, CENTRE, CHANCE, PRIOR, baselines
from pylon.frame import (
    PART_ARMS,
    POST_HOC,
    SMALL,
    TRAININGS,
    Arms,
    Swept,
    by_seed,
    by_setting,
    in_order,
    interval,
    label,
    ok,
    printed_name,
    setting_names,
)
from pylon.measures import CAMS
from pylon.printed import AREA, MACRO, WEIGHTED

# Comparisons that ran on the same images.
SETS = {"first": PART_ARMS, "larger images": "large", "small set": "transfer", "VOC's layout": "voc"}
BASELINES = (CHANCE, PRIOR, CENTRE, BEST, "ceiling, stride 32", "ceiling, stride 4")
FIRST = ("main", "others")
FAIR = ("cam", "fpn", "pylon")
PRINTED_PHASES = {"vindr": 3, "voc": 4}  # the table in which the paper prints the trainings of a set
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

    Args: printed, of :func:`pylon.printed.printed_table`; its classes that ours lack are rows with the paper's values.
    beside, of :func:`pylon.baselines.baselines`, at the right. measure: "point", "iou" or "auroc".
    """
    ours = _means(ok(frame, arms), measure)
    rows = [MACRO, WEIGHTED, *(name for name in ours.index if name not in (MACRO, WEIGHTED))]
    theirs = pd.DataFrame()
    if printed is not None:
        known = {*map(_plain, rows)}
        rows += [name for name in printed.index if _plain(name) not in known]
        theirs = printed.set_axis([*map(_plain, printed.index)]).reindex([*map(_plain, rows)]).set_axis(rows)
    found = {"area paper": theirs[AREA]} if AREA in theirs else {}
    for key, name in setting_names(ours.columns).items():
        found[f"{name} ours"] = ours[key].reindex(rows)
        if (paper := printed_name(*key)) in theirs:
            found[f"{name} paper"] = theirs[paper]
    table = pd.DataFrame(found, index=rows)
    if beside is not None:
        table = table.join(beside.reindex(rows)[[*BASELINES]])
    return table.rename_axis("class")


def _plain(name: str) -> str:
    """A class's name less case and punctuation, by which ours and the paper's are matched."""
    return re.sub(r"[^a-z]", "", name.lower())


def _means(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Means over seeds: a row a class, a column a (method, training)."""
    columns = {f"{measure}_macro": MACRO, f"{measure}_weighted": WEIGHTED}
    columns |= {name: name.partition("/")[2] for name in frame if name.startswith(f"{measure}/")}
    columns = {name: words for name, words in columns.items() if name in frame}
    seeds = frame.groupby(["method", "training", "seed"], sort=False)[[*columns]].mean()
    means = seeds.groupby(["method", "training"], sort=False).mean().dropna(how="all")
    return means.loc[in_order(means.index)].T.rename(columns).dropna(how="all")


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
    for name, group in by_setting(ok(frame, FIRST)).items():
        for words, column in {"macro": "point_macro", SMALL: f"point/{SMALL}"}.items():
            seeds = by_seed(group, column).sort_index()
            if len(seeds):
                found = {"method": name, "of": words, "epochs": group["epochs_run"].mean()}
                found |= {"mean": seeds.mean(), "sd": seeds.std()}
                rows.append({**found, **seeds.add_prefix("seed ")})
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
    )
    one = {"comparison": "arm", "data": "data", "side": "side", "encoder": "backbone", "from": "start"}
    one |= {"trained": "trained", "phases": "count", "encoder's statistics": "statistics", "width": "width"}
    one |= {"epochs at most": "epochs", "batch": "batch_size", "rate": "learning_rate"}
    more = {"images": ("train_images", "max"), "epochs run": ("epochs_run", "mean")}
    more |= {"models": ("seed", "size"), "failed": ("failed", "sum")}
    groups = frame.groupby(["arm", "data", "phases", "start", "statistics"], sort=False)
    columns = {name: (column, "first") for name, column in one.items()}
    table = groups.agg(**columns, **more).reset_index(drop=True)
    whole = ("side", "phases", "width", "images", "epochs at most", "batch", "failed")
    return table.astype(dict.fromkeys(whole, "Int64"))


def masked_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Masked-out area, lower is better: means over seeds, and what it costs in passes of the network an image.

    Images that are negative from the start are left out and counted, those that never flip have an area of 1. "In
    lockstep": all pairs go up one step at a time and leave at their flip; "all levels": every step of 0.5 %.
    """
    columns = {"macro avg.": "macro", "weighted avg.": "weighted", "already negative": "negative"}
    columns |= {"never negative": "never", "passes, in lockstep": "passes"}
    columns |= {"passes, all levels": "all_passes"}
    rows = []
    for name, group in by_setting(ok(frame, FIRST)).items():
        if models := len(by_seed(group, "masked_out_negative")):
            means = {words: by_seed(group, f"masked_out_{key}").mean() for words, key in columns.items()}
            rows.append({"method": name, "models": models, **means})
    return pd.DataFrame(rows, columns=["method", "models", *columns])


def ablation_table(frame: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """A row a model of an ablation: our mean with its interval, n and sd over seeds, and what is printed."""
    chosen = ok(frame, PART_ARMS)
    rows = []
    for row in printed.to_dict("records"):
        own = by_seed(chosen[chosen["method"].eq(row["method"])], MEASURES[row["measure"]])
        paper = {name: row[name] for name in ("paper", "paper sd", "paper says")}
        rows.append({"part": row["part"], "model": label(row["method"]), **interval(own), **paper})
    return pd.DataFrame(rows)


def phases_table(frame: pd.DataFrame, printed: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Macro point localization by set, method and training, and what two phases gain over one from the same start.

    The gain is the mean difference of the same seed, with its paired interval; its "paper" is the difference of two
    printed macro averages. Rows ``LONGER`` have as many epochs in one phase as the others in two.
    """
    rows = []
    own = ok(frame, ("transfer", "voc", "budget"))
    keys = ["data", "method", own["training"].mask(own["arm"].eq("budget"), LONGER)]
    found = {key: by_seed(group, "point_macro") for key, group in own.groupby(keys)}
    names = {**TRAININGS, LONGER: LONGER}
    for data, method, training in product(PRINTED_PHASES, FAIR, names):
        if (data, method, training) in found:
            seeds, macro = found[data, method, training], printed[PRINTED_PHASES[data]].loc[MACRO]
            one = training.removesuffix("_moving").replace("two_phase", "one_phase")
            paper = np.nan if training == LONGER else macro.get(printed_name(method, training), np.nan)
            row = {"data": data, "method": label(method), "training": names[training], "paper": paper}
            row |= interval(seeds)
            if one != training and (data, method, one) in found:
                gain = interval((seeds - found[data, method, one]).dropna())
                row |= {"gain": gain["mean"], "gain low": gain["low"], "gain high": gain["high"]}
                row["paper gain"] = paper - macro.get(printed_name(method, one), np.nan)
            rows.append(row)
    gains = ("gain", "gain low", "gain high", "paper gain")
    return pd.DataFrame(rows, columns=["data", "method", "training", *INTERVAL, "paper", *gains])


def backbones_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Macro point localization and AUROC by encoder and method, of the comparisons "main" and "backbone"."""
    chosen = ok(frame, ("main", "backbone"))
    rows = []
    for keys, group in chosen[chosen["method"].isin(FAIR)].groupby(["backbone", "method"], sort=False):
        auroc = by_seed(group, "auroc_macro").mean()
        rows.append([keys[0], label(keys[1]), *interval(by_seed(group, "point_macro")).values(), auroc])
    return pd.DataFrame(rows, columns=["encoder", "method", *INTERVAL, "AUROC"])


def shares_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a size and method: stride, hits in the smallest class, its share of the ceiling with an interval."""
    rows = []
    for words, arms in {"first": FIRST, "larger images": ("large",)}.items():
        for name, group in by_setting(ok(frame, arms)).items():
            if len(found := by_seed(group, "nodule_share")):
                hits = by_seed(group, f"point/{SMALL}").mean()
                row = {"images": words, "method": name, "stride": group["stride"].iloc[0], "hits": hits}
                rows.append({**row, **interval(found)})
    columns = ["images", "method", "stride", "hits", *INTERVAL]
    return pd.DataFrame(rows, columns=columns).rename(columns={"mean": "share of the ceiling"})


def pooled_folds(swept: Swept) -> pd.DataFrame:
    """A cross-validation read as one test: a row a method, training and seed whose folds all ended well.

    Their hits are joined, since a mean of folds would weigh one of three boxes of a class like one of thirty.
    """
    parts: dict[tuple[str, str, int], list[pd.DataFrame]] = defaultdict(list)
    folds = 0
    for record in swept.records:
        config, arrays = record.config, record.arrays() if record.status == "ok" else {}
        for prefix, method in (("", config.method), *((f"{cam}.", cam) for cam in CAMS)):
            if f"{prefix}hits" in arrays and config.fold >= 0 and config.arm == "main":
                pairs = pd.DataFrame(arrays["pairs"], columns=["row", "class"])
                pairs["hit"] = arrays[f"{prefix}hits"].astype(bool)
                parts[method, config.training(), config.seed].append(pairs)
                folds = config.folds
    rows = []
    for (method, training, seed), some in sorted(parts.items(), key=lambda one: one[0]):
        if len(some) == folds:
            own = pd.concat(some)
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
    macro = table.loc[MACRO]
    ours = macro.filter(like=" ours").astype(float)
    priors = macro[[PRIOR, CENTRE, BEST]]
    best, said = ours.idxmax(), ", ".join(f"{name} {value:.2f}" for name, value in priors.items())
    words = f"The best method, {best.removesuffix(' ours')}, points into {ours[best]:.2f} of the boxes, mean over "
    words += f"classes; without a model: {said}."
    worse = "A prior that never looks at the image does as well or better: these images teach nothing of the methods."
    return words if ours[best] > priors.max() else f"{words} {worse}"


def scalars(frame: pd.DataFrame, records: Iterable[Record] = ()) -> dict[str, float]:
    """The numbers that claims and prose name; NaN without their runs.

    nodule_share_METHOD: share of what the map's stride allows; sd_ratio_pan: standard deviation over seeds, PAN over
    PAN without pools; gradcam_points_apart: pairs, over all runs, in which CAM and Grad-CAM point at different pixels.
    """
    chosen = ok(frame, PART_ARMS)
    of = {name: chosen[chosen["method"].eq(name)] for name in (*FAIR, "pan", "pan_no_gap")}
    found = {f"nodule_share_{name}": float(by_seed(of[name], "nodule_share").mean()) for name in FAIR}
    pan, without = (float(by_seed(of[name], "point_macro").std()) for name in ("pan", "pan_no_gap"))
    found["sd_ratio_pan"] = pan / (without or np.nan)
    arrays = [one.arrays() for one in records if one.config.method.startswith("cam") and one.status == "ok"]
    apart = [float(one["grad_cam.points_apart"]) for one in arrays if "grad_cam.points_apart" in one]
    return {**found, "gradcam_points_apart": sum(apart) if apart else np.nan}
