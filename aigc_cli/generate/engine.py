"""What a decoding loop needs of a model, and how to get it for a Bundle. No torch at import.

Shapes: B sequences, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from aigc_cli.models.bundle import Bundle


class Engine(Protocol):
    """A language model with the keys and values of the tokens that it has read."""

    vocab_size: int
    context: int

    def prefill(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Forgets everything, reads one prompt a row (1 token or more); float32 logits [B, V] after each."""
        ...

    def step(self, ids_B: np.ndarray) -> np.ndarray:
        """Reads one more token a row; float32 logits [B, V] for the next one."""
        ...

    def reorder(self, rows: np.ndarray) -> None:
        """Row i becomes what row rows[i] was; rows may repeat, and their number may change."""
        ...

    def rollback(self, n_tokens: int) -> None:
        """Forgets the last n_tokens of every row."""
        ...

    def nll(self, ids_BT: np.ndarray) -> np.ndarray:
        """Nats [B, T - 1] of every token but the first, given those before it; the stored rows stay."""
        ...


def open_engine(bundle: Bundle, device: str = "auto", dtype: str = "auto") -> Engine:
    """The engine for a Bundle: onnxruntime for an ONNX directory (torch is not imported), else torch.

    dtype "auto" is float32 on a CPU, so that a text does not depend on the machine, and bfloat16 on a GPU.
    """
    if bundle.kind == "onnx":
        from aigc_cli.core.errors import ConfigError
        from aigc_cli.generate.engine_onnx import OnnxEngine

        if device not in ("auto", "cpu") or dtype not in ("auto", "float32"):
            raise ConfigError(
                f"an ONNX directory runs on the CPU as exported, not with --device {device} --dtype {dtype}",
                "drop --device and --dtype, or name the model it was exported from",
            )
        return OnnxEngine(bundle.path)
    from aigc_cli.core.device import resolve
    from aigc_cli.generate.engine_torch import TorchEngine

    place, chosen = resolve(device, dtype)
    if dtype == "auto" and place.type == "cpu":
        place, chosen = resolve(device, "float32")
    return TorchEngine(bundle.config, bundle.weights(), place, chosen)
