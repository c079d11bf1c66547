"""Attention maps of a text, for every family that attends.

Shapes: L layers, H heads, T queries, S keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.layers.attend import recorded
from aigc_cli.models.tokenizer import Tokenizer

WRITTEN = 64  # tokens that a decoder writes, where no target is given


@dataclass
class Maps:
    """One kind of attention in a model: who looks (queries), at what (keys), and how much: rows sum to 1."""

    kind: str  # self, encoder, decoder, cross
    queries: list[str]
    keys: list[str]
    weights_LHTS: np.ndarray  # float32


def attention_maps(bundle: Bundle, text: str, target: str = "") -> list[Maps]:
    """The maps of every layer and head while the model reads `text` (and `target`, for a decoder).

    ConfigError for a family without attention, DataError for a text that the model cannot read whole.
    """
    reader = READERS.get(bundle.family.name)
    if reader is None:
        raise ConfigError(f"{bundle.path} is a {bundle.family.name}: it has no attention", f"name a {_able()}")
    if target and bundle.family.name != "seq2seq":
        raise ConfigError(f"--target is for encoder-decoder models, not for a {bundle.family.name}", "leave it out")
    tokenizer = tokenizer_of(bundle)
    if not text.strip():
        raise DataError("there is no text to read", 'aigc explain attention MODEL "The animal slept."')
    with torch.inference_mode():
        return reader(bundle.model(), tokenizer, text, target)


def tokenizer_of(bundle: Bundle) -> Tokenizer:
    """The model's tokenizer; DataError when it has none."""
    if bundle.tokenizer is None:
        raise DataError(f"{bundle.path} holds no tokenizer", "put its tokenizer.model into the directory")
    return bundle.tokenizer


def _causal(model: Any, tokenizer: Tokenizer, text: str, target: str) -> list[Maps]:
    ids = _fitting([tokenizer.bos, *tokenizer.encode(text)], model.config.context)
    with recorded() as found:
        model.hidden(torch.tensor([ids]))
    return [_maps("self", tokenizer, ids, ids, found)]


def _bidirectional(model: Any, tokenizer: Tokenizer, text: str, target: str) -> list[Maps]:
    ids = _fitting([tokenizer.cls, *tokenizer.encode(text), tokenizer.sep], model.config.context)
    with recorded() as found:
        model.bert(torch.tensor([ids]))
    return [_maps("self", tokenizer, ids, ids, found)]


def _permuted(model: Any, tokenizer: Tokenizer, text: str, target: str) -> list[Maps]:
    """The content stream, where every token sees all."""
    ids = _fitting([tokenizer.cls, *tokenizer.encode(text), tokenizer.sep], model.config.context)
    with recorded() as found:
        model.streams(torch.tensor([ids]))
    return [_maps("self", tokenizer, ids, ids, found)]


def _encoder_decoder(model: Any, tokenizer: Tokenizer, text: str, target: str) -> list[Maps]:
    """The encoder on the text, the decoder on `target` or on what it writes itself, and its looks at the text."""
    from aigc_cli.train.objectives.seq2seq import Writer

    config = model.config
    source = _fitting([*tokenizer.encode(text), tokenizer.eos], config.context)
    written = (
        tokenizer.encode(target)
        if target
        else Writer(tokenizer).write(model, [source], min(WRITTEN, config.context - 1))[0]
    )
    given = _fitting([config.start_id, *written], config.context)
    with recorded() as found:
        model.hidden(torch.tensor([source]), torch.tensor([given]))
    encoder, decoder = found[: config.n_layer], found[config.n_layer :]
    return [
        _maps("encoder", tokenizer, source, source, encoder),
        _maps("decoder", tokenizer, given, given, decoder[0::2]),
        _maps("cross", tokenizer, given, source, decoder[1::2]),
    ]


def _maps(
    kind: str, tokenizer: Tokenizer, queries: Sequence[int], keys: Sequence[int], found: list[torch.Tensor]
) -> Maps:
    """Maps [1, H, T, S] of the layers, in order, as one array with its tokens."""
    weights = torch.stack([layer[0] for layer in found]).float().numpy()
    return Maps(kind, pieces(tokenizer, queries), pieces(tokenizer, keys), weights)


def _fitting(ids: list[int], context: int) -> list[int]:
    if len(ids) > context:
        raise DataError(f"the text has {len(ids)} tokens, the model reads {context}", "give a shorter text")
    return ids


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Tokens as people read them: parts of characters as \\xAB, special tokens by their name."""
    return [tokenizer.decode_bytes([i]).decode("utf-8", "backslashreplace") or tokenizer.pieces[i].text for i in ids]


Reader = Callable[[Any, Tokenizer, str, str], list[Maps]]
READERS: dict[str, Reader] = {
    "gpt": _causal, "bert": _bidirectional, "xlnet": _permuted, "seq2seq": _encoder_decoder,
}  # fmt: skip


def _able() -> str:
    return " or ".join(READERS)
