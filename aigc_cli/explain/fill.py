"""`explain fill`: which words a model that sees both sides would put into the gaps of a text."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.explain.maps import tokenizer_of
from aigc_cli.explain.options import FillOptions
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer

GAP = re.compile(r" ?\[MASK\]|<mask>")


def fill(model: str | Path, text: str, options: FillOptions | None = None) -> Result:
    """The likeliest words for every [MASK] in `text`, each gap by itself.

    manifest: {"text", "gaps": [[{"word", "probability"}]]}, best first. A gap is one token; with `options.words` the
    tokens that begin no word are left out. Source: Devlin et al. 2019, "BERT", section 3.1.
    """
    options = options or FillOptions()
    bundle = Bundle.open(model).require("fill", "filling gaps")
    if getattr(bundle.config, "labels", ()):
        raise ConfigError(f"{bundle.path} is a classifier", "name the model it was made from")
    console.detail(bundle.describe())
    tokenizer = tokenizer_of(bundle)
    ids = masked_ids(text, tokenizer)
    if len(ids) > bundle.config.context:
        raise DataError(f"the text has {len(ids)} tokens, the model reads {bundle.config.context}", "shorten it")
    places = [place for place, token in enumerate(ids) if token == tokenizer.mask]
    with torch.inference_mode():
        logits = GAPS[bundle.family.name](bundle.model(), torch.tensor([ids]), places).double()
        logits[:, sorted(set(tokenizer.special_ids.values()))] = -math.inf
        shares = logits.softmax(-1)
    gaps = [_ranked(row, tokenizer, options) for row in shares]
    lines = [console.table(f"gap {n}", ["word", "probability"], [[g["word"], g["probability"]] for g in gap])
             for n, gap in enumerate(gaps, start=1)]  # fmt: skip
    return Result("fill", None, {"text": text, "gaps": gaps}, lines)


def _bert(network: Any, ids: torch.Tensor, places: list[int]) -> torch.Tensor:
    """Logits [gaps, V]."""
    return network.head(network.bert(ids)[0, places])


def _xlnet(network: Any, ids: torch.Tensor, places: list[int]) -> torch.Tensor:
    """Logits [gaps, V] of the query stream, which sees everything but the gaps."""
    hidden = torch.zeros(1, ids.shape[1], ids.shape[1], dtype=torch.bool)
    hidden[:, :, places] = True
    return network(ids, hidden, torch.tensor([places]))[0]


GAPS = {"bert": _bert, "xlnet": _xlnet}


def masked_ids(text: str, tokenizer: Tokenizer) -> list[int]:
    """[CLS] text [SEP] with the mask in place of each [MASK] (and of the space before it, which belongs to words)."""
    parts = GAP.split(text)
    if len(parts) == 1:
        raise DataError("there is no [MASK] in the text", 'write it where a word is missing: "the [MASK] sat"')
    ids = [tokenizer.cls]
    for number, part in enumerate(parts):
        ids += [tokenizer.mask] if number else []
        ids += tokenizer.encode(part) if part else []
    return [*ids, tokenizer.sep]


def _ranked(shares: torch.Tensor, tokenizer: Tokenizer, options: FillOptions) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for token in shares.argsort(descending=True).tolist():
        data = tokenizer.decode_bytes([token])
        word = data.decode("utf-8", "backslashreplace")
        if options.words and not (word[:1] == " " and word.strip().isalpha()):
            continue
        found.append({"word": word.strip() or repr(word), "probability": round(float(shares[token]), 6)})
        if len(found) == options.top:
            break
    return found
