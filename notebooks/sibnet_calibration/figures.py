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
from torch import Tensor

from papers_lib.cams import display_map
from papers_lib.metrics.calibration import ece, ece_floor, reliability
from papers_lib.metrics.classification import auroc
from papers_lib.metrics.localization import point_hits
from papers_lib.plots import INK, PALETTE, colours, line_style, map_grid
from papers_lib.sweep import Record
from sibnet_calibration.calibration import NONE, calibrated
from sibnet_calibration.grid import Swept, name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACKBONES = {"densenet121": "DenseNet-121", "resnet101": "ResNet-101", "vgg19": "VGG-19"}
BACKBONES |= {f"efficientnet_lite{size}": f"EfficientNet-Lite{size}" for size in (0, 2)}
TINTS = {"bce": "baseline", "focal": "variant", "auc_pesg": "proposed", "auc_adam": "second variant"}
DIAGRAMS = {
    NONE: ("before", "baseline"),
    "one_t": ("one temperature", "proposed"),
    "platt": ("Platt", "variant"),
}
GREY, POINT = PALETTE["reference"], "#56B4E9"  # sky blue, which the heat has not
UNIT: dict[str, Any] = {"xticks": [0, 0.5, 1], "yticks": [0, 0.5, 1], "aspect": "equal"}


def tints(settings: Sequence[str]) -> dict[str, str]:
    """A colour for each setting; those of ``TINTS`` keep theirs on every figure."""
    return colours(settings, {one: PALETTE[role] for one, role in TINTS.items()})


def _panels(
    rows: int, columns: int, width: float, height: float, x: str, y: str
) -> "tuple[Figure, np.ndarray]":
    """Panels (rows, columns) that share both axes, named once."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figure.supxlabel(x, fontsize=9.5, color=INK)
    figure.supylabel(y, fontsize=9.5, color=INK)
    return figure, axes


def roc_figure(swept: Swept, settings: Sequence[str]) -> "Figure | None":
    """Figure 4.1: a panel a label with both values in the test part, a line a setting (seed 0); grey: P(y | x)."""
    from sklearn.metrics import roc_curve

    found, labels = swept.of_seed(settings, ("losses",)), swept.part("test").labels
    shown = np.flatnonzero(labels.any(0) & ~labels.all(0))
    if not found or not len(shown):
        return None
    hues = tints(list(found))
    drawn = [(name(one), record.arrays()["test_logits"], hues[one]) for one, record in found.items()]
    drawn += [] if np.isnan(swept.truth).any() else [("P(y | x) itself", swept.truth, GREY)]
    lines = -(-len(shown) // 3)
    words = ("false positive rate", "true positive rate")
    figure, axes = _panels(lines, 3, 6.75, 2.3 * lines + 0.5, *words)
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis, k in zip(axes.flat, shown, strict=False):
        axis.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":")
        for place, (_, scores, hue) in enumerate(drawn):
            area = auroc(torch.from_numpy(scores[:, [k]]), torch.from_numpy(labels[:, [k]])).macro
            x, y, _ = roc_curve(labels[:, k], scores[:, k])
            axis.plot(x, y, label=f"{area:.3f}", color=hue, lw=1.4, ls=line_style(place))
        axis.set(title=swept.part("test").classes[k], **UNIT)
        axis.tick_params(labelbottom=True)
        axis.legend(title="AUROC", loc="lower right", fontsize=8.5, frameon=False, handlelength=1)
    handles = axes[0, 0].get_lines()[1:]
    figure.legend(handles, [one for one, *_ in drawn], loc="outside upper left", ncols=3, fontsize=9)
    return figure


def reliability_figure(
    swept: Swept, settings: Sequence[str], *, bins: int, draws: int = 200
) -> "Figure | None":
    """Figure 3.5: a row a model of seed 0, a column a calibrator; test part, labels pooled, bins of equal width."""
    found = swept.of_seed(settings, ("losses", "saliency", "mimo"))
    if not found:
        return None
    size = (0.5 + 2.2 * len(DIAGRAMS), 0.8 + 2.25 * len(found))
    figure, axes = _panels(len(found), len(DIAGRAMS), *size, "predicted probability", "share of positives")
    generator = torch.Generator().manual_seed(0)
    for line, (setting, record) in zip(axes, found.items(), strict=True):
        for axis, (calibrator, (words, hue)) in zip(line, DIAGRAMS.items(), strict=True):
            p, y, truth = calibrated(swept, record, calibrator)
            _reliability(axis, (p, y, truth), PALETTE[hue], bins, draws, generator)
            floor = ece_floor(p, bins=bins, draws=draws, generator=generator).mean_over_labels
            between = f"(floor {floor.low:.3f} to {floor.high:.3f})"
            head = f"{words}\n" if axis in axes[0] else ""
            axis.set_title(f"{head}ECE {float(ece(p, y, bins=bins).mean()):.3f} {between}", fontsize=8.5)
        line[0].set_ylabel(fill(name(setting), 18))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, fontsize=9)
    return figure


def _reliability(
    axis: "Axes", scored: tuple[Tensor, ...], hue: str, bins: int, draws: int, generator: torch.Generator
) -> None:
    """Dot: a bin, its area grows with the root of its count; ring: mean P(y | x); grey: 95 % of a perfect model's."""
    p, y, truth = (values.double().flatten() for values in scored)
    found = reliability(p, y, bins=bins)
    perfect = (torch.bernoulli(p, generator=generator) for _ in range(draws))
    share = torch.stack([reliability(p, drawn, bins=bins).frequency for drawn in perfect])
    band = share[:, [*range(bins), bins - 1]].quantile(torch.tensor([0.025, 0.975]).double(), 0)
    looks: dict[str, Any] = {"step": "post", "color": GREY, "alpha": 0.3, "lw": 0}
    axis.fill_between(np.linspace(0, 1, bins + 1), *band.numpy(), label="95 % of a perfect model's", **looks)
    axis.plot([0, 1], [0, 1], color=INK, lw=0.9, label="perfectly calibrated")
    sizes = 6 + 90 * (found.counts / len(p)).sqrt().numpy()
    axis.scatter(
        found.confidence, found.frequency, sizes, color=hue, lw=0, zorder=3, label="share of positives"
    )
    if not bool(truth.isnan().any()):
        known = reliability(p, truth, bins=bins).frequency
        ring: dict[str, Any] = {"mfc": "none", "mec": INK, "mew": 0.9, "ms": 6, "zorder": 4}
        axis.plot(found.confidence, known, "o", label="mean P(y | x)", **ring)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), **UNIT)


