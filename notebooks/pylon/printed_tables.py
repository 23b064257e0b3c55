"""Tables 1 to 4 of the PYLON paper against themselves, and against what the text says of them."""

from collections.abc import Iterator

import pandas as pd

from pylon import printed_counts as counts
from pylon.printed import AREA, MACRO, TABLES, WEIGHTED, Numbers, printed_table
from pylon.printed_rows import (
    BASELINE,
    FPN,
    GRAD_CAMS,
    PYLON,
    SEGMENTATION,
    TWO_PHASE,
    Check,
    against_all,
    listed,
    rivals_of,
    verdict,
)

SMALL = {
    1: ["Nodule"],
    2: ["Nodule"],
    3: ["Nodule/Mass"],
    4: ["Bottle", "pottedplant", "tvmonitor"],
}  # Discussion
BOXED = (1, 2)  # tables whose sizes of classes are known, from the release's boxes


def averages_table(numbers: Numbers) -> pd.DataFrame:
    """Printed macro and weighted averages of every column beside those of the printed classes."""
    rows = []
    for n in TABLES:
        table = printed_table(numbers, n)
        weights = {"macro": None} | ({"weighted": numbers.authors["release"]["boxes"]} if n in BOXED else {})
        for kind, sizes in weights.items():
            for column, row in counts.averages(table, sizes).iterrows():
                rows.append((n, kind, "average area" if column == AREA else column, *row))
    columns = ["table", "average", "column", "printed", "recomputed", "within rounding"]
    return pd.DataFrame(rows, columns=columns)


def identity(numbers: Numbers) -> Iterator[Check]:
    """Baseline against Grad-CAM and its variants, in every class of the four tables."""
    found, total, above = [], 0, 0
    for n in TABLES:
        table = printed_table(numbers, n)
        cells = counts.hundredths(counts.of_classes(table))
        total += len(cells)
        above += int(cells[[*GRAD_CAMS]].gt(cells[BASELINE], axis=0).sum().sum())
        for name in counts.differing(table, BASELINE, "GradCAM"):
            a, b = table.loc[name, [BASELINE, "GradCAM"]]
            found.append(f"{name} of Table {n} ({a:.2f} and {b:.2f})")
    yield Check(
        "Baseline and Grad-CAM",
        "Tables 1 to 4",
        "two methods, compared in every table",
        f"equal in {total - len(found)} of {total} class cells; not in {listed(found)}",
        "an identity of max pooling and a linear head without ReLU, no evidence",
        {"identity_cells": total, "identity_differing": len(found)},
    )
    yield Check(
        "Grad-CAM, Grad-CAM++, XGrad-CAM",
        "Results, general image domain",
        "did not produce more accurate heatmaps than the Baseline",
        f"above it in {above} of {total * len(GRAD_CAMS)} class cells",
        verdict(above == 0),
        {"advanced_cam_above": above},
    )


def recomputed(numbers: Numbers) -> Iterator[Check]:
    """The averages of every column, and whether any sizes of the classes give the weighted ones."""
    by_kind = averages_table(numbers).groupby("average")["within rounding"].agg(["sum", "size"])
    exist = {n: counts.weights_exist(printed_table(numbers, n)) for n in TABLES}
    unknown = [n for n in TABLES if n not in BOXED]
    yield Check(
        "averages against classes",
        "Tables 1 to 4",
        "macro and weighted averages",
        "; ".join(
            f"{kind}: {good} of {size} columns within rounding" for kind, good, size in by_kind.itertuples()
        ),
        f"weighted averages of Tables {listed(unknown)} cannot be recomputed: sizes of classes are not printed "
        f"({'some' if all(exist[n] for n in unknown) else 'no'} sizes give all columns)",
        {
            **{f"{kind}_columns": size for kind, _, size in by_kind.itertuples()},
            **{f"{kind}_within": good for kind, good, _ in by_kind.itertuples()},
            **{f"weights_exist_table{n}": exist[n] for n in TABLES},
        },
    )


