import json
import shutil

import numpy as np
import pytest
import torch
from papers_lib.datasets.voc_crop_split import load_crops

from cam_entropy import data as cam_entropy_data
from cam_entropy.data import check_backbone, examples, levels, open_data
from papers_lib.errors import UserError

CROP = {"side": 64, "scene_side": 128, "whole": False, "difficult": True}


@pytest.fixture(scope="module")
def splits(opened):
    return load_crops(opened.root, "train"), load_crops(opened.root, "test")


def scenes_of(opened):
    return next(path for path in opened.folder.iterdir() if path.name.startswith("scenes-"))


def test_scenes_and_crops_are_made_once_and_named_by_what_made_them(opened, monkeypatch):
    made = opened.found
    assert made.crops.kind == "stand-in"
    assert made.crops.root == opened.folder / f"crops-{made.crops.fingerprint}"
    assert scenes_of(opened).name == f"scenes-{made.fingerprint}"
    before = sorted(path.name for path in opened.folder.iterdir())
    assert open_data("", opened.folder, opened.sizes, 0, CROP, 1) == made
    assert sorted(path.name for path in opened.folder.iterdir()) == before


def test_everything_that_the_crops_depend_on_is_in_their_name(opened, tmp_path, monkeypatch):
    written = []

    def fake(folder, name, spec, writer):
        written.append((name, spec))
        path = tmp_path / f"{name}-{abs(hash((name, spec)))}"
        path.mkdir(exist_ok=True)
        return path

    monkeypatch.setattr(cam_entropy_data, "ensure", fake)
    found = [
        open_data("", tmp_path, sizes, seed, crop, 1)
        for sizes, seed, crop in (
            (opened.sizes, 0, CROP),
            (opened.sizes, 1, CROP),
            ({"train": 9, "test": 4}, 0, CROP),
            (opened.sizes, 0, {**CROP, "side": 96}),
            (opened.sizes, 0, {**CROP, "whole": True}),
        )
    ]
    assert len({one.crops.fingerprint for one in found}) == 5
    assert len({one.fingerprint for one in found}) == 3  # side and whole leave the scenes alone
    assert all(one.crops.kind == "real data" for one in found)  # nothing says otherwise in empty folders


def test_a_copy_of_generated_scenes_stays_a_stand_in_and_other_trees_are_real(opened, tmp_path):
    tree = tmp_path / "mine"
    shutil.copytree(scenes_of(opened), tree)
    copied = open_data(str(tree), tmp_path / "kept", {}, 0, CROP, 1)
    assert copied.crops.kind == "stand-in"
    (tree / "dataset.json").unlink()
    real = open_data(str(tree), tmp_path / "kept", {}, 0, CROP, 1)
    assert real.crops.kind == "real data"
    ours, theirs = (load_crops(root, "test") for root in (opened.root, real.crops.root))
    assert np.array_equal(ours.images, theirs.images)
    assert np.array_equal(ours.parts, theirs.parts, equal_nan=True)
    picture = next((tree / "VOC2012" / "JPEGImages").iterdir())
    picture.write_bytes(picture.read_bytes() + b"x")
    (tree / "dataset.json").write_text(json.dumps({"kind": "something else"}))
    again = open_data(str(tree), tmp_path / "kept", {}, 0, CROP, 1)
    assert again.fingerprint != real.fingerprint
    assert again.crops.kind == "real data"


def test_a_folder_that_is_no_voc_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty"):
        open_data(str(tmp_path / "empty"), tmp_path / "kept", {}, 0, CROP, 1)
    assert not [*tmp_path.glob("kept/crops-*")]


def test_examples_are_the_first_of_each_class(splits):
    train, _ = splits
    found = examples(train, each=2)
    titles = [title.replace("\n", "-") for title in found["titles"]]
    first = [int(np.flatnonzero(train.classes == k)[0]) for k in range(10) if (train.classes == k).any()]
    assert titles[: len(first)] == [train.names[train.classes[item]] for item in first]
    assert np.array_equal(found["images"][: len(first)], train.images[first])
    assert max(titles.count(name) for name in train.names) == 2


def half(hand_split, classes, **fields):
    """Items with the object in the left half and the part in the upper left sixteenth."""
    crops = hand_split(classes, has_mask=np.array([True] * len(classes)), **fields)
    crops.masks[:, :, :48] = True
    crops.parts[:] = (0, 0, 16, 16)
    return crops


