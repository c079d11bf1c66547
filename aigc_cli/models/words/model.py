"""Word vectors as a torch module: what Bundle.model() gives."""

from __future__ import annotations

import torch
from torch import nn

from aigc_cli.models.words.config import Config


class WordVectors(nn.Module):
    """embedding [V, D]: the vectors; output [V, D]: those of words as centres (Word2Vec) or contexts (GloVe)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.output = nn.Embedding(config.vocab_size, config.n_embd)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """The vectors [..., D] of word numbers [...]."""
        return self.embedding(ids)


def build(config: Config) -> WordVectors:
    """Vectors with random numbers.

    >>> build(Config(5, 3))(torch.tensor([0, 4])).shape
    torch.Size([2, 3])
    """
    return WordVectors(config)


def build_empty(config: Config) -> WordVectors:
    """Vectors that are yet to be loaded."""
    with torch.device("meta"):
        model = WordVectors(config)
    return model.to_empty(device="cpu")
