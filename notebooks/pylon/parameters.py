"""Parameter values that the PYLON notebook cannot run with, refused before anything runs.

Types are checked by the companion; here it is ranges, choices and what does not go together. No torch, except to look
into a folder with data, or up a backbone that is not listed here: the answer comes at once.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError
from papers_lib.training.devices import DEVICES

LEAST = {
    **dict.fromkeys(("seeds", "variant_seeds", "epochs", "tuned_epochs", "every"), 1),
    **dict.fromkeys(("batch_size", "tuned_batch"), 2),  # of one image batch norm has no statistics
    **dict.fromkeys(("train_images", "test_images", "small_images", "scenes_train", "scenes_test"), 8),
    **dict.fromkeys(("jobs", "data_seed", "patience", "masked"), 0),
}
RATES = ("learning_rate", "tuned_rate")
SIDES = ("side", "large_side", "tuned_side")
CHOICES = {
    "device": DEVICES,
    "weights": ("packaged", "timm", "random"),
    "policy": ("", "radiograph", "photograph"),
    "greys": ("backbone", "nih"),
}
ARMS = ("main", "others", "long", "large", "parts", "pools", "backbone", "transfer", "budget", "voc")
"""Arms that can be asked for; "transfer" brings the arm "source" with it, "budget" needs it."""
COMPARED = ("others", "large", "parts", "pools", "backbone")
"""Arms of ``variant_seeds`` models whose every seed is set beside the same seed of the arm "main"."""
TUNED = ("transfer", "voc")
"""Arms that train the encoder whatever ``phases`` says: their settings are the ``tuned_*`` parameters."""
PHASES = (["decoder"], ["all"], ["decoder", "all"])
STAGES = 4
STRIDE = 32
PACKAGED = ("efficientnet_lite0", "efficientnet_lite2")
SECOND = "efficientnet_lite2"
"""The encoder of the arm "backbone"."""
KNOWN = (*PACKAGED, *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)))
"""Backbones with stages at strides 4, 8, 16 and 32 that run one after the other."""
LEAST_FOLDS = 3
"""A test fold, a validation fold, and one to train on."""
ROOTS = {"data_root": ("nih", "vindr", "voc"), "vindr_root": ("vindr",), "voc_root": ("voc",)}


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse values of the right type that make no sense.

    Args:
        parameters: of the notebook; one that it does not have is not checked.

    Raises:
        UserError: the first that is wrong, what was found and what was expected.

    >>> check({"seeds": 3, "side": 160, "arms": ["main", "parts"], "folds": 0})
    >>> check({"folds": 2})
    Traceback (most recent call last):
    papers_lib.errors.UserError: parameter folds: found 2, expected 0 or at least 3: to test, to validate, to train
    """
    for name, least in LEAST.items():
        if name in parameters and parameters[name] < least:
            raise _error(name, parameters[name], f"at least {least}")
    for name, choices in CHOICES.items():
        if name in parameters and parameters[name] not in choices:
            named = ", ".join(choice or '""' for choice in choices)
            raise _error(name, parameters[name], f"one of {named}")
    for name in RATES:
        if name in parameters and not 0 < parameters[name] < math.inf:
            raise _error(name, parameters[name], "a finite number above 0")
    if not 0 <= parameters.get("weight_decay", 0) < math.inf:
        raise _error("weight_decay", parameters["weight_decay"], "a finite number of at least 0")
    if not 0 < parameters.get("val_share", 0.5) < 1:
        raise _error("val_share", parameters["val_share"], "a share above 0 and below 1")
    if 0 != parameters.get("folds", 0) < LEAST_FOLDS:
        raise _error(
            "folds", parameters["folds"], f"0 or at least {LEAST_FOLDS}: to test, to validate, to train"
        )
    for name in SIDES:
        if name in parameters and (parameters[name] < 2 * STRIDE or parameters[name] % STRIDE):
            raise _error(name, parameters[name], f"a multiple of {STRIDE} of at least {2 * STRIDE}")
    if parameters.get("width", STRIDE) < 32 or parameters.get("width", STRIDE) % 32:
        raise _error("width", parameters["width"], "a multiple of 32 of at least 32")
    _check_arms(parameters)
    _check_frozen(parameters)
    _check_policy(parameters)
    _check_backbone(parameters)
    for name, layouts in ROOTS.items():
        if parameters.get(name):
            found = _check_root(name, Path(parameters[name]).expanduser(), layouts)
            if name == "data_root" and found == "voc" and parameters.get("greys", "backbone") != "backbone":
                raise _error("greys", parameters["greys"], "backbone, since data_root holds photographs")


