"""aigc tokenize with the compiled encoder and with byte-level BPE: equal records, whatever encodes them."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from aigc_cli.core.files import hash_file
from aigc_cli.core.options import Common
from aigc_cli.core.shard_writer import ShardWriter
from aigc_cli.core.shards import DOCUMENT_SCHEMA, Shards
from aigc_cli.models import tokenizer as tokenizer_module
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize import encoding, tokenize
from aigc_cli.tokenize.options import TokenizeOptions

SYLLABLES = ("ba", "na", "ri", "ver", "the", "or", "s", "an", "qu", "ie", "夏", "冬", "\u2581", "é")


def text_of(seed: int, words: int = 80) -> str:
    rng = random.Random(seed)
    made = ["".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 3)))) for _ in range(words)]
    return "".join(word + rng.choice((" ", " ", "\n")) for word in made)


TEXTS = [text_of(i) for i in range(40)] + [text_of(99, 3000), ""]


@pytest.fixture
def docs(here):
    writer = ShardWriter(here / "docs", DOCUMENT_SCHEMA)
    rows = [{"id": str(i), "text": text, "source": "s", "record": i} for i, text in enumerate(TEXTS)]
    writer.write(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA))
    writer.close()
    return here / "docs"


def run(docs, to, **values):
    options = {"vocab_size": 480, "length": 64, "val_fraction": 0.0, **values}
    return tokenize([docs], TokenizeOptions(**options), Common(output=to, quiet=True))


def payload(path):
    kept = [p for p in path.rglob("*") if p.is_file() and p.name not in ("run.json", "manifest.json", "journal.jsonl")]
    return {p.relative_to(path).as_posix(): hash_file(p) for p in kept}


def documents(result):
    tokenizer = Tokenizer.load(result.path / "tokenizer")
    stream = np.concatenate(Shards.open(result.path).fixed("input_ids", "train")).reshape(-1)
    stream = stream[: result.manifest["facts"]["tokens"]["train"]]
    parts = np.split(stream, np.flatnonzero(stream == tokenizer.bos))[1:]
    return [tokenizer.decode(part[1:-1].tolist()) for part in parts]


@pytest.mark.parametrize("kind", ["bpe", "unigram", "byte-bpe"])
def test_the_records_do_not_depend_on_what_encodes_or_in_which_portions(docs, here, monkeypatch, kind):
    by_library = run(docs, here / "library", kind=kind)
    assert documents(by_library) == TEXTS[:-1]
    expected = payload(by_library.path)
    monkeypatch.setattr(tokenizer_module, "KERNEL_BYTES", 0)
    encoding._tokenizer.cache_clear()
    assert payload(run(docs, here / "kernel", kind=kind).path) == expected
    monkeypatch.setattr(encoding, "GROUP_BYTES", 700)  # the longest document is alone and in parts
    monkeypatch.setattr(tokenizer_module, "LONG_CHARS", 500)
    encoding._tokenizer.cache_clear()
    assert payload(run(docs, here / "portions", kind=kind).path) == expected
    encoding._tokenizer.cache_clear()


def test_one_document_of_byte_bpe_validates_with_its_last_lines(here):
    writer = ShardWriter(here / "one", DOCUMENT_SCHEMA)
    writer.write(pa.RecordBatch.from_pylist([{"id": "0", "text": text_of(1, 600)}], schema=DOCUMENT_SCHEMA))
    writer.close()
    result = run(here / "one", here / "tokens", kind="byte-bpe", val_fraction=0.1)
    facts = result.manifest["facts"]
    assert facts["split"] == "last part" and facts["kind"] == "byte-bpe"
    assert sum(facts["bytes"].values()) == len(text_of(1, 600).encode())


def test_a_byte_bpe_tokenizer_can_be_given(docs, here):
    first = run(docs, here / "first", kind="byte-bpe")
    options = TokenizeOptions(tokenizer=first.path / "tokenizer", length=64, val_fraction=0.0)
    second = tokenize([docs], options, Common(output=here / "second", quiet=True))
    assert second.manifest["facts"]["tokenizer"] == first.manifest["facts"]["tokenizer"]
    assert documents(second) == TEXTS[:-1]


def test_coverage_contradicts_byte_bpe():
    with pytest.raises(ValueError, match="--coverage"):
        TokenizeOptions(kind="byte-bpe", coverage=0.99)
