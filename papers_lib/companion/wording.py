"""Numbers, outcomes, dates and times in words; and prose whose numbers are computed."""

import re
from collections.abc import Mapping
from typing import Any

from papers_lib.companion.tables import MISSING, cell_text, format_number, is_missing
from papers_lib.errors import UserError

_LITERAL = re.compile(r"(\$\$.*?\$\$|(?<!\\)\$[^$\n]+\$|```.*?```|`[^`\n]+`)", re.DOTALL)  # formulas, code
_FIELD = re.compile(r"\{([A-Za-z_]\w*(?:\.\w+)?)(?::([^{}]*))?\}")

# Words of results that were written before the words were changed.
RENAMED = {"holds": "supported", "opposite": "contradicted", "stand-in": "synthetic data"}
RENAMED |= {"printed numbers": "published numbers", "finding": "observation"}


def fill(template: str, values: Mapping[str, Any]) -> str:
    r"""Replace each ``{name}`` or ``{name:.2f}`` of a Markdown text by its value; a name may hold one dot.

    >>> fill(r"Share {share:.2f} of $\frac{share}{n}$", {"share": 0.125})
    'Share 0.12 of $\\frac{share}{n}$'
    """

    def replace(field: re.Match[str]) -> str:
        name, spec = field.groups()
        if name not in values:
            raise UserError(f"page.text: no value {name!r}; there are {', '.join(sorted(values)) or 'none'}")
        try:
            return cell_text(values[name], spec or (".3g" if isinstance(values[name], float) else ""))
        except ValueError as error:
            raise UserError(f"page.text: {name} does not take format {spec!r} ({error})") from error

    parts = _LITERAL.split(template)
    parts[::2] = [_FIELD.sub(replace, part) for part in parts[::2]]
    return "".join(parts)


def word(text: Any) -> str:
    """An outcome, a kind or an evidence as the pages word it."""
    return RENAMED.get(str(text), str(text or MISSING))


def outcome_text(claim: Mapping[str, Any]) -> str:
    """The outcome: "reproduced" is kept for a claim of the paper that is supported by real data."""
    outcome = word(claim["outcome"])
    real = claim.get("kind", "claim") == "claim" and claim.get("evidence") == "real data"
    return "reproduced" if real and outcome == "supported" else outcome


def ours_text(claim: Mapping[str, Any]) -> str:
    """Our estimate of a claim with its interval (an end may be unbounded); – where it was not tested.

    >>> ours_text({"estimate": 0.25, "low": 0.2, "high": 0.31})
    '0.25 [0.2, 0.31]'
    """
    text, low, high = (format_number(claim.get(name)) for name in ("estimate", "low", "high"))
    if text == MISSING or low == high == MISSING:
        return text
    return f"{text} {'(−∞' if low == MISSING else f'[{low}'}, {'∞)' if high == MISSING else f'{high}]'}"


def sample_text(claim: Mapping[str, Any]) -> str:
    """Group sizes, level of the interval and p-value, as far as there are; of a test of ranks also the smallest p
    that the sizes allow, if p is within a factor of 10.

    >>> sample_text({"n_a": 5, "n_b": 4, "p": 0.0125, "p_holm": 0.025, "p_floor": 0.002, "method": "Wilson"})
    'n = 5 and 4; p = 0.0125, 0.025 after Holm'
    """
    there = {key: value for key, value in claim.items() if not is_missing(value)}
    sizes = [format_number(there[key], "g") for key in ("n_a", "n_b") if key in there]
    parts = [f"n = {' and '.join(sizes)}"] if sizes else []
    if there.keys() & {"low", "high"} and there.get("level"):
        parts.append(f"{100 * there['level']:g} % interval")
    if "p" in there:
        p = f"p = {format_number(there['p'])}"
        if there.get("p_holm", there["p"]) != there["p"]:
            p += f", {format_number(there['p_holm'])} after Holm"
        ranks = str(there.get("method", "")).lower().startswith(("hodges", "mann"))
        floor = ranks and there["p"] <= 10 * there.get("p_floor", 0)
        parts.append(f"{p}, floor {format_number(there['p_floor'])}" if floor else p)
    return "; ".join(parts)


def date_text(date: Any) -> str:
    """An ISO date and time to the minute."""
    text = str(date or MISSING)
    return f"{text[:10]} {text[11:16]} UTC" if len(text) > 16 else text


def duration_text(seconds: Any) -> str:
    """A time in the two units that matter.

    >>> duration_text(42.4), duration_text(192), duration_text(3720), duration_text(None)
    ('42 s', '3 min 12 s', '1 h 2 min', '–')
    """
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(float(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
