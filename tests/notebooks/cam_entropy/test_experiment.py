import math
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch

from cam_entropy import experiment as cam_entropy
from cam_entropy.experiment import EntropyRun, build, run
from cam_entropy.split import batch_of, open_split
from papers_lib.datasets.voc_crop_split import load_crops
from papers_lib.models.classifier import pooled_classifier
from papers_lib.sweep.context import Context, RunFailed
from papers_lib.training.loop import train

BASE = EntropyRun(
    seed=3,
    beta=0.3,
    backbone="test_resnet",
    weights="random",
    train_from="",
    epochs=3,
    batch_size=3,
    deletion=2,
)


@pytest.fixture
def context(opened, tmp_path):
    torch.set_num_threads(1)
    return Context("cpu", opened.root, tmp_path / "checkpoint")


def same(metrics, again):
    return {k: v for k, v in metrics.items() if v == v} == {k: v for k, v in again.items() if v == v}


def test_a_run_measures_everything_and_the_same_twice(context, opened):
    metrics = run(BASE, context)
    arrays = dict(context.arrays)
    assert same(metrics, run(BASE, Context("cpu", opened.root, context.checkpoint)))
    for name in ("test_accuracy", "dead_share", "object_mass", "part_mass", "scene_pointing", "scene_mass"):
        assert 0 <= metrics[name] <= 1, name
    assert metrics["setting"] == "relu_0.3"
    assert arrays["maps"].shape == (4, 2, 2)  # one item a test picture
    assert arrays["logits"].shape == (4, 10)
    assert arrays["curves"].shape == (3, len(arrays["curve_names"]))
    curve = dict(zip(arrays["curve_names"].tolist(), arrays["curves"].T, strict=True))
    assert metrics["train_dead_share"] == curve["dead_share"][-1]
    assert {"live_ce", "test_ce", "test_accuracy", "test_dead_share", "loss"} <= set(curve)


def test_settings_of_a_seed_share_initial_weights_and_torch_s_generator_is_left_alone():
    before = torch.random.get_rng_state()
    settings = [BASE, replace(BASE, beta=100.0, form="shifted"), replace(BASE, measure="cd", others=1.0)]
    states = [build(config, 10, "cpu").state_dict() for config in settings]
    assert all(torch.equal(states[0][name], state[name]) for state in states for name in states[0])
    other = build(replace(BASE, seed=4), 10, "cpu").state_dict()
    assert not torch.equal(states[0]["head.2.weight"], other["head.2.weight"])
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("stage", "trained"), [("", 6), ("stem", 5), ("layer1", 4), ("layer3", 2), ("layer4", 1)], ids=str
)
def test_training_starts_with_the_stage_that_is_named(stage, trained):
    model = build(replace(BASE, train_from=stage), 10, "cpu")
    every = ["scale", "stem", "layer1", "layer2", "layer3", "layer4"]
    assert [name for name, _ in model.features.named_children()] == every[-trained:]


def test_each_epoch_draws_one_box_of_every_picture(context, opened, drawn):
    run(replace(BASE, epochs=4), context)
    assert [len(batch) for batch in drawn] == 4 * [3, 3, 2]
    epochs = [[item for batch in drawn[i : i + 3] for item in batch] for i in range(0, 12, 3)]
    image = load_crops(opened.root, "train").image
    for epoch in epochs:
        assert sorted(image[epoch].tolist()) == list(range(8))
    assert len({tuple(sorted(epoch)) for epoch in epochs}) == 4


