"""One page that names what can be imported: ``docs/api.md``, from the first sentence of each docstring.

``python -m papers_lib.companion.api_index`` writes it, with ``--check`` it only says whether it is current. Sources
are read, never imported. What the experiments and this companion are made of is not listed: nobody builds on it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from papers_lib.companion.paths import repo_root
from papers_lib.errors import UserError
from papers_lib.files import write_text

PAGE = "docs/api.md"
GROUPS = {
    "Class activation maps": (
        "papers_lib/cams.py",
        "papers_lib/class_gradients.py",
        "papers_lib/training/augmentation.py",
    ),
    "Losses": ("papers_lib/losses/*.py",),
    "Models": ("papers_lib/models/*.py",),
    "Metrics": ("papers_lib/metrics/*.py",),
    "Statistics": ("papers_lib/stats*.py",),
    "Data sets": ("papers_lib/datasets/*.py",),
    "Synthetic data": ("data_gen/*.py",),
    "Sweeps and pages": (
        *(
            f"papers_lib/experiments/{name}.py"
            for name in ("sweep", "context", "training", "plateau", "backends")
        ),
        *(f"papers_lib/companion/{name}.py" for name in ("notebook", "figures", "tables")),
    ),
}
HEAD = """# What can be imported

Every public function and class, by module, with the first sentence of its docstring; shapes, units, errors and
sources stand in the docstrings themselves. `make docs` writes them as pages to `docs/api/`, and this index.
"""


def page(root: Path) -> str:
    """The index as Markdown."""
    parts = [HEAD]
    for group, patterns in GROUPS.items():
        parts.append(f"## {group}\n")
        for path in [path for pattern in patterns for path in sorted(root.glob(pattern))]:
            parts += _module(path, root)
    return "\n".join(parts)


def _module(path: Path, root: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    rows = [f"- `{_signature(node)}`: {_first_sentence(node)}" for node in _public(tree)]
    name = path.relative_to(root).as_posix()
    if rows:
        dotted = name.removesuffix(".py").replace("/", ".")
        yield f"### [{dotted}](../{name})\n\n{_first_sentence(tree)}\n"
        yield "\n".join(rows) + "\n"


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not any(ast.unparse(one) == "overload" for one in node.decorator_list):
            yield node


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    """A function with the names of its arguments, a class by its name."""
    if isinstance(node, ast.ClassDef):
        return node.name
    given = node.args
    names = [one.arg for one in (*given.posonlyargs, *given.args)]
    names += [f"*{given.vararg.arg}"] if given.vararg else ["*"] * bool(given.kwonlyargs)
    names += [one.arg for one in given.kwonlyargs]
    return f"{node.name}({', '.join([*names, *([f'**{given.kwarg.arg}'] if given.kwarg else [])])})"


def _first_sentence(node: ast.FunctionDef | ast.ClassDef | ast.Module) -> str:
    """Up to the first full stop that ends a line or a sentence, in one line; ``code`` as Markdown has it."""
    text = " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text.replace("``", "`"))
    found = re.match(r"(?:`[^`]*`|[^`])*?(?<!\bal)(?<!\be\.g)(?<!\bi\.e)[.;:](?=\s|$)", text)
    return (found.group().rstrip(".;:") if found else text) + "."


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` return 1 where it is not current."""
    root = repo_root()
    new = page(root)
    if "--check" not in (sys.argv[1:] if arguments is None else arguments):
        write_text(root / PAGE, new)
        return 0
    known = root / PAGE
    if known.is_file() and known.read_text(encoding="utf-8") == new:
        return 0
    raise UserError(
        f"{PAGE}: not what the docstrings say; python -m papers_lib.companion.api_index writes it"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
