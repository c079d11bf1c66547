"""Encoding against sentencepiece, Hugging Face tokenizers and tiktoken: MB/s and whether the ids are equal.

    python benchmarks/bench_tokenize.py [--quick] [--data NAME] [--kind KIND] [--size N] [--repeat N]

Vocabularies are learned on one half of the documents (by hash) and used on the other; English and Chinese apart.
Texts are in memory, loading of the vocabulary is not counted; how long our kernels take to load or to compile is
shown apart. "cold": no word is known yet; "warm": all documents were encoded before. Ours also decodes every document
and compares it, within the time. sentencepiece gets whole documents, escaped as ours escapes them. `cpu_ratio` counts
CPU seconds of all threads, which other work on the machine distorts less.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from side_by_side import DATA, HERE, Side, median_s, ratio, save, versions_of

from aigc_cli.tokenize.vocabulary import train_tokenizer

SCRIPT = "peers/tokenizers_encode.py"
PEERS = {
    "bpe": ("sentencepiece", "tokenizers"), "unigram": ("sentencepiece", "tokenizers"),
    "byte-bpe": ("tokenizers", "tiktoken"),
}  # fmt: skip
QUICK_DOCUMENTS = 300


def halves(name: str, quick: bool) -> tuple[list[str], list[str]]:
    """Documents by a bit of their hash; equal ones once."""
    with gzip.open(DATA / f"text/{name}.jsonl.gz", "rt", encoding="utf-8") as source:
        texts = list(dict.fromkeys(json.loads(line)["text"] for line in source))
    parts: tuple[list[str], list[str]] = ([], [])
    for text in texts[: QUICK_DOCUMENTS if quick else None]:
        parts[hashlib.blake2b(text.encode(), digest_size=1).digest()[0] & 1].append(text)
    return parts


def compare(folder: Path, documents: Path, kind: str, cores: int, repeat: int, size: int) -> dict[str, Any]:
    """MB/s, ratios and equal documents of one vocabulary with so many threads."""
    place = str(folder), str(documents), str(cores)
    parallel = {"TOKENIZERS_PARALLELISM": "true"}
    ours = Side(SCRIPT, "aigc", *place, cores=cores)
    peers = {p: Side(SCRIPT, p, *place, peer="tokenizers", cores=cores, environment=parallel) for p in PEERS[kind]}
    wanted = ours.run(memo="cold", digest=True)["digests"]
    equal = {
        peer: sum(a == b for a, b in zip(wanted, side.run(memo="cold", digest=True)["digests"], strict=True))
        for peer, side in peers.items()
    }
    answers: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeat):
        for memo in ("cold", "warm"):
            for name, side in (("aigc", ours), *peers.items()):
                answers.setdefault(f"{name} {memo}", []).append(side.run(memo=memo))
    for side in (ours, *peers.values()):
        side.close()
    found: dict[str, Any] = {
        "documents": len(wanted),
        "mb_per_s": {},
        "equal_documents": equal,
        "ratio": {},
        "cpu_ratio": {},
    }
    for name, given in answers.items():
        found["mb_per_s"][name] = round(size / 1e6 / median_s(given), 2)
    for peer in peers:
        for memo in ("cold", "warm"):
            found["ratio"][f"{peer} {memo}"] = round(ratio(answers, f"aigc {memo}", f"{peer} {memo}"), 2)
            cpu = {k: [{"seconds": a["cpu_s"]} for a in answers[k]] for k in (f"aigc {memo}", f"{peer} {memo}")}
            found["cpu_ratio"][f"{peer} {memo}"] = round(ratio(cpu, *cpu), 2)
    return found


def start_up(folder: Path, documents: Path) -> dict[str, float]:
    """Seconds until our encoder is ready: kernels compiled, and loaded from their cache."""
    with tempfile.TemporaryDirectory() as cache:
        seconds = {}
        for state in ("kernels_compiled_s", "kernels_loaded_s"):
            side = Side(SCRIPT, "aigc", str(folder), str(documents), "1", environment={"XDG_CACHE_HOME": cache})
            seconds[state] = round(side.run()["prepared_s"], 2)
            side.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_DOCUMENTS} documents, once, small vocabularies")
    parser.add_argument("--data", choices=("docs-en", "poems-zh"), action="append")
    parser.add_argument("--kind", choices=tuple(PEERS), action="append")
    parser.add_argument("--size", type=int, default=16384, help="pieces of a vocabulary")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    size, repeat = (8192, 1) if arguments.quick else (arguments.size, arguments.repeat)
    target = HERE / "results/tokenize.json"  # what other data and kinds gave before stays
    kept = json.loads(target.read_text())["data"] if target.is_file() and not arguments.quick else {}
    results: dict[str, Any] = {
        "versions": versions_of("tokenizers", "sentencepiece", "tokenizers", "tiktoken"),
        "vocab_size": size,
        "data": kept,
    }
    for name in arguments.data or ("docs-en", "poems-zh"):
        learned, encoded = halves(name, arguments.quick)
        size_bytes = sum(len(text.encode()) for text in encoded)
        rows: dict[str, Any] = {"encoded_mb": round(size_bytes / 1e6, 2), "start_up": {}}
        with tempfile.TemporaryDirectory() as folder:
            documents = Path(folder) / "documents.json"
            documents.write_text(json.dumps(encoded))
            for kind in arguments.kind or PEERS:
                place = Path(folder) / kind
                train_tokenizer(learned, kind=kind, vocab_size=size).save(place)
                rows["start_up"][kind] = start_up(place, documents)
                for cores in (1, 2):
                    found = compare(place, documents, kind, cores, repeat, size_bytes)
                    rows[f"{kind}, {cores} core{'s' * (cores > 1)}"] = found
                    print(name, kind, cores, json.dumps(found), flush=True)
        before = results["data"].get(name, {"start_up": {}})
        results["data"][name] = {**before, **rows, "start_up": {**before["start_up"], **rows["start_up"]}}
    if not arguments.quick:
        save("tokenize", results)


if __name__ == "__main__":
    main()
