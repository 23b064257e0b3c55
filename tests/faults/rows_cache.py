"""Damaged files in the cache: an entry, and the checkpoint that an unfinished run left to go on from."""

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from papers_lib.sweep import checkpoints
from papers_lib.sweep import core as sweep
from papers_lib.sweep.context import Context
from papers_lib.training import loop as training
from tests.faults import toy_training
from tests.faults.bench import NEW, Bench
from tests.faults.rows import PAGE, RUNS, Observed, Row

SAME, HARMLESS = "result of an undisturbed run", "no foreign code executed"
_LAST = NEW - 1


class _Evil:
    """Pickled, an order to make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _truncated_entry(bench: Bench) -> Observed:
    entry = min(bench.cache.glob("*.json"))
    entry.write_bytes(entry.read_bytes()[:200])
    bench.harmed.add(entry.stem)
    return bench.observed_run()


def _spoilt(spoil: Callable[[Path], object]) -> Callable[[Bench], Observed]:
    """A run that was stopped in its second epoch goes on, after ``spoil`` has been at its checkpoint."""

    def provoke(bench: Bench) -> Observed:
        stop = bench.order("stops", _LAST)
        bench.papers("run")
        stop.unlink()
        (checkpoint,) = bench.cache.glob("*.checkpoint")
        spoil(checkpoint)
        seen = bench.observed_run()
        rows = json.loads((bench.page / "toy.results.json").read_text())["rows"]
        undisturbed = toy_training.run(
            toy_training.Toy(_LAST), Context("cpu", bench.root, bench.root / "none")
        )
        same = [row["share"] for row in rows[_LAST:]] == [pytest.approx(undisturbed["share"], rel=1e-6)]
        kept = {SAME: same, HARMLESS: not (bench.cache / "evil").exists()}
        return replace(seen, kept=(*seen.kept, *(name for name, there in kept.items() if there)))

    return provoke


def _truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flip(path: Path) -> None:
    """Change one byte of one weight."""
    content = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=True)["model"]["weight"].numpy().tobytes()
    content[content.index(weights) + 2] ^= 0x55
    path.write_bytes(content)


def _reshape(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    torch.save({**state, "model": {"weight": torch.zeros(1, 33)}}, path)


def _replace_by_code(path: Path) -> None:
    path.write_bytes(pickle.dumps(_Evil(path.with_name("evil")), protocol=2))


def _entries_are_trusted(patch: pytest.MonkeyPatch) -> None:
    def cached(store: Any, keys: set[str]) -> tuple[dict[str, Any], dict[str, str]]:
        return {key: found for key in keys if (found := store.load(key)) is not None}, {}

    patch.setattr(sweep, "_cached", cached)


def _plain_resume(patch: pytest.MonkeyPatch) -> None:
    def resume(path: Path, model: torch.nn.Module, *_: object) -> int:
        model.load_state_dict(torch.load(path, weights_only=True)["model"])
        return 1

    patch.setattr(training, "_resume", resume)


def _no_checksums(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checkpoints, "put_away_damaged", lambda checkpoint: None)


def _no_second_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checkpoints, "refused", lambda error: False)


def _pickles_are_loaded(patch: pytest.MonkeyPatch) -> None:
    load = torch.load
    patch.setattr(torch, "load", lambda *given, **options: load(*given, **{**options, "weights_only": False}))


def _row(name: str, spoil: Callable[[Path], object], what: str, disarm: Callable, unhandled: str) -> Row:
    said = f"toy: checkpoint KEY.checkpoint {what}; the run starts anew"
    return Row(
        name, _spoilt(spoil), Observed(0, (said,), kept=(PAGE, RUNS, SAME, HARMLESS)), disarm, unhandled
    )


ROWS = [
    Row(
        "truncated cache entry",
        _truncated_entry,
        Observed(
            0,
            (
                "toy: cache entry KEY is not used (it is truncated or not a record of a run); "
                "its run is computed again",
            ),
        ),
        _entries_are_trusted,
        "code cell 3: Unusable",
    ),
    _row(
        "truncated checkpoint",
        _truncate,
        "is unreadable (OSError)",
        _plain_resume,
        "1 of 6 rows are of runs that did not end",
    ),
    _row(
        "flipped byte in a checkpoint",
        _flip,
        "is damaged (its checksum does not fit)",
        _no_checksums,
        f"kept=('{PAGE}', '{RUNS}', '{HARMLESS}')",
    ),
    _row(
        "checkpoint of another model",
        _reshape,
        "does not fit the model (RuntimeError)",
        _no_second_start,
        "1 of 6 rows are of runs that did not end",
    ),
    _row(
        "checkpoint that is a program",
        _replace_by_code,
        "is unreadable (UnpicklingError)",
        _pickles_are_loaded,
        f"kept=('{PAGE}', '{RUNS}', '{SAME}')",
    ),
]
