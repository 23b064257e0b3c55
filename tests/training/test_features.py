"""Stored features of both users, a classifier's front and a pyramid encoder: one mechanism, the same faults."""

import errno
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from papers_lib.datasets import row_file
from papers_lib.datasets.row_file import RowFile
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.training import (
    Frozen,
    channel_statistics,
    features,
    front_features,
    frozen_front,
    pixels,
    pyramid_features,
    through,
)  # fmt: skip
from papers_lib.training.features import Front, frozen_encoder

RESNET = ("test_resnet", "random")
PYRAMID = Frozen("resnet18", "random", 3)
LITE = Frozen("efficientnet_lite0", "packaged", 1)
USERS = {"front": Front, "pyramid": Frozen}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (37, 64, 64, 3), dtype=np.uint8)  # chunks and a bit


@pytest.fixture(params=USERS)
def user(request):
    """Of each user: how to get features in a folder, and its class."""

    def stored(images, folder, **options):
        if request.param == "front":
            return [front_features(images, folder / "train", *RESNET, "layer3", **options)]
        return pyramid_features(images, folder, PYRAMID, **options)

    return SimpleNamespace(stored=stored, kind=USERS[request.param])


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_front_s_and_the_tail_are_the_whole_model(images, tmp_path):
    found = front_features(images[:5], tmp_path / "train", *RESNET, "layer3")
    whole = pooled_classifier("test_resnet", 2, generator=torch.Generator().manual_seed(0), weights="random")
    _, tail = split_at(whole.eval(), "layer3")
    with torch.no_grad():
        expected = whole(torch.from_numpy(images[:5]).permute(0, 3, 1, 2) / 255)
        exact = through(frozen_front(*RESNET, "layer3"), images[:5], "cpu")
        torch.testing.assert_close(whole.head(tail(exact)), expected, rtol=1e-4, atol=1e-5)
    assert (found.dtype, found.shape) == (np.float16, tuple(exact.shape))
    np.testing.assert_allclose(found, exact.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("which", [PYRAMID, replace(LITE, output_stride=16, stages=2)], ids=str)
def test_a_pyramid_s_are_the_encoder_s_channels_last(images, tmp_path, which):
    images = images[..., 0] if which.channels == 1 else images
    encoder, found = frozen_encoder(which), pyramid_features(images, tmp_path, which)
    before = [value.clone() for value in encoder.state_dict().values()]
    with torch.no_grad():
        expected = encoder(pixels(images, "cpu"))[: which.stages]
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(map(torch.equal, before, encoder.state_dict().values()))
    for stage, wanted in zip(found, expected, strict=True):
        own = wanted.permute(0, 2, 3, 1).numpy()
        assert (stage.dtype, stage.shape) == (np.float16, own.shape)
        np.testing.assert_allclose(stage, own, rtol=2e-3, atol=1e-3 * float(np.abs(own).max()))


def test_features_are_made_once_and_read_only(user, images, tmp_path, monkeypatch):
    first = user.stored(images[:3], tmp_path)
    assert not any(one.flags.writeable for one in first)
    assert len(files(tmp_path)) == 1  # and nothing half-made beside it
    monkeypatch.setattr(user.kind, "features", None)
    assert same(user.stored(images[:3], tmp_path), first)
    monkeypatch.undo()
    monkeypatch.setattr(features, "code_digest", lambda modules: "another")
    user.stored(images[:3], tmp_path)
    assert len(files(tmp_path)) == 2


def test_other_layers_have_another_folder(images, tmp_path):
    for name, stage in (("train", "layer2"), ("train", "layer3"), ("test", "layer3")):
        front_features(images[:2], tmp_path / name, *RESNET, stage)
    for which in (PYRAMID, replace(PYRAMID, stages=2), replace(PYRAMID, output_stride=16)):
        pyramid_features(images[:2], tmp_path, which)
    assert len(files(tmp_path)) == 6


@pytest.mark.parametrize("keep", [0, -1], ids=["empty", "all but a byte"])
def test_a_damaged_file_is_made_again(user, images, tmp_path, keep):
    whole = [np.array(one) for one in user.stored(images[:3], tmp_path)]
    path = next(tmp_path.iterdir()) / "stage0.npy"
    path.write_bytes(path.read_bytes()[:keep])
    assert same(user.stored(images[:3], tmp_path), whole)
    np.save(path, whole[0][:2])  # another number of images
    assert same(user.stored(images[:3], tmp_path), whole)
    assert len(files(tmp_path)) == 1


def test_a_full_disk_is_one_line_before_or_while_features_are_written(user, images, tmp_path, monkeypatch):
    monkeypatch.setattr(row_file.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match=r"found 0\.0 MB free, expected .* MB for features of 37 images"):
        user.stored(images, tmp_path)
    monkeypatch.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with pytest.raises(UserError, match=r": cannot be written \(No space left on device\)$"):
        user.stored(images, tmp_path)
    assert files(tmp_path) == []


def test_what_half_precision_cannot_hold_and_an_interrupt_leave_nothing(user, images, tmp_path, monkeypatch):
    compute = user.kind.features

    def large(which, some, device):
        found = compute(which, some, device)
        if len(some) == 5:  # the last chunk, of images 32 to 36
            found[0][3, 0, 0, 0] = 7e4
        return found

    monkeypatch.setattr(user.kind, "features", large)
    with pytest.raises(UserError, match=r"found infinity or NaN for image 35, expected at most 65504 \(half"):
        user.stored(images, tmp_path)

    def interrupted(which, some, device):
        if len(some) == 5:
            raise KeyboardInterrupt
        return compute(which, some, device)

    monkeypatch.setattr(user.kind, "features", interrupted)
    with pytest.raises(KeyboardInterrupt):
        user.stored(images, tmp_path)
    assert files(tmp_path) == []


def test_processes_and_threads_change_no_byte(user, images, tmp_path):
    for name in ("alone", "together"):
        (tmp_path / name).mkdir()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        alone = user.stored(images, tmp_path / "alone", jobs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert same(alone, user.stored(images, tmp_path / "together", jobs=2))


def test_statistics_of_every_fourth_row_given():
    rng = np.random.default_rng(0)
    stages = [rng.normal(3, 2, (20, 4, 4, 2)).astype(np.float16), np.full((20, 2, 2, 1), 7, np.float16)]
    means, deviations = channel_statistics(stages, np.array([1, 0, 0, 0, 5, 0, 0, 0, 9]))
    of_rows = stages[0][[1, 5, 9]].astype(np.float64)
    np.testing.assert_allclose(means[0], of_rows.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(deviations[0], of_rows.std((0, 1, 2)), rtol=1e-5)
    assert (means[1].tolist(), deviations[1].tolist()) == ([7], [1])  # a constant channel
