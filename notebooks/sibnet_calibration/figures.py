"""Image panels of the Sibnet page: examples of the set, and Figures 4.5 and 4.6: saliency maps beside their images.

Which images: a fixed rule, class after class the first test image with the label and a box of the class, never by
looks. Maps are shown as ``cams.display_map`` has them: ReLU, divided by the maximum, enlarged.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from papers_lib.cams import display_map
from papers_lib.companion.palette import HEAT
from papers_lib.datasets.chexpert_store import ChexpertImages
from papers_lib.metrics.localization import point_hits
from papers_lib.sweep.records import Record
from pylon.heat import POINT, draw_image, image_grid, wrapped
from sibnet_calibration.data import Opened
from sibnet_calibration.settings import name
from sibnet_calibration.similarity import ARMS
from sibnet_calibration.sweeps import Swept

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACKBONES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "efficientnet_lite2": "EfficientNet-Lite2",
    "densenet121": "DenseNet-121",
    "resnet101": "ResNet-101",
    "vgg19": "VGG-19",
}
OPACITY = 0.55
Column = tuple[str, Record]
Pair = tuple[int, int]
"""An image, by its place among the test images, and a class."""


def by_setting(
    sweeps: Iterable[Swept], settings: Sequence[str], seed: int = 0, arms: Sequence[str] = ARMS
) -> list[Column]:
    """Title and record of the run of each setting that there is, in the order given; the first of several."""
    ended = [record for one in sweeps for record in _with_maps(one.records) if record.config.seed == seed]
    found: dict[str, Record] = {}
    for record in ended:
        if record.config.arm in arms:
            found.setdefault(record.config.setting(), record)
    return [(name(setting), found[setting]) for setting in settings if setting in found]


def by_backbone(sweeps: Iterable[Swept], setting: str = "bce", seed: int = 0) -> list[Column]:
    """Figure 4.5: the runs of a setting in the arms "losses" and "backbones", a column an encoder and its weights."""
    found: dict[str, Record] = {}
    for record in (record for one in sweeps for record in _with_maps(one.records)):
        config = record.config
        if (config.setting(), config.seed) == (setting, seed) and config.arm in ("losses", "backbones"):
            title = BACKBONES.get(config.backbone, config.backbone)
            title += ", random weights" if config.weights == "random" else ""
            found.setdefault(title, record)
    return list(found.items())


def example_pairs(images: ChexpertImages, count: int | None = None, kept: int | None = None) -> list[Pair]:
    """For each class in turn the first test image with its label and a box of it, not taken yet; the first ``count``.

    Of a class without boxes in the set, as all of real CheXpert's, the first with its label. In the stand-in a finding
    has its box whether or not the label, which is drawn from P(y | x), came out as present: hence both are asked for.
    A class without such an image is left out.

    Args: kept, only among so many first test images, those whose maps are kept.
    """
    test = images.images.part("test")
    rows = range(len(test) if kept is None else min(kept, len(test)))
    found: dict[int, int] = {}
    for k in range(len(test.classes)):
        boxed = np.array([bool((kinds == k).any()) for kinds in test.box_classes], bool)
        shows = test.labels[:, k] & (boxed if boxed.any() else True)
        row = next((row for row in rows if shows[row] and row not in found), None)
        found |= {} if row is None else {row: k}
    return list(found.items())[:count]


def examples_figure(opened: Opened, *, a_line: int = 3, side: float = 1.5) -> "Figure | None":
    """A test image of each class with its boxes of the class, its label and P(y | x) where that is known."""
    pairs = example_pairs(opened.images)
    if not pairs:
        return None
    titles = [_about(opened.images, pair, 20) for pair in pairs]
    figure, axes = image_grid([titles], a_line=a_line, side=side)
    for axis, (row, k) in zip(axes[0], pairs, strict=True):
        _image(axis, opened.images, row, k)
    return figure


def saliency_figure(
    swept: Swept,
    columns: Sequence[Column],
    pairs: Sequence[Pair] | None = None,
    *,
    a_line: int = 4,
    side: float = 1.25,
) -> "Figure | None":
    """Figures 4.5 and 4.6, or Table 4.1's models: the input, then each model's map of one class over it.

    White: boxes of the class. The hottest pixel has a ring inside a box of the class, a cross outside of all (or
    without any). p is the model's probability of the class. None without a model, a map or an image.

    Args:
        columns: title and record; see :func:`by_setting` and :func:`by_backbone`. Those without maps are left out.
        pairs: images and classes, those beyond the kept maps left out; None for two of :func:`example_pairs`.
        a_line: pictures beside each other; a row with more goes on below.
        side: of a picture in inches.
    """
    models = [(title, arrays) for title, record in columns if "maps" in (arrays := record.arrays())]
    kept = min((len(arrays["maps"]) for _, arrays in models), default=0)
    images = swept.opened.images
    chosen = example_pairs(images, 2, kept) if pairs is None else [pair for pair in pairs if pair[0] < kept]
    if not models or not chosen:
        return None
    titles = []
    for line, (row, k) in enumerate(chosen):
        names = [wrapped(title, 17) if line == 0 or len(models) >= a_line else "" for title, _ in models]
        shares = [_sigmoid(arrays["test_logits"][row, k]) for _, arrays in models]
        above = [f"{name}\np = {p:.2f}".strip() for name, p in zip(names, shares, strict=True)]
        titles.append([_about(images, (row, k), 17), *above])
    figure, axes = image_grid(titles, a_line=a_line, side=side)
    for (row, k), (first, *others) in zip(chosen, axes, strict=True):
        _image(first, images, row, k)
        for axis, (_, arrays) in zip(others, models, strict=True):
            picture, boxes = _image(axis, images, row, k)
            _heat(axis, arrays["maps"][row, k].astype(np.float32), boxes, picture.shape[:2])
    return figure


def _with_maps(records: Iterable[Record]) -> list[Record]:
    """Records of runs that ended well; a MIMO network has no maps of one image."""
    return [record for record in records if record.status == "ok" and record.config.inputs == 1]


def _about(images: ChexpertImages, pair: Pair, width: int) -> str:
    """Class, label, and P(y | x) where it is known."""
    row, k = pair
    test = np.flatnonzero(images.images.split == "test")[row]
    truth = images.truth[test, k]
    label = f"label {int(images.images.labels[test, k])}"
    known = f"P(y|x) = {truth:.2f}" if np.isfinite(truth) else ""
    return "\n".join(line for line in (wrapped(images.images.classes[k], width), label, known) if line)


def _image(axis: "Axes", images: ChexpertImages, row: int, k: int) -> tuple[np.ndarray, torch.Tensor]:
    """Draw a test image with its boxes of a class; the picture and the boxes (n, 4), in its pixels."""
    at = int(np.flatnonzero(images.images.split == "test")[row])
    picture = np.asarray(images.pixels[at])
    boxes = images.images.take([at]).of_class(k, picture.shape[:2])[0]
    draw_image(axis, picture, boxes.numpy())
    return picture, boxes


def _heat(axis: "Axes", raw: np.ndarray, boxes: torch.Tensor, size: tuple[int, int]) -> None:
    """The map over what is drawn, and its hottest pixel; words where a map has nothing to show."""
    from matplotlib.patheffects import Normal, Stroke

    finite = bool(np.isfinite(raw).all())
    if not finite or raw.max() <= 0:
        words = "no positive value" if finite else "not finite"
        said = axis.text(0.5, 0.04, words, fontsize=8, color="white", ha="center", transform=axis.transAxes)
        said.set_path_effects([Stroke(linewidth=2, foreground="black"), Normal()])
        return
    heat = display_map(torch.from_numpy(raw), size).numpy()
    axis.imshow(heat, cmap=HEAT, vmin=0, vmax=1, alpha=OPACITY, interpolation="nearest")
    found = point_hits(torch.from_numpy(raw)[None], [boxes], size)
    x, y = found.point[0].tolist()
    if x >= 0:
        mark, large = ("o", 7) if bool(found.hit[0]) else ("x", 6)
        for colour, edge in (("black", 3.0), (POINT, 1.6)):
            axis.plot(x, y, mark, ms=large, mfc="none", mec=colour, mew=edge, zorder=4, clip_on=False)


def _sigmoid(logit: float) -> float:
    return float(torch.tensor(float(logit), dtype=torch.float64).sigmoid())
