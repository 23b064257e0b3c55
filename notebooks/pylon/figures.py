"""Figures of the PYLON page without pictures: point localization of every run, the architecture."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from torch import nn
from torchinfo import summary

from papers_lib.models.heatmap_methods import METHODS
from papers_lib.plots import INK, PALETTE
from pylon.baselines import BEST, CHANCE
from pylon.experiment import PylonRun, build
from pylon.frame import SMALL, by_seed, by_setting, interval, ok
from pylon.printed import MACRO

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("main", "others")
ENCODER, BLOCK, SUM, HEAD = (
    PALETTE[role] for role in ("third variant", "fourth variant", "variant", "second variant")
)


def strips(frame: pd.DataFrame, beside: pd.DataFrame) -> "Figure | None":
    """One dot per seed, a row a method: left the mean over classes, right the smallest class; None without a run.

    Diamond and line: mean and Student's 95 % interval. Grey bar: the ceiling of the method's own stride. Vertical
    lines: chance (dotted) and the best fixed point (dashed), both of ``beside``.
    """
    import matplotlib.pyplot as plt

    chosen = ok(frame, ARMS)
    groups = by_setting(chosen[chosen["point_macro"].notna()])
    if not groups:
        return None
    panels = [("point_macro", "mean over classes", MACRO), (f"point/{SMALL}", SMALL, SMALL)]
    panels = [panel for panel in panels if panel[0] in chosen and chosen[panel[0]].notna().any()]
    size = (1.5 + 2.4 * len(panels), 1.0 + 0.34 * len(groups))
    figure, axes = plt.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=size, layout="constrained"
    )
    grey = PALETTE["reference"]
    for axis, (column, words, row) in zip(axes.flat, panels, strict=True):
        for place, group in enumerate(groups.values()):
            seeds = by_seed(group, column)
            found, kind = interval(seeds), METHODS.get(group["method"].iloc[0], METHODS["cam"]).kind
            tint = PALETTE[{"pylon": "proposed", "cam": "baseline"}.get(kind, "variant")]
            axis.plot(seeds, np.full(len(seeds), place + 0.14), "o", color=tint, ms=5, mew=0)
            axis.plot([found["low"], found["high"]], [place - 0.18] * 2, color=INK, lw=1.4)
            axis.plot(found["mean"], place - 0.18, "D", color=INK, ms=4)
            ceiling = beside.loc[row].get(f"ceiling, stride {group['stride'].iloc[0]:g}", np.nan)
            axis.plot([ceiling] * 2, [place - 0.42, place + 0.42], color=grey, lw=3, zorder=1)
        for name, dash in ((CHANCE, ":"), (BEST, (0, (4, 3)))):
            axis.axvline(beside.loc[row, name], color=grey, lw=1.1, ls=dash, zorder=0)
        axis.set(title=words, xlabel="share of hits", xlim=(-0.03, 1.03))
    axes[0, 0].set_yticks(range(len(groups)), list(groups))
    axes[0, 0].set_ylim(len(groups) - 0.5, -0.5)
    return figure


def architecture(config: PylonRun, side: int, classes: int = 14) -> "Figure":
    """Figure 1B, drawn from the model: encoder, laterals, PA, UPs, head and maximum; sizes: channels, height, width.

    Args: config, of method "pylon"; side, of the images in pixels.
    """
    import matplotlib.pyplot as plt

    model: Any = build(config, classes)
    encoder, decoder = model.encoder, model.decoder
    found = summary(model, (1, config.channels, side, side), depth=9, verbose=0)
    size = {one.layer_id: "×".join(map(str, one.output_size[1:])) for one in found.summary_list}
    rows = len(encoder.channels)
    figure, axis = plt.subplots(figsize=(6.4, 0.9 * rows + 0.9), layout="constrained")
    axis.set_axis_off()
    axis.set(xlim=(-0.5, 3.5), ylim=(-0.5, rows - 0.3))

    def box(x: int, y: int, text: str, colour: str, *before: tuple[int, int]) -> tuple[int, int]:
        """A box with words and arrows from the boxes before it; its place."""
        edge = {"boxstyle": "round", "fc": f"{colour}38", "ec": colour, "lw": 1.3}
        there = axis.text(x, y, text, fontsize=8.5, ha="center", va="center", bbox=edge)
        for start in before:
            arrow = {"arrowstyle": "-|>", "color": INK, "patchA": boxes[start].get_bbox_patch()}
            arrow |= {"patchB": there.get_bbox_patch(), "shrinkA": 1, "shrinkB": 1}
            axis.annotate("", (x, y), start, arrowprops=arrow)
        boxes[x, y] = there
        return x, y

    boxes: dict[tuple[int, int], Any] = {}
    for number, (stride, channels) in enumerate(zip(encoder.strides, encoder.channels, strict=True)):
        row, cells = rows - 1 - number, side // stride  # finest first, on top
        words = f"stage {number + 1}, stride {stride}\n{channels}×{cells}×{cells}"
        box(0, row, words, ENCODER, *[(0, row + 1)][:number])
    decoded = box(2, 0, f"PA\n{size[id(decoder.body.attention.main)]}", SUM, (0, 0))
    for row, up in enumerate(decoder.body.ups, start=1):
        lateral = box(1, row, "\n".join(map(_convolution, up.lateral)), BLOCK, (0, row))
        decoded = box(2, row, f"UP {row}: resize, sum\n{size[id(up.lateral[-1])]}", SUM, lateral, decoded)
    words = f"head\n{_convolution(decoder.head)}\nmaps {size[id(decoder.head)]}"
    head = box(3, config.ups, words, HEAD, decoded)
    box(3, config.ups - 1 if config.ups else 1, f"global maximum\n{classes} logits", HEAD, head)
    return figure


def _convolution(block: nn.Module) -> str:
    """Of a block; norm and ReLU follow in every block but the head."""
    layer = next(one for one in block.modules() if isinstance(one, nn.Conv2d))
    return f"Conv {layer.kernel_size[0]}×{layer.kernel_size[1]}, {layer.in_channels} → {layer.out_channels}"
