"""A papermill engine that runs the cells in this process: a page in a tenth of a second, where no kernel is at stake.

Everything else is real: papermill's parameters and errors, the companion's verdict, its page, its files.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import nbformat
import papermill.engines
import pytest

from papers_lib.companion import execute

_KERNELS = execute._manager_class


class QuickEngine(papermill.engines.Engine):
    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, kernel_manager_class: dict[str, str], **_: Any
    ) -> None:
        """Run the code cells one after the other; an exception ends the notebook, as it does with a kernel."""
        scope: dict[str, Any] = {"__name__": "notebook"}
        with mock.patch.dict(os.environ, kernel_manager_class):
            for index, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code":
                    continue
                nb_man.cell_start(cell, index)
                cell.execution_count, cell.outputs = index + 1, []
                scope["display"] = lambda shown, cell=cell: cell.outputs.append(_shown(shown))
                try:
                    exec(compile(cell.source, f"cell {index}", "exec"), scope)
                except (Exception, SystemExit) as error:
                    cell.outputs.append(_raised(error))
                    nb_man.cell_exception(cell, index)
                    break
                finally:
                    nb_man.cell_complete(cell, index)


def install(patch: pytest.MonkeyPatch) -> None:
    """Let papermill run notebooks in this process; the kernel's variables are set while it does."""
    patch.setattr(execute, "_manager_class", lambda environment, work, held: environment)
    patch.setitem(papermill.engines.papermill_engines._engines, None, QuickEngine)


@contextmanager
def left_out() -> Iterator[None]:
    """Kernels again, in a process each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "_manager_class", _KERNELS)
        patch.setitem(papermill.engines.papermill_engines._engines, None, papermill.engines.NBClientEngine)
        yield


def _shown(shown: Any) -> Any:
    data = {"text/plain": repr(shown), "text/html": shown._repr_html_()}
    return nbformat.v4.new_output("display_data", data=data)


def _raised(error: BaseException) -> Any:
    lines = traceback.format_exception(*sys.exc_info())
    name = type(error).__name__
    return nbformat.v4.new_output("error", ename=name, evalue=str(error), traceback=lines)
