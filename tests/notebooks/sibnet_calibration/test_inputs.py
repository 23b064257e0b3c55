import numpy as np
import pytest
import torch
from papers_lib.training.front_features import frozen_front

from sibnet_calibration.inputs import (
    Inputs,
    frozen_part,
    in_colour,
    open_images,
    stored,
)
from tests.notebooks.sibnet_calibration.runs import RUN

WHICH = (RUN.backbone, RUN.weights)


def inputs_of(chexpert, stage):
    return Inputs.of(open_images(chexpert.store.root), chexpert.store.root, *WHICH, stage, "cpu")


def test_parts_cover_every_image_once(chexpert):
    rows = inputs_of(chexpert, "").rows
    assert sorted(np.concatenate([*rows.values()])) == list(range(54))
    assert {part: len(found) for part, found in rows.items()} == {"train": 24, "val": 9, "test": 21}


def test_pixels_are_grey_in_three_channels_from_0_to_1(chexpert):
    inputs, rows = inputs_of(chexpert, ""), np.array([5, 2])
    assert inputs.features is None
    found = inputs.batch(rows, "cpu")
    expected = chexpert.images.pixels[rows].astype(np.float32) / 255
    assert found.shape == (2, 3, 64, 64)
    for channel in range(3):
        np.testing.assert_allclose(found[:, channel].numpy(), expected, rtol=1e-6)


def test_stored_features_are_those_of_the_frozen_part_to_half_precision(chexpert):
    inputs, rows = inputs_of(chexpert, "blocks_4"), np.array([40, 3, 0])
    front = frozen_part(*WHICH, "blocks_4", "cpu")
    with torch.no_grad():
        expected = front(inputs.pixels(rows, "cpu"))
    found = inputs.batch(rows, "cpu")
    assert inputs.features.dtype == np.float16
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-4)


def test_features_are_computed_once_and_lie_beside_the_store(chexpert, capsys):
    stored.cache_clear()
    arguments = (chexpert.store.root, *WHICH, "blocks_4", "cpu")
    first = stored(*arguments)
    stored.cache_clear()
    capsys.readouterr()
    again = stored(*arguments, 1)
    assert np.array_equal(first, again)
    assert "features of" not in "".join(capsys.readouterr())
    assert list(chexpert.store.root.glob("front-*.npy"))


@pytest.mark.parametrize("stage", ["", "blocks_4"])
def test_a_frozen_part_learns_nothing(stage):
    front = frozen_part(*WHICH, stage, "cpu")
    assert not any(parameter.requires_grad for parameter in front.parameters())
    given = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    if stage:
        assert not front.training
        assert front is frozen_front(*WHICH, stage)
    else:
        assert front(given) is given


def test_colour_is_a_view():
    grey = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    found = in_colour(grey)
    assert found.shape == (2, 2, 2, 3)
    assert np.shares_memory(found, grey)
    assert (found == grey[..., None]).all()
