"""Make a page: execute aside, render aside, then move everything into place.

Whatever goes wrong, the previous page and results stay as they were.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from papers_lib import files
from papers_lib.companion import machine, paths, provenance, recorded, status
from papers_lib.companion.staleness import Plan, renderer_digest
from papers_lib.companion.status import Outcome
from papers_lib.errors import UserError

Say = Callable[[str], None]


def _variables(plan: Plan, staging: Path, work: Path) -> dict[str, str]:
    return {
        "PAPERS_OUT": str(staging),
        "PAPERS_DATA": str(paths.data_folder()),
        "PAPERS_CACHE": str(paths.cache_folder()),
        "PAPERS_PROGRESS": str(work / "progress.txt"),
        "PAPERS_NONCE": secrets.token_hex(8),
        "PAPERS_FORCE": "1" if plan.force else "",  # set either way: of this run alone
        "PAPERS_BACKEND": plan.backend,
    }


def _render(slug: str, out: Path, root: Path) -> None:
    from papers_lib.companion.render import render

    render(slug, out, root)


def index(out: Path, root: Path) -> None:
    """Write ``index.html`` of a report folder."""
    from papers_lib.companion.render import render_index

    render_index(out, root)


def _move(staging: Path, out: Path, slug: str) -> None:
    """Move a finished page to ``out``, its manifest last: after a kill in between it reads as stale.

    Only renames happen here; the old folder is put aside and deleted once the new page is whole.
    """
    aside = staging.parent / "replaced"
    shutil.rmtree(aside, ignore_errors=True)
    if (out / f"{slug}_files").is_dir():
        os.rename(out / f"{slug}_files", aside)
    os.rename(staging / f"{slug}_files", out / f"{slug}_files")
    for suffix in (*provenance.PUBLISHED, "manifest.json"):
        if (staging / f"{slug}.{suffix}").is_file():
            os.replace(staging / f"{slug}.{suffix}", out / f"{slug}.{suffix}")
    shutil.rmtree(aside, ignore_errors=True)


def _forget_folders(executed: Path, root: Path, data_root: str) -> None:
    """Take the folders of this machine out of an executed notebook, since its cells are shown on the page."""
    text = executed.read_text(encoding="utf-8")
    for folder, shown in ((data_root, Path(data_root).name), (f"{root}{os.sep}", "")):
        if folder:
            text = text.replace(json.dumps(folder, ensure_ascii=False)[1:-1], shown)
    files.write_text(executed, text)


def _manifest(plan: Plan, staging: Path, git: tuple[str, bool], seconds: float) -> dict[str, Any]:
    """The manifest of a run whose results lie in ``staging`` (the page itself is not rendered yet)."""
    results = provenance.read_json(staging / f"{plan.slug}.results.json") or {}
    kind, seeds = plan.components["device"], plan.parameters.get("seeds")
    manifest = {
        "schema": provenance.SCHEMA, "slug": plan.slug, "profile": plan.profile,
        "components": plan.components, "renderer": plan.renderer,
        "executed_sha256": provenance.sha256(staging / f"{plan.slug}_files" / "executed.ipynb"),
        "rules_sha256": results.get("rules_sha256", ""),
        "commit": git[0], "dirty": git[1], "date": provenance.now(),
        "device": {"type": kind, "name": machine.device_name(kind)}, "machine": machine.described(staging),
        "libraries": plan.components["libraries"], "wall_seconds": round(seconds, 1), "seeds": seeds,
        "command": provenance.command(plan.slug, plan.profile, plan.changed, plan.record),
        "parameters": provenance.shown(plan.parameters), "record": plan.record,
        "data": {name: entry.get("fingerprint", "") for name, entry in results.get("data", {}).items()},
    }  # fmt: skip
    return {name: entry for name, entry in manifest.items() if entry is not None}


def _attempt(plan: Plan, root: Path, staging: Path, work: Path, say: Say) -> Outcome:
    from papers_lib.companion.execute import execute

    slug, folder = plan.slug, staging / f"{plan.slug}_files"
    folder.mkdir(parents=True)
    git, start = provenance.git_state(root), time.monotonic()
    outcome = execute(
        paths.notebook_path(root, slug), folder / "executed.ipynb", plan.parameters,
        extra=_variables(plan, staging, work), work=work, say=lambda line: say(f"{slug}: {line}"),
    )  # fmt: skip
    if outcome.state != "succeeded":
        return outcome
    seconds = time.monotonic() - start
    _forget_folders(folder / "executed.ipynb", root, str(plan.parameters.get("data_root", "")))
    if (timings := plan.out / f"{slug}.timings.json").is_file():
        shutil.copy2(timings, staging)
    manifest = _manifest(plan, staging, git, seconds)
    provenance.write_manifest(staging, manifest)  # the page shows it
    _render(slug, staging, root)
    provenance.write_manifest(staging, manifest)  # with the page's hash
    _move(staging, plan.out, slug)
    if plan.record:
        recorded.write(root, plan.out, slug, plan.record)
    return outcome


def run(plan: Plan, root: Path, say: Say) -> Outcome:
    """Execute the notebook of ``plan`` and publish its page; the status file tells the same story.

    Raises:
        UserError: the page is being made by another process, or its folder cannot be written to.
        KeyboardInterrupt: a signal arrived; the status says interrupted.
    """
    slug, out, start = plan.slug, plan.out, provenance.now()
    with status.lock(out, slug) as work:
        staging = work / "out"
        shutil.rmtree(staging, ignore_errors=True)  # of a run that was killed
        status.write(out, slug, plan.profile, start, Outcome("running"))
        outcome = Outcome("failed", "the companion itself failed")
        try:
            outcome = _attempt(plan, root, staging, work, say)
        except UserError as error:
            outcome = Outcome("failed", str(error), error="UserError")
        except OSError as error:
            why = error.strerror or str(error) or type(error).__name__  # a time-out has no number
            outcome = Outcome("failed", f"{error.filename or out}: {why}", error="OSError")
        except KeyboardInterrupt as stopped:
            outcome = Outcome("interrupted", f"stopped by {stopped}")
            raise
        finally:
            try:
                _close(plan, start, outcome, staging, work)
            except (UserError, OSError):
                if outcome.state != "interrupted":  # an interrupt is passed on, whatever the disk says
                    raise
    return outcome


def _close(plan: Plan, start: str, outcome: Outcome, staging: Path, work: Path) -> None:
    """Say how the run ended, keep the notebook of a failed one with its traceback, and tidy up."""
    executed, kept = staging / f"{plan.slug}_files" / "executed.ipynb", plan.out / f"{plan.slug}_files"
    if outcome.state != "succeeded" and executed.is_file():
        kept.mkdir(exist_ok=True)
        os.replace(executed, kept / "failed.ipynb")
    status.write(plan.out, plan.slug, plan.profile, start, outcome)
    for leftover in work.iterdir():
        if leftover.name != "lock":
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def rerender(out: Path, slug: str, root: Path) -> None:
    """Render a page again from its executed notebook; results and claims stay as they are.

    Raises:
        UserError: the notebook was not executed on this machine (the line says what to run).
    """
    manifest = provenance.read_manifest(out, slug)
    executed = out / f"{slug}_files" / "executed.ipynb"
    if manifest is None or not executed.is_file():
        profile, force = (manifest["profile"], " --force") if manifest else (out.name, "")
        what = f"{out.name}/{slug}_files/executed.ipynb is not on this machine"
        raise UserError(f"{slug}: {what}; first run: papers run {slug} --profile {profile}{force}")
    with status.lock(out, slug):
        _render(slug, out, root)
        provenance.write_manifest(out, {**manifest, "renderer": renderer_digest()})
