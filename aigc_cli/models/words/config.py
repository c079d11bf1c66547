"""The shape of word vectors: one dataclass, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass

from aigc_cli.core.options import opt

MOST = 1 << 26


@dataclass
class Config:
    """Shape of word vectors."""

    vocab_size: int = opt(2, "Words.", min=1)
    n_embd: int = opt(100, "Length of a vector.", min=1)
    family: str = opt("word2vec", "word2vec or glove.")

    def __post_init__(self) -> None:
        for name in ("vocab_size", "n_embd"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= MOST:
                raise ValueError(f"{name} is {value!r}; give 1 to {MOST:,}")

    def parameters(self) -> int:
        """All stored parameters: both tables."""
        return 2 * self.vocab_size * self.n_embd
