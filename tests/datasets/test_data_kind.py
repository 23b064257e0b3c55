import pytest

from papers_lib.datasets.data_kind import data_kind
from papers_lib.files import write_json


@pytest.mark.parametrize(
    ("described", "kind"),
    [
        ({"kind": "stand-in"}, "stand-in"),
        ({"kind": "real"}, "real data"),
        ({}, "real data"),
        (None, "real data"),
    ],
)
def test_generated_sets_say_so_themselves(tmp_path, described, kind):
    if described is not None:
        write_json(tmp_path / "dataset.json", described)
    assert data_kind(tmp_path) == kind
