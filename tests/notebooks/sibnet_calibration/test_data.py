"""Sets in both layouts, and what runs read of them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from data_gen import chest
from papers_lib.errors import UserError
from sibnet_calibration.data import Inputs, Source, layout_of, open_images, open_source
from tests.notebooks.sibnet_calibration.runs import RUN, SIDE, SOURCE

WHICH = (RUN.backbone, RUN.weights)


def test_the_synthetic_set_has_known_probabilities_and_ways_to_read_uncertain_labels(chexpert):
    images = chexpert.images
    assert images.pixels.shape == (54, SIDE, SIDE)
    assert [len(images.images.part(part)) for part in ("train", "val", "test")] == [24, 9, 21]
    assert ((images.truth >= 0) & (images.truth <= 1)).all()
    other = open_source(replace(SOURCE, folder=chexpert.store.root.parent, uncertain="ones"))
    assert other.fingerprint == chexpert.fingerprint
    assert other.store.fingerprint != chexpert.store.fingerprint
    first, ones = (one.images.images.part("train").labels for one in (chexpert, other))
    uncertain = images.raw_labels[images.images.split == "train"] == -1
    assert uncertain.any()
    assert ones[uncertain].all()
    assert not first[uncertain].all()
    assert np.array_equal(ones[~uncertain], first[~uncertain])


def test_a_users_set_in_chexpert_s_layout(chexpert, tmp_path):
    root = tmp_path / "outer" / "CheXpert-v1.0-small"
    shutil.copytree(next(chexpert.store.root.parent.glob("chest-chexpert-*")), root)
    (root / "truth.csv").unlink()
    assert layout_of(root) == layout_of(root.parent) == "chexpert"
    source = Source(str(root), tmp_path / "kept", 32, calibration="train", calibration_share=0.25)
    found = open_source(source)
    assert found.images.pixels.shape == (54, 32, 32)
    assert np.isnan(found.images.truth).all()
    assert len(found.images.images.part("test")) == 30
    assert source.training_images() == len(found.images.images.part("train")) < 24


def test_a_users_set_in_nih_s_layout_has_certain_labels_and_no_truth(tmp_path):
    root = tmp_path / "nih"
    chest.write(root, chest.ChestSpec(train_val=12, test=6, seed=1000, side=64))
    source = Source(str(root), tmp_path / "kept", 32, calibration_share=0.5, uncertain="ones")
    with pytest.raises(UserError, match="expected some with and some without"):
        open_source(source)  # so few images show no Hernia
    images = open_images(next((tmp_path / "kept").glob("images-*")))
    assert len(images.images.part("test")) == 6
    assert 0 < source.training_images() == len(images.images.part("train")) < 12
    assert np.isnan(images.truth).all()
    assert np.array_equal(images.raw_labels, images.images.labels)


def test_inputs_are_pixels_or_stored_features_of_the_frozen_part(chexpert):
    from papers_lib.training import frozen_front

    whole, rows = Inputs.of(chexpert.store.root, *WHICH, "", "cpu"), np.array([40, 3, 0])
    assert sorted(np.concatenate([*whole.rows.values()])) == list(range(54))
    pixels = whole.batch(rows)
    expected = chexpert.images.pixels[rows].astype(np.float32) / 255
    np.testing.assert_allclose(pixels.numpy(), np.repeat(expected[:, None], 3, 1), rtol=1e-6)
    frozen = Inputs.of(chexpert.store.root, *WHICH, "blocks_4", "cpu")
    with torch.no_grad():
        features = frozen_front(*WHICH, "blocks_4")(pixels)
    torch.testing.assert_close(frozen.batch(rows), features, rtol=2e-3, atol=1e-4)  # half precision
