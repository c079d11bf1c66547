"""The indexes of a run: those that it is compared with, and the one that its result is added to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from aigc_cli.clean.dedup.index import VERSION, Head, Index, Parameters
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import canonical_json, hash_text
from aigc_cli.core.manifest import describe_input
from aigc_cli.core.run import IMPLICIT_ROOT
from aigc_cli.core.shards import Shards


class References:
    """What --against names: indexes, and cleaned shards that are indexed on the way.

    `output` is where the run's result goes; what an earlier result there added to an index is left out.
    """

    def __init__(self, names: list[str], output: Path | None, extended: Path | None) -> None:
        self.paths = [Path(name) for name in names]
        self.output = output
        self.heads = [Head.read(path) for path in self.paths]
        for path, head in zip(self.paths, self.heads, strict=True):
            if head is None and not Shards.is_shards(path):
                hint = "name an index (aigc clean DATA -o DIR --index INDEX) or a directory of cleaned shards"
                raise DataError(f"{path} is no index", hint)
            if output is None and extended is not None and path.absolute() == extended.absolute():
                raise ConfigError(f"{path} is compared with and extended", "say with -o where the result goes")

    @property
    def inputs(self) -> list[Any]:
        """The references as inputs of the run."""
        pairs = zip(self.paths, self.heads, strict=True)
        return [path if head is None else head.described(self.output) for path, head in pairs]

    def parameters(self, minhash: Any, seed: int) -> Parameters:
        """How the documents' keys are to be made: as the minhash rule says or, without one, as the indexes were."""
        if minhash is not None:
            return Parameters.of(minhash, seed)
        found = next((head.parameters for head in self.heads if head is not None), None)
        return found or default_parameters(seed)

    def open(self, parameters: Parameters, workers: int | None) -> list[Index]:
        """All of them, checked; cleaned shards are indexed under .aigc/, once."""
        opened = []
        for path, head in zip(self.paths, self.heads, strict=True):
            place = path if head is not None else _implicit(path, parameters, workers)
            opened.append(Index.open(place, parameters, self.output))
        return opened


def default_parameters(seed: int) -> Parameters:
    """Those of the minhash rule's defaults."""
    from aigc_cli.clean.rules.minhash import Options

    return Parameters.of(Options(), seed)


def _implicit(path: Path, parameters: Parameters, workers: int | None) -> Path:
    """An index of the shards at `path`, made if there is none that fits."""
    from aigc_cli.clean.dedup.index import probe
    from aigc_cli.clean.dedup.index_writer import extend

    described = {name: value for name, value in describe_input(path).items() if name != "path"}
    name = hash_text(canonical_json(["index", VERSION, described, asdict(parameters), probe(parameters)]))
    place = IMPLICIT_ROOT / name
    extend(place, path, parameters, workers)
    return place
