"""``papers data``: what is in a folder of data, before a run."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at a data set before a run.")


@app.callback()
def _data() -> None:
    """Keep `papers data` a group of commands."""


@app.command()
def check(
    root: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a data set, in its published layout.")
    ],
    images: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Open N pictures, evenly chosen; default: all.")
    ] = None,
    problems: Annotated[int, typer.Option(min=0, metavar="N", help="Problems to show.")] = 20,
) -> None:
    """Say which layout DIR has, read its annotations, open its pictures, list what is wrong and what runs on it.

    Exit code 0: nothing wrong; 1: problems; 2: no data set that is known.
    """
    from papers_lib.companion.data_layouts import find_layout

    layout = find_layout(root)  # before anything heavy is imported
    from papers_lib.companion.data_check import check_set, report

    checked = check_set(root, layout.key, images, lambda line: typer.echo(line, err=True))
    for line in report(root, layout.key, checked, problems):
        typer.echo(line)
    raise typer.Exit(1 if checked.problems else 0)
