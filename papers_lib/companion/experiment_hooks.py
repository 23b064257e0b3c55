"""What an experiment may say about a notebook's parameters before anything runs.

``notebooks/SLUG/parameters.py`` may hold ``check(parameters)``, which refuses values that its
notebook cannot run with, and ``estimate.py`` may hold ``estimate(parameters)``, which says what they cost.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any


def find(slug: str, module: str, function: str) -> Callable[[Mapping[str, Any]], Any] | None:
    """``SLUG.MODULE.FUNCTION``, or None where the experiment has no such module.

    Raises:
        AttributeError: the module is there and lacks the function.
    """
    name = f"{slug}.{module}"
    if not slug.isidentifier() or not importlib.util.find_spec(slug) or not importlib.util.find_spec(name):
        return None
    hook: Callable[[Mapping[str, Any]], Any] = getattr(importlib.import_module(name), function)
    return hook


def check_parameters(slug: str, parameters: Mapping[str, Any]) -> None:
    """Let the experiment refuse a value of the right type that it cannot run with.

    Raises:
        UserError: it does; the line names the parameter.
    """
    check = find(slug, "parameters", "check")
    if check is not None:
        check(parameters)
