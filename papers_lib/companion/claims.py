"""Claims files (``notebooks/SLUG/claims.yaml``): what a paper shows, what it printed, and the rules that judge ours.

A rule has one of five forms: a ``paired`` or ``unpaired`` difference of two groups of runs, a ``mean`` against a number,
the ``equivalence`` of two groups or with a number (two one-sided tests), and a computed ``value`` against a number. What
the rules of a family share is written once, under ``families``. ``judging`` evaluates them.
"""

import dataclasses
import hashlib
import json
import re
import string
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from papers_lib.companion.claims_text import outcome_word, reason_text, rule_text, to_markdown
from papers_lib.companion.tables import MISSING, format_number, is_missing
from papers_lib.companion.yaml_files import read_yaml, show
from papers_lib.errors import UserError

__all__ = ["ClaimResult", "ClaimsFile", "Item", "load_claims", "outcome_word", "rule_text", "to_markdown", "verdict"]

KINDS = ("figure", "table", "claim", "observation")
JUDGED = ("claim", "observation")
PROFILES = ("quick", "full", "paper")  # smoke shows what quick does
EVIDENCE = ("synthetic data", "real data", "measurement")
"""What a page rests on (the first two), or a value alone: a measurement needs no data, such as a time."""
LEVEL = 0.95  # of every interval; of an equivalence 0.90, that of two one-sided tests at 0.05

