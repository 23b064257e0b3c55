"""What a notebook says to its report: data, rows, values, figures, tables, claims.

Everything shown on the page and everything that a claim is judged by passes through one ``Page``, which
writes it to ``SLUG.results.json``. Works in JupyterLab with nothing set, and under ``papers run``.
"""

import dataclasses
import numbers
import os
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import HTML, Markdown
from markupsafe import Markup, escape

from papers_lib.companion import paths, results
from papers_lib.companion.claims import load_claims
from papers_lib.companion.figures import apply_theme, save_figure
from papers_lib.companion.results import outcomes_table, portable
from papers_lib.companion.tables import save_table
from papers_lib.companion.wording import fill, outcome_text
from papers_lib.errors import UserError

EVIDENCE = ("synthetic data", "real data")


class Page:
    """The report of one run of the notebook of the paper ``slug``; its parameters are recorded in the results."""

    def __init__(self, slug: str, *, profile: str, parameters: Mapping[str, Any] | None = None) -> None:
        if profile not in paths.PROFILES:
            raise UserError(f"profile {profile!r}: expected one of {', '.join(paths.PROFILES)}")
        if profile == "full" and not os.environ.get("PAPERS_OUT"):
            raise UserError("profile full: reports/full is written by `papers run --profile full` only")
        self.slug, self.profile = slug, profile
        self.root = paths.repo_root()
        self.out = paths.out_folder(profile)
        self.files = self.out / f"{slug}_files"
        self.contract = load_claims(paths.claims_path(self.root, slug))
        self._items = {item.id: item for item in self.contract.items}
        self._parameters = {name: portable(value) for name, value in (parameters or {}).items()}
        parts = ("data", "values", "figures", "tables", "absent")
        self._said: dict[str, dict[str, Any]] = {part: {} for part in parts}  # for results.json
        self._rows: pd.DataFrame | None = None
        self._claims: list[Any] | None = None
        apply_theme()

    def data(
        self, *, name: str, fingerprint: str, evidence: str, sizes: Mapping[str, int] | None = None, note: str = ""
    ) -> None:  # fmt: skip
        """Name a data set that the results rest on: evidence (``EVIDENCE``), images by split, a note for the page."""
        if evidence not in EVIDENCE:
            raise UserError(f"page.data: evidence {evidence!r}, expected one of {', '.join(EVIDENCE)}")
        entry = {"fingerprint": fingerprint, "evidence": evidence, "sizes": dict(sizes or {}), "note": note}
        self._said["data"][name], self._claims = entry, None

    @property
    def evidence(self) -> str:
        """Real data if every data set of the page is real."""
        kinds = {entry["evidence"] for entry in self._said["data"].values()}
        return next(kind for kind in EVIDENCE if kind in kinds or kind == "real data")

    def rows(self, frame: pd.DataFrame) -> None:
        """Set the tidy table of runs (a row a run) that claims are judged by; a later call replaces it."""
        if not isinstance(frame, pd.DataFrame):
            raise UserError(f"page.rows: found a {type(frame).__name__}; expected a DataFrame, a row a run")
        self._rows, self._claims = frame, None

    def value(self, name: str, number: float) -> float:
        """Name a number, for use in claims and in ``page.text``; returns it."""
        if not isinstance(number, numbers.Real) or not name.isidentifier():
            raise UserError(f"page.value: {name!r} = {number!r}; expected a name and a number")
        self._said["values"][name], self._claims = float(number), None
        return number

    def values(self, found: Mapping[str, float]) -> None:
        """Name several numbers."""
        for name, number in found.items():
            self.value(name, number)

    def figure(
        self, name: str, figure: Any, *, caption: str, alt: str, raster: bool = False, extra: bool = False
    ) -> HTML:
        """Save a figure (SVG, or PNG when ``raster``), close it, and return it for display.

        ``name``: id of a figure of the claims file, or another with ``extra=True``; ``alt``: the figure in words.
        """
        words = {"caption": caption, "alt": alt}
        self._checked("figure", name, extra, **words)
        titled = words | {"caption": self._titled(name, caption)}
        html, file = save_figure(figure, self.files / "figures", name, raster=raster, **titled)
        self._said["figures"][name] = {**words, "file": file.relative_to(self.out).as_posix()}
        return HTML(html)

    def table(
        self, name: str, frame: pd.DataFrame, *, caption: str, formats: Mapping[str, str] | None = None,
        extra: bool = False,
    ) -> HTML:  # fmt: skip
        """Save a table (CSV) and return it for display; ``formats``: column → ``.3f`` and the like."""
        self._checked("table", name, extra, caption=caption)
        titled = self._titled(name, caption)
        saved = save_table(frame, self.files / "tables", name, caption=titled, formats=formats)
        self._said["tables"][name] = {"caption": caption, "columns": saved.columns, "rows": saved.rows}
        return HTML(saved.html)

    def absent(self, name: str, reason: str) -> HTML:
        """Say in its place, and in results.json, why these data do not give a declared figure or table."""
        kind = "table" if name in self._items and self._items[name].kind == "table" else "figure"
        self._checked(kind, name, reason=reason)
        self._said["absent"][name] = reason
        return HTML(f'<p id="{name}">{self._titled(name, f"Not shown: {reason}.")}</p>')

    def text(self, template: str) -> Markdown:
        """Markdown whose numbers are computed: ``{value:.2f}`` or, of a claim, ``{claim.estimate:.2f}``."""
        values: dict[str, Any] = dict(self._said["values"])
        for claim in map(dataclasses.asdict, self._judged() if self._said["data"] else ()):
            values |= {f"{claim['id']}.{field}": value for field, value in claim.items()}
            values[f"{claim['id']}.word"] = outcome_text(claim)
        return Markdown(fill(template, values))

    def claims(self) -> HTML:
        """Judge every claim of this profile and return the claims table for display."""
        return HTML(outcomes_table([dataclasses.asdict(c) for c in self._judged()], f"{self.slug}-claims"))

    def finish(self) -> None:
        """Write results.json and, last, claims.md; no data, an item that was not made, a run that died: UserError."""
        results.check_ended(self.slug, self._rows)
        made = {kind: {*self._said[f"{kind}s"], *self._said["absent"]} for kind in ("figure", "table")}
        results.check_complete(self.contract, self.profile, made)
        content = {"profile": self.profile, "parameters": self._parameters, "evidence": self.evidence}
        content |= {"rules_sha256": self.contract.rules_sha256, **self._said}
        results.write(self.out, self.slug, content, self._rows, self._judged())
        if "PAPERS_PROGRESS" not in os.environ:
            print(f"Written: {self.out / self.slug}.results.json")

    def _judged(self) -> list[Any]:
        if not self._said["data"]:
            raise UserError(f"{self.slug}: page.data(...) was not called; expected it before the claims")
        if self._claims is None:
            known = (self._rows, self._said["values"], self.profile, self.evidence)
            self._claims = results.judged(self.contract, *known)
        return self._claims

    def _checked(self, kind: str, name: str, extra: bool = False, **texts: str) -> None:
        """Refuse an item that the claims file does not declare, and empty texts."""
        declared = [item.id for item in self.contract.items if item.kind == kind]
        if (not extra and name not in declared) or not re.fullmatch(r"[A-Za-z][\w-]*", name):
            expected = "a letter, then letters, digits, _ or -" if extra else ", ".join(declared) or "none"
            found = f"{kind} {name!r}: not declared in {self.slug}'s claims.yaml"
            raise UserError(f"{found}; expected {expected}")
        for what, text in texts.items():
            if not text.strip():
                raise UserError(f"{kind} {name}: {what} is empty; expected a sentence")

    def _titled(self, name: str, text: str) -> str:
        """The text below an item as HTML: title and place in the paper, as the claims file has them, go before it."""
        if (item := self._items.get(name)) is None:
            return escape(text)
        title = item.title.rstrip(".") + (f" ({item.printed})" if item.printed else "")
        return Markup("<strong>{}.</strong> {}").format(title, text)
