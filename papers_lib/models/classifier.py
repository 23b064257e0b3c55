"""ImageNet convolutions in named stages under a pooled two-layer head, and the head's Grad-CAM in closed form.

Source: the network of the CAM-entropy paper, "ResNet-50 convolutions, global average pool, Dense 300 ReLU, Dense 20"
on 192 x 192 px, last map 6 x 6; any other backbone of timm fits in the same way.
"""

from collections import OrderedDict
from typing import Literal, NamedTuple

import torch
from torch import Generator, Tensor, nn

from papers_lib.cams import class_indices, full_precision
from papers_lib.models.timm_backbones import Weights, backbone_network, glorot, scale_of, timm_stages


class PooledClassifier(nn.Module):
    """Convolutions in named stages, and a head of global average pool, Dense, ReLU, Dense (Glorot-uniform, as Keras's).

    Images (B, 3, H, W) in [0, 1] -> ``features`` (B, C, h, w), whose last stage gives ``channels`` channels ->
    ``head`` (B, classes). ``generator``, of the Dense layers' weights, on the CPU.
    """

    features: nn.Sequential
    head: nn.Sequential

    def __init__(
        self, features: nn.Sequential, channels: int, classes: int, *, generator: Generator, hidden: int = 300
    ) -> None:
        super().__init__()
        self.features = features
        first = glorot(lambda: nn.Linear(channels, hidden), generator)
        last = glorot(lambda: nn.Linear(hidden, classes), generator)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), first, nn.ReLU(), last)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def pooled_classifier(
    backbone: str, classes: int, *, generator: Generator, weights: Weights = "packaged"
) -> PooledClassifier:
    """A backbone of timm (see ``timm_backbones.backbone_network``) as a :class:`PooledClassifier`, in training mode."""
    network = backbone_network(backbone, weights, generator)
    stages, channels = timm_stages(network)
    features = nn.Sequential(OrderedDict(scale=scale_of(network, backbone), **stages))
    return PooledClassifier(features, channels, classes, generator=generator)


def split_at(model: nn.Module, stage: str) -> tuple[nn.Sequential, nn.Sequential]:
    """Features in two parts that share the model's layers: what lies before ``stage``, and ``stage`` with the rest.

    With "" or the first stage the front is empty. Raises: ValueError listing the stages for a name that is none of
    them.
    """
    features = model.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    names = [name for name, _ in features.named_children()]
    if stage and stage not in names:
        raise ValueError(f"stage: expected one of {', '.join(names)} or '', got {stage!r}")
    end = names.index(stage) if stage else 0
    front, tail = features[:end], features[end:]
    assert isinstance(front, nn.Sequential)
    assert isinstance(tail, nn.Sequential)
    return front, tail


class HeadMaps(NamedTuple):
    """Logits (B, K) of one pass of the head, and raw maps (B, H, W) or (B, K, H, W)."""

    logits: Tensor
    maps: Tensor


def pooled_mlp_grad_cam(head: nn.Module, activations: Tensor, target: Tensor | Literal["all"]) -> HeadMaps:
    """Raw Grad-CAM of a pooled two-layer head without differentiating it (Selvaraju 2017, equations 1 and 2).

    α_c = W1ᵀ (1[z > 0] · W2[c]) / (H W), with z = W1 · mean A + b1; the map is sum_c α_c A_c, with the gradients that
    cams.grad_cam's has.

    Args: head, nn.Sequential of AdaptiveAvgPool2d(1), Flatten, Linear, ReLU, Linear, or ValueError ; activations (B,
    C, H, W); target, class indices (B,), or "all". Returns: logits (B, K) as the head gives them; maps (B, H, W), or
    (B, K, H, W) for "all"; float32 in half precision.
    """
    pool, flatten, first, relu, last = _pooled_mlp(head)
    W1: Tensor = first.get_parameter("weight")
    W2: Tensor = last.get_parameter("weight")
    if not isinstance(target, Tensor) and target != "all":
        raise ValueError(f'target: expected class indices or "all", got {target!r}')
    chosen = class_indices(target, len(activations), len(W2)) if isinstance(target, Tensor) else None
    hidden = relu(first(flatten(pool(activations))))
    logits = last(hidden)
    live = hidden > 0  # 1[z > 0]; so an in-place ReLU does no harm
    with torch.autocast(activations.device.type, enabled=False):
        A, W1, W2 = full_precision(activations), full_precision(W1), full_precision(W2)
        W2 = W2 if chosen is None else W2[chosen.to(W2.device)]  # (K, hidden) or (B, hidden)
        rows = live[:, None] * W2 if chosen is None else live * W2
        weights = rows @ W1 / (A.shape[-2] * A.shape[-1])
        maps = torch.einsum("b...c,bchw->b...hw", weights, A)
    return HeadMaps(logits, maps)


def _pooled_mlp(head: nn.Module) -> list[nn.Module]:
    """The five layers of the head, without those that do nothing."""
    found = list(head) if type(head) is nn.Sequential else [head]
    off = [layer for layer in found if isinstance(layer, nn.Dropout) and not (layer.training and layer.p)]
    layers = [layer for layer in found if layer not in off and not isinstance(layer, nn.Identity)]
    # Exact types: a subclass may compute something else.
    if [type(layer) for layer in layers] == [nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]:
        pool, flatten = layers[:2]
        if pool.output_size in (1, (1, 1)) and (flatten.start_dim, flatten.end_dim) == (1, -1):
            return layers
    raise ValueError(
        "head: the closed form needs nn.Sequential(AdaptiveAvgPool2d(1), Flatten, Linear, ReLU, Linear) with no "
        f"active dropout, got {found}; cams.head_gradients takes any head"
    )
