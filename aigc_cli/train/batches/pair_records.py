"""Pairs of texts as records of ids on disk: made once under .aigc/, then mapped."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.core.shards import Shards
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize.encoding import id_type
from aigc_cli.tokenize.vocabulary import train_tokenizer
from aigc_cli.train.batches.pair_data import PairTable
from aigc_cli.train.batches.pairs import Reader
from aigc_cli.train.tasks.options import Seq2seqRules

VERSION = 1  # raised when equal inputs would give other records
SAMPLE_BYTES = 16_000_000  # of text, to learn a vocabulary from
TOGETHER = 4096  # pairs encoded at a time
# Tokens of a side that a fresh model is made for: those of the longest pair, within these bounds. Positions are
# relative, so a wider window costs nothing, and a narrow one would refuse a text a little longer than those seen.
SHORTEST, LONGEST = 128, 512
TRIED = 4000  # pairs that a dry run reads
SPLITS = ("train", "validation")


@dataclass
class Pairs:
    """Records of pairs, opened (see train/job.py:Inputs)."""

    path: Path | None
    train: PairTable
    validation: PairTable | None
    tokenizer: Tokenizer
    vocab_size: int
    length: int


@dataclass
class _Survey:
    """What a first reading finds: which pairs validate, and text to learn a vocabulary from."""

    pairs: int = 0
    text_bytes: int = 0
    given: bool = False  # the input says what validates
    threshold: int = 0  # otherwise pairs with a key below this one
    texts: list[str] = field(default_factory=list)

    def validates(self, source: str, split: str) -> bool:
        return split == "validation" if self.given else _key(source) < self.threshold


def open_pairs(paths: Sequence[Path], rules: Seq2seqRules, given: Tokenizer | None, common: Common) -> Pairs:
    """The records of the pairs in `paths`, made first where they are not. DataError when there are none."""
    if len(paths) == 1 and _is_records(paths[0]):
        found = _opened(paths[0])
        if given is not None and given.digest != found.tokenizer.digest:
            fact = f"{paths[0]} was made by another tokenizer than the one to be used"
            raise ConfigError(fact, "give --shards the pairs themselves")
        return found
    fields = None if rules.source_field is None or rules.target_field is None else (
        rules.source_field, rules.target_field
    )  # fmt: skip
    reader = Reader(list(paths), fields)
    if common.dry_run:
        return _tried(reader, rules, given)
    values = {"fields": list(fields) if fields else None, "val_fraction": rules.val_fraction}
    if given is None:
        values |= {"vocab_size": rules.vocab_size}
    literal = [{"tokenizer": given.digest}] if given is not None else []
    with Run(None, stage="pairs", version=VERSION, options=values, inputs=[*paths, *literal],
             common=replace(common, output=None), implicit=True) as run:  # fmt: skip
        if not run.up_to_date:
            _make(run, reader, rules, given)
    return _opened(run.path)


def _make(run: Run, reader: Reader, rules: Seq2seqRules, given: Tokenizer | None) -> None:
    found = _survey(reader, rules.val_fraction, learn=given is None)
    tokenizer = given or _learned(found, rules.vocab_size)
    tokenizer.save(run.dir / "tokenizer")
    kind = pa.large_list(id_type(tokenizer.vocab_size))
    schema = pa.schema([("source", kind), ("target", kind)])
    writers: dict[str, ShardWriter] = {}
    tokens = dict.fromkeys(SPLITS, 0)
    longest = 0
    for group in _groups(reader):
        for number, name in enumerate(SPLITS):
            chosen = [(s, t) for s, t, split in group if found.validates(s, split) == bool(number)]
            if chosen:
                if name not in writers:
                    writers[name] = ShardWriter(run.dir / name, schema, split=name)
                sides = [_encoded(tokenizer, [pair[side] for pair in chosen], kind) for side in (0, 1)]
                writers[name].write(pa.RecordBatch.from_arrays(sides, schema=schema))
                tokens[name] += sum(len(side.values) for side in sides)
                longest = max(longest, *(int(np.diff(side.offsets.to_numpy()).max()) for side in sides))
    for writer in writers.values():
        writer.close()
    if "train" not in writers:
        raise DataError("no pair is left for training", "give a file of pairs that is not named valid...")
    names = [name for name in SPLITS if name in writers]
    write_dataset_dict(run.dir, names)
    facts = {
        "tokenizer": tokenizer.digest, "vocab_size": tokenizer.vocab_size, "longest": longest,
        "tokens": {name: tokens[name] for name in names}, "left_out": dict(sorted(reader.left_out.items())),
    }  # fmt: skip
    left_out = reader.left_out.total()
    said = ", ".join(f"{count} {reason}" for reason, count in sorted(reader.left_out.items()))
    console.say(f"{found.pairs} pairs" + (f", {left_out} left out ({said})" if left_out else ""))
    run.publish(counts={name: writers[name].rows for name in names} | {"left_out": left_out}, facts=facts)


def _survey(reader: Reader, fraction: float, *, learn: bool) -> _Survey:
    """Reads all pairs once. DataError when there are none."""
    found, keys, splits = _Survey(), [], set()
    held, held_bytes, share = [], 0, 1 << 64
    for source, target, split in reader.pairs():
        found.pairs += 1
        splits.add(split)
        key = _key(source)
        keys.append(key)
        size = len(source.encode()) + len(target.encode())
        found.text_bytes += size
        place = xxhash.xxh3_64_intdigest(f"{key}:{target}".encode())
        if learn and place < share:
            held.append((place, key, split, source, target, size))
            held_bytes += size
            while held_bytes > SAMPLE_BYTES and len(held) > 1:  # a sample by content: half of it, again and again
                share //= 2
                held = [entry for entry in held if entry[0] < share]
                held_bytes = sum(entry[-1] for entry in held)
    if not found.pairs:
        said = ", ".join(f"{count} {reason}" for reason, count in sorted(reader.left_out.items()))
        raise DataError(f"there are no pairs in the input ({said or 'it is empty'})", "give two columns of text")
    found.given = "validation" in splits
    if not found.given and fraction > 0 and len(set(keys)) > 1:
        # Above the lowest key: one pair validates; not above the highest: one trains.
        found.threshold = min(max(int(fraction * 2.0**64), min(keys) + 1), max(keys))
    found.texts = [
        text for _, key, split, source, target, _ in held
        if not (split == "validation" if found.given else key < found.threshold) for text in (source, target)
    ]  # fmt: skip
    return found


def _tried(reader: Reader, rules: Seq2seqRules, given: Tokenizer | None) -> Pairs:
    """For a dry run: the first pairs, in memory alone."""
    console.say(f"nothing is written in a dry run: looking at the first {TRIED} pairs")
    group = list(itertools.islice(reader.pairs(), TRIED))
    if not group:
        raise DataError("there are no pairs in the input", "give two columns of text")
    texts = [text for source, target, _ in group for text in (source, target)]
    found = _Survey(len(group), sum(len(text.encode()) for text in texts), texts=texts)
    tokenizer = given or _learned(found, rules.vocab_size)
    kind = pa.large_list(id_type(tokenizer.vocab_size))
    sides = [_encoded(tokenizer, [row[side] for row in group], kind) for side in (0, 1)]
    table = PairTable([pa.RecordBatch.from_arrays(sides, names=["source", "target"])])
    return Pairs(None, table, None, tokenizer, tokenizer.vocab_size, _length(table.longest))


def _learned(found: _Survey, vocab_size: int | None) -> Tokenizer:
    console.say(f"learning a vocabulary from {console.human_bytes(sum(len(t.encode()) for t in found.texts))} of text")
    return train_tokenizer(found.texts, vocab_size=vocab_size, total_bytes=found.text_bytes)


def _groups(reader: Reader) -> Any:
    pairs = reader.pairs()
    return iter(lambda: list(itertools.islice(pairs, TOGETHER)), [])


def _encoded(tokenizer: Tokenizer, texts: list[str], kind: pa.DataType) -> pa.LargeListArray:
    """The ids of each text with the end token, as a column."""
    ids, ends = tokenizer.encode_column(pa.array(texts, pa.large_string()), -1, tokenizer.eos)
    return pa.LargeListArray.from_arrays(pa.array(ends), pa.array(ids).cast(kind.value_type))


def _is_records(path: Path) -> bool:
    if not Shards.is_shards(path):
        return False
    shards = Shards.open(path)
    return {"source", "target"} <= set(shards.columns) and pa.types.is_large_list(shards.schema.field("source").type)


def _opened(path: Path) -> Pairs:
    shards = Shards.open(path)
    facts = (shards.manifest or {}).get("facts", {})
    if "vocab_size" not in facts or not (path / "tokenizer").is_dir():
        raise DataError(f"{path} holds no records of pairs", "give --shards the pairs themselves")
    tokenizer = Tokenizer.load(path / "tokenizer")
    if tokenizer.digest != facts["tokenizer"]:
        raise DataError(f"{path}/tokenizer is not the tokenizer that made the records", "delete that directory")
    tables = {
        name: PairTable(list(shards.batches(["source", "target"], name)), below=tokenizer.vocab_size)
        for name in shards.splits
    }
    length = _length(int(facts["longest"]))
    return Pairs(path, tables["train"], tables.get("validation"), tokenizer, tokenizer.vocab_size, length)


def _length(longest: int) -> int:
    return min(max(longest, SHORTEST), LONGEST)


def _key(source: str) -> int:
    return xxhash.xxh3_64_intdigest(source.encode())
