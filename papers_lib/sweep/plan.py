"""What a paper computes: the parts that its notebook, the dry run and the tests all take from one function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from papers_lib.sweep.core import DataRef, Run


@dataclass(frozen=True)
class Part:
    """Runs that one call of ``sweep`` computes: one function on one data set.

    Attributes:
        name: of the data set, for messages.
        run: module-level function ``run(config, context) -> metrics``.
        configs: frozen dataclasses with ``label()``; ``kind()`` names what decides the time of one unit of
            ``cost()`` (network, loss, image side), so that the dry run times one config of each kind.
        data: opens the data set, making it first where it is synthetic.
        images: training images of the set, for the dry run's estimate.
        options: further arguments of ``sweep`` (precision, initial_weights).
    """

    name: str
    run: Run
    configs: Sequence[Any]
    data: Callable[[], DataRef]
    images: int
    options: Mapping[str, Any] = field(default_factory=dict)
