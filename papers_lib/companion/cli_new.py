"""``papers new``: the files of one more paper."""

from typing import Annotated

import typer

from papers_lib.companion import paths


def new(
    slug: Annotated[
        str, typer.Argument(help="Name of the notebook, the experiment, the page and the tests.")
    ],
    title: Annotated[str, typer.Option(help="Of the paper.")] = "Title of the paper",
    authors: Annotated[str, typer.Option(help="Of the paper.")] = "A. Author, B. Author",
    year: Annotated[int, typer.Option(help="Of the paper.")] = 2000,
    url: Annotated[str, typer.Option(help="Of the paper.")] = "https://example.org/paper",
) -> None:
    """Add a paper: notebook, claims, experiment, data and tests, an example that runs at once."""
    from papers_lib.companion.scaffold import new_paper

    root = paths.repo_root()
    made, extended = new_paper(root, slug, title=title, authors=authors, year=year, url=url)
    for path in made:
        typer.echo(f"made      {path.relative_to(root).as_posix()}")
    for path in extended:
        typer.echo(f"extended  {path.relative_to(root).as_posix()}")
    typer.echo(f"next: papers run {slug} --profile smoke; then docs/design.md, 'How a new paper plugs in'")
