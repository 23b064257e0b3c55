"""A GPU that is none: tensors that say "cuda", whose values lie in the CPU's memory, and that refuse to meet the CPU's.

Inside :func:`fake_gpu` code that is written for a CUDA device runs on a machine without one, number for number as on
the CPU, and stops where a GPU would stop it: a tensor of the CPU beside one of the GPU, an array asked of a GPU tensor,
a generator of the CPU behind a draw on the GPU. It also keeps a list of the places at which a GPU would have to wait
for its queue, or the CPU for a copy. What it cannot show: kernels, their rounding and speed, autocast's own list of
operations for CUDA (the CPU's list serves), memory.

torch's own FakeTensorMode has no values, so that a run ends at its first ``float(loss)``; and where torch is built
without CUDA its backward pass ends the process. So here torch's C++ part takes each tensor for one of the CPU, and the
device that Python sees is a property of the class.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.experiments.fake_gpu_tensor import GPU, GpuTensor, Waits, each, leaves_of, on_the_cpu, place


class _Made(TorchDispatchMode):
    """What an operation on GPU tensors makes inside, of nothing, lies on the GPU as well."""

    def __init__(self) -> None:
        super().__init__()
        self.on_gpu = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if self.on_gpu and not any(isinstance(one, Tensor) for one in leaves_of(args, kwargs or {})):
            return each(GpuTensor, found)
        return found


class _Calls(TorchFunctionMode):
    """Python's calls of torch: devices named in them are taken out, before torch would look for a driver."""

    def __init__(self, made: _Made) -> None:
        super().__init__()
        self.made = made

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.to:
            return _to(args[0], *args[1:], **kwargs)
        if func is torch.Tensor.cuda:
            return _to(args[0], GPU)
        if func is torch.Tensor.cpu:
            return _to(args[0], "cpu")
        if func is torch.Tensor.pin_memory:
            found = args[0].clone()
            found.pinned = True
            return found
        asked = _device(kwargs.get("device"))
        if asked == "cuda":
            if kwargs.get("generator") is not None and kwargs["generator"].device.type == "cpu":
                raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
            kwargs["device"] = "cpu"
        before = self.made.on_gpu
        self.made.on_gpu = asked != "cpu" and (
            asked == "cuda" or any(isinstance(one, GpuTensor) for one in leaves_of(args, kwargs))
        )
        try:
            found = func(*args, **kwargs)
        finally:
            self.made.on_gpu, made = before, self.made.on_gpu
        new = asked == "cuda" or getattr(func, "__name__", "").startswith("new_")
        return GpuTensor(found.detach()) if made and new and on_the_cpu(found) else found


def _device(named: Any) -> str | None:
    """ "cuda", "cpu", or None where no device is named."""
    return torch.device(named).type if isinstance(named, str | torch.device) else None


def _to(tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
    """``Tensor.to``, between the two devices as well."""
    if args and isinstance(args[0], Tensor):  # like another tensor, whose device C++ does not know
        args, kwargs = args[1:], {"device": args[0].device, "dtype": args[0].dtype, **kwargs}
    device, dtype, waits_not, layout = torch._C._nn._parse_to(*args, **kwargs)
    same = device is None or device.type == tensor.device.type
    if same:
        return torch.Tensor.to(tensor, dtype=dtype, copy=copy, memory_format=layout or torch.preserve_format)
    if tensor.requires_grad and torch.is_grad_enabled():
        raise NotImplementedError("a graph that crosses from one device to the other")
    values = tensor.on_cpu if isinstance(tensor, GpuTensor) else tensor.detach()
    values = values.to(dtype, copy=True, memory_format=layout or torch.preserve_format)
    if isinstance(tensor, GpuTensor):
        GpuTensor.waits.values.append(place())
        return values
    if not (waits_not and getattr(tensor, "pinned", False)):
        GpuTensor.waits.copies.append(place())
    return GpuTensor(values)


class _Autocast(torch.autocast):
    """The CPU's: C++ takes each of these tensors for one of the CPU."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


def _forget() -> None:
    """Empty the caches of the experiments, which hold networks and images that lie on the GPU."""
    for name, module in list(sys.modules.items()):
        if name.startswith("papers_lib.experiments."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextmanager
def fake_gpu(memory: int = 2**37) -> Iterator[Waits]:
    """A GPU for as long as this lasts.

    Args: memory, bytes, all of them free; 0 has data stay on the CPU that otherwise lie on the GPU.
    Returns: what is waited for, which the caller may clear on the way.
    """
    GpuTensor.waits = Waits()
    swap = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(
        True
    )  # as ``param.data = …``, which keeps who a parameter is
    try:
        with (
            mock.patch.object(torch, "autocast", _Autocast),
            mock.patch.object(torch.cuda, "is_available", return_value=True),
            mock.patch.object(torch.cuda, "mem_get_info", return_value=(memory, memory)),
            mock.patch.object(torch.cuda, "synchronize"),
            _Made() as made,
            _Calls(made),
        ):
            yield GpuTensor.waits
    finally:
        _forget()
        torch.__future__.set_swap_module_params_on_conversion(swap)
