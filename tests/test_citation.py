"""CITATION.cff names this version and the four papers as their claims files do."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PAPERS = {
    path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "notebooks").glob("*/claims.yaml"))
}
PERSON, ENTITY = {"family-names", "given-names"}, {"name"}
TYPES = {"article", "conference-paper", "report", "software"}  # of the format, those in use here


def test_what_the_format_requires_is_there():
    assert {"cff-version", "message", "title", "authors", "type"} <= CITATION.keys()
    assert CITATION["cff-version"] == "1.2.0"
    for entry in (CITATION, *CITATION["references"]):
        assert entry["type"] in TYPES
        assert entry["title"]
        assert all(set(author) in (PERSON, ENTITY) for author in entry["authors"])
        assert all(entry[name].keys() == ENTITY for name in ("conference", "institution") if name in entry)
        assert re.fullmatch(r"10\.\d{4,9}/\S+", entry.get("doi", "10.0000/x"))


def test_version_and_license_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (CITATION["version"], CITATION["license"]) == (project["version"], project["license"])


def test_every_paper_stands_as_in_its_claims_file():
    papers = {paper["title"]: paper for paper in PAPERS.values()}
    assert len(CITATION["references"]) >= 4
    for entry in CITATION["references"]:
        paper = papers[entry["title"]]
        authors = [f"{one['given-names']} {one['family-names']}" for one in entry["authors"]]
        assert ", ".join(authors) == paper["authors"]
        assert entry["year"] == paper["year"]
        links = {link["url"] for link in paper["url"]}
        assert entry.get("url") in {*links, None}
        assert entry.get("doi") is None or f"https://doi.org/{entry['doi']}" in links
