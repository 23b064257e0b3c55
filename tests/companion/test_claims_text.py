"""Claims in words: rule sentences, the table."""

from dataclasses import replace

import pytest

from papers_lib.companion.claims import ClaimResult, outcome_word, rule_text, to_markdown
from papers_lib.companion.claims_grammar import parse_rule
from papers_lib.companion.claims_text import reason_text

RESULT = ClaimResult(
    id="heart", kind="claim", title="More | heat\nin the heart.", printed="Section 2, p. 2", paper_text="p ≈ 1e-9",
    paper_value=1e-9, estimate=-0.4125, low=-0.5, high=-0.3, level=0.95, p=1.2e-9, p_holm=2.4e-9, p_floor=1e-10,
    n_a=25, n_b=23, method="Hodges-Lehmann, exact", direction="less", margin=0.05, outcome="holds",
    evidence="stand-in", reason="1 of 49 runs left out: 1 diverged", figure="fig6", rule_text="The rule.",
)  # fmt: skip
ABSENT = replace(
    RESULT, id="label", estimate=None, low=None, high=None, level=None, p=None, p_holm=None, p_floor=None,
    n_a=None, n_b=None, outcome="not tested", reason="not tested in quick",
)  # fmt: skip


def rule(contrast, direction, margin, method=None, **more):
    interval = {"interval": {"method": method, **more}} if method else {}
    return parse_rule(
        {"contrast": contrast, "direction": direction, "margin": margin, **interval}, "demo.yaml"
    )


DIFFERENCE = {"kind": "difference", "metric": "share", "by": "group", "a": "heatmap", "b": "cce"}
WHERE = {"where": {"experiment": 1, "arm": ["main", "weight"], "kept": True}}


@pytest.mark.parametrize(
    ("judged", "text"),
    [
        (
            rule(DIFFERENCE | WHERE, "greater", 0.05, "hodges_lehmann"),
            "share, heatmap minus cce (experiment = 1 and arm = main or weight and kept = true); "
            "Hodges-Lehmann shift: holds if the whole 95 % interval is above 0.05, opposite if below −0.05.",
        ),
        (
            rule(DIFFERENCE, "equal", 0.01, "paired_t", paired_by=["seed", "fold"], level=0.975),
            "share, heatmap minus cce; mean of paired differences, Student t by seed and fold: holds if the whole "
            "95 % interval (two one-sided tests) is inside −0.01 to 0.01, opposite if outside.",
        ),
        (
            rule(DIFFERENCE | {"include": "all"}, "differs", 0, "welch"),
            "share, heatmap minus cce, failed runs included; difference of means, Welch: holds if the whole "
            "95 % interval excludes 0.",
        ),
        (
            rule({"kind": "mean", "metric": "ece", "reference": 0.06}, "less", 0.01, "student_t"),
            "mean ece against 0.06; Student t: holds if the whole 95 % interval is below 0.05, "
            "opposite if above 0.07.",
        ),
        (
            rule({"kind": "proportion", "metric": "iou", "threshold": 0.5, "reference": 0.9}, "differs", 0.1, "wilson"),
            "share of runs with iou ≥ 0.5 against 0.9; Wilson: holds if the whole 95 % interval excludes "
            "0.8 to 1, opposite if it is inside.",
        ),
        (
            rule({"kind": "correlation", "x": "rate", "y": "share"}, "less", 0, "bootstrap", level=0.9),
            "rank correlation of rate and share; bootstrap, percentile: holds if the whole 90 % interval is below 0, "
            "opposite if above 0.",
        ),
        (
            rule({"kind": "value", "name": "wins", "reference": 10}, "equal", 0),
            "wins against 10; exact: holds if it is 10, opposite if not.",
        ),
        (
            rule({"kind": "value", "name": "ratio", "reference": 4}, "differs", 0.5),
            "ratio against 4; exact: holds if it is not within 3.5 to 4.5, opposite if it is.",
        ),
    ],
)  # fmt: skip
def test_the_rule_as_a_sentence(judged, text):
    assert rule_text(judged) == text


