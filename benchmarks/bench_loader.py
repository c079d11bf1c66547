"""Reading training batches: tokens a second of ours against a memory map (nanoGPT's way) and datasets.

    python benchmarks/bench_loader.py [--quick]

All read the same tokens: ours and datasets the same Arrow files (records of 1024), the memory map a flat .bin of
uint16. One thread each; opening the files is not counted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from side_by_side import Side, interleaved, median_s, ratio, save, versions_of

from aigc_cli.core.shard_writer import ShardWriter, write_dataset_dict
from aigc_cli.tokenize.packing import record_schema

LENGTH, VOCABULARY = 1024, 50_000
SHAPES = ((16, 1024), (64, 256), (12, 1024), (4, 4096))  # rows, context


def prepare(folder: Path, tokens: int) -> None:
    """The same random ids as shards and as a flat file."""
    ids = np.random.default_rng(0).integers(0, VOCABULARY, tokens // LENGTH * LENGTH, dtype=np.uint16)
    ids.tofile(folder / "train.bin")
    schema = record_schema(LENGTH, VOCABULARY)
    writer = ShardWriter(folder / "shards/train", schema, split="train")
    for part in np.split(ids, range(1000 * LENGTH, len(ids), 1000 * LENGTH)):
        records = pa.FixedSizeListArray.from_arrays(pa.array(part), LENGTH)
        empty = pa.array([[]] * len(records), schema.field("doc_starts").type)
        writer.write(pa.RecordBatch.from_arrays([records.cast(schema.field(0).type), empty], schema=schema))
    writer.close()
    write_dataset_dict(folder / "shards", ["train"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    tokens, batches, repeat = (2_000_000, 100, 1) if arguments.quick else (20_500_000, 2000, 7)
    names = ("ours", "memmap", "memmap-kept", "datasets")
    results: dict = {"tokens": tokens, "versions": versions_of(None, "torch", "numpy", "datasets"), "shapes": {}}
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), tokens)
        sides = {side: Side("peers/loaders.py", side, name) for side in names}
        for rows, context in SHAPES:
            count = max(1, batches * 16 * 1024 // (rows * context))
            answers = interleaved({k: sides[k] for k in names[:3]}, repeat, batches=count, rows=rows, context=context)
            slow = interleaved(
                {k: sides[k] for k in ("ours", "datasets")}, min(repeat, 3), batches=count // 20 + 1, rows=rows,
                context=context,
            )  # fmt: skip
            found = {
                f"{side}_tokens_per_s": round(given[0]["tokens"] / median_s(given))
                for side, given in (*answers.items(), ("datasets", slow["datasets"]))
            }
            found["ratio_to_memmap"] = round(ratio(answers, "ours", "memmap"), 2)
            found["ratio_to_memmap_kept_open"] = round(ratio(answers, "ours", "memmap-kept"), 2)
            found["ratio_to_datasets"] = round(ratio(slow, "ours", "datasets"), 2)
            results["shapes"][f"{rows}x{context}"] = found
            print(f"{rows}x{context}: {found}")
        for side in sides.values():
            side.close()
    if not arguments.quick:
        save("loader", results)


if __name__ == "__main__":
    main()