def test_settings_of_a_seed_draw_the_same_boxes_in_the_same_order(opened, drawn, tmp_path):
    found = []
    changes = ({}, {"beta": 0.0}, {"form": "shifted"}, {"measure": "ca", "others": 1.0}, {"seed": 4})
    for number, change in enumerate(changes):
        drawn.clear()
        run(replace(BASE, epochs=2, **change), Context("cpu", opened.root, tmp_path / str(number)))
        found.append(list(drawn))
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0] != found[4]


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(opened, drawn, tmp_path, monkeypatch):
    config = replace(BASE, epochs=4)
    whole = Context("cpu", opened.root, tmp_path / "whole")
    expected = run(config, whole)
    boxes = list(drawn)
    drawn.clear()
    monkeypatch.setattr(cam_entropy, "train", partial(train, checkpoint_every=0.0))
    point, calls = cam_entropy.curve_point, []

    def interrupted(test, items):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return point(test, items)

    monkeypatch.setattr(cam_entropy, "curve_point", interrupted)
    context = Context("cpu", opened.root, tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        run(config, context)
    assert context.checkpoint.exists()
    assert not context.arrays
    del drawn[6:]  # what the third epoch, lost, had drawn
    metrics = run(config, context)
    assert drawn == boxes
    assert same(expected, metrics)
    assert np.array_equal(whole.arrays["curves"], context.arrays["curves"], equal_nan=True)
    assert np.array_equal(whole.arrays["maps"], context.arrays["maps"])


def test_a_loss_that_is_not_finite_is_a_recorded_divergence(context):
    with pytest.raises(RunFailed, match="epoch 1 of 3") as caught:
        run(replace(BASE, beta=math.inf), context)
    assert caught.value.status == "diverged"


def test_a_mixed_run_differs_from_a_full_one(context, opened, tmp_path):
    mixed = run(replace(BASE, mixed=True, epochs=1), context)
    full = run(replace(BASE, epochs=1), Context("cpu", opened.root, tmp_path / "full"))
    assert mixed["true_probability"] == pytest.approx(full["true_probability"], abs=0.05)
    assert mixed["true_probability"] != full["true_probability"]


def test_a_run_on_a_frozen_front_of_imagenet(opened, tmp_path):
    """Packaged weights: features in half precision and the trained tail are the whole network."""
    torch.set_num_threads(1)
    config = EntropyRun(seed=2, beta=3.0, form="shifted", epochs=1, batch_size=4, deletion=4)
    context = Context("cpu", opened.root, tmp_path / "checkpoint")
    metrics = run(config, context)
    assert 0 <= metrics["deletion_area"] <= 1
    tail = build(config, 10, "cpu").eval()
    assert [name for name, _ in tail.features.named_children()] == ["blocks_6", "conv_head"]
    split = open_split(opened.root, "test", config.backbone, config.weights, config.train_from, "cpu")
    generator = torch.Generator().manual_seed(config.seed)
    whole = pooled_classifier(config.backbone, 10, generator=generator).eval()
    items = np.arange(4)
    with torch.no_grad():
        found = tail(batch_of(split.inputs, items, "cpu"))
        expected = whole(batch_of(split.crops.images, items, "cpu"))
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3 * float(expected.abs().max()))


def test_settings_have_the_names_of_the_claims():
    names = {
        "none": {"beta": 0.0, "form": "shifted"},
        "relu_100": {"beta": 100.0},
        "shifted_0.3": {"beta": 0.3, "form": "shifted"},
        "ca_shifted_3": {"beta": 3.0, "form": "shifted", "measure": "ca"},
        "relu_0.3_others_1": {"beta": 0.3, "others": 1.0},
    }
    plain = EntropyRun(seed=1, beta=0.0)
    for name, change in names.items():
        config = replace(plain, **change)
        assert config.setting() == name
        assert config.label() == f"main {name} seed 1"


def test_the_longest_runs_start_first():
    plain = EntropyRun(seed=0, beta=0.0)
    deeper = replace(plain, train_from="blocks_5")
    larger = replace(plain, backbone="efficientnet_lite2")
    everything = replace(plain, train_from="")
    assert plain.cost() < larger.cost() < deeper.cost() < everything.cost()
    assert replace(plain, epochs=24).cost() == 2 * plain.cost()


def test_the_paper_s_settings_are_the_default_where_they_are_given():
    fields = asdict(EntropyRun(seed=0, beta=100.0))
    paper = {"batch_size": 20, "learning_rate": 1e-3, "measure": "ce", "form": "relu", "others": 0.0}
    assert {name: fields[name] for name in paper} == paper
