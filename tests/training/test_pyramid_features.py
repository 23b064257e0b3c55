import errno
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from papers_lib.datasets import row_file
from papers_lib.datasets.row_file import RowFile
from papers_lib.errors import UserError
from papers_lib.training import pyramid_features as module
from papers_lib.training.pyramid_features import (
    Frozen,
    channel_statistics,
    frozen_encoder,
    pixels,
    pyramid_features,
)

RESNET = Frozen("resnet18", "random", 1)
LITE = Frozen("efficientnet_lite0", "packaged", 1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (37, 64, 64), dtype=np.uint8)  # two chunks and a bit


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def bytes_of(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("which", [RESNET, LITE, replace(LITE, output_stride=16)], ids=str)
def test_features_are_the_encoder_s_in_half_precision_channels_last(images, tmp_path, which):
    found = pyramid_features(images, tmp_path, which)
    with torch.no_grad():
        expected = frozen_encoder(which)(torch.from_numpy(images)[:, None] / 255)
    assert len(found) == 4
    for stage, wanted in zip(found, expected, strict=True):
        assert stage.dtype == np.float16
        own = wanted.permute(0, 2, 3, 1).numpy()
        assert stage.shape == own.shape
        np.testing.assert_allclose(stage, own, rtol=2e-3, atol=1e-3 * float(np.abs(own).max()))
    assert not any(stage.flags.writeable for stage in found)


def test_the_first_stages_alone_are_the_same_numbers(images, tmp_path):
    every = pyramid_features(images, tmp_path, LITE)
    some = pyramid_features(images, tmp_path, replace(LITE, stages=2))
    assert len(some) == 2
    assert all(np.array_equal(a, b) for a, b in zip(some, every, strict=False))


def test_colour_images(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    which = replace(LITE, channels=3)
    found = pyramid_features(images, tmp_path, which)
    with torch.no_grad():
        expected = frozen_encoder(which)(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    np.testing.assert_allclose(found[0], expected[0].permute(0, 2, 3, 1), rtol=2e-3, atol=5e-3)


def test_pixels_are_a_copy_in_unit_range():
    images = np.array([[[0, 51]], [[102, 255]]], np.uint8)
    images.flags.writeable = False
    assert pixels(images, "cpu").tolist() == [[[[0, pytest.approx(0.2)]]], [[[pytest.approx(0.4), 1]]]]


def test_the_encoder_learns_nothing_and_its_statistics_stay(images, tmp_path):
    encoder = frozen_encoder(LITE)
    before = [value.clone() for value in encoder.state_dict().values()]
    pyramid_features(images[:5], tmp_path, LITE)
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.state_dict().values(), strict=True))
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not any(layer.training for layer in encoder.modules())


def test_features_are_made_once(images, tmp_path, monkeypatch):
    first = pyramid_features(images, tmp_path, RESNET)
    assert len(files(tmp_path)) == 1  # and nothing half-made beside it
    monkeypatch.setattr(module, "_through", None)
    again = pyramid_features(images, tmp_path, RESNET)
    assert all(isinstance(stage, np.memmap) for stage in again)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_another_encoder_number_of_stages_or_code_has_another_folder(images, tmp_path, monkeypatch):
    few = images[:2]
    for which in (RESNET, replace(RESNET, stages=2), replace(RESNET, output_stride=16), LITE):
        pyramid_features(few, tmp_path, which)
    assert len(files(tmp_path)) == 4
    monkeypatch.setattr(module, "code_digest", lambda modules: "another")
    pyramid_features(few, tmp_path, RESNET)
    assert len(files(tmp_path)) == 5


@pytest.mark.parametrize("keep", [0, 40, 200, -1], ids=["empty", "header", "some", "all but a byte"])
def test_a_damaged_file_is_made_again(images, tmp_path, keep):
    few = images[:3]
    whole = [np.array(stage) for stage in pyramid_features(few, tmp_path, RESNET)]
    path = next(tmp_path.iterdir()) / "stage2.npy"
    path.write_bytes(path.read_bytes()[:keep])
    again = pyramid_features(few, tmp_path, RESNET)
    assert all(np.array_equal(a, b) for a, b in zip(again, whole, strict=True))
    np.save(path, whole[2][:2])  # another number of images
    again = pyramid_features(few, tmp_path, RESNET)
    assert all(np.array_equal(a, b) for a, b in zip(again, whole, strict=True))
    path.unlink()
    assert np.array_equal(pyramid_features(few, tmp_path, RESNET)[2], whole[2])
    assert files(tmp_path) == [path.parent.name]


def test_an_interrupted_pass_leaves_nothing_behind(images, tmp_path, monkeypatch):
    through, calls = module._through, []

    def breaking(which, some, device):
        calls.append(len(some))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return through(which, some, device)

    monkeypatch.setattr(module, "_through", breaking)
    with pytest.raises(KeyboardInterrupt):
        pyramid_features(images, tmp_path, RESNET)
    assert calls == [1, 16, 16]  # the shapes, two chunks
    assert files(tmp_path) == []


def test_a_full_disk_is_one_line(images, tmp_path, monkeypatch):
    monkeypatch.setattr(row_file.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match=r"found 0\.0 MB free, expected .* MB for features of 37 images"):
        pyramid_features(images, tmp_path, RESNET)
    monkeypatch.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with pytest.raises(UserError, match=r"features-\w+: cannot be written \(No space left on device\)$"):
        pyramid_features(images, tmp_path, RESNET)
    assert files(tmp_path) == []


@pytest.mark.parametrize("value", [7e4, float("nan")])
def test_what_half_precision_cannot_hold_is_one_line(images, tmp_path, monkeypatch, value):
    through = module._through

    def large(which, some, device):
        found = through(which, some, device)
        if len(some) == 5:  # the last chunk, of images 32 to 36
            found[1][3, 0, 0, 0] = value
        return found

    monkeypatch.setattr(module, "_through", large)
    line = r"^stage 1 of resnet18: found infinity or NaN for image 35, expected at most 65504 \(half precision\)$"
    with pytest.raises(UserError, match=line):
        pyramid_features(images, tmp_path, RESNET)
    assert files(tmp_path) == []


def test_processes_and_threads_change_no_byte(images, tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        pyramid_features(images, tmp_path / "alone", RESNET, jobs=1)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        pyramid_features(images, tmp_path / "together", RESNET, jobs=2)
    finally:
        torch.set_num_threads(before)
    found = bytes_of(tmp_path / "alone")
    assert len(found) == 4
    assert found == bytes_of(tmp_path / "together")


def test_statistics_of_every_fourth_row_given():
    rng = np.random.default_rng(0)
    stages = [rng.normal(3, 2, (20, 4, 4, 2)).astype(np.float16), np.full((20, 2, 2, 1), 7, np.float16)]
    rows = np.array([1, 0, 0, 0, 5, 0, 0, 0, 9])
    means, deviations = channel_statistics(stages, rows)
    of_rows = stages[0][[1, 5, 9]].astype(np.float64)
    np.testing.assert_allclose(means[0], of_rows.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(deviations[0], of_rows.std((0, 1, 2)), rtol=1e-5)
    assert (means[1].tolist(), deviations[1].tolist()) == ([7], [1])  # a constant channel
