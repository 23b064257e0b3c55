"""The line of a run that failed, at its edges; test_sweep has the ordinary one."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn

from papers_lib.sweep import mishaps
from papers_lib.training.plateau import Fit
from pylon import phases as pylon_phases


def test_a_full_disk_under_a_checkpoint_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pylon_phases, "replacing", lambda path: nullcontext(Path("/dev/full")))
    with pytest.raises(RuntimeError, match="enforce fail") as caught:
        pylon_phases.save_phase(
            tmp_path / "a.phase0", nn.Linear(300, 300), torch.Generator(), Fit([], 0, True)
        )
    line = mishaps.reason(caught.value, __name__, tmp_path)
    assert line.startswith("RuntimeError: the checkpoint cannot be written; is the disk full? (papers_lib/")


def test_a_signal_without_a_name() -> None:
    assert mishaps.signal_name(99) == "killed by signal 99"


def test_an_error_of_the_gpu_under_a_checkpoint_is_not_called_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch, "save", failing)
    with pytest.raises(RuntimeError) as caught:
        pylon_phases.save_phase(tmp_path / "a.phase0", nn.Linear(3, 3), torch.Generator(), Fit([], 0, True))
    assert "illegal memory access" in mishaps.reason(caught.value, __name__, tmp_path)
