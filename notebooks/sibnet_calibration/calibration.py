"""Calibrators, calibration errors and their noise floors: all runs as one table, and reliability diagrams.

The report's Figure 3.5 is a drawing of a perfect model; no model of it has a diagram. Here each has one, and with it
what a perfect model would show: labels are drawn from the model's own probabilities, each for itself. Findings go
together in truth, so bands and ranges are a little too narrow.
"""

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from papers_lib.metrics.calibration import (
    brier,
    confidence_ece,
    ece,
    ece_floor,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    reliability,
)
from papers_lib.metrics.calibration_error import Range, bin_sums, bins_of
from papers_lib.metrics.classification import auroc
from papers_lib.plots import INK, PALETTE
from papers_lib.sweep import Record, records_frame
from sibnet_calibration.grid import Swept, name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NONE = "none"
CALIBRATORS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    NONE: lambda _fit, _labels, logits: logits.double().sigmoid(),
    "one_t": lambda fit, labels, logits: fit_temperature(fit, labels).probabilities(logits),
    "label_t": lambda fit, labels, logits: fit_temperature(fit, labels, per_label=True).probabilities(logits),
    "platt": lambda fit, labels, logits: fit_platt(fit, labels).probabilities(logits),
    "isotonic": lambda fit, labels, logits: fit_isotonic(fit, labels).probabilities(logits),
}
"""(logits (n, K) and labels of the calibration part, logits) -> probabilities; "one_t" is the report's (3.6.1)."""
ELSEWHERE = {"one_t_train": "train", "one_t_test": "test"}
"""One temperature, fitted on another part: the images that the model was trained on, or the test images themselves."""
WORDS = {NONE: "before", "one_t": "one temperature", "label_t": "one temperature per label"}
WORDS |= {"platt": "Platt", "isotonic": "isotonic"}
HUES = {NONE: "baseline", "one_t": "proposed", "label_t": "third variant"}
HUES |= {"platt": "variant", "isotonic": "second variant"}
CHUNK = 4_000_000  # labels drawn at once: bounds the memory


class Scored(NamedTuple):
    """Probabilities (n, K) of a model on the test part after a calibrator, with labels (n, K) and P(y | x) or NaN."""

    probabilities: Tensor
    labels: Tensor
    truth: Tensor


def calibrated(one: Swept, record: Record, calibrator: str, seen: str = "test") -> Scored:
    """The test part of a model, calibrated; ``seen``: "test", or "contrast" for images with half their contrast."""
    arrays, images = record.arrays(), one.opened.images.images
    part = ELSEWHERE.get(calibrator, "val")
    calibrate = CALIBRATORS[calibrator.removesuffix(f"_{part}") if calibrator in ELSEWHERE else calibrator]
    fitted, labels = torch.from_numpy(arrays[f"{part}_logits"]), torch.from_numpy(images.part(part).labels)
    found = calibrate(fitted, labels, torch.from_numpy(arrays[f"{seen}_logits"]))
    truth = torch.from_numpy(one.opened.images.truth[images.split == "test"])
    test = torch.from_numpy(images.part("test").labels).double()
    return Scored(found, test[: len(found)], truth[: len(found)])


def tidy(sweeps: Sequence[Swept], bins: int) -> pd.DataFrame:
    """One row a model and calibrator: the record's columns, and

    data (of the sweep), setting (see ``SibnetRun.setting``), calibrator (a key of ``CALIBRATORS`` or ``ELSEWHERE``),
    ece and ece/CLASS (equal width, positive probability), ece_mass (equal mass), ece_confidence (on max(p, 1-p)), bias
    (mean predicted less share of positives), true_ece (against P(y | x), NaN where it is not known), ece_contrast (of
    the images with half their contrast), brier, nll_calibrated.

    Columns that do not depend on the calibrator (AUROC, the maps') stand in the rows of "none" alone, so that no rule
    counts a model twice; ``auroc_macro`` of a monotone calibrator is the same for each label.
    """
    frames = []
    for one in sweeps:
        frame = records_frame(list(one.records)).assign(data=one.data)
        frame["setting"] = [record.config.setting() for record in one.records]
        metrics = [item for record in one.records for item in record.metrics.items()]
        numbers = {key for key, value in metrics if isinstance(value, int | float)} - {"train_images"}
        plain = [key for key in frame if key in numbers]
        rows: list[dict[Any, Any]] = []
        for (_, row), record in zip(frame.iterrows(), one.records, strict=True):
            if record.status != "ok":
                rows.append({**row.to_dict(), "calibrator": NONE})
                continue
            for calibrator in (*CALIBRATORS, *ELSEWHERE):
                own = row.to_dict() | {"calibrator": calibrator} | _scores(one, record, calibrator, bins)
                rows.append(own if calibrator == NONE else {**own, **dict.fromkeys(plain, np.nan)})
        frames.append(pd.DataFrame(rows))
    return pd.concat(frames, ignore_index=True).copy()


