"""The PYLON paper's text against itself, against its tables' averages, and against what was published elsewhere."""

from collections.abc import Iterator

import pandas as pd

from pylon import printed_counts as counts
from pylon.printed import AREA, MACRO, WEIGHTED, Numbers, printed_table
from pylon.printed_rows import (
    BASELINE,
    DIFFERS,
    FPN,
    PYLON,
    Check,
    listed,
    rivals_of,
    verdict,
)


def input_size_table(numbers: Numbers) -> pd.DataFrame:
    """Tables 1 and 2 side by side: macro average and Nodule at 256 and 512 px, for the methods in both."""
    small, large = printed_table(numbers, 1), printed_table(numbers, 2)
    methods = [name for name in counts.methods_of(small) if name in large]
    found = pd.DataFrame({"method": methods})
    for row, name in ((MACRO, "macro"), ("Nodule", "Nodule")):
        found[f"{name}, 256 px"] = small.loc[row, methods].to_numpy()
        found[f"{name}, 512 px"] = large.loc[row, methods].to_numpy()
        found[f"{name}, gain"] = found[f"{name}, 512 px"] - found[f"{name}, 256 px"]
    return found


def input_size(numbers: Numbers) -> Iterator[Check]:
    """How much of the margin is left when every map gets twice as many cells a side."""
    gain = input_size_table(numbers).set_index("method")["macro, gain"]
    small, large = (printed_table(numbers, n).loc[MACRO] for n in (1, 2))
    margins = {name: (small[PYLON] - small[name], large[PYLON] - large[name]) for name in (BASELINE, FPN)}
    yield Check(
        "input of 512 px in the place of 256",
        "Results, NIH; Tables 1 and 2",
        "the same results held",
        "macro average: "
        + ", ".join(f"{name} {gain[name]:+.2f}" for name in (BASELINE, FPN, PYLON))
        + "; PYLON's "
        "margin " + ", ".join(f"over {name} {a:.2f} → {b:.2f}" for name, (a, b) in margins.items()),
        "the order holds, the margin is smaller" if all(0 < b < a for a, b in margins.values()) else DIFFERS,
        {f"size_gain_{name.lower()}": gain[name] for name in (BASELINE, FPN, PYLON)}
        | {
            f"margin_{name.lower()}_{px}": m
            for name, pair in margins.items()
            for px, m in zip((256, 512), pair, strict=True)
        },
    )


def vindr(numbers: Numbers) -> Iterator[Check]:
    """PYLON without transfer against the second best, macro average."""
    row, said = printed_table(numbers, 3).loc[MACRO], numbers.stated("vindr_second")
    best = row[rivals_of(printed_table(numbers, 3), PYLON)].max()
    agrees = (row[PYLON], best) == (numbers.stated("vindr_pylon").value, said.value)
    given = f"{row[PYLON]:.2f} and {best:.2f}"
    yield Check("second best on VinDr-CXR", f"{said.where}; Table 3", said.says, given, verdict(agrees), {})
    said = numbers.stated("vindr_abnormalities")
    classes = len(counts.of_classes(printed_table(numbers, 3)))
    yield Check(
        "classes of VinDr-CXR",
        f"{said.where}; Table 3",
        f"{said.value:.0f} abnormalities",
        f"{classes} classes",
        'the label left is "No finding"' if said.value - classes == 1 else verdict(said.value == classes),
        {"vindr_classes_excess": said.value - classes},
    )


def masked_out(numbers: Numbers) -> Iterator[Check]:
    """Classes with the best masked-out area: the Results against the Discussion."""
    for data, name in (("nih", "NIH"), ("voc", "VOC")):
        first, last = (numbers.stated(f"masked_{data}_{part}") for part in ("results", "discussion"))
        yield Check(
            f"best masked-out area, {name}",
            f"{first.where} and {last.where}",
            f"{first.value:.0f} of {first.of} and {last.value:.0f} of {last.of} classes",
            "not in Tables 1 to 4",
            verdict(first.value == last.value),
            {f"masked_{data}_difference": last.value - first.value},
        )


