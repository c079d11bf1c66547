"""Evaluation as a stage: how well a language model predicts text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.evaluate.compare import compare
from aigc_cli.evaluate.data import (
    Document,
    add_languages,
    is_tokens,
    read_documents,
    read_stream,
    split_documents,
    training_shards,
)
from aigc_cli.evaluate.options import EvalOptions
from aigc_cli.evaluate.perplexity import nats
from aigc_cli.generate.api import open_model, tokenizer_of
from aigc_cli.generate.engine import Engine, open_engine
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.tokenizer import Tokenizer

VERSION = 1


def evaluate(
    model: str | Path | None = None, options: EvalOptions | None = None, common: Common | None = None
) -> console.Result:
    """Perplexity and bits per byte of a model, by default on the validation split of its own training data.

    model None: the newest run. Token shards are one stream, as in training, with the ends of documents predicted;
    documents and text files are read one by one, without their ends. common.output: a run directory, or a .json file
    for the numbers alone. manifest (a run: its facts): {"nats_per_token", "perplexity",
    "bits_per_byte", "tokens", "bytes", "context", "stride", ...}; with options.ngram also "ngram", per language.
    """
    options, common = options or EvalOptions(), common or Common()
    bundle = open_model(model).require("perplexity", "perplexity")
    paths = [Path(path) for path in options.shards] or [training_shards(bundle)]
    for path in paths:
        if not path.exists():
            raise ConfigError(f"there is no {path}", "name shards or text files")
    if common.dry_run:
        return console.Result("eval", None, {}, [f"would evaluate {bundle.describe()} on {', '.join(map(str, paths))}"])
    title = f"{bundle.path} on {', '.join(map(str, paths))}"
    if common.output is None or common.output.suffix:
        facts = {"model": str(bundle.path), "data": [str(p) for p in paths], **_facts(bundle, paths, options)}
        if common.output is not None:
            atomic_write(common.output, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
        return console.Result("eval", common.output, facts, _lines(title, facts))
    values = {k: v for k, v in resolved(options, common).items() if k != "shards"}
    with Run(
        common.output, stage="eval", version=VERSION, options=values, inputs=[bundle.path, *paths], common=common
    ) as run:
        if run.up_to_date:
            return run.result()
        facts = _facts(bundle, paths, options)
        atomic_write(run.dir / "eval.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
        return run.publish(facts=facts, lines=_lines(title, facts), next=f"aigc report {run.path}")


def _facts(bundle: Bundle, paths: list[Path], options: EvalOptions) -> dict[str, Any]:
    """All numbers of one evaluation."""
    tokenizer = tokenizer_of(bundle)
    engine = open_engine(bundle, options.device, options.dtype)
    tokens = len(paths) == 1 and is_tokens(paths[0])
    if tokens:
        stream = read_stream(paths[0], options.split, tokenizer, options.max_tokens)
        sequences, n_bytes = [stream], int(np.array(tokenizer.id_bytes)[stream[1:]].sum())
        documents = list(split_documents(stream, tokenizer)) if options.ngram else []
        if options.ngram:
            add_languages(documents, paths[0])
    else:
        documents = read_documents(paths, options.split, tokenizer, options.max_tokens)
        sequences, n_bytes = [d.ids for d in documents], sum(len(d.data) for d in documents)
    facts = {"split": options.split, **_measure(engine, sequences, n_bytes, options)}
    if options.ngram:
        train = _training_bytes(paths[0] if tokens else training_shards(bundle), tokenizer)
        facts["ngram_order"] = options.ngram
        facts["ngram"] = compare(
            engine, documents, train, order=options.ngram, stride=options.stride, batch_size=options.batch_size
        )
    return facts


def _measure(engine: Engine, sequences: list[np.ndarray], n_bytes: int, options: EvalOptions) -> dict[str, Any]:
    count = sum(len(s) - 1 for s in sequences)
    with console.progress("eval", total=count, unit="tokens") as bar:
        total = nats(
            engine, sequences, stride=options.stride, batch_size=options.batch_size, advance=lambda n: bar.advance(n)
        ).sum()
    mean = float(total) / count
    return {
        "nats_per_token": mean, "perplexity": math.exp(min(mean, 700)),
        "bits_per_byte": float(total) / math.log(2) / max(n_bytes, 1), "tokens": count, "bytes": n_bytes,
        "context": engine.context, "stride": min(options.stride or max(engine.context // 2, 1), engine.context),
    }  # fmt: skip


def _training_bytes(path: Path, tokenizer: Tokenizer) -> Iterator[bytes]:
    """The documents of the training split; the validation split must not be among them."""
    from aigc_cli.core.shards import Shards

    if "validation" not in Shards.open(path).splits:
        raise ConfigError(f"{path} has no validation split, so an n-gram model would have seen its test",
                          "tokenize with --val-fraction 0.05, or name other --shards")  # fmt: skip
    documents: Iterator[Document] = split_documents(read_stream(path, "train", tokenizer), tokenizer)
    return (document.data for document in documents)


def _lines(title: str, facts: dict[str, Any]) -> list[str]:
    names = ("nats_per_token", "perplexity", "bits_per_byte", "tokens", "bytes")
    title = f"{title}, context {facts['context']}, stride {facts['stride']}"
    lines = [console.table(title, [n.replace("_", " ") for n in names], [[facts[n] for n in names]])]
    if "ngram" in facts:
        rows = [
            [lang, row["documents"], row["bytes"], row["model_bpb"], row["ngram_bpb"],
             row["model_bpb"] / row["ngram_bpb"]]
            for lang, row in facts["ngram"].items()
        ]  # fmt: skip
        order = facts["ngram_order"]
        columns = ["language", "documents", "bytes", "model", f"{order}-gram", "ratio"]
        lines.append(console.table("bits per byte of whole documents, below 1 the model is better", columns, rows))
    return lines
