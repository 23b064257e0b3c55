"""The printed numbers of the PYLON paper, from ``printed/*.csv``, and what they say about each other."""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent / "printed"
AREA, WEIGHTED, MACRO = "avg_area", "Weighted avg.", "Macro avg."
AVERAGES = {"Weight. avg.": WEIGHTED, "Weighted. avg.": WEIGHTED}  # as printed
TWO_PHASE = "PYLON two-phase"


def printed_table(number: int) -> pd.DataFrame:
    """Point localization accuracy as printed in Table ``number``, 1 to 4.

    Index: ``WEIGHTED``, ``MACRO``, then the classes as printed. Columns: ``AREA``, the average share of the image's
    area, and the methods as printed.
    """
    found = pd.read_csv(FOLDER / f"table{number}.csv", index_col=0)
    return found.rename(index=AVERAGES, columns={"Avg.Area": AREA}).rename_axis("class")


def ablations() -> pd.DataFrame:
    """Tables S16 to S18 and Figures S14 and S15, a row a model."""
    return pd.read_csv(FOLDER / "ablations.csv", index_col=0)


def sentences() -> list[str]:
    """What the paper's numbers say about each other, in Markdown; every number is computed or read from a file."""
    tables = {number: printed_table(number) for number in (1, 2, 3, 4)}
    said = pd.read_csv(FOLDER / "text.csv", index_col=0)["value"]
    classes = {number: table.drop(index=[WEIGHTED, MACRO]) for number, table in tables.items()}

    def best(number: int, method: str) -> int:
        """Classes in which ``method`` is strictly above all that is no PYLON and has no transfer."""
        cells = classes[number]
        rivals = [name for name in cells if not name.startswith((AREA, "PYLON", "Baseline with"))]
        return int((cells[method] > cells[rivals].max(axis=1)).sum())

    cells = sum(len(one) for one in classes.values())
    apart = sum(int((one["Baseline"] != one["GradCAM"]).sum()) for one in classes.values())
    voc, vindr, nih = classes[4], tables[3], tables[1]
    second = nih.loc["Atelectasis"].drop([AREA, "PYLON"]).max()
    pairs = {row: vindr.loc[row, ["PYLON with transfer", TWO_PHASE]].tolist() for row in (MACRO, WEIGHTED)}
    return [
        f"The CAM baseline and Grad-CAM are printed with different numbers in {apart} of {cells} classes of Tables 1 "
        "to 4: an identity, which is no evidence for either.",
        f"In Table 4, PYLON with one phase is strictly best in {best(4, 'PYLON')} of {len(voc)} classes and FPN is "
        f"above it in {int((voc['FPN'] > voc['PYLON']).sum())}; only PYLON was also trained in two phases, so its "
        "lead mixes decoder and training.",
        f"The tables do not give the text's counts: PYLON is strictly best in {best(3, 'PYLON')} of "
        f"{len(classes[3])} classes of Table 3 (text: {said['vindr_best']:.0f}) and with two phases in "
        f"{best(4, TWO_PHASE)} of Table 4 (text: {said['voc_best']:.0f}), the second-best value for Atelectasis is "
        f"{second:.2f} (text: {said['atelectasis_second']:.2f}), and the small variant of the ablation reaches "
        f"{said['small_variant']:.2f}, the proposed model {nih.loc[MACRO, 'PYLON']:.2f}.",
        f"The Discussion's macro averages of {said['discussion_one_phase']:.2f} and "
        f"{said['discussion_two_phase']:.2f} for VinDr-CXR are Table 3's weighted ones "
        "({:.2f}, {:.2f}); its macro averages are {:.2f} and {:.2f}.".format(*pairs[WEIGHTED], *pairs[MACRO]),
        f"Results and Discussion count different classes of best masked-out area: {said['masked_nih_results']:.0f} "
        f"and {said['masked_nih_discussion']:.0f} of 14 on NIH, {said['masked_voc_results']:.0f} and "
        f"{said['masked_voc_discussion']:.0f} of 20 on VOC; and the {said['vindr_classes']:.0f} abnormalities of "
        f"VinDr-CXR are {len(classes[3])} classes in Table 3.",
        f"In the authors' lists, {said['nih_shared_patients']:,.0f} patients have NIH images in both training and "
        f"validation, and their own single run reaches {said['single_macro']:.3f} (Nodule "
        f"{said['single_nodule']:.3f}) where Table 1 prints {nih.loc[MACRO, 'PYLON']:.2f} "
        f"({nih.loc['Nodule', 'PYLON']:.2f}).",
    ]
