"""Pictures are opened one by one, so that all the bad ones are named; a sample is spread over the list."""

import numpy as np
import pytest

from data_gen import cardiac_mri
from papers_lib.companion import data_check
from papers_lib.companion.data_check import check_set, report
from tests.datasets import nih_tree


@pytest.fixture
def root(tmp_path):
    rows = [(f"{k:08d}_000.png", "Mass", k) for k in range(1, 41)]
    return nih_tree.write_release(
        tmp_path / "nih", rows, boxes=[("00000001_000.png", "Mass", 1, 2, 3, 4)], test=10
    )


def checked(root, images=None):
    lines = []
    return check_set(root, "nih", images, lines.append), lines


def test_every_bad_picture_is_named_with_its_row(root):
    found, lines = checked(root)
    assert found.problems == []
    assert found.counts["pictures"] == "40 of 40 opened"
    assert lines == ["reading the annotations of NIH ChestX-ray14"]
    whole = (root / "images" / "00000007_000.png").read_bytes()
    (root / "images" / "00000007_000.png").write_bytes(whole[:-40])
    (root / "images" / "00000030_000.png").write_bytes(b"")
    np.save(root / "images" / "x.npy", 0)  # no row names it
    found, _ = checked(root)
    assert found.counts["pictures"] == "38 of 40 opened"
    seventh, thirtieth = found.problems
    assert f"{root / 'images' / '00000007_000.png'}: cannot be decoded" in seventh
    assert seventh.endswith("(listed in " + f"{root / 'Data_Entry_2017.csv'} line 8)")
    assert "00000030_000.png" in thirtieth


def test_a_sample_is_spread_over_the_list(root, monkeypatch):
    opened = []
    monkeypatch.setattr(data_check, "_fault", lambda reader, picture: opened.append(picture[0].name) or "")
    found, _ = checked(root, 4)
    assert sorted(opened) == [f"{k:08d}_000.png" for k in (1, 11, 21, 31)]
    assert found.counts["pictures"] == "4 of 4 opened, of 40"


def test_what_a_decoder_raises_is_one_line(root, monkeypatch):
    def failing(picture, side, channels):
        raise ValueError("two\nlines")

    monkeypatch.setattr(data_check, "square", failing)
    found, _ = checked(root, 1)
    (line,) = found.problems
    assert line.startswith(f"{root / 'images' / '00000001_000.png'}: cannot be decoded (ValueError)")


def test_progress_comes_by_time(root, monkeypatch):
    monkeypatch.setattr(data_check, "EVERY", 0.0)
    monkeypatch.setattr(data_check, "CHUNK", 16)
    assert checked(root)[1][1:] == [f"opened {k} of 40 pictures" for k in (16, 32, 40)]


def test_the_report_cuts_problems_and_names_the_commands(root):
    found, _ = checked(root, 1)
    lines = list(report(root, "nih", found, 2))
    assert lines[-2:] == [
        f"run       papers run {slug} --data-root {root}" for slug in ("pylon", "sibnet_calibration")
    ]
    lines = list(report(root, "nih", found._replace(problems=["a", "b", "c"]), 2))
    start = lines.index("problems  3")
    assert lines[start + 1 : start + 4] == ["  a", "  b", "  … and 1 more (--problems 3 shows all)"]
    assert lines[-1].endswith("(when the problems are mended)")


def test_a_picture_that_the_adapter_named_is_not_named_again(tmp_path):
    root = cardiac_mri.write(tmp_path / "set", cardiac_mri.CardiacSpec(1, 2, 1, 1))
    first, second = sorted((root / "images").glob("train*.png"))
    first.write_bytes(b"")
    second.write_bytes(b"")
    found = check_set(root, "cardiac", None, print)
    assert found.counts["pictures"] == "6 of 8 opened"
    assert [line.split(": ")[0].split(" (")[0] for line in found.problems] == [str(first), str(second)]
    assert found.problems[1].endswith("line 3)")
