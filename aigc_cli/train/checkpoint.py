"""Trainer state on disk: step, parameters, optimizers; a kill leaves the older checkpoints or the newer, whole.

`checkpoints/step-N/` holds the Bundle's files, `trainer.pt` (torch.save of plain values and tensors, read back with
weights_only=True) and, written last, `checkpoint.json` with the size and xxh128 of every other file. All of it is
written under another name, synced, and renamed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch

from aigc_cli.core import console
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import atomic_write, canonical_json, disk_errors, hash_file, hash_text, sync_directory

FORMAT = 2
FOLDER = "checkpoints"
STATE = "trainer.pt"
SEAL = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is whole. `rollbacks`: how many the steps before it had gone through (train/rollback.py)."""

    path: Path
    step: int
    rollbacks: int


def save_checkpoint(
    run_dir: Path, step: int, state: dict[str, Any], write_bundle: Callable[[Path], None], rollbacks: int = 0
) -> Path:
    """Writes the checkpoint of `step`; the others stay (see `retain`). One of this step is replaced.

    When the disk is full, AigcError is raised, the other checkpoints stay and nothing half written does.
    """
    folder = Path(run_dir) / FOLDER
    temporary, final = folder / f"step-{step:08d}.tmp", folder / f"step-{step:08d}"
    for left in folder.glob("*.tmp"):  # of a kill
        shutil.rmtree(left)
    try:
        with disk_errors(folder):
            temporary.mkdir(parents=True)
        write_bundle(temporary)
        files = {STATE: _write_state(temporary / STATE, {"format": FORMAT, "step": step, **state})}
        for path in temporary.iterdir():
            if path.name != STATE:
                files[path.name] = [path.stat().st_size, hash_file(path)]
        seal = {"format": FORMAT, "step": step, "rollbacks": rollbacks, "files": files}
        atomic_write(temporary / SEAL, json.dumps({**seal, "digest": hash_text(canonical_json(seal))}, indent=1))
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_directory(folder)
    return final


class _HashingFile:
    """A file for torch.save that hashes what passes; keeps the OSError that torch would turn into another."""

    def __init__(self, file: Any) -> None:
        import xxhash

        self.file, self.size, self.digest = file, 0, xxhash.xxh128()
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            written = self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.digest.update(data)
        self.size += written
        return int(written)

    def flush(self) -> None:
        self.file.flush()


def _write_state(path: Path, state: dict[str, Any]) -> list[Any]:
    """torch.save straight to the disk, without a copy in memory; gives [bytes, xxh128]."""
    with disk_errors(path), open(path, "wb", buffering=0) as raw:
        file = _HashingFile(raw)
        try:
            torch.save(state, cast(IO[bytes], file))
        except Exception:
            if file.error is not None:
                raise file.error from None
            raise
        os.fsync(raw.fileno())
    return [file.size, file.digest.hexdigest()]


def checkpoints(run_dir: Path) -> list[Path]:
    """Checkpoints, oldest first; they may be damaged."""
    return sorted(p for p in (Path(run_dir) / FOLDER).glob("step-*") if p.suffix != ".tmp")


def step_of(path: Path) -> int:
    """The step in a checkpoint's name."""
    return int(path.name.removeprefix("step-"))


def retain(run_dir: Path, keep: int, held: Callable[[int], bool]) -> None:
    """Removes all checkpoints but the newest `keep` and those whose step is `held`."""
    found = checkpoints(run_dir)
    for old in found[:-keep]:
        if not held(step_of(old)):
            shutil.rmtree(old)


def verify(path: Path) -> Checkpoint:
    """The checkpoint at `path`; DataError when a byte of it is not what was written."""
    try:
        seal = json.loads((path / SEAL).read_text(encoding="utf-8"))
        digest = seal.pop("digest")
        whole = digest == hash_text(canonical_json(seal)) and seal["step"] == step_of(path)
        version = seal["format"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        whole, version = False, FORMAT
    if not whole:
        raise _damaged(f"{path / SEAL} is absent or not as it was written")
    if version > FORMAT:
        raise DataError(f"{path} has format {version}, aigc reads {FORMAT}", "install a newer one")
    for name, (size, wanted) in seal["files"].items():
        file = path / name
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            raise _damaged(f"{file} has {'no' if found is None else found} bytes instead of {size}")
        if hash_file(file) != wanted:
            raise _damaged(f"{file} has other bytes than were written")
    return Checkpoint(path, seal["step"], seal["rollbacks"])


def _damaged(fact: str) -> DataError:
    return DataError(f"damaged checkpoint: {fact}", "add --force to start anew")


def load_checkpoint(
    run_dir: Path, usable: Callable[[int, int], bool] = lambda step, rollbacks: True
) -> dict[str, Any] | None:
    """The newest whole checkpoint's state of those `usable(step, rollbacks)`, or None when there never was one.

    A damaged one is told, left out and, once an older one is read, removed. DataError when all are damaged.
    """
    problems: list[DataError] = []
    bad: list[Path] = []
    for path in reversed(checkpoints(run_dir)):
        if not usable(step_of(path), _noted_rollbacks(path)):
            continue
        try:
            state = _read(verify(path))
        except DataError as error:
            problems.append(error)
            bad.append(path)
            continue
        for problem in problems:
            console.warn(f"{problem.message}; taking the one before, of step {state['step']}")
        _remove(bad)
        return state
    if problems:
        raise problems[0]
    return None


def _noted_rollbacks(path: Path) -> int:
    """The seal's number of rollbacks; so many that it is usable when it cannot be read, which `verify` then tells."""
    try:
        return int(json.loads((path / SEAL).read_text(encoding="utf-8"))["rollbacks"])
    except (OSError, ValueError, KeyError, TypeError):
        return sys.maxsize


def _read(checkpoint: Checkpoint) -> dict[str, Any]:
    try:
        state = torch.load(checkpoint.path / STATE, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _damaged(f"{checkpoint.path / STATE}: {reason}") from error
    return dict(state)


def drop(run_dir: Path, usable: Callable[[int, int], bool]) -> None:
    """Removes the checkpoints that are not `usable(step, rollbacks)`: the way into a trouble that was rolled back."""
    _remove([p for p in checkpoints(run_dir) if not usable(step_of(p), _noted_rollbacks(p))])


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def remove_checkpoints(run_dir: Path) -> None:
    """Deletes all checkpoints (a published model does not need them)."""
    shutil.rmtree(Path(run_dir) / FOLDER, ignore_errors=True)
