from benchmarks.parts import PARTS, chosen
from papers_lib.companion.paths import repo_root, slugs


def test_every_paper_has_a_part_of_its_name_that_its_page_shows():
    assert {part.slug for part in PARTS.values()} - {""} == {
        slug for slug in PARTS if slug in slugs(repo_root())
    }
    assert all(PARTS[part.slug].section.startswith("training step") for part in PARTS.values() if part.slug)


def test_what_runs_unasked():
    assert chosen([], "cpu") == [name for name in PARTS if name not in ("gpu", "rates")]
    assert set(chosen([], "cuda")) == {*chosen([], "cpu"), "gpu"}


def test_parts_that_are_named_run_in_the_order_of_the_table():
    assert chosen(["rates", "gpu", "pylon"], "cpu") == ["pylon", "gpu", "rates"]
