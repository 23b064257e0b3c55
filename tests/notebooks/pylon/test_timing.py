"""What is timed for an estimate is what runs do: stages, bytes kept, boxes to point at."""

import numpy as np
import pytest
import torch
from torch import nn

from pylon import timing
from pylon.experiment import PylonRun


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(timing, "STEPS", 1)


def test_noise_has_a_box_for_every_label_and_both_answers_in_every_class():
    images, pixels = timing.images_of(3, 64, 1, 4)
    assert pixels.shape == (4, 64, 64)
    assert images.labels.tolist() == [[True, False, True], [False, True, False]] * 2
    assert [kinds.tolist() for kinds in images.box_classes] == [[0, 2], [1]] * 2


def test_a_storage_is_counted_once_and_parameters_are_not():
    layer = nn.Linear(3, 3)
    x = torch.rand(5, 3)
    once = timing.saved_bytes(lambda: layer(x).exp().sum(), layer)
    assert once == 5 * 3 * 4 + 5 * 3 * 4
    assert timing.saved_bytes(lambda: (layer(x) * layer(x)).sum(), layer) == 3 * 60  # x once, both results
    assert timing.saved_bytes(lambda: layer(x).sum().detach(), layer) == 60


def test_speed_of_stored_stages_and_of_pixels():
    frozen = PylonRun(seed=0, backbone="resnet18", masked=2)
    fast = timing.speed(frozen, "decoder", 3, 64, "cpu")
    slow = timing.speed(
        PylonRun(seed=0, backbone="resnet18", phases=("all",), train_from=0), "all", 3, 64, "cpu"
    )
    assert 0 < fast.saved < slow.saved / 2
    assert slow.through == slow.predict
    assert fast.through > fast.predict  # from pixels, not from what is stored
    assert fast.parameters == slow.parameters > 11_000_000
    assert min(fast.train, fast.predict, fast.point) > 0


def test_sizes_of_stored_stages_by_hand_and_beyond_the_timed_side(monkeypatch):
    run = PylonRun(seed=0, backbone="resnet18")
    cells = [16**2 * 64, 8**2 * 128, 4**2 * 256, 2**2 * 512]
    found = timing.stored(run, 4, 64, "cpu")
    assert (found.bytes, found.largest) == (2 * sum(cells), 2 * cells[0])
    assert timing.stored(run, 2, 64, "cpu").bytes == 2 * sum(cells[:2])
    monkeypatch.setattr(timing, "SIDE", 64)
    assert timing.stored(run, 4, 128, "cpu").bytes == 4 * found.bytes


def test_larger_images_are_timed_smaller_and_scaled_by_area():
    found = timing.Speed(0.1, 0.2, 0.3, 0.4, 1000, 77)
    assert timing.enlarged(found, timing.SIDE) == timing.enlarged(found, 64) == found
    assert timing.enlarged(found, 2 * timing.SIDE) == timing.Speed(0.4, 0.8, 1.2, 1.6, 4000, 77)


def test_seconds_leave_out_the_first_and_stop_when_enough(monkeypatch):
    clock = iter(np.cumsum([0, 9, 0, 1, 0, 1]).tolist())
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(timing, "STEPS", 3)
    monkeypatch.setattr(timing, "ENOUGH", 100)
    assert timing.seconds(lambda: None, "cpu") == 1
    clock = iter([0, 9])
    monkeypatch.setattr(timing, "ENOUGH", 2)
    assert timing.seconds(lambda: None, "cpu") == 9
