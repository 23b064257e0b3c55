"""Lines of progress."""

from pathlib import Path

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep import say
from papers_lib.sweep.progress import progress_line


def test_lines_are_appended_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("PAPERS_PROGRESS", str(tmp_path / "progress"))
    say("one")
    say("two\rthree\nfour")
    assert (tmp_path / "progress").read_bytes() == b"one\ntwo three four\n"
    assert capsys.readouterr().out == ""


def test_without_the_file_they_are_printed(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.delenv("PAPERS_PROGRESS", raising=False)
    say("one\r\ntwo")
    assert capsys.readouterr().out == "one two\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_PROGRESS", str(tmp_path / "no" / "progress"))
    with pytest.raises(UserError, match=r"PAPERS_PROGRESS=.*no/progress: cannot be written"):
        say("one")


@pytest.mark.parametrize(
    ("outcome", "done", "seconds", "left", "line"),
    [
        ("ok", 12, 4.0, 0.0, "[12/12] toy: ok in 4.0 s"),
        ("ok", 1, None, None, "[ 1/12] toy: ok"),
        ("failed (a\nb)", 1, 4.0, 30.0, "[ 1/12] toy: failed (a b) in 4.0 s, about 30 s left"),
    ],
)
def test_one_line_a_run(
    outcome: str, done: int, seconds: float | None, left: float | None, line: str
) -> None:
    assert progress_line(done, 12, "toy", outcome, seconds, left) == line
