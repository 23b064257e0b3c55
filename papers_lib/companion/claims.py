"""Claims files (``notebooks/SLUG/claims.yaml``): what a paper shows and printed, and the rules that judge ours."""

import hashlib
import json
import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic import model_validator as checked

from papers_lib.companion.tables import format_number, is_missing
from papers_lib.companion.wording import MISSING, fill, ours_text, outcome_text, sample_text
from papers_lib.companion.yaml_files import read_yaml, show
from papers_lib.errors import UserError

JUDGED = ("claim", "observation")
LEVEL = 0.95  # of every interval; of an equivalence 0.90, that of two one-sided tests at 0.05

Text = Annotated[str, Field(pattern=r"\S")]
Scalar = bool | int | float | str
OneOrMore = BeforeValidator(lambda found: found if isinstance(found, list) else [found])
# Keys that a rule of each form must have, and may have.
_KEYS = {
    "paired": ("direction metric by a b", "margin where family paired_by"),
    "unpaired": ("direction metric by a b", "margin where family"),
    "mean": ("direction metric reference", "margin where family equals failed_too"),
    "equivalence": ("margin metric", "where family paired_by by a b reference"),
    "value": ("direction name reference", "margin evidence"),
}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Rule(_Strict):
    """How a claim is judged: by an estimate on the side ``direction`` of the reference by more than ``margin``.

    - paired: mean of a - b over runs that share ``paired_by``, Student's t;
    - unpaired: shift from b to a by Hodges and Lehmann, exact Mann-Whitney test;
    - mean: of a column, Student's t; with ``equals`` the share of runs with that value, Wilson;
    - equivalence: of pairs (of ranks if ``paired_by`` is empty), or of a mean: two one-sided tests;
    - value: a computed number of the page (``page.value``).

    ``where``: column → value, or several. A ``family`` is corrected by Holm. ``labels``: words for the reader.
    """

    form: Literal["paired", "unpaired", "mean", "equivalence", "value"]
    direction: Literal["greater", "less", "differs", "equal"] = "equal"
    margin: float = Field(0.0, ge=0)
    metric: str = ""
    by: str = ""
    a: Scalar = ""
    b: Scalar = ""
    where: dict[str, Annotated[list[Scalar], OneOrMore, Field(min_length=1)]] = {}
    paired_by: list[Text] = ["seed"]
    failed_too: bool = False
    equals: Scalar | None = None
    name: str = ""
    reference: float = 0.0
    family: str = ""
    evidence: Literal["", "measurement"] = ""
    labels: dict[str, str] = Field({}, exclude=True)

    @checked(mode="before")
    @classmethod
    def _with_what_its_family_says(cls, found: Any, info: ValidationInfo) -> Any:
        if not isinstance(found, dict) or not isinstance(family := found.get("family"), str):
            return found
        if not isinstance(defaults := (info.context or {}).get(family), dict):
            raise ValueError(f"family: found {family!r}, expected one of families")
        return {**defaults, **found}

    @checked(mode="after")
    def _of_its_form(self) -> Self:
        needed, allowed = (keys.split() for keys in _KEYS[self.form])
        if self.form == "equivalence":
            needed += ["by", "a", "b"] if self.by else ["reference"]
        given = self.model_fields_set - {"form"}
        wrong = [f"no {key}" for key in needed if key not in given] + sorted(given - {*needed, *allowed})
        if wrong:
            raise ValueError(f"found {', '.join(wrong)}, expected {', '.join(needed)} for form {self.form}")
        if self.direction == "equal" and not (self.margin or self.form == "value"):
            raise ValueError("expected form equivalence and a margin above 0, without which nothing is equal")
        if self.by and (self.by in self.where or self.a == self.b):
            raise ValueError(f"expected two groups of {self.by!r} that where does not filter")
        return self

    @property
    def method(self) -> Literal["value", "share", "mean", "ranks", "pairs"]:
        """How it is estimated."""
        if self.form == "value":
            return "value"
        if not self.by:
            return "mean" if self.equals is None else "share"
        return "pairs" if self.form != "unpaired" and self.paired_by else "ranks"

    @property
    def level(self) -> float:
        """Of the interval: for equal 1 - 2 alpha."""
        return 2 * LEVEL - 1 if self.direction == "equal" else LEVEL

    @property
    def text(self) -> str:
        """The rule as a sentence."""
        metric, a, b = map(self.in_words, (self.metric, self.a, self.b), ("", self.by, self.by))
        shifts, keys = (-self.margin, 0.0, self.margin), " and ".join(map(self.in_words, self.paired_by))
        low, at, high = (format_number(self.reference + shift, ".6g") for shift in shifts)
        estimate = {
            "pairs": f"{metric}, {a} minus {b}; mean of paired differences, Student t by {keys}",
            "ranks": f"{metric}, {a} minus {b}; Hodges-Lehmann shift",
            "mean": f"mean {metric} against {at}; Student t",
            "share": f"share of runs ({self.where_text({self.metric: [self.equals]})}) against {at}; Wilson",
            "value": f"{self.in_words(self.name)} against {at}; exact",
        }[self.method]
        rows = f" ({self.where_text(self.where)})" if self.where else ""
        rows += ", failed runs included" if self.failed_too else ""
        exact, zone = self.form == "value", f"{low} to {high}" if self.margin else at
        whole = "it" if exact else f"the whole {100 * self.level:g} % interval"
        test = {
            "greater": f"is above {high}, contradicted if below {low}",
            "less": f"is below {low}, contradicted if above {high}",
            "equal": f"is {'inside ' if self.margin else ''}{zone}, contradicted if outside",
            "differs": f"excludes {zone}" + (", contradicted if inside" if exact or self.margin else ""),
        }[self.direction]
        holm = f"; p adjusted by Holm within {self.in_words(self.family, 'family')}" if self.family else ""
        return f"{estimate}{rows}: supported if {whole} {test}{holm}."

    def in_words(self, value: Any, column: str = "") -> str:
        """A column, or a value of a column: its label, or as a claims file writes it."""
        text = _text(value)
        return self.labels.get(f"{column}={text}") or self.labels.get(text, text)

    def where_text(self, where: Mapping[str, Sequence[Any]]) -> str:
        """A filter in words; a label of ``column=value`` stands for the whole condition."""
        conditions = []
        for column, values in where.items():
            whole = all(f"{column}={_text(value)}" in self.labels for value in values)
            words = " or ".join(self.in_words(value, column if whole else "") for value in values)
            conditions.append(words if whole else f"{self.in_words(column)} = {words}")
        return ", ".join(conditions)


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
    profiles: list[Literal["quick", "full", "paper"]] = Field(["quick", "full", "paper"], min_length=1)
    paper: Printed | None = None
    figure: str = ""
    rule: Rule | None = None
    untestable: str = ""

    @checked(mode="after")
    def _judged_by_a_rule(self) -> Self:
        if self.kind in JUDGED and (self.rule is None) == (not self.untestable):
            raise ValueError('rule: expected either a rule, or untestable: "the reason"')
        if self.kind not in JUDGED and (self.rule or self.untestable or self.figure):
            raise ValueError(f"expected no rule and no figure, since a {self.kind} is shown, not judged")
        return self

    def in_profile(self, profile: str) -> bool:
        """Whether the item is made or tested in a profile; smoke has what quick has."""
        return ("quick" if profile == "smoke" else profile) in self.profiles


