"""The store: pixels, labels as written and what is known of them, row for row, whole or not at all."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_gen.chest_chexpert import ChexpertSpec, draw, write
from data_gen.store import _sources, ensure, fingerprint
from papers_lib.datasets import chexpert_store
from papers_lib.datasets.chexpert_store import ChexpertStore, open_store, read_truth, write_store
from papers_lib.datasets.image_pixels import read_image, square
from papers_lib.errors import UserError
from tests.datasets.chexpert_tree import name, row, write_release

SPEC = ChexpertStore("set", 8)
TRUTH_HEADER = "Path,P(Atelectasis),P(Cardiomegaly),P(Consolidation),P(Edema),P(Pleural Effusion)"


@pytest.fixture
def root(tmp_path):
    return write_release(tmp_path / "chexpert")


def test_a_generated_set_through_the_store(tmp_path) -> None:
    drawn = ChexpertSpec(train=6, valid=5, seed=2, side=64)
    root = write(tmp_path / "set", drawn)
    spec = ChexpertStore("set", 16, {"uncertain": "ones", "calibration": "train"})
    folder = ensure(tmp_path / "data", "chexpert", spec, partial(write_store, root=root))
    found = open_store(folder)
    entries = [draw(drawn, "train", k)[1] for k in range(6)] + [draw(drawn, "valid", k)[1] for k in range(5)]
    assert found.images.names == tuple(one.path for one in entries)
    assert found.truth.tolist() == [list(one.probability) for one in entries]
    assert np.array_equal(found.raw_labels, [one.written for one in entries], equal_nan=True)
    assert (found.images.labels == (np.abs(found.raw_labels) == 1)).all()
    assert set(found.images.split[:6]) == {"train", "val"}
    for row_, path in enumerate(found.images.paths):
        assert (found.pixels[row_] == square(read_image(path), 16, 1)).all()
    assert ensure(tmp_path / "data", "chexpert", spec, partial(write_store, root="gone", jobs=2)) == folder


def test_real_data_has_no_truth(root, tmp_path) -> None:
    found = open_store(write_store(tmp_path / "store", SPEC, root=tmp_path / "chexpert"))
    assert found.truth.shape == (9, 5)
    assert np.isnan(found.truth).all()
    assert found.pixels.shape == (9, 8, 8)
    assert found.raw_labels[1].tolist() == [-1] * 5


def test_truth_by_name_in_any_order(root) -> None:
    lines = [f"{name('train', 2)},0,0.25,0.5,0.75,1", f"{name('valid', 99999)},0,0,0,0,0"]
    (root / "truth.csv").write_text("\n".join([TRUTH_HEADER, *lines]) + "\n")
    found = read_truth(root, (name("train", 1), name("train", 2)))
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == [0, 0.25, 0.5, 0.75, 1]
    for line, message in {
        f"{name('train', 2)},0,0,0,0,0": "Path: found 'CheXpert",
        f"{name('train', 1)},0,0,1.5,0,0": r"P\(Consolidation\): found '1.5', expected a number from 0 to 1",
        f"{name('train', 1)},0,0,0,0,nan": r"P\(Pleural Effusion\): found 'nan'",
        f"{name('train', 1)},0,,0,0,0": r"P\(Cardiomegaly\): found ''",
    }.items():
        (root / "truth.csv").write_text("\n".join([TRUTH_HEADER, lines[0], line]) + "\n")
        with pytest.raises(UserError, match=f"truth.csv line 3: {message}"):
            read_truth(root, ())


def test_nothing_half_written_stays_and_nothing_is_written_over(root, tmp_path, monkeypatch) -> None:
    broken = root / "valid" / "patient64543" / "study1" / "view1_frontal.jpg"
    kept = broken.read_bytes()
    broken.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"view1_frontal.jpg: cannot be decoded .*valid.csv line 4"):
        write_store(tmp_path / "store", SPEC, root=root)
    broken.write_bytes(kept)

    save = np.save

    def full(path: Path, array: np.ndarray, **options: bool) -> None:
        if path.name == "truth.npy":  # by then the pictures are written
            raise OSError(28, "No space left on device")
        save(path, array, **options)

    with monkeypatch.context() as patched:
        patched.setattr(chexpert_store.np, "save", full)
        with pytest.raises(UserError, match="cannot be written"):
            write_store(tmp_path / "store", SPEC, root=root)
    assert [path.name for path in tmp_path.iterdir()] == ["chexpert"]
    write_store(tmp_path / "store", SPEC, root=root)
    with pytest.raises(UserError, match="store: is there already, expected a new or an empty folder"):
        write_store(tmp_path / "store", SPEC, root=root)


@pytest.mark.parametrize("file", ["truth.npy", "raw_labels.npy"])
def test_a_damaged_store_is_one_line(root, tmp_path, file: str) -> None:
    folder = write_store(tmp_path / "store", SPEC, root=root)
    for array in (np.zeros((8, 5)), np.zeros((9, 5), np.float32)):
        np.save(folder / file, array)
        with pytest.raises(UserError, match=rf"{file}: found \({len(array)}, 5\).*expected float64 \(9, 5\)"):
            open_store(folder)
    (folder / file).write_bytes(b"x")
    with pytest.raises(UserError, match=f"{file}: not readable as an array"):
        open_store(folder)
    (folder / file).unlink()
    with pytest.raises(UserError, match=f"{file}: not readable as an array"):
        open_store(folder)


def test_the_name_in_the_store_depends_on_the_spec_and_the_code_not_on_root_or_jobs() -> None:
    same = {fingerprint(SPEC, partial(write_store, root=root, jobs=jobs)) for root in "ab" for jobs in (1, 2)}
    others = [ChexpertStore("other", 8), ChexpertStore("set", 9), ChexpertStore("set", 8, {"seed": 1})]
    assert len(same | {fingerprint(other, write_store) for other in others}) == 4
    code = {path.name for path in _sources(Path(chexpert_store.__file__))}
    assert {"chexpert.py", "chexpert_table.py", "splits.py", "image_pixels.py", "image_store.py"} <= code


def test_a_bad_spec_is_named() -> None:
    with pytest.raises(UserError, match="side: found 0, expected a whole number of at least 1"):
        ChexpertStore("set", 0)
    with pytest.raises(
        UserError, match=r"options: found 'split', expected one of uncertain, views, calibration"
    ):
        ChexpertStore("set", 8, {"split": "patients"})


def test_pictures_of_any_size_are_squared(tmp_path) -> None:
    """The release's are 320 by about 390 pixels, and the aspect ratio is not kept."""
    root = write_release(tmp_path / "chexpert", train=(row(name("train", 1)),))
    Image.new("L", (390, 320), 77).save(root / "train" / "patient00001" / "study1" / "view1_frontal.jpg")
    assert (open_store(write_store(tmp_path / "store", SPEC, root=root)).pixels[0] == 77).all()
