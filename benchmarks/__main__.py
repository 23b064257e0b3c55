"""``python -m benchmarks [PART ...]``: what things cost here, as one table; ``--publish`` keeps it."""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from benchmarks import notebook_times, one_table, publish
from benchmarks.parts import PARTS, chosen
from papers_lib.companion.machine import threads
from papers_lib.companion.paths import repo_root
from papers_lib.companion.provenance import git_state
from papers_lib.errors import UserError
from papers_lib.training.devices import DEVICES, pick_device


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "part", nargs="*", help=f"{', '.join(PARTS)}; all that need not be asked for without one"
    )
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument(
        "--notebooks",
        default="",
        metavar="PROFILE",
        help="run every notebook of smoke or quick from an empty cache, too",
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write benchmarks/RESULTS.md, results.json and the pages' timings",
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.part if name not in PARTS]:
        parser.error(f"part: found {unknown[0]!r}, expected one of {', '.join(PARTS)}")
    if options.notebooks not in ("", *notebook_times.PROFILES):
        parser.error(f"--notebooks: found {options.notebooks!r}, expected smoke or quick")
    try:
        run(options.part, pick_device(options.device), options.notebooks, options.publish)
    except UserError as error:
        parser.exit(1, f"benchmarks: {error}\n")


def run(names: Sequence[str], device: str, notebooks: str, keep: bool) -> None:
    """Measure part after part, each kept as soon as it is done, and print the table."""
    root, done = repo_root(), dict[str, Any]()
    git = git_state(root)
    for name in chosen([*names, *(["notebooks"] if names and notebooks else [])], device):
        part = PARTS[name]
        count = threads() if part.threads is None else part.threads
        if count:
            torch.set_num_threads(count)
        start = time.perf_counter()
        measure = partial(part.table, measured=notebooks) if name == "notebooks" else part.table
        done[name] = publish.described(name, device, count, git, measure(device))
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        if keep and (waits := publish.publish(name, done[name], root)):
            print(waits, file=sys.stderr)
    print(one_table.text(publish.lines(done)))


if __name__ == "__main__":
    main()