def curves_of(records: Sequence[Record]) -> pd.DataFrame:
    """A row a run and epoch: its values, "setting", and seed and rates; "loss" is that on the labels alone."""
    found = []
    for record in records:
        config, arrays = record.config, record.arrays()
        own = pd.DataFrame(arrays["curves"], columns=arrays["curve_names"].astype(str))
        own["loss"] = own.reindex(columns=["label_loss"]).squeeze(axis=1).fillna(own["loss"])
        rates = {"learning_rate": f"{config.learning_rate:g}", "dropout": f"{config.dropout:g}"}
        found.append(
            own.assign(epoch=own.index + 1, setting=name(config.setting()), seed=config.seed, **rates)
        )
    return pd.concat(found, ignore_index=True)


def _lines(axis: "Axes", curves: pd.DataFrame, column: str, by: str, hues: dict[str, str]) -> None:
    """Seeds thin, their mean thick, a colour and a dash a group."""
    import seaborn as sns

    shared: dict[str, Any] = {"x": "epoch", "y": column, "hue": by, "palette": hues, "ax": axis}
    sns.lineplot(curves, **shared, units="seed", estimator=None, lw=0.5, legend=False)
    sns.lineplot(curves, **shared, style=by, errorbar=None, lw=2.2)
    axis.locator_params(axis="x", nbins=5, integer=True)


def curves_figure(swept: Swept, settings: Sequence[str]) -> "Figure | None":
    """Figure 4.2: loss on the training labels, loss and AUROC of the calibration part; dotted: the second stage."""
    import matplotlib.pyplot as plt

    every = {one: swept.models(one, ("losses", "saliency")) for one in settings}
    found = {one: records for one, records in every.items() if records}
    if not found:
        return None
    curves = curves_of([record for records in found.values() for record in records])
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharex=True, layout="constrained")
    words = {"loss": "training loss", "val_loss": "validation cross entropy", "val_auroc": "validation AUROC"}
    hues = {name(one): hue for one, hue in tints(list(found)).items()}
    starts = curves[curves["stage"].eq(1)].groupby(["setting", "seed"])["epoch"].min().unique()
    for axis, (column, title) in zip(axes, words.items(), strict=True):
        _lines(axis, curves, column, "setting", hues)
        for start in starts:
            axis.axvline(start - 0.5, color=GREY, lw=0.9, ls=":", zorder=0)
        axis.set(title=title, ylabel="")
    handles, labels = axes[0].get_legend_handles_labels()
    for axis in axes:
        axis.get_legend().remove()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, fontsize=9)
    return figure


