"""Figures of the Sibnet page; all return None where no run of what they show ended well.

Images: a fixed rule, class after class the first test image with the label and a box of the class, never by looks.
Maps are shown as ``cams.display_map`` has them: ReLU, divided by the maximum, enlarged.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from papers_lib.cams import display_map
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.localization import point_hits
from papers_lib.plots import INK, PALETTE, colours, line_style, map_grid
from papers_lib.stats import UndefinedStatistic, student_t
from papers_lib.sweep import Record
from sibnet_calibration.calibration import CALIBRATORS, HUES, NONE, WORDS
from sibnet_calibration.data import Opened
from sibnet_calibration.grid import Swept, name
from sibnet_calibration.tables import ok

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACKBONES = {"densenet121": "DenseNet-121", "resnet101": "ResNet-101", "vgg19": "VGG-19"}
BACKBONES |= {f"efficientnet_lite{size}": f"EfficientNet-Lite{size}" for size in (0, 2)}
TINTS = {"bce": "baseline", "focal": "variant", "auc_pesg": "proposed", "auc_adam": "second variant"}
TINTS |= {"cd_two_stage": "proposed", "sc_two_stage": "variant", "cd_sc_two_stage": "second variant"}
"""Settings that keep their colour wherever it is free; so does "wbce" as the baseline where "bce" is not beside it."""
PANELS = {"auroc_macro": "AUROC ↑", "distinctiveness": "distinctiveness ↓"}
PANELS |= {"coherence": "coherence ↓", "point_macro": "pointing ↑"}
"""Metrics of the saliency comparisons; the arrow shows what is better."""
SWEEPS = {"distinct": ("cd_two_stage", "λ1, class distinctiveness")}
SWEEPS |= {"coherent": ("sc_two_stage", "λ2, spatial coherence")}
"""Fields of a run that the comparison "weights" varies: the setting, and the axis's words."""
GREY, POINT = PALETTE["reference"], "#56B4E9"  # sky blue, which the heat has not
Panel = tuple[tuple[int, int] | None, str, np.ndarray | None]
"""(place among the test images, class) or nothing, a title, and a raw map (h, w) or None."""


def tints(settings: Sequence[str]) -> dict[str, str]:
    """A colour for each setting, its own one if no setting before it has that."""
    first = {TINTS[setting]: setting for setting in reversed(settings) if setting in TINTS}
    known = {setting: PALETTE[role] for role, setting in first.items()}
    return colours(settings, {**({} if "bce" in settings else {"wbce": PALETTE["baseline"]}), **known})


