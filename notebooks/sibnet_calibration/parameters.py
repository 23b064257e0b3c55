"""Parameter values that the Sibnet notebook cannot run with, refused before anything runs.

Types are checked by the companion; here it is ranges, choices and what does not go together. No torch, except to look
into a folder with data, or up a backbone that is not listed here: the answer comes at once.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError
from papers_lib.training.devices import DEVICES

LEAST = {
    **dict.fromkeys(("seeds", "variant_seeds", "epochs", "saliency_epochs", "long_epochs", "repetition"), 1),
    "batch_size": 2,  # of one image batch norm has no statistics
    **dict.fromkeys(("train_images", "valid_images"), 8),
    "picture_side": 64,
    **dict.fromkeys(("jobs", "data_seed"), 0),
}
ABOVE = ("learning_rate", "pesg_rate", "margin", "distinct", "coherent")
"""Finite numbers above 0."""
MOST_ODDS = 1000
CHOICES = {
    "device": DEVICES,
    "weights": ("packaged", "timm", "random"),
    "uncertain": ("report", "common", "zeros", "ones"),
    "calibration": ("valid", "train"),
    "views": ("frontal", "lateral", "all"),
}
ARMS = ("losses", "saliency", "mimo", "rates", "backbones", "weights", "imbalance", "mapping")
LISTS = ("distincts", "coherents", "rates", "dropouts")
"""Values that an arm varies, each once."""
NEEDED = {
    "rates": ("rates", "dropouts"),
    "weights": ("distincts", "coherents"),
    "mimo": ("mimo",),
    "backbones": ("backbones",),
}
"""Arms without a model unless one of these lists has a value."""
STRIDE = 32
PACKAGED = ("efficientnet_lite0", "efficientnet_lite2")
SCRATCH = "random"
"""In the list of backbones: the first one from random weights."""
KNOWN = (*PACKAGED, "densenet121", "vgg19", *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)))
"""Backbones that need no looking up where they are used whole."""
STAGES = ("scale", "stem", *(f"blocks_{number}" for number in range(7)), "conv_head")
"""Of the packaged backbones, in the order of the pass."""


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse values of the right type that make no sense.

    Args:
        parameters: of the notebook; one that it does not have is not checked.

    Raises:
        UserError: the first that is wrong, what was found and what was expected.

    >>> check({"seeds": 2, "side": 96, "arms": ["losses", "mimo"], "last_stage": "blocks_4", "mimo": [2]})
    >>> check({"share": 0.0})
    Traceback (most recent call last):
    papers_lib.errors.UserError: parameter share: found 0.0, expected a number above 0, at most 1
    """
    _check_numbers(parameters)
    for name, choices in CHOICES.items():
        if name in parameters and parameters[name] not in choices:
            raise _error(name, parameters[name], f"one of {', '.join(choices)}")
    _check_lists(parameters)
    _check_arms(parameters)
    _check_stages(parameters)
    _check_backbone(parameters)
    if parameters.get("data_root"):
        _check_root(parameters)
    else:
        _check_stand_in(parameters)


def _check_numbers(parameters: Mapping[str, Any]) -> None:
    for name, least in LEAST.items():
        if name in parameters and parameters[name] < least:
            raise _error(name, parameters[name], f"at least {least}")
    for name in ABOVE:
        if name in parameters and not 0 < parameters[name] < math.inf:
            raise _error(name, parameters[name], "a finite number above 0")
    for name in ("weight_decay", "gamma"):
        if not 0 <= parameters.get(name, 0) < math.inf:
            raise _error(name, parameters[name], "a finite number of at least 0")
    if not 0 < parameters.get("calibration_share", 0.5) < 1:
        raise _error("calibration_share", parameters["calibration_share"], "a share above 0 and below 1")
    if not 0 < parameters.get("share", 1) <= 1:
        raise _error("share", parameters["share"], "a number above 0, at most 1")
    if not 0 < parameters.get("rare_odds", 1) <= MOST_ODDS:
        raise _error("rare_odds", parameters["rare_odds"], f"a number above 0, at most {MOST_ODDS}")
    side = parameters.get("side", 2 * STRIDE)
    if side < 2 * STRIDE or side % STRIDE:
        raise _error("side", side, f"a multiple of {STRIDE} of at least {2 * STRIDE}")


def _check_lists(parameters: Mapping[str, Any]) -> None:
    for name in LISTS:
        values = list(parameters.get(name, []))
        if not all(_is_number(value) for value in values) or _repeats(values):
            raise _error(name, values, "numbers, each once")
        if name == "dropouts":
            if not all(0 <= value < 1 for value in values):
                raise _error(name, values, "numbers of at least 0, below 1")
        elif not all(0 < value < math.inf for value in values):
            raise _error(name, values, "finite numbers above 0")
    inputs = list(parameters.get("mimo", []))
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in inputs)
    if not whole or _repeats(inputs) or not all(value >= 2 for value in inputs):
        raise _error("mimo", inputs, "whole numbers of at least 2, each once")


