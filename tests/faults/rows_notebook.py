"""A notebook that goes wrong, a parameter that it does not have, a loss that becomes NaN."""

from collections.abc import Callable

import pytest
import torch

from papers_lib.companion import execute, profiles, results
from papers_lib.companion.status import Outcome
from tests.faults import checkout
from tests.faults.bench import Bench
from tests.faults.rows import NOTEBOOK, PAGE, RUNS, Observed, Row

_FAILED = {"state": "failed", "kept": (PAGE, RUNS, NOTEBOOK)}


def _with_cell(name: str, source: str) -> Callable[[Bench], Observed]:
    """A run of the notebook with another cell, which is mended afterwards."""

    def provoke(bench: Bench) -> Observed:
        checkout.write(bench.root, **{name: source})
        return bench.observed_run("--set", "models=6", lift=lambda: checkout.write(bench.root))

    return provoke


def _one_notebook_of_two(bench: Bench) -> Observed:
    """The other comes first, and fails; ours is run all the same: its state is asked for, and its page is new."""
    checkout.write(bench.root, "other", read="1 / 0")
    return bench.observe(*bench.papers("run"), lambda: checkout.write(bench.root, "other"))


def _nan(bench: Bench) -> Observed:
    bench.order("nan")
    return bench.observed_run()


def _believes_papermill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(execute, "_failure", lambda cells, error: Outcome("succeeded"))
    patch.setattr(execute, "_verdict", lambda cells, finished, nonce: Outcome("succeeded"))


def _any_page_is_complete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(results, "check_complete", lambda contract, profile, made: None)


class _Everything(dict):
    """Parameters of which none is unknown."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> profiles.Parameter:
        return profiles.Parameter(name, "", "str")


def _any_parameter(patch: pytest.MonkeyPatch) -> None:
    declared = profiles.declared
    patch.setattr(profiles, "declared", lambda path: _Everything(declared(path)))


def _any_loss_is_finite(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(torch, "isfinite", lambda values: torch.ones_like(values, dtype=torch.bool))


def _stops_at_the_first(patch: pytest.MonkeyPatch) -> None:
    def failure(cells: object, error: Exception) -> Outcome:
        raise error

    patch.setattr(execute, "_failure", failure)


ROWS = [
    Row(
        "a cell fails",
        _with_cell("read", "raise ValueError('the cell\\nwent wrong')"),
        Observed(
            1,
            ("papers: toy: failed: code cell 2: ValueError: the cell went wrong",),
            **_FAILED,
        ),
        _believes_papermill,
        "toy.results.json",
    ),
    Row(
        "the notebook ends early",
        _with_cell("report", "import sys\nsys.exit(0)"),
        Observed(
            1,
            ("papers: toy: failed: code cell 5 did not run: the notebook ended before it",),
            **_FAILED,
        ),
        _believes_papermill,
        "toy.results.json",
    ),
    Row(
        "a declared figure is not made",
        _with_cell("figure", "'nothing'"),
        Observed(
            1,
            ("papers: toy: incomplete: toy: declared for profile quick but not made: figure shares",),
            "incomplete",
            (PAGE, RUNS, NOTEBOOK),
        ),
        _any_page_is_complete,
        "code=0",
    ),
    Row(
        "one notebook of two fails",
        _one_notebook_of_two,
        Observed(
            1, ("papers: other: failed: code cell 2: ZeroDivisionError: division by zero",), kept=(RUNS,)
        ),
        _stops_at_the_first,
        "Traceback",
    ),
    Row(
        "unknown parameter",
        lambda bench: bench.observed_run("--set", "model=5"),
        Observed(
            2,
            (
                "papers: toy: unknown parameter model; there are profile (str), device (str), jobs (int), "
                "data_root (str), models (int)",
            ),
            then="done, 2 computed",
        ),
        _any_parameter,
        "KeyError",
    ),
    Row(
        "the loss becomes NaN",
        _nan,
        Observed(0, ("toy: [2/2] toy 5: diverged (loss is nan in epoch 1 of 3)",)),
        _any_loss_is_finite,
        "says=()",
    ),
]
