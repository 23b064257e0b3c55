"""The store of resized pictures: what goes in comes out, whole or not at all, with constant memory."""

import errno
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets import image_store, row_file
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.image_store import ARRAYS, StoreSpec, load_images, write_images
from papers_lib.datasets.row_file import RowFile
from papers_lib.errors import UserError

SPEC = StoreSpec("set", side=8)


def noise(seed, size=(24, 16)):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


@pytest.fixture
def images(tmp_path):
    """Five pictures of 16 x 24 pixels; the first has two boxes, the last one."""
    (tmp_path / "originals").mkdir()
    paths = tuple(tmp_path / "originals" / f"{name}.png" for name in "abcdé")
    for seed, path in enumerate(paths):
        Image.fromarray(noise(seed)).save(path)
    boxes = [np.zeros((0, 4), np.float32) for _ in paths]
    boxes[0] = np.array([[0, 0.25, 0.5, 1], [0.1, 0.2, 0.3, 0.4]], np.float32)
    boxes[4] = np.array([[0, 0, 1, 1]], np.float32)
    kinds = [np.arange(len(box)) for box in boxes]
    return BoxedImages(
        classes=("mass", "nodule"),
        names=tuple(path.name for path in paths),
        paths=paths,
        where=tuple(f"t.csv line {line}" for line in range(2, 7)),
        labels=np.array([[1, 1], [0, 0], [0, 1], [1, 0], [1, 0]], bool),
        boxes=tuple(boxes),
        box_classes=tuple(kinds),
        patients=np.array(["1", "1", "20", "3", "4"]),
        split=np.array(["train", "val", "test", "", "train"]),
    )


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("channels", [1, 3])
def test_everything_comes_back_without_the_originals(images, tmp_path, channels):
    folder = write_images(tmp_path / "store", StoreSpec("set", 8, channels), images=images)
    for path in images.paths:
        path.unlink()
    found, pixels = load_images(folder)
    for name in ("classes", "names", "paths", "where"):
        assert getattr(found, name) == getattr(images, name)
    for name in ("labels", "patients", "split"):
        assert (getattr(found, name) == getattr(images, name)).all()
    for name in ("boxes", "box_classes"):
        pairs = list(zip(getattr(found, name), getattr(images, name), strict=True))
        assert all(a.dtype == b.dtype and a.shape == b.shape and (a == b).all() for a, b in pairs)
    assert isinstance(pixels, np.memmap)
    assert not pixels.flags.writeable
    assert (pixels.dtype, pixels.shape) == (np.uint8, (5, 8, 8) if channels == 1 else (5, 8, 8, 3))
    for row in range(5):
        expected = np.asarray(Image.fromarray(noise(row)).resize((8, 8), Image.Resampling.BICUBIC))
        assert ((pixels[row] if channels == 1 else pixels[row].transpose(2, 0, 1)) == expected).all()
    assert found.part("train").of_class(0, (8, 8))[1].tolist() == [[0, 0, 8, 8]]


def test_without_patients_and_without_any_box(images, tmp_path):
    none = tuple(np.zeros((0, 4), np.float32) for _ in range(5))
    bare = replace(images, patients=None, boxes=none, box_classes=(np.zeros(0, np.int64),) * 5)
    found, _ = load_images(write_images(tmp_path / "store", SPEC, images=bare))
    assert found.patients is None
    assert [len(box) for box in found.boxes] == [0] * 5


def test_processes_change_no_byte_and_their_faults_are_one_line(images, tmp_path, monkeypatch):
    monkeypatch.setattr(image_store, "CHUNK", 2)
    stores = [bytes_of(write_images(tmp_path / f"out{n}", SPEC, images=images, jobs=n)) for n in (1, 2)]
    assert set(stores[0]) == {"images.npy", "images.json", *(f"{name}.npy" for name in ARRAYS)}
    assert stores[0] == stores[1]
    images.paths[3].write_bytes(images.paths[3].read_bytes()[:-200])
    for jobs in (1, 2):
        with pytest.raises(
            UserError, match=r"d\.png: cannot be decoded .* \(listed in t\.csv line 5\)$"
        ) as caught:
            write_images(tmp_path / "broken", SPEC, images=images, jobs=jobs)
        assert "\n" not in str(caught.value)
        assert type(caught.value) is UserError
        assert not list(tmp_path.glob("*broken*"))


def test_an_image_that_is_gone_is_named_with_its_row(images, tmp_path):
    images.paths[2].unlink()
    with pytest.raises(UserError, match=r"c\.png: no such file, .* \(listed in t\.csv line 4\)$"):
        write_images(tmp_path / "store", SPEC, images=images)


def black(path):
    return Image.new("L", (3, 3), len(path.stem))


def failing(path):
    raise KeyError(f"no pixel data\nin {path.name}")


def floats(path):
    return Image.new("F", (3, 3))


def test_another_reader_and_what_it_raises(images, tmp_path):
    _, pixels = load_images(write_images(tmp_path / "store", SPEC, images=images, reader=black))
    assert (pixels == 1).all()
    for reader, message in ((failing, r"KeyError: .*no pixel data"), (floats, "ValueError: .*mode F")):
        with pytest.raises(UserError, match=rf"a\.png: cannot be decoded \({message}") as caught:
            write_images(tmp_path / "other", SPEC, images=images, reader=reader)
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith("(listed in t.csv line 2)")