def test_reproduced_is_kept_for_real_data():
    assert outcome_word(RESULT) == "holds"
    assert outcome_word(replace(RESULT, evidence="printed numbers")) == "holds"
    assert outcome_word(replace(RESULT, evidence="real data")) == "reproduced"
    assert outcome_word(replace(RESULT, evidence="real data", outcome="opposite")) == "opposite"


def test_the_table():
    lines = to_markdown([RESULT, ABSENT]).splitlines()
    assert lines[0].startswith("| Claim | Printed in | Paper | Ours |")
    assert lines[2] == (
        "| More \\| heat in the heart. | Section 2, p. 2 | p ≈ 1e-9 | −0.412 [−0.5, −0.3] | "
        "n = 25 and 23; 95 % interval; p = 1.2 × 10⁻⁹, 2.4 × 10⁻⁹ after Holm | The rule. | "
        "holds (1 of 49 runs left out: 1 diverged) | stand-in, fig6 |"
    )
    assert "| – | – | The rule. | not tested (not tested in quick) | stand-in, fig6 |" in lines[3]
    assert lines[-1] == "On stand-in data absolute values are not comparable with the paper's."
    assert "not comparable" not in to_markdown([replace(RESULT, evidence="real data")])
    assert to_markdown([]) == "No claims.\n"


LABELS = {
    "share": "heat in the heart", "heatmap": "heatmap loss", "cce": "CCE", "weight=10.0": "weight 10", "arm": "part",
    "experiment=1": "experiment 1", "kept=true": "kept models", "seed": "start", "family=heart": "its family",
    "wins": "number of wins", "nobody uses this": "x",
}  # fmt: skip


@pytest.mark.parametrize(
    ("judged", "text"),
    [
        (
            rule(DIFFERENCE | WHERE, "greater", 0.05, "hodges_lehmann"),
            "heat in the heart, heatmap loss minus CCE (experiment 1, part = main or weight, kept models); ",
        ),
        (
            rule(DIFFERENCE | {"by": "weight", "a": 10.0, "b": 1.0}, "greater", 0, "paired_t", paired_by="seed"),
            "heat in the heart, weight 10 minus 1.0; mean of paired differences, Student t by start: ",
        ),
        (
            rule({"kind": "proportion", "metric": "kept", "equals": True, "reference": 0.9}, "greater", 0, "wilson"),
            "share of kept models against 0.9; ",
        ),
        (
            rule({"kind": "proportion", "metric": "arm", "equals": "cce", "reference": 0.9}, "greater", 0, "wilson"),
            "share of runs with part = CCE against 0.9; ",
        ),
        (rule({"kind": "correlation", "x": "rate", "y": "share"}, "less", 0, "bootstrap"),
         "rank correlation of rate and heat in the heart; "),
        (rule({"kind": "value", "name": "wins", "reference": 10}, "equal", 0), "number of wins against 10; "),
    ],
)  # fmt: skip
def test_labels_stand_for_names_values_and_conditions(judged, text):
    assert rule_text(replace(judged, labels=LABELS)).startswith(text)
    assert not rule_text(judged).startswith(text)


def test_a_label_of_the_family():
    judged = replace(rule(DIFFERENCE, "greater", 0, "welch"), family="heart")
    assert rule_text(judged).endswith("; p adjusted by Holm within “heart”.")
    assert rule_text(replace(judged, labels=LABELS)).endswith("; p adjusted by Holm within its family.")


def test_the_reason_in_the_words_of_the_labels():
    judged = replace(rule(DIFFERENCE | WHERE, "greater", 0, "welch"), labels=LABELS)
    raw = "no rows with experiment = 1 and arm = main or weight and kept = true and group = heatmap or cce; 1 share"
    assert reason_text(raw, judged) == (
        "no rows with experiment 1, part = main or weight, kept models, group = heatmap loss or CCE; "
        "1 heat in the heart"
    )
    assert reason_text("shares of 2", judged) == "shares of 2"
    assert reason_text(raw, None) == raw
