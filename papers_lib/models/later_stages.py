"""The part of a pyramid encoder behind its first stages: training goes on from stored features of those.

The finest stages of a convolutional network take most of its time and hold few of its weights; frozen, they are
computed once for a data set, and only what follows runs in every epoch.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models.pyramid_encoder import PyramidEncoder


class LaterStages(nn.Module):
    """Stages ``given``, ``given + 1``, … of an encoder; the layers are the encoder's own.

    Shapes: raw features of the first ``given`` stages, finest first -> all features as ``encoder(images)`` gives
    them, standardised where the encoder does that.

    Args:
        encoder: of a network whose layers run one after the other (EfficientNet, MobileNet, ResNet, DenseNet, …).
        given: number of stages whose features are given, 1 to all of them.

    Raises: UserError for a network that is no such sequence; ValueError for another number of stages.
    """

    def __init__(self, encoder: PyramidEncoder, given: int) -> None:
        super().__init__()
        if not 1 <= given <= len(encoder.channels):
            raise ValueError(f"given: expected 1 to {len(encoder.channels)} stages, got {given}")
        self.given = given
        self._encoder = (encoder,)  # in a tuple: its layers are registered once, below
        layers = _layers(encoder.network)
        names = [name.replace(".", "_") for name in encoder.network.feature_info.module_name()]  # type: ignore[union-attr, operator]
        ends = [names[index] for index in encoder.indices]
        missing = [name for name in ends if name not in layers]
        if missing or encoder.channels_last:
            raise UserError(
                f"backbone: the stages of {encoder.backbone} do not run one after the other; "
                "train all of it, or none"
            )
        order = list(layers)
        last = order.index(ends[given - 1])
        later = order[last + 1 : order.index(ends[-1]) + 1]
        self.layers = nn.ModuleDict({name: layers[name] for name in later})
        self.ends = frozenset(ends)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Raises: ValueError for another number of features than ``given``."""
        if len(features) != self.given:
            raise ValueError(f"features: expected {self.given} stages, got {len(features)}")
        found = list(features)
        x = found[-1]
        for name, layer in self.layers.items():
            x = layer(x)
            if name in self.ends:
                found.append(x)
        return self._encoder[0].standardised(found)


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """The layers in the order in which they run; stages of a block list one by one."""
    found: dict[str, nn.Module] = {}
    for name, child in network.named_children():
        if name == "blocks" and isinstance(child, nn.Sequential):
            found.update((f"blocks_{number}", stage) for number, stage in child.named_children())
        else:
            found[name] = child
    return found
