"""VinDr-CXR's layout: readers miss the slight and draw by hand, shares and areas are the paper's."""

import csv

import numpy as np
import pytest

from data_gen.chest_findings import Finding, Place
from data_gen.chest_vindr import CLASSES, MISSED, NO_FINDING, Reading, VindrSpec, chances, draw, read, write
from papers_lib.datasets.vindr_cxr import load_vindr

SPEC = VindrSpec(images=14, seed=2, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("vindr") / "set", SPEC)


@pytest.fixture(scope="module")
def entries():
    return [draw(VindrSpec(images=500, side=64, odds=8.0), index)[1] for index in range(500)]


def rows(path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_reader_of_vindr_finds_what_was_drawn(root) -> None:
    data = load_vindr(root, seed=0)
    entries = {entry.name: entry for _, entry in (draw(SPEC, index) for index in range(14))}
    assert sorted(data.names) == sorted(entries)
    for name, labels, boxes, kinds in zip(data.names, data.labels, data.boxes, data.box_classes, strict=True):
        entry = entries[name]
        found = [one for one in entry.readings if one.box is not None]
        assert {data.classes[k] for k in np.flatnonzero(labels)} == {one.name for one in found}
        assert [data.classes[k] for k in kinds] == [one.name for one in found]
        sizes = np.array((entry.width, entry.height, entry.width, entry.height))
        for one, box in zip(found, boxes, strict=True):
            assert box * sizes == pytest.approx(one.box, abs=0.01)


def test_readers_differ_and_miss_the_slight_findings_more_often() -> None:
    slight, plain = (Finding("Mass", severity, Place(1, 0.5, 0.5), 0) for severity in (0.0, 1.0))
    box = (20.0, 30.0, 60.0, 50.0)
    drawn = [("Nodule/Mass", slight, box), ("Consolidation", plain, box)]
    generator = np.random.default_rng(0)
    found = [read(generator, drawn, 100, 300, 200) for _ in range(500)]
    for name, missed in (("Nodule/Mass", MISSED[0]), ("Consolidation", MISSED[1])):
        boxes = np.array([one.box for reading in found for one in reading if one.name == name])
        assert len(boxes) / 1500 == pytest.approx(1 - missed, abs=0.03)
        assert boxes.mean(0) == pytest.approx((40, 90, 120, 150), abs=1)
        assert boxes.std(0) == pytest.approx(0.06 * np.array((80, 60, 80, 60)), rel=0.15)
    nothing = read(generator, [], 100, 300, 200)
    assert nothing == [Reading(one.reader, NO_FINDING, None) for one in nothing]
    assert len({one.reader for one in nothing}) == 3


def test_prevalences_and_areas(entries) -> None:
    """Areas as in the paper's Table 3 within 30 %, but for calcifications, which are drawn smaller."""
    _, shares = chances(8.0)
    any_finding, _ = chances(8.0)
    for name, one in CLASSES.items():
        boxes = [
            ((r.box[2] - r.box[0]) / e.width) * ((r.box[3] - r.box[1]) / e.height)
            for e in entries
            for r in e.readings
            if r.name == name and r.box is not None
        ]
        seen = sum(any(r.name == name for r in e.readings) for e in entries) / len(entries)
        assert seen == pytest.approx(shares[name] * any_finding, abs=0.06), name
        if name == "Calcification":
            assert 0.004 < np.mean(boxes) < one.area
        else:
            assert np.mean(boxes) == pytest.approx(one.area, rel=0.3), name
