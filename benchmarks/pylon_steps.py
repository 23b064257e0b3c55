"""Time of a training step of every method of the PYLON paper over that of its baseline CAM, and of what spares steps.

The network of the paper: ResNet-50, one channel, 14 classes, 256 x 256 px, decoders of width 128; batch 4 on a CPU and
the paper's 64 on a GPU. Weights are random, which costs the same, and all of them are trained: one encoder that the
methods share (a dilated one for DeepLabV3+). Then PYLON in three ways to train it: all of it, its decoder on a frozen
encoder that runs in every step, its decoder on stored features.

One thing without training: Grad-CAM of all classes, differentiated through the baseline's head, against the CAM that
the same pass gives.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.interleaved import alternating, interleaved, rows_over
from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import METHODS
from pylon.experiment import PylonRun, build
from pylon.timing import saved_bytes

CLASSES = 14
SHOWN = ("cam", "li2018", "unet", "fpn", "pan", "deeplab", "pylon_2up", "pylon")
SPARED = {
    "pylon_frozen": "PYLON, encoder frozen and run in every step",
    "pylon_stored": "PYLON, on stored features of the frozen encoder",
}
LABELS = {method: METHODS[method].label for method in SHOWN} | SPARED
MAPS = {"cam": "CAM of all classes", "grad_cam": "Grad-CAM of all classes, gradient of the head"}
SIZES = {"cpu": (256, 4), "cuda": (256, 64)}  # side and batch
ROUNDS = 3  # about two minutes in all on one core


class Steps:
    """Models that share an encoder, and one batch: see the top of this module.

    Args: backbone, side, batch, width: of what is timed; device.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        device: str = "cpu",
        side: int = 256,
        batch: int = 4,
        width: int = 128,
    ) -> None:
        shared: dict[int, nn.Module] = {}
        self.models: dict[str, HeatmapClassifier] = {}
        for method in SHOWN:
            run = PylonRun(seed=0, method=method, backbone=backbone, weights="random", width=width)
            model = build(run, CLASSES)
            model.encoder = shared.setdefault(METHODS[method].output_stride, model.encoder)  # type: ignore[arg-type, assignment]
            self.models[method] = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(batch, 1, side, side, generator=generator)
        self.x = images.to(device, memory_format=torch.channels_last)
        self.y = torch.randint(2, (batch, CLASSES), generator=generator).float().to(device)
        self.stored = [one.half() for one in self._frozen()]
        self.losses = {method: partial(self.whole, method) for method in SHOWN} | {
            "pylon_frozen": self.frozen,
            "pylon_stored": self.from_store,
        }
        parameters = {one for model in self.models.values() for one in model.parameters()}
        self.optimizer = torch.optim.Adam(list(parameters), lr=1e-5)

    def whole(self, method: str) -> Tensor:
        """Loss of a method all of which is trained."""
        return binary_cross_entropy_with_logits(self.models[method].train()(self.x).logits, self.y)

    def frozen(self) -> Tensor:
        """Loss of PYLON of which the decoder is trained; the encoder runs without gradients."""
        return self._of_features(self._frozen())

    def from_store(self) -> Tensor:
        """The same loss from features of half precision."""
        return self._of_features([one.float() for one in self.stored])

    @torch.no_grad()
    def _frozen(self) -> list[Tensor]:
        encoder = self.models["pylon"].encoder
        assert encoder is not None
        return encoder.eval()(self.x)

    def _of_features(self, features: list[Tensor]) -> Tensor:
        logits = self.models["pylon"].train().from_features(features).logits
        return binary_cross_entropy_with_logits(logits, self.y)

    def amounts(self, name: str) -> dict[str, float]:
        """Parameters of decoder and model, in millions, and what a step keeps for its backward pass, an image."""
        method = name if name in self.models else "pylon"
        model = self.models[method]
        kept = saved_bytes(self.losses[name], model) / len(self.x)
        return {
            "decoder, million parameters": round(_millions(model.decoder), 3),
            "model, million parameters": round(_millions(model), 3),
            "kept for backward, MiB an image": round(kept / 2**20, 1),
        }


def _millions(module: nn.Module) -> float:
    return sum(one.numel() for one in module.parameters()) / 1e6


def steps_table(steps: Steps, rounds: int, device: str) -> list[dict[str, Any]]:
    """A row a method and way to train, over CAM's step."""
    times = interleaved(steps.losses, steps.optimizer, rounds, device)
    rows = rows_over(times, "cam", "ResNet-50", LABELS)
    return [row | steps.amounts(row["key"]) for row in rows]


def maps_table(steps: Steps, rounds: int, device: str) -> list[dict[str, Any]]:
    """Grad-CAM of all classes over the CAM, both from the image on."""
    model = steps.models["cam"].eval()
    actions = {"cam": partial(cam_maps, model, steps.x), "grad_cam": partial(grad_cam_maps, model, steps.x)}
    rows = rows_over(alternating(actions, rounds, device), "cam", "ResNet-50", MAPS)
    return [row | {"key": f"maps_{row['key']}"} for row in rows]


@torch.no_grad()
def cam_maps(model: HeatmapClassifier, x: Tensor) -> Tensor:
    """The baseline's own maps (B, K, h, w), of which the logits are the maxima."""
    maps = model(x).maps
    assert maps is not None
    return maps


@torch.no_grad()
def grad_cam_maps(model: HeatmapClassifier, x: Tensor) -> Tensor:
    """Grad-CAM of every class on the features under the baseline's head, (B, K, h, w)."""
    assert model.encoder is not None
    decoder = model.decoder
    A = decoder.decode(model.encoder(x))  # type: ignore[operator]
    _, G = head_gradients(lambda a: decoder.head(a).amax((-2, -1)), A, "all")  # type: ignore[operator]
    return grad_cam(A, G)


def table(device: str = "cpu", rounds: int = ROUNDS, **size: Any) -> list[dict[str, Any]]:
    """All rows; "ratio" and "over", the labels of what it is a ratio to, are what the notebook reads.

    Args: rounds, of steps and of passes; size, of :class:`Steps` in place of ``SIZES``.
    """
    side, batch = SIZES[device.partition(":")[0]]
    size = {"side": side, "batch": batch, **size}
    steps = Steps(device=device, **size)
    rows = [*steps_table(steps, rounds, device), *maps_table(steps, rounds, device)]
    return [row | {"size": f"batch {size['batch']}, {size['side']} px"} for row in rows]
