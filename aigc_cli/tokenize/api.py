"""Documents into token shards: vocabulary, encoding, packing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from aigc_cli.collect.api import ensure_shards
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.engine import Parts, Unit, map_units
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.files import canonical_json
from aigc_cli.core.options import Common, build, resolved
from aigc_cli.core.run import Run
from aigc_cli.core.shard_writer import write_dataset_dict
from aigc_cli.core.shards import Shards
from aigc_cli.models.tokenizer import FILES, Tokenizer
from aigc_cli.tokenize.documents import Survey, sample, survey
from aigc_cli.tokenize.encoding import Task, encode_task, part_schema
from aigc_cli.tokenize.excerpts import passages
from aigc_cli.tokenize.facts import facts_of, lines_of
from aigc_cli.tokenize.measures import facts as measured
from aigc_cli.tokenize.options import DEFAULT_KIND, PictureOptions, TokenizeOptions
from aigc_cli.tokenize.packing import Packer
from aigc_cli.tokenize.vocabulary import auto_vocab_size, train_tokenizer

VERSION = 3  # raised when equal options and inputs would give other records
CHECKED, CHECKED_CHARS = 200, 10_000  # texts whose round trip is checked before anything is encoded


def tokenize(
    inputs: Sequence[str | Path],
    options: TokenizeOptions | None = None,
    common: Common | None = None,
    pictures: PictureOptions | None = None,
) -> Result:
    """Token shards of `inputs` (document shards or raw files): records of `length` ids, and tokenizer/.

    Of pictures: records of pixels (tokenize/pictures/api.py).

    Raises ConfigError for a vocabulary size that does not fit the text, DataError for inputs without text.
    """
    return _tokenize(inputs, options or TokenizeOptions(), common or Common(), pictures, implicit=False)


def ensure_tokens(inputs: Sequence[str | Path], common: Common | None = None, **defaults: Any) -> Path:
    """The directory of token shards for `inputs`: the one named, or one made now under .aigc/.

    `defaults` are fields of TokenizeOptions, e.g. length=256.
    """
    if len(inputs) == 1 and Shards.is_shards(inputs[0]):
        shards = Shards.open(inputs[0])
        if shards.num_rows() and "input_ids" in shards.columns:
            return Path(inputs[0])
    common = replace(common or Common(), output=None, dry_run=False)
    path = _tokenize(inputs, build(TokenizeOptions, defaults), common, None, implicit=True).path
    assert path is not None
    return path


def ensure_pictures(inputs: Sequence[str | Path], common: Common | None = None, size: int | None = None) -> Path:
    """The directory of picture records for `inputs` (picture shards or files), made now under .aigc/."""
    common = replace(common or Common(), output=None, dry_run=False)
    options = PictureOptions() if size is None else PictureOptions(size=size)
    paths = list(inputs) if all(Shards.is_shards(i) for i in inputs) else [ensure_shards(inputs, common)]
    for path in paths:
        if "image" not in Shards.open(path).columns:
            raise DataError(
                f"there is no picture in {path}", "aigc collect --modality image, where text lies beside them"
            )
    result = _tokenize(paths, TokenizeOptions(), common, options, implicit=True)
    assert result.path is not None
    return result.path


def _tokenize(
    inputs: Sequence[str | Path],
    options: TokenizeOptions,
    common: Common,
    pictures: PictureOptions | None,
    *,
    implicit: bool,
) -> Result:
    if not inputs:
        raise ConfigError("nothing to tokenize is named", "name document shards or files")
    given = Tokenizer.load(options.tokenizer) if options.tokenizer else None
    ready = all(Shards.is_shards(i) for i in inputs)
    if common.dry_run and not ready:
        return Result("tokenize", None, {}, ["the inputs are raw files: they would be collected first"])
    paths = [Path(i) for i in inputs] if ready else [ensure_shards(inputs, replace(common, output=None))]
    sources = [_documents(path) for path in paths]
    if _are_pictures(sources, options, pictures, implicit):
        from aigc_cli.tokenize.pictures.api import tokenize_pictures

        return tokenize_pictures(paths, pictures or PictureOptions(), options.val_fraction, common, implicit)
    if common.dry_run:
        return _plan(sources, options, given)
    literal = [{"tokenizer": given.digest}] if given else []
    with Run(common.output, stage="tokenize", version=VERSION, options=_effective(options, common),
             inputs=[*paths, *literal], default="tokens", common=common, implicit=implicit) as run:  # fmt: skip
        if run.up_to_date:
            return run.result(lines=lines_of(run.manifest["facts"]), next=_next(run))
        try:
            found = survey(sources, options.val_fraction)
            tokenizer = given or _vocabulary(run, sources, found, options)
        except (ConfigError, DataError):
            shutil.rmtree(run.dir)  # nothing is lost, and the corrected command starts without --force
            raise
        if tokenizer.slow_because:
            console.say(f"its library encodes, not the faster kernel: the vocabulary has {tokenizer.slow_because}")
        tokenizer.save(run.dir / "tokenizer")
        parts, tasks = _encode(run, sources, tokenizer, found)
        packers = _pack(run, parts, tokenizer, options)
        facts = facts_of(tokenizer, packers, options.length, passages(parts, tasks, tokenizer), given is not None)
        facts |= measured(parts.counts)
        facts["split"] = "given" if found.split.given else "last part" if found.split.tail else "content hash"
        counts = {"documents": found.documents, "empty": parts.counts["empty"],
                  **{key: sum(facts[key].values()) for key in ("records", "tokens", "padding", "cropped")}}  # fmt: skip
        return run.publish(counts=counts, facts=facts, lines=lines_of(facts), next=_next(run))


def _are_pictures(
    sources: list[Shards], options: TokenizeOptions, pictures: PictureOptions | None, implicit: bool
) -> bool:
    """Whether the inputs are pictures; ConfigError for options of the other kind, or for both kinds at once."""
    kinds = {"image" in shards.columns for shards in sources}
    if len(kinds) == 2:
        raise ConfigError("some inputs hold pictures and some text", "tokenize them one after the other")
    of_text = replace(options, val_fraction=TokenizeOptions.val_fraction)
    given, usual = (of_text, TokenizeOptions()) if kinds == {True} else (pictures or PictureOptions(), PictureOptions())
    idle = [name for name, value in vars(given).items() if value != getattr(usual, name)]
    if idle and not implicit:
        what = "pictures" if kinds == {True} else "text"
        raise ConfigError(f"--{idle[0].replace('_', '-')} says nothing for {what}", "leave it out")
    return kinds == {True}


def _documents(path: Path) -> Shards:
    shards = Shards.open(path)
    if "input_ids" in shards.columns:
        raise ConfigError(f"{path} holds token records already", f"train on them: aigc train gpt --shards {path}")
    return shards


def _effective(options: TokenizeOptions, common: Common) -> dict[str, Any]:
    """The options that the result depends on: a given tokenizer makes those of training idle."""
    values = resolved(options)
    if options.tokenizer is not None:
        for name in ("kind", "vocab_size", "coverage", "split_digits", "sample_bytes"):
            del values[name]
        return values
    return {**values, "kind": options.kind or DEFAULT_KIND, "seed": common.seed}


def _vocabulary(run: Run, sources: list[Shards], found: Survey, options: TokenizeOptions) -> Tokenizer:
    """The trained tokenizer; a resumed run takes the one that it had trained."""
    directory = run.dir / "tokenizer"
    for entry in run.journal.entries:
        if "vocabulary" in entry and all((directory / name).is_file() for name in FILES):
            tokenizer = Tokenizer.load(directory)
            if tokenizer.digest == entry["vocabulary"]:
                return tokenizer
    size = min(found.train_bytes, options.sample_bytes)
    kind = options.kind or DEFAULT_KIND
    console.say(f"learning a {kind} vocabulary from {console.human_bytes(size)} of text")
    texts = list(sample(sources, found, options.sample_bytes, run.common.seed))
    tokenizer = train_tokenizer(
        texts, kind=kind, vocab_size=options.vocab_size, total_bytes=found.train_bytes, coverage=options.coverage,
        split_digits=options.split_digits,
    )  # fmt: skip
    for text in texts[:: -(-len(texts) // CHECKED)]:
        if tokenizer.decode(tokenizer.encode(text[:CHECKED_CHARS])) != text[:CHECKED_CHARS]:
            raise AigcError("the new tokenizer does not give text back unchanged", "this is a bug: please report it")
    tokenizer.save(directory)
    run.journal.append({"vocabulary": tokenizer.digest})
    return tokenizer


def _encode(run: Run, sources: list[Shards], tokenizer: Tokenizer, found: Survey) -> tuple[Parts, list[Task]]:
    """All documents as ids, in parallel, in input order; and the work behind each part."""
    place = str((run.dir / "tokenizer").absolute())
    units = []
    for number, shards in enumerate(sources):
        salt = canonical_json([VERSION, tokenizer.digest, asdict(found.split), number])
        for unit in shards.units():
            path, name, start, rows = unit.payload
            task = Task(path, name, start, rows, place, found.split)
            units.append(Unit(unit.key, task, unit.weight_bytes).derive(salt))
    parts = map_units(run, units, encode_task, schema=part_schema(tokenizer.vocab_size), label="encode")
    return parts, [unit.payload for unit in units]


def _pack(run: Run, parts: Parts, tokenizer: Tokenizer, options: TokenizeOptions) -> dict[str, Packer]:
    """Records of both splits on disk; a split without documents is left out."""
    packers: dict[str, Packer] = {}
    for batch in parts.batches():
        column = batch.column("validation")
        for name, mask in (("train", [not v for v in column.to_pylist()]), ("validation", column.to_pylist())):
            if any(mask):
                if name not in packers:
                    packers[name] = Packer(run.dir / name, name, tokenizer, length=options.length, pack=options.pack)
                packers[name].feed(batch if all(mask) else _only(batch, mask))
    for packer in packers.values():
        packer.close()
    packers = {name: packers[name] for name in ("train", "validation") if name in packers}
    if "train" not in packers:
        raise DataError("no document is left for training", "check the split 'train' of the input")
    write_dataset_dict(run.dir, list(packers))
    return packers


def _only(batch: Any, mask: list[bool]) -> Any:
    import pyarrow as pa

    return batch.filter(pa.array(mask))


def _plan(sources: list[Shards], options: TokenizeOptions, given: Tokenizer | None) -> Result:
    found = survey(sources, options.val_fraction)
    size = given.vocab_size if given else options.vocab_size or auto_vocab_size(found.train_bytes)
    about = "all characters" if options.kind == "char" and not options.vocab_size else f"about {size:,} pieces"
    lines = [
        f"{found.documents:,} documents, {console.human_bytes(found.train_bytes)} of text in train",
        f"vocabulary: {options.kind or (given.kind if given else DEFAULT_KIND)}, {about}; records of {options.length}",
    ]
    return Result("tokenize", None, {"documents": found.documents, "train_bytes": found.train_bytes}, lines)


def _next(run: Run) -> str:
    return f"aigc train gpt --shards {run.path}"