def best(numbers: Numbers) -> Iterator[Check]:
    """In how many classes PYLON is strictly best, per table; for two tables the text gives a number."""
    plan: list[tuple[int, str, str, str, float | None]] = [
        (1, PYLON, "Results, NIH", "most accurately among competing techniques", None),
        (2, PYLON, "Results, NIH", "the same results held", None),
    ]
    for n, method, key in ((3, PYLON, "vindr_highest"), (4, TWO_PHASE, "voc_best")):
        said = numbers.stated(key)
        plan.append((n, method, said.where, said.says, said.value))
    for n, method, where, says, value in plan:
        table = printed_table(numbers, n)
        found, total = against_all(table, method), len(table) - 2
        ahead, tied = len(found.ahead), len(found.tied)
        finding = f"below another method in {len(found.behind)}"
        if value is not None:
            loose = "holds if a tie counts" if ahead < value <= ahead + tied else verdict(False)
            finding = verdict(True) if ahead == value else loose
        yield Check(
            f"classes in which {method} is best",
            f"{where}; Table {n}",
            says,
            f"strictly best in {ahead} of {total}" + (f", level in {listed(found.tied)}" if tied else ""),
            finding,
            {f"best_table{n}": ahead, f"tied_table{n}": tied},
        )


def second(numbers: Numbers) -> Iterator[Check]:
    """The second best method of the two classes that the text names."""
    table = printed_table(numbers, 1)
    for name in ("Atelectasis", "Nodule"):
        said = numbers.stated(f"{name.lower()}_second")
        rivals = table.loc[name, rivals_of(table, PYLON)]
        yield Check(
            f"second best for {name}",
            f"{said.where}; Table 1",
            said.says,
            f"{table.loc[name, PYLON]:.2f} and {rivals.max():.2f} ({listed(rivals.index[rivals == rivals.max()])})",
            verdict(rivals.max() == said.value),
            {f"second_{name.lower()}": rivals.max()},
        )


def small_objects(numbers: Numbers) -> Iterator[Check]:
    """The classes that the text calls small, table by table, and all classes of VinDr-CXR as small as those."""
    says = "the highest on all classes with small object instances"
    runner_up = []
    for n, method in ((1, PYLON), (2, PYLON), (3, PYLON), (4, PYLON), (4, TWO_PHASE)):
        table = printed_table(numbers, n)
        rivals = table.loc[SMALL[n], rivals_of(table, method)]
        ahead = [name for name in SMALL[n] if name in against_all(table, method).ahead]
        if (n, method) != (4, PYLON):
            runner_up += rivals.idxmax(axis=1).tolist()
        yield Check(
            f"small objects, {method}",
            f"Discussion; Table {n}",
            f"{says} (here: {listed(SMALL[n])})",
            "; ".join(f"{k} {table.loc[k, method]:.2f} against {rivals.loc[k].max():.2f}" for k in SMALL[n]),
            verdict(len(ahead) == len(SMALL[n])),
            {f"small_best_table{n}{'_two_phase' * (method == TWO_PHASE)}": len(ahead)},
        )
    good = sum(name in SEGMENTATION for name in runner_up)
    yield Check(
        "second best on small objects",
        "Discussion; Tables 1 to 4",
        "all the second-best models are based on segmentation architectures",
        f"{good} of {len(runner_up)}: {listed(sorted({*runner_up}))}",
        verdict(good == len(runner_up)),
        {"small_second_segmentation": good, "small_second_classes": len(runner_up)},
    )
    table = printed_table(numbers, 3)
    tiny = table.index[table[AREA] <= table.loc[SMALL[3], AREA].max()].tolist()
    ahead = [name for name in against_all(table, PYLON).ahead if name in tiny]
    yield Check(
        "classes of VinDr-CXR as small as Nodule/Mass",
        "Discussion; Table 3",
        says,
        f"strictly best in {listed(ahead)}; not in {listed([name for name in tiny if name not in ahead])}",
        "not all; the text names nodules alone" if len(ahead) < len(tiny) else verdict(True),
        {"tiny_vindr_best": len(ahead), "tiny_vindr_classes": len(tiny)},
    )


