"""What the report prints: Tables 4.1 to 4.3, and where its text and its tables disagree."""

import math
from pathlib import Path

import pandas as pd

from papers_lib.errors import UserError

FOLDER = Path(__file__).parent / "printed"
POSITIVES = pd.Series(
    {"Atelectasis": 75, "Cardiomegaly": 66, "Consolidation": 32, "Edema": 42, "Pleural Effusion": 64}
)
FRONTAL = 202
"""Of CheXpert's validation set, which the report does not describe further: the frontal images and their positives,
as libauc's data loader prints them (github.com/Optimization-AI/LibAUC, example 05)."""


def printed_table(number: str) -> pd.DataFrame:
    """Table "4.1" or "4.2" (validation AUC by label, "Mean") or "4.3" (mean ECE before and after), a row a loss.

    Raises: UserError for a file that is not as the report has the table: three losses, numbers between 0 and 1.
    """
    path = FOLDER / f"table{number.replace('.', '')}.csv"
    table = pd.read_csv(path, index_col=0).rename(index=lambda loss: loss.removesuffix(" Loss"))
    columns = [*POSITIVES.index, "Mean"] if number != "4.3" else list(table.columns)
    inside = (
        table.apply(pd.to_numeric, errors="coerce").apply(lambda column: column.between(0, 1)).all(axis=None)
    )
    if len(table) != 3 or list(table.columns) != columns or not inside:
        raise UserError(
            f"{path.name}: expected three losses with numbers between 0 and 1 for {', '.join(columns)}"
        )
    return table


def auc_error(auc: pd.Series) -> float:
    """Standard error of the mean of a row's AUCs over the frontal images, labels taken as independent.

    Hanley and McNeil, Radiology 143 (1982): SE² = (A(1 - A) + (P - 1)(A/(2 - A) - A²) + (N - 1)(2A²/(1 + A) - A²)) / (P N).
    """
    a, p, n = auc[POSITIVES.index], POSITIVES, FRONTAL - POSITIVES
    variance = a * (1 - a) + (p - 1) * (a / (2 - a) - a**2) + (n - 1) * (2 * a**2 / (1 + a) - a**2)
    return math.sqrt((variance / (p * n)).sum()) / len(p)


def deviations() -> str:
    """Where the report's text and its tables disagree: six sentences in Markdown."""
    first, second, third = (printed_table(number) for number in ("4.1", "4.2", "4.3"))
    ce, labels = second.loc["Cross Entropy"], list(POSITIVES.index)
    quoted, atelectasis = pd.concat([first, second])[["Atelectasis", "Edema"]], 0.867
    off = [
        (quoted[label] - auc).abs().min() for label, auc in (("Atelectasis", atelectasis), ("Edema", 0.691))
    ]
    rounded = (second[labels].mean(axis=1).round(4) == second["Mean"]).sum()

    def z(table: pd.DataFrame, loss: str) -> float:
        a, b = table.loc[loss], table.loc["Cross Entropy"]
        return (a["Mean"] - b["Mean"]) / math.hypot(auc_error(a), auc_error(b))

    def above(loss: str) -> int:
        return int((first.loc[loss, labels] > first.loc["Cross Entropy", labels]).sum())

    before, after = (third.iloc[:, at] for at in (0, 1))
    place = int(after.rank()["Cross Entropy"])
    sentences = (
        f"The AUCs of {atelectasis} (Atelectasis) and 0.691 (Edema) that section 3.4 quotes for cross entropy stand in no "
        f"table: the nearest cells are {off[0]:.3f} and {off[1]:.3f} away, and in Table 4.2 the gap of the two labels is "
        f"{ce['Atelectasis'] - ce['Edema']:+.3f}.",
        f'The mean AUC "from just 0.80 to 0.88" (section 4.6) is {first.loc["Cross Entropy", "Mean"]:.3f} in Table 4.1 and '
        f"{ce['Mean']:.4f} in Table 4.2; {(first['Mean'] > 0.8).sum()} of the 3 means of Table 4.1 are over 0.8, as section "
        "4.5 has them.",
        f"Of the 3 means of Table 4.2, {rounded} are the rounded means of their cells.",
        '"At most as good as cross entropy" (section 4.4) holds by mean; the custom loss is above it in '
        f"{above('Custom')} of 5 labels and the modified pipeline in {above('Modified Pipeline')}.",
        f"In standard errors over CheXpert's {FRONTAL} frontal validation images (labels and models taken as independent) "
        f"focal loss is {z(second, 'Focal'):+.2f} from cross entropy, the custom loss {z(first, 'Custom'):+.2f}, DeepAUC "
        f"{z(second, 'DeepAUC'):+.2f}: only the last can be told from it.",
        f"Cross entropy has the lowest mean ECE before calibration ({before['Cross Entropy']}); after it place {place} of 3, "
        f"within {after.max() - after.min():.4f}; the conclusion blames both saliency losses, of which one has a result.",
    )
    return "\n".join(f"- {sentence}" for sentence in sentences)


def values() -> dict[str, float]:
    """Printed numbers that the prose sets beside ours."""
    auc, after = printed_table("4.2")["Mean"], printed_table("4.3").iloc[:, 1]
    return {
        "printed_focal_gain": auc["Focal"] - auc["Cross Entropy"],
        "printed_deepauc": auc["DeepAUC"],
        "printed_ece_least": after.min(),
        "printed_ece_most": after.max(),
        "printed_ece_spread_after": after.max() - after.min(),
    }
