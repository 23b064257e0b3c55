"""Which share of images class distinctiveness should sample: held-out distinctiveness after equal time of training.

``python -m benchmarks rates`` trains, on the stand-in set, the Sibnet experiment's network in two
stages (section 3.3 of the report): cross entropy alone, once a seed, and from there class distinctiveness by every
estimator. The exact loss gets a number of epochs; each other one as many steps as take the same time at the cost of a
step that was measured first, all ways in turn. "no term" goes on with cross entropy for that time, for comparison.
What is compared is the loss itself as it is measured on the held-out part: re-encoded, all pairs, in eval mode.
"""

import copy
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.sibnet_calibration_ways import BASE, EXACT, PLAIN, Ways
from papers_lib.companion.paths import data_folder
from sibnet_calibration.data import open_set

SPEC = {"train": 1500, "valid": 3000, "seed": 1000, "side": 128}  # of the stand-in
SIDE = 96  # px
SEEDS = 3
FIRST_EPOCHS = 3.0  # of cross entropy, as in the experiment
BUDGET = 0.25  # epochs of the exact loss; the time that the experiment's second stage has with a quarter
ROUNDS = 7  # of timed steps, about four seconds each


def table(
    ways: Ways,
    *,
    seeds: int = SEEDS,
    first_epochs: float = FIRST_EPOCHS,
    budget: float = BUDGET,
    rounds: int = ROUNDS,
) -> list[dict[str, Any]]:
    """A row a way, and one of the network before the second stage.

    Args: seeds, models a way; first_epochs, of cross entropy; budget, epochs of the exact loss, whose time all get;
        rounds, of timed steps.

    Returns: rows with ``key``; "step" and "term", the cost of a step over the exact loss's, with and without what
        cross entropy costs; "epochs" trained, and "seconds" that took over the exact loss's; "distinctiveness" and
        "auroc" of what was held out, means over the seeds and each seed's value; of the former the mean difference to
        the exact loss, and in how many seeds it is lower.
    """
    costs = ways.costs(rounds)
    steps = {name: max(1, round(budget * ways.epoch * costs[EXACT] / cost)) for name, cost in costs.items()}
    before: list[dict[str, float]] = []
    after: dict[str, list[dict[str, float]]] = {name: [] for name in ways.runs}
    for seed in range(seeds):
        start = ways.start(seed)
        plain = replace(ways.runs[PLAIN], seed=seed)
        ways.train(plain, start, max(1, round(first_epochs * ways.epoch)))
        before.append(ways.held_out(start))
        for name, run in ways.runs.items():
            whole = copy.deepcopy(start)
            seconds = ways.train(replace(run, seed=seed), whole, steps[name])
            after[name].append({"seconds": seconds, **ways.held_out(whole)})
            print(f"seed {seed} {name}: {steps[name]} steps, {after[name][-1]}", flush=True)
    exact = after[EXACT]
    rows = [{"key": "before", "share": None, "epochs": 0.0, **_means(before)}]
    for name, found in after.items():
        differences = [a["distinctiveness"] - b["distinctiveness"] for a, b in zip(found, exact, strict=True)]
        term = (costs[name] - costs[PLAIN]) / (costs[EXACT] - costs[PLAIN])
        rows.append(
            {
                "key": name,
                "share": ways.runs[name].share if name not in (EXACT, PLAIN) else None,
                "step": round(costs[name] / costs[EXACT], 3),
                "term": round(term, 3),
                "epochs": round(steps[name] / ways.epoch, 2),
                "seconds": round(
                    sum(one["seconds"] for one in found) / sum(one["seconds"] for one in exact), 3
                ),
                **_means(found),
                "less exact": round(statistics.mean(differences), 4),
                "seeds below exact": sum(one < 0 for one in differences),
            }
        )
    return rows


def _means(found: Sequence[dict[str, float]]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name in ("distinctiveness", "auroc"):
        values = [round(one[name], 4) for one in found]
        rows |= {name: round(statistics.mean(values), 4), f"{name} by seed": values}
    return rows


def run(device: str = "cpu") -> list[dict[str, Any]]:
    """The table on the stand-in, at the sizes above."""
    opened = open_set("", data_folder(), SPEC, SIDE, {"uncertain": "report"}, 1)
    return table(Ways.of(opened.store.root, device=device))


def lines(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of :func:`table` for the table of all benchmarks: held-out distinctiveness, lower is better."""
    exact = next(row["distinctiveness"] for row in rows if row["key"] == EXACT)
    return [
        {
            "key": row["key"],
            "step": f"held-out class distinctiveness, {row['key']}, {row['epochs']:g} epochs",
            "network": "EfficientNet-Lite0, cut",
            "size": f"{SPEC['train']} images of {SIDE} px",
            "value": row["distinctiveness"],
            "unit": "mean cosine",
            "ratio": round(row["distinctiveness"] / exact, 3) if exact else None,
            "over": f"{EXACT} loss, equal time",
        }
        for row in rows
    ]


WHAT = (
    f"second stage of {BUDGET:g} epochs of the exact loss, all others for the same time; {SPEC['train']} training "
    f"images of {SIDE} px, batch {BASE.batch_size}, weight {BASE.distinct}"
)
