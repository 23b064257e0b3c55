"""What the radiographs show: each finding lies in its box and fills it, and sizes are those of NIH's boxes."""

from dataclasses import replace

import numpy as np
import pytest

from data_gen.chest import ChestSpec, describe
from data_gen.chest_anatomy import SIDES, draw_anatomy, heart_border
from data_gen.chest_findings import AREA, NIH, Finding, Place, draw_place
from data_gen.chest_frame import Frame, Pose, step
from data_gen.chest_layout import heart_box, lay_out
from data_gen.chest_paint import SHADOWS, Radiograph, chest_of, paint
from data_gen.chest_shadows import Shadow

SPEC = ChestSpec(100, 0, seed=21)
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


@pytest.mark.parametrize("kind", SHADOWS)
def test_a_box_is_tight_around_what_is_seen(kind: str) -> None:
    """Every edge of the box touches a pixel that is covered by at least the share that counts as seen."""
    generator = np.random.default_rng(6)
    for number in range(6):
        radiograph = bare(number)
        layout = lay_out(radiograph.anatomy, Frame(SIDE, radiograph.pose))
        one = finding(generator, kind, float(generator.random()))
        shadow = SHADOWS[kind](layout, one, np.random.default_rng(one.texture))
        covered = np.zeros((SIDE, SIDE), np.float32)
        covered[shadow.window] = shadow.extent
        x_min, y_min, x_max, y_max = map(int, shadow.box)
        inside = covered[y_min:y_max, x_min:x_max]
        for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
            assert edge.max() >= 0.15
        covered[y_min:y_max, x_min:x_max] = 0
        assert covered.max() < 0.15


def test_a_box_by_hand() -> None:
    extent = np.zeros((4, 5), np.float32)
    extent[1, 2:4] = 0.15
    extent[3, 0] = 0.14
    shadow = Shadow((slice(10, 14), slice(20, 25)), extent, extent)
    assert shadow.box == (22.0, 11.0, 24.0, 12.0)
    assert Shadow(shadow.window, 0 * extent, extent).box is None


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


def test_hearts_are_told_apart_by_half_of_the_thorax() -> None:
    generator = np.random.default_rng(8)
    normal = [draw_anatomy(generator, female=bool(i % 2)).heart for i in range(500)]
    assert max(normal) < 0.5
    assert np.mean(normal) == pytest.approx(0.43, abs=0.01)
    radiograph = bare(0)
    for severity in (0.0, 0.5, 1.0):
        one = Finding("Cardiomegaly", severity, Place(0, 0.5, 0.5), 0)
        shown = replace(radiograph, pose=Pose(), findings=(one,))
        anatomy = chest_of(shown)
        points = np.concatenate([heart_border(anatomy, side) for side in SIDES])
        ratio = np.ptp(points[:, 0]) / (2 * anatomy.half_width)
        assert ratio == pytest.approx(anatomy.heart, rel=1e-3)
        assert ratio > 0.5
        _, ((_, box),) = paint(shown, SIDE)
        assert box[2] - box[0] == pytest.approx(ratio * 2 * anatomy.half_width * SIDE, rel=1e-3)


def test_an_enlarged_heart_changes_its_box_only() -> None:
    for number in range(5):
        radiograph = replace(bare(number), breath=0.0)
        one = Finding("Cardiomegaly", 0.6, Place(0, 0.5, 0.5), 0)
        without, _ = paint(radiograph, SIDE)
        image, ((_, box),) = paint(replace(radiograph, findings=(one,)), SIDE)
        changed = np.abs(image.astype(int) - without)
        x_min, y_min, x_max, y_max = int(box[0]), int(box[1]), int(box[2]) + 1, int(box[3]) + 1
        assert changed[y_min:y_max, x_min:x_max].max() > 30
        changed[y_min - 2 : y_max + 2, x_min - 4 : x_max + 4] = 0
        assert changed.max() <= 3


def test_a_pneumothorax_is_dark_and_an_effusion_bright() -> None:
    radiograph = bare(2)
    without, _ = paint(radiograph, SIDE)
    for kind, sign in (("Pneumothorax", -1), ("Effusion", 1), ("Mass", 1)):
        one = Finding(kind, 0.8, Place(1, 0.5, 0.5), 3)
        image, _ = paint(replace(radiograph, findings=(one,)), SIDE)
        change = image.astype(int) - without
        assert sign * change[np.abs(change) > 5].mean() > 10


def test_the_signal_scales_what_findings_add() -> None:
    radiograph = bare(3)
    shown = replace(radiograph, findings=(Finding("Nodule", 0.5, Place(1, 0.5, 0.4), 3),))
    without, _ = paint(radiograph, SIDE)
    changes = []
    for signal in (0.3, 1.0):
        image, boxes = paint(shown, SIDE, signal)
        changes.append((np.abs(image.astype(int) - without).max(), boxes))
    assert changes[0][0] < 0.5 * changes[1][0]
    assert changes[0][1] == changes[1][1]


def test_nodules_lie_within_the_lungs() -> None:
    generator = np.random.default_rng(9)
    for number in range(30):
        radiograph = bare(number)
        layout = lay_out(radiograph.anatomy, Frame(SIDE, radiograph.pose))
        one = finding(generator, "Nodule", float(generator.random()))
        shadow = SHADOWS["Nodule"](layout, one, np.random.default_rng(one.texture))
        peak = np.unravel_index(shadow.extent.argmax(), shadow.extent.shape)
        assert layout.lungs[shadow.window][peak] > 0.9


def test_painting_is_a_function_of_the_radiograph() -> None:
    radiograph = describe(SPEC, "train_val", 1, 0)[1].radiograph
    first, second = paint(radiograph, 96), paint(radiograph, 96)
    assert (first[0] == second[0]).all()
    assert first[1] == second[1]


def test_what_is_no_finding_does_not_depend_on_the_findings() -> None:
    """The odds decide which findings a picture has; nothing else of its description changes with them."""
    for number in range(20):
        few, many = (
            describe(replace(SPEC, odds=odds), "train_val", number, 0)[1].radiograph for odds in (0.1, 100.0)
        )
        assert replace(few, findings=()) == replace(many, findings=())
        assert len(few.findings) < len(many.findings)


def test_an_unknown_kind_is_refused() -> None:
    one = Finding("Fracture", 0.5, Place(1, 0.5, 0.5), 0)
    with pytest.raises(ValueError, match="kind: found 'Fracture', expected one of Atelectasis"):
        paint(replace(bare(0), findings=(one,)), 64)


def test_frames_move_curves_as_they_move_points() -> None:
    frame = Frame(100, Pose(scale=0.9, right=0.05, down=-0.02, turn=0.1))
    line = np.array([[0.4, -0.5], [0.4, 1.5]])
    x = frame.at_rows(line)
    for row in (10, 60):
        along = frame.points(np.stack((np.full(2001, 0.4), np.linspace(-0.5, 1.5, 2001)), axis=1))
        nearest = np.abs(along[:, 1] - (row + 0.5) / 100).argmin()
        assert x[row] == pytest.approx(along[nearest, 0], abs=1e-3)
    assert Frame(10, Pose()).window(0.0, 0.15, 0.31, 0.39) == (slice(1, 4), slice(0, 4))
    assert Frame(10, Pose()).window(1.2, 1.2, 1.3, 1.3) == (slice(9, 10), slice(9, 10))


def test_a_step_rises_from_0_to_1() -> None:
    values = step(np.linspace(-1, 1, 101), 0.5)
    assert (np.diff(values) >= 0).all()
    assert (values[0], values[50], values[-1]) == (0, 0.5, 1)