def test_the_pictures_are_never_in_memory_together(images, tmp_path):
    rows = list(range(5)) * 8
    many = images.take(rows)
    write_images(tmp_path / "first", StoreSpec("set", 512), images=images)  # also loads what is imported late
    tracemalloc.start()
    folder = write_images(tmp_path / "store", StoreSpec("set", 512), images=many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert load_images(folder)[1].nbytes > 10e6
    assert peak < 1.5e6  # three pictures of 512 x 512 pixels and small change


def test_a_full_disk_is_told_before_and_leaves_nothing(images, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"GB free, expected 5000\.0 GB for 5 images"):
        write_images(tmp_path / "store", StoreSpec("set", 10**6), images=images)
    for free, fits in ((5 * 3 * 64 - 1, False), (5 * 3 * 64, True)):
        monkeypatch.setattr(row_file.shutil, "disk_usage", lambda _, n=free: SimpleNamespace(free=n))
        if fits:
            write_images(tmp_path / "fits", StoreSpec("set", 8, 3), images=images)
        else:
            with pytest.raises(UserError, match="free, expected"):
                write_images(tmp_path / "store", StoreSpec("set", 8, 3), images=images)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with pytest.raises(UserError, match=r"store: cannot be written \(No space left on device\)"):
        write_images(tmp_path / "store", SPEC, images=images)
    assert not list(tmp_path.glob("*store*"))


def test_wrong_arguments_are_named(images, tmp_path):
    for side in (0, 2.5, True, "8"):
        with pytest.raises(UserError, match=f"side: found {side!r}, expected a whole number"):
            StoreSpec("set", side)
    for channels in (2, True):
        with pytest.raises(UserError, match=f"channels: found {channels}, expected 1 or 3"):
            StoreSpec("set", 8, channels)
    with pytest.raises(UserError, match="jobs: found -1"):
        write_images(tmp_path / "store", SPEC, images=images, jobs=-1)
    with pytest.raises(UserError, match="found no image to write"):
        write_images(tmp_path / "store", SPEC, images=images.take([]))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    with pytest.raises(UserError, match="mine: is there already"):
        write_images(tmp_path / "mine", SPEC, images=images)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "kept"


def test_an_empty_folder_may_be_there(images, tmp_path):
    (tmp_path / "store").mkdir()
    assert len(load_images(write_images(tmp_path / "store", SPEC, images=images))[0]) == 5


def save(folder, name, array):
    np.save(folder / f"{name}.npy", array)


def edit(folder, **changes):
    content = json.loads((folder / "images.json").read_text())
    (folder / "images.json").write_text(json.dumps(content | changes))


def pickled(folder):
    np.save(folder / "labels.npy", np.array([{"a": 1}], object), allow_pickle=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "images.json").unlink(), r"images\.json: not readable as JSON"),
        (lambda f: (f / "images.json").write_text("[1, 2"), r"images\.json: not readable as JSON"),
        (
            lambda f: (f / "images.json").write_text("[1, 2]"),
            r"images\.json: found no lists of classes, names",
        ),
        (lambda f: edit(f, names=None), r"images\.json: found no lists"),
        (lambda f: edit(f, names=[]), r"images\.json: found no lists"),
        (lambda f: edit(f, paths=["a"]), "does not fit together .*paths: found 1 entries, expected 5"),
        (lambda f: edit(f, paths=[1] * 5), "does not fit together"),
        (lambda f: edit(f, split=["dev"] * 5), "does not fit together .*found 'dev'"),
        (lambda f: edit(f, classes=["mass"]), "does not fit together .*labels"),
        (lambda f: (f / "images.npy").write_bytes(b""), r"images\.npy: not readable as an array"),
        (lambda f: (f / "boxes.npy").unlink(), r"boxes\.npy: not readable as an array"),
        (lambda f: (f / "labels.npy").write_bytes(b"PK\x03\x04"), r"labels\.npy: not readable as an array"),
        (lambda f: save(f, "boxes", np.float32(1)), r"boxes\.npy: found no array"),
        (pickled, r"labels\.npy: not readable as an array"),
        (lambda f: save(f, "images", np.zeros((4, 8, 8), np.uint8)), r"images\.npy: found uint8 \(4, 8, 8\)"),
        (lambda f: save(f, "images", np.zeros((5, 8, 8))), r"images\.npy: found float64"),
        (
            lambda f: save(f, "box_counts", np.array([2, 0, 0, 0, 2])),
            "found 3 boxes and 3 classes, expected 4",
        ),
        (lambda f: save(f, "box_counts", np.array([4, -1, 0, 0, 0])), r"box_counts\.npy: found"),
        (lambda f: save(f, "box_classes", np.array([0, 1, 2])), "does not fit together .*box_classes"),
        (lambda f: save(f, "boxes", np.zeros((3, 4), np.float32)), "does not fit together .*boxes of a"),
    ],
)
def test_a_damaged_store_is_one_line(images, tmp_path, damage, message):
    folder = write_images(tmp_path / "store", SPEC, images=images)
    damage(folder)
    with pytest.raises(UserError, match=message) as caught:
        load_images(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(UserError, match=r"images\.json: not readable"):
        load_images(Path(tmp_path) / "none")
