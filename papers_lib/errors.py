"""What a user, not a programmer, is meant to read."""

import importlib
from types import ModuleType


class UserError(Exception):
    """Bad input or a refused action, in one line.

    The line names the file, row or parameter, what was found and what was expected. The command line
    prints it without a traceback (unless ``--debug``) and ends with exit code 2.
    """


def needed(module: str) -> ModuleType:
    """Import a library that the core does without.

    Raises: ModuleNotFoundError that names the extra to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{module} is not installed: pip install 'papers-lib[notebooks]'", name=error.name
        ) from error
