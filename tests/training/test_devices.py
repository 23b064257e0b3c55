import joblib
import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.training.devices import pick_device, processes


def test_auto_follows_the_machine(monkeypatch):
    for there, wanted in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert pick_device("auto") == wanted
        assert pick_device("cpu") == "cpu"


def test_a_gpu_that_is_not_there_and_an_unknown_name_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="sees no GPU"):
        pick_device("cuda")
    with pytest.raises(UserError, match="found 'tpu', expected one of auto, cpu, cuda"):
        pick_device("tpu")


def test_processes_as_asked_or_one_a_core():
    assert processes(3, "cpu") == processes(3, "cuda") == 3
    assert processes(0, "cuda:1") == 1
    assert processes(0, "cpu") == joblib.cpu_count(only_physical_cores=True)
