"""Figure 1B drawn from what :func:`pylon.architecture.read` noted of a model."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from papers_lib.companion.palette import INK, PALETTE
from papers_lib.models.classifier import Weights
from papers_lib.models.pylon import pylon
from pylon.architecture import Architecture, Part, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = 8.5  # of the text in points
WIDE, TALL = 0.88, 0.64  # of a box, in units of its column and row
COLOURS = {
    "encoder": PALETTE["third variant"],
    "block": PALETTE["fourth variant"],
    "sum": PALETTE["variant"],
    "head": PALETTE["second variant"],
    "idle": PALETTE["reference"],
}


class Box(NamedTuple):
    """Centre and half sizes of a box that was drawn."""

    x: float
    y: float
    w: float
    h: float


def architecture_figure(found: Architecture) -> "Figure":
    """Above: encoder, laterals, PA, UPs, head and maximum; below: the inside of PA. Sizes: channels, height, width.

    Any backbone, 0 to 3 UPs, with or without attention and global average pool.
    """
    import matplotlib.pyplot as plt

    levels = sum(name.startswith("body.attention.down") for name in found.parts)
    rows = 1 + levels + ("body.attention.gap" in found.parts)
    stages = len(found.stages)
    figure, (above, below) = plt.subplots(
        2,
        1,
        figsize=(6.0, 0.95 * (stages + rows) + 1.0),
        height_ratios=[stages + 0.5, rows + 0.35],
        layout="constrained",
    )
    _pyramid(above, found)
    _attention(below, found, levels)
    for axis in (above, below):
        axis.set_axis_off()
    return figure


def drawing(
    backbone: str,
    weights: Weights,
    width: int,
    side: int,
    channels: int,
    *,
    classes: int = 14,
    **decoder: Any,
) -> "Figure":
    """:func:`architecture_figure` of the model that these settings give, for images of ``side`` pixels."""
    generator = torch.Generator().manual_seed(0)
    model = pylon(
        backbone, classes, generator=generator, in_channels=channels, weights=weights, width=width, **decoder
    )
    return architecture_figure(read(model, side, channels))


def _pyramid(axis: "Axes", found: Architecture) -> None:
    count = len(found.stages)
    top = count - 1
    colour, height, width = found.image
    axis.set(xlim=(-0.5, 3.5), ylim=(-0.45, count + 0.1))
    image = _box(axis, 0, count - 0.22, f"image {colour}×{height}×{width}", "idle", tall=0.3)
    axis.text(1.0, count - 0.22, found.backbone, fontsize=SIZE, ha="left", va="center", style="italic")
    stage_boxes = []
    for number, stage in enumerate(found.stages):
        used = number in found.used
        text = f"{stage.name}, {stage.words}\n{_size(stage)}" + ("" if used else "\nnot read")
        stage_boxes.append(_box(axis, 0, top - number, text, "encoder" if used else "idle"))
    for before, after in zip([image, *stage_boxes], stage_boxes, strict=False):
        _down(axis, before, after)
    resized = found.resized()[len(found.resized()) - found.ups :]
    main = found.parts["body.attention.main"]
    decoded = _box(axis, 2, 0, f"PA\n{_size(main)}", "sum")
    _right(axis, stage_boxes[-1], decoded)
    for number in range(found.ups):
        blocks = [part for name, part in found.parts.items() if name.startswith(f"body.ups.{number}.")]
        row = number + 1
        lateral = _box(axis, 1, row, "\n".join(_short(part) for part in blocks), "block")
        after = _box(axis, 2, row, f"UP {number + 1}: sum\n{_size(blocks[-1])}", "sum")
        _right(axis, stage_boxes[top - row], lateral)
        _right(axis, lateral, after)
        _up(axis, decoded, after)
        step = resized[number]
        words = f"resize {step.before[0]} → {step.after[0]}"
        axis.text(2.03, row - 0.5, words, fontsize=SIZE, ha="left", va="center")
        decoded = after
    head = found.parts["head"]
    towards = -1 if found.ups > 1 else 1
    chain = [
        _box(axis, 3, found.ups, f"head\n{_short(head)}", "head"),
        _box(axis, 3, found.ups + towards, f"heatmaps\n{_size(head)}", "head"),
        _box(axis, 3, found.ups + 2 * towards, f"global maximum\n{head.shape[0]} logits", "head"),
    ]
    _right(axis, decoded, chain[0])
    for before, after in pairwise(chain):
        (_down if towards < 0 else _up)(axis, before, after)


def _attention(axis: "Axes", found: Architecture, levels: int) -> None:
    pools, resized = found.pooled(), found.resized()[: len(found.resized()) - found.ups]
    source = found.stages[-1]
    gap = found.parts.get("body.attention.gap")
    axis.set(xlim=(-0.5, 3.5), ylim=(-0.45 - levels, 0.45 + (gap is not None) + 0.1))
    given = _box(axis, 0, 0, f"inside of PA:\n{source.name}\n{_size(source)}", "encoder")
    main = _box(axis, 1, 0, f"{_short(found.parts['body.attention.main'])}", "block")
    words = ("× mask" if levels else "") + (" + mean" if gap else "") or "given on"
    out = _box(axis, 3, 0, f"{words}\n{_size(found.parts['body.attention.main'])}", "sum")
    _right(axis, given, main)
    _right(axis, main, out)
    if gap is not None:
        mean = _box(axis, 1, 1, f"global mean\n{_short(gap)}", "block")
        _elbow(axis, given, mean)
        _elbow(axis, mean, out)
    before = given
    downs, sums = [], []
    for level in range(levels):
        down, lateral = (found.parts[f"body.attention.{kind}.{level}"] for kind in ("down", "lateral"))
        pool = pools[level]
        text = f"pool {pool.before[0]} → {pool.after[0]}\n{_short(down)}"
        downs.append(_box(axis, 1, -1 - level, text, "block"))
        beside = _box(axis, 2, -1 - level, f"{_short(lateral)}\n{_size(lateral)}", "block")
        (_elbow if level == 0 else _down)(axis, before, downs[-1])
        _right(axis, downs[-1], beside)
        if level < levels - 1:
            sums.append(_box(axis, 3, -1 - level, "sum", "sum", tall=0.4))
            _right(axis, beside, sums[-1])
        else:
            _elbow(axis, beside, (sums or [out])[-1])
        before = downs[-1]
    for upper, lower in pairwise([out, *sums]):
        _up(axis, lower, upper)
    for level in range(levels):
        step = resized[levels - 1 - level]
        words = f"resize {step.before[0]} → {step.after[0]}"
        axis.text(2.97, -0.5 - level, words, fontsize=SIZE, ha="right", va="center")


def _size(part: Part) -> str:
    return "×".join(map(str, part.shape))


def _short(part: Part) -> str:
    """The convolution alone: every block goes on with norm and ReLU."""
    kernel, channels = part.words.split(", ")[:2]
    return f"{kernel}\n{channels}"


def _box(axis: "Axes", x: float, y: float, text: str, kind: str, tall: float = TALL) -> Box:
    from matplotlib.patches import FancyBboxPatch

    w, h = WIDE / 2, tall / 2
    shape = FancyBboxPatch(
        (x - w, y - h),
        2 * w,
        2 * h,
        boxstyle="round,pad=0,rounding_size=0.05",
        fc=f"{COLOURS[kind]}38",
        ec=COLOURS[kind],
        lw=1.3,
    )
    axis.add_patch(shape)
    axis.text(x, y, text, fontsize=SIZE, ha="center", va="center", linespacing=1.15)
    return Box(x, y, w, h)


def _arrow(axis: "Axes", start: tuple[float, float], end: tuple[float, float], bend: str = "arc3") -> None:
    style = {
        "arrowstyle": "-|>",
        "color": INK,
        "lw": 1.0,
        "shrinkA": 0,
        "shrinkB": 0,
        "connectionstyle": bend,
    }
    axis.annotate("", end, start, arrowprops={**style, "mutation_scale": 9})


def _right(axis: "Axes", a: Box, b: Box) -> None:
    _arrow(axis, (a.x + a.w, a.y), (b.x - b.w, b.y))


def _up(axis: "Axes", a: Box, b: Box) -> None:
    _arrow(axis, (a.x, a.y + a.h), (b.x, b.y - b.h))


def _down(axis: "Axes", a: Box, b: Box) -> None:
    _arrow(axis, (a.x, a.y - a.h), (b.x, b.y + b.h))


def _elbow(axis: "Axes", a: Box, b: Box) -> None:
    """From above or below a box into the side of the next column's, or from its side to above or below one further."""
    upwards = b.y > a.y
    if a.y == 0:  # what PA is given branches off to its rows
        start = a.y + (a.h if upwards else -a.h)
        _arrow(axis, (a.x, start), (b.x - b.w, b.y), "angle,angleA=90,angleB=0,rad=4")
    else:
        end = b.y + (-b.h if upwards else b.h)
        _arrow(axis, (a.x + a.w, a.y), (b.x, end), "angle,angleA=0,angleB=90,rad=4")
