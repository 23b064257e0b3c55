"""Batches for a GPU, on a pretend one that counts when a real one would keep the host waiting."""

import numpy as np
import pytest
import torch
from tests.training.fake_gpu import fake_gpu

from papers_lib.training import gpu, gpu_batches
from papers_lib.training.gpu_batches import pixels, release, sent, taken, to_device

ROOM = {"resident": 2**30, "streamed": 0}


@pytest.fixture
def waits():
    with fake_gpu() as found:
        yield found
        gpu_batches._resident.clear()


@pytest.fixture
def array(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(60, dtype=np.uint8).reshape(5, 3, 4))
    return np.load(tmp_path / "rows.npy", mmap_mode="r")


@pytest.mark.parametrize("room", ROOM.values(), ids=ROOM)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, bool])
@pytest.mark.parametrize("rows", [[0], [4, 0, 2], [1, 1], []], ids=str)
def test_rows_are_those_of_the_array_and_nobody_waits(waits, monkeypatch, array, room, dtype, rows):
    monkeypatch.setattr(gpu, "free_bytes", lambda device: room)
    values = array.astype(dtype)
    taken(values, np.array([0]), "cuda")  # where it fits, the whole array goes once
    waits.copies.clear()
    found = taken(values, np.array(rows, dtype=np.int64), "cuda")
    assert not waits.copies
    assert not waits.values
    assert found.device.type == "cuda"
    assert torch.equal(found.cpu(), torch.from_numpy(values[np.array(rows, dtype=np.int64)]))


def test_an_array_that_fits_goes_there_once_and_in_pieces(waits, monkeypatch, array):
    monkeypatch.setattr(gpu, "free_bytes", lambda device: round(60 / gpu_batches.RESIDENT_SHARE) + 1)
    monkeypatch.setattr(gpu_batches, "PIECE", 24)
    for rows in ([0], [3, 1], [4]):
        assert torch.equal(taken(array, np.array(rows), "cuda").cpu(), torch.from_numpy(array[rows]))
    assert len(waits.copies) == 3  # two rows a piece
    release()
    taken(array, np.array([0]), "cuda")
    assert len(waits.copies) == 6


def test_one_byte_too_many_is_gathered_on_the_host(waits, monkeypatch, array):
    monkeypatch.setattr(gpu, "free_bytes", lambda device: round(60 / gpu_batches.RESIDENT_SHARE) - 1)
    taken(array, np.array([0]), "cuda")
    assert not waits.copies


def test_room_that_another_process_took_in_the_meantime_is_no_failure(waits, monkeypatch, array):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gpu, "free_bytes", lambda device: 2**30)
    monkeypatch.setattr(gpu_batches, "_copied", full)
    for _ in range(2):
        assert torch.equal(taken(array, np.array([2]), "cuda").cpu(), torch.from_numpy(array[[2]]))


def test_another_array_at_the_same_address_is_not_taken_for_it(waits, monkeypatch):
    monkeypatch.setattr(gpu, "free_bytes", lambda device: 2**30)
    for value in range(20):  # CPython gives the freed place to the next array of that kind
        array = np.full((2, 2), value, dtype=np.uint8)
        assert int(taken(array, np.array([1]), "cuda")[0, 0]) == value
        del array


def test_indices_that_were_sent_need_not_be_fetched_back(waits):
    indices = torch.tensor([5, 1])
    there = sent(indices, "cuda")
    assert there.device.type == "cuda"
    assert there.to("cuda") is there
    assert there.cpu() is indices
    assert torch.equal((there + 1).cpu(), indices + 1)  # what is computed from them is another tensor
    assert len(waits.values) == 1
    assert to_device(indices, "cuda").device.type == "cuda"
    assert not waits.copies


@pytest.mark.parametrize("shape", [(3, 4, 6), (3, 4, 6, 3)], ids=["grey", "colour"])
def test_pixels_are_as_the_cpu_has_them(waits, shape):
    from papers_lib.training.pyramid_features import pixels as of_cpu

    images, rows = np.arange(np.prod(shape)).astype(np.uint8).reshape(shape), np.array([2, 0])
    found = pixels(images, rows, "cuda")
    assert torch.equal(found.cpu(), of_cpu(images[rows], "cpu"))
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("share", [0.4, 0.0], ids=ROOM)
def test_a_real_gpu_gets_the_same_rows(monkeypatch, array, share):
    monkeypatch.setattr(gpu_batches, "RESIDENT_SHARE", share)
    for rows in ([4, 0, 2], [1, 1]):
        found = taken(array, np.array(rows), "cuda")
        assert found.device.type == "cuda"
        assert torch.equal(found.cpu(), torch.from_numpy(array[rows]))
    assert sent(torch.tensor([5, 1]), "cuda").cpu().tolist() == [5, 1]
    release()


def test_the_copy_of_an_array_goes_with_it(waits, monkeypatch):
    monkeypatch.setattr(gpu, "free_bytes", lambda device: 2**30)
    array = np.zeros((2, 2), dtype=np.uint8)
    taken(array, np.array([1]), "cuda")
    assert len(gpu_batches._resident) == 1
    del array
    assert not gpu_batches._resident
