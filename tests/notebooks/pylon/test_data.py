"""Data: layouts, sets that become image stores, folds by patient, and stored features in the place of pixels."""

import shutil

import numpy as np
import pytest
import torch

from papers_lib.errors import UserError
from pylon.data import CHANNELS, ImageSet, Inputs, Staged, layout_of, open_images, rows_of, stored
from pylon.experiment import build
from tests.notebooks.pylon.stores import RUN, listed

SIZES = {
    "nih": {"train_val": 20, "test": 8, "seed": 1000, "side": 64},
    "vindr": {"images": 20, "seed": 1000, "side": 64},
    "voc": {"train": 6, "test": 4, "seed": 1000},
}
OPTIONS = {"nih": {"val_share": 0.25}, "vindr": {}, "voc": {"val_share": 0.34}}


def test_layouts(tmp_path):
    files = {"nih": "Data_Entry_2017_v2020.csv", "vindr": "train.csv", "voc": "VOC2012/ImageSets/Main/x"}
    for name, file in files.items():
        (tmp_path / name / file).parent.mkdir(parents=True)
        (tmp_path / name / file).touch()
        assert layout_of(tmp_path / name) == name
    with pytest.raises(UserError, match="absent: found no data set, expected Data_Entry_2017"):
        layout_of(tmp_path / "absent")


@pytest.mark.parametrize("layout", list(SIZES))
def test_a_synthetic_set_becomes_a_store_and_so_does_a_copy_of_it(layout, tmp_path):
    made = ImageSet(layout, "", SIZES[layout], OPTIONS[layout])
    data = made.open(tmp_path / "kept", 64, 1)
    images, pixels = open_images(data.root)
    assert (data.kind, data.root.parent) == ("synthetic data", tmp_path / "kept")
    assert pixels.shape == (len(images), 64, 64, *((3,) if CHANNELS[layout] == 3 else ()))
    assert pixels.std() > 5
    assert made.training_images() == pytest.approx(len(images.part("train")), abs=2)
    (drawn,) = (one for one in (tmp_path / "kept").glob("*-*") if not one.name.startswith("images"))
    copied = tmp_path / "elsewhere"
    shutil.copytree(drawn, copied)
    own = ImageSet(layout, str(copied), {}, OPTIONS[layout])
    again = own.open(tmp_path / "other", 64, 1)
    assert again.kind == "synthetic data"
    assert np.array_equal(open_images(again.root)[1], pixels)
    assert own.training_images() == len(images.part("train"))
    assert again.fingerprint != data.fingerprint


def test_folds_by_patient_cover_every_image_once_and_share_no_patient():
    images = listed()
    tested = []
    for fold in range(5):
        rows = rows_of(images, fold, 5)
        assert sorted(np.concatenate(list(rows.values()))) == list(range(len(images)))
        owners = [set(images.patients[part]) for part in rows.values()]
        assert sum(map(len, owners)) == len(set().union(*owners))
        assert np.array_equal(rows["val"], rows_of(images, (fold + 1) % 5, 5)["test"])
        tested.append(rows["test"])
    assert sorted(np.concatenate(tested)) == list(range(len(images)))


@pytest.mark.parametrize("given", [2, 4])
def test_stored_stages_give_what_pixels_give(store, given):
    """Within half precision, in which features are kept."""
    _, pixels = open_images(store)
    rows = np.array([5, 2, 40])
    model = build(RUN, 3).eval()
    with torch.no_grad():
        whole = Staged(model, 0)(Inputs(pixels).batch(rows, "cpu")).maps
        inputs = Inputs(pixels, stored(store, RUN.frozen(given), "cpu"))
        found = Staged(model, given)(inputs.batch(rows, "cpu")).maps
    torch.testing.assert_close(found, whole, rtol=0.02, atol=0.02 * float(whole.abs().max()))


def test_pixels_are_augmented_for_training_alone(store):
    _, pixels = open_images(store)
    inputs, rows = Inputs(pixels, policy="radiograph"), np.arange(4)
    plain = inputs.batch(rows, "cpu")
    assert torch.equal(plain, torch.from_numpy(np.array(pixels[:4]))[:, None] / 255)
    drawn = inputs.batch(rows, "cpu", torch.Generator().manual_seed(0))
    assert torch.equal(drawn, inputs.batch(rows, "cpu", torch.Generator().manual_seed(0)))
    assert not torch.equal(drawn, plain)
