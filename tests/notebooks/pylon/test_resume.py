"""PYLON runs of two phases that are broken off go on as if nothing had happened."""

from dataclasses import replace
from functools import partial

import pytest

from papers_lib.training import plateau
from papers_lib.training.loop import train
from pylon import experiment as pylon
from pylon.experiment import run
from tests.notebooks.pylon.stores import KEPT, context, same

TWO = replace(KEPT, phases=("decoder", "all"), method="cam", batch_size=32)


def broken_off(surroundings, monkeypatch, at):
    """Run ``TWO`` to check number ``at`` (from 1); each epoch is saved, from now on."""
    calls, predict = [], pylon.predict

    def breaking(*args, **options):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return predict(*args, **options)

    monkeypatch.setattr(plateau, "train", partial(train, checkpoint_every=0.0))
    with monkeypatch.context() as patch:
        patch.setattr(pylon, "predict", breaking)
        with pytest.raises(KeyboardInterrupt):
            run(TWO, surroundings)


@pytest.fixture(scope="module")
def uninterrupted(store, tmp_path_factory):
    found = context(store, tmp_path_factory.mktemp("whole") / "checkpoint")
    return run(TWO, found), found.arrays


@pytest.mark.parametrize("at", [2, 3, 4])
def test_an_interrupted_run_of_two_phases_goes_on_to_the_same_weights(
    store, tmp_path, monkeypatch, uninterrupted, at
):
    """Checks 1 and 2 are of the first phase; at check 3 the second one has no file yet."""
    surroundings = context(store, tmp_path / "checkpoint")
    broken_off(surroundings, monkeypatch, at)
    files = {path.name for path in tmp_path.iterdir()}
    first = {"checkpoint.phase0.training"} if at == 2 else {"checkpoint.phase0"}
    assert files == first | ({"checkpoint"} if at > 3 else set())
    metrics = run(TWO, surroundings)
    weights = {name: value for name, value in uninterrupted[1].items() if name.startswith("weights/")}
    assert weights
    assert same(weights, {name: surroundings.arrays[name] for name in weights})
    measured = ("point_macro", "auroc_macro", "iou_macro", "val_loss")
    assert all(metrics[name] == uninterrupted[0][name] for name in measured)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint"}  # that of phase 0 is gone


@pytest.mark.parametrize("at", [3, 4])
def test_an_interrupted_run_of_two_phases_reports_the_same_checks(
    store, tmp_path, monkeypatch, uninterrupted, at
):
    surroundings = context(store, tmp_path / "checkpoint")
    broken_off(surroundings, monkeypatch, at)
    metrics = run(TWO, surroundings)
    assert same(surroundings.arrays, uninterrupted[1])
    assert same(metrics, uninterrupted[0])


def test_a_damaged_checkpoint_of_the_second_phase_starts_both_anew(store, tmp_path, uninterrupted):
    surroundings = context(store, tmp_path / "checkpoint")
    surroundings.checkpoint.write_bytes(b"half a fi")
    assert run(TWO, surroundings)["val_loss"] == uninterrupted[0]["val_loss"]
