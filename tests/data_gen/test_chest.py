"""NIH's layout: the reader finds what was drawn, patients are apart, findings fill their boxes, shares are NIH's."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from data_gen.chest import ChestSpec, describe, draw, patient_of, write
from data_gen.chest_anatomy import Frame, heart_box, lay_out
from data_gen.chest_findings import AREA, NIH, PREVALENCE, Finding, draw_place
from data_gen.chest_paint import SHADOWS, Radiograph, chest_of, paint
from data_gen.chest_patients import draw_patient
from papers_lib.datasets.nih_cxr14 import load_nih

SPEC = ChestSpec(train_val=10, test=14, seed=3, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("chest") / "set", SPEC)


def names(root, part: str) -> list[str]:
    return (root / f"{part}_list.txt").read_text().split()


def test_the_reader_of_nih_finds_what_was_drawn(root) -> None:
    data = load_nih(root)
    drawn = {
        entry.name: entry
        for part, count in (("train_val", 10), ("test", 14))
        for _, entry in (draw(SPEC, part, index) for index in range(count))
    }
    assert sorted(data.names) == sorted(drawn)
    for row, name in enumerate(data.names):
        entry = drawn[name]
        assert {data.classes[k] for k in np.flatnonzero(data.labels[row])} == set(entry.labels)
        assert [data.classes[k] for k in data.box_classes[row]] == [kind for kind, _ in entry.boxes]
        for (_, box), read in zip(entry.boxes, data.boxes[row], strict=True):
            assert read * 1024 == pytest.approx(box, abs=0.01)
        assert int(data.patients[row]) == entry.patient
        assert (data.split[row] == "test") == (name in names(root, "test"))


def test_the_same_chest_at_each_visit_of_a_patient() -> None:
    spec = ChestSpec(200, 0)
    places = [patient_of(spec, "train_val", index) for index in range(200)]
    number, last = max(places, key=lambda place: place[1])
    assert last >= 5
    assert places.count((number, last)) == 1
    assert [visit for patient, visit in places if patient == number] == list(range(last + 1))
    first, then = (describe(spec, "train_val", number, visit) for visit in (0, last))
    assert first[0].anatomy == then[0].anatomy == then[1].radiograph.anatomy
    assert first[1].radiograph.pose != then[1].radiograph.pose
    assert then[1].age >= first[1].age


SIDE = 256


def bare(number: int) -> Radiograph:
    """A radiograph with neither findings nor noise, nor light scattered from one part of it to another."""
    radiograph = describe(SPEC, "train_val", number, 0)[1].radiograph
    return replace(radiograph, findings=(), exposure=replace(radiograph.exposure, noise=0.0, veil=0.0))


def finding(generator: np.random.Generator, kind: str, severity: float) -> Finding:
    return Finding(kind, severity, draw_place(generator, kind), int(generator.integers(2**32)))


@pytest.mark.parametrize("kind", SHADOWS)
@pytest.mark.parametrize("severity", [0.1, 0.5, 0.9])
def test_a_finding_changes_its_box_and_no_more(kind: str, severity: float) -> None:
    generator = np.random.default_rng(5)
    for number in range(4):
        radiograph = bare(number)
        without, none = paint(radiograph, SIDE)
        one = finding(generator, kind, severity)
        image, ((named, box),) = paint(replace(radiograph, findings=(one,)), SIDE)
        assert none == []
        assert named == kind
        x_min, y_min, x_max, y_max = map(int, box)
        changed = np.abs(image.astype(int) - without)
        assert changed[y_min:y_max, x_min:x_max].max() >= 12
        outside = changed.copy()
        outside[y_min:y_max, x_min:x_max] = 0
        # Less than SEEN of a finding lies outside, which is nearly nothing beside its strength.
        assert outside.max() <= 0.35 * changed.max()
        assert (outside > 12).sum() <= 0.01 * (changed > 12).sum()
        rows, columns = np.nonzero(changed >= 2)
        slack = 4 + 0.06 * max(x_max - x_min, y_max - y_min)
        assert columns.min() - x_min <= slack
        assert x_max - 1 - columns.max() <= slack
        assert rows.min() - y_min <= slack
        assert y_max - 1 - rows.max() <= slack


def test_areas_are_those_of_the_boxes_of_nih() -> None:
    """Means over patients and severities; the standard error is 3 to 6 %, the tolerance 15 %."""
    generator = np.random.default_rng(7)
    areas: dict[str, list[float]] = {kind: [] for kind in NIH}
    for number in range(240):
        radiograph = bare(number % 100)
        layout = lay_out(radiograph.anatomy, Frame(128, radiograph.pose))
        for kind in NIH:
            # Severities spread evenly, so that few draws do.
            one = finding(generator, kind, (number * 0.618034) % 1)
            if kind == "Cardiomegaly":
                changed = replace(radiograph, findings=(one,))
                box = heart_box(lay_out(chest_of(changed), layout.frame))
            else:
                box = SHADOWS[kind](layout, one, np.random.default_rng(one.texture)).box
            areas[kind].append((box[2] - box[0]) * (box[3] - box[1]) / 128**2)
    for kind, found in areas.items():
        assert np.mean(found) == pytest.approx(AREA[kind], rel=0.15), kind
        assert 0.1 < np.std(np.log(found)) < 1.1, kind


@pytest.fixture(scope="module")
def levels() -> np.ndarray:
    """The variables behind the findings (patients x visits x kinds)."""
    generator = np.random.default_rng(4)
    return np.stack([draw_patient(generator, NIH).levels for _ in range(4000)])


def test_prevalences_are_those_of_nih(levels) -> None:
    shares = np.array(list(PREVALENCE.values()))
    found = (levels > -ndtri(shares)).mean((0, 1))
    assert found == pytest.approx(shares, rel=0.15)
    # Images with none of the eight; with the release's other six findings besides, .54 of its images have none.
    assert 0.54 < (levels <= -ndtri(shares)).all(2).mean() < 0.62
