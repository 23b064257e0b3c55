import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from cam_entropy.data import batch_of, open_split
from cam_entropy.experiment import EntropyRun, build, run
from papers_lib.datasets.voc_store import load_crops
from papers_lib.models.classifier import pooled_classifier
from papers_lib.sweep import Context, RunFailed

TINY = {"backbone": "test_resnet", "weights": "random", "train_from": ""}
BASE = EntropyRun(seed=3, beta=0.3, epochs=3, batch_size=3, deletion=2, **TINY)


@pytest.fixture
def context(opened, tmp_path):
    torch.set_num_threads(1)
    return Context("cpu", opened.root, tmp_path / "checkpoint")


def test_a_run_measures_everything_on_one_box_of_every_picture_an_epoch(context, opened, drawn):
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
    split = open_split(opened.root, "test", config.backbone, config.weights, config.train_from, "cpu", 1)
    whole = pooled_classifier(
        config.backbone, 10, generator=torch.Generator().manual_seed(config.seed)
    ).eval()
    items = np.arange(4)
    with torch.no_grad():
        found = tail(batch_of(split.inputs, items, "cpu"))
        expected = whole(batch_of(split.crops.images, items, "cpu"))
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3 * float(expected.abs().max()))
