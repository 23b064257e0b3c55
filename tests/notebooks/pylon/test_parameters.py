"""Parameters: what is refused, once a kind, and that help stands in the notebook word for word."""

import json

import pytest

from papers_lib.errors import UserError
from pylon.parameters import Parameters
from tests.notebooks.pylon.test_grid import NOTEBOOKS, chosen, quick

OWN = {"weights": "timm"}


def test_the_cell_says_what_the_model_says():
    cells = json.loads((NOTEBOOKS / "pylon.ipynb").read_text(encoding="utf-8"))["cells"]
    (source,) = ["".join(one["source"]) for one in cells if "parameters" in one["metadata"].get("tags", [])]
    for name, field in Parameters.model_fields.items():
        assert f"  # {field.description}" in source.partition(f"\n{name} = ")[2], name
    assert quick().keys() == Parameters.model_fields.keys()


@pytest.mark.parametrize("profile", ["quick", "smoke", "full", "paper"])
def test_every_profile_is_accepted(profile):
    assert chosen(profile).profile == profile


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 3}, "did you mean seeds"),
        ({"seeds": "3"}, "seeds: .*integer"),
        ({"seeds": 0}, "seeds: .*greater than or equal to 1"),
        ({"learning_rate": float("inf")}, "learning_rate: .*finite"),
        ({"side": 100}, "side: .*multiple of 32"),
        ({"policy": "xray"}, "policy: .*radiograph"),
        ({"methods": ["pilon"]}, "methods.*no method of that name"),
        ({"arms": ["main", "everything"]}, "arms"),
        ({"arms": ["main", "main"]}, "arms: .*each once"),
        ({"arms": ["others"]}, "arms: .*main among them"),
        ({"arms": ["main", "budget"]}, "arms: .*transfer as well"),
        ({"arms": ["main", "parts"], "variant_seeds": 4}, r"variant_seeds: .*at most seeds \(3\)"),
        ({"arms": ["main", "large"], "large_side": 128}, "large_side: .*more than side"),
        ({"folds": 2}, "folds: .*0 or at least 3"),
        ({"phases": ["all", "decoder"]}, "phases: "),
        ({"phases": ["all"], "train_from": 4}, "train_from: .*at most 3"),
        ({"arms": ["main", "voc"], "tuned_from": 4}, "tuned_from: .*at most 3"),
        ({"weights": "random"}, "phases: .*noise"),
        ({"weights": "random", "phases": ["all"]}, "train_from: .*noise"),
        ({"policy": "radiograph"}, "policy: .*train_from is 2"),
        ({"greys": "nih", "train_from": 0}, "greys: .*standardise"),
        ({"backbone": "resnet18"}, "weights: .*timm or random"),
        ({"backbone": "resnet81", **OWN}, "backbone: .*resnet81"),
        ({"arms": ["main", "backbone"], "backbone": "efficientnet_lite2"}, "backbone: .*another one"),
        ({"data_root": "/no/such/folder"}, "data_root: .*a folder that is there"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_line(changes, words):
    with pytest.raises(UserError, match=words) as caught:
        chosen(**changes)
    assert "\n" not in str(caught.value)


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"vindr_root: .*found no data set"):
        chosen(vindr_root=str(tmp_path))
    (tmp_path / "VOC2012" / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(UserError, match=r"vindr_root: .*laid out as Pascal VOC, expected VinDr-CXR"):
        chosen(vindr_root=str(tmp_path))
    with pytest.raises(UserError, match=r"greys: .*photographs"):
        chosen(data_root=str(tmp_path), greys="nih", train_from=0, standardise=False)
    assert chosen(voc_root=str(tmp_path)).voc_root
