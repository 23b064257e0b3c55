"""Figures 3.1, 3.3 and 3.4 of the report, drawn for a run's config; shapes are those that torchinfo finds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from textwrap import fill
from typing import TYPE_CHECKING

import torch
from torchinfo import ModelStatistics, summary

from papers_lib.plots import INK, PALETTE
from sibnet_calibration.experiment import SibnetRun, build
from sibnet_calibration.figures import BACKBONES
from sibnet_calibration.grid import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, LINE = 4.9, 0.145  # inches: of a drawing, whose text is still read on a phone, and of a line of text
CD, SC = "L_CD", "L_SC"  # not as mathematics: subscripts would be too small


def layers(config: SibnetRun, classes: int, side: int) -> ModelStatistics:
    """torchinfo's summary of the run's network on one image."""
    network = build(replace(config, weights="random"), classes).eval()
    image = torch.zeros(1, 3 * config.inputs, side, side)
    return summary(network, input_data=image, depth=2, col_names=("output_size", "num_params"), verbose=0)


def flow(rows: Sequence[Sequence[str]]) -> "Figure":
    """Rows of boxes from top to bottom, with arrows from each row to the next: one by one, or all to all."""
    import matplotlib.pyplot as plt

    texts = [
        ["\n".join(fill(line, int(62 / len(row))) for line in text.split("\n")) for text in row]
        for row in rows
    ]
    heights = [LINE * max(text.count("\n") + 1 for text in row) + 0.4 for row in texts]
    figure = plt.figure(figsize=(WIDTH, sum(heights)))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, WIDTH), ylim=(0, sum(heights)))
    axis.set_axis_off()
    box = {"boxstyle": "round", "fc": f"{PALETTE['proposed']}20", "ec": PALETTE["proposed"]}
    above: list[float] = []
    top = sum(heights)
    for row, height in zip(texts, heights, strict=True):
        places = [WIDTH * (at + 0.5) / len(row) for at in range(len(row))]
        half = (height - 0.16) / 2
        for place, text in zip(places, row, strict=True):
            axis.text(place, top - height / 2, text, ha="center", va="center", fontsize=8.5, bbox=box)
        pairs = list(product(above, places))
        if len(above) == len(places):
            pairs = list(zip(above, places, strict=True))
        for start, end in pairs:
            ends = ((end, top - height / 2 + half), (start, top + 0.08))
            axis.annotate(
                "", *ends, arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
            )
        above, top = places, top - height
    return figure


def architecture_drawing(config: SibnetRun, classes: int, side: int) -> "Figure":
    """Figure 3.1: image, network, logits and maps; the maps encoded again for L_CD, in components for L_SC; the sum."""
    found = {one.var_name: one.output_size for one in layers(config, classes, side).summary_list}
    h, w = found["features"][-2:]
    frozen = f", trained from {config.train_from} on" if config.train_from else ""
    sampled = f"2 of {classes} maps of {config.share:.0%} of the images"
    some = sampled if config.estimator == "sampled" else "all maps"
    return flow(
        [
            [f"image 3×{side}×{side}"],
            [
                f"{BACKBONES.get(config.backbone, config.backbone)}{frozen}: features {found['features'][1]}×{h}×{w}"
            ],
            [f"mean, linear: {classes} logits", f"Grad-CAM: maps {classes}×{h}×{w}"],
            [f"{some}: ReLU, scaled, enlarged to {side}×{side}"],
            ["the same network again, batch norm held: codes Z", "components above the mean"],
            [f"{CD}: cosine of codes", f"{SC}: squared differences"],
            [_total(config)],
        ]
    )


def pipeline_drawing(config: SibnetRun) -> "Figure":
    """Figure 3.3: the two stages of a run; weights pass from one to the next."""
    how = f"Adam, learning rate {config.learning_rate:g}, batch {config.batch_size}"
    return flow(
        [
            [f"{BACKBONES.get(config.backbone, config.backbone)}, weights: {config.weights}"],
            [f"stage 1: {config.first_epochs} epochs, {how}\nloss = {NAMES[config.first_loss]}"],
            [f"stage 2: {config.epochs - config.first_epochs} epochs, {how}\n{_total(config)}"],
        ]
    )


def _total(config: SibnetRun) -> str:
    return f"loss = {NAMES[config.loss]} + {config.distinct:g} {CD} + {config.coherent:g} {SC}"


def mimo_drawing(config: SibnetRun, classes: int, side: int) -> "Figure":
    """Figure 3.4: a step of training with different images in the inputs; when tested all are the same image."""
    count, times = config.inputs, config.repetition
    batch = max(2, config.batch_size // times)
    parameters = layers(config, classes, side).total_params
    return flow(
        [
            [f"image {m} (tested: the same image) 3×{side}×{side}" for m in range(1, count + 1)],
            [f"one after another along the channels: {3 * count}×{side}×{side}"],
            [
                f"one network, {parameters:,} parameters; a step: {batch} images, each {times} × in every input"
            ],
            [f"head {m}: {classes} logits" for m in range(1, count + 1)],
            [f"loss on the labels of image {m}" for m in range(1, count + 1)],
            [f"tested: mean of the {count} heads' probabilities"],
        ]
    )