class Link(_Strict):
    """A link of the paper."""

    text: Text
    url: str = Field(pattern=r"^https?://\S+$")


class ClaimsFile(_Strict):
    """The claims file of one paper. ``families``: name → what its rules share; ``thumbnail``: figure on the index."""

    slug: Text
    title: Text
    authors: Text
    year: int
    venue: Text
    url: list[Link]
    bibtex: Text
    summary: Text
    verdict: list[Text] = Field(max_length=3)
    labels: dict[str, Text] = {}
    families: dict[str, dict[str, Any]] = {}
    items: list[Item] = Field(min_length=1)
    thumbnail: str = ""

    @checked(mode="after")
    def _names_that_exist(self) -> Self:
        shown = {"", *(item.id for item in self.items if item.kind not in JUDGED)}
        ids = [item.id for item in self.items]
        if twice := [name for name in ids if ids.count(name) > 1]:
            raise ValueError(f"item {twice[0]}: found twice")
        for item in self.items:
            if item.figure not in shown:
                raise ValueError(f"item {item.id}: figure: found {item.figure!r}, expected a figure or table")
            if item.rule:
                item.rule.labels.update(self.labels)
        if self.thumbnail not in shown:
            raise ValueError(f"thumbnail: found {self.thumbnail!r}, expected a figure of this file")
        names = [*ClaimResult.__dataclass_fields__, "word"]
        known = {f"{item.id}.{name}": 1 for item in self.items if item.kind in JUDGED for name in names}
        try:
            fill(" ".join(self.verdict), known)
        except UserError as error:
            raise ValueError(f"verdict: {str(error)[:80]}") from error
        return self

    def declared(self, profile: str, kind: str) -> list[str]:
        """Ids of the items of a kind that a profile makes or tests, in the file's order."""
        return [item.id for item in self.items if item.kind == kind and item.in_profile(profile)]

    @property
    def rules_sha256(self) -> str:
        """Hash of the rules alone (id, profiles, rule), blind to prose, to families' defaults and to order."""
        judged = (item for item in self.items if item.kind in JUDGED)
        rules = {
            one.id: [sorted(one.profiles), one.rule.model_dump() if one.rule else None] for one in judged
        }
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class ClaimResult:
    """A claim as judged; None: an unbounded end of the interval, and what does not apply.

    ``p_floor``: the smallest p that the sample sizes allow; ``reason``: why not tested, or which runs were left out.
    """

    id: str
    kind: str
    title: str
    printed: str
    paper_text: str = ""
    paper_value: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_floor: float | None = None
    n_a: int | None = None
    n_b: int | None = None
    method: str = ""
    direction: str = ""
    margin: float | None = None
    outcome: str = "not tested"
    evidence: str = ""
    reason: str = ""
    figure: str = ""
    rule_text: str = ""


