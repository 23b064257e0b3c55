"""Reliability diagrams, and floors of the calibration error (report, Figure 3.5, Table 4.3).

The report's Figure 3.5 is a drawing of a perfect model; no model of it has a diagram. Here each has one, and with it
what a perfect model would show: labels are drawn from the model's own probabilities, each for itself. Findings go
together in truth, so bands and ranges are a little too narrow.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from papers_lib.companion.palette import INK, PALETTE
from papers_lib.metrics.calibration import ece, ece_floor, reliability
from papers_lib.metrics.ece_floor import Range
from papers_lib.metrics.reliability import bin_sums, bins_of
from papers_lib.sweep.records import Record
from sibnet_calibration.frame import BINS, CALIBRATORS, NONE, Scored, calibrated
from sibnet_calibration.settings import models, name, of_seed
from sibnet_calibration.sweeps import Swept

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORDS = {
    NONE: "before",
    "one_t": "one temperature",
    "label_t": "one temperature per label",
    "platt": "Platt",
    "isotonic": "isotonic",
    "one_t_train": "one temperature, training images",
    "one_t_test": "one temperature, test images",
}
HUES = {
    NONE: "baseline",
    "one_t": "proposed",
    "label_t": "third variant",
    "platt": "variant",
    "isotonic": "second variant",
    "one_t_train": "fourth variant",
    "one_t_test": "fourth variant",
}
CHUNK = 4_000_000  # labels drawn at once: bounds the memory
GREY = PALETTE["reference"]
FLOORED = ("losses", "saliency", "imbalance", "mapping")
"""Arms whose ECE stands in a table on its own set."""


class Diagram(NamedTuple):
    """A reliability diagram of all labels pooled, a value a bin; NaN in empty ones, float64.

    Fields: counts; confidence, the mean prediction; frequency, the share of positives; truth, mean P(y | x) or NaN; low
    and high, 2.5 % and 97.5 % quantiles of a perfect model's frequency; ece, the mean over labels, and its floor.
    """

    counts: Tensor
    confidence: Tensor
    frequency: Tensor
    truth: Tensor
    low: Tensor
    high: Tensor
    ece: float
    floor: Range


def diagram(scored: Scored, *, bins: int = BINS, draws: int = 200, generator: torch.Generator) -> Diagram:
    """The diagram of one model. Pooled are the (image, label) pairs; its ECE is label by label, as in Table 4.3."""
    p, y = scored.probabilities, scored.labels
    flat = p.double().flatten()
    found = reliability(flat, y.flatten(), bins=bins)
    known = not bool(scored.truth.isnan().any())
    truth = (
        reliability(flat, scored.truth.flatten(), bins=bins).frequency
        if known
        else flat.new_full((bins,), np.nan)
    )
    index = bins_of(flat[:, None], bins).indices
    step = max(1, CHUNK // len(flat))
    drawn = []
    for start in range(0, draws, step):
        uniform = torch.rand(len(flat), min(step, draws - start), generator=generator, dtype=torch.float64)
        drawn.append(bin_sums((uniform < flat[:, None]).double()[:, None], index, bins)[0])
    share = torch.cat(drawn, 1) / found.counts[:, None]  # 0/0 is NaN
    low, high = share.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64), dim=1)
    floor = ece_floor(p, bins=bins, draws=draws, generator=generator).mean_over_labels
    own = float(ece(p, y, bins=bins).mean())
    return Diagram(found.counts, found.confidence, found.frequency, truth, low, high, own, floor)


def reliability_figure(
    swept: Swept,
    settings: Sequence[str],
    calibrators: Sequence[str] = (NONE, "one_t", "platt"),
    seed: int = 0,
    *,
    draws: int = 200,
) -> "Figure | None":
    """A row a model, a column a calibrator: mean prediction of each bin against its share of positives.

    Test part, 15 bins of equal width, all labels pooled. Dot: a bin, its area grows with the root of the number of
    predictions; ring: mean P(y | x), where it is known; grey: where 95 % of a perfect model's dots lie; line: perfect.
    Above each panel the ECE, a mean over labels, and the 95 % range of a perfect model's.
    """
    import matplotlib.pyplot as plt

    found = of_seed(swept, settings, seed)
    if not found or not calibrators:
        return None
    size = (0.5 + 2.2 * len(calibrators), 0.8 + 2.25 * len(found))
    figure, axes = plt.subplots(
        len(found),
        len(calibrators),
        figsize=size,
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    generator = torch.Generator().manual_seed(seed)
    for number, (line, (setting, record)) in enumerate(zip(axes, found.items(), strict=True)):
        for axis, calibrator in zip(line, calibrators, strict=True):
            one = diagram(calibrated(swept, record, calibrator), draws=draws, generator=generator)
            _panel(axis, one, PALETTE[HUES[calibrator]])
            head = f"{WORDS[calibrator]}\n" if number == 0 else ""
            range_of = f"{one.floor.low:.3f} to {one.floor.high:.3f}"
            axis.set_title(f"{head}ECE {one.ece:.3f} (floor {range_of})", fontsize=8.5)
        line[0].set_ylabel(fill(name(setting), 18))
    handles, words = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper left", ncols=4, fontsize=9)
    figure.supxlabel("predicted probability", fontsize=9.5, color=INK)
    figure.supylabel("share of positives", fontsize=9.5, color=INK)
    return figure


def _panel(axis: "Axes", one: Diagram, hue: str) -> None:
    bins = len(one.counts)
    low, high = (torch.cat([bound, bound[-1:]]).numpy() for bound in (one.low, one.high))
    edges = np.linspace(0, 1, bins + 1)
    axis.fill_between(
        edges, low, high, step="post", color=GREY, alpha=0.3, lw=0, label="95 % of a perfect model's"
    )
    axis.plot([0, 1], [0, 1], color=INK, lw=0.9, label="perfectly calibrated")
    sizes = 6 + 90 * (one.counts / one.counts.sum()).sqrt().numpy()
    axis.scatter(one.confidence, one.frequency, sizes, color=hue, lw=0, zorder=3, label="share of positives")
    if not bool(one.truth.isnan().all()):
        ring: dict[str, Any] = {"mfc": "none", "mec": INK, "mew": 0.9, "ms": 6, "zorder": 4}
        axis.plot(one.confidence, one.truth, "o", label="mean P(y | x)", **ring)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")


def floors(
    swept: Swept,
    settings: Sequence[str],
    generator: torch.Generator,
    *,
    arms: Sequence[str] = ("losses", "mimo"),
    calibrators: Sequence[str] = tuple(CALIBRATORS),
    seed: int = 0,
    draws: int = 200,
) -> pd.DataFrame:
    """Floor of the mean ECE on the test part, of one model a setting.

    Simulated once, for the model of this seed, or the first where that one failed: floors of seeds hardly differ.

    Returns: indexed by setting, a row a calibrator: arm, calibrator, low, mean, high (95 % range).
    """
    rows = []
    for arm in arms:
        for setting, records in models(swept, settings, [arm]).items():
            record = _preferred(records, seed)
            for calibrator in calibrators:
                p = calibrated(swept, record, calibrator).probabilities
                found = ece_floor(p, bins=BINS, draws=draws, generator=generator).mean_over_labels
                rows.append((setting, arm, calibrator, found.low, found.mean, found.high))
    columns = ["setting", "arm", "calibrator", "low", "mean", "high"]
    return pd.DataFrame(rows, columns=columns).set_index("setting")


def floors_by_set(
    sweeps: Mapping[str, Swept], settings: Sequence[str], generator: torch.Generator, draws: int = 50
) -> pd.DataFrame:
    """:func:`floors` before calibration and after one temperature, of every set and arm whose ECE a table shows.

    Returns: that of ``floors`` for the arms of losses and labels, with the column "data", the set.
    """
    how: dict[str, Any] = {"arms": FLOORED, "calibrators": (NONE, "one_t"), "draws": draws}
    parts = [floors(swept, settings, generator, **how).assign(data=data) for data, swept in sweeps.items()]
    return pd.concat(parts)


def floor_at(
    swept: Swept,
    setting: str,
    n: int = 200,
    *,
    calibrator: str = "one_t",
    seed: int = 0,
    draws: int = 300,
    generator: torch.Generator,
) -> Range | None:
    """The floor of the mean ECE with ``n`` test images (the report has about 200, section 4.1); None without a model.

    Each draw takes n images with replacement, and labels from their calibrated probabilities: the range has the noise
    of images as well.
    """
    found = models(swept, [setting]).get(setting)
    if not found:
        return None
    p = calibrated(swept, _preferred(found, seed), calibrator).probabilities
    drawn = []
    for _ in range(draws):
        rows = torch.randint(len(p), (n,), generator=generator)
        drawn.append(ece_floor(p[rows], bins=BINS, draws=1, generator=generator).mean_over_labels.mean)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Range(float(np.mean(drawn)), float(low), float(high))


def _preferred(records: Sequence[Record], seed: int) -> Record:
    return next((record for record in records if record.config.seed == seed), records[0])