def roc_figure(swept: Swept, settings: Sequence[str], a_line: int = 3) -> "Figure | None":
    """Figure 4.1: a panel a label, a line a setting (seed 0) with its AUROC; dashed grey: P(y | x), where known.

    Of the test part; labels of which it has one kind only are left out. Dotted: chance.
    """
    import matplotlib.pyplot as plt
    from sklearn.metrics import roc_curve

    found, test = swept.of_seed(settings, ("losses",)), swept.opened.images.images.part("test")
    shown = [k for k in range(len(test.classes)) if 0 < test.labels[:, k].sum() < len(test)]
    if not found or not shown:
        return None
    hues, truth = tints(list(found)), swept.opened.images.truth[swept.opened.images.images.split == "test"]
    drawn = [(name(one), record.arrays()["test_logits"], hues[one]) for one, record in found.items()]
    drawn += [] if np.isnan(truth).any() else [("P(y | x) itself", truth, GREY)]
    lines = -(-len(shown) // a_line)
    how: dict[str, Any] = {"sharex": True, "sharey": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(lines, a_line, figsize=(2.25 * a_line, 2.3 * lines + 0.5), **how)
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis, k in zip(axes.flat, shown, strict=False):
        axis.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":")
        for place, (_, scores, hue) in enumerate(drawn):
            area = auroc(torch.from_numpy(scores[:, [k]]), torch.from_numpy(test.labels[:, [k]])).macro
            x, y, _ = roc_curve(test.labels[:, k], scores[:, k])
            axis.plot(x, y, label=f"{area:.3f}", color=hue, lw=1.4, ls=line_style(place))
        axis.set_title(test.classes[k])
        axis.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
        axis.tick_params(labelbottom=True)
        axis.legend(
            title="AUROC", loc="lower right", fontsize=8.5, title_fontsize=8.5, frameon=False, handlelength=1
        )
    handles = axes[0, 0].get_lines()[1:]
    figure.legend(handles, [words for words, *_ in drawn], loc="outside upper left", ncols=3, fontsize=9)
    figure.supxlabel("false positive rate", fontsize=9.5, color=INK)
    figure.supylabel("true positive rate", fontsize=9.5, color=INK)
    return figure


def curves_of(record: Record) -> dict[str, np.ndarray]:
    """A run's values by epoch; "loss" is that on the labels alone, where the saliency terms were added to it."""
    arrays = record.arrays()
    found = dict(zip(map(str, arrays["curve_names"]), arrays["curves"].T, strict=True))
    alone = found.get("label_loss", np.full(len(arrays["curves"]), np.nan))
    return found | {"loss": np.where(np.isnan(alone), found["loss"], alone)}


def curves_figure(swept: Swept, settings: Sequence[str]) -> "Figure | None":
    """Figure 4.2: training loss on the labels, and cross entropy and mean AUROC of the calibration part, by epoch.

    Thin: a seed; thick: their mean; dotted: the second stage begins. Training losses have unlike scales.
    """
    import matplotlib.pyplot as plt

    every = {one: swept.models(one, ("losses", "saliency")) for one in settings}
    found = {one: list(map(curves_of, records)) for one, records in every.items() if records}
    if not found:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharex=True, layout="constrained")
    words = {"loss": "training loss", "val_loss": "validation cross entropy", "val_auroc": "validation AUROC"}
    hues, drawn = tints(list(found)), [curve for own in found.values() for curve in own]
    starts = {float(epoch) + 1.5 for curve in drawn for epoch in np.flatnonzero(np.diff(curve["stage"]))}
    for axis, (column, title) in zip(axes, words.items(), strict=True):
        for place, (setting, own) in enumerate(found.items()):
            _bundle(axis, [curve[column] for curve in own], hues[setting], name(setting), place)
        for start in sorted(starts):
            axis.axvline(start, color=GREY, lw=0.9, ls=":", zorder=0)
        axis.set_title(title)
    handles, labels = axes[0].get_legend_handles_labels()
    columns = 3 if max(map(len, labels)) < 33 else 2  # letters that leave room for a third column
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, fontsize=9)
    return figure


def rates_figure(swept: Swept, by: str) -> "Figure | None":
    """Figures 4.3 and 4.4: mean AUROC of the calibration part by epoch; thin: a seed; thick: the mean of a rate.

    Args: by, "learning_rate" or "dropout"; the other is fixed to the value that was trained with most of them.
    Returns: None with fewer than two rates.
    """
    import matplotlib.pyplot as plt

    other = "dropout" if by == "learning_rate" else "learning_rate"
    own = [record for record in swept.records if record.config.arm == "rates"]
    trained = {(getattr(record.config, other), getattr(record.config, by)) for record in own}
    fixed = pd.Series([value for value, _ in trained], dtype=float).mode()
    own = [record for record in own if getattr(record.config, other) == fixed[0]]
    rates = sorted({getattr(record.config, by) for record in own})
    if len(rates) < 2:
        return None
    hues = colours([str(rate) for rate in rates])
    figure, axis = plt.subplots(figsize=(5.6, 3.3), layout="constrained")
    for place, rate in enumerate(rates):
        records = [record for record in own if getattr(record.config, by) == rate]
        ended = [curves_of(record)["val_auroc"] for record in records if record.status == "ok"]
        lost = len(records) - len(ended)
        failed = f" ({lost} of {len(records)} failed)" if lost else ""
        _bundle(axis, ended, hues[str(rate)], f"{rate:g}{failed}", place)
    axis.set_ylabel("validation AUROC")
    axis.legend(title=by.replace("_", " "), loc="best", fontsize=9, title_fontsize=9)
    return figure


