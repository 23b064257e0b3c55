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

WIDTH, HEIGHT = 4.9, 0.75  # inches: of a drawing, whose text is still read on a phone, and of a row
CD, SC = "L_CD", "L_SC"  # not as mathematics: subscripts would be too small


def layers(config: SibnetRun, classes: int, side: int) -> ModelStatistics:
    """torchinfo's summary of the run's network on one image."""
    network = build(replace(config, weights="random"), classes).eval()
    image = torch.zeros(1, 3 * config.inputs, side, side)
    return summary(network, input_data=image, depth=2, col_names=("output_size", "num_params"), verbose=0)


def flow(*rows: Sequence[str]) -> "Figure":
    """Rows of boxes from top to bottom, with arrows from each row to the next: one by one, or all to all."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(WIDTH, HEIGHT * len(rows)))
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0.5 - len(rows), 0.5))
    axis.set_axis_off()
    box = {"boxstyle": "round", "fc": f"{PALETTE['proposed']}20", "ec": PALETTE["proposed"]}
    arrow = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    above: list[float] = []
    for y, row in enumerate(rows):
        places = [(at + 0.5) / len(row) for at in range(len(row))]
        for x, text in zip(places, row, strict=True):
            words = fill(text, 62 // len(row))
            axis.text(x, -y, words, ha="center", va="center", fontsize=8.5, bbox=box, zorder=3)
        one_by_one = len(above) == len(places)
        for start, end in zip(above, places, strict=True) if one_by_one else product(above, places):
            axis.annotate("", (end, 0.35 - y), (start, 0.65 - y), arrowprops=arrow)
        above = places
    return figure


def architecture_drawing(config: SibnetRun, classes: int, side: int) -> "Figure":
    """Figure 3.1: image, network, logits and maps; the maps encoded again for L_CD, in components for L_SC; the sum."""
    found = {one.var_name: one.output_size for one in layers(config, classes, side).summary_list}
    channels, h, w = found["features"][1:]
    frozen = f", trained from {config.train_from} on" if config.train_from else ""
    sampled = f"2 of {classes} maps of {config.share:.0%} of the images"
    return flow(
        [f"image 3×{side}×{side}"],
        [f"{BACKBONES.get(config.backbone, config.backbone)}{frozen}: features {channels}×{h}×{w}"],
        [f"mean, linear: {classes} logits", f"Grad-CAM: maps {classes}×{h}×{w}"],
        [
            f"{sampled if config.estimator == 'sampled' else 'all maps'}: ReLU, scaled, enlarged to {side}×{side}"
        ],
        ["the same network again, batch norm held: codes Z", "components above the mean"],
        [f"{CD}: cosine of codes", f"{SC}: squared differences"],
        [_total(config)],
    )


def pipeline_drawing(config: SibnetRun) -> "Figure":
    """Figure 3.3: the two stages of a run; weights pass from one to the next."""
    how = f"Adam, learning rate {config.learning_rate:g}, batch {config.batch_size}"
    return flow(
        [f"{BACKBONES.get(config.backbone, config.backbone)}, weights: {config.weights}"],
        [f"stage 1: {config.first_epochs} epochs, {how}; loss = {NAMES[config.first_loss]}"],
        [f"stage 2: {config.epochs - config.first_epochs} epochs, {how}; {_total(config)}"],
    )


def _total(config: SibnetRun) -> str:
    return f"loss = {NAMES[config.loss]} + {config.distinct:g} {CD} + {config.coherent:g} {SC}"


def mimo_drawing(config: SibnetRun, classes: int, side: int) -> "Figure":
    """Figure 3.4: a step of training with different images in the inputs; when tested all are the same image."""
    inputs, batch = range(1, config.inputs + 1), max(2, config.batch_size // config.repetition)
    parameters = f"one network, {layers(config, classes, side).total_params:,} parameters"
    return flow(
        [f"image {m} (tested: the same image) 3×{side}×{side}" for m in inputs],
        [f"one after another along the channels: {3 * config.inputs}×{side}×{side}"],
        [f"{parameters}; a step: {batch} images, each {config.repetition} × in every input"],
        [f"head {m}: {classes} logits" for m in inputs],
        [f"loss on the labels of image {m}" for m in inputs],
        [f"tested: mean of the {config.inputs} heads' probabilities"],
    )
