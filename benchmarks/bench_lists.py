"""The rules that look things up, urls, c4_badwords and decontaminate: CPU seconds of one process, invented documents.

    python benchmarks/bench_lists.py [--domains 5000000] [--items 100000]

Documents are English words of a Zipf distribution and Han characters, half and half; items are of 8 to 150 words, so
that all lengths of runs occur. Every hundredth document holds a passage of an item. There is no peer here: the figures
say what the rules cost beside the others.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from side_by_side import save

from aigc_cli.clean.rules import c4_badwords, decontaminate, urls

DOCUMENTS = 4000
HAN = np.array([chr(0x4E00 + i) for i in range(3000)])
WORDS = np.array([f"w{i:x}" + "abcdefgh"[: i % 6] for i in range(50_000)])


def text(rng: np.random.Generator, words: int, chinese: bool) -> str:
    """So many words, or twice as many characters."""
    numbers = rng.zipf(1.2, words * 2 if chinese else words)
    return "".join(HAN[numbers % len(HAN)]) if chinese else " ".join(WORDS[numbers % len(WORDS)])


def documents(rng: np.random.Generator, items: list[str]) -> pa.RecordBatch:
    """Documents of 800 words or 1600 characters with URLs; every hundredth holds the first half of an item."""
    texts = [text(rng, 800, i % 2 == 0) for i in range(DOCUMENTS)]
    for i in range(0, DOCUMENTS, 100):
        texts[i] += " " + items[int(rng.integers(len(items)))]
    found = [f"https://www.{rng.integers(1 << 40):x}.example3.com/a/story-{i}.html?x=1" for i in range(DOCUMENTS)]
    langs = ["zh" if i % 2 == 0 else "en" for i in range(DOCUMENTS)]
    columns = [pa.array(texts, pa.large_string()), pa.array(found, pa.string()), pa.array(langs, pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["text", "url", "lang"])


def timed(rule: Any, options: Any, batch: pa.RecordBatch) -> tuple[dict[str, float], Any]:
    """({seconds to prepare, seconds to apply}, the outcome); the second time counts, as the first one loads kernels."""
    begin = time.process_time()
    rule.prepare(options)
    middle = time.process_time()
    rule.apply(batch, options)
    start = time.process_time()
    outcome = rule.apply(batch, options)
    return {"prepare_s": round(middle - begin, 2), "apply_s": round(time.process_time() - start, 4)}, outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=5_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    items = [text(rng, int(rng.integers(8, 151)), i % 2 == 0) for i in range(arguments.items)]
    batch = documents(rng, items)
    megabytes = batch.column("text").nbytes / 1e6
    results: dict[str, Any] = {"documents": DOCUMENTS, "text_mb": round(megabytes, 1)}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        domains = rng.integers(1 << 40, size=arguments.domains)
        Path("domains.txt").write_text("\n".join(f"{n:x}.example{n % 97}.com" for n in domains.tolist()))
        Path("items.jsonl").write_text("\n".join(json.dumps({"text": item}) for item in items))
        urls.prepare(urls.Options(domains=["a.com"]))  # loads the kernels
        numbers, _ = timed(urls, urls.Options(domain_files=["domains.txt"]), batch)
        results["urls"] = {"domains": arguments.domains, **numbers, "us_a_url": numbers["apply_s"] / DOCUMENTS * 1e6}
        numbers, _ = timed(c4_badwords, c4_badwords.Options(), batch)
        results["c4_badwords"] = {**numbers, "mb_per_s": megabytes / numbers["apply_s"]}
        options = decontaminate.Options(against=["items.jsonl"])
        numbers, outcome = timed(decontaminate, options, batch)
        table = decontaminate._table(options).grams
        results["decontaminate"] = {
            "items": arguments.items, "runs": len(table.hashes), "lengths": len(table.lengths), **numbers,
            "mb_per_s": megabytes / numbers["apply_s"], "contaminated": outcome.counts["documents"],
            "bytes_a_run": (table.nbytes - table.data.nbytes) / len(table.hashes),
            "item_text_mb": len(table.data) / 1e6,
        }  # fmt: skip
        os.chdir("/")
    print(json.dumps(results, indent=2))
    save("lists", results)


if __name__ == "__main__":
    main()
