import math

import pytest

from benchmarks.cam_entropy_steps import LABELS
from benchmarks.interleaved import ratio_rows
from cam_entropy.costs import NAIVE, NAMES, read
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text


def rows(**ratios):
    return {"rows": [{"key": key, "ratio to CE": ratio} for key, ratio in ratios.items()]}


def test_ratios_by_hand(tmp_path):
    naive = {"ce_autograd": 1.25, "ce_image": 2.5, "ce_second_pass": 1.75}
    path = write_json(
        tmp_path / "t.json", rows(plain=1.0, ce=1.25, ca=1.5, cd=1.0, ca_eigenvalues=9.0, **naive)
    )
    assert read(path) == {
        "step_ratio_ce": 1.25,
        "step_ratio_ca": 1.5,
        "step_ratio_cd": 1.0,
        "costlier_measure_ratio": 1.2,
        "step_ratio_naive": 2.5,
    }


@pytest.mark.parametrize("slowest", NAIVE)
def test_any_naive_way_can_be_the_slowest(tmp_path, slowest):
    ratios = dict.fromkeys(("ce", "ca", "cd", *NAIVE), 1.5) | {slowest: 3}
    assert read(write_json(tmp_path / "t.json", rows(**ratios)))["step_ratio_naive"] == 3.0


@pytest.mark.parametrize("missing", NAIVE)
def test_the_largest_of_fewer_ways_would_mislead(tmp_path, missing):
    path = write_json(
        tmp_path / "t.json", rows(**{key: 2.0 for key in ("ce", "ca", "cd", *NAIVE) if key != missing})
    )
    with pytest.raises(UserError, match=f"row {missing}: found ratio to CE None"):
        read(path)


def test_the_benchmarks_table_can_be_read(tmp_path):
    times = {name: [2.0, 2.0] for name in LABELS} | {"cd": [3.0, 3.0], "ce_second_pass": [4.0, 4.0]}
    table = ratio_rows(times, "plain", "ResNet-50", LABELS)
    whole = {"step": "the full profile", "minutes": 26.0}  # a row without a key
    path = write_json(tmp_path / "t.json", {"note": "Alone.", "rows": [*table, whole]})
    assert list(read(path).values()) == [1.0, 1.0, 1.5, 1.5, 2.0]


def test_not_measured_is_nan(tmp_path):
    found = read(tmp_path / "none.json")
    assert tuple(found) == NAMES
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"t\.json: not a table of timings \(JSONDecodeError"),
        ("[]", r"t\.json: not a table of timings \(TypeError"),
        ("{}", r"t\.json: not a table of timings \(KeyError: 'rows'"),
        ('{"rows": [3]}', r"t\.json: not a table of timings \(TypeError"),
        ('{"rows": [{"key": "ce"}]}', r"t\.json: not a table of timings \(KeyError: 'ratio to CE'"),
        ('{"rows": []}', r"t\.json: row ce: found ratio to CE None, expected a positive number"),
        ('{"rows": [{"key": "ce", "ratio to CE": 0}]}', r"t\.json: row ce: found ratio to CE 0, expected"),
        ('{"rows": [{"key": "ce", "ratio to CE": true}]}', r"t\.json: row ce: found ratio to CE True"),
        ('{"rows": [{"key": "ce", "ratio to CE": NaN}]}', r"t\.json: row ce: found ratio to CE nan"),
    ],
)
def test_what_is_no_table_of_timings(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read(write_text(tmp_path / "t.json", text))
    assert "\n" not in str(caught.value)
