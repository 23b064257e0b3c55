"""The paper's numbers: as printed, and what the page says of them."""

from pylon.frame import printed_name
from pylon.printed import MACRO, WEIGHTED, ablations, printed_table, sentences


def test_macro_averages_are_those_of_the_printed_classes_within_rounding():
    for number in (1, 2, 3, 4):
        table = printed_table(number)
        classes = table.drop(index=[MACRO, WEIGHTED])
        assert (classes.mean() - table.loc[MACRO]).abs().max() <= 0.01 + 1e-9


def test_ablations_repeat_table_1():
    own, table = ablations(), printed_table(1)
    full = own[own["method"].isin(["pylon", "fpn", "deeplab", "li2018"]) & own["measure"].ne("AUROC")]
    assert len(full) == 7
    for row in full.to_dict("records"):
        assert row["paper"] == table.loc[MACRO, printed_name(row["method"])]


def test_sentences_are_computed():
    found = " ".join(sentences())
    assert len(sentences()) <= 6
    for words in (
        "in 1 of 50 classes",
        "strictly best in 1 of 20 classes and FPN is above it in 16",
        "strictly best in 9 of 14 classes of Table 3 (text: 10)",
        "16 of Table 4 (text: 17)",
        "Atelectasis is 0.39 (text: 0.38)",
        "weighted ones (0.46, 0.58); its macro averages are 0.49 and 0.56",
        "4,385 patients",
    ):
        assert words in found
