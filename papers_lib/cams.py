"""Class activation maps, raw and twice differentiable: CAM, Grad-CAM, Grad-CAM++, XGrad-CAM, HiResCAM.

Notation: A, activations of one layer, (B, C, H, W); S_c, logit of class c; G = dS_c / dA, the shape of A for one
class an image, (B, K, C, H, W) for all K classes; maps (B, H, W) or (B, K, H, W), float32 in half precision. No ReLU,
no rescaling: losses take these maps, figures :func:`display_map`.

A map moves the weights through A, and through G if that was made with ``create_graph=True``.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.errors import one_of

Target = Tensor | Literal["predicted", "all"]


def cam(activations: Tensor, class_weights: Tensor) -> Tensor:
    """CAM of every class, sum_c w_kc A_c (Zhou 2016, arXiv 1512.04150): a 1x1 convolution without bias.

    Args: activations (B, C, H, W); class_weights (K, C), of the linear layer after global pooling.

    >>> cam(torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]), torch.tensor([[1.0, 10.0]])).tolist()
    [[[[31.0, 42.0]]]]
    """
    return torch.einsum("kc,bchw->bkhw", full_precision(class_weights), full_precision(activations))


def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM, sum_c α_c A_c, α_c = mean_ij G_cij (Selvaraju 2017, arXiv 1610.02391, (1) and (2)), no final ReLU.

    >>> A, G = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[3.0, 5.0]]]])
    >>> grad_cam(A, G).tolist()  # α = 4
    [[[4.0, 8.0]]]
    """
    A, G = _checked(activations, gradients)
    return _weighted(G.mean((-2, -1)), A)


