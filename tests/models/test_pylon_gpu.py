"""PYLON's maps and gradients on a GPU are those on the CPU; on every machine, those of float32 are those of float64."""

import pytest
import torch

from papers_lib.models.pylon import pylon

CLASSES = 3
EVERY = pytest.mark.parametrize(
    "design", [{}, {"up": "small"}, {"ups": 1}, {"gap": True}, {"norm": "group"}], ids=str
)
# Float32 rounds each layer's sums in another order: of maps of order 1 the last three digits differ
CLOSE = {torch.float32: {"rtol": 1e-3, "atol": 1e-3}, torch.float64: {"rtol": 1e-9, "atol": 1e-9}}


def results(design, device, dtype):
    """Maps in eval mode, and loss and gradients of a training step, on the CPU in double precision."""
    model = pylon("resnet18", CLASSES, generator=torch.Generator().manual_seed(1), weights="random", **design)
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(3, 1, 96, 96, generator=generator).to(device, dtype)
    model = model.to(device, dtype)
    maps = model.eval()(images).maps.detach()
    loss = model.train()(images).logits.square().mean()
    loss.backward()
    gradient = model.decoder.head.weight.grad
    return [found.double().cpu() for found in (maps, loss.detach(), gradient)]


@pytest.fixture(autouse=True)
def full_float32(monkeypatch):
    """Without TF32, whose ten bits would need a tolerance of a percent."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@EVERY
def test_single_precision_gives_what_double_precision_gives(design):
    """The tolerance below is that of float32 itself: it is kept on the CPU as well."""
    for found, expected in zip(
        results(design, "cpu", torch.float32), results(design, "cpu", torch.float64), strict=True
    ):
        torch.testing.assert_close(found, expected, **CLOSE[torch.float32])
    assert expected.abs().max() > 10 * CLOSE[torch.float32]["atol"]


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_maps(design, dtype):
    here, there = (results(design, device, dtype) for device in ("cpu", "cuda"))
    for found, expected in zip(there, here, strict=True):
        torch.testing.assert_close(found, expected, **CLOSE[dtype])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_benchmark_runs_on_a_gpu():
    from benchmarks.pylon_steps import table

    rows = table("cuda", rounds=1, backbone="resnet18", side=64, batch=3, width=32)
    assert all(row["median ms"] > 0 for row in rows)
