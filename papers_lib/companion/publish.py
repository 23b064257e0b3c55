"""Make a page: execute aside, render aside, then move everything into place.

Whatever goes wrong, the previous page and results stay as they were.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from papers_lib import files
from papers_lib.companion import execute, paths, provenance, recorded
from papers_lib.companion.execute import Outcome, write_status
from papers_lib.companion.manifest import Plan, renderer_digest
from papers_lib.errors import UserError

Say = Callable[[str], None]


def carry_out(plan: Plan, root: Path, say: Say) -> None:
    """Do what the plan says, in lines for the terminal. Raises: UserError, the page could not be made."""
    page = f"reports/{plan.out.name}/{plan.slug}.html"
    if plan.action == "nothing":
        if not (plan.out / "index.html").is_file():
            index(plan.out, root)
        say(f"{plan.slug}: up to date ({page})")
        return
    doing = "running" if plan.action == "run" else "rendering again"
    say(f"{plan.slug}: {doing} ({'; '.join(plan.reasons)})")
    if plan.action == "render":
        rerender(plan.out, plan.slug, root)
    else:
        run(plan, root, say)
    say(f"{plan.slug}: done ({page})")


def run(plan: Plan, root: Path, say: Say) -> None:
    """Execute the notebook of ``plan`` and publish its page; the status file tells the same story.

    Raises: UserError, the page could not be made, or is being made by another process; KeyboardInterrupt, a signal.
    """
    slug, out, start = plan.slug, plan.out, provenance.now()
    with execute.lock(out, slug) as work:
        write_status(out, slug, start, Outcome("running"))
        try:
            outcome = _attempt(plan, root, work, say)
        except UserError as error:
            outcome = Outcome("failed", str(error))
        except OSError as error:
            why = error.strerror or str(error) or type(error).__name__  # a time-out has no number
            outcome = Outcome("failed", f"{error.filename or out}: {why}")
        except KeyboardInterrupt as stopped:
            with suppress(UserError, OSError):  # an interrupt is passed on, whatever the disk says
                _close(plan, start, Outcome("interrupted", f"stopped by {stopped}"), work)
            raise
        _close(plan, start, outcome, work)
    if outcome.state != "succeeded":
        raise UserError(f"{slug}: {outcome.state}: {outcome.message}")


def _attempt(plan: Plan, root: Path, work: Path, say: Say) -> Outcome:
    from papers_lib.companion.render import render

    slug, out, staging = plan.slug, plan.out, work / "out"
    executed = staging / f"{slug}_files" / "executed.ipynb"
    executed.parent.mkdir(parents=True)
    (commit, dirty), start = provenance.git_state(root), time.monotonic()
    variables = {
        "PAPERS_OUT": str(staging),
        "PAPERS_DATA": str(paths.data_folder()),
        "PAPERS_CACHE": str(paths.cache_folder()),
        "PAPERS_PROGRESS": str(work / "progress.txt"),
        "PAPERS_FORCE": "1" if plan.force else "",  # set either way: of this run alone
        "PAPERS_BACKEND": plan.backend,
    }
    outcome = execute.execute(
        paths.notebook_path(root, slug), executed, dict(plan.chosen),
        extra=variables, work=work, say=lambda line: say(f"{slug}: {line}"),
    )  # fmt: skip
    if outcome.state != "succeeded":
        return outcome
    if not (staging / f"{slug}.claims.md").is_file():  # what it writes last
        return Outcome("incomplete", "page.finish() was not called: its report was not written")
    seconds = time.monotonic() - start
    _forget_folders(executed, root, plan.chosen.data_root)
    if (timings := out / f"{slug}.timings.json").is_file():
        shutil.copy2(timings, staging)
    device = plan.inputs["parameters"]["device"]
    manifest = {
        "schema": 1, "slug": slug, "profile": plan.profile, "command": plan.command, "parameters": plan.shown,
        "inputs": plan.inputs, "libraries": plan.inputs["libraries"], "renderer": plan.renderer,
        "executed_sha256": provenance.sha256(executed), "commit": commit, "dirty": dirty,
        "date": provenance.now(), "wall_seconds": round(seconds, 1), "machine": provenance.machine(),
        "device": {"type": device, "name": provenance.device_name(device)},
    }  # fmt: skip
    optional = {"seeds": plan.shown.get("seeds"), "record": plan.record}
    manifest |= {name: entry for name, entry in optional.items() if entry is not None}
    provenance.write_manifest(staging, manifest)  # the page shows it
    render(slug, staging, root)
    provenance.write_manifest(staging, manifest)  # with the page's hash
    _move(staging, out, slug)
    if plan.record:
        recorded.write(root, out, slug, plan.record)
    index(out, root)
    return outcome


def _forget_folders(executed: Path, root: Path, data_root: str) -> None:
    """Take the folders of this machine out of an executed notebook, since its cells are shown on the page."""
    text = executed.read_text(encoding="utf-8")
    for folder, shown in ((data_root, Path(data_root).name), (f"{root}{os.sep}", "")):
        if folder:
            text = text.replace(json.dumps(folder, ensure_ascii=False)[1:-1], shown)
    files.write_text(executed, text)


def _move(staging: Path, out: Path, slug: str) -> None:
    """Move a finished page to ``out``, its manifest last: after a kill in between it reads as stale.

    Only renames happen here; the old folder is put aside and deleted with the scratch folder.
    """
    if (out / f"{slug}_files").is_dir():
        os.rename(out / f"{slug}_files", staging.parent / "replaced")
    os.rename(staging / f"{slug}_files", out / f"{slug}_files")
    for suffix in (*provenance.PUBLISHED, "manifest.json"):
        if (staging / f"{slug}.{suffix}").is_file():
            os.replace(staging / f"{slug}.{suffix}", out / f"{slug}.{suffix}")


def _close(plan: Plan, start: str, outcome: Outcome, work: Path) -> None:
    """Say how the run ended and keep the notebook of a failed one with its traceback."""
    executed = work / "out" / f"{plan.slug}_files" / "executed.ipynb"
    if outcome.state != "succeeded" and executed.is_file():
        kept = plan.out / f"{plan.slug}_files"
        kept.mkdir(exist_ok=True)
        os.replace(executed, kept / "failed.ipynb")
    write_status(plan.out, plan.slug, start, outcome)


def rerender(out: Path, slug: str, root: Path) -> None:
    """Render a page again from its executed notebook; results and claims stay as they are.

    Raises: UserError, the notebook was not executed on this machine (the line says what to run).
    """
    from papers_lib.companion.render import render

    manifest = provenance.read_manifest(out, slug)
    if manifest is None or not (out / f"{slug}_files" / "executed.ipynb").is_file():
        command = f"{manifest['command']} --force" if manifest else f"papers run {slug} --profile {out.name}"
        what = f"{out.name}/{slug}_files/executed.ipynb is not on this machine"
        raise UserError(f"{slug}: {what}; first run: {command}")
    with execute.lock(out, slug):
        render(slug, out, root)
        digest = renderer_digest(root, out, slug, manifest.get("record"))
        provenance.write_manifest(out, {**manifest, "renderer": digest})
    index(out, root)


def index(out: Path, root: Path) -> None:
    """Write ``index.html`` of a report folder."""
    from papers_lib.companion.render import render_index

    render_index(out, root)
