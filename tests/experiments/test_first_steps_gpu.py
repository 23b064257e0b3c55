"""First steps of the experiments on a GPU are those on the CPU, and in bfloat16 near those in float32."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from papers_lib.experiments.gpu import COMPILED, compile_where_asked
from tests.experiments.first_steps import (
    ENTROPY,
    HEATMAP,
    PYLON,
    SIBNET,
    entropy_start,
    heatmap_start,
    pylon_start,
    sibnet_start,
    steps,
)
from tests.experiments.gpu_tolerances import BFLOAT16, FLOAT32, assert_steps_agree

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
ALL = replace(PYLON, phases=("all",), train_from=0)
BOTH = replace(SIBNET, distinct=1.4, coherent=1.0)
MIMO = replace(SIBNET, inputs=2, train_from="")
CASES = {
    "heatmap loss": (heatmap_start, HEATMAP),
    "CCE": (heatmap_start, replace(HEATMAP, group="cce")),
    "CAM entropy": (entropy_start, ENTROPY),
    "CAM entropy less that of others": (entropy_start, replace(ENTROPY, form="shifted", others=1.0)),
    "PYLON": (pylon_start, ALL),
    "PYLON on stored features": (pylon_start, PYLON),
    "FPN": (pylon_start, replace(PYLON, method="fpn")),
    "Sibnet, BCE": (sibnet_start, SIBNET),
    "Sibnet, distinctiveness and coherence": (sibnet_start, BOTH),
    "MIMO": (sibnet_start, MIMO),
}
ONCE_DIFFERENTIATED = {name: CASES[name] for name in ("PYLON", "Sibnet, BCE")}


@pytest.fixture(autouse=True)
def full_float32(monkeypatch):
    """Without TF32, whose ten bits would need a tolerance of a percent."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture
def first_step(slices):
    """Loss and gradient of a case on a device, in bfloat16 or not, compiled or not."""

    def take(case, device, *, mixed=False, compiled=False):
        start, config = case
        if start is heatmap_start:
            start = partial(start, root=slices[1])
        made = start(replace(config, mixed=mixed), device=device)
        if compiled:
            compile_where_asked(made.model, COMPILED)
        return steps(made)

    return take


def each(cases):
    return pytest.mark.parametrize("case", cases.values(), ids=cases)


@each(CASES)
def test_bfloat16_is_near_float32(first_step, case):
    found, expected = first_step(case, "cpu", mixed=True), first_step(case, "cpu")
    assert found["loss"] != expected["loss"]
    assert_steps_agree(found, expected, BFLOAT16)


@each(CASES)
@pytest.mark.gpu
@NEEDS_GPU
def test_a_gpu_takes_the_step_of_the_cpu(first_step, case):
    assert_steps_agree(first_step(case, "cuda"), first_step(case, "cpu"), FLOAT32)


@each(CASES)
@pytest.mark.gpu
@NEEDS_GPU
def test_bfloat16_is_near_float32_on_a_gpu(first_step, case):
    assert_steps_agree(first_step(case, "cuda", mixed=True), first_step(case, "cuda"), BFLOAT16)


@each(ONCE_DIFFERENTIATED)
@pytest.mark.gpu
@NEEDS_GPU
def test_a_compiled_step_is_the_same_on_a_gpu(first_step, case):
    assert_steps_agree(first_step(case, "cuda", compiled=True), first_step(case, "cuda"), FLOAT32)
