import math

import pytest

from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text
from pylon.costs import KEPT, METHODS, NAMES, PARAMETERS, STEPS, read


def rows(**changed):
    """Every row that is read; of each the numbers that are given, else 2, 3 and 4."""
    usual = {"ratio": 2.0, PARAMETERS: 3.0, KEPT: 4.0}
    found = {key: dict(usual) for key in ("cam", *STEPS, "maps_cam", "maps_grad_cam")}
    found |= {
        key: usual | {"passes": 50, "passes to the end": 200} for key in ("masked_plain", "masked_lockstep")
    }
    for key, numbers in changed.items():
        found[key] |= numbers
    return {"rows": [{"key": key, **numbers} for key, numbers in found.items()]}


def test_numbers_by_hand(tmp_path):
    path = write_json(
        tmp_path / "t.json",
        rows(
            cam={"ratio": 1.0, KEPT: 8.0},
            pylon={"ratio": 1.25, PARAMETERS: 0.5, KEPT: 10.0},
            pylon_frozen={"ratio": 0.5},
            pylon_stored={"ratio": 0.125},
            maps_grad_cam={"ratio": 1.5},
            masked_lockstep={"ratio": 0.625},
        ),
    )
    found = read(path)
    assert tuple(found) == NAMES
    assert found["step_ratio_pylon"] == 1.25
    assert found["step_ratio_fpn"] == 2.0
    assert (found["decoder_millions_pylon"], found["decoder_millions_cam"]) == (0.5, 3.0)
    assert (found["kept_ratio_pylon"], found["kept_ratio_unet"]) == (1.25, 0.5)
    assert found["stored_features_speedup"] == 4.0
    assert found["grad_cam_ratio"] == 1.5
    assert found["masked_out_speedup"] == 1.6
    assert found["masked_out_passes_share"] == 0.25


def test_not_measured_is_nan(tmp_path):
    found = read(tmp_path / "none.json")
    assert tuple(found) == NAMES
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize("missing", [*METHODS, "pylon_stored", "maps_grad_cam", "masked_plain"])
def test_a_row_that_is_missing_is_named(tmp_path, missing):
    content = rows()
    content["rows"] = [row for row in content["rows"] if row["key"] != missing]
    with pytest.raises(UserError, match=f"row {missing}: found .* None, expected a positive number"):
        read(write_json(tmp_path / "t.json", content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"t\.json: not a table of timings \(JSONDecodeError"),
        ("[]", r"t\.json: not a table of timings \(TypeError"),
        ("{}", r"t\.json: not a table of timings \(KeyError: 'rows'"),
        ('{"rows": [3]}', r"t\.json: not a table of timings \(TypeError"),
        ('{"rows": [{"key": "li2018", "ratio": true}]}', r"t\.json: row li2018: found ratio True, expected"),
        ('{"rows": [{"key": "li2018", "ratio": NaN}]}', r"t\.json: row li2018: found ratio nan, expected"),
    ],
)
def test_what_is_no_table_of_timings(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read(write_text(tmp_path / "t.json", text))
    assert "\n" not in str(caught.value)
