"""The classifiers of the heatmap-loss paper: a small VGG, and VGG16 with the authors' head.

Both have ``features(x)``, the last convolution after its ReLU, and ``head(a)``, the logits from it.

Source: Callanan et al., Section 2 ("VGG16 inspired architectures"); head, input size and scaling from the authors'
public notebooks. Input: one grey channel scaled to [-1, 1], 105 x 135 px; last map 6 x 8.
"""

import itertools

import torch
from torch import Generator, Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models.heatmap_classifier import he_uniform

INPUT_SIZE = (105, 135)
HIDDEN = 100  # "Dense 100 ReLU (He uniform)"
OUTPUT_SCALE = 0.1


class PooledHead(nn.Module):
    """Max pool 2, flatten, Dense 100 ReLU, Dense ``classes``: activations (B, C, H, W) to logits (B, classes).

    Deviation: the output layer starts at a tenth of Glorot's uniform scale, in every group of models alike. At full
    scale MSE on sigmoids falls into predicting one or two classes.
    """

    def __init__(self, channels: int, map_size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(channels * (map_size[0] // 2) * (map_size[1] // 2), HIDDEN)
        self.output = nn.Linear(HIDDEN, classes)

    def forward(self, activations: Tensor) -> Tensor:
        return self.output(torch.relu(self.hidden(self.pool(activations).flatten(1))))

    @torch.no_grad()
    def initialise(self, generator: Generator | None) -> None:
        """He-uniform hidden layer, small Glorot-uniform output layer, zero biases."""
        nn.init.kaiming_uniform_(self.hidden.weight, nonlinearity="relu", generator=generator)
        nn.init.xavier_uniform_(self.output.weight, generator=generator)
        self.output.weight.mul_(OUTPUT_SCALE)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.output.bias)


class CardiacClassifier(nn.Module):
    """Convolutions and head of one model: x (B, 1, 105, 135) -> ``features`` (B, C, 6, 8) -> ``head`` (B, classes).

    Args: convolutions, end in the last convolution's ReLU; channels, C; classes; in_channels, the grey channel is
    repeated this often (3 for a backbone made for RGB).
    """

    convolutions: nn.Sequential
    map_size = (6, 8)

    def __init__(
        self, convolutions: nn.Sequential, channels: int, classes: int = 4, in_channels: int = 1
    ) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.head = PooledHead(channels, self.map_size, classes)
        self.in_channels = in_channels

    def features(self, x: Tensor) -> Tensor:
        return self.convolutions(x.expand(-1, self.in_channels, -1, -1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def small_vgg(generator: Generator, classes: int = 4) -> CardiacClassifier:
    """A VGG small enough to train in seconds on one core: 102 thousand parameters, He-uniform from ``generator``.

    Input average-pooled by 2, then 3 x 3 convolutions of 8, 16, 32 and 64 channels, each with a ReLU and, but for the
    last, a max pool by 2. Deviation: the paper fine-tunes VGG16 (14.7 million parameters).

    >>> model = small_vgg(torch.Generator().manual_seed(0))
    >>> tuple(model.features(torch.zeros(2, 1, 105, 135)).shape)
    (2, 64, 6, 8)
    """
    layers: list[nn.Module] = [nn.AvgPool2d(2)]
    widths = (1, 8, 16, 32, 64)
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    model = CardiacClassifier(nn.Sequential(*layers[:-1]), channels=64, classes=classes)
    model.head.initialise(he_uniform(model.convolutions, generator))
    return model


def vgg16(generator: Generator | None, classes: int = 4, pretrained: bool = True) -> CardiacClassifier:
    """VGG16's thirteen convolutions (timm) with the paper's head; ImageNet weights unless told otherwise.

    The map is block5_conv3's, after its ReLU (6 x 8 x 512). Deviation: the authors' weights are Keras's, which expect
    inputs in [-1, 1].
    """
    import timm

    try:
        backbone = timm.create_model("vgg16", pretrained=pretrained)
    except (OSError, RuntimeError) as error:
        raise UserError(
            "vgg16: ImageNet weights found neither in the local cache nor through the network; "
            f"set weights to 'random' or fill the cache first ({type(error).__name__})"
        ) from error
    convolutions: nn.Sequential = backbone.features[:30]  # type: ignore[index, assignment]  # up to the ReLU of block5_conv3; the 31st layer is its pool
    if not pretrained:
        he_uniform(convolutions, generator)
    model = CardiacClassifier(convolutions, channels=512, classes=classes, in_channels=3)
    model.head.initialise(generator)
    return model


def receptive_field(convolutions: nn.Sequential) -> tuple[int, int]:
    """Side of the square of pixels that a cell of the last map sees, and its stride: r <- r + (k - 1) j, j <- j s.

    >>> receptive_field(small_vgg(torch.Generator()).convolutions)
    (76, 16)
    """
    field, jump = 1, 1
    for layer in convolutions:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kernel, stride = (
                size[0] if isinstance(size, tuple) else size for size in (layer.kernel_size, layer.stride)
            )
            field += (int(kernel) - 1) * jump
            jump *= int(stride)
    return field, jump


def field_share(convolutions: nn.Sequential, map_size: tuple[int, int] = CardiacClassifier.map_size) -> float:
    """Share of the image inside the receptive field of a cell, averaged over the cells (padding left out)."""
    field, stride = receptive_field(convolutions)
    share = 1.0
    for pixels, cells in zip(INPUT_SIZE, map_size, strict=True):
        centres = [(cell + 0.5) * stride for cell in range(cells)]
        seen = [min(pixels, centre + field / 2) - max(0.0, centre - field / 2) for centre in centres]
        share *= sum(seen) / (cells * pixels)
    return share
