"""Runs that find no room on a GPU beside others."""

import sys
from pathlib import Path

import pytest
import torch

from papers_lib.sweep import mishaps
from papers_lib.sweep.core import DataRef, sweep
from papers_lib.training import gpu_batches

sys.path.insert(0, str(Path(__file__).parent))
import toy_runs
from toy_runs import Toy


def _log(data: Path) -> list[tuple[int, int]]:
    """(seed, process id) of each execution."""
    return [(int(seed), int(pid)) for seed, pid in map(str.split, (data / "log").read_text().splitlines())]


def test_they_are_repeated_alone_after_the_others(tmp_path: Path) -> None:
    lines: list[str] = []
    configs = [Toy(1, "crowded"), Toy(2), Toy(3, "too_large"), Toy(4)]
    data = DataRef(tmp_path, "f", "stand-in")
    records = sweep(toy_runs.run, configs, data=data, cache=tmp_path / "c", jobs=2, say=lines.append)
    assert [record.status for record in records] == ["ok", "ok", "failed", "ok"]
    assert "ALLOC_FAILED" in records[2].reason
    assert "no room on the GPU beside other runs; runs to repeat one at a time: 2" in lines
    log = _log(tmp_path)
    assert sorted(seed for seed, _ in log[:4]) == [1, 2, 3, 4]
    assert sorted(seed for seed, _ in log[4:]) == [1, 3]
    assert not {pid for _, pid in log[:4]} & {pid for _, pid in log[4:]}
    assert len({pid for _, pid in log[4:]}) == 2
    assert sum(line.startswith("[") for line in lines) == 4  # one line a run, not one an attempt


def test_alone_from_the_start_there_is_nothing_to_repeat(tmp_path: Path) -> None:
    lines: list[str] = []
    data = DataRef(tmp_path, "f", "stand-in")
    (record,) = sweep(toy_runs.run, [Toy(1, "crowded")], data=data, cache=tmp_path, jobs=1, say=lines.append)
    assert record.status == "failed"
    assert record.reason.startswith("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling")
    assert len(_log(tmp_path)) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (MemoryError(), False),
    ],
    ids=repr,
)
def test_what_counts_as_no_room(error: BaseException, expected: bool) -> None:
    assert mishaps.out_of_gpu_memory(error) is expected


@pytest.mark.parametrize("behaviour", ["ok", "error", "diverged"])
def test_a_run_on_a_gpu_gives_its_copies_back_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    given_back: list[int] = []
    monkeypatch.setattr(gpu_batches, "release", lambda: given_back.append(1))
    data = DataRef(tmp_path, "f", "stand-in")
    for device, times in (("cpu", 0), ("cuda", 1)):
        sweep(
            toy_runs.run, [Toy(1, behaviour)], data=data, cache=tmp_path, jobs=1, device=device, say=[].append
        )
        assert len(given_back) == times
