"""Figure 1B: PYLON drawn from the model itself; sizes, channels and parameters are what torchinfo's summary counts."""

from typing import TYPE_CHECKING

from torch import nn
from torchinfo import ModelStatistics, summary

from papers_lib.companion.palette import INK, PALETTE
from papers_lib.models.pylon import PylonDecoder
from pylon.experiment import PylonRun, build

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = 8.5  # of the text in points
WIDE, TALL = 0.44, 0.32  # half a box, in units of its column and row
COLOURS = {
    "encoder": PALETTE["third variant"],
    "block": PALETTE["fourth variant"],
    "sum": PALETTE["variant"],
    "head": PALETTE["second variant"],
    "idle": PALETTE["reference"],
}


def architecture(config: PylonRun, side: int, classes: int = 14) -> "Figure":
    """Encoder, laterals, PA, UPs, head and maximum from left to right, a row a stage; sizes: channels, height, width.

    Args: config, of method "pylon"; side, of the images in pixels.
    """
    import matplotlib.pyplot as plt

    model = build(config, classes)
    encoder, decoder = model.encoder, model.decoder
    assert encoder is not None
    assert isinstance(decoder, PylonDecoder)
    found = summary(model, (1, config.channels, side, side), depth=9, verbose=0)
    shapes = {one.layer_id: _size(one.output_size) for one in found.summary_list}
    rows = len(encoder.channels)
    figure, axis = plt.subplots(figsize=(6.4, 0.95 * rows + 0.9), layout="constrained")
    axis.set_axis_off()
    axis.set(xlim=(-0.5, 3.5), ylim=(-0.9, rows - 0.3))
    axis.text(-0.45, rows - 0.45, f"image {config.channels}×{side}×{side}, {config.backbone}", fontsize=SIZE)
    stages = []
    for row, (stride, channels) in enumerate(zip(encoder.strides[::-1], encoder.channels[::-1], strict=True)):
        is_read = row <= config.ups
        words = f"stage {rows - row}, stride {stride}\n{channels}×{side // stride}×{side // stride}"
        kind = "encoder" if is_read else "idle"
        stages.append(_box(axis, 0, row, words if is_read else f"{words}\nnot read", kind))
    for finer, coarser in zip(stages[1:], stages, strict=False):
        _arrow(axis, (finer[0], finer[1] - TALL), (coarser[0], coarser[1] + TALL))
    body = decoder.body
    decoded = _beside(axis, stages[0], 2, 0, f"PA\n{shapes[id(body.attention.main)]}", "sum")
    for row, up in enumerate(body.ups, start=1):  # type: ignore[arg-type]
        lateral = _beside(axis, stages[row], 1, row, "\n".join(map(_convolution, up.lateral)), "block")
        after = _beside(axis, lateral, 2, row, f"UP {row}: sum\n{shapes[id(up.lateral[-1])]}", "sum")
        _arrow(axis, (decoded[0], decoded[1] + TALL), (after[0], after[1] - TALL))
        axis.text(2.04, row - 0.5, "resize, sum", fontsize=SIZE, va="center")
        decoded = after
    head = shapes[id(decoder.head)]
    words = f"head\n{_convolution(decoder)}\nmaps {head}"
    maps = _beside(axis, decoded, 3, config.ups, words, "head")
    towards = -1 if config.ups else 1
    logits = _box(axis, 3, config.ups + towards, f"global maximum\n{classes} logits", "head")
    _arrow(axis, (maps[0], maps[1] + towards * TALL), (logits[0], logits[1] - towards * TALL))
    counted = f"parameters: decoder {_millions(decoder)}, encoder {_millions(encoder)}"
    axis.text(-0.45, -0.8, f"{counted}; {_operations(found)} for one image", fontsize=SIZE)
    return figure


def _size(shape: list[int]) -> str:
    return "×".join(map(str, shape[1:]))


def _convolution(block: nn.Module) -> str:
    """The block's last convolution; norm and ReLU follow in every block but the head."""
    layer = [one for one in block.modules() if isinstance(one, nn.Conv2d)][-1]
    return f"Conv {layer.kernel_size[0]}×{layer.kernel_size[1]}, {layer.in_channels} → {layer.out_channels}"


def _millions(part: nn.Module) -> str:
    return f"{sum(one.numel() for one in part.parameters()) / 1e6:.2f} million"


def _operations(found: ModelStatistics) -> str:
    return f"{found.total_mult_adds / 1e6:,.0f} million multiply-adds"


def _box(axis: "Axes", x: float, y: float, text: str, kind: str) -> tuple[float, float]:
    """A box with words; its centre."""
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.05"
    colour = COLOURS[kind]
    corner = (x - WIDE, y - TALL)
    axis.add_patch(
        FancyBboxPatch(corner, 2 * WIDE, 2 * TALL, boxstyle=style, fc=f"{colour}38", ec=colour, lw=1.3)
    )
    axis.text(x, y, text, fontsize=SIZE, ha="center", va="center", linespacing=1.15)
    return x, y


def _beside(
    axis: "Axes", before: tuple[float, float], x: float, y: float, text: str, kind: str
) -> tuple[float, float]:
    """A box with an arrow from the one at its left."""
    after = _box(axis, x, y, text, kind)
    _arrow(axis, (before[0] + WIDE, before[1]), (x - WIDE, y))
    return after


def _arrow(axis: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "lw": 1.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
    axis.annotate("", end, start, arrowprops=style)
