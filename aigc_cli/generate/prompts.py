"""Where prompts come from: --prompt, a file or stdin, one a line or as JSON lines."""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError

PATIENCE_S = 2.0  # after which a silent stdin is mentioned


@dataclass
class Prompt:
    """A text to continue. `extra`: other fields of its JSON line; `error`: why it cannot be used."""

    text: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def read_prompts(given: list[str], file: Path | None) -> Iterator[Prompt]:
    """The prompts of --prompt, else of the file, else of stdin; none of them: one empty prompt.

    Raises ConfigError when the file does not exist, DataError when it cannot be read or holds no prompt.
    """
    if given:
        return iter([Prompt(text) for text in given])
    if file is not None and str(file) != "-":
        return _from_file(file)
    return _from_stdin()


def parse_lines(lines: Iterable[bytes], strict: bool = False) -> Iterator[Prompt]:
    """One prompt per line that is not blank.

    A line that is a JSON object with a string "prompt" is taken as that; with strict (a .jsonl file) every line
    must be. Lines that cannot be used come with `error` set.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield _parse(line, number, strict)


def _parse(line: bytes, number: int, strict: bool) -> Prompt:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return Prompt(line.decode("utf-8", "replace"), error=f"line {number} is not UTF-8: {error.reason}")
    if not strict and not text.lstrip().startswith("{"):
        return Prompt(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Prompt(text, error=f"line {number} is not JSON: {error}") if strict else Prompt(text)
    if isinstance(value, dict) and isinstance(value.get("prompt"), str):
        return Prompt(value.pop("prompt"), value)
    return Prompt(text, error=f'line {number} has no string "prompt"') if strict else Prompt(text)


def _from_file(path: Path) -> Iterator[Prompt]:
    try:
        with open(path, "rb") as file:
            count = 0
            for prompt in parse_lines(file, strict=path.suffix == ".jsonl"):
                count += 1
                yield prompt
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}", "give a file of prompts, one a line") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the file") from error
    if count == 0:
        raise DataError(f"{path} holds no prompt", "write one prompt a line")


def _from_stdin() -> Iterator[Prompt]:
    """Prompts of a pipe or redirection; a terminal, a closed or empty stdin give the empty prompt."""
    stdin, count = sys.stdin, 0
    try:
        if stdin is not None and not stdin.closed and not stdin.isatty():
            _mention_waiting(stdin)
            for prompt in parse_lines(stdin.buffer):
                count += 1
                yield prompt
    except (OSError, AttributeError):  # no real stdin: a notebook, a service, a closed descriptor
        pass
    if count == 0:
        yield Prompt()


def _mention_waiting(stdin: Any) -> None:
    try:
        ready, _, _ = select.select([stdin], [], [], PATIENCE_S)
    except (OSError, ValueError):
        return
    if not ready:
        console.say("waiting for prompts on stdin (give --prompt TEXT, or < /dev/null for none)")