def phases(numbers: Numbers) -> Iterator[Check]:
    """What two phases add, and how PYLON stands with one phase as its competitors had."""
    table = printed_table(numbers, 4)
    alone, fpn = against_all(table, PYLON), counts.standing(table, PYLON, [FPN])
    yield Check(
        "one phase for every method",
        "Results, general image domain; Table 4",
        "two-phase fine-tuning technique was applied to PYLON",
        f"PYLON with one phase is strictly best in {len(alone.ahead)} of {len(table) - 2} ({listed(alone.ahead)}); "
        f"FPN is above it in {len(fpn.behind)}, level in {len(fpn.tied)}",
        "no competitor had two phases: method and fine-tuning are confounded",
        {"one_phase_best": len(alone.ahead), "one_phase_fpn_ahead": len(fpn.behind)},
    )
    for n, before in ((3, "PYLON with transfer"), (4, PYLON)):
        table = printed_table(numbers, n)
        found, (one, two) = counts.standing(table, TWO_PHASE, [before]), table.loc[MACRO, [before, TWO_PHASE]]
        yield Check(
            "two phases against one",
            f"Discussion; Table {n}",
            "further improved the performance",
            f"macro {one:.2f} → {two:.2f}; better in {len(found.ahead)} of {len(table) - 2}, "
            f"worse in {listed(found.behind)}",
            "in the mean" if found.behind else verdict(two > one),
            {f"two_phase_gain_table{n}": two - one, f"two_phase_worse_table{n}": len(found.behind)},
        )


def macro_or_weighted(numbers: Numbers) -> Iterator[Check]:
    """Which average the text quotes for two phases against one."""
    for n, method, before, after in (
        (3, "PYLON with transfer", "vindr_standard", "vindr_two_phase"),
        (3, "PYLON with transfer", "discussion_vindr_standard", "discussion_vindr_two_phase"),
        (4, PYLON, "discussion_voc_one_phase", "discussion_voc_two_phase"),
    ):
        table = printed_table(numbers, n)
        said = [numbers.stated(before).value, numbers.stated(after).value]
        pairs = {row: table.loc[row, [method, TWO_PHASE]].tolist() for row in (MACRO, WEIGHTED)}
        weighted = "the weighted averages, quoted as macro" if said == pairs[WEIGHTED] else verdict(False)
        yield Check(
            "macro average with one phase and two",
            f"{numbers.stated(before).where}; Table {n}",
            f"macro average improved from {said[0]:.2f} to {said[1]:.2f}",
            "; ".join(f"{row} {one:.2f} → {two:.2f}" for row, (one, two) in pairs.items()),
            verdict(True) if said == pairs[MACRO] else weighted,
            {
                f"{before}_less_macro": said[0] - pairs[MACRO][0],
                f"{after}_less_macro": said[1] - pairs[MACRO][1],
            },
        )
    said = [numbers.stated(key).value for key in ("discussion_vindr_standard", "discussion_nih")]
    columns = [(3, "PYLON with transfer"), (1, PYLON)]
    pairs = {
        row: [printed_table(numbers, n).loc[row, name] for n, name in columns] for row in (MACRO, WEIGHTED)
    }
    mixed = said == [pairs[WEIGHTED][0], pairs[MACRO][1]]
    yield Check(
        "VinDr-CXR against NIH",
        "Discussion; Tables 1 and 3",
        numbers.stated("discussion_vindr_standard").says,
        "; ".join(f"{row} {a:.2f} and {b:.2f}" for row, (a, b) in pairs.items()),
        "a weighted average against a macro one" if mixed else verdict(said == pairs[MACRO]),
        {},
    )


CHECKS = (identity, recomputed, best, second, small_objects, phases, macro_or_weighted)
