"""``python -m benchmarks [PART ...]``: what things cost here, as one table; ``--publish`` keeps it."""

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.loops import coherence_table, masked_out_table
from benchmarks.steps import STEPS, table
from benchmarks.timing import Row
from papers_lib.companion.parameters import plan_of, resolve
from papers_lib.companion.paths import repo_root
from papers_lib.companion.provenance import git_state
from papers_lib.errors import UserError
from papers_lib.files import write_json, write_text
from papers_lib.training import DEVICES, pick_device

COLUMNS = ("part", "step", "network", "size", "median ms", "ratio", "quartiles of the ratio", "over")


def throughput(device: str, profile: str = "smoke", models: int = 4) -> list[Row]:
    """Models an hour of each paper's first comparison, in one process and in two, start of the pool included."""
    from papers_lib.sweep import sweep

    rows: list[Row] = []
    for slug in STEPS:
        part = plan_of(slug, resolve(repo_root(), slug, profile))[0]
        configs, data = part.configs[:models], part.data()
        for jobs in (1, 2):
            with tempfile.TemporaryDirectory(prefix="papers-benchmark-") as cache:
                start = time.perf_counter()
                sweep(
                    part.run, configs, data=data, cache=Path(cache), jobs=jobs, device=device,
                    say=lambda line: None, **part.options,
                )  # fmt: skip
                seconds = time.perf_counter() - start
            rows.append(
                {
                    "step": f"{slug}: {len(configs)} models of profile {profile}, {jobs} process(es)",
                    "median ms": round(1000 * seconds / len(configs), 1),
                    "ratio": round(seconds / len(configs) / (rows[-1]["median ms"] / 1000), 3)
                    if jobs > 1
                    else 1.0,
                    "over": "one process",
                }
            )
    return rows


PARTS: dict[str, Callable[[str], list[Row]]] = {
    **{slug: partial(table, slug) for slug in STEPS},
    "masked_out": masked_out_table,
    "coherence": coherence_table,
    "throughput": throughput,
}


def markdown(parts: dict[str, Any]) -> str:
    """The page RESULTS.md: the table, and where and when each part was measured."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks --publish`. Ratios are those of medians, all ways of a part in turn; a ratio",
        "below 1 is less time than what it stands against.",
        "",
    ]
    for name, part in parts.items():
        lines.append(f"- `{name}`: {part['machine']}, {part['date']}, commit {part['commit'][:12]}")
    lines += ["", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for name, part in parts.items():
        for row in part["rows"]:
            lines.append("| " + " | ".join(str({"part": name, **row}.get(one, "")) for one in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def publish(root: Path, name: str, part: dict[str, Any]) -> None:
    """Keep a part in benchmarks/, and a paper's steps as the costs that its page shows."""
    path = root / "benchmarks/results.json"
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.is_file() else {}
    parts = {one: found for one in PARTS if (found := {**parts, name: part}.get(one))}
    write_json(path, {"parts": parts})
    write_text(root / "benchmarks/RESULTS.md", markdown(parts))
    if name in STEPS:
        note = f"Time of a training step, all ways in turn; {part['machine']}."
        write_json(root / f"reports/full/{name}.timings.json", {"note": note, "rows": part["rows"]})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all without one")
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument(
        "--publish", action="store_true", help="write RESULTS.md, results.json and the pages' timings"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.part if name not in PARTS]:
        parser.error(f"part: found {unknown[0]!r}, expected one of {', '.join(PARTS)}")
    try:
        device, root = pick_device(options.device), repo_root()
        commit, dirty = git_state(root)
        gpu = torch.cuda.get_device_name() if device.startswith("cuda") else "no GPU"
        machine = f"{platform.machine()}, {os.cpu_count()} cores, {gpu}, torch {torch.__version__}"
        print(" | ".join(COLUMNS))
        for name in options.part or PARTS:
            rows = PARTS[name](device)
            for row in rows:
                print(" | ".join(str({"part": name, **row}.get(one, "")) for one in COLUMNS), flush=True)
            if options.publish:
                part = {
                    "machine": machine,
                    "date": datetime.date.today().isoformat(),
                    "commit": f"{commit}{'+' if dirty else ''}",
                    "rows": rows,
                }
                publish(root, name, part)
    except UserError as error:
        sys.exit(f"benchmarks: {error}")


if __name__ == "__main__":
    main()
