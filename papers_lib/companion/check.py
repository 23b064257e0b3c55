"""``papers check``: does each published page still stand on what its manifest says?

Problems make the command fail; a warning does not: code, parameters or libraries that changed since the
results were made are what a new ``papers run`` is for.
"""

from collections.abc import Iterator
from pathlib import Path

from papers_lib.companion import paths, profiles, provenance, staleness
from papers_lib.companion.claims import load_claims
from papers_lib.errors import UserError

MAX_PAGE_BYTES = 1_500_000


def _page_problems(page: Path) -> Iterator[str]:
    from papers_lib.companion.render import refuse_requests

    if not page.is_file():
        return
    if (size := page.stat().st_size) > MAX_PAGE_BYTES:
        yield f"{page.name} has {size / 1e6:.2f} MB; at most {MAX_PAGE_BYTES / 1e6:.1f} MB"
    try:
        refuse_requests(page.read_text(encoding="utf-8"), page.stem)
    except UserError as error:
        yield str(error)


def check_page(root: Path, slug: str, profile: str) -> tuple[list[str], list[str]]:
    """Problems and warnings of one published page, a line each.

    Raises:
        UserError: the notebook, its claims file or its profile cannot be read, or the manifest is malformed.
    """
    out = paths.report_folder(root, profile)
    manifest = provenance.read_manifest(out, slug)
    if manifest is None:
        return [f"{slug}: no page in reports/{out.name}; run: papers run {slug} --profile {profile}"], []
    problems = [*provenance.damaged(out, slug, manifest).values(), *_page_problems(out / f"{slug}.html")]
    if load_claims(paths.claims_path(root, slug)).rules_sha256 != manifest["rules_sha256"]:
        problems.append(f"the claim rules changed after the results were made; run: {manifest['command']}")
    # Device and data may be those of another machine.
    parameters = {**profiles.resolve(root, slug, profile), "device": "cpu"}
    parameters = {name: "" if name.endswith("_root") else value for name, value in parameters.items()}
    new = staleness.components(root, slug, parameters, manifest.get("record"))
    new = {name: part for name, part in new.items() if name not in ("device", "data")}
    warnings = [
        f"{line} since the page was made" for line in staleness.differences(manifest["components"], new)
    ]
    return [f"{slug}: {line}" for line in problems], [f"{slug}: {line}" for line in warnings]


def check_index(root: Path, profile: str) -> list[str]:
    """Problems of the index page of a report folder."""
    page = paths.report_folder(root, profile) / "index.html"
    return list(_page_problems(page)) if page.is_file() else [f"reports/{profile}/index.html is missing"]
