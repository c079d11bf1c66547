"""Encoder-decoder decoding with torch: the source is read once, its keys and values serve every step.

Shapes: N sources, B sequences, T new tokens, S source tokens, P stored tokens, C width, V vocabulary, L decoder layers,
H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from aigc_cli.core.errors import ConfigError
from aigc_cli.models.layers.attend import attend
from aigc_cli.models.layers.cache import KVCache
from aigc_cli.models.seq2seq.config import Config
from aigc_cli.models.seq2seq.model import Seq2seq, build_empty

GROWTH = 64  # tokens; the cache grows in steps of at least this, then doubles


class Seq2seqEngine:
    """An Engine (see engine.py) over an encoder-decoder's weights by their public names.

    A prompt is a source: prefill encodes it and feeds the decoder its start token. Rows (beams, copies) of one source
    share its keys and values.
    """

    def __init__(
        self, config: Config, weights: dict[str, torch.Tensor], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.config, self.device = config, device
        self.vocab_size, self.context = config.vocab_size, config.context
        self.start: int | None = config.start_id
        model: Seq2seq = build_empty(config)
        model.load_state_dict(weights)
        self.model = model.to(device=device, dtype=dtype).eval()
        self.dtype = dtype
        self.cache = self._new_cache(0, 0)
        self.sources: list[int] = []  # of each row
        self.cross: list[tuple[torch.Tensor, torch.Tensor]] = []  # keys and values [N, H, S, D] of each layer
        self.seen: torch.Tensor | None = None  # bool [N, 1, 1, S]; None: no source is padded
        self.gathered: tuple[list[tuple[torch.Tensor, torch.Tensor]], torch.Tensor | None] | None = None

    @torch.inference_mode()
    def prefill(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """See Engine.prefill: logits [B, V] for the first token of each target."""
        lengths = torch.tensor([len(row) for row in ids], device=self.device)
        source_NS = torch.zeros(len(ids), int(lengths.max()), dtype=torch.int64)
        for row, values in enumerate(ids):
            source_NS[row, : len(values)] = torch.as_tensor(values)
        mask_NS = torch.arange(source_NS.shape[1], device=self.device) < lengths[:, None]
        padded = not bool(mask_NS.all())
        memory_NSC = self.model.encode(source_NS.to(self.device), mask_NS if padded else None)
        parts = [block.layer[1].inner for block in self.model.decoder.block]
        self.cross = [(part.heads(part.k, memory_NSC), part.heads(part.v, memory_NSC)) for part in parts]
        self.seen = mask_NS[:, None, None, :] if padded else None
        self.sources, self.gathered = list(range(len(ids))), None
        self.cache = self._new_cache(len(ids), min(GROWTH, self.context + 1))
        return self.step(np.full(len(ids), self.config.start_id))

    @torch.inference_mode()
    def step(self, ids_B: np.ndarray) -> np.ndarray:
        """See Engine.step."""
        place = self.cache.lengths[0]  # all rows are equally long: every target begins at its start token
        if place == self.cache.capacity:
            self.cache.grow(GROWTH)
        decoder, (cross, seen) = self.model.decoder, self._cross()
        x_B1C = self.model.shared(torch.as_tensor(ids_B, device=self.device)[:, None])
        bias = decoder.position_bias(place + 1, torch.tensor([place], device=self.device)).to(self.dtype)
        for number, block in enumerate(decoder.block):
            own, other, feed = block.layer
            x_B1C = x_B1C + self._self_attention(own, x_B1C, bias, number)
            q_BH1D = other.inner.heads(other.inner.q, other.layer_norm(x_B1C))
            y_BH1D = attend(q_BH1D, *cross[number], mask=seen, scale=1.0)
            x_B1C = x_B1C + other.inner.o(y_BH1D.transpose(1, 2).flatten(2))
            x_B1C = x_B1C + feed.inner(feed.layer_norm(x_B1C))
        self.cache.advance(1)
        return self.model.head(decoder.final_layer_norm(x_B1C)[:, 0]).float().cpu().numpy()

    @torch.inference_mode()
    def reorder(self, rows: np.ndarray) -> None:
        """See Engine.reorder."""
        chosen = np.asarray(rows).tolist()
        if chosen == list(range(len(self.sources))):
            return
        self.cache.reorder(chosen)
        sources = [self.sources[row] for row in chosen]
        if sources != self.sources:
            self.sources, self.gathered = sources, None

    def rollback(self, n_tokens: int) -> None:
        """See Engine.rollback."""
        if n_tokens >= self.cache.lengths[0]:
            raise ValueError(f"cannot forget {n_tokens} of {self.cache.lengths[0]} tokens, the start among them")
        self.cache.rollback(n_tokens)

    def nll(self, ids_BT: np.ndarray) -> np.ndarray:
        """Refused: the text of an encoder-decoder has no probability without a source."""
        raise ConfigError(
            "an encoder-decoder has no perplexity of a text alone", "its validation loss is in metrics.jsonl"
        )

    def _self_attention(self, part: Any, x_B1C: torch.Tensor, bias: torch.Tensor, layer: int) -> torch.Tensor:
        inner = part.inner
        normed = part.layer_norm(x_B1C)
        k_BHPD, v_BHPD = self.cache.append(layer, inner.heads(inner.k, normed), inner.heads(inner.v, normed))
        y_BH1D = attend(inner.heads(inner.q, normed), k_BHPD, v_BHPD, mask=bias, scale=1.0)
        return inner.o(y_BH1D.transpose(1, 2).flatten(2))

    def _cross(self) -> tuple[list[tuple[torch.Tensor, torch.Tensor]], torch.Tensor | None]:
        """The sources' keys and values, and their mask, one row for each sequence."""
        if self.gathered is None:
            if len(set(self.sources)) == 1:  # as in beam search: views, no copies
                place, count = self.sources[0], len(self.sources)

                def rows(x: torch.Tensor) -> torch.Tensor:
                    return x[place : place + 1].expand(count, *x.shape[1:])
            else:
                index = torch.tensor(self.sources, device=self.device)

                def rows(x: torch.Tensor) -> torch.Tensor:
                    return x.index_select(0, index)

            pairs = [(rows(keys), rows(values)) for keys, values in self.cross]
            self.gathered = (pairs, None if self.seen is None else rows(self.seen))
        return self.gathered

    def _new_cache(self, batch: int, capacity: int) -> KVCache:
        c = self.config
        return KVCache(c.n_decoder_layer, batch, c.n_head, capacity, c.head_dim, self.device, self.dtype)
