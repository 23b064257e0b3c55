"""Crops and whole images of a VOC split, on pictures whose colours say what was cropped."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from papers_lib.datasets.voc import VocRecord, VocSplit
from papers_lib.datasets.voc_annotations import SkipReport
from papers_lib.datasets.voc_crops import VocCrops
from papers_lib.errors import UserError

SIZE = (40, 30)
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
QUADRANTS = [(0, 0, 20, 15), (20, 0, 40, 15), (0, 15, 20, 30), (20, 15, 40, 30)]


def split_of(folder, images):
    """A split of pictures with four coloured quadrants; ``images`` lists (class, box) for each picture."""
    classes = tuple(sorted({name for objects in images for name, _ in objects}))
    picture = np.array(list(COLOURS.values()), np.uint8).reshape(2, 2, 3).repeat(15, 0).repeat(20, 1)
    records = []
    for i, objects in enumerate(images):
        path = folder / f"{i}.png"  # lossless, so that colours can be compared
        Image.fromarray(picture).save(path)
        names = tuple(name for name, _ in objects)
        boxes = np.array([box for _, box in objects], np.float32)
        flags = np.zeros(len(objects), bool)
        indices = np.array([classes.index(name) for name in names])
        records.append(VocRecord(str(i), path, SIZE, boxes, names, indices, flags, flags))
    return VocSplit("train", classes, tuple(records), SkipReport())


@pytest.fixture
def quadrants(tmp_path):
    """Six pictures with a box on each quadrant, named by its colour."""
    return split_of(tmp_path, [list(zip(COLOURS, QUADRANTS, strict=True))] * 6)


def test_a_crop_shows_its_box_and_nothing_else(quadrants):
    data = VocCrops(quadrants, side=8, seed=3)
    seen = set()
    for epoch in range(5):
        data.set_epoch(epoch)
        for item in (data[i] for i in range(len(data))):
            name = quadrants.classes[item.target]
            seen.add(name)
            assert (item.image.dtype, item.image.shape) == (torch.uint8, (3, 8, 8))
            assert (item.image == torch.tensor(COLOURS[name], dtype=torch.uint8)[:, None, None]).all()
            assert item.boxes.tolist() == [[0, 0, 8, 8]]
            assert item.box_classes.tolist() == [item.target]
    assert len(seen) == 4


def test_a_fraction_of_a_pixel_is_cropped_outward(tmp_path):
    item = VocCrops(split_of(tmp_path, [[("cat", (4.5, 2, 8.5, 6))]]), side=20, seed=0)[0]
    # 4.5 to 8.5 lies in the pixels 4, 5 … 8, five of them: (4.5 - 4) * 20/5 = 2, (8.5 - 4) * 20/5 = 18
    assert item.boxes.tolist() == [[2, 0, 18, 20]]


def test_whole_image_gives_multi_hot_and_boxes_in_the_resized_frame(tmp_path):
    two = [("cat", (0, 0, 20, 15)), ("cat", (20, 15, 40, 30))]
    split = split_of(tmp_path, [two, [("dog", (10, 3, 20, 30))]])
    data = VocCrops(split, side=10, seed=0, whole=True)
    batch = VocCrops.collate([data[0], data[1]])
    assert batch.image.shape == (2, 3, 10, 10)
    assert batch.target.tolist() == [[1, 0], [0, 1]]
    assert batch.boxes[0].tolist() == [[0, 0, 5, 5], [5, 5, 10, 10]]
    assert batch.boxes[1].tolist() == [[2.5, 1, 5, 10]]
    assert [c.tolist() for c in batch.box_classes] == [[0, 0], [1]]
    with pytest.raises(IndexError):
        data[2]


def test_the_choice_depends_on_seed_epoch_and_index_alone(quadrants):
    def epochs(seed, **loader):
        data = VocCrops(quadrants, side=4, seed=seed)
        batches = DataLoader(data, batch_size=2, collate_fn=VocCrops.collate, **loader)
        out = []
        for epoch in range(3):
            data.set_epoch(epoch)
            out.append(torch.cat([batch.target for batch in batches]).tolist())
        return out

    alone = epochs(7)
    assert len({tuple(epoch) for epoch in alone}) == 3
    assert epochs(7, num_workers=2, persistent_workers=True) == alone
    assert epochs(8) != alone
    data = VocCrops(quadrants, side=4, seed=7)
    counts = np.zeros(4)
    for epoch in range(400):
        data.set_epoch(epoch)
        counts[data.chosen(0)] += 1
    assert (
        abs(counts - 100) < 4 * np.sqrt(400 * 0.25 * 0.75)
    ).all()  # uniform, within four standard deviations


def test_wrong_settings_and_a_picture_that_changed(quadrants):
    for settings_ in ({"side": 0, "seed": 0}, {"side": 4, "seed": -1}):
        with pytest.raises(UserError, match="side, seed: found"):
            VocCrops(quadrants, **settings_)
    data = VocCrops(quadrants, side=4, seed=0)
    with pytest.raises(UserError, match="epoch: found -1"):
        data.set_epoch(-1)
    Image.new("RGB", (5, 5)).save(quadrants.records[0].image)
    with pytest.raises(UserError, match=r"found size \(5, 5\), expected \(40, 30\)"):
        data[0]
