"""Second stages: what differs between them, what is measured, and the batches, which are the same for all."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from benchmarks.sibnet_calibration_ways import EXACT, PLAIN, batches
from papers_lib.losses.saliency_images import as_images

CLASSES, SIDE = 3, 32


def test_the_ways_differ_in_the_estimator_alone(ways):
    assert list(ways.runs) == [PLAIN, "share 0.5", EXACT]
    found = {name: (run.distinct, run.estimator) for name, run in ways.runs.items()}
    assert found == {PLAIN: (0.0, "sampled"), "share 0.5": (1.4, "sampled"), EXACT: (1.4, "all")}
    assert {run.loss for run in ways.runs.values()} == {"wbce"}


def test_what_is_measured_is_the_exact_loss_of_each_image(ways):
    whole = ways.start(3)
    found = ways.held_out(whole, count=5)["distinctiveness"]
    model = whole.model.eval()
    cosines = []
    for row in ways.inputs.rows["val"][:5]:
        with torch.no_grad():
            maps = model.see(ways.inputs.batch(np.array([row]), "cpu")).maps[0]
            codes = model.features(as_images(maps, (SIDE, SIDE), channels=3)).flatten(1)
        cosines += [
            float(cosine_similarity(codes[a], codes[b], dim=0)) for a, b in combinations(range(CLASSES), 2)
        ]
    assert found == pytest.approx(np.mean(cosines), rel=1e-4)


def test_training_moves_the_network_and_leaves_the_frozen_part(ways):
    whole = ways.start(0)
    before = whole.model.linear.weight.detach().clone()
    again = ways.start(0)
    ways.train(ways.runs["share 0.5"], whole, 2)
    ways.train(ways.runs["share 0.5"], again, 2)
    assert not torch.equal(whole.model.linear.weight, before)
    assert torch.equal(whole.model.linear.weight, again.model.linear.weight)


def test_an_epoch_of_batches_is_every_image_once_and_seeded():
    first, second = batches(10, 5, seed=1), batches(10, 5, seed=1)
    epochs = [torch.cat([next(first), next(first)]) for _ in range(2)]
    assert [epoch.sort().values.tolist() for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0].tolist() != epochs[1].tolist()
    assert torch.equal(epochs[0], torch.cat([next(second), next(second)]))


def test_more_than_one_set_of_batches_drops_what_is_left():
    several = batches(5, 2, seed=0)
    assert [len(next(several)) for _ in range(4)] == [2, 2, 2, 2]
    assert len(next(batches(3, 32, seed=0))) == 3
