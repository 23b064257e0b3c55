import errno
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from papers_lib.datasets import row_file
from papers_lib.datasets.row_file import RowFile
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.training import front_features as module
from papers_lib.training.front_features import front_features, frozen_front, through

RESNET = ("test_resnet", "random")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (37, 32, 32, 3), dtype=np.uint8)  # one chunk and a bit


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_features_are_those_of_the_network_before_the_stage_in_half_precision(images, tmp_path):
    found = front_features(images, tmp_path / "train", *RESNET, "layer3")
    network = pooled_classifier(*RESNET[:1], 2, generator=torch.Generator().manual_seed(0), weights="random")
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        for name, stage in network.eval().features.named_children():
            if name == "layer3":
                break
            x = stage(x)
    assert found.dtype == np.float16
    assert found.shape == tuple(x.shape)
    np.testing.assert_allclose(found, x.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("stage", ["stem", "layer1", "layer4"])
def test_front_and_tail_are_the_whole_model(images, stage):
    whole = pooled_classifier(*RESNET[:1], 2, generator=torch.Generator().manual_seed(0), weights="random")
    _, tail = split_at(whole.eval(), stage)
    x = torch.from_numpy(images[:5]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        expected = whole(x)
        found = whole.head(tail(through(frozen_front(*RESNET, stage), images[:5], "cpu")))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_front_learns_nothing_and_its_statistics_stay(images):
    front = frozen_front(*RESNET, "layer4")
    assert not any(parameter.requires_grad for parameter in front.parameters())
    assert not any(layer.training for layer in front.modules())
    before = [value.clone() for value in front.state_dict().values()]
    assert not through(front, images[:4], "cpu").requires_grad
    assert all(torch.equal(a, b) for a, b in zip(before, front.state_dict().values(), strict=True))
    assert frozen_front(*RESNET, "layer4") is front


def test_features_are_made_once_and_read_only(images, tmp_path, monkeypatch):
    first = front_features(images, tmp_path / "train", *RESNET, "layer2")
    assert not first.flags.writeable
    assert len(files(tmp_path)) == 1  # and nothing half-made beside it
    monkeypatch.setattr(module, "through", None)
    again = front_features(images, tmp_path / "train", *RESNET, "layer2")
    assert isinstance(again, np.memmap)
    assert np.array_equal(first, again)


def test_another_stage_backbone_or_code_has_another_file(images, tmp_path, monkeypatch):
    few = images[:3]
    front_features(few, tmp_path / "train", *RESNET, "layer2")
    front_features(few, tmp_path / "train", *RESNET, "layer3")
    front_features(few, tmp_path / "test", *RESNET, "layer3")
    front_features(few, tmp_path / "train", "test_efficientnet", "random", "blocks_1")
    assert len(files(tmp_path)) == 4
    monkeypatch.setattr(module, "code_digest", lambda modules: "another")
    front_features(few, tmp_path / "train", *RESNET, "layer3")
    assert len(files(tmp_path)) == 5


def test_an_interrupted_pass_leaves_nothing_behind(images, tmp_path, monkeypatch):
    calls = []

    def breaking(front, some, device):
        calls.append(len(some))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return through(front, some, device)

    monkeypatch.setattr(module, "through", breaking)
    with pytest.raises(KeyboardInterrupt):
        front_features(images, tmp_path / "train", *RESNET, "layer2")
    assert files(tmp_path) == []
    assert calls == [1, 32, 5]  # the shape, a chunk, the rest


@pytest.mark.parametrize("keep", [0, 40, 200, -1], ids=["empty", "header", "some", "all but a byte"])
def test_a_damaged_file_is_made_again(images, tmp_path, keep):
    few = images[:3]
    whole = np.array(front_features(few, tmp_path / "train", *RESNET, "layer3"))
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:keep])
    assert np.array_equal(front_features(few, tmp_path / "train", *RESNET, "layer3"), whole)
    np.save(path, whole[:2])  # another number of images
    assert np.array_equal(front_features(few, tmp_path / "train", *RESNET, "layer3"), whole)
    assert files(tmp_path) == [path.name]


def test_a_full_disk_is_one_line_before_or_while_features_are_written(images, tmp_path, monkeypatch):
    monkeypatch.setattr(row_file.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match=r"found 0\.0 MB free, expected .* MB for features of 37 images"):
        front_features(images, tmp_path / "train", *RESNET, "layer2")
    assert files(tmp_path) == []
    monkeypatch.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with pytest.raises(UserError, match=r"\.npy: cannot be written \(No space left on device\)$"):
        front_features(images, tmp_path / "train", *RESNET, "layer2")
    assert files(tmp_path) == []


def test_features_beyond_half_precision_are_refused(images, tmp_path, monkeypatch):
    def large(front, some, device):
        found = through(front, some, device)
        found[-1, 0, 0, 0] = 7e4
        return found

    monkeypatch.setattr(module, "through", large)
    with pytest.raises(
        UserError, match=r"layer2 of test_resnet: found infinity or NaN for image 31, .* 65504"
    ):
        front_features(images, tmp_path / "train", *RESNET, "layer2")
    assert files(tmp_path) == []


def test_the_number_of_threads_stays(images, tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        front_features(images[:3], tmp_path / "train", *RESNET, "layer3")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_processes_change_no_byte(images, tmp_path):
    alone = front_features(images, tmp_path / "alone", *RESNET, "layer4", jobs=1)
    together = front_features(images, tmp_path / "together", *RESNET, "layer4", jobs=2)
    assert np.array_equal(alone, together)
