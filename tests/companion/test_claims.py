"""Loading a claims file: what it gives, and a hash of the rules alone."""

from pathlib import Path

import pytest

from papers_lib.companion.claims import load_claims, rule_text
from papers_lib.errors import UserError
from tests.companion.claims_file_fixture import FILE, VALUE, changed, write

ROOT = Path(__file__).parents[2]


def test_what_a_file_says(tmp_path):
    claims = load_claims(write(tmp_path, FILE))
    assert (claims.slug, claims.authors, claims.year) == ("demo", "Ada Example, Ben Sample", 2022)
    assert claims.url[0].url == "https://example.org/paper"
    heart = claims.items[2]
    assert (heart.paper_value, heart.comparable, heart.figure) == (1e-9, False, "fig6")
    assert heart.rule.contrast.where == {"experiment": (1,)}
    assert (heart.rule.direction, heart.rule.margin, heart.rule.family) == ("greater", 0.05, "heart")
    assert claims.items[3].untestable.startswith("a statement")


def test_declared_by_profile_and_kind(tmp_path):
    claims = load_claims(write(tmp_path, FILE))
    assert claims.declared("full", "table") == ["tab1"]
    assert claims.declared("quick", "table") == []
    assert claims.declared("smoke", "claim") == claims.declared("quick", "claim") == ["heart"]
    assert claims.declared("paper", "claim") == []
    with pytest.raises(ValueError, match="unknown profile"):
        claims.declared("fast", "claim")


def test_interval_level_of_an_equivalence_is_that_of_two_one_sided_tests(tmp_path):
    rule = load_claims(write(tmp_path, changed("rule", direction="equal"))).items[2].rule
    assert (rule.level, rule.interval_level) == (0.95, pytest.approx(0.9))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"gone.yaml: cannot be read"):
        load_claims(tmp_path / "gone.yaml")
    (tmp_path / "demo.yaml").write_bytes(b"slug: \xff")
    with pytest.raises(UserError, match=r"demo.yaml: is not UTF-8"):
        load_claims(tmp_path / "demo.yaml")


def test_the_hash_is_blind_to_prose_and_order(tmp_path):
    before = load_claims(write(tmp_path, FILE)).rules_sha256
    prose = changed("heart", title="Said better.", printed="p. 3", paper={"text": "p < .001"}, figure="tab1")
    prose |= {"summary": "Other words.", "verdict": ["Nothing."], "items": prose["items"][::-1]}
    prose |= {"labels": {"share": "heat", "experiment=1": "experiment 1"}}
    prose["items"][0]["untestable"] = "another reason"
    prose["items"].append({**FILE["items"][0], "id": "fig7"})
    assert load_claims(write(tmp_path, prose)).rules_sha256 == before


@pytest.mark.parametrize(
    "content",
    [
        changed("rule", margin=0.04),
        changed("rule", direction="differs"),
        changed("rule", family=...),
        changed("interval", level=0.9),
        changed("contrast", where={"experiment": [1, 2]}),
        changed("contrast", b="mse"),
        changed("heart", profiles=["full"]),
        changed("heart", rule=..., untestable="gave up"),
        changed("untestable", untestable=..., rule=VALUE),
    ],
)
def test_the_hash_sees_every_change_of_a_rule(tmp_path, content):
    content["verdict"] = ["None."]
    assert (
        load_claims(write(tmp_path, content)).rules_sha256 != load_claims(write(tmp_path, FILE)).rules_sha256
    )


def test_labels_reach_the_words_of_the_rules(tmp_path):
    labels = {"share": "heat in the heart", "experiment=1": "experiment 1", "no such column": "harmless"}
    claims = load_claims(write(tmp_path, {**FILE, "labels": labels}))
    assert claims.labels == labels
    assert rule_text(claims.items[2].rule).startswith("heat in the heart, heatmap minus cce (experiment 1); ")
    assert load_claims(write(tmp_path, FILE)).labels == {}


@pytest.mark.parametrize(
    "labels", [None, ["a"], "text", {"a": ""}, {"a": " "}, {"a": 1}, {1: "a"}, {"a": None}]
)
def test_labels_are_texts(tmp_path, labels):
    with pytest.raises(
        UserError, match=r"^demo.yaml: labels: found .*, expected a mapping of texts to texts"
    ):
        load_claims(write(tmp_path, {**FILE, "labels": labels}))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks" / "claims").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_papers_own_files_load(path):
    claims = load_claims(path)
    texts = [rule_text(item.rule) for item in claims.items if item.rule]
    assert texts
    assert all(text.endswith(".") for text in texts)