def _scores(one: Swept, record: Record, calibrator: str, bins: int) -> dict[str, float]:
    scored, shifted = (calibrated(one, record, calibrator, seen) for seen in ("test", "contrast"))
    p, y = scored.probabilities, scored.labels
    each, known = ece(p, y, bins=bins), not bool(scored.truth.isnan().any())
    inside = p.clamp(1e-12, 1 - 1e-12)
    classes = one.opened.images.images.classes
    return {
        "ece": float(each.mean()),
        **{f"ece/{label}": float(value) for label, value in zip(classes, each, strict=True)},
        "ece_mass": float(ece(p, y, bins=bins, scheme="mass").mean()),
        "ece_confidence": float(confidence_ece(p, y, bins=bins).mean()),
        "bias": float((p - y).mean()),
        "true_ece": float(ece(p, scored.truth, bins=bins).mean()) if known else np.nan,
        "ece_contrast": float(ece(shifted.probabilities, shifted.labels, bins=bins).mean()),
        "brier": float(brier(p, y).mean()),
        "nll_calibrated": float(-(y * inside.log() + (1 - y) * (1 - inside).log()).mean()),
    }


def ensemble(first: Swept, bins: int) -> dict[str, float]:
    """Cross entropy's models together, probabilities averaged: what MIMO imitates in one network; {} of one model.

    Returns: auroc, nll, ece, ece_one_t.
    """
    several = [record.arrays() for record in first.models("bce", ("losses",))]
    if len(several) < 2:
        return {}
    logits, labels = {}, {}
    for part in ("val", "test"):
        each = torch.stack([torch.from_numpy(arrays[f"{part}_logits"]).double() for arrays in several])
        logits[part] = torch.logit(each.sigmoid().mean(0), eps=1e-12)
        labels[part] = torch.from_numpy(first.opened.images.images.part(part).labels).double()
    after = fit_temperature(logits["val"], labels["val"]).probabilities(logits["test"])
    return {
        "auroc": auroc(logits["test"], labels["test"]).macro,
        "nll": float(binary_cross_entropy_with_logits(logits["test"], labels["test"])),
        "ece": float(ece(logits["test"].sigmoid(), labels["test"], bins=bins).mean()),
        "ece_one_t": float(ece(after, labels["test"], bins=bins).mean()),
    }


def floors(
    sweeps: Sequence[Swept],
    arms: Sequence[str],
    generator: torch.Generator,
    *,
    bins: int,
    calibrators: Sequence[str] = tuple(CALIBRATORS),
    draws: int = 200,
) -> pd.DataFrame:
    """Floor of the mean ECE on the test part: what the predictions would score if they were perfectly calibrated.

    Simulated for one model a setting, the first that ended well: floors of seeds hardly differ.

    Returns: a row a set, comparison, setting and calibrator: data, arm, setting, calibrator, low, mean, high (95 %).
    """
    rows = []
    settings = dict.fromkeys(record.config.setting() for one in sweeps for record in one.records)
    for one in sweeps:
        for arm in arms:
            for setting in settings:
                for record in _first_seed(one.models(setting, (arm,))):
                    for calibrator in calibrators:
                        p = calibrated(one, record, calibrator).probabilities
                        found = ece_floor(p, bins=bins, draws=draws, generator=generator).mean_over_labels
                        rows.append((one.data, arm, setting, calibrator, found.low, found.mean, found.high))
    return pd.DataFrame(rows, columns=["data", "arm", "setting", "calibrator", "low", "mean", "high"])


def _first_seed(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.config.seed != 0)[:1]