def ablation(numbers: Numbers) -> Iterator[Check]:
    """The ablations, their differences, and the small variant against the proposed model."""
    ups = [numbers.stated(f"ups_{n}").value for n in range(4)]
    proposed, small = printed_table(numbers, 1).loc[MACRO, PYLON], numbers.stated("ups_3")
    yield Check(
        "the ablated variant against the proposed model",
        f"{small.where}; Table 1",
        f"single Conv 1x1 in each UP, three UPs: {small.value:.2f}",
        f"two Conv 1x1, proposed: {proposed:.2f}",
        "the smaller variant is at least as good" if small.value >= proposed else verdict(True),
        {"small_less_proposed": small.value - proposed},
    )
    pairs = {"pa": ("with_pa", "without_pa"), "head": ("head_1x1", "head_3x3")}
    gains = {key: numbers.stated(a).value - numbers.stated(b).value for key, (a, b) in pairs.items()}
    said = {key: numbers.stated(f"{key}_gain").value for key in pairs}
    yield Check(
        "gains of PA and of the 1x1 head",
        numbers.stated("pa_gain").where,
        f"{said['pa']:.2f} and {said['head']:.2f}",
        f"{gains['pa']:.2f} and {gains['head']:.2f} from the averages in the text",
        verdict(all(round(gains[key] - said[key], 9) == 0 for key in pairs)),
        {f"gain_{key}": gain for key, gain in gains.items()},
    )
    sd, runs = numbers.stated("pan_no_gap_sd").value, int(numbers.stated("runs").value)
    least = counts.least_difference(sd, runs)
    steps = {f"UP {n} → {n + 1}": ups[n + 1] - ups[n] for n in range(3)} | {
        "PA": gains["pa"],
        "head": gains["head"],
    }
    below = [name for name, step in steps.items() if step < least]
    yield Check(
        "differences against a spread over seeds",
        f"{small.where}; Table S18",
        "every component improves point localization",
        f"if all models spread as PAN without GAP (SD {sd:.2f}, {runs} runs), a difference below {least:.3f} is not "
        f"significant at 5 %: {listed(below)}",
        "the intervals are in the supplement only",
        {"least_difference": least, "ablations_below": len(below)},
    )
    a, b = numbers.stated("auroc_head_1x1"), numbers.stated("auroc_max_pool")
    yield Check(
        "AUROC of PYLON with max pooling",
        f"{a.where}; Tables S16 and S17",
        f"{a.value:.3f} and {b.value:.3f}",
        "not in Tables 1 to 4",
        verdict(True) if a.value == b.value else "two figures; which variant each is of is not said",
        {"auroc_difference": b.value - a.value},
    )


def pan(numbers: Numbers) -> Iterator[Check]:
    """The one comparison whose standard deviations the text prints."""
    before, after = (
        (numbers.stated(key).value, numbers.stated(f"{key}_sd").value) for key in ("pan", "pan_no_gap")
    )
    runs = int(numbers.stated("runs").value)
    least, greatest = counts.welch_p(before, after, runs, half=0.005)
    yield Check(
        "PAN with and without GAP",
        numbers.stated("pan").where,
        f"{before[0]:.2f} (SD {before[1]:.2f}) → {after[0]:.2f} (SD {after[1]:.2f}), {runs} runs each",
        f"Welch's p {counts.welch_p(before, after, runs)[0]:.3f} ({least:.3f} to {greatest:.3f} over the rounding)",
        "significant at 5 %" if greatest < 0.05 else "not significant at 5 % for every rounding",
        {"pan_p": counts.welch_p(before, after, runs)[0], "pan_p_greatest": greatest},
    )
    yield Check(
        "significance of all other differences",
        "Tables 1 to 4",
        "confidence intervals are provided in the supplement",
        "means of five runs without their spread",
        "cannot be judged from the printed tables",
        {},
    )