def test_levels_by_hand(hand_split):
    found = levels(half(hand_split, [0, 1]), half(hand_split, [0, 1, 1]))
    assert set(found) == {"object_mass", "object_pointing", "part_mass", "part_pointing"}
    assert found["object_mass"]["chance"] == found["object_pointing"]["chance"] == pytest.approx(0.5)
    assert found["object_mass"]["prior"] == pytest.approx(1)  # every mask is the mean mask
    assert found["object_pointing"] == {"chance": pytest.approx(0.5), "prior": 1, "ceiling": 1}
    # One of two cells in a row: 7/8 of its heat on its own half, as all rows are alike
    assert found["object_mass"]["ceiling"] == pytest.approx(7 / 8)
    assert found["part_mass"]["chance"] == found["part_pointing"]["chance"] == pytest.approx(1 / 16)
    # The cell is 1 on the first 24 of 48 pixels that its heat sums to, in rows and in columns
    assert found["part_mass"]["ceiling"] == pytest.approx(1 / 4)
    assert found["part_pointing"]["prior"] == 1
    assert found["part_pointing"]["ceiling"] == 1


def test_a_prior_is_that_of_the_class_in_training(hand_split):
    train, test = half(hand_split, [0, 1]), half(hand_split, [0, 1])
    train.masks[1] = ~train.masks[0]  # the other class lay on the right
    train.parts[1] = (48, 48, 64, 64)
    found = levels(train, test)
    assert found["object_mass"]["prior"] == pytest.approx(0.5)
    assert found["object_pointing"]["prior"] == pytest.approx(0.5)
    assert found["part_pointing"]["prior"] == pytest.approx(0.5)


def test_a_class_without_training_items_takes_the_mean_of_all(hand_split):
    found = levels(half(hand_split, [0, 0]), half(hand_split, [1, 1]))
    assert found["object_mass"]["prior"] == pytest.approx(1)
    assert found["part_pointing"]["prior"] == 1  # all parts lie alike
    assert found["part_mass"]["prior"] == pytest.approx(1)


def test_what_the_data_lack_has_no_level(hand_split):
    bare = hand_split([0, 1])
    assert levels(bare, bare) == {}


def test_levels_of_scenes_by_hand(hand_split):
    boxes = [np.float32([[0, 0, 64, 64]]), np.float32([[0, 0, 64, 64], [64, 0, 128, 128]])]
    scenes = np.zeros((2, 128, 128, 3), np.uint8)
    test = hand_split(
        [0, 0, 1],
        image=np.array([0, 1, 1]),
        scenes=scenes,
        scene_boxes=boxes,
        scene_classes=[np.array([0]), np.array([0, 1])],
    )
    found = levels(hand_split([0, 1]), test)
    area = pytest.approx((1 / 4 + 1 / 2) / 2)
    assert found["scene_pointing"] == {"chance": area, "prior": 1, "ceiling": 1}
    assert found["scene_mass"]["chance"] == area
    # Class 0: the other picture's box, the same; class 1: no other picture, so its area
    assert found["scene_mass"]["prior"] == pytest.approx((1 + 1 / 2) / 2)


def test_no_mass_of_chance_beats_the_ceiling(splits):
    found = levels(*splits)
    of_scenes = {"scene_mass", "scene_pointing"}
    assert set(found) == {"object_mass", "object_pointing", "part_mass", "part_pointing"} | of_scenes
    for name in ("object_mass", "part_mass"):
        assert 0 < found[name]["chance"] < found[name]["ceiling"] <= 1
    assert found["object_mass"]["chance"] < found["object_mass"]["prior"]
    # The part takes 6 to 10 % of its box
    assert 0.05 < found["part_mass"]["chance"] < 0.12
    assert all(0 <= value <= 1 for level in found.values() for value in level.values())


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "resnet50", "test_resnet"])
def test_backbones_with_a_cell_for_32_pixels_pass(backbone):
    before = torch.random.get_rng_state()
    check_backbone(backbone, "random")
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (
            torch.nn.AvgPool2d(16),
            "found 'net', whose map of 64 x 64 pixels has 4 x 4 cells, expected one with 2 x 2",
        ),
        (torch.nn.Conv2d(4, 1, 1), "net takes no pictures of 64 x 64 "),
    ],
)
def test_other_strides_and_networks_of_a_fixed_size_are_refused(features, told, monkeypatch):
    model = torch.nn.Module()
    model.features = features
    monkeypatch.setattr(cam_entropy_data, "pooled_classifier", lambda *_, **__: model)
    with pytest.raises(UserError, match=f"^parameter backbone: {told}") as caught:
        check_backbone("net", "random")
    assert "\n" not in str(caught.value)


def test_weights_out_of_reach_are_told(monkeypatch):
    def unreachable(*_, **__):
        raise FileNotFoundError("no network")

    monkeypatch.setattr("timm.create_model", unreachable)
    with pytest.raises(UserError, match="the weights of resnet50 are neither in timm's local cache nor"):
        check_backbone("resnet50", "timm")
