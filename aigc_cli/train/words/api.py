"""train word2vec, train glove: from documents to word vectors, in files that gensim opens."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.collect.api import ensure_shards
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import AigcError, ConfigError
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.core.shards import Shards
from aigc_cli.models import FAMILIES
from aigc_cli.train.checkpoint import load_checkpoint, remove_checkpoints, save_checkpoint
from aigc_cli.train.interrupt import Interruptible
from aigc_cli.train.metrics import METRICS, Log
from aigc_cli.train.words.card import card
from aigc_cli.train.words.glove import Glove, count_pairs
from aigc_cli.train.words.options import GloveOptions, Word2VecOptions, WordOptions
from aigc_cli.train.words.store import save_vectors
from aigc_cli.train.words.vocabulary import Corpus, index
from aigc_cli.train.words.word2vec import Word2Vec

VERSION = 1  # raised when equal options would give other vectors
COUNTS = Path("cache/counts")  # GloVe's, while it trains
LINES = 500  # of metrics.jsonl, about


def train_words(
    family: str, shards: Sequence[str | Path], options: WordOptions, common: Common | None = None
) -> Result:
    """Trains vectors of the words in document shards or raw files. `family`: word2vec or glove.

    With one thread equal runs give equal bytes, however often they were killed.
    """
    common = common or Common()
    if not shards:
        raise ConfigError("no training data is named", "give --shards DIR")
    if len(shards) == 1 and Shards.is_shards(shards[0]) and "input_ids" in Shards.open(shards[0]).columns:
        raise ConfigError(f"{shards[0]} holds token records", "give --shards the documents that they were made from")
    if common.dry_run:
        return Result("train", None, {"dry_run": True}, [f"would learn vectors of {options.dim} numbers a word"])
    path = ensure_shards(shards, common)
    with Run(
        common.output, stage="train", version=VERSION, inputs=[path], default=family, common=common,
        options={"family": family, **resolved(options, common)},
    ) as run:  # fmt: skip
        use = FAMILIES[family].use
        if run.up_to_date:
            return run.result(next=use.replace("DIR", str(run.path)))
        return _train(run, family, path, options, common.seed, use)


def _train(run: Run, family: str, path: Path, options: WordOptions, seed: int, use: str) -> Result:
    started = time.monotonic()
    corpus = read_corpus(path, options)
    indexed_s = time.monotonic() - started
    console.say(f"{corpus.tokens} words, {len(corpus.words)} different ones, indexed in {console.duration(indexed_s)}")
    trainer = _trainer(run, corpus, options, seed)
    loop = _Loop(run, family, trainer, options)
    loop.run()
    save_vectors(
        run.dir, family, corpus.words, corpus.counts, trainer.vectors, output=trainer.output,
        options=resolved(options), file=options.vectors, card=card(family, corpus, options, loop.loss),
    )  # fmt: skip
    remove_checkpoints(run.dir)
    shutil.rmtree(run.dir / COUNTS, ignore_errors=True)
    train_s = time.monotonic() - started
    final = {"train/loss": loop.loss}
    facts = {"family": family, "parameters": int(trainer.vectors.size * 2), "final": final, "words": len(corpus.words)}
    lines = [f"{run.path}: {family}, {len(corpus.words)} words, {options.dim} numbers each, loss {loop.loss:.4f}"]
    counts = {"steps": trainer.steps, "words": corpus.tokens, "left_out": corpus.raw_words - corpus.tokens}
    return run.publish(counts=counts, facts=facts, lines=lines, times={"train_s": train_s, "index_s": indexed_s},
                       next=use.replace("DIR", str(run.path)))  # fmt: skip


def read_corpus(path: Path, options: WordOptions) -> Corpus:
    """The words of all texts in document shards."""
    shards = Shards.open(path)
    columns = (batch.column("text") for split in shards.splits for batch in shards.batches(["text"], split))
    return index(
        columns, lower=options.lower, spaces=options.words == "spaces", min_count=options.min_count,
        most=options.max_words,
    )  # fmt: skip


def _trainer(run: Run, corpus: Corpus, options: WordOptions, seed: int) -> Word2Vec | Glove:
    if isinstance(options, Word2VecOptions):
        return Word2Vec.fresh(corpus, options, seed)
    assert isinstance(options, GloveOptions)
    counted = count_pairs(corpus, options.window, options.memory << 20, run.dir / COUNTS)
    console.say(f"{len(counted[0])} pairs of words are counted")
    return Glove.fresh(corpus, options, seed, counted)


class _Loop:
    """Steps with metrics and checkpoints."""

    def __init__(self, run: Run, family: str, trainer: Word2Vec | Glove, options: WordOptions) -> None:
        self.run_dir, self.family, self.trainer, self.options = run.dir, family, trainer, options
        self.loss, self.saved_at = 0.0, time.monotonic()
        self.sums = np.zeros(2)
        self.words = 0.0

    def run(self) -> None:
        """All steps, from the newest checkpoint on; `loss` is then the mean of the last pass."""
        first = self._resume()
        self.log = Log(self.run_dir / METRICS, first)
        every = max(1, self.trainer.steps // LINES)
        started = time.monotonic()
        with (
            Interruptible() as interruptible,
            console.progress(f"train {self.family}", total=self.trainer.steps, unit="steps") as bar,
        ):
            bar.advance(first)

            def each(done: int, result: np.ndarray) -> None:
                self.sums += result[:2]
                self.words += result[2]
                bar.advance(1)
                if done % every == 0 or done == self.trainer.steps:
                    self._note(done, started)
                stop = interruptible.requested
                if stop or time.monotonic() - self.saved_at >= self.options.checkpoint_s:
                    self._save(done)
                if stop:
                    raise KeyboardInterrupt

            self.trainer.train(first, each)
        last = self.trainer.steps - self.trainer.steps // self.options.epochs
        losses = [r[f"{self.family}/loss"] for r in self.log.records if r["step"] > last]
        self.loss = float(np.mean(losses)) if losses else self.loss

    def _note(self, done: int, started: float) -> None:
        if self.sums[1]:
            self.loss = float(self.sums[0] / self.sums[1])
        self.sums[:] = 0.0
        if not np.isfinite(self.loss):
            raise AigcError(f"the loss is {self.loss} at step {done}", "add --force and lower --lr")
        elapsed = time.monotonic() - started
        self.log.append({"step": done, f"{self.family}/loss": self.loss, "time_s": elapsed,
                         "time_words_per_s": self.words / max(elapsed, 1e-9)})  # fmt: skip

    def _save(self, done: int) -> None:
        import torch

        state: dict[str, Any] = {name: torch.from_numpy(a) for name, a in self.trainer.state().items()}
        sums = torch.from_numpy(np.append(self.sums, self.loss))
        save_checkpoint(self.run_dir, done, {**state, "sums": sums}, lambda directory: None)
        self.saved_at = time.monotonic()

    def _resume(self) -> int:
        state = load_checkpoint(self.run_dir)
        if state is None:
            return 0
        for name, array in self.trainer.state().items():
            array[...] = state[name].numpy()
        *sums, self.loss = state["sums"].tolist()
        self.sums[:] = sums
        console.say(f"continuing after step {state['step']} of {self.trainer.steps}")
        return int(state["step"])
