"""What the scenes show: the parts decide, everybody can see them, and nothing else tells a pair apart."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data_gen.scene_classes import (
    BODIES,
    CLASSES,
    DECOYS,
    FREQUENCIES,
    KINDS,
    MOST_OBJECTS,
    SceneClass,
    draw_classes,
    partner,
)
from data_gen.scene_marks import PLATES, Mark, draw_mark, paint_mark
from data_gen.scene_objects import draw_objects
from data_gen.scene_paint import Scene, draw_scene, paint
from data_gen.scene_shapes import body_outline, coverage
from data_gen.scene_texture import PATTERNS, draw_texture, render


@pytest.fixture(scope="module")
def drawn() -> list[Scene]:
    return [draw_scene(np.random.default_rng((7, i))) for i in range(200)]


def with_other_part(scene: Scene, place: int) -> Scene:
    one = scene.objects[place]
    other = partner(one.scene_class)
    changed = replace(one, scene_class=other, part=replace(one.part, kind=other.kind))
    return replace(scene, objects=(*scene.objects[:place], changed, *scene.objects[place + 1 :]))


def test_the_classes_of_a_pair_differ_inside_the_part_alone(drawn) -> None:
    for scene in drawn[:25]:
        place = len(scene.objects) // 2
        image, numbers = paint(scene)
        other_image, other_numbers = paint(with_other_part(scene, place))
        assert (numbers == other_numbers).all()
        different = (image != other_image).any(-1)
        left, top, right, bottom = scene.objects[place].part.box
        assert different[top:bottom, left:right].mean() > 0.1
        different[top:bottom, left:right] = False
        assert not different.any()


def test_all_but_the_kind_is_drawn_the_same_for_both_classes_of_a_pair() -> None:
    classes = [CLASSES[0], CLASSES[5], CLASSES[8]]
    for seed in range(5):
        ours, theirs = (
            draw_objects(np.random.default_rng(seed), (500, 375), wanted, (0.0, 0.0, 0.0))
            for wanted in (classes, [partner(one) for one in classes])
        )
        for one, other in zip(ours, theirs, strict=True):
            assert (one.patch.alpha == other.patch.alpha).all()
            assert (one.box, one.texture, one.decoys) == (other.box, other.texture, other.decoys)
            assert replace(one.part, kind="") == replace(other.part, kind="")


def test_parts_show_whole_within_their_own_object(drawn) -> None:
    for scene in drawn:
        for number, one in enumerate(scene.objects, start=1):
            left, top, right, bottom = one.box
            x_min, y_min, x_max, y_max = one.part.box
            assert left <= x_min < x_max <= right
            assert top <= y_min < y_max <= bottom
            assert one.part.kind == one.scene_class.kind
            share = one.part.side**2 / ((right - left) * (bottom - top))
            assert 0.06 <= share <= 0.10
            assert left >= 0
            assert top >= 0
            assert right <= scene.size[0]
            assert bottom <= scene.size[1]
            assert min(right - left, bottom - top) >= 50
            assert max(right - left, bottom - top) <= 260
            for decoy in one.decoys:
                a, b, c, d = decoy.box
                assert decoy.kind in DECOYS
                assert c <= x_min or x_max <= a or d <= y_min or y_max <= b
            numbers = np.zeros((scene.size[1], scene.size[0]), int)
            for later, other in enumerate(scene.objects[number - 1 :], start=number):
                numbers[other.patch.window][other.patch.alpha > 0] = later
            assert (numbers[y_min:y_max, x_min:x_max] == number).all()


def test_no_line_in_front_touches_a_part(drawn) -> None:
    crossed = 0
    for scene in drawn[:40]:
        bare, _ = paint(replace(scene, front=()))
        image, _ = paint(scene)
        crossed += bool((image != bare).any())
        for one in scene.objects:
            x_min, y_min, x_max, y_max = one.part.box
            assert (image[y_min:y_max, x_min:x_max] == bare[y_min:y_max, x_min:x_max]).all()
    assert crossed > 20


def test_truncated_objects_reach_the_edge_and_no_others_do(drawn) -> None:
    truncated = 0
    for scene in drawn:
        for one in scene.objects:
            left, top, right, bottom = one.box
            at_edge = left == 0 or top == 0 or right == scene.size[0] or bottom == scene.size[1]
            assert one.truncated >= at_edge
            truncated += one.truncated
            if one.truncated and not one.occluded:
                assert at_edge
    assert 0.05 < truncated / sum(len(scene.objects) for scene in drawn) < 0.3


def test_counts_and_frequencies_are_those_of_voc() -> None:
    generator = np.random.default_rng(0)
    scenes = [draw_classes(generator) for _ in range(20_000)]
    counts = np.array([len(one) for one in scenes])
    assert counts.min() == 1
    assert counts.max() == MOST_OBJECTS
    assert counts.mean() == pytest.approx(27450 / 11540, abs=0.04)
    found = Counter(one for scene in scenes for one in scene)
    shares = np.array([found[one] for one in CLASSES]) / counts.sum()
    assert shares == pytest.approx(FREQUENCIES, abs=0.01)
    assert sum(FREQUENCIES) == pytest.approx(1)
    assert pytest.approx(8566 / 27450, abs=0.005) == FREQUENCIES[0]


def test_scenes_hold_every_object_that_was_drawn() -> None:
    """Crowded ones too: what does not fit is placed anew, never left out."""
    for seed in range(6):
        classes = [CLASSES[(seed + i) % len(CLASSES)] for i in range(MOST_OBJECTS)]
        objects = draw_objects(np.random.default_rng(seed), (375, 500), classes, (0.0, 0.0, 0.0))
        assert [one.scene_class for one in objects] == classes


def test_each_body_and_each_kind_has_two_classes() -> None:
    assert len({one.name for one in CLASSES}) == len(CLASSES) == 10
    assert Counter(one.body for one in CLASSES) == dict.fromkeys(BODIES, 2)
    assert Counter(one.kind for one in CLASSES) == dict.fromkeys(KINDS, 2)
    assert not set(KINDS) & set(DECOYS)
    assert all(partner(partner(one)) == one for one in CLASSES)


def test_painting_is_a_function_of_the_scene(drawn) -> None:
    first, second = paint(drawn[0]), paint(drawn[0])
    assert (first[0] == second[0]).all()
    assert (first[1] == second[1]).all()


@pytest.mark.parametrize("plate", PLATES)
@pytest.mark.parametrize("side", [13, 40])
def test_every_sign_differs_from_every_other_at_every_angle(plate: str, side: int) -> None:
    def signs(kind: str) -> np.ndarray:
        images = []
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            picture = Image.new("RGB", (side, side))
            paint_mark(picture, Mark(kind, 0, 0, side, plate, float(angle), (255, 255, 255), (0, 0, 0)))
            images.append(np.asarray(picture)[..., 0] / 255)
        return np.stack(images)

    drawn = {kind: signs(kind) for kind in (*KINDS, *DECOYS)}
    for kind in KINDS:
        for other in drawn:
            if other != kind:
                apart = abs(drawn[kind][:, None] - drawn[other][None]).mean((2, 3))
                assert apart.min() > 0.06, (kind, other)


def test_a_mark_stays_in_its_box_and_contrasts() -> None:
    generator = np.random.default_rng(0)
    weights = np.array((0.299, 0.587, 0.114))
    for _ in range(200):
        mark = draw_mark(generator, "ring", 5, 7, 20)
        picture = Image.new("RGB", (40, 40))
        paint_mark(picture, mark)
        outside = np.asarray(picture).any(-1)
        outside[7:27, 5:25] = False
        assert not outside.any()
        assert abs(weights @ mark.plate_colour - weights @ mark.sign_colour) > 25


@pytest.mark.parametrize("body", BODIES)
def test_a_body_fills_its_box_and_is_covered_exactly(body: str) -> None:
    for seed in range(5):
        unit = body_outline(np.random.default_rng(seed), body)
        assert unit.min(0) == pytest.approx((0, 0))
        assert unit.max(0) == pytest.approx((1, 1))
        outline = unit * (120, 90) + (30.3, 20.6)
        patch = coverage(outline, (500, 375))
        x, y = outline.T
        area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        assert patch.alpha.sum() / 255 == pytest.approx(area, rel=0.03)


def test_coverage_of_a_rectangle_worked_by_hand() -> None:
    corners = np.array(((-2.0, 1.0), (2.0, 1.0), (2.0, 3.5), (-2.0, 3.5)))
    patch = coverage(corners, (10, 10))
    assert (patch.left, patch.top, patch.alpha.shape) == (0, 1, (3, 2))
    assert (patch.alpha[:2] == 255).all()
    assert patch.solid.sum() in (4, 6)  # the last row is half covered


@pytest.mark.parametrize("pattern", PATTERNS)
def test_textures_mix_their_two_colours(pattern: str) -> None:
    texture = draw_texture(np.random.default_rng(1), (10, 20), (0.5, 0.5))
    texture = replace(
        texture, pattern=pattern, first=(200.0, 0.0, 40.0), second=(100.0, 0.0, 80.0), light=0.0
    )
    image = render(texture, 50, 70)
    assert image.shape == (50, 70, 3)
    assert (image[..., 1] == 0).all()
    assert image[..., 0].min() >= 100
    assert image[..., 0].max() == 200
    assert (image[..., 0].std() > 5) == (pattern != "plain")


def test_unknown_names_are_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="body: found 'cube'"):
        body_outline(generator, "cube")
    with pytest.raises(ValueError, match="kind: found 'arrow'"):
        paint_mark(Image.new("RGB", (9, 9)), draw_mark(generator, "arrow", 0, 0, 9))
    with pytest.raises(ValueError, match="pattern: found 'tartan'"):
        render(replace(draw_texture(generator, (9, 9), (0, 1)), pattern="tartan"), 4, 4)
    with pytest.raises(ValueError, match="one: found 'cube-ring'"):
        partner(SceneClass("cube", "ring"))
