"""collect: raw files to document shards."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aigc_cli.collect import stdin
from aigc_cli.collect.dispatch import read_file
from aigc_cli.collect.facts import Gatherer, PictureGatherer
from aigc_cli.collect.modality import find_settled
from aigc_cli.collect.options import CollectOptions
from aigc_cli.collect.records import EXAMPLES, Context, Settings, printable
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.sources import Listing
from aigc_cli.collect.step import document, read_unit, units, with_license
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.engine import Parts, map_units
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import IMPLICIT_ROOT, Run
from aigc_cli.core.shards import DOCUMENT_SCHEMA, PICTURE_SCHEMA, Shards
from aigc_cli.core.urls import without_secrets

VERSION = 4
KINDS = ("rejected", "skipped", "repaired", "encodings")  # of what units count by name
_HINTS = {
    "no_text_column": "name the column: aigc collect ... --text-field COLUMN",
    "missing_text_field": "name the field with --text-field",
    "too_long": "raise --max-document-bytes, or read text files with --lines",
    "expands_too_much": "raise --max-expanded-bytes if you trust the container",
    "too_large": "raise --max-fetch-bytes",
    "timed_out": "raise --timeout-s or --deadline-s if the server is only slow",
    "unsupported": "name other text files with --include, e.g. --include '*.rst'",
}


@dataclass
class Counted:
    """Counts and examples of a run: {kind: {reason: number}}, {kind: {reason: [where]}}."""

    numbers: dict[str, Counter[str]]
    examples: dict[str, dict[str, list[str]]]

    @classmethod
    def of(cls, counts: Iterable[Mapping[str, Any]]) -> Counted:
        """From what contexts drained and units counted."""
        found = cls({k: Counter() for k in KINDS}, {"rejected": {}, "skipped": {}})
        for entry in counts:
            for key, value in entry.items():
                kind, _, reason = key.partition(":")
                if kind in found.numbers and reason:
                    found.numbers[kind][reason] += value
                elif kind.endswith("_examples"):
                    held = found.examples[kind.removesuffix("_examples")].setdefault(reason, [])
                    held += value[: EXAMPLES - len(held)]
        return found

    def lines(self) -> list[str]:
        """One line a reason, the most frequent first, with examples."""
        rows = []
        for kind in ("rejected", "skipped", "repaired"):
            for reason, number in sorted(self.numbers[kind].items(), key=lambda item: (-item[1], item[0])):
                shown = printable("; ".join(self.examples.get(kind, {}).get(reason, [])))
                hint = f" - {_HINTS[reason]}" if reason in _HINTS and kind != "repaired" else ""
                rows.append(f"{kind} {number} {reason}{f': {shown}' if shown else ''}{hint}")
        return rows


def collect(
    inputs: Sequence[str | Path],
    options: CollectOptions | None = None,
    common: Common | None = None,
    fetching: FetchOptions | None = None,
) -> Result:
    """Document shards of everything readable in `inputs` (files, directories, globs, shards, URLs, "-").

    What cannot be read is counted in the manifest's facts {"rejected": {reason: n}, "examples": {reason: [where]}}.
    Raises DataError when not one document is found.
    """
    return _collect(inputs, options or CollectOptions(), common or Common(), fetching or FetchOptions(), implicit=False)


def ensure_shards(
    inputs: Sequence[str | Path], common: Common | None = None, options: CollectOptions | None = None
) -> Path:
    """The directory of document shards for `inputs`: the one named, or one collected now under .aigc/."""
    if len(inputs) == 1 and Shards.is_shards(inputs[0]):
        shards = Shards.open(inputs[0])
        if shards.num_rows() and ({"id", "text"} <= set(shards.columns) or "image" in shards.columns):
            return Path(inputs[0])
    path = _collect(inputs, options or CollectOptions(), common or Common(), FetchOptions(), implicit=True).path
    assert path is not None
    return path


def read_documents(
    inputs: Sequence[str | Path], options: CollectOptions | None = None, context: Context | None = None
) -> Iterator[dict[str, Any]]:
    """The documents of `inputs` one by one, rows of DOCUMENT_SCHEMA as dicts; nothing is written.

    `context`, with settings of its own, holds afterwards what could not be read.
    """
    from aigc_cli.collect.remote import here

    context = context or Context(settings(options or CollectOptions()))
    context.settings = replace(context.settings, modality="text")
    wanted = context.settings
    with _listed(inputs, context, Common()) as listing:
        for named in listing.files:
            with here(named, context, FetchOptions()) as file:
                if file is None:
                    continue
                context.settings = with_license(wanted, file)
                for record in read_file(file.path, file.label, file.kind, context.settings, context):
                    row, _ = document(record, context)
                    if row is not None:
                        yield row


def settings(options: CollectOptions) -> Settings:
    """The options as readers want them."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in vars(options).items()}
    if options.licenses:
        from aigc_cli.collect.licenses.wanted import patterns

        values["licenses"] = patterns(options.licenses)
    return Settings(**values)


