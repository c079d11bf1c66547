"""Options that only one family has (stdlib only): one dataclass per family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aigc_cli.core.options import opt


@dataclass
class Seq2seqRules:
    """Task."""

    task: Literal["span", "pairs"] = opt(
        "span", "span: fill the holes of running text; pairs: rewrite a source as its target."
    )  # fmt: skip
    noise: float = opt(0.15, "span: share of the tokens that are cut out.", min=0.01, max=0.9)
    mean_span: float = opt(3.0, "span: mean length of what is cut out at a place.", unit="tokens", min=1)
    source_field: str | None = opt(
        None, "pairs: column of the source, by name or (without a head line) number; default: a usual name."
    )  # fmt: skip
    target_field: str | None = opt(None, "pairs: column of the target; default: the source's usual partner.")
    tokenizer: Path | None = opt(
        None, "pairs: the vocabulary of both sides; default: that of --init-from, else learned from the pairs.",
        affects_output=False,
    )  # fmt: skip
    vocab_size: int | None = opt(
        None, "pairs: pieces of a learned vocabulary; default: by the amount of text.", min=375, max=1 << 24
    )  # fmt: skip
    val_fraction: float = opt(
        0.05, "pairs: share that validates, where no file is named valid... or dev...", min=0, max=0.5
    )  # fmt: skip
    judged: int = opt(200, "pairs: validation pairs that are written greedily at the end and compared.", min=0)
    dropout: float | None = opt(
        None, "Share of activations set to zero in training; default: 0 for span, 0.1 for pairs.", min=0, max=0.9
    )  # fmt: skip

    def __post_init__(self) -> None:
        if (self.source_field is None) != (self.target_field is None):
            given, other = ("source", "target") if self.target_field is None else ("target", "source")
            raise ValueError(f"--{given}-field is given alone; add --{other}-field")
        if self.source_field is not None and self.source_field == self.target_field:
            raise ValueError(f"source and target are both '{self.source_field}'; name two columns")
        idle = [name for name in ("source_field", "tokenizer", "vocab_size") if getattr(self, name) is not None]
        if self.task == "span" and idle:
            raise ValueError(f"--{idle[0].replace('_', '-')} says nothing for --task span; add --task pairs")
        if self.tokenizer is not None and self.vocab_size is not None:
            raise ValueError("--tokenizer and --vocab-size contradict each other; a given tokenizer has its own")


@dataclass
class BertRules:
    """Task."""

    task: Literal["mlm", "classify"] = opt("mlm", "mlm: say hidden words; classify: say the label of a text.")
    mask_rate: float = opt(0.15, "mlm: share of the tokens that are hidden.", min=0.01, max=0.9)
    whole_words: bool = opt(False, "mlm: hide whole words instead of single tokens.")
    next_sentence: bool = opt(False, "mlm: also tell whether the second half of a text belongs to the first.")
    source_field: str | None = opt(
        None, "classify: column of the text, by name or (without a head line) number; default: text."
    )  # fmt: skip
    target_field: str | None = opt(None, "classify: column of the label; default: label.")
    tokenizer: Path | None = opt(
        None, "classify: the vocabulary; default: that of --init-from, else learned from the texts.",
        affects_output=False,
    )  # fmt: skip
    vocab_size: int | None = opt(
        None, "classify: pieces of a learned vocabulary; default: by the amount of text.", min=375, max=1 << 24
    )  # fmt: skip
    val_fraction: float = opt(
        0.05, "classify: share that validates, where no file is named valid... or dev...", min=0, max=0.5
    )  # fmt: skip
    dropout: float | None = opt(
        None, "Share of activations set to zero in training; default: 0 for mlm, 0.1 for classify.", min=0, max=0.9
    )  # fmt: skip

    def __post_init__(self) -> None:
        if (self.source_field is None) != (self.target_field is None):
            given, other = ("source", "target") if self.target_field is None else ("target", "source")
            raise ValueError(f"--{given}-field is given alone; add --{other}-field")
        idle = [name for name in ("source_field", "tokenizer", "vocab_size") if getattr(self, name) is not None]
        if self.task == "mlm" and idle:
            raise ValueError(f"--{idle[0].replace('_', '-')} says nothing for --task mlm; add --task classify")
        if self.tokenizer is not None and self.vocab_size is not None:
            raise ValueError("--tokenizer and --vocab-size contradict each other; a given tokenizer has its own")


@dataclass
class XlnetRules:
    """Task."""

    predict_part: float = opt(6.0, "One token of so many is predicted: K of the paper.", min=1.5, max=100)
    longest_span: int = opt(5, "Predicted tokens stand in spans of 1 to this many.", unit="tokens", min=1, max=100)
    dropout: float = opt(0.0, "Share of activations set to zero in training.", min=0, max=0.9)


@dataclass
class DiffusionRules:
    """Task."""

    size: int | None = opt(
        None, "Height and width of the pictures; default: the records', else 32.", unit="pixels", min=2
    )
    classes: bool = opt(True, "Learn the classes of the pictures, where they have any.")
    prediction: Literal["velocity", "epsilon", "v", "data", "edm"] | None = opt(
        None, "What the network says of a noisy picture; default: velocity, for --path edm edm."
    )
    path: Literal["flow", "linear", "cosine", "edm"] = opt("flow", "How pictures become noise.")


@dataclass
class VaeRules:
    """Task."""

    size: int | None = opt(
        None, "Height and width of the pictures; default: the records', else 32.", unit="pixels", min=2
    )
    beta: float = opt(1.0, "Weight of the divergence; above 1: simpler latents, blurrier pictures.", min=0)
    free_bits: float = opt(0.0, "Divergence of a latent number that costs nothing.", unit="nats", min=0)
    kl_warmup: int = opt(200, "Steps over which the divergence's weight rises from 0.", unit="steps", min=0)
    likelihood: Literal["bernoulli", "gaussian"] | None = opt(
        None, "Of a pixel; default: bernoulli for grey pictures, gaussian for others."
    )
    levels: list[int] = opt(
        [], "Round each latent number to so many levels (FSQ), e.g. 8 5 5 5; none: Gaussian latents."
    )
