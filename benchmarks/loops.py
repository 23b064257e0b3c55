"""What is done at once here, against a plain loop that gives the same."""

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.timing import Row, alternating, ratio_rows
from papers_lib.losses.spatial_coherence import components, spatial_coherence
from papers_lib.metrics.deletion import masked_out
from papers_lib.metrics.overlap import resize_maps
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import decoder
from papers_lib.models.pyramid_encoder import pyramid_encoder

RADIUS = 4  # of spatial coherence's window of 9


def masked_out_table(
    device: str, rounds: int = 2, pairs: int = 16, side: int = 128, step: float = 0.02
) -> list[Row]:
    """The masked-out area: one pair after the other until it flips, or all pairs in lockstep."""
    generator = torch.Generator().manual_seed(0)
    encoder = pyramid_encoder("efficientnet_lite0", generator=generator, weights="random", in_channels=1)
    model = HeatmapClassifier(encoder, decoder("pylon", encoder.channels, 14, generator=generator))
    model = model.eval().to(device)
    images = torch.rand(pairs, 1, side, side, generator=generator).to(device)
    with torch.no_grad():
        logits, maps = model(images)
        blank = model(torch.zeros_like(images[:1])).logits
    assert maps is not None
    target = (logits - blank).argmax(1)
    rows = torch.arange(pairs, device=device)
    heat, thresholds = maps[rows, target], (logits + blank)[rows, target].amin().repeat(14) / 2
    levels = round(1 / step)

    @torch.no_grad()
    def plain() -> None:
        for image, one, k in zip(images, heat, target.tolist(), strict=True):
            order = resize_maps(one[None], (side, side)).flatten().argsort(descending=True, stable=True)
            for level in range(levels + 1):
                masked = image.clone()
                masked.flatten(1)[:, order[: -(-level * len(order) // levels)]] = 0.0
                if float(model(masked[None]).logits[0, k]) <= float(thresholds[k]):
                    break

    def lockstep() -> None:
        masked_out(lambda x: model(x).logits, images, heat, target, thresholds, step=step, batch=pairs)

    ways = {"masked-out area, a plain loop": plain, "masked-out area, in lockstep (ours)": lockstep}
    return ratio_rows(
        alternating(ways, rounds, device), "EfficientNet-Lite0, PYLON", f"{pairs} pairs, {side} px"
    )


def coherence_table(device: str, rounds: int = 5, side: int = 224, count: int = 20) -> list[Row]:
    """Spatial coherence with its gradient, against a loop over pixels in numpy (a row of a map, multiplied up)."""
    noise = torch.rand(count, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    maps = F.interpolate(noise, (side, side), mode="bilinear")[:, 0].to(device)
    labels = components(maps)
    values, row = maps[0].cpu().numpy(), side // 2

    def ours() -> None:
        leaf = maps.clone().requires_grad_()
        spatial_coherence(leaf, labels).backward()

    def loop() -> None:
        slope = np.zeros_like(values)
        for column in range(side):
            window = (
                slice(max(0, row - RADIUS), row + RADIUS + 1),
                slice(max(0, column - RADIUS), column + RADIUS + 1),
            )
            difference = values[row, column] - values[window]
            slope[row, column] += 2 * difference.sum()
            slope[window] -= 2 * difference

    times = alternating(
        {"spatial coherence (ours)": ours, "spatial coherence, loop over pixels": loop}, rounds, device
    )
    pixels = float((labels > 0).sum()) / side  # rows full of pixels with a cluster, over all maps
    times["spatial coherence, loop over pixels"] = [
        pixels * seconds for seconds in times["spatial coherence, loop over pixels"]
    ]
    return ratio_rows(times, "no network", f"{count} maps, {side} px")