def _check_arms(parameters: Mapping[str, Any]) -> None:
    arms = parameters.get("arms", ["main"])
    if not arms or len(set(arms)) < len(arms) or not set(arms) <= set(ARMS):
        raise _error("arms", list(arms), f"some of {', '.join(ARMS)}, each once")
    if "main" not in arms:
        raise _error("arms", list(arms), "main among them")
    if "budget" in arms and "transfer" not in arms:
        raise _error("arms", list(arms), "transfer as well, whose sources the arm budget starts from")
    seeds = parameters.get("seeds", parameters.get("variant_seeds", 1))
    if set(COMPARED) & set(arms) and parameters.get("variant_seeds", 1) > seeds:
        found = parameters["variant_seeds"]
        raise _error(
            "variant_seeds", found, f"at most seeds, which is {seeds}: they are compared with the main arm"
        )
    if "large" in arms and parameters.get("large_side", math.inf) <= parameters.get("side", 0):
        raise _error("large_side", parameters["large_side"], f"more than side, which is {parameters['side']}")


def _check_frozen(parameters: Mapping[str, Any]) -> None:
    """Which stages are frozen, and whether anything is left to train."""
    phases = list(parameters.get("phases", ["decoder"]))
    if phases not in PHASES:
        raise _error("phases", phases, "[decoder], [all] or [decoder, all]")
    for name in ("train_from", "tuned_from"):
        found = parameters.get(name, 0)
        if not 0 <= found <= STAGES:
            raise _error(name, found, f"0 (all stages are trained) to {STAGES}")
    if "all" in phases and parameters.get("train_from", 0) == STAGES:
        raise _error(
            "train_from", STAGES, f"at most {STAGES - 1}, since phase all trains the stages behind it"
        )
    if _tuned(parameters) and parameters.get("tuned_from", 0) == STAGES:
        expected = (
            f"at most {STAGES - 1}, since {' and '.join(_tuned(parameters))} train the stages behind it"
        )
        raise _error("tuned_from", STAGES, expected)
    if parameters.get("weights") == "random":
        _check_random(parameters, phases)


def _check_random(parameters: Mapping[str, Any], phases: list[str]) -> None:
    """Frozen stages with random weights would be noise."""
    if "decoder" in phases:
        raise _error("phases", phases, "[all], since weights is random: the frozen encoder would be noise")
    if parameters.get("train_from", 0):
        expected = "0 (all), since weights is random: the frozen stages would be noise"
        raise _error("train_from", parameters["train_from"], expected)
    if _tuned(parameters):
        expected = "no transfer or voc, since weights is random and these arms freeze the encoder in a phase"
        raise _error("arms", list(parameters["arms"]), expected)


def _check_policy(parameters: Mapping[str, Any]) -> None:
    """Pixels that are augmented or scaled in another way have no stored features."""
    policy, greys = parameters.get("policy", ""), parameters.get("greys", "backbone")
    for name in ("train_from", *(["tuned_from"] if _tuned(parameters) else [])):
        if policy and parameters.get(name, 0):
            expected = f'"", since {name} is {parameters[name]} and stored features cannot be augmented'
            raise _error("policy", policy, expected)
        if greys != "backbone" and parameters.get(name, 0):
            raise _error(
                "greys", greys, f"backbone, since {name} is {parameters[name]} and features are stored"
            )
    if greys != "backbone" and parameters.get("standardise"):
        raise _error(
            "greys", greys, "backbone, since standardise is on and its statistics are of stored features"
        )


def _tuned(parameters: Mapping[str, Any]) -> list[str]:
    return [arm for arm in TUNED if arm in parameters.get("arms", [])]


def _check_backbone(parameters: Mapping[str, Any]) -> None:
    if "backbone" not in parameters:
        return
    backbone, weights = parameters["backbone"], parameters.get("weights", "packaged")
    if weights == "packaged" and backbone not in PACKAGED:
        raise _error("weights", weights, f"timm or random, since only {' and '.join(PACKAGED)} come packaged")
    if "backbone" in parameters.get("arms", []) and backbone == SECOND:
        raise _error("backbone", backbone, f"another one, since the arm backbone compares it with {SECOND}")
    if backbone not in KNOWN:
        trained = [parameters.get("train_from", 0) if "all" in parameters.get("phases", []) else 0]
        trained += [parameters.get("tuned_from", 0)] if _tuned(parameters) else []
        _look_up(backbone, max(trained))


def _look_up(backbone: str, given: int) -> None:
    import torch

    from papers_lib.models.later_stages import LaterStages
    from papers_lib.models.pyramid_encoder import pyramid_encoder

    try:
        with torch.no_grad():
            encoder = pyramid_encoder(backbone, generator=torch.Generator(), weights="random")
            if given:
                LaterStages(encoder, given)
    except UserError as error:
        text = str(error)
        raise UserError(
            f"parameter {text if text.startswith('backbone') else f'backbone: {text}'}"
        ) from error


def _check_root(name: str, root: Path, layouts: tuple[str, ...]) -> str:
    from pylon.data import NAMES, layout_of

    if not root.is_dir():
        raise _error(name, str(root), "a folder that is there")
    try:
        found = layout_of(root)
    except UserError as error:
        raise UserError(f"parameter {name}: {error}") from error
    if found not in layouts:
        expected = " or ".join(NAMES[layout] for layout in layouts)
        raise UserError(f"parameter {name}: {root} is laid out as {NAMES[found]}, expected {expected}")
    return found


def _error(name: str, found: Any, expected: str) -> UserError:
    return UserError(f"parameter {name}: found {found!r}, expected {expected}")
