"""PESG, the optimizer that the AUC margin loss is made for (Yuan et al. 2021, ICCV)."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from papers_lib.losses.auc_margin import AucMargin


class PESG(torch.optim.Optimizer):
    """Proximal epoch stochastic gradient: descent on the network, a and b, ascent on alpha >= 0.

    With v the network's weights, a and b, v_ref their values at the start of the stage, F the loss and eta the rate:

        v     <- v - eta (dF/dv + lambda_0 (v - v_ref) + lambda v)
        alpha <- max(0, alpha + eta dF/dalpha)

    and at the end of a stage eta is divided by a factor and v_ref moves to v (Yuan et al. 2021). The Sibnet report
    used Adam in its place (section 4.6). Choices: v_ref is the last v of the stage before (the authors' library: the
    mean); lambda acts on the network alone; gradients are not clipped; alpha steps by dF/dalpha, as printed.

    Args: model_parameters, of the network, any of the loss's among them are left out; loss, gives a, b and alpha, not
    with ``ascend=True``; lr, eta; epoch_decay, lambda_0, the authors' 1 / 500; weight_decay, lambda, the report's
    (section 4.6); momentum, in [0, 1), of the steps on v.

    >>> loss, w = AucMargin(torch.tensor([0.5])), torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = PESG([w], loss, lr=1.0)
    >>> loss(w.expand(2, 1), torch.tensor([[1], [0]])).backward()
    >>> optimizer.step()
    >>> loss.a.item(), loss.alpha.item()  # -2 (1-p) (h - a) / 2 samples = -1/4; 2 p (1-p) m = 1/2
    (0.25, 0.5)
    """

    def __init__(
        self,
        model_parameters: Iterable[Tensor],
        loss: AucMargin,
        lr: float = 0.1,
        epoch_decay: float = 2e-3,
        weight_decay: float = 1e-5,
        momentum: float = 0.0,
    ) -> None:
        if loss.ascend:
            raise ValueError("loss: ascend=True negates alpha's gradient, and PESG would descend on it")
        own = {id(parameter) for parameter in loss.parameters()}
        network = [parameter for parameter in model_parameters if id(parameter) not in own]
        still = {"epoch_decay": 0.0, "weight_decay": 0.0, "momentum": 0.0}
        groups: list[dict[str, Any]] = [
            {"params": network},
            {"params": [loss.a, loss.b], "weight_decay": 0.0},
            {"params": [loss.alpha], "ascend": True, **still},
        ]
        decays = {"epoch_decay": epoch_decay, "weight_decay": weight_decay}
        super().__init__(groups, {"lr": lr, "momentum": momentum, "ascend": False, **decays})
        self.loss = loss

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step on v and alpha. Parameters without a gradient stay. Returns what ``closure`` returns, or None."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if group["ascend"]:
                    parameter.add_(parameter.grad, alpha=group["lr"]).clamp_(min=0)
                else:
                    parameter.sub_(self._direction(parameter, group), alpha=group["lr"])
        return value

    def _direction(self, v: Tensor, group: dict[str, Any]) -> Tensor:
        """dF/dv + lambda_0 (v - v_ref) + lambda v, with momentum."""
        assert v.grad is not None
        state = self.state[v]
        if "reference" not in state:  # nothing has moved v so far in this stage
            state["reference"] = v.clone()
        direction = v.grad + group["epoch_decay"] * (v - state["reference"]) + group["weight_decay"] * v
        if group["momentum"] == 0:
            return direction
        if "momentum_buffer" in state:
            state["momentum_buffer"].mul_(group["momentum"]).add_(direction)
        else:
            state["momentum_buffer"] = direction
        return state["momentum_buffer"]

    def next_stage(self, factor: float = 10.0) -> None:
        """End a stage: divide the rates by ``factor`` and move v_ref to v."""
        for group in self.param_groups:
            group["lr"] /= factor
        for parameter, state in self.state.items():
            if "reference" in state:
                state["reference"] = parameter.detach().clone()

    def state_dict(self) -> dict[str, Any]:
        """As any optimizer's, with the loss's own state beside it."""
        return {**super().state_dict(), "loss": self.loss.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        super().load_state_dict(state_dict)
        self.loss.load_state_dict(state_dict["loss"])
