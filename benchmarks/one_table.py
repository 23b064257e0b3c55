"""The one table of all benchmarks: lines in words, as plain text and in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = ("section", "what", "network, size", "median", "unit", "ratio", "quartiles", "against")


def line(section: str, row: Mapping[str, Any]) -> dict[str, str]:
    """A row of a benchmark in the columns of the table.

    Args: row, with "step", what was measured; "network" and "size"; "median ms", or "value" and "unit"; "ratio" and
        "over", or the ratio in a column "ratio to …"; "quartiles of the ratio".

    >>> row = {"step": "CE + ce", "network": "ResNet-50", "median ms": 2210.61, "ratio to CE": 0.977}
    >>> list(line("step", row).values())
    ['step', 'CE + ce', 'ResNet-50', '2211', 'ms', '0.977', '', 'CE']
    """
    ratio, against = row.get("ratio"), str(row.get("over", ""))
    for name in row:
        if name.startswith("ratio to "):
            ratio, against = row[name], name.removeprefix("ratio to ")
    value, unit = (row["value"], row["unit"]) if "value" in row else (row.get("median ms"), "ms")
    return {
        "section": section,
        "what": str(row["step"]),
        "network, size": ", ".join(str(row[name]) for name in ("network", "size") if row.get(name)),
        "median": "" if value is None else number(value),
        "unit": unit,
        "ratio": "" if ratio is None else f"{ratio:.3f}",
        "quartiles": str(row.get("quartiles of the ratio", "")),
        "against": against,
    }


def number(value: float) -> str:
    """Three digits, or all before the point.

    >>> number(2210.61), number(17.25), number(0.0612)
    ('2211', '17.2', '0.0612')
    """
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def text(lines: Sequence[Mapping[str, str]]) -> str:
    """For a terminal; a section is named once."""
    widths = {name: max(len(name), *(len(one[name]) for one in lines)) for name in COLUMNS}
    right = ("median", "ratio")
    shown, last = [" | ".join(name.ljust(widths[name]) for name in COLUMNS)], ""
    for one in lines:
        cells = {**one, "section": "" if one["section"] == last else one["section"]}
        last = one["section"]
        padded = (
            cells[name].rjust(widths[name]) if name in right else cells[name].ljust(widths[name])
            for name in COLUMNS
        )
        shown.append(" | ".join(padded).rstrip())
    return "\n".join(shown)


def markdown(lines: Iterable[Mapping[str, str]], parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The page ``RESULTS.md``: machines, how each part was measured, the table.

    Args: parts, what ``results.json`` holds by part: "machine", "date", "commit", "threads" and "what".
    """
    found = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks --publish`; ratios are those of medians, all ways in turn.",
    ]
    found += [
        "A ratio below 1 is less time than what it stands against (models an hour: more is better).",
        "",
    ]
    for described, names in _machines(parts).items():
        found.append(f"- **{described}**: {', '.join(names)}")
    found += ["", "How each part was measured:", ""]
    for name, part in parts.items():
        made = f"{part['date'][:10]}, commit {part['commit'][:12] or 'unknown'}{'+' if part['dirty'] else ''}"
        found.append(f"- `{name}`: {part['what']} ({thread_words(part['threads'])}; {made})")
    found += ["", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    found += [f"| {' | '.join(one[name].replace('|', chr(92) + '|') for name in COLUMNS)} |" for one in lines]
    return "\n".join(found) + "\n"


def thread_words(count: int) -> str:
    """Threads of the CPU in words; 0 stands for no choice.

    >>> thread_words(0), thread_words(1), thread_words(2)
    ('threads as it takes', 'one CPU thread', '2 CPU threads')
    """
    return {0: "threads as it takes", 1: "one CPU thread"}.get(count, f"{count} CPU threads")


def _machines(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Each machine in words, with the parts that ran on it."""
    found: dict[str, list[str]] = {}
    for name, part in parts.items():
        own = part["machine"]
        gpu = own["gpu"] if own["gpu"] else "no GPU"
        words = f"{own['cpu']}, {own['cores']} cores, {own['memory']}, {gpu}, torch {own['torch']}"
        found.setdefault(words, []).append(name)
    return found
