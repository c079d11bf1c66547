"""Picture records as training batches: mapped views, every batch a pure function of (seed, step).

Shapes: B pictures, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aigc_cli.core.errors import DataError
from aigc_cli.core.options import Common
from aigc_cli.core.shards import Shards
from aigc_cli.train.objective import mix

Batch = tuple[torch.Tensor, torch.Tensor | None]  # uint8 [B, C, H, W], classes int64 [B]


@dataclass
class Records:
    """Pictures of one split: mapped arrays of flat rows, and the class of each (len(classes) where it has none)."""

    arrays: list[np.ndarray]
    labels: np.ndarray
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        self.starts = np.concatenate(([0], np.cumsum([len(array) for array in self.arrays]))).astype(np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, rows: np.ndarray) -> Batch:
        """The pictures of those rows, copied."""
        parts = np.searchsorted(self.starts, rows, side="right") - 1
        out = np.stack([self.arrays[part][row - self.starts[part]] for part, row in zip(parts, rows, strict=True)])
        return torch.from_numpy(out.reshape(-1, *self.shape)), torch.from_numpy(self.labels[rows])


MOST_VALIDATED = 4096


@dataclass
class Pictures:
    """Picture shards, opened: Inputs of train/job.py."""

    path: Path | None
    train: Records
    validation: Records | None
    classes: tuple[str, ...]
    shape: tuple[int, int, int]

    def held_out(self) -> Batch | None:
        """The validation split, or as much of it, spread evenly, as is judged."""
        if self.validation is None or not len(self.validation):
            return None
        count = min(MOST_VALIDATED, len(self.validation))
        return self.validation.take(np.arange(count) * len(self.validation) // count)

    tokenizer = None
    vocab_size = 0
    length = 1


def open_pictures(path: Path) -> Pictures:
    """The records at `path`. DataError when they are none or not what the manifest says."""
    shards = Shards.open(path)
    facts = (shards.manifest or {}).get("facts", {})
    if "pixels" not in shards.columns or len(facts.get("shape", ())) != 3:
        raise DataError(f"{path} holds no picture records", f"make some: aigc tokenize {path} -o records")
    shape, classes = tuple(facts["shape"]), tuple(facts["classes"])
    splits = {}
    for split in shards.splits:
        arrays = shards.fixed("pixels", split)
        if any(array.shape[1] != shape[0] * shape[1] * shape[2] for array in arrays):
            raise DataError(f"{path} holds records of another shape than {shape}", "make them again: aigc tokenize")
        labels = np.concatenate(
            [batch.column("label").to_numpy() for batch in shards.batches(["label"], split)] or [np.zeros(0, np.int32)]
        ).astype(np.int64)
        splits[split] = Records(arrays, np.where(labels < 0, len(classes), labels), shape)
    return Pictures(path, splits["train"], splits.get("validation"), classes, shape)


def find_pictures(shards: Sequence[str | Path], common: Common, size: int | None) -> Pictures:
    """The picture records of the inputs, made first where they are none yet; `size` None: as they are, or 32."""
    paths = [Path(path) for path in shards]
    if len(paths) == 1 and Shards.is_shards(paths[0]) and "pixels" in Shards.open(paths[0]).columns:
        found = open_pictures(paths[0])
        if size not in (None, found.shape[1]):
            fact = f"{paths[0]} holds pictures of {found.shape[1]} x {found.shape[2]}, not of {size}"
            raise DataError(fact, f"aigc tokenize PICTURES --size {size}, or leave --size out")
        return found
    from aigc_cli.tokenize.api import ensure_pictures

    return open_pictures(ensure_pictures(paths, common, size))


class PictureData:
    """Training batches (pictures, classes or None) from Records; every epoch visits each picture once."""

    unit = "pictures"

    def __init__(self, records: Records, *, batch_size: int, classes: bool, micro_batches: int = 1, seed: int = 0):
        if not len(records):
            raise DataError("the training split holds no picture", "give more pictures")
        self.records, self.batch_size, self.micro_batches = records, batch_size, micro_batches
        self.classes, self.seed = classes, seed
        self.tokens, self.tokens_per_step = len(records), batch_size * micro_batches
        self._epoch: tuple[int, np.ndarray] | None = None

    def batch(self, step: int, micro: int) -> tuple[Batch, tuple[int, ...]]:
        """Micro-batch `micro` of `step`; epochs follow one another without a gap, whatever the batch."""
        rows = tuple(range(micro * self.batch_size, (micro + 1) * self.batch_size))
        places = np.array([self._row(step * self.tokens_per_step + row) for row in rows])
        pictures, classes = self.records.take(places)
        return (pictures, classes if self.classes else None), rows

    def _row(self, index: int) -> int:
        epoch, place = divmod(index, self.tokens)
        if self._epoch is None or self._epoch[0] != epoch:
            generator = np.random.Generator(np.random.PCG64(mix(self.seed, epoch)))
            self._epoch = (epoch, generator.permutation(self.tokens))
        return int(self._epoch[1][place])