def rates_figure(swept: Swept, by: str) -> "Figure | None":
    """Figures 4.3 ("learning_rate") and 4.4 ("dropout"): AUROC of the calibration part by epoch."""
    import matplotlib.pyplot as plt

    own = [record for record in swept.records if record.config.arm == "rates" and record.status == "ok"]
    curves = curves_of(own) if own else pd.DataFrame({"learning_rate": [], "dropout": []})
    other = "dropout" if by == "learning_rate" else "learning_rate"
    curves = curves[
        curves[other].isin(curves[["learning_rate", "dropout"]].drop_duplicates()[other].mode()[:1])
    ]
    rates = sorted(curves[by].unique(), key=float)
    if len(rates) < 2:
        return None
    figure, axis = plt.subplots(figsize=(5.6, 3.3), layout="constrained")
    _lines(axis, curves, "val_auroc", by, colours(rates))
    axis.set_ylabel("validation AUROC")
    axis.legend(title=by.replace("_", " "), loc="best", fontsize=9, title_fontsize=9)
    return figure


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


def example_pairs(swept: Swept, kept: int | None = None) -> list[tuple[int, int]]:
    """(place among the first ``kept`` test images, class) of the rule above; of a class without boxes by label."""
    test, found = swept.part("test"), dict[int, int]()
    for k in range(len(test.classes)):
        boxed = np.array([bool((kinds == k).any()) for kinds in test.box_classes], bool)
        shows = np.flatnonzero(test.labels[:, k] & (boxed if boxed.any() else True))
        row = next((int(row) for row in shows if row not in found and row < (kept or len(test))), None)
        found |= {} if row is None else {row: k}
    return list(found.items())


def saliency_figure(swept: Swept, models: dict[str, Record]) -> "Figure | None":
    """Figures 4.5 and 4.6: two inputs, their maps; hottest pixel: a ring in a box, a cross outside; p: probability."""
    found = {title: arrays for title, record in models.items() if "maps" in (arrays := record.arrays())}
    kept = min((len(arrays["maps"]) for arrays in found.values()), default=0)
    count = len(found) + 1
    columns = -(-count // -(-count // 4))
    panels: list[Panel] = []
    for row, k in example_pairs(swept, kept)[:2] if kept else []:
        panels.append(((row, k), _about(swept, (row, k)), None))
        for title, arrays in found.items():
            about = f"{fill(title, 17)}\np = {1 / (1 + np.exp(-float(arrays['test_logits'][row, k]))):.2f}"
            panels.append(((row, k), about, arrays["maps"][row, k].astype(np.float32)))
        panels += [(None, "", None)] * (-count % columns)
    return _images(swept, panels, columns)


Panel = tuple[tuple[int, int] | None, str, np.ndarray | None]
"""(place among the test images, class) or nothing, a title, and a raw map (h, w) or None."""


def _about(swept: Swept, pair: tuple[int, int]) -> str:
    test, truth = swept.part("test"), swept.truth[pair]
    known = "" if np.isnan(truth) else f"\nP(y|x) = {truth:.2f}"
    return f"{fill(test.classes[pair[1]].replace('_', ' '), 17)}\nlabel {int(test.labels[pair])}{known}"


def _images(swept: Swept, panels: Sequence[Panel], columns: int) -> "Figure | None":
    """Images with the boxes of a class, some under a map; None where there is none."""
    if not panels:
        return None
    images, test = swept.opened.images, swept.part("test")
    pixels = images.pixels[images.images.split == "test"].astype(float)
    size = (pixels.shape[1], pixels.shape[2])
    empty = np.full(size, np.nan)
    grey = [empty if pair is None else pixels[pair[0]] for pair, *_ in panels]
    raws = [torch.from_numpy(empty if raw is None else raw) for *_, raw in panels]
    alive = [bool(raw.isfinite().all() and raw.max() > 0) for raw in raws]
    heat = [display_map(raw, size).numpy() if good else empty for good, raw in zip(alive, raws, strict=True)]
    maps = heat if any(raw is not None for *_, raw in panels) else None
    titles = [title for _, title, _ in panels]
    figure = map_grid(grey, maps, titles, columns, limits=(0.0, 1.0), label="share of the map's maximum")
    for axis, (pair, _, shown), raw, good in zip(figure.axes, panels, raws, alive, strict=False):
        boxes = torch.zeros(0, 4) if pair is None else test.of_class(pair[1], size)[pair[0]]
        for x, y, x_max, y_max in boxes.tolist():
            corners = ([x, x_max, x_max, x, x], [y, y, y_max, y_max, y])
            axis.plot(*corners, color="black", lw=2.2)
            axis.plot(*corners, color="white", lw=1.1)
        if shown is not None and not good:
            axis.text(0.5, 0.5, "no positive\nvalue", transform=axis.transAxes, ha="center", color="white")
        if good:
            hit = point_hits(raw[None], [boxes], size)
            mark, (x, y) = "o" if bool(hit.hit[0]) else "x", hit.point[0].tolist()
            for colour, edge in (("black", 3.0), (POINT, 1.6)) if x >= 0 else ():
                axis.plot(x, y, mark, ms=7, mfc="none", mec=colour, mew=edge, zorder=4, clip_on=False)
    return figure
