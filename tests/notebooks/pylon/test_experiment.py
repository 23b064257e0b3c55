import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.sweep.context import RunFailed
from pylon import experiment as pylon
from pylon.experiment import build, rows_of, run
from pylon.inputs import open_images, stored
from pylon.source import share_source
from tests.notebooks.pylon.stores import CLASSES, KEPT, RUN, TEST, TRAIN, VAL, context, listed, same

MOVING = ("running_mean", "running_var", "num_batches_tracked")
EARLY = ("network.conv_stem", "network.bn1", "network.blocks.0", "network.blocks.1", "network.blocks.2")
"""Layers of Lite0 up to stride 8, the second stage."""


@pytest.fixture
def go(store, tmp_path):
    """Runs a config: its metrics and arrays."""

    def running(config, name="checkpoint"):
        found = context(store, tmp_path / name)
        return run(config, found), found.arrays

    return running


def encoder_state(arrays):
    prefix = "weights/encoder."
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def moved(config, arrays):
    """Tensors of the encoder that differ from the initial ones, less its standardisation."""
    before = build(config, len(CLASSES)).encoder.state_dict()
    found = encoder_state(arrays)
    assert found.keys() == before.keys()
    names = [name for name in before if not name.startswith(("mean_", "std_"))]
    return {name for name in names if not np.array_equal(found[name], before[name].numpy())}, set(names)


def is_early(name):
    return name.startswith(tuple(f"{early}." for early in EARLY))


@pytest.mark.parametrize("method", ["cam", "pylon"])
def test_a_run_measures_everything_and_the_same_twice(go, method):
    config = replace(KEPT, method=method, masked=6)
    metrics, arrays = go(config)
    again, others = go(config, "again")
    assert same(metrics, again)
    assert same(arrays, others)
    masked = {f"masked_out_{name}" for name in ("macro", "weighted", "negative", "never")}
    passes = {f"masked_out_{name}" for name in ("passes", "calls", "all_passes")}
    assert {name for name in metrics if name.startswith("masked_out_")} == masked | passes
    shares = ("point_macro", "point_weighted", "iou_macro", "auroc_macro", *sorted(masked))
    for name in (*shares, *(f"point/{kind}" for kind in CLASSES)):
        assert 0 <= metrics[name] <= 1, name
    assert metrics["masked_out_negative"] < 1
    # no shares: passes and all_passes a pair; all six pairs go side by side, so the longest one's passes are the calls
    assert 1 <= metrics["masked_out_passes"] <= metrics["masked_out_calls"] <= 201
    assert metrics["masked_out_all_passes"] == 201
    assert metrics["train_images"] == TRAIN
    assert metrics["epochs_run"] == len(arrays["curves"]) == 2
    assert arrays["curve_names"].tolist() == ["phase", "epoch", "loss", "rate"]
    assert metrics["val_loss"] == arrays["curves"][:, 2].min()
    assert arrays["test_logits"].shape == (TEST, len(CLASSES))
    assert ("grad_cam.point_macro" in metrics) == (method == "cam")
    assert metrics["training"] == "frozen"


@pytest.mark.parametrize("method", ["li2018", "unet", "fpn", "pan", "deeplab", "conventional"])
def test_every_kind_of_decoder_runs(go, method):
    """A last batch of one image included."""
    metrics, arrays = go(replace(RUN, method=method, epochs=1))
    assert 0 <= metrics["auroc_macro"] <= 1
    assert ("point_macro" in metrics) == (method != "conventional")
    assert np.isfinite(arrays["test_logits"]).all()


