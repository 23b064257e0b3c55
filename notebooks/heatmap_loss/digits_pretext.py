"""Stand-in for ImageNet weights, for the arm that mimics the authors' frozen convolutions.

The small VGG has no published weights. Its convolutions are trained on real images that ship with
scikit-learn: the 1797 handwritten digits of 8 x 8 px, enlarged and pasted at random places of a 105 x 135 canvas.
They know strokes and edges and nothing of hearts, as ImageNet's weights do for VGG16. Deviation: a tiny
source task. One set of weights serves every run, as one set of ImageNet weights did.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from papers_lib.models.vgg_cardiac import INPUT_SIZE, small_vgg
from papers_lib.training.loop import train

SEED = 0
EPOCHS = 2


def digit_canvases(seed: int = SEED) -> tuple[Tensor, Tensor]:
    """The digits on black canvases: images (1797, 1, 105, 135) in [-1, 1] and labels (1797,)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(seed)
    height, width = INPUT_SIZE
    canvases = np.full((len(digits.target), 1, height, width), -1.0, dtype=np.float32)
    for canvas, digit in zip(canvases, digits.images, strict=True):
        scale = int(rng.integers(4, 9))  # 32 to 64 px, the size of a heart
        glyph = np.kron(digit / 8.0 - 1.0, np.ones((scale, scale)))
        top = int(rng.integers(0, height - 8 * scale + 1))
        left = int(rng.integers(0, width - 8 * scale + 1))
        canvas[0, top : top + 8 * scale, left : left + 8 * scale] = glyph
    return torch.from_numpy(canvases), torch.from_numpy(digits.target)


@lru_cache(maxsize=1)
def digits_convolutions() -> dict[str, Tensor]:
    """State of ``small_vgg(...).convolutions`` after training on the canvases; once a process, always the same."""
    images, labels = digit_canvases()
    images = images.contiguous(memory_format=torch.channels_last)
    model = small_vgg(torch.Generator().manual_seed(SEED), classes=10).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(
        model,
        lambda net, index: (torch.nn.functional.cross_entropy(net(images[index]), labels[index]), {}),
        len(labels),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        epochs=EPOCHS,
        batch_size=32,
        generator=torch.Generator().manual_seed(SEED),
    )
    return {name: value.detach().clone() for name, value in model.convolutions.state_dict().items()}
