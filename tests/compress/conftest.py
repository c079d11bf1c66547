"""A tiny GPT on disk, in several shapes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch

from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.models.bundle import pack_pt, save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT
from aigc_cli.tokenize.vocabulary import train_tokenizer

TINY = Config(vocab_size=96, n_layer=3, n_head=4, n_kv_head=2, head_dim=16, n_embd=64, n_ff=96, context=48)


def random_gpt(config: Config, seed: int = 0) -> GPT:
    """A GPT with all parameters random, norms included, so that none is a neutral element."""
    torch.manual_seed(seed)
    model = GPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else 0.15 * noise)
    return model.eval()


@pytest.fixture
def make_bundle(tmp_path):
    """make_bundle(name, **fields) -> (directory, model)."""

    def make(name="model", **fields):
        config = dataclasses.replace(TINY, **fields)
        model = random_gpt(config)
        save_bundle(tmp_path / name, "gpt", config, model.state_dict(), None, "# test\n")
        return tmp_path / name, model

    return make


@pytest.fixture(scope="session")
def tokenizer():
    """A character tokenizer of fewer than 256 pieces."""
    return train_tokenizer(["abcdefghijklmnopqrstuvwxyz \n" * 3], kind="char")


@pytest.fixture
def make_shards(tmp_path, tokenizer):
    """make_shards(name, ...) -> directory of token shards with a learnable pattern."""

    def make(name="tokens", vocab_size=None, length=33, rows=80):
        vocab_size = vocab_size or tokenizer.vocab_size
        rng = np.random.default_rng(1)
        # Each token is the last one plus 1 or 2, so that there is something to learn and something to guess.
        steps = rng.integers(1, 3, (rows, length))
        ids = (np.cumsum(steps, 1) + rng.integers(0, vocab_size, (rows, 1))) % vocab_size
        schema = pa.schema([("input_ids", pa.list_(pa.uint16(), length))])
        with Run(tmp_path / name, stage="tokenize", version=1, options={}, inputs=[{"text": name}]) as run:
            for split, part in (("train", ids[: rows - 16]), ("validation", ids[rows - 16 :])):
                writer = ShardWriter(run.dir / split, schema, split=split)
                flat = pa.array(part.reshape(-1).astype(np.uint16))
                writer.write(
                    pa.RecordBatch.from_arrays([pa.FixedSizeListArray.from_arrays(flat, length)], schema=schema)
                )
                writer.close()
            write_dataset_dict(run.dir, ["train", "validation"])
            tokenizer.save(run.dir / "tokenizer")
            counts = {"train": (rows - 16) * length, "validation": 16 * length}
            n_bytes = {split: 2 * n for split, n in counts.items()}
            facts = {"vocab_size": vocab_size, "length": length, "tokenizer": tokenizer.digest, "kind": "char"}
            run.publish(facts={**facts, "tokens": counts, "bytes": n_bytes})
        return tmp_path / name

    return make


@pytest.fixture
def make_run(tmp_path, make_shards, tokenizer):
    """make_run(name, **fields) -> (run directory of `train`, model), with token shards as its parent."""

    def make(name="teacher", shards=None, **fields):
        shards = shards or make_shards()
        config = dataclasses.replace(TINY, **{"vocab_size": tokenizer.vocab_size, **fields})
        model = random_gpt(config)
        with Run(tmp_path / name, stage="train", version=1, options={}, inputs=[shards], pack=pack_pt) as run:
            save_bundle(run.dir, "gpt", config, model.state_dict(), tokenizer, "# test\n")
            path = run.publish().path
        return path, model

    return make
