"""Options of `aigc tokenize`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aigc_cli.core.options import opt

DEFAULT_KIND = "bpe"
COVERAGE = 0.9995


@dataclass
class TokenizeOptions:
    """Vocabulary and records."""

    kind: Literal["unigram", "bpe", "byte-bpe", "char"] | None = opt(
        None,
        "Model of the vocabulary: bpe, unigram (learned 10 times slower), byte-bpe (GPT-4's form), char; default: bpe.",
    )
    vocab_size: int | None = opt(
        None, "Pieces, special tokens and 256 bytes included; default: a power of two by the amount of text.",
        min=375, max=1 << 24,
    )  # fmt: skip
    tokenizer: Path | None = opt(
        None,
        "Use this tokenizer (directory, .model file or tokenizer.json) instead of training one.",
        affects_output=False,
    )
    length: int = opt(512, "Length of a record.", unit="tokens", min=8, max=1 << 20)
    pack: Literal["stream", "best-fit", "none"] = opt(
        "stream",
        "Documents joined and cut anywhere; or cut only where longer than a record, with padding; or one a record, "
        "cropped.",
    )
    val_fraction: float = opt(0.05, "Share of the documents in the validation split.", min=0, max=0.5)
    coverage: float = opt(
        COVERAGE, "Share of the text's characters that become pieces; the others are written as bytes.",
        min=0.5, max=1.0,
    )  # fmt: skip
    split_digits: bool = opt(False, "Every digit is a piece of its own.")
    sample_bytes: int = opt(16_000_000, "Text to train the vocabulary on, at most.", unit="bytes", min=1000)

    def __post_init__(self) -> None:
        if self.tokenizer is not None and (self.kind is not None or self.vocab_size is not None):
            given = "--kind" if self.kind is not None else "--vocab-size"
            raise ValueError(f"--tokenizer and {given} contradict each other; a given tokenizer has its own")
        if self.kind == "byte-bpe" and self.coverage != COVERAGE:
            raise ValueError("--coverage says nothing for --kind byte-bpe: every byte is a piece; leave one out")


@dataclass
class PictureOptions:
    """Pictures."""

    size: int = opt(32, "Height and width of a record.", unit="pixels", min=2, max=4096)
    channels: Literal["auto", "grey", "rgb"] = opt("auto", "Of a record; auto: grey where all pictures are.")
    fit: Literal["crop", "pad", "stretch"] = opt(
        "crop", "How a picture of another shape becomes a square: its middle, white around it, or distorted."
    )
