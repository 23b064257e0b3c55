"""Claims files: what they say, each kind of slip as one line, the hash of the rules, rules and verdicts in words."""

from pathlib import Path

import pytest

from papers_lib.companion.claims import ClaimResult, load_claims, to_markdown, verdict
from papers_lib.errors import UserError
from tests.companion.claims_fixture import FIGURE, MEAN, PAIRED, SAME, SHARE, SHIFT, VALUE, item, load, write

ROOT = Path(__file__).parents[2]


def test_what_a_file_says(tmp_path):
    claims = load(
        tmp_path,
        item(SHIFT | {"where": {"arm": "main", "seed": [1, 2]}}, figure="fig1"),
        item(None, "shown", untestable="by derivation", kind="observation"),
    )
    assert claims.items[1].rule.where == {"arm": ["main"], "seed": [1, 2]}
    assert claims.declared("smoke", "claim") == claims.declared("quick", "claim") == ["c"]
    assert claims.declared("full", "claim") == []
    assert claims.declared("paper", "figure") == ["fig1"]


def test_a_family_says_what_its_rules_share(tmp_path):
    families = {"heat": SHIFT | {"margin": 0.5}}
    short = load(tmp_path, item({"family": "heat", "b": "c", "margin": 1.0}), families=families)
    rule = short.items[1].rule
    assert (rule.form, rule.metric, rule.a, rule.b, rule.margin) == ("unpaired", "m", "a", "c", 1.0)
    long = load(tmp_path, item(SHIFT | {"b": "c", "margin": 1.0, "family": "heat"}), families={"heat": {}})
    assert short.rules_sha256 == long.rules_sha256


@pytest.mark.parametrize(
    ("head", "more", "says"),
    [
        ({"year": "2022"}, {}, "year: Input should be a valid integer (found '2022')"),
        ({"more": 1}, {}, "more: unknown key"),
        ({"url": [{"text": "a", "url": "ftp://a"}]}, {}, "url: 0: url: "),
        ({"thumbnail": "fig9"}, {}, "thumbnail: found 'fig9', expected a figure"),
        ({"verdict": ["{lung.p}"]}, {}, "verdict: page.text: no value 'lung.p'"),
        ({"verdict": ["{c.p:q}"]}, {}, "verdict: page.text: c.p does not take format 'q'"),
        ({"items": ["x"]}, {}, "item 0: "),
        ({}, {"id": "Heart"}, "item Heart: id: "),
        ({}, {"id": "fig1"}, "item fig1: found twice"),
        ({}, {"figure": "fig9"}, "item c: figure: found 'fig9', expected a figure"),
        ({}, {"rule": None}, "item c: rule: expected either a rule, or untestable"),
        ({}, {"kind": "table"}, "item c: expected no rule"),
    ],
    ids=lambda found: str(found)[:40],
)
def test_a_slip_is_one_line_that_names_the_place(tmp_path, head, more, says):
    with pytest.raises(UserError) as raised:
        load(tmp_path, {**item(SHIFT), **more}, **head)
    assert str(raised.value).startswith(f"demo/claims.yaml: {says}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (SHIFT | {"margin": "1e-9"}, "margin: Input should be a valid number (found '1e-9')"),
        (SHIFT | {"level": 0.9}, "level: unknown key"),
        (SHIFT | {"paired_by": ["seed"]}, "found paired_by, expected direction, metric, by, a, b for form"),
        (SHIFT | {"where": {"group": "a"}}, "expected two groups of 'group'"),
        (SHIFT | {"direction": "equal"}, "expected form equivalence"),
        (SHIFT | {"family": "heat"}, "family: found 'heat'"),
        ({"form": "mean", "metric": "m"}, "found no direction, no reference, expected direction, metric"),
        (SAME | {"margin": 0}, "expected form equivalence and a margin"),
        (SAME | {"direction": "less"}, "found direction, expected margin"),
    ],
)
def test_parts_of_a_rule_fit_each_other(tmp_path, rule, says):
    with pytest.raises(UserError) as raised:
        load(tmp_path, item(rule))
    assert str(raised.value).startswith(f"demo/claims.yaml: item c: rule: {says}")


def test_a_file_that_holds_no_claims_or_is_another_papers(tmp_path):
    path = write(tmp_path, slug="other")
    with pytest.raises(UserError, match=r"demo/claims.yaml: slug: found 'other', expected 'demo'"):
        load_claims(path)
    path.write_text("[1]")
    with pytest.raises(UserError, match=r"demo/claims.yaml: .*\(found \[1\]\)"):
        load_claims(path)


