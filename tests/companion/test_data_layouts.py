"""The five layouts are told apart; what is none is answered with what was looked for, without a walk."""

import os
import time

import pytest

from papers_lib.companion.data_layouts import LAYOUTS, find_layout
from papers_lib.datasets import chexpert, nih_files, vindr_boxes
from papers_lib.errors import UserError
from tests.fuzz import no_hang

TREES = {
    "cardiac": {"slices.csv": "id"},
    "nih": {"Data_Entry_2017_v2020.csv": ""},
    "voc": {"VOCdevkit/VOC2012/x": ""},
    "vindr": {"train.csv": "image_id,class_name\n", "train/a.png": ""},
    "chexpert": {"CheXpert-v1.0-small/train.csv": "\ufeffPath,Sex\n"},
}


def tree(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("key", TREES)
def test_layouts_are_told_apart(tmp_path, key):
    assert find_layout(tree(tmp_path, TREES[key])) is LAYOUTS[key]


def test_the_names_are_those_of_the_adapters():
    told_by = {key: one.told_by for key, one in LAYOUTS.items()}
    assert told_by["nih"] == nih_files.TABLES
    assert told_by["vindr"].startswith(f"{vindr_boxes.TABLE} ")
    assert told_by["chexpert"].startswith(f"{chexpert.TRAIN} ")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "found nothing, no data set; looked for slices.csv (cardiac slices); "),
        (dict.fromkeys("abcdefg", ""), "found 'a', 'b', 'c', 'd', 'e' and 2 more, no data set"),
        ({"train.csv": "name,label\n"}, "found 'train.csv', no data set"),
        ({"train.csv": '"'}, "found 'train.csv', no data set"),
        ({"Annotations/a.xml": "", "JPEGImages/a.jpg": ""}, "(give the folder above this one)"),
        ({"a\nb": ""}, r"found 'a\nb', no data set"),
    ],
)
def test_another_folder_is_one_line(tmp_path, files, said):
    with pytest.raises(UserError) as caught:
        find_layout(tree(tmp_path, files))
    assert said in str(caught.value)
    assert all(one.name in str(caught.value) for one in LAYOUTS.values())
    assert len(str(caught.value).splitlines()) == 1


def test_no_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"gone: cannot be read \(No such file"):
        find_layout(tmp_path / "gone")


@no_hang
def test_a_large_wrong_folder_is_not_walked_through(tmp_path, monkeypatch):
    folder = tmp_path
    for depth in range(40):
        folder = folder / f"d{depth}"
    folder.mkdir(parents=True)
    (tmp_path / "train.csv").write_bytes(b"x," * 20_000_000)  # one line of 40 MB
    visited = []
    monkeypatch.setattr(os, "listdir", lambda path, real=os.listdir: visited.append(path) or real(path))
    begin = time.process_time()
    with pytest.raises(UserError, match="no data set"):
        find_layout(tmp_path)
    assert len(visited) <= 3
    assert time.process_time() - begin < 1


@no_hang
def test_a_pipe_in_the_place_of_a_table_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train.csv")
    with pytest.raises(UserError, match=r"found 'train\.csv', no data set"):
        find_layout(tmp_path)
