import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.experiments.devices import pick_device


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
