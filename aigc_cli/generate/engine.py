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
    """A language model with the keys and values of the tokens that it has read.

    `start`: None where a text continues its prompt. Where a decoder of its own writes the text, the token that this
    one begins with: prompts are then sources, at most `context` tokens long, and so are texts.
    """

    vocab_size: int
    context: int
    start: int | None

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


def begin(engine: Engine, prompt: Sequence[int]) -> Sequence[int]:
    """What a text continues, as the strategies and the budget see it: its prompt, or the decoder's start token."""
    return prompt if engine.start is None else [engine.start]


def room(engine: Engine) -> int:
    """Tokens that `begin` and a text can have together."""
    return engine.context if engine.start is None else engine.context + 1


def framed(engine: Engine, ids: Sequence[int], bos: int, eos: int) -> list[int]:
    """A prompt's ids as the model was trained to read them: after bos, or as a source, which ends with eos."""
    return [bos, *ids] if engine.start is None else [*ids, eos]


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

    place, chosen = resolve(device, dtype)
    if dtype == "auto" and place.type == "cpu":
        place, chosen = resolve(device, "float32")
    if bundle.family.name == "seq2seq":
        from aigc_cli.generate.engine_seq2seq import Seq2seqEngine

        return Seq2seqEngine(bundle.config, bundle.weights(), place, chosen)
    from aigc_cli.generate.engine_torch import TorchEngine

    return TorchEngine(bundle.config, bundle.weights(), place, chosen)
