import numpy as np
import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.models.heatmap_classifier import HeatmapClassifier
from papers_lib.models.heatmap_methods import decoder
from papers_lib.models.pyramid_encoder import pyramid_encoder
from pylon.source import load_source, share_source, source_arrays


def classifier(method="pylon", seed=0, classes=3, backbone="resnet18"):
    generator = torch.Generator().manual_seed(seed)
    encoder = pyramid_encoder(backbone, generator=generator, weights="random", in_channels=1)
    return HeatmapClassifier(
        encoder, decoder(method, encoder.channels, classes, generator=generator, width=32)
    )


def is_head(name):
    return name.startswith("decoder.head.")


@pytest.fixture(scope="module")
def source():
    model = classifier()
    model.encoder.standardise(
        [torch.full((c,), 0.5) for c in model.encoder.channels],
        [torch.full((c,), 2.0) for c in model.encoder.channels],
    )
    model.train()(torch.rand(4, 1, 64, 64))  # statistics of batch norm that are not the initial ones
    return model


@pytest.fixture
def shared(source, tmp_path):
    share_source({**source_arrays(source), "curves": np.zeros(3)}, "abc", tmp_path)
    return tmp_path


def test_all_but_the_head_is_copied(source, shared):
    target = classifier(seed=1)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    load_source(target, shared, "abc")
    found, given = target.state_dict(), source.state_dict()
    assert found.keys() == given.keys()
    for name, value in found.items():
        assert torch.equal(value, before[name] if is_head(name) else given[name]), name
    moved = [name for name in found if not is_head(name) and not torch.equal(found[name], before[name])]
    assert any("running_mean" in name for name in moved)
    assert any(name.startswith("decoder.") for name in moved)
    assert any(name.startswith("encoder.mean_") for name in moved)
    assert any(is_head(name) for name in found)


def test_features_are_standardised_as_the_source_had_them(source, shared):
    target = classifier(seed=1)
    load_source(target, shared, "abc")
    images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found, expected = target.eval().encoder(images), source.eval().encoder(images)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_another_number_of_classes_keeps_its_head(shared):
    target = classifier(seed=1, classes=5)
    head = target.decoder.head.weight.clone()
    load_source(target, shared, "abc")
    assert torch.equal(target.decoder.head.weight, head)


def test_the_file_holds_weights_alone(source, shared):
    with np.load(shared / "sources" / "abc.npz", allow_pickle=False) as found:
        assert all(name.startswith("weights/") for name in found.files)
        assert len(found.files) == len(source.state_dict())


@pytest.mark.parametrize("method", ["cam_norm", "fpn", "pylon_small", "pylon_conv3x3", "li2018"])
def test_a_source_of_another_method_is_one_line(shared, method):
    target = classifier(method)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(
        UserError, match=r"abc\.npz: decoder\.\S+ does not fit, expected a source of the same method$"
    ):
        load_source(target, shared, "abc")
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


def test_a_source_of_another_method_for_the_baseline_is_one_line_too(shared):
    """The baseline has nothing but a head, so all of its weights are in any source."""
    with pytest.raises(UserError, match="expected a source of the same method"):
        load_source(classifier("cam"), shared, "abc")


def test_a_source_of_another_encoder_is_one_line(shared):
    with pytest.raises(UserError, match=r"abc\.npz: encoder\."):
        load_source(classifier(backbone="resnet34"), shared, "abc")


def test_no_source_is_one_line(tmp_path):
    with pytest.raises(
        UserError,
        match=r"sources/xyz\.npz: no weights to start from \(FileNotFoundError\); run its source first$",
    ):
        load_source(classifier(), tmp_path, "xyz")


@pytest.mark.parametrize("keep", [0, 10, 5000, -1])
def test_a_damaged_source_is_one_line(shared, keep):
    path = shared / "sources" / "abc.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"abc\.npz: no weights to start from"):
        load_source(classifier(), shared, "abc")
