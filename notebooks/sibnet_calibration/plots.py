"""Lines of the Sibnet page: ROC curves, and training by epoch, of the losses and of learning and dropout rates.

All return None where no run of what they show ended well.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from papers_lib.companion.palette import INK, PALETTE, colours, line_style
from papers_lib.metrics.classification import auroc
from papers_lib.sweep.records import Record
from sibnet_calibration.settings import name, of_seed, tints
from sibnet_calibration.sweeps import Swept

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATES = {"learning_rate": ("dropout", "learning rate"), "dropout": ("learning_rate", "dropout")}
GREY = PALETTE["reference"]
SMALL = 8.5
LONG = 33  # letters of a name that leave room for two columns of a legend
THIN, THICK = 0.5, 2.2


def roc_points(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a ROC curve from (0, 0) to (1, 1): false and true positive rates; equal scores pass together.

    Args: scores and labels (n,), of both kinds. Points between others on a horizontal or vertical line are left out.

    >>> roc_points(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False]))
    (array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    _, place = np.unique(-scores, return_inverse=True)
    x, y = (np.r_[0, np.bincount(place, kind).cumsum()] / kind.sum() for kind in (~positive, positive))
    flat = [(np.diff(one)[:-1] == 0) & (np.diff(one)[1:] == 0) for one in (x, y)]
    kept = np.r_[True, ~(flat[0] | flat[1]), True]
    return x[kept], y[kept]


def roc_figure(swept: Swept, settings: Sequence[str], seed: int = 0, *, a_line: int = 3) -> "Figure | None":
    """Figure 4.1: a panel a label, a line a setting with its AUROC; dotted: chance; dashed: P(y | x), where known.

    Of the test part; labels of which it has one kind only are left out.
    """
    import matplotlib.pyplot as plt

    found = of_seed(swept, settings, seed)
    if not found:
        return None
    images, part = swept.opened.images.images, swept.opened.images.images.split == "test"
    labels, truth = images.labels[part], swept.opened.images.truth[part]
    shown = [k for k in range(len(images.classes)) if 0 < labels[:, k].sum() < len(labels)]
    if not shown:
        return None
    lines = -(-len(shown) // a_line)
    size = (2.25 * a_line, 2.3 * lines + 0.5)
    figure, axes = plt.subplots(
        lines, a_line, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    hues = tints(list(found))
    drawn: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        (name(one), record.arrays()["test_logits"], {"color": hues[one], "lw": 1.4, "ls": line_style(place)})
        for place, (one, record) in enumerate(found.items())
    ]
    if not np.isnan(truth).any():
        drawn.append(("P(y | x) itself", truth, {"color": GREY, "lw": 1.4, "ls": line_style(len(found))}))
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis, k in zip(axes.flat, shown, strict=False):
        axis.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":")
        for _, scores, how in drawn:
            area = auroc(torch.from_numpy(scores[:, [k]]), torch.from_numpy(labels[:, [k]])).macro
            axis.plot(*roc_points(scores[:, k], labels[:, k]), label=f"{area:.3f}", **how)
        axis.set_title(images.classes[k])
        axis.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
        axis.tick_params(labelbottom=True)
        axis.legend(
            title="AUROC",
            title_fontsize=SMALL,
            loc="lower right",
            fontsize=SMALL,
            handlelength=1.0,
            labelspacing=0.15,
            borderaxespad=0.1,
            frameon=False,
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


def curves_figure(found: Mapping[str, Sequence[Record]]) -> "Figure | None":
    """Figure 4.2: training loss on the labels, and cross entropy and mean AUROC of the calibration part, by epoch.

    Thin: a seed; thick: their mean; dotted: the second stage begins. Training losses of unlike kinds have unlike
    scales. Args: found, runs that ended well by setting, see :func:`models`.
    """
    import matplotlib.pyplot as plt

    if not found:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharex=True, layout="constrained")
    words = {"loss": "training loss", "val_loss": "validation cross entropy", "val_auroc": "validation AUROC"}
    hues = tints(list(found))
    values = {setting: [curves_of(record) for record in records] for setting, records in found.items()}
    starts = {
        float(epoch) + 1.5
        for curve in (curve for several in values.values() for curve in several)
        for epoch in np.flatnonzero(np.diff(curve["stage"]))
    }
    for axis, (column, title) in zip(axes, words.items(), strict=True):
        for place, (setting, several) in enumerate(values.items()):
            _bundle(axis, [curve[column] for curve in several], hues[setting], name(setting), place)
        for start in sorted(starts):
            axis.axvline(start, color=GREY, lw=0.9, ls=":", zorder=0)
        axis.set_title(title)
        _epochs(axis)
    handles, labels = axes[0].get_legend_handles_labels()
    columns = 3 if max(map(len, labels)) < LONG else 2
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, fontsize=9)
    return figure


def rates_figure(swept: Swept, by: str = "learning_rate") -> "Figure | None":
    """Figures 4.3 and 4.4: mean AUROC of the calibration part by epoch; thin: a seed; thick: the mean of a rate.

    Args: by, "learning_rate" or "dropout"; the other is fixed to the value that was trained with most of them.
    Returns: None with fewer than two rates.
    """
    import matplotlib.pyplot as plt

    other, words = RATES[by]
    own = [record for record in swept.records if record.config.arm == "rates"]
    trained = {(getattr(record.config, other), getattr(record.config, by)) for record in own}
    counts = pd.Series([fixed for fixed, _ in trained], dtype=float).value_counts()
    if counts.empty or counts.iloc[0] < 2:
        return None
    own = [record for record in own if getattr(record.config, other) == counts.index[0]]
    rates = sorted({getattr(record.config, by) for record in own})
    hues = colours([str(rate) for rate in rates])
    figure, axis = plt.subplots(figsize=(5.6, 3.3), layout="constrained")
    for place, rate in enumerate(rates):
        records = [record for record in own if getattr(record.config, by) == rate]
        ended = [curves_of(record)["val_auroc"] for record in records if record.status == "ok"]
        failed = (
            f" ({len(records) - len(ended)} of {len(records)} failed)" if len(ended) < len(records) else ""
        )
        _bundle(axis, ended, hues[str(rate)], f"{rate:g}{failed}", place)
    _epochs(axis)
    axis.set_ylabel("validation AUROC")
    axis.legend(title=words, loc="best", fontsize=9, title_fontsize=9)
    return figure


def _bundle(axis: "Axes", lines: Sequence[np.ndarray], hue: str, words: str, place: int) -> None:
    """Seeds thin, their mean thick and dashed by the ``place`` in the legend, over epochs counted from 1."""
    for line in lines:
        axis.plot(range(1, len(line) + 1), line, color=hue, lw=THIN)
    mean = pd.DataFrame(list(map(pd.Series, lines)), dtype=float).mean()
    axis.plot(
        np.arange(len(mean)) + 1, mean.to_numpy(), color=hue, lw=THICK, ls=line_style(place), label=words
    )


def _epochs(axis: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axis.set_xlabel("epoch")
