"""The same vocabulary in the words of Hugging Face tokenizers: tokenizer.json and its two side files.

transformers' AutoTokenizer then gives the ids that sentencepiece gives. What makes them equal:

- Words are cut where no piece can lie across, so that nothing depends on a text's length.
- A "<" is a word of its own, so neither "<s>" nor "<0x41>" is matched in text, though tokenizers has no types of
  pieces.
- Unigram: scores are multiples of 1/16, so sums are exact and ties fall alike.
- BPE: every way to split a piece into two pieces is a merge, in the order of the merged piece.
- `split_special_tokens` keeps special tokens that stand in text from being matched there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models import tokenizer_text as t
from aigc_cli.models.sentencepiece_proto import Piece

NAMES = {
    "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
    "mask_token": "<mask>", "cls_token": "<cls>", "sep_token": "<sep>",
}  # fmt: skip


def side_files(pieces: Sequence[Piece], kind: str) -> dict[str, str]:
    """tokenizer.json, tokenizer_config.json and special_tokens_map.json by name."""
    special = [i for i, p in enumerate(pieces) if p.type in (proto.CONTROL, proto.UNKNOWN)]
    return {"tokenizer.json": dump(tokenizer_json(pieces, kind)), **config_files([p.text for p in pieces], special)}


def config_files(texts: Sequence[str], special: Sequence[int]) -> dict[str, str]:
    """tokenizer_config.json and special_tokens_map.json of a vocabulary whose ids `special` are special tokens."""
    others = [texts[i] for i in special if texts[i] not in NAMES.values()]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast", **NAMES, "extra_special_tokens": others,
        "split_special_tokens": True, "clean_up_tokenization_spaces": False,
        "model_max_length": 1 << 30, "added_tokens_decoder": {str(i): added_token(texts[i]) for i in special},
    }  # fmt: skip
    return {
        "tokenizer_config.json": dump(config),
        "special_tokens_map.json": dump({**NAMES, "additional_special_tokens": others}),
    }


def tokenizer_json(pieces: Sequence[Piece], kind: str) -> dict[str, Any]:
    """The content of tokenizer.json."""
    added = [{"id": i, **added_token(p.text)} for i, p in enumerate(pieces) if p.type in (proto.CONTROL, proto.UNKNOWN)]
    # A word goes on while spaces follow spaces or other characters follow anything.
    split = f"[^{t.ALONE}](?:(?<={t.SPACE}){t.SPACE}|[^{t.SPACE}{t.ALONE}])*|[{t.ALONE}]"
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": _sequence("normalizers", [
            _replace(t.ESCAPE, t.ESCAPED_ESCAPE), _replace(t.SPACE, t.ESCAPED_SPACE), _replace(" ", t.SPACE),
        ]),
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": False},
        "post_processor": None,
        "decoder": _sequence("decoders", [
            _replace(t.SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"},
            _replace(t.ESCAPED_SPACE, t.SPACE), _replace(t.ESCAPED_ESCAPE, t.ESCAPE),
        ]),
        "model": _unigram(pieces) if kind == "unigram" else _bpe(pieces, merging=kind == "bpe"),
    }  # fmt: skip


def _unigram(pieces: Sequence[Piece]) -> dict[str, Any]:
    unk = next(i for i, p in enumerate(pieces) if p.type == proto.UNKNOWN)
    lowest = min(p.score for p in pieces if p.type == proto.NORMAL)  # unknown characters cost 10 more than this
    vocab = [[p.text, p.score if p.type == proto.NORMAL else lowest] for p in pieces]
    return {"type": "Unigram", "unk_id": unk, "vocab": vocab, "byte_fallback": True}


def _bpe(pieces: Sequence[Piece], *, merging: bool) -> dict[str, Any]:
    unk = next(p.text for p in pieces if p.type == proto.UNKNOWN)
    return {
        "type": "BPE", "dropout": None, "unk_token": unk, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
        "vocab": {p.text: i for i, p in enumerate(pieces)}, "merges": _merges(pieces) if merging else [],
    }  # fmt: skip


def _merges(pieces: Sequence[Piece]) -> list[list[str]]:
    """All pairs of pieces that make a piece, best score first."""
    normal = {p.text: p.score for p in pieces if p.type == proto.NORMAL}
    merges = []
    for text in sorted(normal, key=lambda text: -normal[text]):
        splits = [i for i in range(1, len(text)) if text[:i] in normal and text[i:] in normal]
        merges += [[text[:i], text[i:]] for i in _leftmost_first(text, splits)]
    return merges


def _leftmost_first(text: str, splits: list[int]) -> list[int]:
    """The order of a piece's splits in which the leftmost of two overlapping pairs merges first.

    sentencepiece gives all splits one rank and takes the leftmost pair; here each split has its own rank. Pairs
    overlap when a border q (a suffix that is also a prefix) is the right half of one and the left half of the other.
    """
    order = sorted(splits, reverse=True)
    for b in sorted(splits):
        left, right = len(text) - b, b
        if left in order and left != right and text[:b] == text[left:] and order.index(left) > order.index(right):
            order.remove(left)
            order.insert(order.index(right), left)
    return order


def added_token(text: str) -> dict[str, Any]:
    """A special token in tokenizer.json's words."""
    return {"content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": True}  # fmt: skip


def _replace(old: str, new: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def _sequence(key: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "Sequence", key: parts}


def dump(value: Any) -> str:
    """JSON as it is written to files."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
