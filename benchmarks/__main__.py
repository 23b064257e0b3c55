"""``python -m benchmarks [SLUG ...]``: costs of a step as ratios; ``--publish`` writes them beside the pages."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from benchmarks import cam_entropy_steps, heatmap_loss_steps, pylon_steps, sibnet_calibration_steps
from papers_lib.companion.machine import device_name, library_versions, threads
from papers_lib.companion.paths import repo_root
from papers_lib.experiments.devices import pick_device
from papers_lib.files import write_json


class Benchmark(NamedTuple):
    """A paper's table, what it times in words, and the CPU threads it runs on (None: one a core)."""

    table: Callable[[str], list[dict[str, Any]]]
    what: str
    threads: int | None


BENCHMARKS = {
    "cam_entropy": Benchmark(
        cam_entropy_steps.table, "batch 20, 192 x 192 px, 20 classes, all layers trained", None
    ),
    "heatmap_loss": Benchmark(heatmap_loss_steps.table, "batch 16, 105 x 135 px", 1),
    "pylon": Benchmark(
        pylon_steps.table,
        "batch 4 (64 on a GPU), 256 x 256 px, one channel, 14 classes, all layers trained but where it says frozen",
        1,
    ),
    "sibnet_calibration": Benchmark(
        sibnet_calibration_steps.table,
        "batch 4 (16 on a GPU), 224 x 224 px, five classes, all layers trained; MIMO: 32 images of 96 x 96 px; "
        "variance: of the gradient of class distinctiveness, batch 8, 96 x 96 px, random weights",
        1,
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("slug", nargs="*", help=f"{', '.join(BENCHMARKS)}; all without one")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--publish", action="store_true", help="write reports/full/SLUG.timings.json")
    options = parser.parse_args(arguments)
    if unknown := [slug for slug in options.slug if slug not in BENCHMARKS]:
        parser.error(f"slug: found {unknown[0]!r}, expected one of {', '.join(BENCHMARKS)}")
    device = pick_device(options.device)
    for slug in options.slug or BENCHMARKS:
        benchmark = BENCHMARKS[slug]
        count = benchmark.threads or threads()
        torch.set_num_threads(count)
        rows = benchmark.table(device)
        note = (
            f"Time of a training step, {benchmark.what}; interleaved; {device_name(device)}, "
            f"{'one CPU thread' if count == 1 else f'{count} CPU threads'}, torch {library_versions()['torch']}."
        )
        print(f"{slug}: {note}", pd.DataFrame(rows).to_string(index=False), sep="\n", flush=True)
        if options.publish:
            publish(repo_root() / f"reports/full/{slug}.timings.json", note, rows)


def publish(path: Path, note: str, rows: list[dict[str, Any]]) -> None:
    """Write ``note`` and ``rows``; what the old file has beside them, and its rows that time no step, stay."""
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}
    kept = [row for row in old["rows"] if "median ms" not in row]
    write_json(path, {**old, "note": note, "rows": rows + kept})


if __name__ == "__main__":
    main()
