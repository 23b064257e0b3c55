"""What a claims file says and what judging it gives, as plain data."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

Scalar = str | int | float | bool

KINDS = ("figure", "table", "claim", "finding")
JUDGED = ("claim", "finding")
DIRECTIONS = ("greater", "less", "equal", "differs")
PROFILES = ("quick", "full", "paper")  # smoke shows what quick does
OF_NO_DATA = ("printed numbers", "measurement")
"""Evidence that a rule may name in place of the page's: what is printed; timings and checks without data."""
EVIDENCE = ("stand-in", "real data", *OF_NO_DATA)


@dataclass(frozen=True)
class Contrast:
    """What is estimated: which rows, which column, against what."""

    kind: str
    metric: str = ""
    by: str = ""
    a: Scalar = ""
    b: Scalar = ""
    x: str = ""
    y: str = ""
    name: str = ""
    where: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    reference: float = 0.0
    threshold: float | None = None
    equals: Scalar | None = None
    include_all: bool = False


@dataclass(frozen=True)
class Rule:
    """How a claim is judged; ``written`` is the rule as it stands in the file, for its hash."""

    contrast: Contrast
    direction: str
    margin: float
    method: str
    level: float
    paired_by: tuple[str, ...]
    family: str
    evidence: str
    written: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)  # words for the reader; no part of ``written``

    @property
    def interval_level(self) -> float:
        """Level of the interval: for "equal" 1 - 2 alpha, that of two one-sided tests at alpha."""
        return 2 * self.level - 1 if self.direction == "equal" else self.level


@dataclass(frozen=True)
class Item:
    """A figure, table, claim or finding of the paper."""

    id: str
    kind: str
    title: str
    printed: str
    profiles: tuple[str, ...]
    paper_text: str = ""
    paper_value: float | None = None
    comparable: bool = False
    figure: str = ""
    rule: Rule | None = None
    untestable: str = ""

    def in_profile(self, profile: str) -> bool:
        """Say whether the item is made or tested in a profile; smoke has what quick has."""
        return ("quick" if profile == "smoke" else profile) in self.profiles


@dataclass(frozen=True)
class Link:
    """A link of the paper."""

    text: str
    url: str


@dataclass(frozen=True)
class ClaimsFile:
    """The claims file of one paper; ``thumbnail`` is the figure that stands for it on the index."""

    file: str
    slug: str
    title: str
    authors: str
    year: int
    venue: str
    url: tuple[Link, ...]
    bibtex: str
    summary: str
    verdict: tuple[str, ...]
    items: tuple[Item, ...]
    labels: dict[str, str] = field(default_factory=dict)
    thumbnail: str = ""

    def declared(self, profile: str, kind: str) -> list[str]:
        """Return the ids of the items of a kind that a profile makes or tests, in the file's order.

        Raises:
            ValueError: an unknown profile or kind.
        """
        if profile not in (*PROFILES, "smoke") or kind not in KINDS:
            raise ValueError(f"declared({profile!r}, {kind!r}): unknown profile or kind")
        return [item.id for item in self.items if item.kind == kind and item.in_profile(profile)]

    @property
    def rules_sha256(self) -> str:
        """Hash of the rules alone (id, profiles, rule as written), blind to prose and to the items' order."""
        rules = [
            {
                "id": item.id,
                "profiles": sorted(item.profiles),
                "rule": item.rule.written if item.rule else None,
            }
            for item in sorted(self.items, key=lambda item: item.id)
            if item.kind in JUDGED
        ]
        text = json.dumps(rules, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ClaimResult:
    """A claim as judged. An end of the interval that is unbounded, and all that does not apply, is None.

    p is two-sided against no difference (or the reference); with direction "equal" that of two one-sided tests.
    ``p_holm`` is adjusted within the family, ``p_floor`` the smallest p that the sample sizes allow.
    ``reason`` says why a claim was not tested, and else which runs or values were left out.
    """

    id: str
    kind: str
    title: str
    printed: str
    paper_text: str
    paper_value: float | None
    estimate: float | None
    low: float | None
    high: float | None
    level: float | None
    p: float | None
    p_holm: float | None
    p_floor: float | None
    n_a: int | None
    n_b: int | None
    method: str
    direction: str
    margin: float | None
    outcome: str
    evidence: str
    reason: str
    figure: str
    rule_text: str


RESULT_FIELDS = tuple(entry.name for entry in fields(ClaimResult))
