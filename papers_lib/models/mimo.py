"""MIMO: several images into one network, one head for each, an ensemble at the cost of one forward pass.

Source: the Sibnet report, section 3.5 (no result is given), after Havasi et al. 2021, "Training independent
subnetworks for robust prediction". Here for many labels: a sigmoid, where they have a softmax.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from papers_lib.cams import full_precision


class Mimo(nn.Module):
    """A network that takes M images, stacked along the channels, and gives K logits for each of them.

    In training the M images are different ones (:func:`independent_shuffles`), and head m learns the labels of image
    m; at test all M are the same image, and the M probabilities are averaged (Havasi et al. 2021, section 2): images
    (B, M, C, H, W) -> logits (B, M, K); (B, C, H, W) -> (B, K) in the predict methods.

    Args: network, maps (B, M C, H, W) to (B, M K), the K logits of image 1 first (:func:`widen_first_convolution`),
    its heads from different initial weights; inputs, M ; classes, K.
    """

    def __init__(self, network: nn.Module, inputs: int, classes: int) -> None:
        super().__init__()
        self.network, self.inputs, self.classes = network, inputs, classes

    def forward(self, images: Tensor) -> Tensor:
        if images.ndim != 5 or images.shape[1] != self.inputs:
            raise ValueError(
                f"images: expected shape (B, {self.inputs}, C, H, W), got {tuple(images.shape)}; "
                "single images (B, C, H, W) go to predict"
            )
        logits = self.network(images.flatten(1, 2))
        return logits.unflatten(1, (self.inputs, self.classes))

    def predict(self, images: Tensor) -> Tensor:
        """Probabilities (B, K) of images (B, C, H, W): the mean over the heads, each given the same image M times."""
        logits = self(self._repeated(images))
        return full_precision(logits).sigmoid().mean(1)

    def predict_logits(self, images: Tensor) -> Tensor:
        """Log-odds (B, K) of :meth:`predict`, for calibration: they do not saturate where probabilities round to 1."""
        return logit_of_mean(self(self._repeated(images)))

    def _repeated(self, images: Tensor) -> Tensor:
        return images.unsqueeze(1).expand(-1, self.inputs, -1, -1, -1)


def logit_of_mean(logits: Tensor) -> Tensor:
    """Log-odds (B, K) of the mean probability of logits (B, M, K): log(mean p / mean (1 - p)) over the M heads.

    Not the mean of the logits. Computed from log-sigmoids: finite, and with a slope, at any finite logit.

    >>> odds = torch.tensor([[[3.0], [1.0]]])  # p = 3/4 and 1/2, mean 5/8: odds 5/3
    >>> round(logit_of_mean(odds.log()).exp().item(), 4)
    1.6667
    """
    z = full_precision(logits)
    if z.shape[1] == 1:
        return z[:, 0]  # to the bit
    return F.logsigmoid(z).logsumexp(1) - F.logsigmoid(-z).logsumexp(1)


def independent_shuffles(batch: Tensor, inputs: int, repetition: int = 4, *, generator: Generator) -> Tensor:
    """Which images go together: each column is a shuffle of its own of the batch, repeated (Havasi et al. 2021).

    Every image is in every column ``repetition`` times (their "batch repetition", 4). Deviation: no input repetition.

    Args: batch, indices (B,); inputs, M. Returns: (B * repetition, M), on the device of ``batch``: row i goes in as
    ``images[row]``, and ``labels[row]`` (M, K) is what the heads are to give.
    """
    repeated = batch.repeat(repetition)
    orders = [
        torch.randperm(len(repeated), generator=generator, device=generator.device) for _ in range(inputs)
    ]
    return torch.stack([repeated[order.to(batch.device)] for order in orders], 1)


def widen_first_convolution(network: nn.Module, inputs: int) -> nn.Module:
    """A copy of the network whose first Conv2d takes M images: its weights repeated M times, divided by M.

    M times the same image then gives what one image gave (ours: Havasi et al. train from random weights). The first
    Conv2d, in the order of registration, must see the image.
    """
    widened = copy.deepcopy(network)
    first = next((layer for layer in widened.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None or first.groups != 1:
        raise ValueError(f"network: expected a first Conv2d without groups, got {first}")
    # In place of a new layer, so that a subclass with its own padding stays what it is
    weight = first.weight.detach().repeat(1, inputs, 1, 1) / inputs
    first.weight = nn.Parameter(weight, requires_grad=first.weight.requires_grad)
    first.in_channels *= inputs
    return widened
