"""The YAML and JSON files of a checkout with a few edits: what they say is taken, or one line names the file."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.companion import recorded
from papers_lib.companion.claims import load_claims
from papers_lib.companion.parameters import resolve
from papers_lib.files import write_json, write_text
from tests.companion import page_fixture
from tests.companion.claims_fixture import MEAN, PAIRED, item, write
from tests.fuzz import damaged, fuzzed, no_hang, refused

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": "profile = 'quick'\ndevice = 'cpu'\njobs = 0\ndata_root = ''\n"
            "seeds = 3  # runs\nrate = 1e-3\nnames = ['a', 'b']\n",
        },
    ]
}
WORDS = (
    b"*a",
    b"&a",
    b"<<:",
    b"!!timestamp x",
    b"!!binary x",
    b"? ",
    b"1e-9",
    b"{}",
    b"[[]]",
    b"1.0",
    b".inf",
)


@no_hang
@given(data=st.data())
@fuzzed
def test_fuzzed_claims_files_load_or_are_one_line(tmp_path, data):
    path = write(tmp_path, item(PAIRED), item(MEAN, "d"), labels={"m": "heat"})
    path.write_bytes(data.draw(damaged(path.read_bytes(), WORDS)))
    claims = refused(lambda: load_claims(path), path.name)
    assert claims is None or claims.items


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    (root / "pyproject.toml").touch()
    write_json(root / "notebooks" / "toy.ipynb", NOTEBOOK)
    write_text(
        root / "notebooks/profiles/smoke.yaml",
        "toy:\n  seeds: 1\n  rate: 2e-3\n  names: [c]\nother: {x: 1}\n",
    )
    return root


@no_hang
@pytest.mark.parametrize("name", ["profiles/smoke.yaml", "toy.ipynb"])
@given(data=st.data())
@fuzzed
def test_fuzzed_profiles_and_notebooks_resolve_or_are_one_line(checkout, name, data):
    path = checkout / "notebooks" / name
    good = path.read_bytes()
    path.write_bytes(data.draw(damaged(good, (*WORDS, b"\\n", b"\\u0000", b"x = ", b"(", b"'"))))
    try:
        found = refused(lambda: resolve(checkout, "toy", "smoke"), path.name, "toy")
    finally:
        path.write_bytes(good)
    assert found is None or found.profile == "smoke"


@no_hang
@given(
    text=st.one_of(
        st.text(max_size=20), damaged(b"seeds=[1, 2]", WORDS).map(lambda b: b.decode("utf-8", "replace"))
    )
)
@fuzzed
def test_fuzzed_settings_are_a_value_or_one_line(checkout, text):
    refused(lambda: resolve(checkout, "toy", "smoke", settings=[text]), "--set", "toy")


@no_hang
@given(data=st.data())
@fuzzed
def test_fuzzed_recorded_results_are_a_section_or_one_line(tmp_path, data):
    page_fixture.record(tmp_path, "gpu")
    (path,) = (tmp_path / "reports" / "full" / "recorded").glob("demo.*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["claims"] = [
        {"title": "t", "estimate": 0.5, "outcome": "supported", "evidence": "real data", "n": 3}
    ]
    path.write_bytes(
        data.draw(damaged(json.dumps(content).encode(), (*WORDS, b'"x"', b"{", b"NaN", b"-Infinity")))
    )
    html = refused(lambda: recorded.html(recorded.load(tmp_path, "demo")), "gpu")
    assert html is None or "Recorded, not regenerated here." in html
