"""Units of work of files behind URLs: fetched in waves, read, journaled, deleted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aigc_cli.collect.records import Context, Settings
from aigc_cli.collect.remote import CONTENT_DIGITS, fetched, reject, spool_path
from aigc_cli.collect.remote_bounds import FetchError, discard
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.sources import Source
from aigc_cli.collect.step import read_unit, units
from aigc_cli.core import console
from aigc_cli.core.engine import Parts, Unit, UnitResult, known, map_units
from aigc_cli.core.files import atomic_write, canonical_json, disk_errors, hash_file, hash_text
from aigc_cli.core.run import Run
from aigc_cli.core.shards import DOCUMENT_SCHEMA

WAVE_BYTES = 2 << 30  # fetched files on disk at a time, beside those under way
WAVE_FILES = 20_000
LABEL = "collect"
_INDEX = Path("cache", "fetched.json")  # of a published run: which units came from which URL


def map_remote(
    run: Run, files: Sequence[Source], settings: Settings, version: int, bounds: FetchOptions, context: Context
) -> Parts:
    """map_units for files of which some are behind URLs; what does not come is counted in `context`.

    The order of the rows is that of `files`, whichever came first.
    """
    return _Mapping(run, settings, version, bounds, context).run(files)


class _Mapping:
    def __init__(self, run: Run, settings: Settings, version: int, bounds: FetchOptions, context: Context) -> None:
        self._run, self._settings, self._version, self._bounds, self._context = run, settings, version, bounds, context
        self._salt = hash_text(canonical_json([version, dataclasses.asdict(settings)]))
        self._directory = run.dir / "parts" / "fetched"
        self._read: dict[str, dict[str, Any]] = {}  # label: what was read from it, with the keys of its units
        self._results: dict[str, UnitResult] = {}
        self._failed: dict[str, FetchError] = {}
        self._computed = 0

    def run(self, files: Sequence[Source]) -> Parts:
        """Read all files, those that are here first."""
        with disk_errors(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
        keys: dict[str, list[str]] = {}
        local = [file for file in files if file.remote is None]
        keys.update(self._map(local))
        reused = self._reusable()
        pending = []
        for file in files:
            if file.remote is None:
                continue
            entry = reused.get(file.label)
            if entry is not None and entry["mark"] == file.remote.mark:
                self._read[file.label] = entry
            else:
                pending.append(file)
        self._take([key for entry in self._read.values() for key in entry["units"]])
        for wave in self._waves(pending):
            self._read_wave(wave)
        keys.update({label: entry["units"] for label, entry in self._read.items()})
        for file in files:  # in their order, not in that of the answers: the examples in the manifest stay the same
            if file.label in self._failed:
                reject(self._context, file, self._failed[file.label])
        self._finish(files)
        order = [self._results[key] for file in files for key in keys.get(file.label, [])]
        return Parts(self._run.dir / "parts", DOCUMENT_SCHEMA, order, self._computed)

    def _map(self, files: Sequence[Source]) -> dict[str, list[str]]:
        """Read local files; {label: keys of its units}."""
        found = {file.label: units([file], self._settings, self._version) for file in files}
        self._keep(map_units(
            self._run, [unit for listed in found.values() for unit in listed], read_unit, schema=DOCUMENT_SCHEMA,
            label=LABEL,
        ))  # fmt: skip
        return {label: [unit.key for unit in listed] for label, listed in found.items()}

    def _take(self, keys: Sequence[str]) -> None:
        """Results that are there already."""
        done = [Unit(key, None) for key in keys]
        self._keep(map_units(self._run, done, read_unit, schema=DOCUMENT_SCHEMA, label=LABEL))

    def _keep(self, parts: Parts) -> None:
        self._results.update({result.key: result for result in parts.units})
        self._computed += parts.computed

    def _reusable(self) -> dict[str, dict[str, Any]]:
        """What this run, before it was killed, or the previous one read, as far as its rows are still there."""
        entries: list[dict[str, Any]] = []
        if self._run.previous is not None and not self._run.common.force:
            try:
                index = json.loads((self._run.previous / _INDEX).read_text(encoding="utf-8"))
                entries += [entry for entry in index if entry["mark"]]  # without a mark nobody knows of a change
            except (OSError, ValueError, KeyError, TypeError):
                pass  # reuse only saves time: a damaged index is as good as none
        entries += [entry for line in self._run.journal.entries for entry in line.get("read", [])]
        entries = [entry for entry in entries if entry.get("salt") == self._salt]
        there = known(self._run, LABEL, {key for entry in entries for key in entry["units"]})
        return {entry["url"]: entry for entry in entries if there.issuperset(entry["units"])}

    def _waves(self, pending: Sequence[Source]) -> Iterator[list[Source]]:
        """Fetched files, as many at a time as the disk should hold."""
        wave, missing = self._spooled(pending)
        size = sum(file.size for file in wave)
        with console.progress("fetch", len(pending), "files") as bar:
            bar.advance(len(wave))
            for source, outcome in fetched(missing, self._directory, self._bounds):
                bar.advance()
                if isinstance(outcome, FetchError):
                    self._failed[source.label] = outcome
                    continue
                self._run.journal.append({"fetched": [self._entry(outcome)]})
                wave.append(outcome)
                size += outcome.size
                if size >= WAVE_BYTES or len(wave) >= WAVE_FILES:
                    yield wave
                    wave, size = [], 0
        if wave:
            yield wave

    def _spooled(self, pending: Sequence[Source]) -> tuple[list[Source], list[Source]]:
        """(files that this run fetched before it was killed, files still to be fetched)."""
        entries = {entry["url"]: entry for line in self._run.journal.entries for entry in line.get("fetched", [])}
        there, missing = [], []
        for file in pending:
            assert file.remote is not None
            entry, path = entries.get(file.label), spool_path(self._directory, file)
            if entry and entry["mark"] == file.remote.mark and path.is_file() and _content(path) == entry["content"]:
                there.append(dataclasses.replace(
                    file, path=str(path), kind=entry["kind"], size=entry["bytes"], mtime_ns=int(entry["content"], 16)
                ))  # fmt: skip
            else:
                missing.append(file)
        return there, missing

    def _read_wave(self, wave: Sequence[Source]) -> None:
        keys = self._map(wave)
        for file in wave:
            self._read[file.label] = {**self._entry(file), "units": keys[file.label], "salt": self._salt}
        self._run.journal.append({"read": [self._read[file.label] for file in wave]})
        for file in wave:
            discard(Path(file.path))

    def _entry(self, file: Source) -> dict[str, Any]:
        assert file.remote is not None
        content = f"{file.mtime_ns:0{CONTENT_DIGITS}x}"
        return {"url": file.label, "mark": file.remote.mark, "kind": file.kind, "bytes": file.size, "content": content}

    def _finish(self, files: Sequence[Source]) -> None:
        """Say in the manifest what was read, and keep for the next run what a store may call unchanged."""
        index = sorted((e for e in self._read.values() if e["mark"]), key=lambda entry: entry["url"])
        place = self._run.dir / _INDEX
        with disk_errors(place):
            place.parent.mkdir(exist_ok=True)
        atomic_write(place, canonical_json(index))
        for described in self._run.inputs:
            if "url" in described:
                read = [self._read[file.label] for file in files
                        if file.remote is not None and file.remote.input == described["url"]
                        and file.label in self._read]  # fmt: skip
                listing = [(entry["url"], entry["kind"], entry["bytes"], entry["content"]) for entry in read]
                described.update(
                    files=len(read), bytes=sum(entry["bytes"] for entry in read),
                    listing=hash_text(canonical_json(listing)),
                )  # fmt: skip


def _content(path: Path) -> str:
    return hash_file(path)[:CONTENT_DIGITS]