def _check_arms(parameters: Mapping[str, Any]) -> None:
    arms = list(parameters.get("arms", ["losses"]))
    if not arms or _repeats(arms) or not set(arms) <= set(ARMS):
        raise _error("arms", arms, f"some of {', '.join(ARMS)}, each once")
    if "losses" not in arms:
        raise _error("arms", arms, "losses among them")
    for arm, names in NEEDED.items():
        given = [name for name in names if name in parameters]
        if arm in arms and given and not any(len(parameters[name]) for name in given):
            raise _error(given[0], [], f"a value in {' or '.join(names)}, since arms has {arm}")
    uncertain = parameters.get("uncertain", "report")
    if "mapping" in arms and uncertain != "report":
        why = f"since uncertain is {uncertain}: its comparison is with the report's mapping"
        raise _error("arms", arms, f"no mapping, {why}")
    if set(arms) & {"saliency", "weights"}:
        _check_two_stages(parameters, "saliency_epochs")
    if not parameters.get("quick_rows", True):
        _check_two_stages(parameters, "epochs")


def _check_two_stages(parameters: Mapping[str, Any], name: str) -> None:
    if parameters.get(name, 2) < 2:
        raise _error(name, parameters[name], "at least 2: some models are trained in two stages")


def _check_stages(parameters: Mapping[str, Any]) -> None:
    """Names of stages, of the backbones whose stages are known without torch."""
    frozen, last = parameters.get("train_from", ""), parameters.get("last_stage", "")
    if frozen and parameters.get("weights") == "random":
        raise _error(
            "train_from", frozen, '"" (all), since weights is random: the frozen stages would be noise'
        )
    if parameters.get("backbone", PACKAGED[0]) not in PACKAGED:
        return
    for name, value in (("last_stage", last), ("train_from", frozen)):
        if value and value not in STAGES:
            raise _error(name, value, f'one of {", ".join(STAGES)} or ""')
    if last and STAGES.index(last) < 1:
        raise _error("last_stage", last, f'one of {", ".join(STAGES[1:])} or "": it holds no convolution')
    if frozen and last and STAGES.index(frozen) > STAGES.index(last):
        raise _error("train_from", frozen, f"a stage not after last_stage, which is {last}")


def _check_backbone(parameters: Mapping[str, Any]) -> None:
    if "backbone" not in parameters:
        return
    backbone, weights = parameters["backbone"], parameters.get("weights", "packaged")
    if weights == "packaged" and backbone not in PACKAGED:
        raise _error("weights", weights, f"timm or random, since only {' and '.join(PACKAGED)} come packaged")
    others = list(parameters.get("backbones", []))
    if _repeats(others) or backbone in others:
        raise _error("backbones", others, f"names, each once, and none of them {backbone}")
    if SCRATCH in others and weights == "random":
        raise _error("backbones", others, "no random, since weights is random: it would be the same models")
    last, frozen = parameters.get("last_stage", ""), parameters.get("train_from", "")
    if weights == "packaged" and not {*others} <= {*PACKAGED, SCRATCH}:
        raise _error("backbones", others, f"some of {', '.join(PACKAGED)}, random, since weights is packaged")
    for name in others:
        if name not in (*KNOWN, SCRATCH) or ((last or frozen) and name not in (*PACKAGED, SCRATCH)):
            _look_up("backbones", name, last, frozen)
    if backbone not in KNOWN or ((last or frozen) and backbone not in PACKAGED):
        _look_up("backbone", backbone, last, frozen)


def _look_up(parameter: str, backbone: str, last: str, frozen: str) -> None:
    """Build the network once, from random weights: whether there is one, and whether it has these stages."""
    import torch

    from papers_lib.models.multilabel_classifier import cut, multilabel_classifier

    try:
        model = multilabel_classifier(
            backbone, 2, generator=torch.Generator(), weights="random", last_stage=last
        )
        cut(model, frozen)
    except UserError as error:
        text = str(error).removeprefix("backbone: ")
        named = text if text.startswith(("last_stage", "train_from")) else f"{parameter}: {text}"
        raise UserError(f"parameter {named}") from error


def _check_root(parameters: Mapping[str, Any]) -> None:
    from papers_lib.datasets.chexpert_rows import check_rows
    from sibnet_calibration.data import layout_of

    root = Path(parameters["data_root"]).expanduser()
    if not root.is_dir():
        raise _error("data_root", str(root), "a folder that is there")
    try:
        layout = layout_of(root)
        if layout == "chexpert":
            check_rows(root)
    except UserError as error:
        raise UserError(f"parameter data_root: {error}") from error
    arms = list(parameters.get("arms", []))
    if "imbalance" in arms:
        raise _error(
            "arms", arms, "no imbalance, since data_root is set and only the stand-in can be made rarer"
        )
    if layout == "nih":
        _check_nih(parameters, arms)


def _check_nih(parameters: Mapping[str, Any], arms: Sequence[str]) -> None:
    """What CheXpert's layout alone can do; else it would be left out without a word."""
    if "mapping" in arms:
        raise _error("arms", arms, "no mapping, since the labels of the set in data_root are all certain")
    if parameters.get("uncertain", "report") != "report":
        why = "report (no effect), since the labels of the set in data_root are all certain"
        raise _error("uncertain", parameters["uncertain"], why)
    if parameters.get("views") == "lateral":
        raise _error("views", "lateral", "frontal or all, since the set in data_root has no lateral views")


def _check_stand_in(parameters: Mapping[str, Any]) -> None:
    side, drawn = parameters.get("side", 0), parameters.get("picture_side", math.inf)
    if drawn < side:
        raise _error("picture_side", drawn, f"at least side, which is {side}")
    if parameters.get("views", "frontal") == "lateral":
        raise _error("views", "lateral", "frontal or all, since the stand-in has no lateral views")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _repeats(values: Sequence[Any]) -> bool:
    return len(set(values)) < len(values)


def _error(name: str, found: Any, expected: str) -> UserError:
    return UserError(f"parameter {name}: found {found!r}, expected {expected}")
