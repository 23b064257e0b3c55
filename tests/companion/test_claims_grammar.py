"""Every slip of a claims file is one line that names file, item and key."""

import pytest

from papers_lib.companion.claims import load_claims
from papers_lib.errors import UserError
from tests.companion.claims_file_fixture import MEAN, SHARE, VALUE, changed, write

SLIPS = [
    # whole file
    (changed("top", authorz="x"), "demo.yaml: unknown key 'authorz', expected some of slug, title"),
    (changed("top", title=...), "demo.yaml: title: found nothing, expected a text"),
    (changed("top", slug="other"), "demo.yaml: slug: found 'other', expected 'demo'"),
    (changed("top", year="2022"), "demo.yaml: year: found '2022', expected a finite number"),
    (changed("top", year=2022.5), "demo.yaml: year: found 2022.5, expected a whole number"),
    (changed("top", authors=[1]), "demo.yaml: authors: found [1], expected a list of texts"),
    (
        changed("top", url="https://example.org"),
        "demo.yaml: url: found 'https://example.org', expected a list",
    ),
    (changed("top", url=[{"text": "x", "url": "javascript:alert(1)"}]), "demo.yaml: url 1: url: found"),
    (changed("top", url=[{"text": "x"}]), "demo.yaml: url 1: url: found nothing"),
    (changed("top", items=[]), "demo.yaml: items: found [], expected a list of items"),
    (changed("top", items=["heart"]), "demo.yaml: item 1: found 'heart', expected a mapping"),
    ("- a list", "demo.yaml: found ['a list'], expected a mapping"),
    ("slug: demo\nslug: demo", "demo.yaml, line 2: key 'slug' twice"),
    ("slug: [demo", "demo.yaml, line 1: expected ',' or ']'"),
    ("? [a]\n: b", "demo.yaml, line 1: found unhashable key"),
    # verdict
    (
        changed("top", verdict=["a", "b", "c", "d"]),
        "demo.yaml: verdict: found 4 sentences, expected at most 3",
    ),
    (
        changed("top", verdict=["{hart.p}"]),
        "demo.yaml: verdict: sentence 1: found {hart.p}, expected a claim",
    ),
    (changed("top", verdict=["{fig6.p}"]), "sentence 1: found {fig6.p}, expected a claim or finding: heart"),
    (changed("top", verdict=["{heart}"]), "sentence 1: found {heart}, expected a field: id,"),
    (changed("top", verdict=["x", "{heart.mean}"]), "sentence 2: found {heart.mean}, expected a field"),
    (changed("top", verdict=["{heart.p"]), "demo.yaml: verdict: sentence 1: expected '}'"),
    # items
    (changed("heart", id="Heart 1"), "item Heart 1: id: found 'Heart 1', expected lower-case"),
    (changed("heart", id=...), "item 3: id: found nothing"),
    (changed("heart", id="fig6"), "demo.yaml: item fig6: id: found twice, expected each id once"),
    (changed("heart", kind="hunch"), "item heart: kind: found 'hunch', expected one of figure, table, claim"),
    (changed("heart", printed=...), "item heart: printed: found nothing, expected a text"),
    (changed("heart", titel="x"), "item heart: unknown key 'titel', expected some of id, kind, title"),
    (
        changed("heart", profiles=["fast"]),
        "item heart: profiles: found ['fast'], expected a list of some of quick",
    ),
    (changed("heart", profiles=["full", "full"]), "item heart: profiles: found ['full', 'full'], expected"),
    (changed("heart", profiles=["smoke"]), "item heart: profiles: found ['smoke']"),
    (changed("heart", comparable="no"), "item heart: comparable: found 'no', expected true or false"),
    (
        changed("heart", figure="fig7"),
        "item heart: figure: found 'fig7', expected the id of a figure or table",
    ),
    (changed("heart", figure="heart"), "item heart: figure: found 'heart', expected the id of a figure"),
    (changed("heart", rule=...), "item heart: rule: found nothing, expected either a rule, or untestable"),
    (changed("heart", untestable="x"), "item heart: rule: found {"),
    (changed("untestable", untestable=""), "item second_order: untestable: found '', expected a text"),
    (
        changed("fig6", untestable="x"),
        "item fig6: untestable: found 'x', expected none, since a figure is shown",
    ),
    (changed("fig6", rule=VALUE), "item fig6: rule: found {"),
    (changed("paper", text=...), "item heart: paper: text: found nothing, expected a text"),
    (changed("paper", page=3), "item heart: paper: unknown key 'page', expected some of text, value"),
    (
        changed("paper", value="1e-9"),
        "item heart: paper: value: found '1e-9', expected a finite number (YAML",
    ),
    (changed("paper", value=float("nan")), "item heart: paper: value: found nan, expected a finite number"),
    (changed("paper", value=True), "item heart: paper: value: found True, expected a finite number"),
    # rules
    (changed("heart", rule="greater"), "item heart: rule: found 'greater', expected a mapping of contrast"),
    (changed("rule", marginn=1), "item heart: rule: unknown key 'marginn', expected some of contrast"),
    (
        changed("rule", direction="more"),
        "rule: direction: found 'more', expected one of greater, less, equal",
    ),
    (changed("rule", direction=...), "rule: direction: found nothing"),
    (changed("rule", margin=-1), "item heart: rule: margin: found -1, expected a number of at least 0"),
    (changed("rule", direction="equal", margin=0), "rule: margin: found 0, expected a number above 0, since"),
    (changed("rule", interval=...), "item heart: rule.interval: found None, expected a mapping of method"),
    (
        changed("rule", evidence="real data"),
        "rule: evidence: found 'real data', expected one of printed numbers, measurement",
    ),
    (changed("rule", evidence="printed numbers"), "rule: evidence: found 'printed numbers', expected none"),
    (changed("rule", family=3), "rule: family: found 3, expected a text"),
    (changed("rule", interval={"method": "bootstrap"}), "rule: family: found 'heart', expected none, since"),
    (
        changed("interval", method="ttest"),
        "rule.interval: method: found 'ttest', expected one of hodges_lehmann",
    ),
    (
        changed("interval", method="wilson"),
        "method: found 'wilson', expected one that fits contrast difference",
    ),
    (changed("interval", level=95), "rule.interval: level: found 95, expected a number between 0.5 and 1"),
    (changed("interval", levle=0.9), "rule.interval: unknown key 'levle', expected some of method, level"),
    (changed("interval", method="paired_t"), "rule.interval: paired_by: found nothing, expected a column"),
    (changed("interval", paired_by="seed"), "rule.interval: paired_by: found 'seed', expected a column with"),
    (
        changed("interval", method="paired_t", paired_by=3),
        "rule.interval: paired_by: found 3, expected a text",
    ),
    (
        changed("heart", rule=VALUE | {"interval": {"method": "exact", "level": 0.9}}),
        "level: found 0.9, expected no",
    ),
    # contrasts
    (changed("rule", contrast=[]), "item heart: rule.contrast: found [], expected a mapping with a kind"),
    (
        changed("contrast", kind="ratio"),
        "rule.contrast: kind: found 'ratio', expected one of difference, mean",
    ),
    (changed("contrast", kind=...), "rule.contrast: kind: found nothing"),
    (changed("contrast", metrik="x"), "rule.contrast: unknown key 'metrik', expected some of kind, a, b"),
    (
        changed("contrast", threshold=1),
        "rule.contrast (difference): unknown key 'threshold', expected some of",
    ),
    (changed("contrast", metric=...), "rule.contrast (difference): metric: found nothing, expected a text"),
    (changed("contrast", a=["x"]), "rule.contrast (difference): a: found ['x'], expected a text, a number"),
    (
        changed("contrast", b="heatmap"),
        "rule.contrast (difference): b: found 'heatmap', expected another group",
    ),
    (
        changed("contrast", include="some"),
        "rule.contrast (difference): include: found 'some', expected one of all",
    ),
    (changed("contrast", where="x"), "rule.contrast.where: found 'x', expected a mapping of column"),
    (
        changed("contrast", where={"arm": []}),
        "rule.contrast.where: arm: found [], expected a value or a list",
    ),
    (changed("contrast", where={"arm": None}), "rule.contrast.where: arm: found None, expected a value"),
    (
        changed("contrast", where={"group": "cce"}),
        "where: found {'group': 'cce'}, expected no filter of 'group'",
    ),
    (
        changed("rule", contrast=MEAN | {"reference": "x"}),
        "rule.contrast (mean): reference: found 'x', expected",
    ),
    (
        changed("rule", contrast=SHARE | {"equals": 1}),
        "threshold: found 0.5, expected either threshold or equals",
    ),
    (
        changed("rule", contrast=SHARE | {"reference": 90}),
        "reference: found 90, expected a proportion from 0 to 1",
    ),
    (
        changed("rule", contrast={"kind": "correlation", "x": "share", "y": "share"}),
        "rule.contrast (correlation): y: found 'share', expected another column than x",
    ),
]


@pytest.mark.parametrize(("content", "says"), SLIPS, ids=[says[:70] for _, says in SLIPS])
def test_a_slip_is_one_line_that_names_file_item_and_key(tmp_path, content, says):
    with pytest.raises(UserError) as raised:
        load_claims(write(tmp_path, content))
    line = str(raised.value)
    assert says in line
    assert line.startswith("demo.yaml")
    assert "\n" not in line
