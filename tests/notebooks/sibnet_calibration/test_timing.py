"""What is timed for an estimate is what runs do: sizes of features and maps, terms, stages."""

from dataclasses import replace

import pytest

from pylon import timing as pylon_timing
from sibnet_calibration import timing
from tests.notebooks.sibnet_calibration.runs import RUN


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(pylon_timing, "STEPS", 1)
    monkeypatch.setattr(timing, "SAMPLE", 2)


def test_a_network_s_maps_and_parameters_by_hand():
    found = timing.network(RUN, 5, 64, "cpu")
    assert found.cells == 4**2
    assert min(found.predict, found.whole, found.scores) > 0
    every = timing.network(replace(RUN, train_from=""), 5, 64, "cpu")
    assert every.parameters > found.parameters > 256 * 5 + 5
    mimo = timing.network(replace(RUN, train_from="", inputs=2), 5, 64, "cpu")
    wider = 3 * 32 * 9 + 256 * 5 + 5  # the first convolution's second half, and the second head
    assert mimo.parameters == every.parameters + wider
    assert (mimo.scores, mimo.cells) == (0, 0)


def test_terms_on_the_maps_and_early_stages_keep_more():
    plain = timing.step(RUN, 5, 64, "cpu")
    terms = timing.step(replace(RUN, distinct=1.0, coherent=1.0, share=1.0), 5, 64, "cpu")
    every = timing.step(replace(RUN, train_from=""), 5, 64, "cpu")
    assert 0 < plain.saved < terms.saved
    assert 2 * plain.saved < every.saved
    assert min(plain.train, terms.train, every.train) > 0
    mimo = timing.step(replace(RUN, train_from="", inputs=2, repetition=2), 5, 64, "cpu")
    assert mimo.saved > 1.5 * every.saved  # each image is seen twice a step


def test_features_of_a_frozen_part_by_hand():
    found = timing.front(RUN, 64, "cpu")
    assert found.bytes == 2 * 80 * 4**2  # blocks_3 of Lite0 gives 80 channels at stride 16
    assert found.seconds > 0
    assert timing.front(replace(RUN, train_from=""), 64, "cpu") == timing.Front(0.0, 0)


def test_larger_images_are_timed_smaller_and_scaled_by_area(monkeypatch):
    asked = []

    def images_of(classes, side, channels, count):
        asked.append(side)
        return pylon_timing.images_of(classes, side, channels, count)

    monkeypatch.setattr(timing, "SIDE", 64)
    monkeypatch.setattr(timing, "images_of", images_of)
    assert timing.front(RUN, 128, "cpu").bytes == 4 * timing.front(RUN, 64, "cpu").bytes
    monkeypatch.setattr(timing, "seconds", lambda action, device: (action(), 8.0)[1])
    found = timing.network(RUN, 5, 128, "cpu")
    assert found.cells == 8**2
    assert (found.predict, found.whole, found.scores) == (
        16,
        16,
        16,
    )  # 4 s for each of two images, 4 times the area
    assert timing.step(RUN, 5, 128, "cpu").saved == 4 * timing.step(RUN, 5, 64, "cpu").saved
    assert set(asked) == {64}


def test_calibrators_are_fitted_to_a_few_images_and_scaled(monkeypatch):
    monkeypatch.setattr(timing, "seconds", lambda action, device: (action(), 3.0)[1])
    assert timing.calibration(2, 40) == 6
    assert timing.calibration(2, 2 * timing.FITTED) == 12