def test_the_hash_is_blind_to_prose_and_order(tmp_path):
    claims = [item(SHIFT), item(MEAN, "d")]
    before = load(tmp_path, *claims).rules_sha256
    said = [{**one, "title": "Said better.", "figure": "fig1"} for one in claims[::-1]]
    after = load(tmp_path, *said, {**FIGURE, "id": "fig2"}, summary="Other.", labels={"m": "heat"})
    assert after.rules_sha256 == before
    for change in ({"margin": 0.04}, {"direction": "differs"}, {"b": "c"}, {"where": {"arm": "main"}}):
        assert load(tmp_path, item(SHIFT | change), claims[1]).rules_sha256 != before
    assert load(tmp_path, item(SHIFT, profiles=["full"]), claims[1]).rules_sha256 != before


LABELS = {
    "m": "heat in the heart", "a": "heatmap loss", "group=b": "CCE", "arm": "part", "seed=1": "seed one",
    "good=true": "kept models", "seed": "start", "family=heart": "its family", "ratio": "number of wins",
}  # fmt: skip
WHERE = {"where": {"seed": 1, "arm": ["main", "weight"]}}


SENTENCES = [
    (SHIFT | WHERE | {"margin": 0.05}, {}, "m, a minus b; Hodges-Lehmann shift (seed = 1, arm = main or weight): "
     "supported if the whole 95 % interval is above 0.05, contradicted if below −0.05."),
    (PAIRED | WHERE | {"direction": "less", "family": "heart"}, LABELS, "heat in the heart, heatmap loss minus CCE; "
     "mean of paired differences, Student t by start (seed one, part = main or weight): supported if the whole 95 % "
     "interval is below 0, contradicted if above 0; p adjusted by Holm within its family."),
    (SAME, {}, "m, a minus b; mean of paired differences, Student t by seed: supported if the whole 90 % interval is "
     "inside −1 to 1, contradicted if outside."),
    (MEAN | {"direction": "differs", "margin": 1}, {}, "mean m against 7; Student t (group = a): supported if the "
     "whole 95 % interval excludes 6 to 8, contradicted if inside."),
    (SHARE, LABELS, "share of runs (kept models) against 0.5; Wilson: supported if the whole 95 % interval is above "
     "0.5, contradicted if below 0.5."),
    (VALUE, LABELS, "number of wins against 1.82; exact: supported if it is inside 1.72 to 1.92, contradicted if "
     "outside."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "labels", "text"), SENTENCES)
def test_the_rule_as_a_sentence_with_the_words_of_the_labels(tmp_path, rule, labels, text):
    loaded = load(tmp_path, item(rule), labels=labels, families={"heart": {}})
    assert loaded.items[1].rule.text == text


RESULT = ClaimResult(
    id="c", kind="claim", title="More heat\nin the heart.", printed="Section 2, p. 2", paper_text="p ≈ 1e-9",
    paper_value=1e-9, estimate=-0.4125, low=-0.5, high=-0.3, level=0.95, p=1.2e-9, p_holm=2.4e-9, p_floor=1e-10,
    n_a=25, n_b=23, method="Hodges-Lehmann, exact", direction="less", margin=0.05, outcome="supported",
    evidence="synthetic data", reason="1 of 49 runs left out: 1 diverged", figure="fig6", rule_text="The rule.",
)  # fmt: skip
ABSENT = ClaimResult("d", "claim", "More heat.", "p. 1", reason="not tested in quick", evidence="real data")


def test_the_claims_as_text():
    text = to_markdown([RESULT, ABSENT])
    assert text.startswith(
        "1 supported, 1 not tested; evidence: real data, synthetic data\n\n## c: supported\n"
    )
    assert (
        "\nMore heat in the heart.\n\n- Paper: p ≈ 1e-9 (Section 2, p. 2)\n- Here: −0.412 [−0.5, −0.3]"
        in text
    )
    assert (
        "- Paper: – (p. 1)\n- Here: –\n- Rule: –\n- Evidence: real data\n- Reason: not tested in quick\n"
        in text
    )


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Heat {c.estimate:+.2f} ({c.low:.1f}), p {c.p:.2g}.", "Heat −0.41 (−0.5), p 1.2 × 10⁻⁹."),
        ("{c.n_a:d} models: {c.word}.", "25 models: supported."),
        ("Heat {c.estimate:.2f}; {d.word}.", "Not decided on this page: “More heat” (not tested in quick)."),
    ],
)
def test_the_verdict_is_filled_or_gives_way_as_a_whole(tmp_path, sentence, said):
    claims = load(tmp_path, item(SHIFT), item(MEAN, "d"), verdict=[sentence])
    assert verdict(claims, [RESULT, ABSENT]) == [said]
    with pytest.raises(UserError, match="no value"):
        verdict(claims, [])


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*/claims.yaml")))
def test_the_papers_own_files_load(path):
    texts = [item.rule.text for item in load_claims(path).items if item.rule]
    assert texts
    assert all(text.endswith(".") for text in texts)