def grad_cam_pp(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++, sum_c w_c A_c with w_c = sum_ij α_cij relu(G_cij) (Chattopadhay 2018, arXiv 1710.11063).

    α = G² / (2 G² + G³ sum_ab A_ab), equation 19, for the score exp(S); divided by G² here, so that small gradients
    do not underflow. Deviations: no final ReLU, no factor exp(S) (one positive number a map); α is 0 at a root of the
    denominator.
    """
    A, G = _checked(activations, gradients)
    denominator = 2 + _beside(A.sum((-2, -1), keepdim=True), G) * G
    return _weighted(_ratio(G.relu(), denominator).sum((-2, -1)), A)


def xgrad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """XGrad-CAM, sum_c α_c A_c with α_c = sum_ij G_cij A_cij / sum_ij A_cij (Fu 2020, arXiv 2008.02312).

    Deviations: without the final ReLU; α is 0 for a channel that sums to 0.
    """
    A, G = _checked(activations, gradients)
    total = _beside(A.sum((-2, -1), keepdim=True), G)
    return _weighted((_ratio(_beside(A, G), total) * G).sum((-2, -1)), A)


def hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """HiResCAM, sum_c G_c · A_c cell by cell (Draelos and Carin 2020, arXiv 2011.08891).

    For a linear head the map sums to the logit less the bias.

    >>> A, G = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[3.0, 5.0]]]])
    >>> hires_cam(A, G).tolist()
    [[[3.0, 10.0]]]
    """
    A, G = _checked(activations, gradients)
    return (_beside(A, G) * G).sum(-3)


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    method.__name__: method for method in (grad_cam, grad_cam_pp, xgrad_cam, hires_cam)
}


class HeadGradients(NamedTuple):
    """Logits (B, K) of one pass of the head, and the gradients of the chosen ones."""

    logits: Tensor
    gradients: Tensor


def head_gradients(
    head: Callable[[Tensor], Tensor], activations: Tensor, target: Target, *, create_graph: bool | None = None
) -> HeadGradients:
    """Run ``head`` once and differentiate the chosen logits by the activations only.

    The logits belong in the classification loss. Batch norm in training mode mixes the images' gradients.

    Args: head, maps activations (B, C, H, W) to logits (B, K); activations, a detached copy where they need no
    gradient; target, class indices (B,), "predicted" (argmax of the logits) or "all"; create_graph, keep the
    second-order term, None means where gradients are enabled. Without it the gradients are constants. Returns: logits
    (B, K) and gradients (B, C, H, W), or (B, K, C, H, W) for "all".
    """
    graph = torch.is_grad_enabled() if create_graph is None else create_graph
    attached = graph or torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        source = source_of(activations, attached)
        given = source.clone() if may_write(head) else source
        version = given._version
        logits = head(given)
        if given is source and given._version != version:
            raise ValueError("head: it changes its input in place; set inplace=True, or copy it")
        gradients = class_gradients(logits, source, target, create_graph=graph)
    return HeadGradients(logits if attached else logits.detach(), gradients)


# fmt: off
@overload
def cam_of(model: nn.Module, layer: nn.Module | str, x: Tensor, target: Target, *, method: str = ...,
           create_graph: bool | None = ..., return_logits: Literal[False] = ...) -> Tensor: ...
@overload
def cam_of(model: nn.Module, layer: nn.Module | str, x: Tensor, target: Target, *, method: str = ...,
           create_graph: bool | None = ..., return_logits: Literal[True]) -> tuple[Tensor, Tensor]: ...
# fmt: on
def cam_of(
    model: nn.Module,
    layer: nn.Module | str,
    x: Tensor,
    target: Target,
    *,
    method: str = "hires_cam",
    create_graph: bool | None = None,
    return_logits: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Raw map of any CNN at one layer, in one forward pass; mode, hooks and ``.grad`` stay as they are.

    Args: layer, a submodule or its dotted name, whose output is (B, C, H, W) and which runs once a pass; target and
    create_graph as in :func:`head_gradients`; method, a key of METHODS. Without ``create_graph`` the map is a
    constant, never half a gradient. Returns: maps (B, H, W), or (B, K, H, W) for "all"; with ``return_logits`` (maps,
    logits).
    """
    one_of("method", method, METHODS)
    names = dict(model.named_modules(remove_duplicate=False))
    module = names.get(layer) if isinstance(layer, str) else layer
    name = layer if isinstance(layer, str) else next((n for n, m in names.items() if m is layer), None)
    if module is None or name is None:
        raise ValueError(f"layer: {layer!r} is not a submodule of {type(model).__name__}")
    graph = torch.is_grad_enabled() if create_graph is None else create_graph
    attached = graph or torch.is_grad_enabled()
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: object) -> Tensor:
        if kept:
            raise ValueError(f"layer {name!r}: runs more than once in a forward pass")
        if not isinstance(output, Tensor) or output.ndim != 4:
            found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"layer {name!r}: expected an output (B, C, H, W), got {found}")
        torch.set_grad_enabled(True)  # from here on: under no_grad only the head is recorded
        kept.append(source_of(output, attached))
        return kept[0].clone()  # a copy, since the next layer may be an in-place ReLU

    with torch.inference_mode(False), torch.set_grad_enabled(attached):
        handle = module.register_forward_hook(keep)
        try:
            logits = model(x)
        finally:
            handle.remove()
        if not kept:
            raise ValueError(f"layer {name!r}: was not reached in the forward pass")
        gradients = class_gradients(logits, kept[0], target, create_graph=graph)
        maps = METHODS[method](kept[0] if graph else kept[0].detach(), gradients)
    logits = logits if attached else logits.detach()
    return (maps, logits) if return_logits else maps