def _collect(
    inputs: Sequence[str | Path], options: CollectOptions, common: Common, fetching: FetchOptions, *, implicit: bool
) -> Result:
    if not inputs:
        raise ConfigError("nothing to collect is named", "name files, directories or - for standard input")
    context = Context(settings(options))
    with _listed(inputs, context, common, fetching) as listing:
        skipped = [context.drain()]
        if common.dry_run:
            return Result("collect", None, {"files": len(listing.files)}, _plan(listing, Counted.of(skipped)))
        if not listing.files:
            _nothing(inputs, Counted.of(skipped))
        far, pictures = any("url" in i for i in listing.inputs), context.settings.modality == "image"
        if far and pictures:
            raise ConfigError("pictures behind URLs are not fetched", "download them and name their directory")
        chosen = resolved(options, fetching) if far else resolved(options)
        with Run(common.output, stage="collect", version=VERSION, options=chosen, inputs=listing.inputs,
                 default="docs", common=common, implicit=implicit, volatile=far) as run:  # fmt: skip
            if run.up_to_date:
                return run.result(lines=_summary(run.path, run.manifest), next=_next(run.path, pictures))
            if implicit and run.previous is None:
                run.previous = _earlier(run.options)
            if far:
                from aigc_cli.collect.remote_units import map_remote

                parts = map_remote(run, listing.files, context.settings, VERSION, fetching, context)
                skipped.append(context.drain())
            else:
                found = units(listing.files, context.settings, VERSION)
                schema = PICTURE_SCHEMA if pictures else DOCUMENT_SCHEMA
                parts = map_units(run, found, read_unit, schema=schema, label="collect")
            return _publish(run, parts, listing, skipped, pictures)


def _publish(run: Run, parts: Parts, listing: Listing, skipped: list[dict[str, Any]], pictures: bool) -> Result:
    counted = Counted.of([*skipped, *(unit.counts for unit in parts.units)])
    documents = int(parts.counts["documents"])
    if not documents:
        shutil.rmtree(run.dir, ignore_errors=True)  # there is nothing to continue from
        keys = ("file", "directory", "path", "url")
        names = [next((i[key] for key in keys if key in i), "standard input") for i in listing.inputs]
        _nothing([str(name) for name in names], counted)
    gatherer = PictureGatherer() if pictures else Gatherer()
    parts.merge(run.dir, gatherer.see)
    facts = {
        **({"modality": "image"} if pictures else {}),
        **gatherer.facts(listing.files),
        **{kind: dict(sorted(numbers.items())) for kind, numbers in counted.numbers.items()},
        "examples": dict(sorted(counted.examples["rejected"].items())),
        "skipped_examples": dict(sorted(counted.examples["skipped"].items())),
    }
    counts = {
        "files": len(listing.files), "documents": documents, "bytes": int(parts.counts["bytes"]),
        "rejected": sum(counted.numbers["rejected"].values()),
    }  # fmt: skip
    lines = _summary(run.path, {"counts": counts, "facts": facts})
    return run.publish(counts=counts, facts=facts, lines=lines, next=_next(run.path, pictures))


def _next(path: Path, pictures: bool) -> str:
    return f"aigc tokenize {path} -o records" if pictures else f"aigc clean {path} -o clean"


def _summary(path: Path, manifest: Mapping[str, Any]) -> list[str]:
    counts, facts = manifest["counts"], manifest["facts"]
    image = facts.get("modality") == "image"
    first = (
        f"{path}: {counts['documents']:,} {'pictures' if image else 'documents'}, "
        f"{console.human_bytes(counts['bytes'])}{'' if image else ' of text'} "
        f"from {counts['files']:,} files"
    )
    numbers = {kind: Counter(facts[kind]) for kind in ("rejected", "skipped", "repaired")}
    return [first, *Counted(numbers, {"rejected": facts["examples"], "skipped": facts["skipped_examples"]}).lines()]


def _plan(listing: Listing, counted: Counted) -> list[str]:
    kinds: dict[str, list[int]] = {}
    for file in listing.files:
        kinds.setdefault(file.kind or "?", []).append(file.size)
    rows = [(kind, len(sizes), console.human_bytes(sum(sizes))) for kind, sizes in sorted(kinds.items())]
    total = console.human_bytes(sum(file.size for file in listing.files))
    if any(file.remote is not None and file.remote.size is None for file in listing.files):
        total += " and what is behind URLs"
    table = console.table("would collect", ["kind", "files", "size"], [*rows, ("all", len(listing.files), total)])
    return [table, *counted.lines()]


def _nothing(inputs: Sequence[str | Path], counted: Counted) -> None:
    """Raise the DataError that says why there is no document."""
    where = without_secrets(", ".join(map(str, inputs)))
    reasons = counted.lines()
    if not reasons:
        raise DataError(f"there is no document in {where}", "it is empty; name files or directories that hold text")
    first = max(("rejected", "skipped"), key=lambda kind: (bool(counted.numbers[kind]), kind == "rejected"))
    top = counted.numbers[first].most_common(1)[0][0]
    hint = "check --include and --exclude" if top == "not_included" else _HINTS.get(top, "check the files")
    message = "; ".join(row.partition(" - ")[0] for row in reasons[:4])
    raise DataError(f"there is no document in {where}: {message}", hint)


def _earlier(options: Mapping[str, Any]) -> Path | None:
    """The newest implicit collection with the same options: its unchanged files need not be read again."""
    found = []
    for path in IMPLICIT_ROOT.glob("*/manifest.json"):
        with contextlib.suppress(DataError, ConfigError, OSError):
            manifest = read_manifest(path.parent)
            if manifest and manifest["stage"] == "collect" and manifest["options"] == dict(options):
                found.append((path.stat().st_mtime_ns, path.parent))
    return max(found)[1] if found else None


@contextlib.contextmanager
def _listed(
    inputs: Sequence[str | Path], context: Context, common: Common, fetching: FetchOptions | None = None
) -> Iterator[Listing]:
    """The files of all inputs; standard input, where named, is on disk for as long."""
    names = [str(name) for name in inputs]
    avoid: list[Path] = []
    if common.output is not None:
        avoid = [common.output.with_name(common.output.name + tail) for tail in ("", ".partial", ".old")]
    with contextlib.ExitStack() as stack:
        listing = find_settled([name for name in names if name != "-"], context, avoid, fetching)
        if "-" in names and not common.dry_run:
            source, identity = stack.enter_context(stdin.spooled())
            listing.files.append(source)
            listing.inputs.append(identity)
        yield listing
