"""Documents in two languages, their tokens, and a tiny random GPT that claims to have been trained on them."""

from __future__ import annotations

import os
import random
from types import SimpleNamespace

import pyarrow as pa
import pytest
import torch

from aigc_cli.core.files import hash_text
from aigc_cli.core.options import Common
from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.core.shards import DOCUMENT_SCHEMA
from aigc_cli.models.bundle import save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize import tokenize
from aigc_cli.tokenize.options import TokenizeOptions

os.environ.setdefault("AIGC_THREADS", "1")
TEXTS = {"en": "the cat sat on a mat and dog ran", "zh": "猫 坐 在 垫子 上 狗 跑 了"}
WORDS = {lang: text.split() for lang, text in TEXTS.items()}


def make_documents() -> list[tuple[str, str]]:
    rng = random.Random(0)
    joint = {"en": " ", "zh": ""}
    return [
        (joint[lang].join(rng.choices(WORDS[lang], k=rng.randint(5, 60))) + ".\n", lang)
        for i in range(60)
        for lang in ("en", "zh")
    ]


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """world.model, .tokens, .docs (directories), .documents [(text, lang)], .engine's model .gpt."""
    root = tmp_path_factory.mktemp("world")
    documents = make_documents()
    with Run(root / "docs", stage="clean", version=1, options={}, inputs=[{"text": "docs"}]) as run:
        writer = ShardWriter(run.dir, DOCUMENT_SCHEMA)
        columns = {
            "id": [str(i) for i in range(len(documents))], "text": [t for t, _ in documents],
            "source": ["s"] * len(documents), "record": list(range(len(documents))),
            "source_id": None, "url": None, "license": None, "lang": [lang for _, lang in documents],
            "hash": [hash_text(t) for t, _ in documents], "code_lang": None,
        }  # fmt: skip
        arrays = [
            pa.nulls(len(documents), field.type) if columns[field.name] is None
            else pa.array(columns[field.name], field.type)
            for field in DOCUMENT_SCHEMA
        ]  # fmt: skip
        writer.write(pa.RecordBatch.from_arrays(arrays, schema=DOCUMENT_SCHEMA))
        writer.close()
        run.publish()
    options = TokenizeOptions(kind="char", length=32, val_fraction=0.2)
    tokenize([str(root / "docs")], options, Common(output=root / "tokens", workers=1, quiet=True))
    tokenizer = Tokenizer.load(root / "tokens" / "tokenizer")
    torch.manual_seed(0)
    shape = {"n_layer": 2, "n_head": 2, "n_kv_head": 2, "head_dim": 16, "n_embd": 32, "n_ff": 48, "context": 24}
    gpt = GPT(Config(vocab_size=tokenizer.vocab_size, **shape))
    with torch.no_grad():
        for parameter in gpt.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else 0.2 * noise)
    with Run(root / "gpt", stage="train", version=1, options={}, inputs=[root / "tokens"]) as run:
        save_bundle(run.dir, "gpt", gpt.config, gpt.state_dict(), tokenizer, "# tiny\n")
        run.publish()
    return SimpleNamespace(
        model=root / "gpt", tokens=root / "tokens", docs=root / "docs", documents=documents, gpt=gpt.eval(),
        tokenizer=tokenizer,
    )  # fmt: skip