def test_methods_of_a_seed_share_the_encoder_and_seeds_do_not_share_the_decoder():
    before = torch.random.get_rng_state()
    states = [
        build(replace(RUN, method=method), 3).state_dict() for method in ("cam", "fpn", "pylon", "pylon")
    ]
    for state in states[1:]:
        assert all(
            torch.equal(state[name], value)
            for name, value in states[0].items()
            if name.startswith("encoder.")
        )
    assert all(torch.equal(states[3][name], value) for name, value in states[2].items())
    other = build(replace(RUN, seed=1), 3).state_dict()
    assert not torch.equal(other["decoder.head.weight"], states[2]["decoder.head.weight"])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_random_encoder_is_the_one_whose_features_are_stored(store):
    """Trained on stored features and tested on pixels, it must be the same network for every seed."""
    config = replace(RUN, seed=1, backbone="resnet18", weights="random")
    _, uint8 = open_images(store)
    with torch.no_grad():
        own = build(config, 3).eval().encoder(torch.from_numpy(np.array(uint8[:2]))[:, None] / 255)[0]
    kept = stored(store, config.frozen(4), "cpu")[0][:2]
    np.testing.assert_allclose(kept, own.permute(0, 2, 3, 1), rtol=2e-3, atol=2e-3)


def test_a_frozen_encoder_and_its_statistics_stay(go):
    _, arrays = go(KEPT)
    assert moved(KEPT, arrays)[0] == set()
    decoder = build(KEPT, len(CLASSES)).decoder.state_dict()
    assert not any(
        np.array_equal(arrays[f"weights/decoder.{name}"], value.numpy())
        for name, value in decoder.items()
        if name.endswith("weight")
    )


def test_moving_statistics_move_and_weights_do_not(go):
    config = replace(KEPT, statistics="moving", train_from=2)
    metrics, arrays = go(config)
    found, every = moved(config, arrays)
    assert found == {name for name in every if name.endswith(MOVING) and not is_early(name)}
    assert metrics["training"] == "frozen_moving"


def test_without_stored_stages_all_statistics_move(go):
    config = replace(KEPT, statistics="moving", train_from=0, epochs=1)
    found, every = moved(config, go(config)[1])
    assert found == {name for name in every if name.endswith(MOVING)}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"greys": "nih"}, "train_from: found 2"),
        ({"greys": "nih", "train_from": 0}, "standardise: found True"),
        ({"policy": "radiograph"}, "train_from: found 2"),
    ],
)
def test_pixels_that_are_changed_cannot_stand_beside_stored_features(changes, named):
    with pytest.raises(UserError, match=named):
        replace(RUN, **changes)


@pytest.mark.parametrize("train_from", [0, 2])
def test_phase_all_trains_the_later_stages_alone(go, train_from):
    config = replace(KEPT, phases=("all",), train_from=train_from, epochs=1)
    metrics, arrays = go(config)
    found, every = moved(config, arrays)
    late = {name for name in every if not is_early(name) and not name.startswith("scale.")}
    expected = late if train_from else {name for name in every if not name.startswith("scale.")}
    assert found == expected
    assert metrics["training"] == "one_phase"


def test_two_phases_keep_the_first_one_s_best_and_leave_no_file(go, tmp_path):
    config = replace(KEPT, phases=("decoder", "all"))
    metrics, arrays = go(config)
    first = go(replace(config, phases=("decoder",)), "first")[1]
    assert np.array_equal(arrays["curves"][:2], first["curves"])  # the first phase is the one-phase run
    assert arrays["curves"][:, 0].tolist() == [0, 0, 1, 1]
    assert metrics["epochs_run"] == 4
    assert metrics["val_loss"] == arrays["curves"][2:, 2].min()
    found, every = moved(config, arrays)
    assert found == {name for name in every if not is_early(name) and not name.startswith("scale.")}
    assert list(tmp_path.iterdir()) == []  # runs too short to be saved


def test_a_run_with_a_source_starts_from_it(go, store):
    _, arrays = go(KEPT)
    share_source(arrays, "first", store)
    config = replace(KEPT, source="first", epochs=1, train_from=2)
    metrics, started = go(config, "second")
    assert metrics["training"] == "transfer_frozen"
    plain = go(replace(config, source=""), "plain")[0]
    assert metrics["val_loss"] != plain["val_loss"]
    assert same(encoder_state(arrays), encoder_state(started))  # frozen, and standardised as there
    two = go(replace(config, phases=("decoder", "all")), "third")[0]
    assert two["training"] == "transfer_two_phase"


