"""Train a byte-level BPE as GPT-2 and GPT-4 have it: words by GPT-4's pattern, merges learned by `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aigc_cli.models import byte_patterns
from aigc_cli.models.tokenizer import SPECIAL_TOKENS
from aigc_cli.models.tokenizer_json import added_token, dump

LONGEST_TOKEN = 16 * 4  # bytes, as sentencepiece's pieces have at most 16 characters
LEAST = len(SPECIAL_TOKENS) + 256


def train_byte_bpe(texts: Sequence[str], size: int, *, split_digits: bool = False) -> bytes:
    """The content of tokenizer.json: special tokens, 256 bytes and merges; at most `size` ids.

    Equal texts in equal order give equal bytes.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    pattern = byte_patterns.QWEN2 if split_digits else byte_patterns.CL100K
    words = pre_tokenizers.Split(Regex(pattern), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL_TOKENS), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN, show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer=trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = [{"id": i, **added_token(text)} for i, text in enumerate(SPECIAL_TOKENS)]
    return dump(file).encode()
