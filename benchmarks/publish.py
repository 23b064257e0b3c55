"""What was measured, kept: ``results.json`` and ``RESULTS.md`` here, and the timings that the pages show."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.one_table import line, markdown, thread_words
from benchmarks.parts import PARTS, Rows
from papers_lib.companion import machine
from papers_lib.companion.provenance import now
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text

MEDIAN = "median ms"  # what a row of a page that times a step has
OURS_ALONE = ("size",)  # columns that the pages do not show: their captions say it


def described(name: str, device: str, threads: int, git: tuple[str, bool], rows: Rows) -> dict[str, Any]:
    """A part's rows with the machine and date.

    Args: threads, of the CPU; git, commit and whether files differ from it, before anything is published.
    """
    return {
        "what": PARTS[name].what,
        "threads": threads,
        "date": now(),
        "commit": git[0],
        "dirty": git[1],
        "device": machine.device_name(device),
        "machine": {
            "cpu": machine.cpu_model(),
            "cores": machine.cores(),
            "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
            "gpu": machine.device_name("cuda") if machine.has_cuda() else "",
            "torch": machine.library_versions()["torch"],
        },
        "rows": rows,
    }


def read(path: Path) -> dict[str, Any]:
    """The parts of ``results.json``; none where there is no such file.

    Raises: UserError, a file of another kind.
    """
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
        return {name: parts[name] for name in PARTS if name in parts}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path.name}: not results of benchmarks ({type(error).__name__}: {error})"
        ) from error


def lines(parts: dict[str, Any]) -> list[dict[str, str]]:
    """The lines of the one table."""
    found = []
    for name, part in parts.items():
        found += [line(PARTS[name].section, row) for row in PARTS[name].lines(part["rows"])]
    return found


def publish(name: str, part: dict[str, Any], root: Path) -> str:
    """Put a part in the place of its older one, and into the page's timings where all of its paper's are known.

    Returns: what the page waits for, in words; "" for nothing.
    """
    folder = root / "benchmarks"
    parts = read(folder / "results.json") | {name: part}
    parts = {one: parts[one] for one in PARTS if one in parts}
    write_json(folder / "results.json", {"parts": parts})
    write_text(folder / "RESULTS.md", markdown(lines(parts), parts))
    if name == "rates":
        path = root / "reports/full/sibnet_calibration.timings.json"
        rates = {"note": f"{_capital(part['what'])}; {_where(part)}.", "rows": part["rows"]}
        write_json(path, {"note": "", "rows": [], **_timings(path), "rates": rates})
    slug = PARTS[name].slug
    if not slug:
        return ""
    together = [one for one in PARTS if PARTS[one].slug == slug]
    if missing := [one for one in together if one not in parts]:
        return f"reports/full/{slug}.timings.json waits for {', '.join(missing)}"
    write_timings(root / f"reports/full/{slug}.timings.json", [parts[one] for one in together])
    return ""


def write_timings(path: Path, parts: Sequence[dict[str, Any]]) -> None:
    """All rows of a paper; what the old file has beside them, and its rows that time no step, stay."""
    old = _timings(path)
    rows = [{k: v for k, v in row.items() if k not in OURS_ALONE} for part in parts for row in part["rows"]]
    kept = [row for row in old.get("rows", []) if MEDIAN not in row]
    what = "; ".join(part["what"] for part in parts)
    where = list(dict.fromkeys(map(_where, parts)))
    if len(where) > 1:  # parts of other machines or devices
        what = "; ".join(f"{part['what']} ({_where(part)})" for part in parts)
    note = f"Time of a training step, {what}; interleaved{'' if len(where) > 1 else f'; {where[0]}'}."
    write_json(path, {**old, "note": note, "rows": rows + kept})


def _timings(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _where(part: dict[str, Any]) -> str:
    return f"{part['device']}, {thread_words(part['threads'])}, torch {part['machine']['torch']}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