def display_map(maps: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Maps (..., H, W) for figures only: ReLU, over the maximum, bilinear to ``size``; detached, in [0, 1].

    >>> display_map(torch.tensor([[[-1.0, 2.0, 4.0]]])).tolist()
    [[[0.0, 0.5, 1.0]]]
    """
    heat = full_precision(maps.detach()).relu()
    heat = _ratio(heat, heat.amax((-2, -1), keepdim=True))
    if size is None:
        return heat
    flat = heat.reshape(-1, 1, *heat.shape[-2:])
    return F.interpolate(flat, size, mode="bilinear", align_corners=False).reshape(*maps.shape[:-2], *size)


def class_gradients(logits: Tensor, source: Tensor, target: Target, *, create_graph: bool) -> Tensor:
    """G = d S_c / d A for one class an image or for all of them; the graph of the logits (B, K) is kept."""
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(source):
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"logits: expected shape ({len(source)}, K), got {found}")
    chosen = _chosen(logits, target)
    if not logits.requires_grad:
        raise ValueError("the logits do not depend on the activations")

    def gradient(weights: Tensor, batched: bool) -> Tensor:
        (found,) = torch.autograd.grad(
            logits,
            source,
            weights,
            retain_graph=True,  # the logits go on into the classification loss
            create_graph=create_graph,
            allow_unused=True,
            is_grads_batched=batched,
        )
        if found is None:
            raise ValueError("the logits do not depend on the activations")
        return found

    if chosen.ndim == 2:
        return gradient(chosen, False)
    try:
        classes_first = gradient(chosen, True)
    except (RuntimeError, NotImplementedError):  # an operation of the head has no batching rule
        classes_first = torch.stack([gradient(weights, False) for weights in chosen])
    return classes_first.transpose(0, 1)


def source_of(activations: Tensor, attached: bool) -> Tensor:
    """The tensor to differentiate by: the activations in their graph, or else a leaf with their values."""
    if attached and activations.requires_grad:
        return activations
    leaf = activations.detach()
    return (leaf.clone() if leaf.is_inference() else leaf).requires_grad_()


def may_write(head: object) -> bool:
    """Whether a head may change its input in place: a module with an in-place layer, or no module at all."""
    return not isinstance(head, nn.Module) or any(getattr(layer, "inplace", 0) for layer in head.modules())


def _chosen(logits: Tensor, target: Target) -> Tensor:
    """One-hot choice of logits: (B, K), or (K, B, K) for all classes."""
    batch, classes = logits.shape
    if isinstance(target, Tensor):
        index = class_indices(target, batch, classes).to(logits.device)
    elif target == "predicted":
        index = logits.detach().argmax(1)
    elif target == "all":
        each = torch.eye(classes, dtype=logits.dtype, device=logits.device)
        return each[:, None].expand(-1, batch, -1)
    else:
        raise ValueError(f'target: expected class indices, "predicted" or "all", got {target!r}')
    return torch.zeros_like(logits).scatter_(1, index[:, None], 1.0)


def class_indices(target: Tensor, batch: int, classes: int) -> Tensor:
    """The target as int64 (batch,); ValueError for another shape or type, or a class outside 0..classes - 1."""
    if target.shape != (batch,) or target.dtype.is_floating_point or target.dtype == torch.bool:
        raise ValueError(
            f"target: expected {batch} class indices, got shape {tuple(target.shape)}, {target.dtype}"
        )
    if bool(((target < 0) | (target >= classes)).any()):
        raise ValueError(f"target: expected indices in 0..{classes - 1}, got {target.tolist()}")
    return target.long()


def full_precision(values: Tensor) -> Tensor:
    """Half precision as float32; anything else as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _checked(activations: Tensor, gradients: Tensor) -> tuple[Tensor, Tensor]:
    a, g = tuple(activations.shape), tuple(gradients.shape)
    if len(a) != 4 or len(g) not in (4, 5) or (g[0], *g[-3:]) != a:
        raise ValueError(
            f"expected activations (B, C, H, W), gradients (B, C, H, W) or (B, K, C, H, W), got {a} and {g}"
        )
    return full_precision(activations), full_precision(gradients)


def _beside(A: Tensor, G: Tensor) -> Tensor:
    """A with a class axis where G has one."""
    return A.unsqueeze(1) if G.ndim == 5 else A


def _weighted(weights: Tensor, A: Tensor) -> Tensor:
    return torch.einsum("b...c,bchw->b...hw", weights, A)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient, 0 where the denominator is; guarded twice, or the gradient of the unused branch is NaN."""
    zero = denominator == 0
    return torch.where(zero, 0.0, numerator / torch.where(zero, 1.0, denominator))
