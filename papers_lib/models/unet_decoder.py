"""Unet (Ronneberger 2015) as a classifier: the decoder of segmentation-models-pytorch in the paper's wider channels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from papers_lib.models import torchvision_ops  # noqa: F401  (before segmentation_models_pytorch)
from papers_lib.models.max_pooled_decoder import MaxPooledDecoder

from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder as SmpUnetDecoder  # isort: skip


class UnetDecoder(MaxPooledDecoder):
    """Unet of (256, 128, 64, 64, 64) channels (at width 128), Conv 3x3, global maximum.

    STAR Methods, "Benchmark models": "a fairly larger number of channels of (256, 128, 64, 64, 64) than the default".

    Shapes: features (B, channels[i], h_i, w_i), finest first -> :class:`HeatmapOutput`.

    - from strides 2, 4, 8, 16, 32: the paper's five blocks, maps at stride 1;
    - from strides 4, 8, 16, 32: its first three blocks, maps at stride 4. A deviation that spares the two blocks on
      the large maps, which cost as much as the rest of the network, and gives the stride of the other methods.

    Args:
        channels: of the four or five features, finest first.
        classes: K.
        generator: of the initial weights, on the CPU; torch's own is left alone.
        width: scales the channels of the blocks, (2, 1, 1/2, 1/2, 1/2) of it; even.

    Raises: ValueError for another number of features, or a width that is odd.
    """

    def __init__(
        self, channels: Sequence[int], classes: int, *, generator: torch.Generator, width: int = 128
    ) -> None:
        if len(channels) not in (4, 5):
            raise ValueError(
                f"channels: expected those of 4 or 5 stages, finest first, got {tuple(channels)}"
            )
        if width < 2 or width % 2:
            raise ValueError(f"width: expected an even number, got {width}")
        full = len(channels) == 5
        blocks = (2 * width, width, *([width // 2] * (3 if full else 1)))
        with torch.random.fork_rng(devices=[]):
            body = SmpUnetDecoder((0, *channels), blocks, n_blocks=len(blocks))
        super().__init__(
            body,
            blocks[-1],
            classes,
            generator=generator,
            kernel=3,
            stride=1 if full else 4,
            inputs=len(channels),
        )

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        finest = features[0]
        height, width = finest.shape[-2:]
        # Of what comes first, the image, the decoder takes the size only: that of its last block.
        image = finest.new_empty(0, 0, 2 * height, 2 * width)
        return self.body([image, *features])
