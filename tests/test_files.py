"""Files are written whole or not at all, and what went wrong is said about the right file."""

import errno
import os
from pathlib import Path

import pytest

from papers_lib import files
from papers_lib.errors import UserError


def test_an_exception_leaves_the_old_content_and_no_temporary(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")

    def half() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            assert path.read_text() == "old"  # readers see nothing of it
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_one_line_about_the_target(
    number: int, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")

    def full(self: Path, data: bytes) -> int:
        raise OSError(number, os.strerror(number), *([str(self)] if named else []))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError) as caught:
        files.write_text(path, "new")
    assert str(caught.value) == f"{path}: cannot be written ({os.strerror(number)})"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_target_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file/a: cannot be written"):
        files.write_text(tmp_path / "file" / "a", "a")
    with (
        pytest.raises(UserError, match="file/b: cannot be written"),
        files.replacing_folder(tmp_path / "file/b"),
    ):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder: cannot be written"):
        files.write_text(tmp_path / "folder", "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("context", [files.replacing, files.replacing_folder])
@pytest.mark.parametrize("there", [True, False])
def test_trouble_with_another_file_is_not_said_of_the_target(context, there: bool, tmp_path: Path) -> None:
    source = tmp_path / "source"
    if there:
        source.mkdir()  # reading it fails
    with pytest.raises(OSError, match="source"), context(tmp_path / "target"):
        source.read_text()
    assert list(tmp_path.iterdir()) == ([source] if there else [])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_nan(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"a": value})
    assert list(tmp_path.iterdir()) == []


def test_of_two_who_make_a_folder_at_once_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "set"
    with files.replacing_folder(path) as second:
        (second / "a").write_text("second")
        with files.replacing_folder(path) as first:
            (first / "a").write_text("first")
    assert (path / "a").read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
