"""Trainer state on disk: step, parameters, optimizers; a kill leaves the older checkpoint or the newer, whole.

`checkpoints/step-N/` holds the Bundle files and `trainer.pt` (torch.save of plain values and tensors, read back
with weights_only=True). It is written under another name, synced, and renamed.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from aigc_cli.core.errors import DataError
from aigc_cli.core.files import atomic_write, disk_errors, sync_directory

FORMAT = 1
FOLDER = "checkpoints"
STATE = "trainer.pt"


def save_checkpoint(run_dir: Path, step: int, state: dict[str, Any], write_bundle: Callable[[Path], None]) -> Path:
    """Writes the checkpoint of `step` and removes the older ones.

    When the disk is full, AigcError is raised and the previous checkpoint stays.
    """
    folder = Path(run_dir) / FOLDER
    temporary, final = folder / f"step-{step:08d}.tmp", folder / f"step-{step:08d}"
    if final.exists():
        return final
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with disk_errors(folder):
            temporary.mkdir(parents=True)
        write_bundle(temporary)
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, "step": step, **state}, buffer)
        atomic_write(temporary / STATE, buffer.getvalue())
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_directory(folder)
    for old in checkpoints(run_dir)[:-1]:
        shutil.rmtree(old)
    return final


def checkpoints(run_dir: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    return sorted(p for p in (Path(run_dir) / FOLDER).glob("step-*") if p.suffix != ".tmp")


def load_checkpoint(run_dir: Path) -> dict[str, Any] | None:
    """The newest checkpoint's state, or None. Raises DataError when it is damaged."""
    found = checkpoints(run_dir)
    if not found:
        return None
    path = found[-1] / STATE
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"the checkpoint {path} is damaged: {reason}", "add --force to start anew") from error
    if state["format"] > FORMAT:
        raise DataError(f"{path} has format {state['format']}, aigc reads {FORMAT}", "install a newer one")
    return state


def remove_checkpoints(run_dir: Path) -> None:
    """Deletes all checkpoints (a published model does not need them)."""
    shutil.rmtree(Path(run_dir) / FOLDER, ignore_errors=True)
