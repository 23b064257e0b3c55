"""Which images and maps are shown: in the order in which they were kept, never by what the maps say."""

from dataclasses import replace

import numpy as np
import pytest

from pylon.shown import (
    all_shown,
    example_pairs,
    kept_rows,
    methods_of,
    shown,
    smallest_pairs,
)
from tests.notebooks.pylon.runs import MASS, NODULE, Runs, swept


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def constant(value, cells=2):
    return np.full((4, 3, cells, cells), value)


def test_the_lowest_seed_of_a_method_and_training(runs):
    one = swept(
        runs.mapped(constant(1), seed=1),
        runs.mapped(constant(0), seed=0),
        runs.mapped(constant(2), seed=0, phases=("all",)),
        runs.mapped(constant(3), seed=0, method="fpn", arm="pools"),
    )
    found = shown(one, "pylon")
    assert (found.method, found.training, found.maps.max()) == ("pylon", "frozen", 0)
    assert shown(one, ("pylon", "one_phase")).maps.max() == 2
    assert shown(one, ("pylon", "two_phase")) is None
    assert shown(one, "fpn") is None  # in another arm
    assert shown(one, "fpn", ("pools",)).maps.max() == 3


def test_maps_read_off_the_baseline(runs):
    own, read_off = (
        runs.mapped(constant(1), method="cam"),
        runs.mapped(constant(2), prefix="grad_cam.", method="cam", seed=1),
    )
    one = swept(own, read_off)
    assert shown(one, "cam").maps.max() == 1
    assert shown(one, "grad_cam").maps.max() == 2
    assert shown(one, "xgrad_cam") is None
    assert [found.method for found in all_shown(one, ["xgrad_cam", "grad_cam", "pylon"])] == ["grad_cam"]


def test_a_map_is_found_by_row_and_class(runs):
    maps = np.arange(4 * 3 * 4).reshape(4, 3, 2, 2)
    found = shown(swept(runs.mapped(maps)), "pylon")
    np.testing.assert_array_equal(found.map_of((3, NODULE)), maps[1, 1])
    assert found.map_of((3, NODULE)).dtype == np.float32
    assert found.map_of((5, MASS)) is None


def test_a_class_each_in_the_order_kept(runs):
    one = swept(runs.mapped(constant(0), rows=(4, 3, 1, 2)))
    assert kept_rows(one) == [4, 3, 1, 2]
    assert example_pairs(one) == [(4, MASS), (3, NODULE)]  # Hernia has no box
    assert example_pairs(one, 1) == [(4, MASS)]
    assert smallest_pairs(one) == [(3, NODULE), (4, MASS)]


def test_no_image_is_shown_twice(runs):
    one = swept(runs.mapped(constant(0), rows=(4, 3, 1, 2)))
    both = replace(
        one.images,
        box_classes=(*one.images.box_classes[:4], np.array([MASS, NODULE]), one.images.box_classes[5]),
    )
    assert example_pairs(one._replace(images=both)) == [(4, MASS), (3, NODULE)]


def test_maps_do_not_change_the_choice(runs):
    pairs = [example_pairs(swept(runs.mapped(constant(value)))) for value in (0, 9)]
    assert pairs[0] == pairs[1] != []


def test_the_paper_s_methods_with_a_run(runs):
    one = swept(
        runs.mapped(constant(0), method="pylon"),
        runs.mapped(constant(0), method="pylon_2up"),
        runs.mapped(constant(0), method="cam", phases=("all",)),
        runs.record(status="diverged", method="fpn"),
    )
    assert methods_of(one) == ["cam", "grad_cam", "grad_cam_pp", "xgrad_cam", "pylon"]
    assert methods_of(one, "frozen") == [("pylon", "frozen")]


def test_nothing_kept(runs):
    one = swept(runs.record({"auroc_macro": 0.5}))
    assert kept_rows(one) == example_pairs(one) == smallest_pairs(one) == []
