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


def check_range(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UserError(f"{name}: found {value!r}, expected a number from {least:g} to {most:g}")
