import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.datasets import fingerprint as module
from papers_lib.datasets.fingerprint import tree_fingerprint
from papers_lib.errors import UserError


def tree(root: Path, **changes: bytes) -> Path:
    files = {"a.csv": b"id\n1\n", "images/1.png": b"pixels", "images/2.png": b"more pixels"} | changes
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.mark.parametrize(
    "change",
    [
        {"a.csv": b"id\n2\n"},
        {"images/1.png": b"pixel"},
        {"images/3.png": b""},
        {"notes.TXT": b"x"},
        {"images/1.png": b"more pixels", "images/2.png": b"pixels"},
    ],
)
def test_a_changed_file_changes_it(tmp_path: Path, change: dict[str, bytes]) -> None:
    assert tree_fingerprint(tree(tmp_path / "a", **change)) != tree_fingerprint(tree(tmp_path / "b"))


def test_place_times_and_hidden_files_do_not(tmp_path: Path) -> None:
    first, second = tree(tmp_path / "a"), tree(tmp_path / "b", **{".hidden": b"x", ".cache/a.csv": b"y"})
    os.utime(second / "a.csv", (1, 1))
    assert tree_fingerprint(first) == tree_fingerprint(second)
    assert len(tree_fingerprint(first)) == 64


def test_names_are_told_from_contents(tmp_path: Path) -> None:
    first = tree(tmp_path / "a", **{"x/y.txt": b""})
    second = tree(tmp_path / "b", **{"x.txt": b"", "y.txt": b""})
    assert tree_fingerprint(first) != tree_fingerprint(second)


def test_documented_limits(tmp_path: Path, monkeypatch) -> None:
    first, second = tree(tmp_path / "a"), tree(tmp_path / "b", **{"images/1.png": b"PIXELS"})
    assert tree_fingerprint(first) == tree_fingerprint(second)  # an image of the same size
    third = tree(tmp_path / "c", **{"a.csv": b"id\n2\n"})
    monkeypatch.setattr(module, "LARGEST_TEXT", 4)
    assert tree_fingerprint(first) == tree_fingerprint(third)  # a text too large to be read


def test_a_renamed_file_changes_it(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = tree_fingerprint(root)
    (root / "images/1.png").rename(root / "images/4.png")
    assert tree_fingerprint(root) != before


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    whole = tree(tmp_path / "a")
    linked = tmp_path / "b"
    linked.mkdir()
    (linked / "a.csv").symlink_to(whole / "a.csv")
    (linked / "images").symlink_to(whole / "images")
    before = tree_fingerprint(whole)
    assert tree_fingerprint(linked) == before
    (whole / "images" / "up").symlink_to(whole)
    assert tree_fingerprint(whole) == before


@given(name=st.binary(min_size=1, max_size=12).filter(lambda b: not set(b) & set(b"./\0")))
def test_any_file_name_is_taken(tmp_path_factory, name: bytes) -> None:
    root = tmp_path_factory.mktemp("names")
    (root / os.fsdecode(name)).write_bytes(b"x")
    assert tree_fingerprint(root) == tree_fingerprint(root)


def test_an_empty_or_missing_folder_or_a_dead_link_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found no file, expected a data set"):
        tree_fingerprint(tmp_path)
    with pytest.raises(UserError, match="nowhere: no such folder"):
        tree_fingerprint(tmp_path / "nowhere")
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"a\.csv: cannot be read"):
        tree_fingerprint(tmp_path)