def floor_at(
    swept: Swept, n: int, generator: torch.Generator, *, bins: int, draws: int = 300
) -> Range | None:
    """The floor of cross entropy's mean ECE after one temperature with ``n`` test images; None without a model.

    Each draw takes n images with replacement, and labels from their probabilities: the range has the noise of images
    as well. The report has about 200 (section 4.1).
    """
    found = _first_seed(swept.models("bce", ("losses", "mimo")))
    if not found:
        return None
    p = calibrated(swept, found[0], "one_t").probabilities
    drawn = []
    for _ in range(draws):
        rows = torch.randint(len(p), (n,), generator=generator)
        drawn.append(ece_floor(p[rows], bins=bins, draws=1, generator=generator).mean_over_labels.mean)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Range(float(np.mean(drawn)), float(low), float(high))


class Diagram(NamedTuple):
    """A reliability diagram of all labels pooled, a value a bin, NaN in empty ones: mean prediction, share of
    positives, mean P(y | x) or NaN, 95 % of a perfect model's shares; and the mean ECE over labels with its floor.
    """

    counts: Tensor
    confidence: Tensor
    frequency: Tensor
    truth: Tensor
    low: Tensor
    high: Tensor
    ece: float
    floor: Range


def diagram(scored: Scored, *, bins: int, draws: int, generator: torch.Generator) -> Diagram:
    """The diagram of one model. Pooled are the (image, label) pairs; its ECE is label by label, as in Table 4.3."""
    p, y = scored.probabilities, scored.labels
    flat = p.double().flatten()
    found, truth = reliability(flat, y.flatten(), bins=bins), flat.new_full((bins,), np.nan)
    if not bool(scored.truth.isnan().any()):
        truth = reliability(flat, scored.truth.flatten(), bins=bins).frequency
    index, step = bins_of(flat[:, None], bins).indices, max(1, CHUNK // len(flat))
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
    swept: Swept, settings: Sequence[str], *, bins: int, draws: int = 200
) -> "Figure | None":
    """A row a model of seed 0, a column a calibrator: mean prediction of each bin against its share of positives.

    Test part, bins of equal width, all labels pooled. Dot: a bin, its area grows with the root of the number of
    predictions; ring: mean P(y | x), where it is known; grey: where 95 % of a perfect model's dots lie; line: perfect.
    Above each panel the ECE, a mean over labels, and the 95 % range of a perfect model's.
    """
    import matplotlib.pyplot as plt

    calibrators = (NONE, "one_t", "platt")
    found = swept.of_seed(settings, ("losses", "saliency", "mimo"))
    if not found:
        return None
    size = (0.5 + 2.2 * len(calibrators), 0.8 + 2.25 * len(found))
    shape: dict[str, Any] = {"sharex": True, "sharey": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(len(found), len(calibrators), figsize=size, **shape)
    generator = torch.Generator().manual_seed(0)
    for line, (setting, record) in zip(axes, found.items(), strict=True):
        for axis, calibrator in zip(line, calibrators, strict=True):
            one = diagram(calibrated(swept, record, calibrator), bins=bins, draws=draws, generator=generator)
            _panel(axis, one, PALETTE[HUES[calibrator]])
            head = f"{WORDS[calibrator]}\n" if axis in axes[0] else ""
            floor = f"{one.floor.low:.3f} to {one.floor.high:.3f}"
            axis.set_title(f"{head}ECE {one.ece:.3f} (floor {floor})", fontsize=8.5)
        line[0].set_ylabel(fill(name(setting), 18))
    handles, words = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper left", ncols=4, fontsize=9)
    figure.supxlabel("predicted probability", fontsize=9.5, color=INK)
    figure.supylabel("share of positives", fontsize=9.5, color=INK)
    return figure


def _panel(axis: "Axes", one: Diagram, hue: str) -> None:
    low, high = (torch.cat([bound, bound[-1:]]).numpy() for bound in (one.low, one.high))
    edges, band = np.linspace(0, 1, len(one.counts) + 1), "95 % of a perfect model's"
    grey: Mapping[str, Any] = {"color": PALETTE["reference"], "alpha": 0.3, "lw": 0}
    axis.fill_between(edges, low, high, step="post", label=band, **grey)
    axis.plot([0, 1], [0, 1], color=INK, lw=0.9, label="perfectly calibrated")
    sizes = 6 + 90 * (one.counts / one.counts.sum()).sqrt().numpy()
    axis.scatter(one.confidence, one.frequency, sizes, color=hue, lw=0, zorder=3, label="share of positives")
    if not bool(one.truth.isnan().all()):
        ring: dict[str, Any] = {"mfc": "none", "mec": INK, "mew": 0.9, "ms": 6, "zorder": 4}
        axis.plot(one.confidence, one.truth, "o", label="mean P(y | x)", **ring)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
