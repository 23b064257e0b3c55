"""The command ``papers``: run, render, check and list the pages of this companion.

Heavy libraries are imported by the commands that need them, so that ``papers list`` and an up-to-date
``papers run`` answer in about a second.
"""

import re
import sys
from collections import Counter
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from papers_lib.companion import paths
from papers_lib.companion.data_check import app as data
from papers_lib.errors import UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Every figure and table of the papers, regenerated beside the printed value. "
    "With --debug, a refused command shows its traceback.",
)
app.add_typer(data, name="data")

Profile = StrEnum("Profile", paths.PROFILES)  # type: ignore[misc]
Device = StrEnum("Device", ("auto", "cpu", "cuda"))
Backend = StrEnum("Backend", ("processes", "ray", "loky"))
QUICK, FULL = Profile("quick"), Profile("full")

Slugs = Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...", help="Papers by slug; default: all.")]
OfProfile = Annotated[Profile, typer.Option("--profile", "-p", help="Size of the run.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="One parameter.")]
OfPaper = typer.Option(help="Of the paper.")


@app.command("list")
def list_pages() -> None:
    """Show each paper with its pages: how old, in what state, how the claims came out."""
    from papers_lib.companion.yaml_files import read_yaml

    root = paths.repo_root()
    folders = sorted(path for path in (root / "reports").glob("*") if path.is_dir())
    for slug in paths.chosen_slugs(root, None):
        title = ""
        with suppress(UserError, TypeError, KeyError):  # `papers run` says what is wrong
            title = read_yaml(paths.claims_path(root, slug))["title"]
        typer.echo(f"{slug}  {title}".rstrip())
        lines = [f"  {out.name:<8} {state}" for out in folders if (state := _state(out, slug))]
        typer.echo("\n".join(lines or ["  -        no page yet"]))


def _state(out: Path, slug: str) -> str:
    """How the page of a paper in a report folder stands; "" for none."""
    from papers_lib.companion import execute, provenance

    manifest, status = provenance.read_manifest(out, slug), execute.read_status(out, slug)
    if manifest is None and status is None:
        return ""
    said = [f"page of {manifest['date']}" if manifest else "no page"]
    if status and status["state"] != "succeeded":
        said.append(f"run of {status['start']} {status['state']}: {status['message']}".removesuffix(": "))
    results = provenance.read_json(out / f"{slug}.results.json") or {}
    counts = Counter(str(c["outcome"]) for c in results.get("claims", []) if c.get("kind") == "claim")
    if counts:
        said.append(f"claims: {', '.join(f'{n} {outcome}' for outcome, n in counts.most_common())}")
    return "; ".join(said)


@app.command()
def run(
    slugs: Slugs = None,
    profile: OfProfile = QUICK,
    device: Annotated[Device | None, typer.Option(help="Overrides the notebook's device.")] = None,
    jobs: Annotated[int | None, typer.Option(min=0, help="Processes of a sweep; 0: as many as fit.")] = None,
    backend: Annotated[Backend | None, typer.Option(help="Processes here, or a Ray cluster (ray).")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Real data set in its published layout.")] = None,
    settings: Settings = None,
    force: Annotated[bool, typer.Option("--force", help="Run and train again what is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, why, how long.")] = False,
    record: Annotated[str | None, typer.Option(metavar="NAME", help="Keep results as recorded.")] = None,
) -> None:
    """Run notebooks and make their pages; those that are up to date are left alone."""
    from papers_lib.companion import publish
    from papers_lib.companion.execute import stop_on_signals
    from papers_lib.companion.manifest import make_plan
    from papers_lib.sweep import pick_backend

    if record is not None and not re.fullmatch(r"[a-z0-9_-]+", record):
        raise UserError(f"--record {record}: expected lower-case letters, digits, _ and - only")
    root = paths.repo_root()
    given = {"device": device and device.value, "jobs": jobs, "data_root": data_root and str(data_root)}
    options = {name: value for name, value in given.items() if value is not None}
    carrier = pick_backend(backend and backend.value)
    # All of them before the first runs: a bad parameter costs nothing.
    plans = [
        make_plan(
            root, slug, profile.value, options=options, settings=settings or [], force=force, record=record,
            backend=carrier,
        )
        for slug in paths.chosen_slugs(root, slugs)
    ]  # fmt: skip
    if dry_run:
        from papers_lib.companion import dry_run as dry

        for plan in plans:
            for line in dry.lines(plan, root):
                typer.echo(line)
        return
    failures = []
    try:
        stop_on_signals()
        for plan in plans:
            try:
                publish.carry_out(plan, root, typer.echo)
            except UserError as error:
                failures.append(str(error))
    except KeyboardInterrupt as stopped:
        typer.echo(f"papers: interrupted by {stopped}; finished runs are in the cache", err=True)
        raise typer.Exit(130) from stopped
    _end(failures)


def _end(problems: list[str]) -> None:
    """Say what went wrong, a line each; exit code 1 if anything did."""
    for line in problems:
        typer.echo(f"papers: {line}", err=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def render(slugs: Slugs = None, profile: OfProfile = QUICK) -> None:
    """Make pages again from the executed notebooks; nothing is run (not of profile full)."""
    from papers_lib.companion import publish

    if profile == FULL:
        raise UserError(
            "reports/full: only `papers run --profile full` writes there; it renders again when only the look changed"
        )
    root = paths.repo_root()
    out = paths.report_folder(root, profile.value)
    for slug in paths.chosen_slugs(root, slugs):
        publish.rerender(out, slug, root)
        typer.echo(f"{slug}: done (reports/{out.name}/{slug}.html)")


@app.command()
def claims(slugs: Slugs = None, profile: OfProfile = QUICK) -> None:
    """Print each claim with the paper's value, ours and the outcome."""
    root = paths.repo_root()
    for slug in paths.chosen_slugs(root, slugs):
        path = paths.report_folder(root, profile.value) / f"{slug}.claims.md"
        if not path.is_file():
            todo = f"papers run {slug} --profile {profile.value}"
            raise UserError(f"{slug}: no results in reports/{path.parent.name}; first run: {todo}")
        typer.echo(f"{slug}: {path.read_text(encoding='utf-8')}")


@app.command()
def check(profile: OfProfile = FULL) -> None:
    """Verify the pages against their manifests: files, hashes, size, no network; say what changed since."""
    from papers_lib.companion.manifest import check_page, page_problems

    root = paths.repo_root()
    problems = list(page_problems(paths.report_folder(root, profile.value) / "index.html"))
    for slug in paths.chosen_slugs(root, None):
        found, later = check_page(root, slug, profile.value)
        problems += found
        for line in later:
            typer.echo(f"note: {line}")
    _end(problems)
    typer.echo(f"reports/{profile.value}: every page stands on its manifest")


@app.command()
def params(
    slug: Annotated[str, typer.Argument(help="Paper.")], profile: OfProfile = QUICK, settings: Settings = None
) -> None:
    """List the parameters of a notebook: name, value in this profile, type and range, what it is."""
    from papers_lib.companion import parameters

    root = paths.repo_root()
    paths.chosen_slugs(root, [slug])  # refuses another
    rows = list(parameters.described(parameters.resolve(root, slug, profile.value, {}, settings or [])))
    widths = [min(28, max(len(row[column]) for row in rows)) for column in range(3)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row[:3], widths, strict=True)]
        typer.echo("  ".join([*cells, row[3]]).rstrip())


@app.command()
def new(
    slug: Annotated[str, typer.Argument(help="Name of the notebook, its package, the page and the tests.")],
    title: Annotated[str, OfPaper] = "Title of the paper",
    authors: Annotated[str, OfPaper] = "A. Author, B. Author",
    year: Annotated[int, OfPaper] = 2000,
    url: Annotated[str, OfPaper] = "https://example.org/paper",
) -> None:
    """Add a paper: notebook, claims, experiment, grid and test, an example that runs at once."""
    from papers_lib.companion.scaffold import new_paper

    root = paths.repo_root()
    for path in new_paper(root, slug, title=title, authors=authors, year=year, url=url):
        typer.echo(f"made {path.relative_to(root).as_posix()}")
    typer.echo(f"next: papers run {slug} --profile smoke; then docs/design.md, 'How a new paper plugs in'")


def main(arguments: list[str] | None = None) -> None:
    """Entry point: a UserError becomes one line on stderr and exit code 2, an interrupt exit code 130.

    Args: arguments, of the command line, for tests; default: those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words  # anywhere on the line, also after the command
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that has no ≈ shows ? in its place
    try:
        app([word for word in words if word != "--debug"])
    except UserError as error:
        if debug:
            raise
        typer.echo(f"papers: {' '.join(str(error).split())}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
