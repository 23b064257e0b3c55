"""Figure 1B: PYLON drawn from the model itself; sizes, channels and parameters are what torchinfo's summary counts."""

from typing import TYPE_CHECKING, Any

from torch import nn
from torchinfo import summary

from papers_lib.plots import INK, PALETTE
from pylon.experiment import PylonRun, build

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = 8.5  # of the text in points
ENCODER, BLOCK, SUM, HEAD, IDLE = (
    PALETTE[role] for role in ("third variant", "fourth variant", "variant", "second variant", "reference")
)


def architecture(config: PylonRun, side: int, classes: int = 14) -> "Figure":
    """Encoder, laterals, PA, UPs, head and maximum from left to right, a row a stage; sizes: channels, height, width.

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
    axis.set(xlim=(-0.5, 3.5), ylim=(-0.8, rows - 0.3))

    def box(x: int, y: int, text: str, colour: str, *before: tuple[int, int]) -> tuple[int, int]:
        """A box with words and arrows from the boxes before it; its place."""
        edge = {"boxstyle": "round", "fc": f"{colour}38", "ec": colour, "lw": 1.3}
        there = axis.text(x, y, text, fontsize=SIZE, ha="center", va="center", bbox=edge)
        for start in before:
            arrow = {"arrowstyle": "-|>", "color": INK, "patchA": boxes[start].get_bbox_patch()}
            arrow |= {"patchB": there.get_bbox_patch(), "shrinkA": 1, "shrinkB": 1}
            axis.annotate("", (x, y), start, arrowprops=arrow)
        boxes[x, y] = there
        return x, y

    boxes: dict[tuple[int, int], Any] = {}
    for number, (stride, channels) in enumerate(zip(encoder.strides, encoder.channels, strict=True)):
        row, cells = rows - 1 - number, side // stride  # finest first, on top
        words, before = (
            f"stage {number + 1}, stride {stride}\n{channels}×{cells}×{cells}",
            [(0, row + 1)][:number],
        )
        if row <= config.ups:
            box(0, row, words, ENCODER, *before)
        else:
            box(0, row, f"{words}\nnot read", IDLE, *before)
    decoded = box(2, 0, f"PA\n{size[id(decoder.body.attention.main)]}", SUM, (0, 0))
    for row, up in enumerate(decoder.body.ups, start=1):
        lateral = box(1, row, "\n".join(map(_convolution, up.lateral)), BLOCK, (0, row))
        decoded = box(2, row, f"UP {row}: resize, sum\n{size[id(up.lateral[-1])]}", SUM, lateral, decoded)
    head = box(
        3, config.ups, f"head\n{_convolution(decoder.head)}\nmaps {size[id(decoder.head)]}", HEAD, decoded
    )
    beside = config.ups - 1 if config.ups else 1
    box(3, beside, f"global maximum\n{classes} logits", HEAD, head)
    ours, theirs = (sum(one.numel() for one in part.parameters()) / 1e6 for part in (decoder, encoder))
    words = f"{ours:.2f} million parameters in the decoder, {theirs:.2f} million in {config.backbone}"
    words = f"{words}\n{found.total_mult_adds / 1e6:,.0f} million multiply-adds for an image of {side}×{side}"
    axis.text(-0.45, -0.75, words, fontsize=SIZE)
    return figure


def _convolution(block: nn.Module) -> str:
    """Of a block; norm and ReLU follow in every block but the head."""
    layer = next(one for one in block.modules() if isinstance(one, nn.Conv2d))
    return f"Conv {layer.kernel_size[0]}×{layer.kernel_size[1]}, {layer.in_channels} → {layer.out_channels}"
