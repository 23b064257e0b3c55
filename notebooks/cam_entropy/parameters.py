"""Parameter values that the CAM-entropy notebook cannot run with, refused before anything runs.

Types are checked by the companion; here it is ranges, choices and what does not go together. No torch, except to look
up a backbone whose stages are not listed here: the answer comes at once.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError
from papers_lib.training.devices import DEVICES

LEAST = {
    **dict.fromkeys(("seeds", "variant_seeds", "epochs", "batch_size"), 1),
    **dict.fromkeys(("train_scenes", "test_scenes"), 8),
    **dict.fromkeys(("jobs", "data_seed", "deletion"), 0),
}
CHOICES = {"device": DEVICES, "weights": ("packaged", "timm", "random")}
ARMS = ("main", "front", "measures", "others", "offset", "long", "fresh", "deeper", "backbone")
"""Arms of ``cam_entropy_arms``; "deeper" trains from ``DEEPER_FROM`` on, "backbone" part of a second backbone."""
DEEPER_FROM = "blocks_5"
STRIDE = 32
"""Pixels a cell of the last map stands for; of a single cell no sharpness can be said."""
PACKAGED = ("efficientnet_lite0", "efficientnet_lite2")
_LITE = ("stem", *(f"blocks_{number}" for number in range(7)), "conv_head")
_RESNET = ("stem", "layer1", "layer2", "layer3", "layer4")
STAGES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(PACKAGED, _LITE),
    **dict.fromkeys(("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"), _RESNET),
}
"""Trainable stages of the usual backbones, in order, as ``papers_lib.models.timm_stages`` names them."""


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse values of the right type that make no sense.

    Args:
        parameters: of the notebook; one that it does not have is not checked.

    Raises:
        UserError: the first that is wrong, what was found and what was expected.

    >>> check({"seeds": 3, "side": 192, "betas": [0.0, 0.3]})
    >>> check({"side": 200})
    Traceback (most recent call last):
    papers_lib.errors.UserError: parameter side: found 200, expected a multiple of 32 of at least 64
    """
    for name, least in LEAST.items():
        if name in parameters and parameters[name] < least:
            raise _error(name, parameters[name], f"at least {least}")
    for name, choices in CHOICES.items():
        if name in parameters and parameters[name] not in choices:
            raise _error(name, parameters[name], f"one of {', '.join(choices)}")
    if "learning_rate" in parameters and not 0 < parameters["learning_rate"] < math.inf:
        raise _error("learning_rate", parameters["learning_rate"], "a finite number above 0")
    _check_side("side", parameters.get("side", 2 * STRIDE))
    if parameters.get("scene_side"):
        _check_side("scene_side", parameters["scene_side"])
    _check_betas(parameters)
    if "arms" in parameters:
        _check_arms(parameters)
    if "backbone" in parameters:
        _check_backbone(parameters)
    if parameters.get("data_root"):
        _check_data_root(Path(parameters["data_root"]).expanduser())


def _check_side(name: str, side: int) -> None:
    if side < 2 * STRIDE or side % STRIDE:
        also = "0 or " if name == "scene_side" else ""
        raise _error(name, side, f"{also}a multiple of {STRIDE} of at least {2 * STRIDE}")


def _check_betas(parameters: Mapping[str, Any]) -> None:
    betas, shifted = parameters.get("betas", [0.0]), parameters.get("shifted_betas", [])
    if not all(0 <= beta < math.inf for beta in betas) or not _different(betas) or 0 not in betas:
        raise _error(
            "betas", list(betas), "finite numbers from 0 on, each once, 0 (the ordinary loss) among them"
        )
    if not all(0 < beta < math.inf for beta in shifted) or not _different(shifted):
        raise _error("shifted_betas", list(shifted), "finite numbers above 0, each once")


def _different(betas: Sequence[float]) -> bool:
    """Whether the betas are different as results name them, with six digits."""
    return len({f"{beta:g}" for beta in betas}) == len(betas)


def _check_arms(parameters: Mapping[str, Any]) -> None:
    arms = parameters["arms"]
    if not arms or len(set(arms)) < len(arms) or not set(arms) <= set(ARMS):
        raise _error("arms", list(arms), f"some of {', '.join(ARMS)}, each once")
    if "main" not in arms:
        raise _error("arms", list(arms), "main among them")
    shared = {"measures", "others", "offset"} & set(arms)
    if shared and parameters.get("variant_seeds", 1) > parameters.get("seeds", 1):
        found, seeds = parameters["variant_seeds"], parameters.get("seeds", 1)
        raise _error(
            "variant_seeds", found, f"at most seeds, which is {seeds}: they are compared with the main arm"
        )


def _check_backbone(parameters: Mapping[str, Any]) -> None:
    """What backbone, weights, the first stage trained and the arms ask of one another."""
    backbone, weights = parameters["backbone"], parameters.get("weights", "packaged")
    train_from, arms = parameters.get("train_from", ""), parameters.get("arms", ["main"])
    if weights == "packaged" and backbone not in PACKAGED:
        raise _error("weights", weights, f"timm or random, since only {' and '.join(PACKAGED)} come packaged")
    stages = STAGES.get(backbone) or _stages_of_timm(backbone)
    if train_from and train_from not in stages:
        raise _error("train_from", train_from, f'"" (all) or a stage of {backbone}: {", ".join(stages)}')
    if weights == "random" and train_from:
        raise _error(
            "train_from", train_from, '"" (all), since weights is random: the frozen layers would be noise'
        )
    if weights == "random" and {"deeper", "backbone"} & set(arms):
        raise _error(
            "arms", list(arms), "no deeper or backbone, since weights is random and these arms freeze layers"
        )
    if "deeper" in arms and DEEPER_FROM not in stages[: stages.index(train_from) if train_from else 0]:
        raise _error(
            "arms", list(arms), f"no deeper, which trains from {DEEPER_FROM} on: {_found_from(train_from)}"
        )


def _found_from(train_from: str) -> str:
    return f"train_from is {train_from}" if train_from else "train_from trains all"


def _stages_of_timm(backbone: str) -> tuple[str, ...]:
    import torch

    from papers_lib.models.timm_stages import timm_network, timm_stages

    try:
        with torch.no_grad():
            return tuple(timm_stages(timm_network(backbone, pretrained=False, seed=0))[0])
    except UserError as error:
        raise UserError(f"parameter {error}") from error


def _check_data_root(root: Path) -> None:
    from papers_lib.datasets.voc_store import splits_of

    if not root.is_dir():
        raise _error("data_root", str(root), "a folder that is there")
    try:
        splits_of(root)
    except UserError as error:
        raise UserError(f"parameter data_root: {error} (docs/data_voc.md)") from error


def _error(name: str, found: Any, expected: str) -> UserError:
    return UserError(f"parameter {name}: found {found!r}, expected {expected}")
