import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from cam_entropy import experiment
from cam_entropy.experiment import EntropyRun, build, run
from cam_entropy.split import batch_of, open_all, open_split, open_splits
from papers_lib.datasets.voc_store import load_crops
from papers_lib.models.classifier import pooled_classifier
from papers_lib.sweep import Context, RunFailed
from papers_lib.training import frozen_front, through

TINY = {"backbone": "test_resnet", "weights": "random", "train_from": ""}
BASE = EntropyRun(seed=3, beta=0.3, epochs=3, batch_size=3, deletion=2, **TINY)


@pytest.fixture
def context(opened, tmp_path):
    torch.set_num_threads(1)
    return Context("cpu", opened.root, tmp_path / "checkpoint")


def same(metrics, again):
    return {k: v for k, v in metrics.items() if v == v} == {k: v for k, v in again.items() if v == v}


def test_a_run_measures_everything_and_goes_on_after_a_kill(context, opened, drawn, tmp_path, monkeypatch):
    metrics, arrays, boxes = run(BASE, context), dict(context.arrays), list(drawn)
    for name in ("test_accuracy", "dead_share", "object_mass", "part_mass", "scene_pointing", "scene_mass"):
        assert 0 <= metrics[name] <= 1, name
    assert metrics["setting"] == "relu_0.3"
    assert arrays["maps"].shape == (4, 2, 2)  # one item a test picture
    assert arrays["logits"].shape == (4, 10)
    curve = dict(zip(arrays["curve_names"].tolist(), arrays["curves"].T, strict=True))
    assert metrics["train_dead_share"] == curve["dead_share"][-1]
    assert {"live_ce", "test_ce", "test_accuracy", "test_dead_share", "loss"} <= set(curve)

    # One box of every picture in each epoch, drawn anew.
    assert [len(batch) for batch in boxes] == 3 * [3, 3, 2]
    epochs = [[item for batch in boxes[i : i + 3] for item in batch] for i in range(0, 9, 3)]
    image = load_crops(opened.root, "train").image
    assert all(sorted(image[epoch].tolist()) == list(range(8)) for epoch in epochs)
    assert len({tuple(sorted(epoch)) for epoch in epochs}) == 3

    monkeypatch.setattr(experiment, "train", partial(experiment.train, checkpoint_every=0.0))
    point, calls = experiment.curve_point, []

    def interrupted(test, items):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return point(test, items)

    drawn.clear()
    broken = Context("cpu", opened.root, tmp_path / "broken")
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "curve_point", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(BASE, broken)
    assert broken.checkpoint.exists()
    assert not broken.arrays
    del drawn[3:]  # what the second epoch, lost, had drawn
    assert same(run(BASE, broken), metrics)
    assert drawn == boxes
    assert np.array_equal(broken.arrays["curves"], arrays["curves"], equal_nan=True)


def test_settings_of_a_seed_share_initial_weights_boxes_and_order(opened, drawn, tmp_path):
    before, found = torch.random.get_rng_state(), []
    changes = ({}, {"beta": 0.0}, {"form": "shifted"}, {"measure": "ca", "others": 1.0}, {"seed": 4})
    for number, change in enumerate(changes):
        drawn.clear()
        run(replace(BASE, epochs=1, **change), Context("cpu", opened.root, tmp_path / str(number)))
        found.append(list(drawn))
    assert found[0] == found[1] == found[2] == found[3] != found[4]
    states = [build(replace(BASE, **change), 10, "cpu").state_dict() for change in changes]
    assert all(torch.equal(states[0][name], state[name]) for state in states[:4] for name in states[0])
    assert not torch.equal(states[0]["head.2.weight"], states[4]["head.2.weight"])
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("stage", "trained"), [("", 6), ("stem", 5), ("layer3", 2), ("layer4", 1)], ids=str)
def test_training_starts_with_the_stage_that_is_named(stage, trained):
    model = build(replace(BASE, train_from=stage), 10, "cpu")
    every = ["scale", "stem", "layer1", "layer2", "layer3", "layer4"]
    assert [name for name, _ in model.features.named_children()] == every[-trained:]


def test_a_loss_that_is_not_finite_is_a_recorded_divergence(context):
    with pytest.raises(RunFailed, match="epoch 1 of 3") as caught:
        run(replace(BASE, beta=math.inf), context)
    assert caught.value.status == "diverged"


def test_a_run_on_a_frozen_front_of_imagenet(context, opened):
    """Packaged weights: features in half precision and the trained tail are the whole network."""
    config = EntropyRun(seed=2, beta=3.0, form="shifted", epochs=1, batch_size=4, deletion=4)
    assert 0 <= run(config, context)["deletion_area"] <= 1
    tail = build(config, 10, "cpu").eval()
    assert [name for name, _ in tail.features.named_children()] == ["blocks_6", "conv_head"]
    split = open_split(opened.root, "test", config.backbone, config.weights, config.train_from, "cpu")
    whole = pooled_classifier(
        config.backbone, 10, generator=torch.Generator().manual_seed(config.seed)
    ).eval()
    items = np.arange(4)
    with torch.no_grad():
        found = tail(batch_of(split.inputs, items, "cpu"))
        expected = whole(batch_of(split.crops.images, items, "cpu"))
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3 * float(expected.abs().max()))


def test_fronts_are_made_before_the_runs_and_stand_for_the_pictures(opened):
    runs = [replace(BASE, train_from=stage) for stage in ("layer4", "", "layer3", "layer4")]
    splits = open_all(opened.root, runs, "cpu", 1)
    front = frozen_front("test_resnet", "random", "layer4")
    for name, split in splits.items():
        for images, features in (
            (split.crops.images, split.inputs),
            (split.crops.scenes, split.scene_inputs),
        ):
            assert (images is None) == (features is None)
            if features is not None:
                wanted = through(front, images[:], "cpu").half()
                torch.testing.assert_close(torch.from_numpy(np.array(features)), wanted, rtol=2e-3, atol=1e-3)
        assert open_splits(opened.root, runs[0], "cpu")[name].inputs is split.inputs  # once a process
    plain = open_splits(opened.root, runs[1], "cpu")["test"]
    assert (plain.inputs is plain.crops.images, plain.scene_inputs is plain.crops.scenes) == (True, True)


def test_pixels_become_channels_first_in_zero_to_one_and_features_stay():
    images = np.zeros((3, 2, 2, 3), np.uint8)
    images[2, 0, 1] = (255, 51, 0)
    found = batch_of(images, torch.tensor([2, 0]), "cpu")
    assert (found.dtype, found.shape) == (torch.float32, (2, 3, 2, 2))
    assert found[0, :, 0, 1].tolist() == pytest.approx([1, 0.2, 0])
    features = np.arange(12, dtype=np.float16).reshape(3, 1, 2, 2) * 100
    assert batch_of(features, np.array([1, 1]), "cpu").tolist() == [[[[400, 500], [600, 700]]]] * 2


def test_settings_have_the_names_of_the_claims():
    names = {
        "none": {"beta": 0.0, "form": "shifted"},
        "relu_100": {"beta": 100.0},
        "ca_shifted_3": {"beta": 3.0, "form": "shifted", "measure": "ca"},
        "relu_0.3_others_1": {"beta": 0.3, "others": 1.0},
    }
    plain = EntropyRun(seed=1, beta=0.0)
    for name, change in names.items():
        assert replace(plain, **change).setting() == name
        assert replace(plain, **change).label() == f"main {name} seed 1"
