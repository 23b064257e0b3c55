"""The checks of the Sibnet report's printed numbers in words: the page's table, and the named values for claims."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from sibnet_calibration import printed_checks as check
from sibnet_calibration.printed import Numbers
from sibnet_calibration.printed_errors import error_values

Values = dict[str, float]
AGREES, DIFFERS = "agrees", "differs"


class Check(NamedTuple):
    """A row: ``says`` and ``gives`` are formats of the ``values``, ``finding`` a verdict on them."""

    check: str
    where: str
    says: str
    gives: str
    finding: Callable[[Values], str]
    values: Callable[[Numbers], Values]


def _holds_if(condition: Callable[[Values], bool], otherwise: str = DIFFERS) -> Callable[[Values], str]:
    return lambda values: AGREES if condition(values) else otherwise


CHECKS = (
    Check(
        "AUCs quoted for cross entropy",
        "Section 3.4; Tables 4.1 and 4.2",
        "Atelectasis 0.867, Edema just 0.691: a huge gap",
        "in {quoted_found:.0f} cells of these labels; nearest {quoted_atelectasis_nearest:+.3f} and "
        "{quoted_edema_nearest:+.3f} away; Atelectasis less Edema {label_gap_table41:+.3f} and "
        "{label_gap_table42:+.4f}",
        _holds_if(lambda v: v["quoted_found"] >= 2, "in no table; in Table 4.2 the gap has the other sign"),
        check.quoted_aucs,
    ),
    Check(
        "mean AUC of cross entropy",
        "Sections 4.5, 4.6, chapter 5; Tables 4.1 and 4.2",
        "0.80 → 0.88; over 0.8 for all backbones after 15 epochs",
        "0.80 is {mean_before_less_table41:+.3f} from Table 4.1, 0.88 {mean_after_less_table42:+.4f} from Table 4.2; "
        "gain {mean_gain_tables:.3f}, not {mean_gain_text:.2f}; {table41_over_backbones:.0f} of 3 means of Table 4.1 "
        "(15 epochs) above 0.8",
        _holds_if(
            lambda v: abs(v["mean_before_less_table41"]) <= 0.005 and v["table41_over_backbones"] > 0,
            "0.88 agrees; 0.80 and over 0.8 stand in no table",
        ),
        check.mean_aucs,
    ),
    Check(
        "means of the printed cells",
        "Tables 4.1 and 4.2",
        "column Mean",
        "rounded means: {means_rounded_table41:.0f} of 3 and {means_rounded_table42:.0f} of 3; truncated: "
        "{means_truncated_table41:.0f} and {means_truncated_table42:.0f}; possible: {means_possible:.0f} of 6",
        _holds_if(
            lambda v: v["means_rounded_table41"] + v["means_rounded_table42"] == 6,
            "no one rule gives Table 4.2 from its cells; a unit of the last place at most",
        ),
        check.recomputed_means,
    ),
    Check(
        "custom loss and modified pipeline against cross entropy",
        "Sections 3.4, 4.3, 4.4; Table 4.1",
        "at most as good; the pipeline closes the gap",
        "means {custom_gain:+.3f} and {modified_gain:+.3f}; above in {custom_above:.0f} and {modified_above:.0f} of 5 "
        "labels (Cardiomegaly {custom_gain_cardiomegaly:+.3f} and {modified_gain_cardiomegaly:+.3f}); pipeline less "
        "custom {modified_custom_gain:+.3f}, above in {modified_custom_above:.0f}",
        _holds_if(
            lambda v: v["custom_above"] == v["modified_above"] == 0 and v["modified_custom_gain"] > 0,
            "by mean; not in every label",
        ),
        check.labels_against_means,
    ),
    Check(
        "focal and DeepAUC loss against cross entropy",
        "Section 4.6; Table 4.2",
        "focal marginally better; DeepAUC not able to match",
        "focal {focal_gain:+.4f}, above in {focal_above:.0f} of 5 labels, {focal_gain_atelectasis:+.4f} in "
        "Atelectasis and {focal_gain_other_labels:+.4f} in the others' mean; DeepAUC {deepauc_gain:+.4f}, above in "
        "{deepauc_above:.0f}",
        _holds_if(
            lambda v: v["focal_gain_other_labels"] > 0 > v["deepauc_gain"],
            "without Atelectasis focal loss has the lower mean",
        ),
        check.focal_and_deep_auc,
    ),
    Check(
        "differences of means against their standard errors",
        "Sections 4.3, 4.6; Tables 4.1 and 4.2",
        "focal marginally better; custom worse; DeepAUC worse",
        "SE of a label {se_least:.3f} to {se_greatest:.3f}, of a mean {se_mean_independent:.3f} to "
        "{se_mean_dependent:.3f}; differences in SE, the lesser one: focal {focal_less_ce_z:+.2f}, custom "
        "{custom_less_ce_z:+.2f}, pipeline {modified_less_ce_z:+.2f}, DeepAUC {deepauc_less_ce_z:+.2f}; focal would "
        "need ρ {focal_less_ce_rho:.3f} between the models",
        _holds_if(lambda v: abs(v["focal_less_ce_z"]) > 1.96, "focal and cross entropy: not distinguishable"),
        error_values,
    ),
    Check(
        "the best calibrated loss",
        "Section 4.7, chapter 5; Table 4.3",
        "cross entropy; after calibration all equally",
        "cross entropy has place {ece_place_ce_before:.0f} before and {ece_place_ce_after:.0f} after, DeepAUC "
        "{ece_place_deepauc_after:.0f} after by {ece_ce_less_deepauc_after:.4f}; spread {ece_spread_before:.4f} → "
        "{ece_spread_after:.4f}",
        _holds_if(
            lambda v: v["ece_place_ce_before"] == v["ece_place_ce_after"] == 1, "before calibration only"
        ),
        check.calibration,
    ),
    Check(
        "drop in ECE",
        "Section 4.7; Table 4.3",
        "around 0.1356 for DeepAUC",
        "{ece_drop_deepauc:.4f}; cross entropy {ece_drop_ce:.4f}, focal {ece_drop_focal:.4f}",
        _holds_if(lambda v: abs(v["ece_drop_deepauc_less_text"]) < 5e-5),
        check.calibration,
    ),
    Check(
        "losses without benefit",
        "Chapter 5; section 4.3",
        "no improvement with class distinctiveness and spatial coherence",
        "{losses_blamed_untested:.0f} of the two has no result in the report",
        _holds_if(lambda v: v["losses_blamed_untested"] == 0, "spatial coherence was not tested"),
        check.blame,
    ),
    Check(
        "images of the validation set",
        "Section 4.1",
        "200 images",
        "{validation_less_frontal:+.0f} against CheXpert's frontal images, {validation_less_all:+.0f} against all",
        _holds_if(lambda v: 0 in v.values(), "200 is its number of patients"),
        check.validation_set,
    ),
)


def checks_table(numbers: Numbers) -> pd.DataFrame:
    """A row a check: what is checked, where it is printed, what text and tables say, and the finding."""
    rows = []
    for row in CHECKS:
        values = scalars_of(row, numbers)
        rows.append((row.check, row.where, row.says, row.gives.format(**values), row.finding(values)))
    return pd.DataFrame(rows, columns=["check", "where", "the text says", "the tables give", "finding"])


def scalars_of(row: Check, numbers: Numbers) -> Values:
    """The values of a check without binary dust: differences of printed decimals stay short."""
    return {name: round(float(value), 9) for name, value in row.values(numbers).items()}


def scalars(numbers: Numbers) -> Values:
    """Named values for claims and prose, all with ``printed_`` before them: those of the checks, ``text_KEY``."""
    found = {name: value for row in CHECKS for name, value in scalars_of(row, numbers).items()}
    found |= {f"text_{key}": said.value for key, said in numbers.text.items()}
    return {f"printed_{name}": value for name, value in found.items()}
