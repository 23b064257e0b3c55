"""The digests of a CPU's results do not see the GPU's code, and nothing else escapes them."""

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.ast_digest import source_digest
from papers_lib.errors import UserError
from papers_lib.experiments import digest, gpu_digest
from papers_lib.experiments.gpu_digest import code_digest, without_gpu

EXPERIMENTS = [
    f"papers_lib.experiments.{slug}"
    for slug in ("heatmap_loss", "cam_entropy", "pylon", "sibnet_calibration")
]
SOURCES = [(digest.ROOT / "papers_lib" / name).read_text() for name in ("experiments/plateau.py", "files.py")]
IMPORTS = "from papers_lib.experiments import gpu_batches\nfrom papers_lib.experiments.gpu import on_gpu\n"
BODIES = [
    "pass",
    "x = gpu_batches.release()",
    "return gpu_batches.taken(a, b, c)",
    "raise ValueError(device)",
]


def pruned(source: str) -> str:
    return ast.dump(without_gpu(ast.parse(source), "a.py")[0])


def blocks(tree: ast.Module) -> list[list[ast.stmt]]:
    """Every list of statements inside a function, without its docstring."""
    inside = [node for top in ast.walk(tree) if isinstance(top, ast.FunctionDef) for node in ast.walk(top)]
    fields = [getattr(node, name, None) for node in inside for name in ("body", "orelse", "finalbody")]
    return [block for block in fields if isinstance(block, list) and block]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_branch_anywhere_changes_the_digest_of_a_gpu_only(data):
    """Put in between two statements, or around some that become its ``else``."""
    source = data.draw(st.sampled_from(SOURCES))
    plain, tree = ast.dump(ast.parse(source)), ast.parse(source)
    for _ in range(data.draw(st.integers(1, 3))):
        found = blocks(tree)
        block = found[data.draw(st.integers(0, len(found) - 1))]
        start = data.draw(st.integers(0, len(block)))
        end = data.draw(st.integers(start, len(block)))
        branch = ast.parse(f"if on_gpu(device):\n    {data.draw(st.sampled_from(BODIES))}").body[0]
        branch.orelse = block[start:end]
        block[start:end] = [branch]
    # Behind the docstring and the imports from __future__, of which there are none
    tree.body[1:1] = ast.parse(IMPORTS).body
    text = ast.unparse(ast.fix_missing_locations(tree))
    assert pruned(text) == plain
    assert source_digest(text) != source_digest(source)


@given(st.sampled_from(BODIES), st.sampled_from(BODIES))
def test_a_change_under_the_test_is_seen_on_a_gpu_only(one, other):
    texts = [
        f"{IMPORTS}def f(device):\n    if on_gpu(device):\n        {body}\n    return 2"
        for body in (one, other)
    ]
    assert pruned(texts[0]) == pruned(texts[1]) == ast.dump(ast.parse("def f(device):\n    return 2"))
    assert (source_digest(texts[0]) == source_digest(texts[1])) == (one == other)


def test_a_change_of_the_else_or_beside_it_is_seen_everywhere():
    text = f"{IMPORTS}def f(device):\n    if on_gpu(device):\n        pass\n    else:\n        x = 1\n    return 2"
    for old, new in (("x = 1", "x = 2"), ("return 2", "return 3")):
        assert pruned(text.replace(old, new)) != pruned(text)


