"""``python -m benchmarks``: one table of costs as ratios; ``--publish`` writes it beside the published page."""

import argparse

import pandas as pd
import torch

from benchmarks.step_time import table
from papers_lib.companion.machine import device_name, library_versions
from papers_lib.companion.paths import repo_root
from papers_lib.experiments.devices import pick_device
from papers_lib.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--publish", action="store_true", help="write reports/full/heatmap_loss.timings.json")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.set_num_threads(1)
    rows = table(device)
    print(pd.DataFrame(rows).to_string(index=False))
    where = f"{device_name(device)}, one CPU thread, torch {library_versions()['torch']}"
    note = f"Time of a training step, batch 16, 105 x 135 px; interleaved; {where}."
    print(note)
    if options.publish:
        write_json(repo_root() / "reports/full/heatmap_loss.timings.json", {"note": note, "rows": rows})


if __name__ == "__main__":
    main()
