"""Tables of 100,000 columns, or with a field beyond csv's limit: every reader answers at once, as for any other."""

import time

import pytest

from papers_lib.datasets import (
    chexpert,
    chexpert_rows,
    chexpert_table,
    nih_boxes,
    nih_files,
    tabular,
    vindr_boxes,
)
from papers_lib.datasets.cardiac_layout import COLUMNS
from tests.datasets import chexpert_tree, nih_tree, vindr_tree
from tests.fuzz import refused

WIDE = 100_000
READERS = {
    "cardiac": (lambda path: tabular.read_rows(path, COLUMNS), "id,split,class,sex", "a,train,NOR,M"),
    "VinDr": (vindr_boxes.read_findings, vindr_tree.HEADER, vindr_tree.row()),
    "VinDr sizes": (lambda path: tabular.read_rows(path, ("image_id",)), "image_id,dim0,dim1", "a,3,4"),
    "NIH": (nih_files.read_table, nih_tree.RELEASE_2017.rstrip(","), "a.png,Mass,0,1,58,M,PA,1,1,1,1"),
    "NIH boxes": (nih_boxes.read_boxes, nih_tree.BOX_HEADER.rstrip(","), "a.png,Mass,1,2,3,4"),
    "CheXpert": (chexpert_table.read_table, chexpert_tree.HEADER, chexpert_tree.TRAIN[0]),
    "CheXpert rows": (
        lambda path: chexpert_rows.check_rows(path.parent),
        chexpert_tree.HEADER,
        chexpert_tree.TRAIN[0],
    ),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("what", ["wide", "wide and doubled", "long field", "open quote"])
def test_no_reader_hangs(tmp_path, name, what):
    read, header, row = READERS[name]
    path = tmp_path / chexpert.TRAIN
    if what.startswith("wide"):
        columns = [f"c{k % (WIDE // 2) if 'doubled' in what else k}" for k in range(WIDE)]
        header, row = f"{header},{','.join(columns)}", row + ",1" * WIDE
    else:
        row = row.replace("a", '"' + "a" * 200_000 + ('"' if what == "long field" else ""), 1)
    path.write_text(f"{header}\n{row}\n")
    begin = time.process_time()
    found = refused(lambda: read(path), path)
    assert time.process_time() - begin < 5
    assert found is None or what != "open quote"