def areas(numbers: Numbers) -> Iterator[Check]:
    """The average areas of Table 1 against the release's boxes, and the two figures for nodules."""
    printed, release = printed_table(numbers, 1)[AREA], numbers.authors["release"]
    share, boxes = pd.Series(release["areas"]), pd.Series(release["boxes"])
    own = {**share, MACRO: share.mean(), WEIGHTED: (share * boxes).sum() / boxes.sum()}
    good = [name for name, area in own.items() if abs(area - printed[name]) <= 0.005 + 1e-9]
    yield Check(
        "average areas of Table 1",
        "Table 1",
        f"macro {printed[MACRO]:.2f}, weighted {printed[WEIGHTED]:.2f}",
        f"boxes of the release: macro {own[MACRO]:.4f}, weighted {own[WEIGHTED]:.4f}; "
        f"{len(good)} of {len(own)} rows round to those printed",
        verdict(len(good) == len(own)),
        {"area_macro": own[MACRO], "area_weighted": own[WEIGHTED], "areas_within": len(good)},
    )
    first, later = numbers.stated("nodule_area_introduction"), numbers.stated("nodule_area")
    yield Check(
        "average area of a nodule",
        f"{first.where} and {later.where}",
        f"{first.value:.1%} and {later.value:.0%} of the image",
        f"{printed['Nodule']:.2f} in Table 1; {share['Nodule']:.3f} in the release's boxes",
        verdict(round(abs(first.value - later.value), 9) <= 0.005) + " up to rounding",
        {"nodule_area": share["Nodule"]},
    )


def data_sets(numbers: Numbers) -> Iterator[Check]:
    """Numbers of images, and what the authors' lists share."""
    train, val, total = (numbers.stated(f"voc_{part}images").value for part in ("train_", "val_", ""))
    where = f"{numbers.stated('voc_train_images').where}; {numbers.stated('voc_images').where}"
    yield Check(
        "images of VOC 2012",
        where,
        f"{train:.0f} and {val:.0f}; {total:.0f} in all",
        f"{train + val:.0f} in all",
        verdict(train + val == total),
        {"voc_images_excess": train + val - total},
    )
    about, exact = numbers.stated("boxed_images_about"), numbers.stated("boxed_images")
    boxes, split = sum(numbers.authors["release"]["boxes"].values()), numbers.authors["split"]
    yield Check(
        "images of NIH with boxes",
        f"{about.where}; {exact.where}",
        f"about {about.value:.0f}; {exact.value:.0f}",
        f"{boxes} boxes in the release's list",
        "images and boxes" if exact.value < boxes else DIFFERS,
        {"nih_boxes": boxes},
    )
    listed_images = sum(split[part] for part in ("train", "val", "test"))
    yield Check(
        "the authors' lists of NIH images",
        "authors' repository",
        "train and test as the data set's authors split them",
        f"{split['train']} train, {split['val']} validation, {split['test']} test; "
        f"{split['train_val_patients']} patients in both train and validation, "
        f"{split['train_val_test_patients']} shared with test",
        "early stopping and the choice of the checkpoint see training patients",
        {"nih_listed_less_release": listed_images - numbers.authors["release"]["images"]}
        | {"nih_shared_patients": split["train_val_patients"]},
    )
    own, table = numbers.authors["single_seed"], printed_table(numbers, 1)[PYLON]
    rows = {"weighted": WEIGHTED, "macro": MACRO, "nodule": "Nodule"}
    yield Check(
        "the authors' own single run",
        "authors' repository; Table 1",
        ", ".join(f"{name} {table[row]:.2f}" for name, row in rows.items()),
        ", ".join(f"{name} {own[name]:.3f}" for name in rows),
        "one seed against the mean of five",
        {f"single_{name}_less_printed": own[name] - table[row] for name, row in rows.items()},
    )


CHECKS = (input_size, vindr, masked_out, ablation, pan, areas, data_sets)
