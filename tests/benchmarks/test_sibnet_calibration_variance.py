"""The closed form of the variance against all draws that there are, and its gradients against the loss's own."""

from itertools import combinations, product

import pytest
import torch
from torch import nn

from benchmarks.sibnet_calibration_variance import moments, pair_gradients, relative_variances, variance
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss, sample_pairs
from papers_lib.models.eval_statistics import eval_statistics
from papers_lib.models.multilabel_classifier import multilabel_classifier

BATCH, CLASSES, SIDE = 3, 3, 32
PAIRS = list(combinations(range(CLASSES), 2))


def still(model):
    """Running statistics stay, so that passes after one another encode alike."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    return model


@pytest.fixture(scope="module")
def model():
    generator = torch.Generator().manual_seed(0)
    made = multilabel_classifier(
        "efficientnet_lite0", CLASSES, generator=generator, weights="random", last_stage="blocks_1"
    )
    return still(made).double().train()


@pytest.fixture(scope="module")
def images():
    return torch.rand(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def gradients(model, images):
    """(B, pairs, parameters)."""
    return torch.stack(
        [
            torch.stack([torch.cat([one.flatten() for one in pair]) for pair in own])
            for own in pair_gradients(model, images)
        ]
    )


def gradient_of_the_loss(model, images, **options):
    maps = model.see(images).maps
    with eval_statistics(model.features):
        loss = class_distinctiveness_loss(maps, model.features, size=(SIDE, SIDE), channels=3, **options)
    found = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    return torch.cat([one.flatten() for one in found])


def test_the_mean_of_all_pairs_is_the_gradient_of_the_exact_loss(model, images, gradients):
    torch.testing.assert_close(gradients.mean((0, 1)), gradient_of_the_loss(model, images))


def test_a_draw_is_the_gradient_of_the_sampled_loss(model, images, gradients):
    drawn = sample_pairs(BATCH, CLASSES, share=0.7, generator=torch.Generator().manual_seed(4))
    mean = torch.stack(
        [
            gradients[i, PAIRS.index(tuple(pair))]
            for i, pair in zip(drawn.images, drawn.classes.tolist(), strict=True)
        ]
    ).mean(0)
    own = torch.Generator().manual_seed(4)
    loss = gradient_of_the_loss(model, images, estimator="sampled", share=0.7, generator=own)
    torch.testing.assert_close(mean, loss)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_closed_form_is_the_variance_over_all_draws(model, images, gradients, count):
    draws = [
        torch.stack([gradients[i, p] for i, p in zip(chosen, pairs, strict=True)]).mean(0)
        for chosen in combinations(range(BATCH), count)
        for pairs in product(range(len(PAIRS)), repeat=count)
    ]
    exact = gradients.mean((0, 1))
    expected = (torch.stack(draws) - exact).square().sum(1).mean()
    within, between, norm = moments(model, images)
    assert variance(within, between, BATCH, count) == pytest.approx(float(expected), rel=1e-6)
    assert norm == pytest.approx(float(exact.square().sum()), rel=1e-6)


def test_one_image_has_no_variance_between_images():
    assert variance(3.0, 0.0, batch=1, count=1) == 3.0


def test_more_images_vary_less():
    small = {"backbone": "efficientnet_lite0", "last_stage": "blocks_1", "batch": 4, "side": 32}
    found = relative_variances({"all": 1.0, "half": 0.5, "quarter": 0.25}, **small)
    assert 0 < found["all"] < found["half"] < found["quarter"]
