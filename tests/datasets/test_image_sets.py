"""One writer for every kind of set: its options reach the loader, and its name in the store covers the code."""

from functools import partial
from pathlib import Path

import pytest

from data_gen.store import _sources, ensure, fingerprint
from papers_lib.datasets import image_sets
from papers_lib.datasets.image_sets import KINDS, load_set, write_set
from papers_lib.datasets.image_store import StoreSpec, load_images
from papers_lib.errors import UserError
from tests.datasets.nih_tree import write_release
from tests.datasets.voc_tree import Tree, object_xml


def test_a_release_through_the_store(tmp_path):
    root = write_release(tmp_path / "nih")
    spec = StoreSpec("set", 8, options={"val_share": 0.25, "split": "authors"})
    folder = ensure(tmp_path / "data", "images", spec, partial(write_set, root=root))
    found, pixels = load_images(folder)
    assert (sorted(found.split.tolist()), pixels.shape) == (
        ["test", "train", "train", "train", "val"],
        (5, 8, 8),
    )
    assert ensure(tmp_path / "data", "images", spec, partial(write_set, root="gone", jobs=2)) == folder


def test_a_voc_set_through_the_store(tmp_path):
    tree = Tree(tmp_path)
    tree.add("a", [object_xml("cat", (1, 1, 20, 15))])
    tree.add("t", [object_xml("dog", (1, 1, 20, 15))], "val")
    spec = StoreSpec("set", 8, channels=3, kind="voc", options={"val_share": 0})
    found, pixels = load_images(write_set(tmp_path / "out", spec, root=tree.root))
    assert (found.classes, pixels.shape) == (("cat", "dog"), (2, 8, 8, 3))


def test_the_name_in_the_store_depends_on_the_spec_and_the_code_not_on_root_or_jobs():
    spec = StoreSpec("set", 8)
    same = {fingerprint(spec, partial(write_set, root=root, jobs=jobs)) for root in "ab" for jobs in (1, 2)}
    others = [
        StoreSpec("other", 8),
        StoreSpec("set", 9),
        StoreSpec("set", 8, 3),
        StoreSpec("set", 8, kind="voc"),
        StoreSpec("set", 8, options={"seed": 1}),
    ]
    assert len(same | {fingerprint(other, write_set) for other in others}) == 6
    code = {path.name for path in _sources(Path(image_sets.__file__))}
    assert {
        "nih_boxes.py",
        "nih_files.py",
        "splits.py",
        "image_pixels.py",
        "voc_boxed.py",
        "vindr_cxr.py",
    } <= code


def test_kinds_and_options_are_named(tmp_path):
    with pytest.raises(UserError, match="kind: found 'coco', expected one of nih, vindr, voc"):
        load_set(StoreSpec("set", 8, kind="coco"), tmp_path)
    for kind, options in {
        "nih": "split, val_share, seed",
        "vindr": "min_readers",
        "voc": "validation",
    }.items():
        with pytest.raises(UserError, match=rf"options of {kind}: found 'root', expected one of {options}"):
            load_set(StoreSpec("set", 8, kind=kind, options={"root": "x"}), tmp_path)
    assert set(KINDS) == {"nih", "vindr", "voc"}
