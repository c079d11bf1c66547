"""Options of word vectors (stdlib only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aigc_cli.core.options import opt


@dataclass
class WordOptions:
    """Words."""

    words: Literal["letters", "spaces"] = opt(
        "letters", "letters: runs of letters and digits, Han characters one by one; spaces: what stands between spaces."
    )  # fmt: skip
    lower: bool = opt(True, "Words in lower case.")
    min_count: int = opt(5, "Rarer words are left out.", min=1)
    max_words: int | None = opt(None, "Only so many words, the most frequent ones.", min=2)
    dim: int = opt(100, "Length of a vector.", min=1, max=65_536)
    threads: int = opt(1, "Threads that train at once; with several, equal runs differ slightly.", min=1)
    epochs: int = opt(5, "Passes over the text.", min=1)
    vectors: Literal["binary", "text", "none"] = opt(
        "binary", "word2vec file beside the model: vectors.bin, vectors.txt, or none."
    )  # fmt: skip
    checkpoint_s: float = opt(60.0, "Seconds between checkpoints.", unit="s", min=0, affects_output=False)


@dataclass
class Word2VecOptions(WordOptions):
    """Word2Vec."""

    algorithm: Literal["skip-gram", "cbow"] = opt("skip-gram", "skip-gram: from each neighbour; cbow: from their mean.")
    objective: Literal["sampled", "softmax"] = opt(
        "sampled", "sampled: against noise words; softmax: over all words (tiny vocabularies, skip-gram)."
    )  # fmt: skip
    window: int = opt(5, "Farthest neighbour; the reach is drawn from 1 to this for each word.", unit="words", min=1)
    negatives: int = opt(5, "Noise words a centre.", min=1, max=1000)
    noise_power: float = opt(0.75, "Noise words are drawn as count to this power.", min=0, max=4)
    sample: float = opt(1e-3, "Words above this share of the text are thinned out; 0: never.", min=0, max=1)
    lr: float = opt(0.025, "First learning rate; it falls linearly.", min=0)
    min_lr: float = opt(1e-4, "Last learning rate.", min=0)

    def __post_init__(self) -> None:
        if self.objective == "softmax" and self.algorithm != "skip-gram":
            raise ValueError("--objective softmax goes with skip-gram; drop --algorithm")


@dataclass
class GloveOptions(WordOptions):
    """GloVe."""

    window: int = opt(10, "Farthest neighbour that is counted, by 1 / distance.", unit="words", min=1)
    x_max: float = opt(100.0, "Counts from here on weigh 1.", min=1)
    alpha: float = opt(0.75, "Smaller counts weigh (count / x_max) to this power.", min=0, max=4)
    epochs: int = opt(15, "Passes over the counts.", min=1)
    lr: float = opt(0.05, "Step of AdaGrad.", min=0)
    memory: int = opt(1024, "Memory for counting; more pairs go to the disk in between.", unit="MB", min=16,
                      affects_output=False)  # fmt: skip
