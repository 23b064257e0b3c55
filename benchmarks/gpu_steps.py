"""What a GPU offers a training step, each as a ratio: bfloat16, memory layout, compilation, data on it, company.

``python -m benchmarks gpu``. The steps are the experiments' own (``noise_steps``), at the papers' sizes on a GPU, where
a timing is of several steps in a row, so that the host runs ahead as it does in training. On a CPU the same command
times smaller networks in the ways that make sense there, and says which rows need a GPU.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import gpu_data, models_an_hour
from benchmarks.interleaved import alternating, rows_over
from benchmarks.noise_steps import Start, entropy_start, heatmap_start, pylon_start, sibnet_start
from cam_entropy.experiment import EntropyRun
from heatmap_loss.experiment import HeatmapRun
from papers_lib.training.gpu import COMPILED, compile_where_asked, on_gpu
from papers_lib.training.gpu_batches import release, sent
from sibnet_calibration.experiment import SibnetRun

ROUNDS = {"cpu": 12, "cuda": 15}
STEPS = {"cpu": 1, "cuda": 8}  # in a row, a timing
PROCESSES = (2, 4, 8)
MODELS = 8  # a row of models an hour
SHARING = ("heatmap_loss", "pylon")  # small networks, which gain most from company

LABELS = {
    "float32": "float32, channels last",
    "contiguous": "float32, contiguous",
    "bfloat16": "bfloat16, channels last",
    "bfloat16_contiguous": "bfloat16, contiguous",
    "compiled": "bfloat16, channels last, compiled",
}
HEATMAP = HeatmapRun(experiment=1, group="heatmap", seed=0)
ENTROPY = EntropyRun(seed=0, beta=0.3, weights="random", train_from="")
SIBNET = SibnetRun(seed=0, weights="random", last_stage="", train_from="")


class Case(NamedTuple):
    """A paper's step: what stands in the table, and its start, ``start(config, device)``.

    ``compiled``: whether it is timed compiled as well. The heatmap loss differentiates twice, which torch's compiled
    passes cannot; the CAM-entropy experiment does not offer it.
    """

    what: str
    network: str
    size: str
    start: Callable[[Any, str], Start]
    config: Any
    compiled: bool = False


def cases(device: str) -> dict[str, Case]:
    """What is timed on a device, by paper."""
    if not on_gpu(device):
        small = {"samples": 4, "side": 96, "classes": 5}
        size = "batch 4, 96 x 96 px"
        heatmap = partial(heatmap_start, samples=4)
        return {
            "heatmap_loss": Case("heatmap loss", "small VGG", "batch 4, 105 x 135 px", heatmap, HEATMAP),
            "cam_entropy": Case(
                "CAM entropy", "ResNet-18", size, partial(entropy_start, **small), _on(ENTROPY, "resnet18")
            ),
            "pylon": Case(
                "PYLON",
                "ResNet-18",
                size,
                partial(pylon_start, **small),
                _on(gpu_data.PIXELS, "resnet18"),
                True,
            ),
            "sibnet_calibration": Case(
                "Sibnet, BCE", "ResNet-18", size, partial(sibnet_start, **small), _on(SIBNET, "resnet18")
            ),
        }
    heatmap = partial(heatmap_start, samples=16)
    entropy = partial(entropy_start, samples=20, side=192, classes=20)
    pylon = partial(pylon_start, samples=64, side=256, classes=gpu_data.CLASSES)
    sibnet = partial(sibnet_start, samples=64, side=224, classes=5)
    vgg, densenet = replace(HEATMAP, model="vgg16"), _on(SIBNET, "densenet121")
    size = "batch 64, {0} x {0} px".format
    return {
        "heatmap_loss": Case("heatmap loss", "VGG16", "batch 16, 105 x 135 px", heatmap, vgg),
        "cam_entropy": Case(
            "CAM entropy", "ResNet-50", "batch 20, 192 x 192 px", entropy, _on(ENTROPY, "resnet50")
        ),
        "pylon": Case("PYLON", "ResNet-50", size(256), pylon, gpu_data.PIXELS, True),
        "sibnet_calibration": Case("Sibnet, BCE", "DenseNet-121", size(224), sibnet, densenet, True),
    }


def _on(config: Any, backbone: str) -> Any:
    return replace(config, backbone=backbone)


def ways(case: Case, device: str) -> dict[str, Start]:
    """A model for each way to train it, from the same weights."""
    full, half = case.config, replace(case.config, mixed=True)
    found = {
        "float32": case.start(full, device),
        "contiguous": _contiguous(case.start(full, device)),
        "bfloat16": case.start(half, device),
        "bfloat16_contiguous": _contiguous(case.start(half, device)),
    }
    if case.compiled:
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", str(os.cpu_count()))  # nobody else works here
        found["compiled"] = case.start(half, device)
        compile_where_asked(found["compiled"].compiled, COMPILED)
    return found


def _contiguous(start: Start) -> Start:
    """Weights and what the first layer sees in the usual layout: one of them alone would turn both."""
    start.model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    start.entry.register_forward_pre_hook(_as_contiguous)
    return start


def _as_contiguous(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.contiguous() for one in given)


def take(start: Start, device: str, steps: int) -> None:
    """Training steps in a row, as ``training.train`` makes them."""
    start.model.train()
    for _ in range(steps):
        indices = torch.arange(start.samples)
        start.optimizer.zero_grad(set_to_none=True)
        start.loss(sent(indices, device) if on_gpu(device) else indices).backward()
        start.optimizer.step()


def steps_table(case: Case, key: str, device: str, rounds: int, steps: int) -> list[dict[str, Any]]:
    """A row a way, over float32 in channels last."""
    starts = ways(case, device)
    actions = {name: partial(take, start, device, steps) for name, start in starts.items()}
    times = alternating(actions, rounds, device)
    each = {name: [seconds / steps for seconds in found] for name, found in times.items()}
    rows = rows_over(each, "float32", case.network, LABELS)
    return [
        row | {"key": f"{key}_{row['key']}", "step": f"{case.what}: {row['step']}", "size": case.size}
        for row in rows
    ]


def table(
    device: str = "cpu", rounds: int | None = None, papers: Mapping[str, Case] | None = None
) -> list[dict[str, Any]]:
    """All rows. Args: rounds, of timings; papers, what is timed in place of :func:`cases`."""
    kind = device.partition(":")[0]
    turns, steps = rounds or ROUNDS[kind], STEPS[kind]
    rows = []
    for key, case in (papers or cases(device)).items():
        rows += steps_table(case, key, device, turns, steps)
        release()
    if not on_gpu(device):
        return rows + needs_gpu()
    rows += gpu_data.table(device, turns, steps)
    return rows + models_an_hour.table(device, slugs=SHARING, counts=PROCESSES, models=MODELS)


def needs_gpu() -> list[dict[str, Any]]:
    """Rows of what only a GPU can measure, without a number."""
    compiled = {"sibnet_calibration_compiled": f"Sibnet, BCE: {LABELS['compiled']}"}
    data = {
        f"data_{kind.split()[0]}_{name}": f"PYLON, {kind}: {label}"
        for kind in gpu_data.KINDS
        for name, label in gpu_data.LABELS.items()
    }
    shared = {
        f"{slug}_{count}": f"{slug}, {count} processes on one GPU" for slug in SHARING for count in PROCESSES
    }
    return [
        {"key": key, "step": f"{what}: not run, needs a GPU"}
        for key, what in (compiled | data | shared).items()
    ]
