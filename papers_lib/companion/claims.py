"""Claims files (``notebooks/SLUG/claims.yaml``): what a paper shows, what it printed, and the rules that judge ours.

What the rules of a family share is written once, under ``families``; ``judging`` evaluates them.
"""

import dataclasses
import hashlib
import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from papers_lib.companion.claims_text import outcome_word, reason_text, rule_text, to_markdown
from papers_lib.companion.tables import is_missing
from papers_lib.companion.wording import fill
from papers_lib.companion.yaml_files import read_yaml, show
from papers_lib.errors import UserError

__all__ = [
    "ClaimResult",
    "ClaimsFile",
    "Item",
    "load_claims",
    "outcome_word",
    "rule_text",
    "to_markdown",
    "verdict",
]

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
    """How a claim is judged. The form says what is estimated, and how:

    - paired: mean of the differences a - b of runs that share ``paired_by``, Student's t;
    - unpaired: shift from b to a by Hodges and Lehmann, exact Mann-Whitney test;
    - mean: of a column, less ``reference``, Student's t; with ``equals`` the share of runs with that value, Wilson;
    - equivalence: a - b, or a mean less its reference, lies within the margin: two one-sided tests, of pairs by
      Student's t, with an empty ``paired_by`` by ranks;
    - value: a computed number of the page (``page.value``) against ``reference``.

    Attributes:
        direction: on which side of the reference the claim puts the estimate.
        margin: how far at least; for equal how far at most.
        where: column → value, or several of them: the runs that count.
        failed_too: runs that failed count as well.
        family: claims that are corrected together by Holm.
        evidence: of a value, in place of the page's.
        labels: the file's words for columns and values.
    """

    form: Literal["paired", "unpaired", "mean", "equivalence", "value"]
    direction: Literal["greater", "less", "differs", "equal"]
    margin: float = Field(0.0, ge=0)
    metric: str = ""
    by: str = ""
    a: Scalar = ""
    b: Scalar = ""
    where: dict[str, list[Scalar]] = {}
    paired_by: list[Text] = ["seed"]
    failed_too: bool = False
    equals: Scalar | None = None
    name: str = ""
    reference: float = 0.0
    family: str = ""
    evidence: Literal["", "measurement"] = ""
    labels: dict[str, str] = Field({}, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, found: Any) -> Any:
        """A single value of ``where`` stands for a list of it, and an equivalence has its direction."""
        if not isinstance(found, dict):
            return found
        found = {"direction": "equal", **found} if found.get("form") == "equivalence" else dict(found)
        if isinstance(found.get("where"), dict):
            found["where"] = {
                k: some if isinstance(some, list) else [some] for k, some in found["where"].items()
            }
        return found

    @model_validator(mode="after")
    def _of_its_form(self) -> Self:
        groups, runs = {"by", "a", "b"}, {"metric", "where", "family"}
        needed, allowed = {
            "paired": ({"metric", *groups}, {*runs, "paired_by"}),
            "unpaired": ({"metric", *groups}, runs),
            "mean": ({"metric", "reference"}, {*runs, "equals", "failed_too"}),
            "equivalence": ({"metric", *(groups if self.by else {"reference"})}, {*runs, "paired_by"}),
            "value": ({"name", "reference"}, {"evidence"}),
        }[self.form]
        given = self.model_fields_set - {"form", "direction", "margin", "labels"}
        if given - needed - allowed or needed - given:
            wrong = ", ".join(
                [f"no {key}" for key in sorted(needed - given)] + sorted(given - needed - allowed)
            )
            raise ValueError(f"found {wrong}, expected {', '.join(sorted(needed))} for form {self.form}")
        if (self.form == "equivalence") != (self.direction == "equal") and not self.exact:
            raise ValueError(f"direction: found {self.direction}, which form {self.form} does not have")
        if self.form == "equivalence" and not self.margin:
            raise ValueError("margin: expected a number above 0, since only a margin makes equality testable")
        if self.by and (self.by in self.where or self.a == self.b):
            raise ValueError(f"expected two groups of {self.by!r} that where does not filter")
        if not all(self.where.values()):
            raise ValueError("where: expected a value or several for each column")
        return self

    @property
    def exact(self) -> bool:
        """Whether the number has no interval."""
        return self.form == "value"

    @property
    def pairs(self) -> list[str]:
        """Columns that pair the runs of two groups; empty where nothing is paired."""
        return self.paired_by if self.by and self.form != "unpaired" else []

    @property
    def level(self) -> float:
        """Of the interval: for equal 1 - 2 alpha."""
        return 2 * LEVEL - 1 if self.direction == "equal" else LEVEL

    @property
    def filters(self) -> dict[str, list[Scalar]]:
        """Column → values of the rows that the rule speaks of, those of its two groups included."""
        return {**self.where, self.by: [self.a, self.b]} if self.by else self.where


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
    profiles: list[Profile] = Field(["quick", "full", "paper"], min_length=1)
    paper: Printed | None = None
    comparable: bool = False
    figure: str = ""
    rule: Rule | None = None
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
                item.rule.labels.update(self.labels)
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