def _bundle(axis: "Axes", lines: Sequence[np.ndarray], hue: str, words: str, place: int) -> None:
    """Seeds thin, their mean thick and dashed by the ``place`` in the legend, over epochs counted from 1."""
    from matplotlib.ticker import MaxNLocator

    for line in lines:
        axis.plot(range(1, len(line) + 1), line, color=hue, lw=0.5)
    mean = pd.DataFrame(list(map(pd.Series, lines)), dtype=float).mean().to_numpy()
    axis.plot(np.arange(len(mean)) + 1, mean, color=hue, lw=2.2, ls=line_style(place), label=words)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axis.set_xlabel("epoch")


def by_setting(swept: Swept, settings: Sequence[str], arm: str) -> dict[str, Record]:
    """Name and record of the run of each setting that there is, of seed 0."""
    return {name(setting): record for setting, record in swept.of_seed(settings, (arm,)).items()}


def by_backbone(swept: Swept) -> dict[str, Record]:
    """Figure 4.5: cross entropy's runs of seed 0, by encoder and its weights."""
    found: dict[str, Record] = {}
    for record in swept.records:
        config = record.config
        wanted = (config.setting(), config.seed, record.status) == ("bce", 0, "ok")
        if wanted and config.arm in ("losses", "backbones"):
            title = BACKBONES.get(config.backbone, config.backbone)
            found.setdefault(title + ", random weights" * (config.weights == "random"), record)
    return found


def example_pairs(opened: Opened, kept: int | None = None) -> list[tuple[int, int]]:
    """(place among the test images, class): of each class in turn the first with its label and a box, not taken yet.

    Of a class without boxes in the set, as all of real CheXpert's, the first with its label. In synthetic data a
    finding has its box whether or not the label, which is drawn from P(y | x), came out as present: hence both are
    asked for. A class without such an image is left out. Args: kept, only among so many first test images.
    """
    test, found = opened.images.images.part("test"), dict[int, int]()
    for k in range(len(test.classes)):
        boxed = np.array([bool((kinds == k).any()) for kinds in test.box_classes], bool)
        shows = np.flatnonzero(test.labels[:, k] & (boxed if boxed.any() else True))
        row = next((int(row) for row in shows if row not in found and row < (kept or len(test))), None)
        found |= {} if row is None else {row: k}
    return list(found.items())


def examples_figure(opened: Opened) -> "Figure | None":
    """A test image of each class with its boxes of the class, its label and P(y | x) where that is known."""
    return _images(opened, [(pair, _about(opened, pair), None) for pair in example_pairs(opened)], 3)


