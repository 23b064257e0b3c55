"""Augmentation: the shares and crops that are drawn, and a pure function of images and generator."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from papers_lib.training.augmentation import (
    PHOTOGRAPH,
    RADIOGRAPH,
    Policy,
    Views,
    apply_views,
    augment,
    draw_views,
)
from tests.training.augmentation_noise import noise, rng

POLICIES = {
    "identity": Policy(),
    "radiograph": RADIOGRAPH,
    "photograph": PHOTOGRAPH,
    "reflection": Policy(rotation=180, rotation_probability=1, fill="reflection"),
}


# --- what is drawn ---


def test_shares_and_ranges_of_what_is_drawn():
    count = 4000
    policy = Policy(
        rotation=30, crop_area=(0.5, 0.9), brightness=0.4, contrast=0.3, jitter=0.1, rotation_probability=0.25,
        crop_probability=0.5, flip_probability=0.75, light_probability=0.4, jitter_probability=0.6,
    )  # fmt: skip
    views = draw_views(policy, count, (32, 32), rng(3))
    happened = {
        0.25: views.angle != 0,
        0.5: (views.crop != torch.tensor([0.0, 0, 1, 1])).any(1),
        0.75: views.flip,
        0.4: (views.gain != 1) | (views.offset != 0),
        0.6: (views.colour != torch.tensor([1.0, 1, 1, 0])).any(1),
    }
    for probability, share in happened.items():
        error = math.sqrt(probability * (1 - probability) / count)
        assert abs(share.double().mean() - probability) < 4 * error
    together = np.corrcoef(torch.stack(list(happened.values())).double())
    assert np.abs(together - np.eye(5)).max() < 4 / math.sqrt(count)  # each decided on its own
    uniform = [
        (views.angle[happened[0.25]] / 30),
        (views.gain[happened[0.4]] - 1) / 0.3,
        views.offset[happened[0.4]] / 0.4,
        *((views.colour[happened[0.6]] - torch.tensor([1.0, 1, 1, 0])) / 0.1).unbind(1),
    ]
    both = torch.stack([views.gain, views.offset])[:, happened[0.4]]
    assert abs(float(both.corrcoef()[0, 1])) < 4 / math.sqrt(both.shape[1])
    for values in uniform:
        assert stats.kstest(values.numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-3


def one_crop_after_another(generator, area, ratio, size, count):
    """The rule of the common libraries, crop by crop; returns areas and ratios of width to height in pixels."""
    kept = []
    for _ in range(count):
        for _ in range(10):
            a, r = generator.uniform(*area), math.exp(generator.uniform(*np.log(ratio)))
            width, height = math.sqrt(a * size[0] * size[1] * r), math.sqrt(a * size[0] * size[1] / r)
            if width <= size[1] and height <= size[0]:
                kept.append((a, r))
                break
    return np.array(kept)


@pytest.mark.parametrize(("size", "ratios"), [((32, 32), (3 / 4, 4 / 3)), ((30, 45), (0.8, 2))])
def test_crops_are_drawn_as_the_libraries_draw_them(size, ratios):
    policy = Policy(crop_area=(0.5, 1), crop_ratio=ratios, crop_probability=1)
    crop = draw_views(policy, 3000, size, rng(5)).crop.double()
    assert (crop[:, :2] >= 0).all()
    assert (crop[:, :2] + crop[:, 2:] <= 1 + 1e-6).all()
    area = crop[:, 2] * crop[:, 3]
    ratio = crop[:, 2] * size[1] / (crop[:, 3] * size[0])
    assert (ratio > ratios[0] - 1e-6).all()
    assert (ratio < ratios[1] + 1e-6).all()
    expected = one_crop_after_another(np.random.default_rng(0), (0.5, 1), ratios, size, 3000)
    for found, kept in ((area, expected[:, 0]), (ratio, expected[:, 1])):
        assert stats.ks_2samp(found.numpy(), kept).pvalue > 1e-3
    place = (crop[:, 0] / (1 - crop[:, 2]).clamp(min=1e-9))[crop[:, 2] < 0.99]
    assert stats.kstest(place.numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("area", [0.3, 0.55])
def test_a_crop_of_a_given_area_keeps_that_share(area):
    policy = Policy(crop_area=(area, area), crop_probability=1)
    crop = draw_views(policy, 200, (64, 64), rng()).crop
    torch.testing.assert_close(crop[:, 2] * crop[:, 3], torch.full((200,), area))


@pytest.mark.parametrize(
    ("size", "shares"), [((20, 20), (1, 1)), ((20, 60), (4 / 9, 1)), ((60, 20), (1, 4 / 9))]
)
def test_where_no_crop_fits_the_largest_is_taken(size, shares):
    """The whole area with a ratio other than the picture's never fits; 4/9 of 60 pixels is 4/3 of 20."""
    policy = Policy(crop_area=(1, 1), crop_probability=1)
    crop = draw_views(policy, 5, size, rng()).crop
    torch.testing.assert_close(crop[:, 2:], torch.tensor(shares).float().expand(5, 2))


# --- a pure function ---


def test_the_generator_decides_and_nothing_else_moves():
    images, before = noise(6, 3, 20, 20), torch.get_rng_state()
    first = augment(images, PHOTOGRAPH, rng(1))
    assert torch.equal(first, augment(images.clone(), PHOTOGRAPH, rng(1)))
    assert not torch.equal(first, augment(images, PHOTOGRAPH, rng(2)))
    generator = rng(1)
    augment(images, PHOTOGRAPH, generator)
    assert not torch.equal(first, augment(images, PHOTOGRAPH, generator))  # the next views
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(images, noise(6, 3, 20, 20))


@pytest.mark.parametrize("name", POLICIES)
def test_images_at_once_are_images_one_by_one(name):
    images = noise(7, 3, 18, 25)
    views = draw_views(POLICIES[name], 7, (18, 25), rng(4))
    at_once = apply_views(images, views, POLICIES[name].fill)
    singly = [
        apply_views(images[i : i + 1], Views(*(v[i : i + 1] for v in views)), POLICIES[name].fill)
        for i in range(7)
    ]
    torch.testing.assert_close(at_once, torch.cat(singly), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_precision_and_range(name, dtype):
    images = (noise(8, 3, 31, 24) > 0.5).to(dtype)  # edges, beside which bicubic interpolation overshoots
    found = augment(images, POLICIES[name], rng())
    assert found.dtype == dtype
    assert found.min() >= 0
    assert found.max() <= 1
    single = augment(images.float(), POLICIES[name], rng())
    # Half a unit in the last place of half precision below 1, and what float32 grids leave at an edge.
    tolerance = {torch.float16: 3e-4, torch.bfloat16: 3e-3, torch.float64: 2e-4}[dtype]
    agree = (found.double() - single.double()).abs() < tolerance
    assert agree.double().mean() > 0.999  # a pixel on the picture's very edge may be in or out


def test_images_with_gradient_and_without_images():
    images = noise(2, 1, 9, 9).requires_grad_()
    augment(images, RADIOGRAPH, rng()).sum().backward()
    assert images.grad is not None
    assert augment(torch.zeros(0, 1, 9, 9), RADIOGRAPH, rng()).shape == (0, 1, 9, 9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_views():
    images = noise(8, 3, 64, 48)
    for policy in POLICIES.values():
        expected = augment(images, policy, rng())
        found = augment(images.cuda(), policy, rng())
        assert found.is_cuda
        assert ((found.cpu() - expected).abs() < 1e-3).double().mean() > 0.999
