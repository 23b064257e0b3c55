"""Damaged cache entries and checkpoints, full and read-only disks under a sweep, a loss that becomes NaN."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.sweep import Context, DataRef, Record, sweep
from papers_lib.training import loop
from tests.faults import toy_training
from tests.faults.refused import FULL, READ_ONLY, refuse
from tests.faults.table import row
from tests.faults.toy_training import Toy


class Bench:
    """A folder with data and a cache in which one run lies already, and the lines said."""

    def __init__(self, folder: Path) -> None:
        self.data, self.cache = folder / "data", folder / "cache" / "tests"
        toy_training.order(self.data, 0, "light")
        self.sweep(0)

    def sweep(self, *seeds: int) -> list[Record]:
        self.lines: list[str] = []
        data = DataRef(self.data, "f", "synthetic data")
        configs = [Toy(seed) for seed in seeds]
        options = {"cache": self.cache.parent, "jobs": 1, "say": self.lines.append}
        return sweep(toy_training.run, configs, data=data, **options)

    def said(self, capsys: pytest.CaptureFixture[str]) -> str:
        return "\n".join([*self.lines, capsys.readouterr().out])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def test_truncated_cache_entry(bench, capsys):
    _truncate(*bench.cache.glob("*.json"))
    assert [record.status for record in bench.sweep(0)] == ["ok"]
    row("truncated cache entry").check(bench.said(capsys))


def _flip(path: Path) -> None:
    """Change one byte of one weight."""
    content = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=True)["model"]["weight"].numpy().tobytes()
    content[content.index(weights) + 2] ^= 0x55
    path.write_bytes(content)


def _reshape(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    torch.save({**state, "model": {"weight": torch.zeros(1, 33)}}, path)


class _Evil:
    """Unpickled, an order to make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _zip_code(path: Path) -> None:
    torch.save(_Evil(path.with_name("evil")), path)


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("truncated checkpoint", _truncate),
        ("flipped byte in a checkpoint", _flip),
        ("checkpoint of another model", _reshape),
        ("checkpoint that is a program", _zip_code),
    ],
)
def test_a_spoilt_checkpoint_is_not_used(bench, capsys, fault, spoil):
    stop = toy_training.order(bench.data, 5, "stops")
    assert bench.sweep(5)[0].status == "failed"
    stop.unlink()
    (checkpoint,) = bench.cache.glob("*.checkpoint")
    spoil(checkpoint)
    (record,) = bench.sweep(5)
    row(fault).check(bench.said(capsys))
    undisturbed = toy_training.run(Toy(5), Context("cpu", bench.data, bench.data / "none"))
    assert record.metrics["share"] == pytest.approx(undisturbed["share"], rel=1e-6)
    assert not (bench.cache / "evil").exists()
    assert not list(bench.cache.glob("*.checkpoint"))


def test_the_loss_becomes_nan(bench, capsys):
    order = toy_training.order(bench.data, 5, "nan")
    bench.sweep(0, 5)
    row("the loss becomes NaN").check(bench.said(capsys))
    order.unlink()
    assert [record.status for record in bench.sweep(0, 5)] == ["ok", "diverged"]  # a result, and cached


@pytest.mark.parametrize(
    ("fault", "number", "name"),
    [("disk full at the cache", FULL, ".json"), ("read-only cache", READ_ONLY, "")],
)
def test_a_cache_that_cannot_be_written(bench, monkeypatch, fault, number, name):
    toy_training.order(bench.data, 5, "light")
    refuse(monkeypatch, number, bench.cache, name)
    assert bench.sweep(0)[0].status == "ok"  # a cache that has all runs may be read-only
    with pytest.raises(UserError) as caught:
        bench.sweep(0, 5)
    row(fault).check(str(caught.value))
    monkeypatch.undo()
    assert bench.sweep(0, 5)[1].status == "ok"
    assert bench.lines[0].startswith("1 runs read from the cache, 1 to compute")


def test_a_full_disk_under_a_checkpoint(bench, monkeypatch):
    monkeypatch.setattr(loop, "replacing", lambda path: nullcontext(Path("/dev/full")))
    records = bench.sweep(0, 5)
    assert [record.status for record in records] == ["ok", "failed"]
    row("disk full at a checkpoint").check(records[1].reason)
