"""Options of `aigc explain` (stdlib only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt


@dataclass
class AttentionOptions:
    """Attention."""

    target: str = opt("", "Encoder-decoder models: the answer that the decoder reads; default: what it writes.")
    word: str = opt("", "Show what this word looks at, head by head; default: each head's strongest link.")
    layer: int | None = opt(None, "Only this layer, counted from 1.", min=1)
    head: int | None = opt(None, "Only this head, counted from 1.", min=1)
    top: int = opt(3, "Links shown a head.", min=1)


@dataclass
class FillOptions:
    """Gaps."""

    top: int = opt(5, "Words shown a gap.", min=1)
    words: bool = opt(True, "Only whole words; --no-words: parts of words and signs too.")


@dataclass
class NeighborOptions:
    """Neighbours."""

    top: int = opt(10, "Words shown.", min=1)


@dataclass
class AnalogyOptions:
    """Analogy."""

    method: Literal["add", "mul"] = opt("add", "add: b - a + c; mul: products of cosines (3CosMul).")
    top: int = opt(5, "Words shown.", min=1)