Scalar = bool | int | float | str
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Profile = Literal["quick", "full", "paper"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Rule(_Strict):
    """What every rule has.

    Attributes:
        direction: on which side of the reference the claim puts the estimate.
        margin: how far at least; of an equivalence how far at most.
        family: claims that are corrected together by Holm.
    """

    form: str
    direction: Literal["greater", "less", "differs", "equal"]
    margin: float = Field(0.0, ge=0)
    reference: float = 0.0
    family: str = ""
    _labels: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """Words of the file for columns and values."""
        return self._labels

    @property
    def exact(self) -> bool:
        """Whether the number has no interval."""
        return self.form == "value"

    @property
    def level(self) -> float:
        """Of the interval: for equal 1 - 2 alpha."""
        return 2 * LEVEL - 1 if self.direction == "equal" else LEVEL


class OfRuns(Rule):
    """A rule on a column of the runs, those that ``where`` keeps: column → value, or several of them."""

    metric: Text
    where: dict[str, list[Scalar]] = {}
    by: str = ""
    a: Scalar = ""
    b: Scalar = ""

    @field_validator("where", mode="before")
    @classmethod
    def _lists(cls, found: Any) -> Any:
        if not isinstance(found, dict):
            return found
        return {column: some if isinstance(some, list) else [some] for column, some in found.items()}

    @model_validator(mode="after")
    def _two_groups(self) -> Self:
        if not all(self.where.values()):
            raise ValueError("where: expected a value or several for each column")
        if self.by in self.where:
            raise ValueError(f"where: filters {self.by!r}, the column of a and b")
        if self.by and self.a == self.b:
            raise ValueError("b: expected another group than a")
        return self


class Paired(OfRuns):
    """Mean of the differences a - b of runs that share ``paired_by``, by Student's t."""

    form: Literal["paired"]
    direction: Literal["greater", "less", "differs"]
    by: Text
    a: Scalar
    b: Scalar
    paired_by: list[Text] = Field(["seed"], min_length=1)


class Unpaired(OfRuns):
    """Shift from b to a by Hodges and Lehmann, with the exact Mann-Whitney test."""

    form: Literal["unpaired"]
    direction: Literal["greater", "less", "differs"]
    by: Text
    a: Scalar
    b: Scalar


class Mean(OfRuns):
    """Mean of a column against ``reference``, by Student's t; with ``equals`` a share of the runs, by Wilson.

    Attributes:
        equals: the share of runs whose value is this one.
        failed_too: runs that failed count as well.
    """

    form: Literal["mean"]
    direction: Literal["greater", "less", "differs"]
    reference: float
    equals: Scalar | None = None
    failed_too: bool = False


class Equivalence(OfRuns):
    """a - b, or a mean less its ``reference``, lies within the margin: two one-sided tests.

    Pairs by Student's t; with an empty ``paired_by`` by ranks.
    """

    form: Literal["equivalence"]
    direction: Literal["equal"] = "equal"
    margin: float = Field(gt=0)
    paired_by: list[Text] = ["seed"]

    @model_validator(mode="after")
    def _groups_or_reference(self) -> Self:
        if bool(self.by) == ("reference" in self.model_fields_set):
            raise ValueError("expected either by, a and b, or a reference")
        return self


class Value(Rule):
    """A computed number of the page (``page.value``) against a reference; ``evidence`` in place of the page's."""

    form: Literal["value"]
    name: Text
    reference: float
    family: Literal[""] = ""
    evidence: Literal["", "measurement"] = ""


AnyRule = Annotated[Paired | Unpaired | Mean | Equivalence | Value, Field(discriminator="form")]


class Printed(_Strict):
    """What the paper printed, in words and, where it is one, as a number."""

    text: Text
    value: float | None = None


class Item(_Strict):
    """A figure, table, claim or observation."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["figure", "table", "claim", "observation"]
    title: Text
    printed: Text
    profiles: list[Profile] = Field(list(PROFILES), min_length=1)
    paper: Printed | None = None
    comparable: bool = False
    figure: str = ""
    rule: AnyRule | None = None
    untestable: str = ""

    @model_validator(mode="after")
    def _judged_by_a_rule(self) -> Self:
        if self.kind in JUDGED and (self.rule is None) == (not self.untestable):
            raise ValueError('rule: expected either a rule, or untestable: "the reason"')
        if self.kind not in JUDGED and (self.rule or self.untestable or self.figure):
            raise ValueError(f"expected no rule and no figure, since a {self.kind} is shown, not judged")
        return self

    @property
    def paper_text(self) -> str:
        """What the paper printed; empty for nothing."""
        return self.paper.text if self.paper else ""

    @property
    def paper_value(self) -> float | None:
        """The number that the paper printed."""
        return self.paper.value if self.paper else None

    def in_profile(self, profile: str) -> bool:
        """Whether the item is made or tested in a profile; smoke has what quick has."""
        return ("quick" if profile == "smoke" else profile) in self.profiles


class Link(_Strict):
    """A link of the paper."""

    text: Text
    url: str = Field(pattern=r"^https?://\S+$")


class ClaimsFile(_Strict):
    """The claims file of one paper; ``thumbnail`` is the figure that stands for it on the index."""

    file: str
    slug: Text
    title: Text
    authors: Text
    year: int
    venue: Text
    url: list[Link]
    bibtex: Text
    summary: Text
    verdict: list[Text] = Field(max_length=3)
    items: list[Item] = Field(min_length=1)
    labels: dict[str, Text] = {}
    families: dict[str, dict[str, Any]] = {}
    thumbnail: str = ""

    @model_validator(mode="after")
    def _names_that_exist(self) -> Self:
        ids = [item.id for item in self.items]
        shown = {item.id for item in self.items if item.kind not in JUDGED}
        if twice := [name for name in ids if ids.count(name) > 1]:
            raise ValueError(f"item {twice[0]}: found twice")
        for item in self.items:
            if item.figure and item.figure not in shown:
                raise ValueError(f"item {item.id}: figure: found {item.figure!r}, expected a figure or table")
            if item.rule is not None:
                item.rule._labels.update(self.labels)
        if self.thumbnail and self.thumbnail not in shown:
            raise ValueError(f"thumbnail: found {self.thumbnail!r}, expected a figure of this file")
        for sentence in self.verdict:
            _check_sentence(sentence, [item.id for item in self.items if item.kind in JUDGED])
        return self

    def declared(self, profile: str, kind: str) -> list[str]:
        """Ids of the items of a kind that a profile makes or tests, in the file's order.

        Raises:
            ValueError: an unknown profile or kind.
        """
        if profile not in (*PROFILES, "smoke") or kind not in KINDS:
            raise ValueError(f"declared({profile!r}, {kind!r}): unknown profile or kind")
        return [item.id for item in self.items if item.kind == kind and item.in_profile(profile)]

    @property
    def rules_sha256(self) -> str:
        """Hash of the rules alone (id, profiles, rule), blind to prose, to families' defaults and to order."""
        rules = {
            item.id: [sorted(item.profiles), item.rule.model_dump() if item.rule else None]
            for item in self.items
            if item.kind in JUDGED
        }
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class ClaimResult:
    """A claim as judged. An end of the interval that is unbounded, and all that does not apply, is None.

    p is two-sided against no difference (or the reference); of an equivalence that of two one-sided tests.
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


RESULT_FIELDS = tuple(field.name for field in dataclasses.fields(ClaimResult))


def load_claims(path: str | Path) -> ClaimsFile:
    """Read and check a claims file.

    Raises:
        UserError: the file is missing or no YAML, or something in it is unknown, missing, of the wrong type or does not
            fit; the line names the file, the item and the key.
    """
    path = Path(path)
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path.name}: found {show(content)}, expected a mapping")
    if path.name == "claims.yaml" and content.get("slug") != path.parent.name:
        raise UserError(f"claims.yaml: slug: found {show(content.get('slug'))}, expected {path.parent.name!r}")
    families, items = content.get("families") or {}, content.get("items")
    if isinstance(families, dict) and isinstance(items, list):
        content = {**content, "items": [_with_defaults(item, families, path.name) for item in items]}
    try:
        return ClaimsFile.model_validate({**content, "file": path.name})
    except ValidationError as error:
        raise UserError(f"{path.name}: {_line(error, items)}") from error


def _with_defaults(item: Any, families: dict[Any, Any], file: str) -> Any:
    """The item with what its rule's family says in the place of what the rule leaves out."""
    rule = item.get("rule") if isinstance(item, dict) else None
    family = rule.get("family") if isinstance(rule, dict) else None
    if not isinstance(family, str) or not isinstance(rule, dict):
        return item
    defaults = families.get(family)
    if not isinstance(defaults, dict):
        place = f"{file}: item {item.get('id')}: rule: family"
        raise UserError(f"{place}: found {family!r}, expected one of {', '.join(map(str, families)) or 'none'}")
    return {**item, "rule": {**defaults, **rule}}


def _line(error: ValidationError, items: Any) -> str:
    """The first slip as ``item heart: rule: margin: …``; pydantic's place has numbers, and the form among the keys."""
    first = error.errors(include_url=False)[0]
    place = [str(step) for step in first["loc"] if step not in ("paired", "unpaired", "mean", "equivalence", "value")]
    if place[:1] == ["items"] and len(place) > 1 and isinstance(items, list):
        item = items[int(place[1])]
        place = [f"item {item['id'] if isinstance(item, dict) and 'id' in item else int(place[1]) + 1}", *place[2:]]
    what = first["msg"].removeprefix("Value error, ").replace("Extra inputs are not permitted", "unknown key")
    found = "" if first["type"] in ("missing", "value_error") else f" (found {show(first['input'])})"
    return " ".join(f"{': '.join([*place, what])}{found}".split())


def _check_sentence(sentence: str, judged: Sequence[str]) -> None:
    """Refuse a sentence of the verdict that names no judged item, or no field of a result."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]
    except ValueError as error:
        raise ValueError(f"verdict: {error}, expected fields such as {{claim_id.estimate:.2f}}") from error
    for name in names:
        item, _, attribute = name.partition(".")
        if item not in judged or attribute not in (*RESULT_FIELDS, "word"):
            raise ValueError(f"verdict: found {{{name}}}, expected a claim or observation and a field of its result")


class _Filler(string.Formatter):
    """Fields are ``claim_id.field``; numbers get a true minus sign, what is missing reads –."""

    def __init__(self, results: Mapping[str, ClaimResult]) -> None:
        self.results = results

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        item, _, attribute = field_name.partition(".")
        if item not in self.results:
            raise UserError(f"no result for claim {item!r}, expected one of {', '.join(self.results)}")
        result = self.results[item]
        return (outcome_word(result) if attribute == "word" else getattr(result, attribute)), item

    def undecided(self, sentence: str) -> list[ClaimResult]:
        """The claims of a sentence that were not tested, or lack the number that it asks for."""
        fields = [self.get_field(name, (), {}) for _, name, _, _ in self.parse(sentence) if name is not None]
        names = [item for value, item in fields if is_missing(value) or self.results[item].outcome == "not tested"]
        return [self.results[name] for name in dict.fromkeys(names)]

    def format_field(self, value: Any, format_spec: str) -> str:
        if is_missing(value):
            return MISSING
        if isinstance(value, str):
            return format(value, format_spec)
        return format_number(value, format_spec or ("d" if isinstance(value, int) else ".3g"))


def verdict(claims: ClaimsFile, results: Sequence[ClaimResult]) -> list[str]:
    """The sentences of the verdict, their fields filled from the results.

    A sentence that names a claim that was not tested, or a number that a result lacks, is replaced as a whole
    by one that says so. ``{claim_id.word}`` is the outcome as the pages word it.

    Raises:
        UserError: a claim without a result (of another version of the file), or a format that does not fit.
    """
    filler = _Filler({result.id: result for result in results})
    rules = {item.id: item.rule for item in claims.items}
    sentences = []
    for number, sentence in enumerate(claims.verdict, start=1):
        try:
            filled = filler.format(sentence)  # in any case, so that every profile shows a slip
        except (UserError, ValueError) as error:
            raise UserError(f"{claims.file}: verdict: sentence {number}: {error}") from error
        undecided = filler.undecided(sentence)
        sentences.append(_undecided_text(undecided, rules) if undecided else filled)
    return sentences


def _undecided_text(results: Sequence[ClaimResult], rules: Mapping[str, Rule | None]) -> str:
    """One sentence on the claims that a sentence of the verdict could not speak of."""
    titles: dict[str, list[str]] = {}
    for result in results:
        reason = reason_text(result.reason, rules.get(result.id)) or "no interval"
        reason = "no rows" if reason.startswith("no rows with ") else reason.rstrip(".")
        title = textwrap.shorten(result.title.rstrip("."), 72, placeholder=" …")
        titles.setdefault(reason, []).append(f"“{title}”")
    parts = [f"{', '.join(some)} ({reason})" for reason, some in titles.items()]
    return f"Not decided on this page: {re.sub(' +', ' ', '; '.join(parts))}."
