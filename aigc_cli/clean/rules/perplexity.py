"""Drop documents that a model of one's own finds too surprising, or not surprising enough.

Source: the idea is Wenzek et al. 2020, "CCNet: Extracting High Quality Monolingual Datasets from Web Crawl Data",
section 3.4; the numbers are those of `aigc eval`. A document is scored alone, on one thread: its numbers do not depend
on which documents stand beside it, nor on the number of processes.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aigc_cli.clean.named import content_of
from aigc_cli.clean.outcome import Outcome, first_reasons
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import opt

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from aigc_cli.generate.engine import Engine
    from aigc_cli.models.bundle import Bundle
    from aigc_cli.models.tokenizer import Tokenizer

STATS = ("nats_per_token", "bits_per_byte")
WINDOWS = 8  # of one document, computed side by side
_CHARACTERS = 16  # for each token that is looked at: more than nearly any token has


def _described(name: str) -> Any:
    return content_of(name, "model")


@dataclass
class Options:
    """Perplexity under a model; documents without a token stay."""

    model: str | None = opt(None, "A trained model: run directory, .pt file or Hugging Face directory.",
                            described=_described)  # fmt: skip
    measure: Literal["bits_per_byte", "nats_per_token", "perplexity"] = opt(
        "bits_per_byte", "What the limits are about; bits per byte compare across languages and tokenizers."
    )
    max: float | None = opt(None, "Drop documents above.", min=0)
    min: float | None = opt(None, "Drop documents below.", min=0)
    max_tokens: int | None = opt(1024, "Look at so many tokens of the beginning; null: at all.", unit="tokens", min=1)
    device: str = opt("cpu", "cpu, cuda, cuda:1, mps.")

    def __post_init__(self) -> None:
        """There is something between the limits."""
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"perplexity: min {self.min} is above max {self.max}; swap them")


def check(options: Options) -> None:
    """Raise ConfigError where no model is named."""
    if options.model is None:
        raise ConfigError("rules: perplexity has no model", "name one: model: runs/gpt")


def prepare(options: Options) -> None:
    """Look at the model, without loading it. Raises ConfigError for one that cannot be used."""
    assert options.model is not None
    _bundle(options.model)


def apply(batch: pa.RecordBatch, options: Options) -> Outcome:
    """Reasons max_... and min_... with the measure's name; nats per token and bits per byte, as float32."""
    import numpy as np

    values = np.full((2, batch.num_rows), np.nan, dtype=np.float32)
    if options.model is not None:
        scorer = _scorer(options.model, options.device, *_now(options.model))
        for row, text in enumerate(batch.column("text").to_pylist()):
            values[:, row] = scorer.score(text or "", options.max_tokens)
    stats = dict(zip(STATS, values.astype(np.float64), strict=True))
    nats = stats["nats_per_token"]
    measured = np.exp(np.minimum(nats, 700)) if options.measure == "perplexity" else stats[options.measure]
    checks = [
        (f"max_{options.measure}", measured > (math.inf if options.max is None else options.max)),
        (f"min_{options.measure}", measured < (-math.inf if options.min is None else options.min)),
    ]
    return Outcome(reasons=first_reasons(batch.num_rows, checks), stats=stats)


class _Scorer:
    """A model and its tokenizer, on one thread."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer) -> None:
        import numpy as np

        self._engine, self._tokenizer = engine, tokenizer
        self._id_bytes = np.array(tokenizer.id_bytes)

    def score(self, text: str, limit: int | None) -> tuple[float, float]:
        """(nats per token, bits per byte) of the first `limit` tokens; NaN where there is no token."""
        from aigc_cli.evaluate.perplexity import nats

        ids, n_bytes = self._tokens(text, limit)
        if len(ids) < 2:
            return math.nan, math.nan
        with _one_thread():
            total = float(nats(self._engine, [ids], batch_size=WINDOWS)[0])
        return total / (len(ids) - 1), total / math.log(2) / max(n_bytes, 1)

    def _tokens(self, text: str, limit: int | None) -> tuple[np.ndarray, int]:
        """(ids, first of them bos; the bytes that they stand for)."""
        import numpy as np

        encode = self._tokenizer.encode
        head = text if limit is None else text[: _CHARACTERS * limit]
        ids = encode(head)
        if limit is not None and len(ids) <= limit and len(head) < len(text):
            ids, head = encode(text), text  # tokens are long here
        if limit is None or (len(ids) <= limit and len(head) == len(text)):
            return np.array([self._tokenizer.bos, *ids]), len(text.encode())
        return np.array([self._tokenizer.bos, *ids[:limit]]), int(self._id_bytes[ids[:limit]].sum())


class _one_thread:
    """While it is open torch computes with one thread, in the main process as in workers: sums have one order."""

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self._before)


def _now(model: str) -> tuple[str]:
    """What changes when the model is made anew."""
    from pathlib import Path

    from aigc_cli.core.files import canonical_json
    from aigc_cli.core.manifest import describe_input

    return (canonical_json(describe_input(Path(model).absolute())),)


def _bundle(model: str) -> Bundle:
    from aigc_cli.models.bundle import Bundle

    try:
        bundle = Bundle.open(model)
    except DataError as error:
        raise ConfigError(str(error), error.hint) from error
    if bundle.kind == "onnx":
        raise ConfigError(f"{model} is an ONNX directory", "name the model that it was exported from")
    if "generate" not in bundle.family.tasks:
        raise ConfigError(f"{model} is a {bundle.family.name}, which does not predict text", "name a gpt")
    return bundle


@functools.lru_cache(maxsize=1)
def _scorer(model: str, device: str, _now: str) -> _Scorer:
    import torch

    from aigc_cli.core.device import resolve
    from aigc_cli.generate.api import tokenizer_of
    from aigc_cli.generate.engine_torch import TorchEngine

    before, bundle = torch.get_num_threads(), _bundle(model)
    place, dtype = resolve(device, "float32")
    torch.set_num_threads(before)
    try:
        tokenizer = tokenizer_of(bundle)
        with _one_thread():
            engine = TorchEngine(bundle.config, bundle.weights(), place, dtype)
    except DataError as error:
        raise ConfigError(str(error), error.hint) from error
    return _Scorer(engine, tokenizer)
