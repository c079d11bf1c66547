"""Muon: momentum whose matrix updates are made orthogonal, all matrices of one shape in one batch.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks" (momentum, Newton-Schulz,
the shape factor); Amsel et al. 2025, "The Polar Express", table of degree-5 coefficients for five iterations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

# Each row (a, b, c) is one step X <- aX + b(XX')X + c(XX')^2 X; optimal for singular values down to 1e-3.
POLAR_EXPRESS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def orthogonalize(matrices: torch.Tensor, iterations: int = 5, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Nearly the orthogonal factor UV' of each matrix USV' in a batch [N, rows, columns], in `dtype`.

    >>> q = orthogonalize(torch.diag(torch.tensor([3.0, 0.5]))[None])
    >>> torch.allclose(q[0], torch.eye(2), atol=0.2)
    True
    """
    x = matrices.to(dtype or matrices.dtype)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    # The factor keeps singular values below 1 in spite of rounding: the first step diverges above 1.01.
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
    for a, b, c in POLAR_EXPRESS[:iterations]:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for matrices; give embeddings, heads and vectors to AdamW.

    A parameter of more axes counts as the matrix of its first axis by all others (a head's axis, a kernel's).

    Momentum rises from 0.85 to `momentum` over the first 100 steps. The update of a matrix [rows, columns] is
    scaled by sqrt(max(1, rows / columns)), so one lr serves every shape. Weight decay is decoupled.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        iterations: int = 5,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.dtype = dtype
        defaults = {
            "lr": lr, "momentum": momentum, "weight_decay": weight_decay, "iterations": iterations, "step": 0,
        }  # fmt: skip
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            group["step"] += 1
            by_shape: dict[tuple[int, int], list[torch.Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rows, columns = sorted(parameter.flatten(1).shape)
                    by_shape.setdefault((rows, columns), []).append(parameter)
            for parameters in by_shape.values():
                self._update(parameters, group)

    def _update(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        """One Newton-Schulz batch: matrices of one shape, the tall ones transposed."""
        momentum = group["momentum"] + (0.85 - group["momentum"]) * max(0.0, 1.0 - (group["step"] - 1) / 100)
        wide = []
        for parameter in parameters:
            state, gradient = self.state[parameter], parameter.grad
            assert gradient is not None
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
            state["momentum_buffer"].lerp_(gradient, 1.0 - momentum)
            nesterov = gradient.lerp(state["momentum_buffer"], momentum).flatten(1)
            wide.append(nesterov.mT if nesterov.shape[0] > nesterov.shape[1] else nesterov)
        updates = orthogonalize(torch.stack(wide), group["iterations"], self.dtype)
        for parameter, update in zip(parameters, updates, strict=True):
            rows, columns = parameter.flatten(1).shape
            parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
            update = update.mT if rows > columns else update
            update = update.reshape(parameter.shape).to(parameter.dtype)
            parameter.add_(update, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)
