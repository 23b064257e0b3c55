"""Figure 1B read off the model itself: one image goes through it, and hooks note what every part gave.

Nothing is drawn from the paper. Convolutions and the encoder's stages are noted by forward hooks, pools and resizings,
which are no modules, by a torch function mode; both are gone when the pass ends, and the model is as it was.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.pylon import PylonDecoder, pylon
from papers_lib.models.pylon_blocks import ConvBlock


class Part(NamedTuple):
    """One part: dotted name in the model, words, output (channels, height, width), number of parameters."""

    name: str
    words: str
    shape: tuple[int, ...]
    parameters: int


class Step(NamedTuple):
    """A pool or resizing: "pool" or "resize", (height, width) before and after, of how many channels."""

    kind: str
    before: tuple[int, int]
    after: tuple[int, int]
    channels: int


class Architecture(NamedTuple):
    """What one pass through a model showed.

    Fields:
        image: (channels, height, width).
        backbone: of the encoder; parameters: all of the model's.
        stages: of the encoder, finest first.
        parts: of the decoder by name, in the order in which they ran: every convolution block, and the head.
        steps: pools and resizings of the decoder, in the order in which they ran.
        ups: how many; used: stages that the decoder reads, finest first.
    """

    image: tuple[int, ...]
    backbone: str
    parameters: int
    stages: tuple[Part, ...]
    parts: Mapping[str, Part]
    steps: tuple[Step, ...]
    ups: int
    used: tuple[int, ...]

    def resized(self) -> list[Step]:
        """The resizings in their order."""
        return [step for step in self.steps if step.kind == "resize"]

    def pooled(self) -> list[Step]:
        """The 2 x 2 maxima in their order."""
        return [step for step in self.steps if step.kind == "pool"]


class _Steps(TorchFunctionMode):
    """Notes pools and resizings of maps while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Step] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        kind = {F.interpolate: "resize", F.max_pool2d: "pool"}.get(func)
        if kind:
            before, after = args[0].shape, result.shape
            self.found.append(Step(kind, tuple(before[-2:]), tuple(after[-2:]), int(after[1])))
        return result


def read(model: HeatmapClassifier, side: int = 256, channels: int = 1) -> Architecture:
    """Send one black image of ``side`` pixels through a PYLON model and note what its parts are and give.

    Raises: ValueError for another decoder, or a model without its encoder.
    """
    decoder, encoder = model.decoder, model.encoder
    if not isinstance(decoder, PylonDecoder) or encoder is None:
        raise ValueError(f"model: found {type(decoder).__name__}, expected an encoder under a PylonDecoder")
    shapes: dict[str, tuple[int, ...]] = {}
    features: list[Tensor] = []
    steps = _Steps()
    blocks = {name: part for name, part in decoder.named_modules() if isinstance(part, ConvBlock)}
    with _noted(shapes, {**blocks, "head": decoder.head}), _evaluated(model), torch.no_grad():
        device = next(model.parameters()).device
        features += encoder(torch.zeros(1, channels, side, side, device=device))
        with steps:
            model.from_features(features)
    parts = {
        name: Part(name, _words(part), shapes[name], _count(part))
        for name, part in {**blocks, "head": decoder.head}.items()
    }
    ups = len(decoder.body.ups)  # type: ignore[arg-type]
    stages = tuple(
        Part(f"stage {number + 1}", f"stride {stride}", tuple(map_.shape[1:]), 0)
        for number, (stride, map_) in enumerate(zip(encoder.strides, features, strict=True))
    )
    used = tuple(range(len(stages) - 1 - ups, len(stages)))
    total = _count(model)
    return Architecture(
        (channels, side, side),
        encoder.backbone,
        total,
        stages,
        {n: parts[n] for n in shapes},
        tuple(steps.found),
        ups,
        used,
    )


def table(found: Architecture) -> pd.DataFrame:
    """A row a part: where it is, what it is, channels and size of its output, parameters."""
    decoder = sum(part.parameters for part in found.parts.values())
    rows: list[tuple[str, str, tuple[int, ...] | None, int | None]] = [("image", "", found.image, None)]
    rows += [(f"encoder, {stage.name}", stage.words, stage.shape, None) for stage in found.stages]
    rows += [(_place(part.name), part.words, part.shape, part.parameters) for part in found.parts.values()]
    pooled = ("logits", "global maximum of each map", (found.parts["head"].shape[0], 1, 1), 0)
    rows += [
        pooled,
        ("decoder in all", "", None, decoder),
        ("encoder in all", found.backbone, None, found.parameters - decoder),
    ]
    return pd.DataFrame(
        [
            {
                "part": place,
                "what": words,
                "channels": shape[0] if shape else None,
                "size": f"{shape[1]} × {shape[2]}" if shape else None,
                "parameters": parameters,
            }
            for place, words, shape, parameters in rows
        ]
    ).astype({"channels": "Int64", "parameters": "Int64"})


def parameter_shares(backbone: str = "resnet50", classes: int = 14, width: int = 128) -> dict[str, float]:
    """Of PYLON as the paper has it: decoder_parameters, encoder_parameters and decoder_parameter_share, their ratio."""
    model = pylon(backbone, classes, generator=torch.Generator(), weights="random", width=width)
    decoder, encoder = _count(model.decoder), _count(model) - _count(model.decoder)
    return {
        "decoder_parameters": float(decoder),
        "encoder_parameters": float(encoder),
        "decoder_parameter_share": decoder / encoder,
    }


@contextmanager
def _noted(shapes: dict[str, tuple[int, ...]], modules: Mapping[str, nn.Module]) -> Iterator[None]:
    def note(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            shapes[name] = tuple(output.shape[1:])

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _evaluated(model: nn.Module) -> Iterator[None]:
    """In eval mode, so that no running statistics move; every module is put back into its own mode."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _words(part: nn.Module) -> str:
    convolution = next(layer for layer in part.modules() if isinstance(layer, nn.Conv2d))
    kernel = "×".join(map(str, convolution.kernel_size))
    words = f"Conv {kernel}, {convolution.in_channels} → {convolution.out_channels}"
    others = [type(layer).__name__ for layer in part.children()][1:] if isinstance(part, ConvBlock) else []
    return ", ".join([words, *(name.removesuffix("2d") for name in others)])


def _place(name: str) -> str:
    """Dotted names in words.

    >>> _place("body.attention.down.0"), _place("body.ups.1.lateral.0"), _place("head")
    ('PA, down 1', 'UP 2, lateral 1', 'head')
    """
    if name == "head":
        return "head"
    words = name.removeprefix("body.").replace("attention", "PA").split(".")
    if words[0] == "ups":
        return f"UP {int(words[1]) + 1}, lateral {int(words[3]) + 1}"
    return f"{words[0]}, {' '.join(str(int(word) + 1) if word.isdigit() else word for word in words[1:])}"


def _count(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())
