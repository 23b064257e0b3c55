"""First steps of the experiments on a GPU are those on the CPU, and in bfloat16 near those in float32."""

from dataclasses import replace

import pytest
import torch

from papers_lib.training.gpu import COMPILED, compile_where_asked
from tests.training.first_steps import ENTROPY, HEATMAP, PYLON, SIBNET, first_start, steps
from tests.training.gpu_tolerances import BFLOAT16, FLOAT32, assert_steps_agree

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
ALL = replace(PYLON, phases=("all",), train_from=0)
BOTH = replace(SIBNET, distinct=1.4, coherent=1.0)
MIMO = replace(SIBNET, inputs=2, train_from="")
CASES = {
    "heatmap loss": HEATMAP,
    "CCE": replace(HEATMAP, group="cce"),
    "CAM entropy": ENTROPY,
    "CAM entropy less that of others": replace(ENTROPY, form="shifted", others=1.0),
    "PYLON": ALL,
    "PYLON on stored features": PYLON,
    "FPN": replace(PYLON, method="fpn"),
    "Sibnet, BCE": SIBNET,
    "Sibnet, distinctiveness and coherence": BOTH,
    "MIMO": MIMO,
}
IN_HALF = {name: config for name, config in CASES.items() if not name.startswith("CAM entropy")} | {
    # the printed form's slope goes with 1 / heat: a few nearly dead maps of an untrained network are most of it
    "CAM entropy, offset": replace(ENTROPY, form="offset")
}
ONCE_DIFFERENTIATED = {name: CASES[name] for name in ("PYLON", "Sibnet, BCE")}


@pytest.fixture(autouse=True)
def full_float32(monkeypatch):
    """Without TF32, whose ten bits would need a tolerance of a percent."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def first_step(config, device, *, mixed=False, compiled=False):
    """Loss and gradient of a run's first step on a device, in bfloat16 or not, compiled or not."""
    made = first_start(replace(config, mixed=mixed), device)
    if compiled:
        compile_where_asked(made.compiled, COMPILED)
    return steps(made)


def each(cases):
    return pytest.mark.parametrize("config", cases.values(), ids=cases)


@each(IN_HALF)
def test_bfloat16_is_near_float32(config):
    found, expected = first_step(config, "cpu", mixed=True), first_step(config, "cpu")
    assert found["loss"] != expected["loss"]
    assert_steps_agree(found, expected, BFLOAT16)


@each(CASES)
@pytest.mark.gpu
@NEEDS_GPU
def test_a_gpu_takes_the_step_of_the_cpu(config):
    assert_steps_agree(first_step(config, "cuda"), first_step(config, "cpu"), FLOAT32)


@each(IN_HALF)
@pytest.mark.gpu
@NEEDS_GPU
def test_bfloat16_is_near_float32_on_a_gpu(config):
    assert_steps_agree(first_step(config, "cuda", mixed=True), first_step(config, "cuda"), BFLOAT16)


@each(ONCE_DIFFERENTIATED)
@pytest.mark.gpu
@NEEDS_GPU
def test_a_compiled_step_is_the_same_on_a_gpu(config):
    assert_steps_agree(first_step(config, "cuda", compiled=True), first_step(config, "cuda"), FLOAT32)
