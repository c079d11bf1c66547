"""Records of generated text: JSON objects or plain lines, from a file, a run directory or stdin."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from aigc_cli.core.errors import ConfigError, DataError

# What the stages before call their texts; the first that a directory holds is read.
NAMES = ("corrected.jsonl", "kept.jsonl", "generated.jsonl", "outputs.jsonl", "texts.jsonl", "samples.jsonl")

Record = dict[str, Any]


def locate(source: str) -> Path | None:
    """The file that `source` (a file or a run directory) stands for; None for stdin ("-").

    Raises DataError when there is none, or a directory holds several and none of a known name.
    """
    if source == "-":
        return None
    path = Path(source)
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"there is no file {path}", "give a JSONL file, a directory of `aigc generate`, or -")
        return path
    for name in NAMES:
        if (path / name).is_file():
            return path / name
    found = sorted(path.glob("*.jsonl"))
    texts = [
        p for p in found if p.name not in ("journal.jsonl", "metrics.jsonl", "rejected.jsonl", "corrections.jsonl")
    ]
    if len(texts) == 1:
        return texts[0]
    raise DataError(f"{path} holds {len(texts)} JSONL files of texts", f"name the file, e.g. {path}/generated.jsonl")


def read(path: Path | None, field: str) -> Iterator[Record]:
    """The records in order, each with its text under `field`. None reads stdin.

    A source whose first non-empty line begins with { holds one JSON object a line; any other holds one text a line.
    Raises DataError with the line number for a line that is not a record.
    """
    if path is None:
        stream = sys.stdin.buffer if hasattr(sys.stdin, "buffer") else None
        lines = stream if stream is not None else (line.encode() for line in sys.stdin)
        yield from _parse(lines, "stdin", field)
        return
    try:
        with open(path, "rb") as file:
            yield from _parse(file, str(path), field)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the file") from error


def _parse(lines: Iterable[bytes], name: str, field: str) -> Iterator[Record]:
    is_json: bool | None = None
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: not UTF-8 ({error.reason})", "convert the file to UTF-8"
            ) from error
        if not line.strip():
            continue
        if is_json is None:
            is_json = line.lstrip().startswith("{")
        yield _record(line, f"{name}, line {number}", field) if is_json else {field: line}


def _record(line: str, where: str, field: str) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error})", "write one JSON object a line") from error
    if not isinstance(record, dict):
        raise DataError(f"{where}: a {type(record).__name__}, not an object", 'write {"text": "..."}')
    if field not in record and "error" in record:
        record[field] = ""  # a prompt that generate could not answer; the rule of length drops it
    if not isinstance(record.get(field), str):
        what = "no text" if field not in record else f"a {type(record[field]).__name__}"
        raise DataError(f"{where}: {what} under '{field}'", f"name the key with --field; it has: {', '.join(record)}")
    # A lone surrogate ("\ud800") is legal JSON but no text, and could not be written again.
    record[field] = record[field].encode("utf-8", "replace").decode("utf-8")
    return record


def dump(record: Record) -> str:
    """One record as one line of JSON, without line break."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


class Writers:
    """The output files of a stage; in stdout mode the first goes to stdout and the others nowhere."""

    def __init__(self, directory: Path | None, *names: str) -> None:
        self._files: dict[str, IO[str] | None] = {}
        for i, name in enumerate(names):
            if directory is not None:
                self._files[name] = open(directory / name, "w", encoding="utf-8", newline="\n")  # noqa: SIM115 - closed by __exit__
            else:
                self._files[name] = sys.stdout if i == 0 else None

    def write(self, name: str, record: Record) -> None:
        """Add one record to the file `name`."""
        file = self._files[name]
        if file is not None:
            file.write(dump(record) + "\n")

    def __enter__(self) -> Writers:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files.values():
            if file is sys.stdout:
                file.flush()
            elif file is not None:
                file.close()


def refuse_conflict(source: str, output: Path | None) -> bool:
    """Whether the result goes to stdout: the source is "-" and no -o was given, or -o is "-"."""
    if str(output) == "-":
        return True
    if output is not None and output.suffix in (".jsonl", ".pt"):
        raise ConfigError(f"-o {output} is a file; this stage writes a directory", "give a directory, or - for stdout")
    return source == "-" and output is None
