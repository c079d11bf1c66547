"""Options of `aigc eval` (stdlib only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aigc_cli.core.options import opt


@dataclass
class EvalOptions:
    """Evaluation."""

    shards: list[Path] = opt([], "Token shards, document shards or text files; default: what the model trained on.")
    split: str = opt("validation", "Split of the shards.")
    stride: int | None = opt(
        None, "Distance of the windows: every token has at least context - stride tokens before it; default: half "
        "the context.", unit="tokens", min=1,
    )  # fmt: skip
    max_tokens: int | None = opt(None, "Stop after about that many.", unit="tokens", min=2)
    ngram: int | None = opt(
        None, "Compare with a Witten-Bell model of this order over bytes, per language.", min=1, max=12
    )
    batch_size: int = opt(8, "Windows computed side by side.", min=1, affects_output=False)
    device: str = opt("auto", "auto, cpu, cuda, cuda:1, mps.")
    dtype: str = opt("auto", "auto (float32; bfloat16 on a GPU), float32, bfloat16, float16.")
