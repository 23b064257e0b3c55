"""The Sibnet report's text against its tables, and its tables against themselves.

A check is a function from the printed numbers (:mod:`.sibnet_calibration_printed`) to named plain numbers. Tables for
the page stand beside the checks that use them; :mod:`.sibnet_calibration_printed_rows` puts the checks into words. How
large a difference must be to mean anything: :mod:`.sibnet_calibration_printed_errors`.
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import pandas as pd

from sibnet_calibration.printed import (
    AFTER,
    AUC_TABLES,
    BEFORE,
    CE,
    CUSTOM,
    DEEP_AUC,
    FOCAL,
    LABELS,
    MEAN,
    MODIFIED,
    Numbers,
    printed_table,
)
from sibnet_calibration.printed_errors import PAIRS

Values = dict[str, float]


def nearest_table(numbers: Numbers) -> pd.DataFrame:
    """The two AUCs that section 3.4 quotes beside the cells of the same label in Tables 4.1 and 4.2, nearest first."""
    rows = []
    for label, key in (("Atelectasis", "atelectasis_auc"), ("Edema", "edema_auc")):
        quoted = numbers.stated(key).value
        for table in AUC_TABLES:
            for loss, cell in printed_table(numbers, table)[label].items():
                rows.append((label, quoted, table, loss, cell, round(cell - quoted, 9)))
    found = pd.DataFrame(rows, columns=["label", "quoted", "table", "loss", "printed", "difference"])
    by_distance = found.assign(distance=found["difference"].abs()).sort_values(["label", "distance"])
    return by_distance.drop(columns="distance").reset_index(drop=True)


def quoted_aucs(numbers: Numbers) -> Values:
    """Cells that agree with the quoted AUCs to three decimals; the nearest; Atelectasis less Edema, cross entropy."""
    cells = nearest_table(numbers)
    nearest = cells.groupby("label")["difference"].first()
    quoted = numbers.stated("atelectasis_auc").value - numbers.stated("edema_auc").value
    of_ce = {table: printed_table(numbers, table).loc[CE] for table in AUC_TABLES}
    gaps = {
        f"label_gap_table{t.replace('.', '')}": row["Atelectasis"] - row["Edema"] for t, row in of_ce.items()
    }
    return {
        "quoted_found": float((cells["difference"].abs() <= 0.0005).sum()),
        "quoted_atelectasis_nearest": nearest["Atelectasis"],
        "quoted_edema_nearest": nearest["Edema"],
        "label_gap_quoted": quoted,
        **gaps,
    }


def mean_aucs(numbers: Numbers) -> Values:
    """Mean AUCs of the text against cross entropy's in the tables; means of Table 4.1 above that of section 4.5."""
    first, second = (printed_table(numbers, table)[MEAN] for table in AUC_TABLES)
    before, after = (numbers.stated(f"mean_auc_{key}").value for key in ("before", "after"))
    return {
        "mean_before_less_table41": before - first[CE],
        "mean_after_less_table42": after - second[CE],
        "mean_gain_text": after - before,
        "mean_gain_tables": second[CE] - first[CE],
        "table41_over_backbones": float((first > numbers.stated("backbones_auc").value).sum()),
        "backbones_less_table41": numbers.stated("backbones_auc").value - first.max(),
    }


def means_table(numbers: Numbers) -> pd.DataFrame:
    """The printed means of Tables 4.1 and 4.2 beside those of the printed cells, rounded and truncated.

    "possible": some AUCs that round to the printed cells have a mean that rounds to the printed one. So a truncated
    mean is not proved where this holds: it may have been rounded before the cells were.
    """
    rows = []
    for table in AUC_TABLES:
        unit = Decimal(1).scaleb(-numbers.decimals[table])
        for loss, row in printed_table(numbers, table).iterrows():
            printed, *cells = (Decimal(str(row[name])).quantize(unit) for name in (MEAN, *LABELS))
            mean = sum(cells, Decimal(0)) / len(cells)
            rounded, truncated = (mean.quantize(unit, rounding=how) for how in (ROUND_HALF_UP, ROUND_DOWN))
            possible = abs(mean - printed) <= unit  # half a unit of the cells and half of one of their mean
            rows.append((table, loss, *map(float, (printed, mean, rounded, truncated)), possible))
    return pd.DataFrame(
        rows, columns=["table", "loss", "printed", "of cells", "rounded", "truncated", "possible"]
    )


def recomputed_means(numbers: Numbers) -> Values:
    """Printed means that are the rounded, the truncated mean of the printed cells; those that rounding allows."""
    table = means_table(numbers)
    found = {"means_possible": float(table["possible"].sum())}
    for n, rows in table.groupby("table"):
        for how in ("rounded", "truncated"):
            found[f"means_{how}_table{str(n).replace('.', '')}"] = float((rows[how] == rows["printed"]).sum())
    return found


