"""The printed numbers of the PYLON paper: Tables 1 to 4, the ablations, and what the text says beside them.

Preechakul et al., iScience 25 (2022) 103933. The files lie in ``printed/``: ``table1.csv`` to ``table4.csv`` with a
row a class, ``ablations.csv`` with a row a model, ``text.csv`` with the numbers of the text and of the authors'
repository that the page sets beside the tables.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from papers_lib.errors import UserError

FOLDER = Path(__file__).parent / "printed"
AREA, WEIGHTED, MACRO = "avg_area", "Weighted avg.", "Macro avg."
AVERAGES = {"Weight. avg.": WEIGHTED, "Weighted. avg.": WEIGHTED}  # as printed
TWO_PHASE = "PYLON two-phase"


def read(name: str, columns: Sequence[str], folder: Path = FOLDER) -> pd.DataFrame:
    """A file of printed numbers, its first column as the index.

    Raises:
        UserError: no such file, other first columns, an index that is empty or not unique, or a number outside of
            its range (shares: 0 to 1).
    """
    path = folder / name
    try:
        found = pd.read_csv(path, index_col=0)
    except (OSError, ValueError) as error:
        raise UserError(f"{path.name}: cannot be read ({error})") from error
    header = [found.index.name, *found.columns]
    if header[: len(columns)] != list(columns):
        raise UserError(
            f"{path.name}: found columns {', '.join(map(str, header))}, expected {', '.join(columns)}"
        )
    if not found.index.is_unique or found.index.hasnans or not len(found):
        raise UserError(f"{path.name}: {columns[0]}: found an empty or repeated name, expected each once")
    numbers = found.select_dtypes("number")
    if numbers.shape[1] == 0 or (numbers < 0).any(axis=None):
        raise UserError(f"{path.name}: found no numbers, or one below 0")
    return found


def printed_table(number: int, folder: Path = FOLDER) -> pd.DataFrame:
    """Point localization accuracy as printed in Table ``number``, 1 to 4.

    Index: ``WEIGHTED``, ``MACRO``, then the classes as printed. Columns: ``AREA``, the average share of the image's
    area, and the methods as printed.

    Raises:
        UserError: the file is not as described, or holds something else than shares.
    """
    found = read(f"table{number}.csv", ("Class", "Avg.Area"), folder)
    if found.select_dtypes("number").shape != found.shape or not found.le(1).all(axis=None):
        raise UserError(f"table{number}.csv: found a cell that is no share, expected numbers from 0 to 1")
    found = found.rename(index=AVERAGES, columns={"Avg.Area": AREA}).rename_axis("class")
    if list(found.index[:2]) != [WEIGHTED, MACRO]:
        raise UserError(
            f"table{number}.csv: found {', '.join(found.index[:2])} first, expected the two averages"
        )
    return found


def ablations(folder: Path = FOLDER) -> pd.DataFrame:
    """The ablations of Tables S16 to S18 and Figures S14 and S15, a row a model: part, method, measure, paper,
    "paper sd" and "paper says", empty where the paper has nothing."""
    return read(
        "ablations.csv", ("row", "part", "method", "measure", "paper", "paper sd", "paper says"), folder
    )


def sentences(folder: Path = FOLDER) -> list[str]:
    """What the paper's numbers say about each other, in Markdown; every number is computed or read from a file."""
    tables = {number: printed_table(number, folder) for number in (1, 2, 3, 4)}
    said = read("text.csv", ("key", "value", "where"), folder)["value"]
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
