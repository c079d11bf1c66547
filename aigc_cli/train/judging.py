"""How a model is set while its validation split is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def judging(model: Any, whole: bool) -> Iterator[torch.device]:
    """Without dropout and gradients, for the `whole` split in float32; gives the model's device."""
    compute = model.compute_dtype
    model.compute_dtype = None if whole else compute
    model.eval()
    try:
        with torch.no_grad():
            yield next(model.parameters()).device
    finally:
        model.compute_dtype = compute
        model.train()
