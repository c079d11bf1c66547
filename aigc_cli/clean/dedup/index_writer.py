"""Making and extending an index: new segments beside the old ones, then a new manifest in one rename."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_cli.clean.dedup import index as ix
from aigc_cli.clean.dedup.index import Head, Index, Parameters, Segment
from aigc_cli.clean.dedup.index_segment import COLUMNS, PARTIAL, SegmentWriter, described_rows, identities
from aigc_cli.clean.dedup.scratch import reserve
from aigc_cli.core.device import threads
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.files import atomic_write, canonical_json, disk_errors, hash_file, hash_text
from aigc_cli.core.manifest import FORMAT, MANIFEST, describe_input, fingerprint
from aigc_cli.core.shards import Shards

SEGMENT_ROWS = 1 << 21  # most documents of a segment: what is sorted in memory at once, some 40 bytes each
LOCK = "lock"


def extend(path: Path, dataset: Path, parameters: Parameters, workers: int | None = None) -> dict[str, int]:
    """Add the documents of the shards `dataset` to the index at `path`, made if there is none; gives counts.

    A kill leaves the index as it was. Documents that are there with the same id and hash are not added again; an
    earlier result that lay at the place of `dataset` no longer counts.
    """
    shards = Shards.open(dataset)
    missing = [name for name in COLUMNS if name not in shards.columns]
    if missing:
        raise DataError(f"{dataset} has no column '{missing[0]}'", f"clean it first: aigc clean {dataset} -o DIR")
    described = describe_input(dataset)
    digest = described.get("digest") or hash_text(canonical_json(described))
    with disk_errors(path), _locked(path):
        head = _existing(path)
        if head is not None:
            head.fit(parameters)
            if any(entry["digest"] == digest for entry in ix.active(head.datasets)):
                return {"added": 0, "documents": head.manifest["counts"]["documents"]}
        index = None if head is None else Index.open(path, parameters, dataset)
        return _Extension(path, index, parameters, workers or threads()).add(shards, described, digest)


class _Extension:
    """One extension of an index, under its lock."""

    def __init__(self, path: Path, index: Index | None, parameters: Parameters, workers: int) -> None:
        self.path, self.index, self.parameters, self.workers = path, index, parameters, workers
        self.datasets: list[dict[str, Any]] = [] if index is None else index.datasets
        self.segments: list[dict[str, Any]] = [] if index is None else index.head.segments
        self.files: dict[str, Any] = {} if index is None else dict(index.head.manifest["files"])

    def add(self, shards: Shards, described: dict[str, Any], digest: str) -> dict[str, int]:
        """Write the new segments and the manifest; remove what it no longer names."""
        self._sweep()
        known = self._known(shards)
        fresh = int((~known).sum())
        place = Path(os.path.relpath(shards.path, self.path)).as_posix()
        number = len(self.datasets)
        self.datasets.append({**described, "path": place, "digest": digest, "documents": fresh, "replaced": False})
        if fresh:
            self._write(shards, known, number, self._merged(fresh))
        manifest = self._manifest()
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        atomic_write(self.path / MANIFEST, text)
        self._sweep()
        return {"added": fresh, "documents": manifest["counts"]["documents"]}

    def _sweep(self) -> None:
        """Remove segments that no manifest names: what a kill left, or what was merged."""
        named = {segment["name"] for segment in self.segments}
        for entry in self.path.glob("segment-*"):
            if entry.name not in named:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _known(self, shards: Shards) -> np.ndarray:
        """Which rows of the shards the index has already, by id and hash."""
        count = shards.num_rows()
        known = np.zeros(count, dtype=bool)
        if self.index is None or not self.index.segments:
            return known
        keys = np.concatenate([identities(batch) for batch in shards.batches(["id", "hash"])])
        order = np.argsort(keys, kind="stable")
        ascending = keys[order]
        for segment in self.index.segments:
            for positions, rows in segment.find(ix.IDENTITY, ascending):
                known[order[positions[self.index.counts(segment, rows)]]] = True
        return known

    def _merged(self, fresh: int) -> list[Segment]:
        """Small segments at the end that are written once more with the new documents, so that few remain."""
        taken: list[Segment] = []
        rows = fresh
        while self.index is not None and len(taken) < len(self.segments):
            last = self.index.segments[len(self.segments) - 1 - len(taken)]
            if last.rows > rows or last.rows + rows > SEGMENT_ROWS:
                break
            taken.insert(0, last)
            rows += last.rows
        return taken

    def _write(self, shards: Shards, known: np.ndarray, number: int, merged: list[Segment]) -> None:
        following = 1 + max((int(s["name"].split("-")[1]) for s in self.segments), default=-1)
        for segment in merged:
            entry = self.segments.pop(len(self.segments) - 1)
            for file in (ix.DOCUMENTS, ix.KEYS):
                del self.files[f"{entry['name']}/{file}"]
            del segment
        writer = None
        old = (piece for segment in merged for piece in self._kept(segment))
        new = described_rows(shards, self.datasets[number]["digest"], known, number, self.parameters, self.workers)
        for documents, keys in (piece for pieces in (old, new) for piece in pieces):
            if writer is None or writer.rows + documents.num_rows > SEGMENT_ROWS:
                if writer is not None:
                    self._close(writer)
                writer = SegmentWriter(self.path / f"segment-{following:06d}", keys.shape[1])
                following += 1
            writer.add(documents, keys)
        if writer is not None:
            self._close(writer)

    def _kept(self, segment: Segment) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """The documents of a segment that still count, with their keys."""
        assert self.index is not None
        tables = ix.BANDS + self.parameters.bands
        path = self.path / f"{segment.directory.name}.keys{PARTIAL}"
        try:
            reserve(path, segment.rows * tables * 8)
            keys = np.memmap(path, dtype=np.uint64, mode="r+", shape=(segment.rows, tables))
            segment.key_columns(keys)
            for i in range(segment.documents.num_record_batches):
                batch = segment.documents.get_batch(i)
                rows = np.arange(segment.starts[i], segment.starts[i + 1])
                counts = self.index.counts(segment, rows)
                if counts.any():
                    yield batch.filter(pa.array(counts)), np.asarray(keys[rows[counts]])
        finally:
            path.unlink(missing_ok=True)

    def _close(self, writer: SegmentWriter) -> None:
        writer.close()
        name = writer.directory.name
        self.segments.append({"name": name, "documents": writer.rows})
        for file in (ix.DOCUMENTS, ix.KEYS):
            path = writer.directory / file
            self.files[f"{name}/{file}"] = {"bytes": path.stat().st_size, "xxh128": hash_file(path)}

    def _manifest(self) -> dict[str, Any]:
        options = asdict(self.parameters)
        stands = ix.active(self.datasets)
        counts = {"documents": sum(d["documents"] for d in stands), "datasets": len(stands)}
        facts = {"datasets": self.datasets, "segments": self.segments, "probe": ix.probe(self.parameters)}
        inputs = [{k: v for k, v in d.items() if k not in ("documents", "replaced")} for d in stands]
        return {
            "format": FORMAT, "stage": ix.STAGE, "stage_version": ix.VERSION, "options": options,
            "fingerprint": fingerprint(ix.STAGE, ix.VERSION, options, inputs),
            "digest": ix.digest_of(options, self.datasets), "counts": counts, "facts": facts,
            "files": dict(sorted(self.files.items())), "parents": [i for i in inputs if "stage" in i],
            "raw": [i for i in inputs if "stage" not in i],
        }  # fmt: skip


def _existing(path: Path) -> Head | None:
    """The index at `path`, or None where one may be made."""
    head = Head.read(path)
    if head is None:
        others = [e.name for e in path.iterdir() if e.name != LOCK and not e.name.startswith(("segment-", "."))]
        if others:
            raise ConfigError(f"{path} exists and is no index", "choose another --index")
    return head


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time extend the index."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f"{path} is no directory", "choose another --index") from error
    with open(path / LOCK, "a", encoding="ascii") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows: two processes that extend one index are then not told apart
            pass
        except BlockingIOError as error:
            raise AigcError(f"another aigc is extending {path}", "wait for it, or choose another --index") from error
        yield
