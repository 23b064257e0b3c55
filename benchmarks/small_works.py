"""Per paper: what ``models_an_hour`` trains, on the data of the quick profile, with few epochs.

Data are made where they lack, and features stored, before anything is timed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cam_entropy import data as cam_entropy_data
from cam_entropy import experiment as cam_entropy
from cam_entropy import split as cam_entropy_split
from heatmap_loss import data as heatmap_loss_data
from heatmap_loss import experiment as heatmap_loss
from papers_lib.sweep.core import DataRef, Run
from pylon import data as pylon_data
from pylon import experiment as pylon
from pylon import inputs as pylon_inputs
from sibnet_calibration import data as sibnet_calibration_data
from sibnet_calibration import experiment as sibnet_calibration
from sibnet_calibration import inputs as sibnet_calibration_inputs


@dataclass(frozen=True)
class Work:
    """A kind of model.

    Attributes: what, in words; network, size of what it sees; run and config as the sweep takes them, models differ in
    their seed; data, with stored features computed.
    """

    what: str
    network: str
    size: str
    run: Run
    config: Any
    data: DataRef


Parameters = Mapping[str, Any]
"""Those of the notebook, under the profile whose data are trained on."""


def of_heatmap_loss(parameters: Parameters, folder: Path, device: str) -> Work:
    """Everything is trained, for as many epochs as in the quick profile."""
    sizes = {name: int(parameters[f"{name}_slices"]) for name in ("train", "val", "test")}
    data = heatmap_loss_data.open_data(2, "", folder, sizes, parameters["data_seed"], 0)
    config = heatmap_loss.HeatmapRun(experiment=2, group="heatmap", seed=0, epochs=parameters["epochs"])
    size = f"{sizes['train']} slices of 105 x 135 px, {config.epochs} epochs"
    return Work("MSE and heatmap loss, all trained", "small VGG", size, heatmap_loss.run, config, data)


def of_cam_entropy(parameters: Parameters, folder: Path, device: str) -> Work:
    """The last stages are trained on stored features of the others."""
    crop = {name: parameters[name] for name in ("side", "scene_side", "whole", "difficult")}
    scenes = {name: int(parameters[f"{name}_scenes"]) for name in ("train", "test")}
    opened = cam_entropy_data.open_data("", folder, scenes, parameters["data_seed"], crop, 0)
    config = cam_entropy.EntropyRun(seed=0, beta=0.3, form="shifted", epochs=2)
    cam_entropy_split.open_all(opened.crops.root, [config], device, 0)
    size = f"{scenes['train']} scenes, crops of {crop['side']} px, {config.epochs} epochs"
    what = "CE and entropy of the CAM, last stages on stored features"
    return Work(what, "EfficientNet-Lite0", size, cam_entropy.run, config, opened.crops)


def of_pylon(parameters: Parameters, folder: Path, device: str) -> Work:
    """PYLON's decoder is trained on stored features of the encoder."""
    spec = {"train_val": parameters["train_images"], "test": parameters["test_images"]}
    spec |= {"seed": parameters["data_seed"]}
    options = {"nih": {"val_share": parameters["val_share"]}}
    side = parameters["side"]
    opened = pylon_data.open_set("", "nih", folder, spec, side, options, 0)
    config = pylon.PylonRun(seed=0, epochs=4)
    pylon_inputs.stored(opened.store.root, config.frozen(pylon.STAGES), device, 0)
    size = f"{spec['train_val']} radiographs of {side} px, {config.epochs} epochs"
    what = "PYLON, decoder on stored features"
    return Work(what, "EfficientNet-Lite0", size, pylon.run, config, opened.store)


def of_sibnet_calibration(parameters: Parameters, folder: Path, device: str) -> Work:
    """Class distinctiveness and spatial coherence on fewer images: their measures take seconds a hundred images."""
    spec = {"train": min(240, parameters["train_images"]), "valid": min(240, parameters["valid_images"])}
    spec |= {"seed": parameters["data_seed"], "side": parameters["picture_side"]}
    options = {name: parameters[name] for name in ("uncertain", "views", "calibration", "calibration_share")}
    side = parameters["side"]
    opened = sibnet_calibration_data.open_set("", folder, spec, side, options, 0)
    terms = {name: parameters[name] for name in ("distinct", "coherent")}
    config = sibnet_calibration.SibnetRun(seed=0, loss="wbce", epochs=1, **terms)
    front = (config.backbone, config.weights, config.train_from)
    sibnet_calibration_inputs.stored(opened.store.root, *front, device, 0)
    size = f"{spec['train']} radiographs of {side} px, {config.epochs} epoch"
    what = "weighted BCE, distinctiveness and coherence, last stage on stored features"
    return Work(what, "EfficientNet-Lite0, cut", size, sibnet_calibration.run, config, opened.store)


WORKS: dict[str, Callable[[Parameters, Path, str], Work]] = {
    "heatmap_loss": of_heatmap_loss,
    "cam_entropy": of_cam_entropy,
    "pylon": of_pylon,
    "sibnet_calibration": of_sibnet_calibration,
}