def test_an_elif_is_replaced_by_what_follows_it():
    text = f"{IMPORTS}if a:\n    x = 1\nelif on_gpu(device):\n    x = 2\nelse:\n    x = 3"
    assert pruned(text) == ast.dump(ast.parse("if a:\n    x = 1\nelse:\n    x = 3"))
    alone = f"{IMPORTS}if a:\n    on_gpu\n".replace("    on_gpu", "    if on_gpu(device):\n        x = 2")
    assert pruned(alone) == ast.dump(ast.parse("if a:\n    pass"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1 if on_gpu(device) else 2", "line 3: on_gpu may only be used under"),
        ("if not on_gpu(device):\n    x = 1", "line 3: on_gpu may only be used under"),
        ("if on_gpu(device) and a:\n    x = 1", "line 3: on_gpu may only be used under"),
        ("while on_gpu(device):\n    x = 1", "line 3: on_gpu may only be used under"),
        ("gpu_batches.release()", "line 3: gpu_batches may only be used under"),
        ("x = gpu_batches", "line 3: gpu_batches may only be used under"),
        ("def f(gpu_batches):\n    pass", "line 3: gpu_batches may only be used under"),
        ("if on_gpu(pick()):\n    x = 1", "line 3: on_gpu takes the name of a device"),
        ("if on_gpu(d := device):\n    x = 1", "line 3: on_gpu takes the name of a device"),
        ("if on_gpu(device, 1):\n    x = 1", "line 3: on_gpu takes the name of a device"),
        ("def f():\n    if on_gpu(device):\n        yield 1", "line 5: yield under"),
        ("def f():\n    if on_gpu(device):\n        global x\n        x = 1", "line 5: global under"),
        ("from papers_lib.files import replacing as on_gpu", "line 3: on_gpu may only be used under"),
        ("import papers_lib.experiments.gpu", "line 3: expected 'from papers_lib.experiments import"),
        (
            "from papers_lib.experiments.gpu_batches import *",
            "line 3: names of the GPU's modules are imported one",
        ),
    ],
)
def test_what_a_digest_cannot_leave_out_is_refused(text, message):
    with pytest.raises(UserError, match=rf"a\.py, {message}"):
        without_gpu(ast.parse(f"{IMPORTS}{text}"), "a.py")


def test_another_function_of_that_name_is_ordinary_code():
    text = "from mine import on_gpu\nif on_gpu(device):\n    x = 1"
    assert pruned(text) == ast.dump(ast.parse(text))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "papers_lib/__init__.py": "",
        "papers_lib/experiments/__init__.py": "",
        "papers_lib/experiments/toy.py": "import torch\nx = 2\n",
        "papers_lib/experiments/gpu.py": "def on_gpu(device): ...\n",
        "papers_lib/experiments/gpu_batches.py": "from papers_lib.experiments import fast\n",
        "papers_lib/experiments/fast.py": "y = 1\n",
    }
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def test_files_that_only_the_gpu_needs_count_for_it_only(tree: Path) -> None:
    toy, name = tree / "papers_lib/experiments/toy.py", "papers_lib.experiments.toy"
    before = {device: code_digest([name], device, tree) for device in ("cpu", "cuda:1")}
    assert before["cpu"] == before["cuda:1"] == digest.code_digest([name], tree)
    toy.write_text(
        f"import torch\n{IMPORTS}if on_gpu(torch.device):\n    x = gpu_batches\nelse:\n    x = 2\n"
    )
    assert code_digest([name], "cpu", tree) == before["cpu"]
    on_gpu = code_digest([name], "cuda", tree)
    assert on_gpu[name] != before["cuda:1"][name]
    more = {f"papers_lib.experiments.{one}" for one in ("gpu", "gpu_batches", "fast")}
    assert on_gpu.keys() == before["cpu"].keys() | more
    toy.write_text(f"{toy.read_text()}from papers_lib.experiments import fast\n")
    assert code_digest([name], "cpu", tree).keys() == before["cpu"].keys() | {"papers_lib.experiments.fast"}


def test_the_form_is_kept_in_every_module_that_a_result_depends_on() -> None:
    found, everything = code_digest(EXPERIMENTS, "cpu"), code_digest(EXPERIMENTS, "cuda")
    assert "papers_lib.experiments.gpu_batches" in everything.keys() - found.keys()
    assert "papers_lib.experiments.training" in found
    assert found["papers_lib.experiments.training"] != everything["papers_lib.experiments.training"]
    assert found["papers_lib.losses.heatmap"] == everything["papers_lib.losses.heatmap"]


def test_the_gpus_own_modules_bring_no_library_into_the_key_of_a_cpu() -> None:
    own = [f"papers_lib.experiments.{path.stem}" for path in Path(gpu_digest.__file__).parent.glob("gpu*.py")]
    assert {"papers_lib.experiments.gpu", "papers_lib.experiments.gpu_batches"} <= set(own)
    assert digest.library_versions(own).keys() == {"python", "numpy", "torch"}
