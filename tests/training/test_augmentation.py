"""Augmentation: closed forms on planes, torchvision as a foreign implementation, what is drawn, and faults."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from papers_lib.training.augmentation import (
    PHOTOGRAPH,
    RADIOGRAPH,
    RATIO,
    Policy,
    Views,
    apply_views,
    augment,
    draw_views,
)  # fmt: skip

POLICIES = {
    "identity": Policy(),
    "radiograph": RADIOGRAPH,
    "photograph": PHOTOGRAPH,
    "turned": Policy(rotation=180, rotation_probability=1),
}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=rng(seed))


def view(angle=0.0, crop=(0, 0, 1, 1), flip=False, gain=1.0, offset=0.0, colour=(1, 1, 1, 0), count=1):
    """The same view ``count`` times."""
    one = [torch.tensor(angle), torch.tensor(crop).float(), torch.tensor(flip), torch.tensor(gain)]
    one += [torch.tensor(offset), torch.tensor(colour).float()]
    return Views(*(value.expand(count, *value.shape) for value in one))


def test_the_policy_as_it_stands_changes_nothing():
    images = noise(5, 2, 17, 23)
    assert torch.equal(augment(images, Policy(), rng()), images)
    # Nor does a view of the whole picture that went through the resampling with others.
    views = view(count=2)._replace(angle=torch.tensor([0.0, 30.0]))
    both = apply_views(images[:2], views)
    assert torch.equal(both[0], images[0])
    assert (both[1] - images[1]).abs().max() > 0.1


def forward(points, size, angle, crop, flip):
    """Where a point of the picture (x, y in pixels from its upper left corner) lies in the view."""
    height, width = size
    x, y = (points - [width / 2, height / 2]).T
    a = math.radians(angle)
    x, y = x * math.cos(a) + y * math.sin(a), y * math.cos(a) - x * math.sin(a)  # y points down
    x, y = x + width / 2 - crop[0] * width, y + height / 2 - crop[1] * height
    x, y = x / crop[2], y / crop[3]
    return np.stack([width - x if flip else x, y], 1)


@given(
    angle=st.floats(-180, 180),
    width=st.floats(0.3, 1),
    height=st.floats(0.3, 1),
    left=st.floats(0, 1),
    top=st.floats(0, 1),
    flip=st.booleans(),
    size=st.sampled_from([(24, 24), (20, 31)]),
)
@settings(max_examples=50, deadline=None)
def test_a_plane_stays_the_plane_that_geometry_asks_for(angle, width, height, left, top, flip, size):
    """The three corners' places in the view say which plane; Keys's kernel with -0.75 is off by 0.05 pixels."""
    crop = (left * (1 - width), top * (1 - height), width, height)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    slope, level = np.array([0.4 / size[1], 0.3 / size[0]]), 0.2
    picture = torch.tensor(slope[0] * x + slope[1] * y + level)[None, None]
    corners = np.array([[0.0, 0.0], [size[1], 0.0], [0.0, size[0]]])
    there = forward(corners, size, angle, crop, flip)
    back = np.linalg.solve(np.c_[there, np.ones(3)], corners)  # view → picture, by its values at three points
    place = np.stack([x, y, np.ones_like(x)], -1) @ back
    found = apply_views(picture, view(angle, crop, flip))[0, 0].numpy()
    inner = ((place > 2.5) & (place < np.array(size[::-1]) - 2.5)).all(-1)  # so is the kernel
    np.testing.assert_allclose(found[inner], (place @ slope + level)[inner], atol=0.05 * slope.sum())
    outside = ((place < -0.01) | (place > np.array(size[::-1]) + 0.01)).any(-1)
    assert (found[outside] == 0).all()


def test_light_by_hand_and_clipped():
    found = apply_views(torch.tensor([0.5, 0.1, 0.9]).view(1, 1, 1, 3), view(gain=1.5, offset=-0.2))
    # 1.5 x .5 - .2 = .55; 1.5 x .1 - .2 = -.05; 1.5 x .9 - .2 = 1.15
    torch.testing.assert_close(found.flatten(), torch.tensor([0.55, 0.0, 1.0]))


def test_colour_of_one_pixel_by_hand():
    images = torch.tensor([0.8, 0.4, 0.2]).view(1, 3, 1, 1)
    for colour, expected in (
        # Luma .299 x .8 + .587 x .4 + .114 x .2 = .4968; half of the saturation: halfway from the luma to the pixel.
        ((1, 1, 0.5, 0), [0.6484, 0.4484, 0.3484]),
        # A picture of one pixel has its luma for mean: half of the contrast gives the same grey, channel by channel.
        ((1, 0.5, 1, 0), [0.6484, 0.4484, 0.3484]),
        ((0.5, 0.5, 1, 0), [0.3242, 0.2242, 0.1742]),  # the grey is that of the darkened picture
        (
            (0.5, 1, 1, 1 / 3),
            [0.1, 0.4, 0.2],
        ),  # a third of the circle makes red green, green blue and blue red
    ):
        torch.testing.assert_close(apply_views(images, view(colour=colour)).flatten(), torch.tensor(expected))


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
    decided = np.corrcoef(torch.stack(list(happened.values())).double())
    assert np.abs(decided - np.eye(5)).max() < 4 / math.sqrt(count)  # each on its own
    uniform = [
        (views.angle[happened[0.25]] / 30),
        (views.gain[happened[0.4]] - 1) / 0.3,
        views.offset[happened[0.4]] / 0.4,
        *((views.colour[happened[0.6]] - torch.tensor([1.0, 1, 1, 0])) / 0.1).unbind(1),
    ]
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


@pytest.mark.parametrize("size", [(32, 32), (30, 45)])
def test_crops_are_drawn_as_the_libraries_draw_them(size):
    crop = draw_views(Policy(crop_area=(0.5, 1), crop_probability=1), 3000, size, rng(5)).crop.double()
    assert (crop[:, :2] >= 0).all()
    assert (crop[:, :2] + crop[:, 2:] <= 1 + 1e-6).all()
    area, ratio = crop[:, 2] * crop[:, 3], crop[:, 2] * size[1] / (crop[:, 3] * size[0])
    expected = one_crop_after_another(np.random.default_rng(0), (0.5, 1), RATIO, size, 3000)
    for found, kept in ((area, expected[:, 0]), (ratio, expected[:, 1])):
        assert stats.ks_2samp(found.numpy(), kept).pvalue > 1e-3
    place = (crop[:, 0] / (1 - crop[:, 2]).clamp(min=1e-9))[crop[:, 2] < 0.99]
    assert stats.kstest(place.numpy(), "uniform").pvalue > 1e-3


def test_the_generator_decides_and_nothing_else_moves():
    images, before = noise(6, 3, 20, 20), torch.get_rng_state()
    first = augment(images, PHOTOGRAPH, rng(1))
    assert torch.equal(first, augment(images.clone(), PHOTOGRAPH, rng(1)))
    assert not torch.equal(first, augment(images, PHOTOGRAPH, rng(2)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(images, noise(6, 3, 20, 20))


@pytest.mark.parametrize("name", POLICIES)
def test_images_at_once_are_images_one_by_one(name):
    images = noise(7, 3, 18, 25)
    views = draw_views(POLICIES[name], 7, (18, 25), rng(4))
    at_once = apply_views(images, views)
    singly = [apply_views(images[i : i + 1], Views(*(v[i : i + 1] for v in views))) for i in range(7)]
    torch.testing.assert_close(at_once, torch.cat(singly), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_precision_and_range(name, dtype):
    images = (noise(8, 3, 31, 24) > 0.5).to(dtype)  # edges, beside which bicubic interpolation overshoots
    found = augment(images, POLICIES[name], rng())
    assert found.dtype == dtype
    assert found.min() >= 0
    assert found.max() <= 1
    single = augment(images.float(), POLICIES[name], rng())
    # Half a unit in the last place of bfloat16 below 1, and what float32 grids leave at an edge.
    tolerance = {torch.bfloat16: 3e-3, torch.float64: 2e-4}[dtype]
    agree = (found.double() - single.double()).abs() < tolerance
    assert agree.double().mean() > 0.999  # a pixel on the picture's very edge may be in or out


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_views():
    images = noise(8, 3, 64, 48)
    for policy in POLICIES.values():
        expected = augment(images, policy, rng())
        found = augment(images.cuda(), policy, rng())
        assert found.is_cuda
        assert ((found.cpu() - expected).abs() < 1e-3).double().mean() > 0.999


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 1, 8, 8), "images: got 1 channels, expected 3 for colour jitter"),
        (torch.full((1, 3, 8, 8), 255.0), r"images: got values from 255 to 255, expected \[0, 1\]"),
        (torch.full((1, 3, 8, 8), torch.nan), "images: got values from nan to nan"),
    ],
)
def test_wrong_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        augment(images, PHOTOGRAPH, rng())
