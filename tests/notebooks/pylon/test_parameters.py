"""Parameters: what is refused, once a kind."""

import pytest

from papers_lib.errors import UserError
from tests.notebooks.pylon.test_grid import chosen


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": 100}, "side: .*multiple of 32"),
        ({"methods": ["pilon"]}, "methods.*match pattern .*pylon"),
        ({"arms": ["main", "main"]}, "arms: .*each once"),
        ({"arms": ["main", "budget"]}, "arms: .*transfer as well"),
        ({"arms": ["main", "parts"], "variant_seeds": 4}, r"variant_seeds: .*at most seeds \(3\)"),
        ({"arms": ["main", "large"], "large_side": 128}, "large_side: .*more than side"),
        ({"folds": 2}, "folds: .*0 or at least 3"),
        ({"phases": ["all"], "train_from": 4}, "train_from: .*at most 3"),
        ({"weights": "random"}, "phases: .*noise"),
        ({"policy": "radiograph"}, "policy: .*2 stages"),
        ({"greys": "nih", "train_from": 0}, "greys: .*standardise"),
        ({"arms": ["main", "backbone"], "backbone": "efficientnet_lite2"}, "backbone: .*another one"),
        ({"data_root": "/no/such/folder"}, "data_root: .*no folder"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_line(changes, words):
    with pytest.raises(UserError, match=words):
        chosen(**changes)


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(UserError, match="found no data set"):
        chosen(vindr_root=str(tmp_path))
    (tmp_path / "VOC2012" / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(UserError, match=r"vindr_root: .* is voc, expected vindr"):
        chosen(vindr_root=str(tmp_path))
    with pytest.raises(UserError, match=r"greys: .*photographs"):
        chosen(data_root=str(tmp_path), greys="nih", train_from=0, standardise=False)
    assert chosen(voc_root=str(tmp_path)).voc_root
