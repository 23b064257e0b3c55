"""What the report prints: Tables 4.1 to 4.3, and where its text and its tables disagree."""

from pathlib import Path

import pandas as pd

LABELS = ["Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion"]
CE = "Cross Entropy"


def printed_table(number: str) -> pd.DataFrame:
    """Table "4.1" or "4.2" (validation AUC by label, "Mean") or "4.3" (mean ECE before and after), a row a loss."""
    path = Path(__file__).parent / "printed" / f"table{number.replace('.', '')}.csv"
    return pd.read_csv(path, index_col=0).rename(index=lambda loss: loss.removesuffix(" Loss"))


def deviations() -> str:
    """Where the report's text and its tables disagree: five sentences in Markdown."""
    first, second, third = (printed_table(number) for number in ("4.1", "4.2", "4.3"))
    labels, quoted = LABELS, {"Atelectasis": 0.867, "Edema": 0.691}
    off = [(pd.concat([first, second])[label] - auc).abs().min() for label, auc in quoted.items()]
    gap = second.loc[CE, "Atelectasis"] - second.loc[CE, "Edema"]
    rounded = (second[labels].mean(axis=1).round(4) == second["Mean"]).sum()
    above = (first[labels] > first.loc[CE, labels]).sum(axis=1)

    after = third.iloc[:, 1]
    sentences = (
        f"The AUCs {quoted['Atelectasis']} (Atelectasis) and {quoted['Edema']} (Edema) that section 3.4 quotes for "
        f"cross entropy stand in no table: the nearest cells are {off[0]:.3f} and {off[1]:.3f} away, and in "
        f"Table 4.2 the gap of the two labels is {gap:+.3f}.",
        'The mean AUC "from just 0.80 to 0.88" (section 4.6) is '
        f"{first.loc[CE, 'Mean']:.3f} in Table 4.1 and {second.loc[CE, 'Mean']:.4f} in Table 4.2; "
        f"{(first['Mean'] > 0.8).sum()} of the 3 means of Table 4.1 are over 0.8, as section 4.5 has them.",
        f"Of the 3 means of Table 4.2, {rounded} are the rounded means of their cells.",
        '"At most as good as cross entropy" (section 4.4) is so by mean; the custom loss is above it in '
        f"{above['Custom']} of 5 labels and the modified pipeline in {above['Modified Pipeline']}.",
        f"Cross entropy has place {third.iloc[:, 0].rank()[CE]:.0f} of 3 by mean ECE before calibration and "
        f"{after.rank()[CE]:.0f} after, where all lie within {after.max() - after.min():.4f}; the conclusion "
        "blames both saliency losses, of which one has a result.",
    )
    return "\n".join(f"- {sentence}" for sentence in sentences)


def values() -> dict[str, float]:
    """Printed numbers that the prose sets beside ours."""
    auc, after = printed_table("4.2")["Mean"], printed_table("4.3").iloc[:, 1]
    found = {"printed_focal_gain": auc["Focal"] - auc[CE], "printed_deepauc": auc["DeepAUC"]}
    found |= {"printed_ece_least": after.min(), "printed_ece_most": after.max()}
    return found | {"printed_ece_spread_after": after.max() - after.min()}
