"""The tensors of :mod:`tests.experiments.fake_gpu`: they say "cuda", and refuse to meet those of the CPU."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
GPU = torch.device("cuda:0")
COPIES = {aten.copy_.default, aten._to_copy.default}
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
JOINS = {aten.cat.default, aten.stack.default}  # take no number from the CPU as arithmetic does
ASKS = {  # the shape or the value of the result depends on values: the queue has to end first
    aten._local_scalar_dense.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten.equal.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.repeat_interleave.Tensor,
    aten.bincount.default,
}
ROOT = f"{Path(__file__).parents[2]}/"
OURS = (f"{ROOT}papers_lib/", f"{ROOT}benchmarks/")


@dataclass
class Waits:
    """Where a GPU waits, file and line: ``values`` that the CPU asks for, ``copies`` from its pageable memory."""

    values: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)


class GpuTensor(torch.Tensor):
    """A tensor that says "cuda"; ``on_cpu`` holds its values, without a graph."""

    on_cpu: Tensor
    waits = Waits()
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, values: Tensor) -> "GpuTensor":
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            layout=values.layout,
            device="cpu",
        )
        made.on_cpu = values
        return made

    device = property(lambda self: GPU)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]

    def __repr__(self, *_: Any, **__: Any) -> str:
        return f"GpuTensor({self.on_cpu})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Saved as a tensor of the CPU: what loading with ``map_location="cpu"`` makes of either."""
        return self.on_cpu.__reduce_ex__(protocol)

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")

    __array__ = numpy

    def tolist(self) -> Any:
        self.waits.values.append(place())
        return self.on_cpu.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _execute(func, args, kwargs or {})


def _execute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation with a GPU tensor among its arguments, on the values."""
    leaves = leaves_of(args, kwargs)
    ours = [one for one in leaves if isinstance(one, GpuTensor)]
    _refuse(func, args, leaves, ours)
    if func in ASKS or (func in INDEXED and any(map(_is_mask, args[1]))):
        GpuTensor.waits.values.append(place())
    onto_cpu = func in COPIES and not isinstance(args[0], GpuTensor)
    if onto_cpu:
        GpuTensor.waits.values.append(place())
    elif func in COPIES | INDEXED and any(on_the_cpu(one) for one in leaves):
        GpuTensor.waits.copies.append(place())
    whose = {id(one.on_cpu): one for one in ours}
    found = func(*each(_values, args), **{name: each(_values, one) for name, one in kwargs.items()})
    if onto_cpu:
        return found
    # an operation in place returns the tensor that it was given
    return each(lambda one: whose[id(one)] if id(one) in whose else GpuTensor(one), found)


def leaves_of(args: Any, kwargs: Any) -> list[Any]:
    """Arguments, and what lies in lists of them."""
    found: list[Any] = []
    for one in (*args, *kwargs.values()):
        found += one if isinstance(one, list | tuple) else (one,)
    return found


def each(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """``change`` of a tensor, or of those in a list; anything else as it is."""
    if isinstance(value, Tensor):
        return change(value)
    return type(value)([each(change, one) for one in value]) if type(value) in (list, tuple) else value


def _values(one: Tensor) -> Tensor:
    return one.on_cpu if isinstance(one, GpuTensor) else one


def _refuse(func: Any, args: Any, leaves: list[Any], ours: list[GpuTensor]) -> None:
    """Raises: RuntimeError where CUDA has one."""
    if any(isinstance(one, torch.Generator) for one in leaves):
        raise RuntimeError(f"{func}: expected a 'cuda' device type for generator but found 'cpu'")
    if func in COPIES:
        return
    free = set()
    if func in INDEXED and isinstance(args[0], GpuTensor):  # may be indexed by tensors of the CPU
        free = set(map(id, args[1]))
    others = [one for one in leaves if on_the_cpu(one) and id(one) not in free]
    if any(one.ndim or func in JOINS for one in others):
        shapes = ", ".join(str(tuple(one.shape)) for one in [*ours, *others])
        raise RuntimeError(
            f"{func}: Expected all tensors to be on the same device, but found cuda:0 and cpu: {shapes}"
        )


def on_the_cpu(one: Any) -> bool:
    return isinstance(one, Tensor) and not isinstance(one, GpuTensor)


def _is_mask(one: Any) -> bool:
    return isinstance(one, GpuTensor) and one.dtype in (torch.bool, torch.uint8)


def place() -> str:
    """File and line of the nearest caller in the project."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            return f"{name[len(ROOT) :]}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"
