"""The three readers of bench_loader.py: ours, a memory map in nanoGPT's manner, datasets in torch's format.

Usage: loaders.py ours|memmap|memmap-kept|datasets DIR. Each request draws `batches` random batches [rows, context] of
inputs and targets (datasets: inputs alone, which is less work). Source of the memory map's way: karpathy/nanoGPT,
train.py, get_batch: the map is opened anew for each batch, every row is converted for inputs and again for targets.
In memmap-kept it stays open.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from side_by_side import serve

STEPS = iter(range(1 << 40))


def ours(folder: Path):
    from aigc_cli.core.shards import Shards
    from aigc_cli.train.data import TokenData, TokenStream

    stream = TokenStream(Shards.open(folder / "shards").fixed("input_ids", "train"))
    data = None

    def batch(rows: int, context: int):
        nonlocal data
        if data is None or (data.batch_size, data.context) != (rows, context):
            data = TokenData(stream, context=context, batch_size=rows)
        return data.batch(next(STEPS), 0)[0]

    return batch


def memmap(folder: Path, kept: bool = False):
    generator = torch.Generator().manual_seed(0)
    data = np.memmap(folder / "train.bin", dtype=np.uint16, mode="r")

    def batch(rows: int, context: int):
        nonlocal data
        if not kept:
            data = np.memmap(folder / "train.bin", dtype=np.uint16, mode="r")
        starts = torch.randint(len(data) - context, (rows,), generator=generator).tolist()
        inputs = torch.stack([torch.from_numpy(data[i : i + context].astype(np.int64)) for i in starts])
        targets = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + context].astype(np.int64)) for i in starts])
        return inputs, targets

    return batch


def datasets(folder: Path):
    from datasets import load_from_disk

    data = load_from_disk(str(folder / "shards"))["train"].select_columns(["input_ids"]).with_format("torch")
    generator = np.random.default_rng(0)
    length = len(data[0]["input_ids"])

    def batch(rows: int, context: int):
        # Records are shorter or longer than the context: as many of them as hold the batch's tokens.
        return data[generator.integers(0, len(data), rows * context // length).tolist()]["input_ids"], None

    return batch


def main() -> None:
    torch.set_num_threads(1)
    ways = {"ours": ours, "memmap": memmap, "memmap-kept": partial(memmap, kept=True), "datasets": datasets}
    batch = ways[sys.argv[1]](Path(sys.argv[2]))

    def run(batches: int, rows: int, context: int):
        total = 0
        for _ in range(batches):
            inputs, targets = batch(rows, context)
            total += inputs.numel()
            assert inputs.dtype == torch.int64 and (targets is None or targets.shape == inputs.shape)
        return {"tokens": total}

    run(3, 16, 1024)
    serve(run)


if __name__ == "__main__":
    main()
