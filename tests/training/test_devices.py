"""Devices, precision, and batches: on this machine's CPU, and on a GPU where there is one."""

import numpy as np
import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.training import (
    COMPILED,
    FULL,
    compile_where_asked,
    gpu_batches,
    on_gpu,
    pick_device,
    precision_of,
    release,
    sent,
    taken,
    train,
)  # fmt: skip

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NEEDS_GPU])]


def test_auto_follows_the_machine_and_what_is_not_there_is_refused(monkeypatch):
    for there, wanted in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert pick_device("auto") == wanted
        assert pick_device("cpu") == "cpu"
    assert [on_gpu(device) for device in ("cpu", torch.device("cuda:3"), "mps")] == [False, True, False]
    with pytest.raises(UserError, match="sees no GPU"):
        pick_device("cuda")
    with pytest.raises(UserError, match="found 'tpu', expected one of auto, cpu, cuda"):
        pick_device("tpu")
    assert (precision_of(False, "cpu"), precision_of(True, "cuda:1")) == (FULL, COMPILED)
    with pytest.raises(UserError, match="parameter compiled: found True on device cpu, expected False"):
        precision_of(True, "cpu")


def test_compiling_keeps_the_names_of_the_state(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    names = list(model.state_dict())
    for precision in (FULL, COMPILED):  # nothing is compiled before the first call
        compile_where_asked(model, precision)
        assert (model._compiled_call_impl is not None) == (precision == COMPILED)
    assert list(model.state_dict()) == names


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("share", [0.4, 0.0], ids=["resident", "streamed"])
def test_rows_and_indices_arrive(monkeypatch, tmp_path, device, share):
    np.save(tmp_path / "rows.npy", np.arange(60, dtype=np.uint8).reshape(5, 3, 4))
    array = np.load(tmp_path / "rows.npy", mmap_mode="r")
    monkeypatch.setattr(gpu_batches, "RESIDENT_SHARE", share)
    monkeypatch.setattr(gpu_batches, "PIECE", 24)
    for rows in ([4, 0, 2], [1, 1], []):
        found = taken(array, np.array(rows, np.int64), device)
        assert found.device.type == device
        assert torch.equal(found.cpu(), torch.from_numpy(array[np.array(rows, np.int64)]))
    assert sent(torch.tensor([5, 1]), device).cpu().tolist() == [5, 1]
    release()
    assert not gpu_batches._resident


@pytest.mark.gpu
@NEEDS_GPU
@pytest.mark.parametrize(("mixed", "within"), [(None, 1e-3), (torch.bfloat16, 3e-2)], ids=str)
def test_a_gpu_trains_as_the_cpu_does(monkeypatch, mixed, within):
    """Without TF32, whose ten bits would need a tolerance of a percent."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    images = torch.rand(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    losses = {}
    for device in ("cpu", "cuda"):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            layers = torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(1568, 1)
        model, data = torch.nn.Sequential(*layers).to(device), images.to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
        history = train(
            model, lambda net, rows, data=data: ((net(data[rows]) - 1).square().mean(), {}), 16, optimizer=optimizer,
            epochs=3, batch_size=8, generator=torch.Generator().manual_seed(2),
            autocast=mixed if device == "cuda" else None,
        )  # fmt: skip
        losses[device] = [epoch["loss"] for epoch in history.epochs]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=within)