def load_claims(path: str | Path) -> ClaimsFile:
    """Read and check ``SLUG/claims.yaml``. Raises: UserError, one line with file, item and key of the first slip."""
    path = Path(path)
    content, place = read_yaml(path), f"{path.parent.name}/{path.name}"
    families = content.get("families") if isinstance(content, dict) else None
    try:
        claims = ClaimsFile.model_validate(content, context=families if isinstance(families, dict) else {})
    except ValidationError as error:
        raise UserError(f"{place}: {_line(error, content)}") from error
    if claims.slug != path.parent.name:
        raise UserError(f"{place}: slug: found {claims.slug!r}, expected {path.parent.name!r}")
    return claims


def _line(error: ValidationError, content: Any) -> str:
    """The first slip as ``item heart: rule: margin: …``; pydantic's place has the item's number."""
    first = error.errors(include_url=False)[0]
    place = [*first["loc"]]
    if len(place) > 1 and place[0] == "items":
        item = content["items"][place[1]]
        place[:2] = [f"item {item.get('id', place[1]) if isinstance(item, dict) else place[1]}"]
    what = first["msg"].removeprefix("Value error, ").replace("Extra inputs are not permitted", "unknown key")
    found = "" if first["type"] in ("missing", "value_error") else f" (found {show(first['input'])})"
    return " ".join(f"{': '.join(map(str, [*place, what]))}{found}".split())


def verdict(claims: ClaimsFile, results: Sequence[ClaimResult]) -> list[str]:
    """The sentences of the verdict, filled: ``{claim_id.field}``, or ``{claim_id.word}``, the outcome in words.

    A sentence on a claim that was not tested, or on a number that a result lacks, gives way to one that says so.
    """
    values = {f"{r.id}.{key}": value for r in results for key, value in vars(r).items()}
    values |= {f"{r.id}.word": outcome_text(vars(r)) for r in results}
    sentences = []
    for sentence in claims.verdict:
        filled, silent = fill(sentence, values), []
        for claim, field in re.findall(r"\{(\w+)\.(\w+)", sentence):
            if is_missing(values[f"{claim}.{field}"]) or values[f"{claim}.outcome"] == "not tested":
                title = textwrap.shorten(values[f"{claim}.title"].rstrip("."), 72, placeholder=" …")
                reason = values[f"{claim}.reason"].partition(" with ")[0] or "no interval"
                silent.append(f"“{title}” ({reason})")
        titles = ", ".join(dict.fromkeys(silent))
        sentences.append(f"Not decided on this page: {titles}." if silent else filled)
    return sentences


def to_markdown(results: Sequence[ClaimResult]) -> str:
    """The claims as text: how many have each outcome, then a block each."""
    counts = Counter(outcome_text(vars(result)) for result in results).most_common()
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in counts) or "no claims"
    lines = [f"{outcomes}; evidence: {', '.join(sorted({result.evidence for result in results}))}"]
    for one in results:
        claim = vars(one)
        lines.append(
            f"\n## {one.id}: {outcome_text(claim)}\n\n{' '.join(one.title.split())}\n\n"
            f"- Paper: {one.paper_text or MISSING} ({one.printed})\n"
            f"- Here: {'; '.join(filter(None, (ours_text(claim), sample_text(claim))))}\n"
            f"- Rule: {one.rule_text or MISSING}\n- Evidence: {one.evidence}{one.figure and f', {one.figure}'}"
        )
        lines += [f"- Reason: {one.reason}"] if one.reason else []
    return "\n".join(lines) + "\n"
