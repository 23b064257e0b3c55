"""What a source file does, as a digest: its syntax tree without docstrings and comments.

A cached result or data set stays valid when only prose or layout of the code that made it changed.
"""

import ast
import hashlib
from pathlib import Path

from papers_lib.errors import UserError

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Drop every docstring from ``tree`` (in place) and return it; comments are not in a tree anyway.

    >>> ast.unparse(without_docstrings(ast.parse('def f():\\n    "says"\\n    return 1')))
    'def f():\\n    return 1'
    """
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return tree


def source_digest(source: str) -> str:
    """SHA-256 (64 hexadecimal digits) of the syntax tree of Python ``source`` without docstrings.

    Positions are left out, so blank lines, comments, quotes and line breaks make no difference;
    any change of a name, number or string does.

    Raises:
        SyntaxError: ``source`` is not Python.

    >>> source_digest("x = 1  # one") == source_digest('"A module."\\n\\nx = 1')
    True
    >>> source_digest("x = 1") == source_digest("x = 2")
    False
    """
    return hashlib.sha256(ast.dump(without_docstrings(ast.parse(source))).encode()).hexdigest()


def module_digest(path: str | Path) -> str:
    """``source_digest`` of the Python file ``path``.

    The text of ``ast.dump`` differs between minor versions of Python, so a digest is comparable
    within one of them only.

    Raises:
        UserError: the file cannot be read or is not Python; the line names it.
    """
    try:
        return source_digest(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as source code ({error})") from error
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        raise UserError(f"{path}: is not valid Python ({error})") from error
