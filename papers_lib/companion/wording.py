"""Numbers put into prose: a Markdown template in, Markdown with computed numbers out."""

import numbers
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from papers_lib.companion.tables import MISSING, format_number, is_missing
from papers_lib.errors import UserError

# Formulas and code are left alone: their braces are not ours.
_LITERAL = re.compile(r"(\$\$.*?\$\$|(?<!\\)\$[^$\n]+\$|```.*?```|`[^`\n]+`)", re.DOTALL)
_FIELD = re.compile(r"\{([A-Za-z_]\w*(?:\.\w+)?)(?::([^{}]*))?\}")


def fill(template: str, values: Mapping[str, Any]) -> str:
    r"""Replace each ``{name}`` or ``{name:.2f}`` of a Markdown text by its value.

    Numbers get a true minus sign and powers of ten; a missing value is shown as –. Fields within
    mathematics and code stay as they are.

    Args:
        template: Markdown.
        values: name → number or text; a name may hold one dot (``claim.estimate``).

    Raises:
        UserError: a name that is not in ``values`` (the line lists those that are), or a format that does
            not fit its value.

    >>> fill(r"Share {share:.2f} of $\frac{share}{n}$", {"share": 0.125})
    'Share 0.12 of $\\frac{share}{n}$'
    """

    def replace(field: re.Match[str]) -> str:
        name, spec = field.groups()
        if name not in values:
            raise UserError(f"page.text: no value {name!r}; there are {', '.join(sorted(values)) or 'none'}")
        found = values[name]
        if is_missing(found):
            return MISSING
        try:
            if isinstance(found, numbers.Real) and not isinstance(found, bool):
                default = "d" if isinstance(found, numbers.Integral) else ".3g"
                return format_number(found, spec or default)
            return format(found, spec or "")
        except ValueError as error:
            raise UserError(f"page.text: {name} does not take format {spec!r} ({error})") from error

    parts = _LITERAL.split(template)
    parts[::2] = [_FIELD.sub(replace, part) for part in parts[::2]]
    return "".join(parts)


def ours_text(claim: Mapping[str, Any]) -> str:
    """Our estimate of a claim with its interval (an end may be unbounded); – where it was not tested.

    >>> ours_text({"estimate": 0.25, "low": 0.2, "high": 0.31, "level": 0.95})
    '0.25 [0.2, 0.31]'
    """
    if is_missing(claim.get("estimate")):
        return MISSING
    text = format_number(claim["estimate"], ".3g")
    low, high = claim.get("low"), claim.get("high")
    if is_missing(low) and is_missing(high):
        return text
    left = "(−∞" if is_missing(low) else f"[{format_number(low, '.3g')}"
    right = "∞)" if is_missing(high) else f"{format_number(high, '.3g')}]"
    return f"{text} {left}, {right}"


def sample_text(claim: Mapping[str, Any]) -> str:
    """Group sizes and p-value of a claim, as far as it has them.

    The smallest p that the sizes allow is named where it matters: for a test of ranks, within a factor of 10.

    >>> sample_text({"n_a": 5, "n_b": 4, "p": 0.0125, "p_holm": 0.025, "p_floor": 0.002, "method": "Wilson"})
    'n = 5 and 4; p = 0.0125, 0.025 after Holm'
    """
    sizes = [format_number(claim[key], "g") for key in ("n_a", "n_b") if not is_missing(claim.get(key))]
    parts = [f"n = {' and '.join(sizes)}"] if sizes else []
    if not (is_missing(claim.get("low")) and is_missing(claim.get("high"))) and claim.get("level"):
        parts.append(f"{100 * claim['level']:g} % interval")
    if not is_missing(claim.get("p")):
        p = f"p = {format_number(claim['p'], '.3g')}"
        if not is_missing(claim.get("p_holm")) and claim["p_holm"] != claim["p"]:
            p += f", {format_number(claim['p_holm'], '.3g')} after Holm"
        ranks = str(claim.get("method") or "").lower().startswith(("hodges", "mann"))
        if ranks and not is_missing(claim.get("p_floor")) and claim["p"] <= 10 * claim["p_floor"]:
            p += f", floor {format_number(claim['p_floor'], '.3g')}"
        parts.append(p)
    return "; ".join(parts)


def outcome_text(claim: Mapping[str, Any]) -> str:
    """The outcome as the page words it: "reproduced" is kept for a claim of the paper that holds on real data.

    >>> outcome_text({"kind": "claim", "outcome": "holds", "evidence": "stand-in"})
    'holds'
    """
    found = (claim.get("kind", "claim"), claim["outcome"], claim.get("evidence"))
    return "reproduced" if found == ("claim", "holds", "real data") else str(claim["outcome"])


def evidence_text(evidence: Any) -> str:
    """The evidence as the page words it: "printed numbers" are the authors' too, from tables that they published.

    >>> evidence_text("printed numbers"), evidence_text("stand-in"), evidence_text(None)
    ('published numbers', 'stand-in', '–')
    """
    return {"printed numbers": "published numbers"}.get(str(evidence), str(evidence or MISSING))


def sizes_text(sizes: Mapping[str, int]) -> str:
    """Images by split, in the order in which they are used.

    >>> sizes_text({"test": 300, "train": 800, "val": 400})
    'train 800, val 400, test 300'
    """
    order = [*(split for split in ("train", "val", "test") if split in sizes)]
    order += [split for split in sizes if split not in order]
    return ", ".join(f"{split} {sizes[split]}" for split in order)


def date_text(date: Any) -> str:
    """An ISO date and time as a reader writes it.

    >>> date_text("2026-03-01T12:30:59Z")
    '2026-03-01 12:30 UTC'
    """
    text = str(date or "")
    return f"{text[:10]} {text[11:16]} UTC" if len(text) > 16 else text or MISSING


def day_text(date: Any) -> str:
    """The day of an ISO date and time, in words.

    >>> day_text("2026-03-01T12:30:59Z"), day_text(None)
    ('1 March 2026', '–')
    """
    if not date:
        return MISSING
    found = datetime.fromisoformat(str(date))
    return f"{found.day} {found:%B %Y}"


def duration_text(seconds: Any) -> str:
    """Wall time in the two units that matter.

    >>> duration_text(42.4), duration_text(192), duration_text(3720), duration_text(None)
    ('42 s', '3 min 12 s', '1 h 2 min', '–')
    """
    if seconds is None:
        return MISSING
    whole = round(float(seconds))
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
    )
