"""Which code a result depends on, by device: code that runs on a GPU only counts for the results of a GPU only.

A module marks such code by statements of one form,

    from papers_lib.experiments import gpu_batches
    from papers_lib.experiments.gpu import on_gpu

    if on_gpu(device):
        found = gpu_batches.taken(images, rows, device)
    else:
        found = torch.from_numpy(images[rows])

For a result of the CPU the digest is that of the module without them: the ``else`` stands in the place of the whole
statement, and the imports are not there. So what was computed on a CPU stays valid when the GPU's code changes, and
when a module gets such code for the first time. For a GPU everything counts.

What would make this unsound is refused: names of those imports anywhere else, and statements under the ``if`` that
change what the function around it is (``yield``, ``global``, ``nonlocal``).
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from papers_lib.ast_digest import without_docstrings
from papers_lib.errors import UserError
from papers_lib.experiments import digest
from papers_lib.experiments.gpu import on_gpu

TEST = "on_gpu"
_PACKAGE = "papers_lib.experiments"
_UNSOUND = (ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)
_PLAIN = (ast.Name, ast.Attribute, ast.expr_context)  # of the test's argument: reading it does nothing


def code_digest(modules: Iterable[str], device: str, root: Path = digest.ROOT) -> dict[str, str]:
    """Digest of each source file that ``modules`` can run on a device; see ``digest.code_digest``.

    Args: modules, root: as there; device, "cpu", "cuda", "cuda:1", …

    Raises:
        ValueError: a module has no Python source file.
        UserError: a file is not valid Python, or uses the GPU's code in another form than the one above.
    """
    if on_gpu(device):
        return digest.code_digest(modules, root)
    return {name: _scan(*digest._stamp(path))[0] for name, path in _closure(list(modules), root).items()}


def _closure(modules: list[str], root: Path) -> dict[str, Path]:
    """The import closure without what is imported for a GPU only."""
    everything = digest.closure(modules, root)
    names = {name.removesuffix(".__init__"): name for name in everything}
    found, waiting = set[str](), list(modules)
    while waiting:
        module = waiting.pop()
        name = names.get(module)
        if name is None or name in found:
            continue
        found.add(name)
        waiting.append(module.rpartition(".")[0])  # importing a.b.c also runs a and a.b
        for target in _scan(*digest._stamp(everything[name]))[1]:
            waiting += digest._absolute(target, module, name != module)
    return {name: path for name, path in everything.items() if name in found}


@cache
def _scan(path: Path, mtime_ns: int, size: int) -> tuple[str, tuple[digest.Import, ...]]:
    """Digest and imports of a file without its GPU code; time and size as in ``digest``."""
    plain = digest._scan(path, mtime_ns, size)
    source = path.read_text(encoding="utf-8")
    if "gpu" not in source:
        return plain
    tree, changed = without_gpu(ast.parse(source), str(path))
    if not changed:
        return plain
    # As ``ast_digest.source_digest`` has it.
    of_tree = hashlib.sha256(ast.dump(without_docstrings(tree)).encode()).hexdigest()
    return of_tree, tuple(digest._imports(tree))


def without_gpu(tree: ast.Module, where: str) -> tuple[ast.Module, bool]:
    """A module as a CPU runs it (the tree is changed in place), and whether that differs from what was given.

    Args: tree, of the module; where, the file's name, for the message.

    Raises:
        UserError: GPU code in another form; the line names file and line.

    >>> source = "from papers_lib.experiments.gpu import on_gpu\\nif on_gpu(device):\\n    x = 1\\nelse:\\n    x = 2"
    >>> ast.unparse(without_gpu(ast.parse(source), "a.py")[0])
    'x = 2'
    """
    pruner = _Pruner(where)
    tree = pruner.visit(tree)
    if pruner.names:
        pruner.check(tree)
    return tree, bool(pruner.names)


class _Pruner(ast.NodeTransformer):
    """Drops the imports of GPU modules and replaces every ``if on_gpu(…):`` by its ``else``."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: set[str] = set()  # that those imports bind

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        if node.level:
            return node
        base = node.module or ""
        gone = [one for one in node.names if _for_gpu(base) or _for_gpu(f"{base}.{one.name}")]
        if any(one.name == "*" for one in gone):
            raise self._error(node, "names of the GPU's modules are imported one by one")
        self.names |= {one.asname or one.name for one in gone}
        node.names = [one for one in node.names if one not in gone]
        return node if node.names else None

    def visit_Import(self, node: ast.Import) -> ast.stmt:
        if any(_for_gpu(one.name) for one in node.names):
            raise self._error(node, f"expected 'from {_PACKAGE} import …'")
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        if not self._is_branch(node.test):
            return self.generic_visit(node)  # type: ignore[return-value]
        for statement in node.body:
            for inner in ast.walk(statement):
                if isinstance(inner, _UNSOUND):
                    kind = type(inner).__name__.lower()
                    raise self._error(
                        inner, f"{kind} under 'if {TEST}(…):' changes the function on a CPU too"
                    )
        kept = [self.visit(statement) for statement in node.orelse]
        return list(_flat(kept))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def check(self, tree: ast.Module) -> None:
        """Refuse names of the dropped imports that are still used."""
        for node in ast.walk(tree):
            found = (getattr(node, field, None) for field in ("id", "asname", "name", "arg"))
            name = next((one for one in found if one), None)
            if name in self.names and not isinstance(node, ast.keyword):
                raise self._error(node, f"{name} may only be used under 'if {TEST}(…):'")

    def _is_branch(self, test: ast.expr) -> bool:
        """Whether a test is the call of ``on_gpu`` on a plain name, like ``device`` or ``context.device``."""
        if TEST not in self.names or not isinstance(test, ast.Call):
            return False
        named = isinstance(test.func, ast.Name) and test.func.id == TEST
        if named and (
            len(test.args) != 1
            or test.keywords
            or any(not isinstance(n, _PLAIN) for n in ast.walk(test.args[0]))
        ):
            raise self._error(test, f"{TEST} takes the name of a device, as in {TEST}(context.device)")
        return named

    def _error(self, node: ast.AST, what: str) -> UserError:
        return UserError(f"{self.where}, line {getattr(node, 'lineno', '?')}: {what}")


def _for_gpu(module: str) -> bool:
    return module == f"{_PACKAGE}.gpu" or module.startswith((f"{_PACKAGE}.gpu.", f"{_PACKAGE}.gpu_"))


def _flat(statements: Iterable[ast.stmt | list[ast.stmt] | None]) -> Iterator[ast.stmt]:
    for one in statements:
        if isinstance(one, list):
            yield from one
        elif one is not None:
            yield one
