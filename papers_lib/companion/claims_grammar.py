"""The grammar of a claim's rule: which keys, kinds and methods there are, and which fit together."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from papers_lib.companion.claims_types import DIRECTIONS, OF_NO_DATA, Contrast, Rule, Scalar
from papers_lib.companion.yaml_files import show
from papers_lib.errors import UserError

# Kind of contrast → keys it needs, keys it may have, interval methods that fit it.
CONTRASTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "difference": (
        ("metric", "by", "a", "b"),
        ("where", "include"),
        ("hodges_lehmann", "welch", "paired_t", "bootstrap"),
    ),
    "mean": (("metric", "reference"), ("where", "include"), ("student_t", "bootstrap")),
    "proportion": (
        ("metric", "reference"),
        ("threshold", "equals", "where", "include"),
        ("wilson",),
    ),
    "correlation": (("x", "y"), ("where", "include"), ("fisher_z", "bootstrap")),
    "value": (("name", "reference"), (), ("exact",)),
}
METHODS = ("hodges_lehmann", "welch", "paired_t", "bootstrap", "student_t", "wilson", "fisher_z", "exact")


def has_p(method: str, direction: str) -> bool:
    """Say whether a method gives a p-value for a direction."""
    if direction == "equal":
        return method in ("hodges_lehmann", "welch", "paired_t", "student_t")
    return method not in ("bootstrap", "exact")


class Section:
    """A mapping of the claims file; keys are taken one by one with their type, and none may be left over."""

    def __init__(self, value: Any, place: str, keys: Sequence[str]) -> None:
        self.place = place
        if not isinstance(value, dict):
            raise UserError(f"{place}: found {show(value)}, expected a mapping of {', '.join(keys)}")
        self._values: Mapping[str, Any] = value
        for key in value:
            if key not in keys:
                raise UserError(f"{place}: unknown key {key!r}, expected some of {', '.join(keys)}")

    def has(self, key: str) -> bool:
        """Say whether the key is there."""
        return key in self._values

    def fail(self, key: str, expected: str) -> UserError:
        """Return the error of a key: what was found and what was expected."""
        found = show(self._values[key]) if key in self._values else "nothing"
        return UserError(f"{self.place}: {key}: found {found}, expected {expected}")

    def get(self, key: str, default: Any = None) -> Any:
        """Return the raw value."""
        return self._values.get(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty; without a default the key is required."""
        if key not in self._values and default is not None:
            return default
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(key, "a text")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Return a finite number; without a default the key is required."""
        if key not in self._values and default is not None:
            return default
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            hint = " (YAML reads 1e-9 as a text: write 1.0e-9)" if isinstance(value, str) else ""
            raise self.fail(key, f"a finite number{hint}")
        return value

    def one_of(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of the choices."""
        value = self._values.get(key, default)
        if value not in choices or not isinstance(value, str):
            raise self.fail(key, f"one of {', '.join(choices)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def scalar(self, key: str) -> Scalar:
        """Return a text, a finite number, true or false."""
        value = self._values.get(key)
        if not is_scalar(value):
            raise self.fail(key, "a text, a number, true or false")
        return value

    def texts(self, key: str, choices: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a list of different texts, at least one."""
        value = self._values.get(key)
        expected = f"a list of some of {', '.join(choices)}" if choices else "a list of texts"
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise self.fail(key, expected)
        if len(set(value)) < len(value) or (choices and not set(value) <= set(choices)):
            raise self.fail(key, expected + ", each once")
        return tuple(value)


def is_scalar(value: Any) -> TypeGuard[Scalar]:
    """Say whether a value can be compared with a cell: a text, a finite number, true or false."""
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def parse_rule(value: Any, place: str) -> Rule:
    """Read the ``rule`` of a claim.

    Args:
        value: what YAML made of it.
        place: file, item and key, for errors.

    Raises:
        UserError: an unknown or missing key, a wrong type, or parts that do not fit each other.
    """
    rule = Section(value, place, ("contrast", "direction", "margin", "interval", "family", "evidence"))
    contrast = _parse_contrast(rule.get("contrast"), f"{place}.contrast")
    methods = CONTRASTS[contrast.kind][2]
    direction = rule.one_of("direction", DIRECTIONS)
    margin = rule.number("margin", 0.0)
    if margin < 0:
        raise rule.fail("margin", "a number of at least 0")
    if direction == "equal" and margin == 0 and contrast.kind != "value":
        raise rule.fail("margin", "a number above 0, since only a margin makes equality testable")
    interval = Section(
        rule.get("interval", {"method": "exact"} if contrast.kind == "value" else None),
        f"{place}.interval",
        ("method", "level", "paired_by"),
    )
    method = interval.one_of("method", METHODS)
    if method not in methods:
        raise interval.fail("method", f"one that fits contrast {contrast.kind}: {', '.join(methods)}")
    level = interval.number("level", 0.95)
    if not 0.5 < level < 1:
        raise interval.fail("level", "a number between 0.5 and 1")
    if interval.has("level") and method == "exact":
        raise interval.fail("level", "no level, since exact has no interval")
    if interval.has("paired_by") != (method == "paired_t"):
        raise interval.fail("paired_by", "a column with method paired_t, and with no other")
    paired_by: tuple[str, ...] = ()
    if method == "paired_t":
        several = isinstance(interval.get("paired_by"), list)
        paired_by = interval.texts("paired_by") if several else (interval.text("paired_by"),)
    family = rule.text("family", "")
    if family and not has_p(method, direction):
        raise rule.fail("family", f"none, since {method} gives no p for direction {direction}")
    evidence = rule.one_of("evidence", OF_NO_DATA) if rule.has("evidence") else ""
    if evidence and contrast.kind != "value":
        raise rule.fail("evidence", "none, since only a contrast of kind value can rest on no data")
    return Rule(contrast, direction, margin, method, level, paired_by, family, evidence, dict(value))


def _parse_contrast(value: Any, place: str) -> Contrast:
    if not isinstance(value, dict):
        raise UserError(f"{place}: found {show(value)}, expected a mapping with a kind")
    every = {key for needed, optional, _ in CONTRASTS.values() for key in (*needed, *optional)}
    kind = Section(value, place, ("kind", *sorted(every))).one_of("kind", tuple(CONTRASTS))
    needed, optional, _ = CONTRASTS[kind]
    section = Section(value, f"{place} ({kind})", ("kind", *needed, *optional))
    texts = {key: section.text(key) for key in ("metric", "by", "x", "y", "name") if key in needed}
    sides = {key: section.scalar(key) for key in ("a", "b") if key in needed}
    contrast = Contrast(
        kind=kind,
        **texts,
        **sides,  # type: ignore[arg-type]  # a and b are scalars by the line above
        where=_parse_where(section.get("where", {}), f"{place}.where"),
        reference=section.number("reference") if "reference" in needed else 0.0,
        threshold=section.number("threshold") if section.has("threshold") else None,
        equals=section.scalar("equals") if section.has("equals") else None,
        include_all=section.has("include") and bool(section.one_of("include", ("all",))),
    )
    if contrast.by in contrast.where:
        raise section.fail("where", f"no filter of {contrast.by!r}, the column that a and b are of")
    if kind == "difference" and contrast.a == contrast.b:
        raise section.fail("b", f"another group than a ({contrast.a!r})")
    if kind == "correlation" and contrast.x == contrast.y:
        raise section.fail("y", f"another column than x ({contrast.x!r})")
    if kind == "proportion":
        if section.has("threshold") == section.has("equals"):
            raise section.fail("threshold", "either threshold or equals, and not both")
        if not 0 <= contrast.reference <= 1:
            raise section.fail("reference", "a proportion from 0 to 1")
    return contrast


def _parse_where(value: Any, place: str) -> dict[str, tuple[Scalar, ...]]:
    if not isinstance(value, dict):
        raise UserError(f"{place}: found {show(value)}, expected a mapping of column to value or values")
    where = {}
    for column, wanted in value.items():
        options = wanted if isinstance(wanted, list) else [wanted]
        if not isinstance(column, str) or not options or not all(map(is_scalar, options)):
            raise UserError(f"{place}: {column}: found {show(wanted)}, expected a value or a list of values")
        where[column] = tuple(options)
    return where