def gains_table(numbers: Numbers) -> pd.DataFrame:
    """A row a pair of losses: first less second, label by label and of the printed means; labels above and below."""
    rows = []
    for table, a, b in PAIRS:
        cells = printed_table(numbers, table)
        gain = (cells.loc[a] - cells.loc[b]).round(9)
        counts = {"above": int((gain[[*LABELS]] > 0).sum()), "below": int((gain[[*LABELS]] < 0).sum())}
        rows.append({"table": table, "loss": a, "against": b, **gain, **counts})
    return pd.DataFrame(rows)


def labels_against_means(numbers: Numbers) -> Values:
    """Custom loss and modified pipeline against cross entropy and each other: means, and labels above and below.

    Section 4.4: the custom loss is "usually ... atmost as good". It is so by mean, in Cardiomegaly it is not.
    """
    table = gains_table(numbers).set_index(["loss", "against"])
    found: Values = {}
    for stem, a, b in (
        ("custom", CUSTOM, CE),
        ("modified", MODIFIED, CE),
        ("modified_custom", MODIFIED, CUSTOM),
    ):
        row = table.loc[(a, b)]
        found |= {f"{stem}_gain": row[MEAN], f"{stem}_above": row["above"], f"{stem}_below": row["below"]}
    found["custom_gain_cardiomegaly"] = table.loc[(CUSTOM, CE), "Cardiomegaly"]
    found["modified_gain_cardiomegaly"] = table.loc[(MODIFIED, CE), "Cardiomegaly"]
    return {name: float(value) for name, value in found.items()}


def focal_and_deep_auc(numbers: Numbers) -> Values:
    """Focal and DeepAUC loss against cross entropy: means, labels above and below, focal's gain but for Atelectasis."""
    table = gains_table(numbers).set_index(["loss", "against"])
    found: Values = {}
    for stem, loss in (("focal", FOCAL), ("deepauc", DEEP_AUC)):
        row = table.loc[(loss, CE)]
        found |= {f"{stem}_gain": row[MEAN], f"{stem}_above": row["above"], f"{stem}_below": row["below"]}
    others = [label for label in LABELS if label != "Atelectasis"]
    found["focal_gain_atelectasis"] = table.loc[(FOCAL, CE), "Atelectasis"]
    found["focal_gain_other_labels"] = table.loc[(FOCAL, CE), others].mean()
    return {name: float(value) for name, value in found.items()}


def calibration_table(numbers: Numbers) -> pd.DataFrame:
    """Table 4.3 with the drop of each mean ECE, and the order of the losses before and after, 1 the best calibrated."""
    found = printed_table(numbers, "4.3")
    found["drop"] = (found[BEFORE] - found[AFTER]).round(9)
    for name, column in (("order before", BEFORE), ("order after", AFTER)):
        found[name] = found[column].rank(method="min").astype(int)
    return found.reset_index()


def calibration(numbers: Numbers) -> Values:
    """Drops of mean ECE by temperature scaling; cross entropy's place before and after; the spread that is left."""
    table = calibration_table(numbers).set_index("loss")
    drops = {f"ece_drop_{name}": table.loc[loss, "drop"] for name, loss in
             (("ce", CE), ("focal", FOCAL), ("deepauc", DEEP_AUC))}  # fmt: skip
    found = {
        **drops,
        "ece_drop_deepauc_less_text": table.loc[DEEP_AUC, "drop"] - numbers.stated("deepauc_drop").value,
        "ece_place_ce_before": table.loc[CE, "order before"],
        "ece_place_ce_after": table.loc[CE, "order after"],
        "ece_place_deepauc_after": table.loc[DEEP_AUC, "order after"],
        "ece_ce_less_deepauc_after": table.loc[CE, AFTER] - table.loc[DEEP_AUC, AFTER],
        "ece_spread_before": table[BEFORE].max() - table[BEFORE].min(),
        "ece_spread_after": table[AFTER].max() - table[AFTER].min(),
    }
    return {name: float(value) for name, value in found.items()}


def blame(numbers: Numbers) -> Values:
    """Losses that the conclusion finds without benefit, less those with a result: spatial coherence has none."""
    blamed, tried = (numbers.stated(key).value for key in ("losses_blamed", "losses_with_results"))
    return {"losses_blamed_untested": blamed - tried}


def validation_set(numbers: Numbers) -> Values:
    """Images that section 4.1 gives CheXpert's validation set (it has as many patients), less frontal and all ones."""
    said = numbers.stated("validation_images").value
    return {"validation_less_frontal": said - numbers.frontal, "validation_less_all": said - numbers.images}
