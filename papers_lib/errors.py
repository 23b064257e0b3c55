"""What a user, not a programmer, is meant to read; and two checks that many modules share."""

import importlib
from collections.abc import Iterable
from types import ModuleType


class UserError(Exception):
    """Bad input or a refused action, in one line: the file, row or parameter, what was found and what expected.

    The command line prints it without a traceback (unless ``--debug``) and ends with exit code 2.
    """


def needed(module: str) -> ModuleType:
    """Import a library that the core does without; ModuleNotFoundError names the extra to install."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{module} is not installed: pip install 'papers-lib[notebooks]'", name=error.name
        ) from error


def one_of(name: str, value: object, choices: Iterable[object]) -> None:
    """ValueError unless the argument ``name`` has one of the values."""
    if value not in (known := list(choices)):
        raise ValueError(f"{name}: expected one of {', '.join(map(str, known))}, got {value!r}")
