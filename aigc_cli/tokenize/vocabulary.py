"""Train a vocabulary so that no character of any text is lost: with sentencepiece, or over bytes (byte_vocabulary)."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import sentencepiece

from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import SPECIAL_TOKENS, Tokenizer
from aigc_cli.models.tokenizer_text import ALONE, SPACE, chunked, escape

# sentencepiece sums float32 counts thread by thread, so the number of threads is part of the result: a constant.
TRAIN_THREADS = 4
# Sums of up to a million are exact in sentencepiece's float32, which it takes over whole documents. Smaller steps would
# gain nothing: with these the likelihood of a text falls by 1e-6 of itself.
SCORE_STEP = 1 / 16
SCORE_MIN = -22.0  # with the penalty of 10 for unknown characters: 32 a character, see tokenizer_text.WORD_CHARS
MAX_PIECE_CHARS = 16
MIN_VOCAB, MAX_VOCAB = 512, 32768
LINE_BYTES = 1 << 14  # no line of a sample is longer: 2048 characters of 4 bytes, twice


def auto_vocab_size(text_bytes: int) -> int:
    """The largest power of two that is not above 3 x sqrt(bytes), from 512 to 32768.

    >>> auto_vocab_size(1_000_000), auto_vocab_size(30_000_000), auto_vocab_size(10_000)
    (2048, 16384, 512)
    """
    wanted = int(3 * text_bytes**0.5)
    return min(max(1 << (max(wanted, 1).bit_length() - 1), MIN_VOCAB), MAX_VOCAB)


def train_tokenizer(
    texts: Iterable[str],
    *,
    kind: str = "bpe",
    vocab_size: int | None = None,
    total_bytes: int | None = None,
    coverage: float = 0.9995,
    split_digits: bool = False,
) -> Tokenizer:
    """A tokenizer learned from `texts`; None as size chooses by `total_bytes` of text (default: these).

    A "char" vocabulary of size None has every character that `coverage` asks for.
    Equal texts in equal order give an equal model. Raises ConfigError for a size that the text cannot fill or that
    is too small for its characters, DataError when there is no text.
    """
    texts = list(texts)
    if not any(texts):
        raise DataError("there is no text to learn a vocabulary from", "check the input: aigc clean, --sample-bytes")
    if kind == "byte-bpe":
        total = total_bytes or sum(len(text.encode()) for text in texts)
        return _train_bytes(texts, vocab_size, auto_vocab_size(total), split_digits)
    lines = [line for text in texts for line in training_lines(text)] or [" "]  # text of line feeds alone
    settings = {"model_type": kind, "character_coverage": coverage, "split_digits": split_digits}
    if kind == "char" and vocab_size is None:
        settings["hard_vocab_limit"] = False
    size = vocab_size or (MAX_VOCAB if kind == "char" else auto_vocab_size(total_bytes or sum(map(len, lines))))
    return Tokenizer(_finish(_train_sized(lines, settings, size, vocab_size is not None)), "the new model")


def _train_bytes(texts: list[str], wanted: int | None, automatic: int, split_digits: bool) -> Tokenizer:
    from aigc_cli.tokenize.byte_vocabulary import LEAST, train_byte_bpe

    if wanted is not None and wanted < LEAST:
        fact = f"--vocab-size {wanted} is too small: the special tokens and bytes are {LEAST}"
        raise ConfigError(fact, f"give at least {LEAST}")
    tokenizer = Tokenizer(train_byte_bpe(texts, wanted or automatic, split_digits=split_digits), "the new model")
    if wanted is not None and tokenizer.vocab_size < wanted:
        raise _wrong_size(wanted, tokenizer.vocab_size, False)
    return tokenizer


def training_lines(text: str) -> Iterator[str]:
    """The lines of a document, escaped as for encoding, each short enough for sentencepiece."""
    for line in escape(text).replace("\0", "").split("\n"):
        if line:
            yield from chunked(line)


def _train_sized(lines: list[str], settings: dict[str, Any], size: int, fixed: bool) -> bytes:
    """The model of `size` pieces; an automatic size is moved to what the text allows."""
    for _ in range(4):
        try:
            model = _train(lines, settings, size)
        except RuntimeError as error:
            lower = re.search(r"smaller than required_chars. \d+ vs (\d+)", str(error))
            upper = re.search(r"set it to a value <= (\d+)", str(error))
            if lower is None and upper is None:
                raise AigcError(f"sentencepiece failed: {error}", "try another --kind or more text") from error
            limit = int((lower or upper).group(1))  # type: ignore[union-attr]
            if fixed:
                raise _wrong_size(size, limit, bool(lower)) from error
            size = -(-limit * 5 // 4 // 256) * 256 if lower else limit
            continue
        found = len(proto.read_pieces(model))
        if fixed and found < size:
            raise _wrong_size(size, found, False)
        return model
    raise AigcError("no vocabulary size fits this text", "give --vocab-size, or more text")


def _wrong_size(size: int, limit: int, small: bool) -> ConfigError:
    if small:
        return ConfigError(
            f"--vocab-size {size} is too small: the special tokens, bytes and characters of this text are {limit}",
            f"give at least {limit}, or lower --coverage: rarer characters are then written as bytes",
        )
    fact = f"--vocab-size {size} is more than this text has pieces for"
    return ConfigError(fact, f"give at most {limit}, or more text")


def _train(lines: list[str], settings: dict[str, Any], size: int) -> bytes:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=out, vocab_size=size, num_threads=TRAIN_THREADS,
        byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=False,
        remove_extra_whitespaces=False, split_by_whitespace=True, allow_whitespace_only_pieces=True,
        max_sentencepiece_length=MAX_PIECE_CHARS,
        max_sentence_length=LINE_BYTES, input_sentence_size=0,
        pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece=SPECIAL_TOKENS[0],
        required_chars=SPACE,  # a Chinese text may have no space, or too few for --coverage
        control_symbols=list(SPECIAL_TOKENS[4:]), user_defined_symbols=list(ALONE), minloglevel=2, **settings,
    )  # fmt: skip
    return out.getvalue()


def _finish(model: bytes) -> bytes:
    """ALONE as ordinary pieces, unigram scores as multiples of SCORE_STEP: exact sums everywhere."""
    unigram = proto.model_kind(model) == "unigram"
    pieces = []
    for piece in proto.read_pieces(model):
        if piece.type == proto.USER_DEFINED:
            piece = replace(piece, type=proto.NORMAL, score=SCORE_MIN if unigram else -float(1 << 20))
        elif not math.isfinite(piece.score):  # of the space, where the text has none and pieces are characters
            piece = replace(piece, score=-float(1 << 20))
        elif unigram and piece.type == proto.NORMAL:
            rounded = round(piece.score / SCORE_STEP) * SCORE_STEP
            piece = replace(piece, score=max(rounded, SCORE_MIN))
        pieces.append(piece)
    return proto.replace_pieces(model, pieces)