_FIELD = re.compile(r"\{(\w+\.\w+)(?::[^{}]*)?\}")
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
        raise UserError(
            f"claims.yaml: slug: found {show(content.get('slug'))}, expected {path.parent.name!r}"
        )
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
        raise UserError(
            f"{place}: found {family!r}, expected one of {', '.join(map(str, families)) or 'none'}"
        )
    return {**item, "rule": {**defaults, **rule}}


def _line(error: ValidationError, items: Any) -> str:
    """The first slip as ``item heart: rule: margin: …``; pydantic's place has the item's number."""
    first = error.errors(include_url=False)[0]
    place = [str(step) for step in first["loc"]]
    if place[:1] == ["items"] and len(place) > 1 and isinstance(items, list):
        item = items[int(place[1])]
        place = [
            f"item {item['id'] if isinstance(item, dict) and 'id' in item else int(place[1]) + 1}",
            *place[2:],
        ]
    what = first["msg"].removeprefix("Value error, ").replace("Extra inputs are not permitted", "unknown key")
    found = "" if first["type"] in ("missing", "value_error") else f" (found {show(first['input'])})"
    return " ".join(f"{': '.join([*place, what])}{found}".split())


def _check_sentence(sentence: str, judged: Sequence[str]) -> None:
    """Refuse a sentence of the verdict that names no judged item, or no field of a result."""
    if re.search("[{}]", _FIELD.sub("", sentence)):
        raise ValueError(f"verdict: found a lone brace in {show(sentence)}")
    for name in _FIELD.findall(sentence):
        item, _, attribute = name.partition(".")
        if item not in judged or attribute not in (*RESULT_FIELDS, "word"):
            raise ValueError(
                f"verdict: found {{{name}}}, expected a claim or observation and a field of its result"
            )


def verdict(claims: ClaimsFile, results: Sequence[ClaimResult]) -> list[str]:
    """The sentences of the verdict, their fields ``{claim_id.field}`` filled from the results.

    A sentence that names a claim that was not tested, or a number that a result lacks, is replaced as a whole
    by one that says so. ``{claim_id.word}`` is the outcome as the pages word it.

    Raises:
        UserError: a claim without a result (of another version of the file), or a format that does not fit.
    """
    found = {result.id: result for result in results}
    values = {f"{r.id}.{key}": value for r in results for key, value in vars(r).items()}
    values |= {f"{result.id}.word": outcome_word(result) for result in results}
    sentences = []
    for sentence in claims.verdict:
        try:
            filled = fill(sentence, values)  # in any case, so that every profile shows a slip
        except UserError as error:
            raise UserError(f"{claims.file}: verdict: {error}") from error
        names = {name: found[name.partition(".")[0]] for name in _FIELD.findall(sentence)}
        silent = [r for name, r in names.items() if is_missing(values[name]) or r.outcome == "not tested"]
        sentences.append(_undecided_text(claims, list(dict.fromkeys(silent))) if silent else filled)
    return sentences


def _undecided_text(claims: ClaimsFile, results: Sequence[ClaimResult]) -> str:
    """One sentence on the claims that a sentence of the verdict could not speak of."""
    rules = {item.id: item.rule for item in claims.items}
    titles: dict[str, list[str]] = {}
    for result in results:
        reason = reason_text(result.reason, rules.get(result.id)) or "no interval"
        reason = "no rows" if reason.startswith("no rows with ") else reason.rstrip(".")
        title = textwrap.shorten(result.title.rstrip("."), 72, placeholder=" …")
        titles.setdefault(reason, []).append(f"“{title}”")
    parts = [f"{', '.join(some)} ({reason})" for reason, some in titles.items()]
    return f"Not decided on this page: {'; '.join(parts)}."
