"""Claims files: what they say, each kind of slip as one line, the hash of the rules, rules and verdicts in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from papers_lib.companion.claims import ClaimResult, load_claims, rule_text, to_markdown, verdict
from papers_lib.companion.claims_text import reason_text
from papers_lib.errors import UserError
from tests.companion.claims_fixture import FIGURE, MEAN, PAIRED, SAME, SHARE, SHIFT, VALUE, item, load, write

ROOT = Path(__file__).parents[2]


def test_what_a_file_says(tmp_path):
    paper = {"text": "p ≈ 1e-9", "value": 1.0e-9}
    claims = load(
        tmp_path,
        item(SHIFT | {"where": {"arm": "main", "seed": [1, 2]}}, paper=paper, figure="fig1"),
        item(None, "shown", untestable="by derivation", kind="observation"),
    )
    assert (claims.slug, claims.year, claims.url[0].url) == ("demo", 2022, "https://example.org/paper")
    claim, shown = claims.items[1:]
    assert (claim.paper_text, claim.paper_value, claim.figure, claim.comparable) == (
        *paper.values(),
        "fig1",
        False,
    )
    assert claim.rule.where == {"arm": ["main"], "seed": [1, 2]}
    assert (shown.untestable, shown.rule) == ("by derivation", None)
    assert claims.declared("smoke", "claim") == claims.declared("quick", "claim") == ["c"]
    assert claims.declared("full", "claim") == []
    assert claims.declared("paper", "figure") == ["fig1"]
    with pytest.raises(ValueError, match="unknown profile"):
        claims.declared("fast", "claim")


def test_a_family_says_what_its_rules_share(tmp_path):
    families = {"heat": SHIFT | {"margin": 0.5}}
    short = item({"family": "heat", "b": "c", "margin": 1.0})
    rule = load(tmp_path, short, families=families).items[1].rule
    assert (rule.form, rule.metric, rule.a, rule.b, rule.margin) == ("unpaired", "m", "a", "c", 1.0)
    long = load(tmp_path, item(SHIFT | {"b": "c", "margin": 1.0, "family": "heat"}), families={"heat": {}})
    assert load(tmp_path, short, families=families).rules_sha256 == long.rules_sha256


SLIPS = [
    ({"year": "2022"}, {}, "demo.yaml: year: Input should be a valid integer"),
    ({"items": []}, {}, "demo.yaml: items: "),
    ({"more": 1}, {}, "demo.yaml: more: unknown key"),
    ({"url": [{"text": "a", "url": "ftp://a"}]}, {}, "demo.yaml: url: 0: url: "),
    ({"labels": {"a": " "}}, {}, "demo.yaml: labels: a: "),
    ({"thumbnail": "fig9"}, {}, "demo.yaml: thumbnail: found 'fig9', expected a figure"),
    ({"verdict": ["a"] * 4}, {}, "demo.yaml: verdict: "),
    ({"verdict": ["{lung.p}"]}, {}, "demo.yaml: verdict: found {lung.p}, expected a claim"),
    ({"verdict": ["{c.mean}"]}, {}, "demo.yaml: verdict: found {c.mean}, expected"),
    ({"verdict": ["{c.p"]}, {}, "demo.yaml: verdict: found a lone brace"),
    ({}, {"kind": "finding"}, "demo.yaml: item c: kind: "),
    ({}, {"id": "Heart"}, "demo.yaml: item Heart: id: "),
    ({}, {"id": "fig1"}, "demo.yaml: item fig1: found twice"),
    ({}, {"figure": "fig9"}, "demo.yaml: item c: figure: found 'fig9', expected a figure"),
    ({}, {"profiles": ["smoke"]}, "demo.yaml: item c: profiles: "),
    ({}, {"rule": None}, "demo.yaml: item c: rule: expected either a rule, or untestable"),
    ({}, {"kind": "table"}, "demo.yaml: item c: expected no rule"),
]


@pytest.mark.parametrize(("head", "more", "says"), SLIPS, ids=lambda found: str(found)[:40])
def test_a_slip_is_one_line_that_names_the_place(tmp_path, head, more, says):
    with pytest.raises(UserError) as raised:
        load(tmp_path, {**item(SHIFT), **more}, **head)
    assert str(raised.value).startswith(says)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (SHIFT | {"form": "welch"}, "form: "),
        (SHIFT | {"margin": -1}, "margin: "),
        (SHIFT | {"margin": "1e-9"}, "margin: Input should be a valid number (found '1e-9')"),
        (SHIFT | {"level": 0.9}, "level: unknown key"),
        (SHIFT | {"paired_by": ["seed"]}, "found paired_by, expected a, b, by, metric for form unpaired"),
        (SHIFT | {"b": "a"}, "expected two groups of 'group'"),
        (SHIFT | {"where": {"group": "a"}}, "expected two groups of 'group'"),
        (SHIFT | {"where": {"arm": []}}, "where: expected a value or several"),
        (SHIFT | {"direction": "equal"}, "direction: found equal"),
        (SHIFT | {"family": "heat"}, "family: found 'heat', expected one of none"),
        (
            {k: v for k, v in MEAN.items() if k != "reference"},
            "found no reference, expected metric, reference",
        ),
        (SAME | {"margin": 0}, "margin: expected a number above 0"),
        (SAME | {"direction": "less"}, "direction: found less"),
        (VALUE | {"metric": "m"}, "found metric, expected name, reference"),
        (VALUE | {"evidence": "printed numbers"}, "evidence: "),
    ],
)
def test_parts_of_a_rule_fit_each_other(tmp_path, rule, says):
    with pytest.raises(UserError) as raised:
        load(tmp_path, item(rule))
    assert str(raised.value).startswith(f"demo.yaml: item c: rule: {says}")


def test_a_file_that_cannot_be_read_or_is_another_papers(tmp_path):
    with pytest.raises(UserError, match=r"gone.yaml: cannot be read"):
        load_claims(tmp_path / "gone.yaml")
    (tmp_path / "demo.yaml").write_text("[1]")
    with pytest.raises(UserError, match=r"demo.yaml: found \[1\], expected a mapping"):
        load_claims(tmp_path / "demo.yaml")
    write(tmp_path).rename(tmp_path / "claims.yaml")
    with pytest.raises(UserError, match=r"claims.yaml: slug: found 'demo', expected "):
        load_claims(tmp_path / "claims.yaml")


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
    "nobody uses this": "x",
}  # fmt: skip
WHERE = {"where": {"seed": 1, "arm": ["main", "weight"]}}


@pytest.mark.parametrize(
    ("rule", "plain", "labelled"),
    [
        (
            SHIFT | WHERE | {"margin": 0.05},
            "m, a minus b (seed = 1 and arm = main or weight); Hodges-Lehmann shift: supported if the whole 95 % "
            "interval is above 0.05, contradicted if below −0.05.",
            "heat in the heart, heatmap loss minus CCE (seed one, part = main or weight); ",
        ),
        (
            PAIRED | {"direction": "less"},
            "m, a minus b; mean of paired differences, Student t by seed: supported if the whole 95 % interval is "
            "below 0, contradicted if above 0.",
            "heat in the heart, heatmap loss minus CCE; mean of paired differences, Student t by start: ",
        ),
        (
            SAME,
            "m, a minus b; mean of paired differences, Student t by seed: supported if the whole 90 % interval (two "
            "one-sided tests) is inside −1 to 1, contradicted if outside.",
            "heat in the heart, ",
        ),
        (
            MEAN | {"direction": "differs", "margin": 1},
            "mean m against 7 (group = a); Student t: supported if the whole 95 % interval excludes 6 to 8, "
            "contradicted if it is inside.",
            "mean heat in the heart against 7 (group = heatmap loss); ",
        ),
        (
            SHARE,
            "share of runs with good = true against 0.5; Wilson: supported if the whole 95 % interval is above 0.5, "
            "contradicted if below 0.5.",
            "share of kept models against 0.5; ",
        ),
        (
            VALUE,
            "ratio against 1.82; exact: supported if it is within 1.72 to 1.92, contradicted if not.",
            "number of wins against 1.82; ",
        ),
    ],
    ids=lambda found: "" if isinstance(found, str) else found["form"],
)
def test_the_rule_as_a_sentence_with_the_words_of_the_labels(tmp_path, rule, plain, labelled):
    assert rule_text(load(tmp_path, item(rule)).items[1].rule) == plain
    assert rule_text(load(tmp_path, item(rule), labels=LABELS).items[1].rule).startswith(labelled)


def test_the_reason_in_the_words_of_the_labels(tmp_path):
    rule = load(tmp_path, item(SHIFT | WHERE), labels=LABELS).items[1].rule
    raw = "no rows with seed = 1 and arm = main or weight and group = a or b; 1 of 2 runs without a finite m"
    assert reason_text(raw, rule) == (
        "no rows with seed one, part = main or weight, group = heatmap loss or b; "
        "1 of 2 runs without a finite heat in the heart"
    )
    assert reason_text(raw, None) == raw


RESULT = ClaimResult(
    id="c", kind="claim", title="More | heat\nin the heart.", printed="Section 2, p. 2", paper_text="p ≈ 1e-9",
    paper_value=1e-9, estimate=-0.4125, low=-0.5, high=-0.3, level=0.95, p=1.2e-9, p_holm=2.4e-9, p_floor=1e-10,
    n_a=25, n_b=23, method="Hodges-Lehmann, exact", direction="less", margin=0.05, outcome="supported",
    evidence="synthetic data", reason="1 of 49 runs left out: 1 diverged", figure="fig6", rule_text="The rule.",
)  # fmt: skip
ABSENT = replace(
    RESULT, id="d", estimate=None, low=None, high=None, level=None, p=None, p_holm=None, p_floor=None,
    n_a=None, n_b=None, outcome="not tested", reason="not tested in quick",
)  # fmt: skip


def test_the_table():
    lines = to_markdown([RESULT, ABSENT]).splitlines()
    assert lines[0].startswith("| Claim | Printed in | Paper | Ours |")
    assert "More \\| heat in the heart. | Section 2, p. 2 | p ≈ 1e-9 | −0.412 [−0.5, −0.3]" in lines[2]
    assert "not tested (not tested in quick)" in lines[3]
    assert "not comparable" in lines[-1]
    assert "not comparable" not in to_markdown([replace(RESULT, evidence="real data")])
    assert to_markdown([]) == "No claims.\n"


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Heat {c.estimate:+.2f} ({c.low:.1f}), p {c.p:.2g}.", "Heat −0.41 (−0.5), p 1.2 × 10⁻⁹."),
        ("{c.n_a} models: {c.word}.", "25 models: supported."),
        (
            "Heat {c.estimate:.2f}; {d.word}.",
            "Not decided on this page: “More | heat in the heart” (not tested in quick).",
        ),
    ],
)
def test_the_verdict_is_filled_or_gives_way_as_a_whole(tmp_path, sentence, said):
    claims = load(tmp_path, item(SHIFT), item(MEAN, "d"), verdict=[sentence])
    assert verdict(claims, [RESULT, ABSENT]) == [said]


def test_a_number_that_is_missing_and_a_result_that_is_not_there(tmp_path):
    wide = replace(RESULT, low=None, outcome="inconclusive", reason="groups of 3 and 3 are too small")
    claims = load(tmp_path, item(SHIFT), verdict=["From {c.low:.2f}.", "Heat: {c.word}."])
    assert verdict(claims, [wide]) == [
        "Not decided on this page: “More | heat in the heart” (groups of 3 and 3 are too small).",
        "Heat: inconclusive.",
    ]
    for results in ([], [ABSENT]):
        with pytest.raises(UserError, match=r"demo.yaml: verdict: "):
            verdict(claims, results)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks").glob("*/claims.yaml")), ids=lambda path: path.parent.name
)
def test_the_papers_own_files_load(path):
    texts = [rule_text(item.rule) for item in load_claims(path).items if item.rule]
    assert texts
    assert all(text.endswith(".") for text in texts)
