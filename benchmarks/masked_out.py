"""Time of the masked-out area with pairs in lockstep, against a plain loop that stops at the flip.

On a network that runs often on a small image: EfficientNet-Lite0 under PYLON's decoder, 128 px, random weights. Both
send the same images through it, one a level of each pair until its prediction flips; lockstep sends them together.
"""

from typing import Any

import torch
from torch import Tensor

from benchmarks.interleaved import alternating, rows_over
from papers_lib.metrics.masked_out import MaskedOut, masked_out
from papers_lib.metrics.masks import resize_maps
from pylon.experiment import PylonRun, build

CLASSES = 14
LABELS = {
    "plain": "masked-out area, a plain loop: one pair after the other, level by level",
    "lockstep": "masked-out area, 16 pairs in lockstep (ours)",
}
LOCKSTEP = 16
LEVEL = 0.02  # of the image's area a level: a quarter of the paper's levels, the same ratio
PAIRS = 16
SIDE = 128  # px
ROUNDS = 2


class Pairs:
    """Pairs of image and class whose masked-out area is sought; each flips between no mask and a full one.

    Args: count: of pairs; backbone, side, device: of the network, whose weights are random.
    """

    def __init__(
        self, count: int = PAIRS, backbone: str = "efficientnet_lite0", side: int = SIDE, device: str = "cpu"
    ) -> None:
        run = PylonRun(seed=0, method="pylon", backbone=backbone, weights="random")
        model = build(run, CLASSES).eval().to(device)
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(0)
        self.images = torch.rand(count, 1, side, side, generator=generator).to(device)
        with torch.no_grad():
            logits, maps = self.model(self.images)
            falls = logits - self.model(torch.zeros_like(self.images[:1])).logits
        assert maps is not None
        self.target = falls.argmax(1)
        chosen = torch.arange(count, device=device)
        self.maps = maps[chosen, self.target]
        # halfway down for the pair of the class that falls least, so that every pair flips
        least = torch.full((CLASSES,), torch.inf, device=device)
        least.scatter_reduce_(0, self.target, falls[chosen, self.target], "amin")
        blank = (logits - falls)[0]
        self.thresholds = torch.where(least.isfinite(), blank + least / 2, 0.0)

    def lockstep(self) -> MaskedOut:
        """The area of every pair by the library."""
        return masked_out(
            lambda images: self.model(images).logits,
            self.images,
            self.maps,
            self.target,
            self.thresholds,
            step=LEVEL,
            batch=LOCKSTEP,
        )

    @torch.no_grad()
    def plain(self) -> list[int]:
        """The flipping step of every pair, as the paper's text reads: mask a little more, look again."""
        steps = []
        for image, heat, k in zip(self.images, self.maps, self.target.tolist(), strict=True):
            steps.append(self._first_flip(image, heat, k))
        return steps

    def _first_flip(self, image: Tensor, heat: Tensor, k: int) -> int:
        size = (image.shape[-2], image.shape[-1])
        order = resize_maps(heat[None], size).flatten().argsort(descending=True, stable=True)
        levels = round(1 / LEVEL)
        for level in range(levels + 1):
            masked = image.clone()
            masked.flatten(1)[:, order[: -(-level * len(order) // levels)]] = 0.0  # ceil
            logit = self.model(masked[None]).logits[0, k]
            if float(logit) <= float(self.thresholds[k]):
                break
        return level


def table(
    device: str = "cpu", rounds: int = ROUNDS, pairs: int = PAIRS, side: int = SIDE
) -> list[dict[str, Any]]:
    """Both ways over the plain loop; "passes" are those of either, "passes to the end" of a loop that never stops."""
    made = Pairs(pairs, side=side, device=device)
    times = alternating({"plain": made.plain, "lockstep": made.lockstep}, rounds, device)
    rows = rows_over(times, "plain", "EfficientNet-Lite0", LABELS)
    found = made.lockstep()
    calls = {"plain": found.passes, "lockstep": found.calls}  # a plain loop has an image a call
    more = {
        "passes": found.passes,
        "passes to the end": found.all_levels,
        "size": f"{pairs} pairs, {side} px",
    }
    return [row | {"key": f"masked_{row['key']}", "calls": calls[row["key"]], **more} for row in rows]
