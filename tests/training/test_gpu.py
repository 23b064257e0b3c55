import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.training import gpu


@pytest.mark.parametrize(
    ("device", "expected"), [("cpu", False), ("cuda", True), ("cuda:3", True), ("mps", False)]
)
def test_a_device_by_name_and_as_torch_has_it(device, expected):
    assert gpu.on_gpu(device) is gpu.on_gpu(torch.device(device)) is expected


@pytest.mark.parametrize(
    ("gigabytes", "cores", "expected"),
    [(139, 64, 8), (139, 4, 4), (40, 64, 3), (23, 64, 1), (6, 64, 1), (0, 64, 1)],
)
def test_as_many_at_once_as_memory_and_cores_take(monkeypatch, gigabytes, cores, expected):
    monkeypatch.setattr(gpu, "free_bytes", lambda device: gigabytes * 2**30)
    monkeypatch.setattr("joblib.cpu_count", lambda only_physical_cores: cores)
    assert gpu.at_once("cuda") == expected


def test_what_this_process_has_cached_is_free_for_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 20)
    assert gpu.free_bytes("cuda") == 130


def test_no_gpu_has_no_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.free_bytes("cuda") == 0


def test_compiled_models_are_for_a_gpu():
    assert gpu.precision_of(False, "cpu") == gpu.precision_of(False, "cuda") == "float32"
    assert gpu.precision_of(True, "cuda:1") == "float32 compiled"
    with pytest.raises(UserError, match="parameter compiled: found True on device cpu, expected False"):
        gpu.precision_of(True, "cpu")


def test_compiling_keeps_the_names_of_the_state(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    names = list(model.state_dict())
    gpu.compile_where_asked(model, gpu.FULL)
    assert model._compiled_call_impl is None
    gpu.compile_where_asked(model, gpu.COMPILED)  # nothing is compiled before the first call
    assert model._compiled_call_impl is not None
    assert list(model.state_dict()) == names
