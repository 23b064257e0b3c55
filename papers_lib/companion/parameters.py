"""Parameters of a notebook as a pydantic model: types, ranges, choices and help in one place.

``notebooks/SLUG/parameters.py`` declares ``class Parameters(NotebookParameters)``; the notebook's first cell checks the
values that it was given (``Parameters.of(globals())``), and ``papers run`` checks them before anything starts.
"""

import difflib
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from papers_lib.errors import UserError

_KERNEL = {"In", "Out"}


class NotebookParameters(BaseModel):
    """The parameters that every notebook has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    profile: str = Field(description="name of the profile")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto, cpu or cuda")
    jobs: int = Field(
        ge=0, description="processes; 0: one a physical core on the CPU, as many as fit on a GPU"
    )
    data_root: str = Field(description="folder of a real data set; empty: synthetic data")

    @classmethod
    def of(cls, names: Mapping[str, Any]) -> Self:
        """The parameters among a notebook's names, checked.

        Args:
            names: ``globals()`` of a notebook whose first cells are running (imported functions, modules and CONSTANTS
                are no parameters), or a mapping of parameters alone.

        Raises:
            UserError: one line: an unknown name (with a near match), a missing one, or a value out of its type, range
                or choices.
        """
        given = {
            name: value
            for name, value in names.items()
            if not (name.startswith("_") or name.isupper() or name in _KERNEL or callable(value))
            and not isinstance(value, ModuleType)
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise UserError(cls._line(error)) from error

    def shortened(self) -> Self:
        """The same grid at the least sizes (few images, one seed, one epoch), for the dry run."""
        raise NotImplementedError(f"{type(self).__module__}: Parameters has no shortened()")

    @classmethod
    def _line(cls, error: ValidationError) -> str:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, cls.model_fields, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(cls.model_fields)}"
            return f"parameter {name}: unknown; {hint}"
        if first["type"] == "value_error":
            return " ".join(str(first["ctx"]["error"]).split())
        found = "" if first["type"] == "missing" else f" (found {repr(first['input'])[:80]})"
        return f"parameter {name}: {first['msg']}{found}"