def test_folds_by_patient_cover_every_image_once_and_share_no_patient():
    images = listed()
    tested = []
    for fold in range(5):
        rows = rows_of(replace(RUN, fold=fold, folds=5), images)
        assert sorted(np.concatenate(list(rows.values()))) == list(range(len(images)))
        owners = [set(images.patients[part]) for part in rows.values()]
        assert sum(map(len, owners)) == len(set().union(*owners))
        assert all(len(part) for part in rows.values())
        tested.append(rows["test"])
        after = rows_of(replace(RUN, fold=(fold + 1) % 5, folds=5), images)
        assert np.array_equal(rows["val"], after["test"])
    assert sorted(np.concatenate(tested)) == list(range(len(images)))
    other_seed = rows_of(replace(RUN, fold=0, seed=7), images)
    assert np.array_equal(other_seed["test"], tested[0])


def test_without_a_fold_the_set_s_splits_are_taken(go):
    found = {name: len(rows) for name, rows in rows_of(RUN, listed()).items()}
    assert found == {"train": TRAIN, "val": VAL, "test": TEST}
    metrics, arrays = go(replace(RUN, fold=1, folds=3, epochs=1))
    assert metrics["train_images"] + len(arrays["test_logits"]) < len(listed())


def test_a_loss_that_is_not_finite_is_a_recorded_divergence(go):
    with pytest.raises(RunFailed, match="epoch 1 of 2") as caught:
        go(replace(RUN, learning_rate=math.inf, method="cam"))
    assert caught.value.status == "diverged"


def test_heads_start_near_the_prevalence_of_the_training_part(go, monkeypatch):
    seen = {}

    def stop(config, context, model, rows, labels, *_):
        with torch.no_grad():
            images = torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
            seen[config.prevalence_start] = model.eval()(images).logits
        raise KeyboardInterrupt

    monkeypatch.setattr(pylon, "_train", stop)
    for start in (True, False):
        with pytest.raises(KeyboardInterrupt):
            go(replace(RUN, prevalence_start=start))
    share = (listed().labels[:TRAIN].sum(0) + 1) / (TRAIN + 2)
    assert (seen[True].sigmoid() - torch.from_numpy(share)).abs().max() < 0.2
    assert (seen[False].sigmoid() - torch.from_numpy(share)).abs().max() > 0.2


def test_a_mixed_run_differs_a_little(go):
    mixed, full = (
        go(replace(RUN, mixed=mixed, epochs=1), str(mixed))[0]["val_loss"] for mixed in (True, False)
    )
    assert mixed == pytest.approx(full, rel=0.1)
    assert mixed != full


def test_names_of_trainings_are_those_of_the_claims_file():
    names = {
        "frozen": {},
        "one_phase": {"phases": ("all",)},
        "two_phase": {"phases": ("decoder", "all")},
        "transfer_one_phase": {"phases": ("all",), "source": "x"},
        "transfer_two_phase": {"phases": ("decoder", "all"), "source": "x"},
        "transfer_two_phase_moving": {"phases": ("decoder", "all"), "source": "x", "statistics": "moving"},
    }
    assert {name: replace(RUN, **change).training() for name, change in names.items()} == {
        name: name for name in names
    }
    assert replace(RUN, fold=2, seed=3).label() == "main pylon frozen fold 2 seed 3"
    assert RUN.label() == "main pylon frozen seed 0"


def test_costs_are_positive_and_grow_with_the_work():
    for method in METHODS:
        assert replace(RUN, method=method).cost() > 0
    assert replace(RUN, epochs=4).cost() == 2 * RUN.cost()
    assert replace(RUN, phases=("decoder", "all")).cost() > replace(RUN, phases=("all",)).cost() > RUN.cost()
    assert replace(RUN, masked=40).cost() > RUN.cost()
