import numpy as np
import pytest
import torch
from papers_lib.training.pyramid_features import Frozen

from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import decoder
from papers_lib.models.pyramid_encoder import pyramid_encoder
from pylon.inputs import Inputs, Staged, open_images, stored
from tests.notebooks.pylon.stores import CLASSES, listed, write_store

ROWS = np.array([5, 2, 40])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("inputs") / "images")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def classifier(method="pylon", standardised=False):
    encoder = pyramid_encoder("efficientnet_lite0", generator=seeded(), in_channels=1)
    if standardised:
        encoder.standardise(
            [torch.full((c,), 0.5) for c in encoder.channels],
            [torch.full((c,), 2.0) for c in encoder.channels],
        )
    made = decoder(method, encoder.channels, len(CLASSES), generator=seeded(), width=32)
    return HeatmapClassifier(encoder, made).eval()


def test_a_store_is_opened_as_it_was_written(store):
    images, uint8 = open_images(store)
    assert images.names == listed().names
    assert uint8.shape == (57, 64, 64)
    assert open_images(store)[1] is uint8


def test_a_batch_of_pixels(store):
    _, uint8 = open_images(store)
    found = Inputs(uint8).batch(ROWS, "cpu", seeded())
    assert torch.equal(found[:, 0], torch.from_numpy(np.array(uint8[ROWS])).float() / 255)


def test_augmented_in_training_alone(store):
    _, uint8 = open_images(store)
    inputs, plain = Inputs(uint8, policy="radiograph"), Inputs(uint8).batch(ROWS, "cpu")
    assert torch.equal(inputs.batch(ROWS, "cpu"), plain)
    once, again, other = (inputs.batch(ROWS, "cpu", seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(once, again)
    assert not torch.equal(once, plain)
    assert not torch.equal(once, other)
    assert once.shape == plain.shape


def test_a_batch_of_stored_features_is_that_of_the_encoder(store):
    _, uint8 = open_images(store)
    stages = stored(store, Frozen("efficientnet_lite0", "packaged", 1), "cpu")
    found = Inputs(uint8, stages).batch(ROWS, "cpu", seeded())
    with torch.no_grad():
        expected = classifier().encoder(Inputs(uint8).batch(ROWS, "cpu"))
    assert len(found) == 4
    for own, wanted in zip(found, expected, strict=True):
        assert own.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(own, wanted, rtol=2e-3, atol=2e-3 * float(wanted.abs().max()))


@pytest.mark.parametrize("method", ["cam", "pylon"])
@pytest.mark.parametrize("given", [1, 2, 4])
@pytest.mark.parametrize("standardised", [False, True])
def test_a_staged_model_gives_the_same_from_features_as_from_pixels(store, method, given, standardised):
    _, uint8 = open_images(store)
    model = classifier(method, standardised)
    stages = stored(store, Frozen("efficientnet_lite0", "packaged", 1, given), "cpu")
    assert len(stages) == given
    with torch.no_grad():
        expected = Staged(model, 0).eval()(Inputs(uint8).batch(ROWS, "cpu"))
        found = Staged(model, given).eval()(Inputs(uint8, stages).batch(ROWS, "cpu"))
    for own, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(own, wanted, rtol=0, atol=1e-2 * float(wanted.abs().max()))


def test_a_staged_model_has_the_parameters_of_its_model_once():
    model = classifier()
    staged = Staged(model, 2)
    assert {id(p) for p in staged.parameters()} == {id(p) for p in model.parameters()}
    assert list(staged.state_dict()) == [f"model.{name}" for name in model.state_dict()]
    assert Staged(model, 0).later is None
    assert staged.later.given == 2


def test_the_mode_reaches_the_later_stages():
    staged = Staged(classifier(), 2)
    staged.train()
    assert all(layer.training for layer in staged.later.layers.values())
    staged.eval()
    assert not any(layer.training for layer in staged.later.layers.values())
