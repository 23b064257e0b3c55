"""Parameter values that the heatmap-loss notebook cannot run with, refused before anything runs.

Types are checked by the companion; here it is ranges and choices. No torch: the answer comes at once.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from papers_lib.datasets.cardiac_layout import TABLE
from papers_lib.errors import UserError
from papers_lib.training.devices import DEVICES

LEAST = {
    **dict.fromkeys(("seeds", "variant_seeds", "batch_size", "epochs", "authors_epoch_factor"), 1),
    **dict.fromkeys(("train_slices", "val_slices", "test_slices"), 8),
    **dict.fromkeys(("jobs", "data_seed"), 0),
}
POSITIVE = ("lr_low", "lr_high", "authors_lr_factor")
CHOICES = {"device": DEVICES, "model": ("small_vgg", "vgg16"), "weights": ("random", "imagenet")}
EXPERIMENTS = (1, 2)
ARMS = ("main", "authors", "frozen", "variants")
"""Arms of ``heatmap_loss_arms.grid``."""


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse values of the right type that make no sense.

    Args:
        parameters: of the notebook; one that it does not have is not checked.

    Raises:
        UserError: the first that is wrong, what was found and what was expected.

    >>> check({"seeds": 8, "lr_low": 1e-4, "lr_high": 1e-3})
    >>> check({"seeds": -3})
    Traceback (most recent call last):
    papers_lib.errors.UserError: parameter seeds: found -3, expected at least 1
    """
    for name, least in LEAST.items():
        if name in parameters and parameters[name] < least:
            raise _error(name, parameters[name], f"at least {least}")
    for name in POSITIVE:
        if name in parameters and not 0 < parameters[name] < math.inf:
            raise _error(name, parameters[name], "a finite number above 0")
    low, high = parameters.get("lr_low", 0), parameters.get("lr_high", math.inf)
    if low > high:
        raise _error("lr_low", low, f"at most lr_high, which is {high}")
    for name, choices in CHOICES.items():
        if name in parameters and parameters[name] not in choices:
            raise _error(name, parameters[name], f"one of {', '.join(choices)}")
    if parameters.get("weights") == "imagenet" and parameters.get("model") != "vgg16":
        raise _error("weights", "imagenet", f"random, since model is {parameters.get('model')}")
    if "experiments" in parameters:
        _check_list("experiments", parameters["experiments"], EXPERIMENTS)
    if "arms" in parameters:
        _check_list("arms", parameters["arms"], ARMS)
        if "main" not in parameters["arms"]:
            raise _error("arms", parameters["arms"], "main among them")
    if parameters.get("data_root"):
        _check_data_root(Path(parameters["data_root"]).expanduser())


def _check_list(name: str, found: Sequence[Any], known: Sequence[Any]) -> None:
    if not found or len(set(found)) < len(found) or not set(found) <= set(known):
        some = f"some of {', '.join(map(str, known))}, each once"
        raise _error(name, list(found), some)


def _check_data_root(root: Path) -> None:
    from papers_lib.datasets.cardiac import describe

    if not root.is_dir():
        raise _error("data_root", str(root), "a folder that is there")
    if not (root / TABLE).is_file():
        raise _error("data_root", str(root), f"a folder with {TABLE} (docs/data_cardiac.md)")
    describe(root)


def _error(name: str, found: Any, expected: str) -> UserError:
    return UserError(f"parameter {name}: found {found!r}, expected {expected}")
