"""Arguments of loaders and stores: one out of range is a `UserError` that names it."""

from collections.abc import Sequence

from papers_lib.errors import UserError


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a ``value`` that is not in ``allowed``."""
    if value not in allowed:
        raise UserError(f"{name}: found {value!r}, expected one of {', '.join(allowed)}")


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name}: found {value!r}, expected a whole number of at least {least}")


def check_share(name: str, value: object) -> None:
    """Refuse what is no number from 0 to below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{name}: found {value!r}, expected at least 0 and below 1")