def saliency_figure(swept: Swept, models: dict[str, Record]) -> "Figure | None":
    """Figures 4.5 and 4.6, or Table 4.1's models: two inputs, each with every model's map of its class over it.

    White: boxes of the class. The hottest pixel has a ring inside a box of the class, a cross outside of all (or
    without any). p is the model's probability of the class. A model without maps is left out.
    """
    found = {title: arrays for title, record in models.items() if "maps" in (arrays := record.arrays())}
    kept = min((len(arrays["maps"]) for arrays in found.values()), default=0)
    count = len(found) + 1
    columns = -(-count // -(-count // 4))
    panels: list[Panel] = []
    for row, k in example_pairs(swept.opened, kept)[:2] if kept else []:
        panels.append(((row, k), _about(swept.opened, (row, k)), None))
        for title, arrays in found.items():
            about = f"{fill(title, 17)}\np = {1 / (1 + np.exp(-float(arrays['test_logits'][row, k]))):.2f}"
            panels.append(((row, k), about, arrays["maps"][row, k].astype(np.float32)))
        panels += [(None, "", None)] * (-count % columns)
    return _images(swept.opened, panels, columns)


def _about(opened: Opened, pair: tuple[int, int]) -> str:
    row, k = pair
    test, truth = opened.images.images.part("test"), opened.images.truth[opened.images.images.split == "test"]
    known = "" if np.isnan(truth[row, k]) else f"\nP(y|x) = {truth[row, k]:.2f}"
    return f"{fill(test.classes[k].replace('_', ' '), 17)}\nlabel {int(test.labels[row, k])}{known}"


def _images(opened: Opened, panels: Sequence[Panel], columns: int) -> "Figure | None":
    """Images with the boxes of a class, some under a map; None where there is none."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    if not panels:
        return None
    test, rows = opened.images.images.part("test"), np.flatnonzero(opened.images.images.split == "test")
    size = opened.images.pixels.shape[1:]
    empty = np.full(size, np.nan)
    grey = [
        empty if pair is None else opened.images.pixels[rows[pair[0]]].astype(float) for pair, *_ in panels
    ]
    alive = [raw is not None and np.isfinite(raw).all() and raw.max() > 0 for *_, raw in panels]
    heat = [
        display_map(torch.from_numpy(raw), size).numpy() if good and raw is not None else empty
        for good, (*_, raw) in zip(alive, panels, strict=True)
    ]
    maps = heat if any(raw is not None for *_, raw in panels) else None
    about: dict[str, Any] = {"limits": (0.0, 1.0), "label": "share of the map's maximum"}
    figure = map_grid(grey, maps, [title for _, title, _ in panels], columns, **about)
    for axis, (pair, _, raw), good in zip(figure.axes, panels, alive, strict=False):
        if pair is None:
            continue
        boxes = test.of_class(pair[1], (size[0], size[1]))[pair[0]]
        for x_min, y_min, x_max, y_max in boxes.tolist():
            frame = Rectangle((x_min, y_min), x_max - x_min, y_max - y_min, fill=False, ec="white", lw=1.1)
            frame.set_path_effects([Stroke(linewidth=2.2, foreground="black"), Normal()])
            axis.add_patch(frame)
        if raw is not None and not good:
            words: dict[str, Any] = {
                "xycoords": "axes fraction",
                "ha": "center",
                "fontsize": 8,
                "color": "white",
            }
            axis.annotate("no positive\nvalue", (0.5, 0.5), **words)
        if raw is not None and good:
            hit = point_hits(torch.from_numpy(raw)[None], [boxes], (size[0], size[1]))
            mark, (x, y) = "o" if bool(hit.hit[0]) else "x", hit.point[0].tolist()
            for colour, edge in (("black", 3.0), (POINT, 1.6)) if x >= 0 else ():
                axis.plot(x, y, mark, ms=7, mfc="none", mec=colour, mew=edge, zorder=4, clip_on=False)
    return figure


def weights_figure(frame: pd.DataFrame) -> "Figure | None":
    """Metrics of the modified pipeline by λ1 (left) and λ2 (right): a dot a seed, a line through the means.

    Runs of "weights" and "saliency" of equal epochs. Dashed, in the grey range of its seeds: weighted cross entropy for
    as many epochs, both weights 0.
    """
    import seaborn as sns

    own = ok(frame, ("weights", "saliency"))
    own = own[own["calibrator"].eq(NONE)]
    varied = own[own["arm"].eq("weights")]
    own = own[own["epochs"].isin(varied["epochs"])]
    sweeps = {field: how for field, how in SWEEPS.items() if varied["setting"].eq(how[0]).any()}
    if not sweeps:
        return None
    pairs = sweeps.items()
    several = [own[own["setting"].eq(one)].assign(weight=own[key], term=words) for key, (one, words) in pairs]
    measured = [key for key in PANELS if key in own]
    long = pd.concat(several).melt(["term", "weight"], measured, "metric").dropna()
    hues = {words: PALETTE[TINTS[one]] for one, words in sweeps.values()}
    shared: dict[str, Any] = {"hue": "term", "palette": hues, "sharex": "col", "sharey": "row"}
    grid = sns.FacetGrid(long, row="metric", col="term", height=1.5, aspect=1.7, **shared)
    grid.map_dataframe(sns.lineplot, x="weight", y="value", errorbar=None, lw=1.4)
    grid.map_dataframe(sns.scatterplot, x="weight", y="value", s=20)
    for (metric, term), axis in grid.axes_dict.items():
        plain = own.loc[own["setting"].eq("wbce"), metric].dropna()
        if len(plain):
            axis.axhspan(plain.min(), plain.max(), color=GREY, alpha=0.2, lw=0)
            axis.axhline(plain.mean(), color=GREY, lw=1.1, ls=(0, (4, 3)))
        ticks = sorted(long.loc[long["term"].eq(term), "weight"].unique())
        axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axis.set_xticks([], minor=True)
        axis.set(title="", xlabel=term, ylabel=PANELS[metric])
        axis.label_outer()
    return grid.figure


def strips_figure(frame: pd.DataFrame) -> "Figure | None":
    """Table 4.1's settings: every seed as a dot; diamond and line: mean and Student's 95 % interval."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    own = ok(frame, "saliency")
    own = own[own["calibrator"].eq(NONE)].assign(
        loss=lambda rows: [fill(name(one), 24) for one in rows["setting"]]
    )
    panels = [key for key in PANELS if key in own and own[key].notna().any()]
    if not panels:
        return None
    hues = {fill(name(one), 24): _family(one) for one in own["setting"].unique()}
    size = (1.6 + 1.4 * len(panels), 0.8 + 0.4 * len(hues))
    figure, axes = plt.subplots(
        1, len(panels), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, column in zip(axes.flat, panels, strict=True):
        shared: dict[str, Any] = {"data": own, "x": column, "y": "loss", "ax": axis}
        sns.pointplot(**shared, color=INK, markers="D", ms=3.5, lw=1.4, linestyle="none", errorbar=_interval)
        sns.stripplot(**shared, hue="loss", palette=hues, legend=False, jitter=False, size=4.5)
        axis.locator_params(axis="x", nbins=3)
        axis.set(xlabel="", ylabel="", title=PANELS[column])
    return figure


def _interval(seeds: "pd.Series[float]") -> tuple[float, float]:
    try:
        found = student_t(seeds)
    except UndefinedStatistic:  # one value, or all equal
        return float(seeds.mean()), float(seeds.mean())
    return found.low, found.high


def _family(setting: str) -> str:
    """A colour by the saliency terms, one for all variants of these."""
    head = setting.removesuffix("_two_stage").replace("_raw", "").replace("_published", "")
    return PALETTE["baseline" if head == "wbce" else TINTS.get(f"{head}_two_stage", "fourth variant")]


def ece_figure(frame: pd.DataFrame, floors: pd.DataFrame) -> "Figure | None":
    """Mean ECE of every seed, a dot each, a row a setting and calibrator; grey: 95 % of ``calibration.floors``."""
    import matplotlib.pyplot as plt
    import seaborn as sns
    from matplotlib.ticker import LogLocator, NullFormatter

    own = ok(frame, ("losses", "mimo"))
    own = own[own["calibrator"].isin(CALIBRATORS)]
    if own.empty:
        return None
    keys = list(own.groupby(["arm", "setting"], sort=False).groups)
    own = own.assign(
        loss=[fill(name(*key), 20) for key in zip(own["setting"], own["arm"], strict=True)],
        calibrator=own["calibrator"].map(WORDS),
    )
    hues = {WORDS[key]: PALETTE[hue] for key, hue in HUES.items()}
    figure, axis = plt.subplots(figsize=(5.8, 0.9 + 0.8 * len(keys)), layout="constrained")
    dots: dict[str, Any] = {
        "order": [fill(name(key[1], key[0]), 20) for key in keys],
        "jitter": False,
        "size": 5,
    }
    sns.stripplot(
        own, x="ece", y="loss", hue="calibrator", hue_order=[*hues], palette=hues, dodge=True, ax=axis, **dots
    )
    at, step = {key: place for place, key in enumerate(keys)}, 0.8 / len(CALIBRATORS)
    for row in floors[floors["calibrator"].isin(CALIBRATORS)].itertuples():
        if (row.arm, row.setting) in at:
            y = at[row.arm, row.setting] + (list(CALIBRATORS).index(row.calibrator) - 2) * step
            axis.barh(y, row.high - row.low, 0.9 * step, row.low, color=GREY, alpha=0.45)
    if own["ece"].min() > 0 and floors["low"].gt(0).all():
        axis.set_xscale("log")
        axis.set_xlim(
            left=0.95 * min(own["ece"].min(), floors["low"].min())
        )  # bars have no margin of their own
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set(xlabel="expected calibration error, mean over labels", ylabel="")
    sns.move_legend(axis, "lower left", bbox_to_anchor=(-0.3, 1), ncols=3, title=None, fontsize=9)
    return figure
