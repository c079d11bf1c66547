"""The decisions of the filters of clean on every document beside datatrove's: our word rule, and --parity datatrove.

    python benchmarks/bench_agreement.py [--sets NAME ...] [--answers DIR] [--quick]

Every rule alone on every document, then the chain (first reason). datatrove takes about an hour for all of it, so its
answers are kept in DIR, a line a document with the hash of its text, and a run that was stopped goes on from there.
Times are those of bench_filters.py; here only what was decided counts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import xxhash
from bench_filters import ODD, RULES, SETS, agreement, odd_set
from side_by_side import DATA, HERE, Side, save, versions_of

CHUNK = 100  # documents that datatrove is asked for at a time
QUICK_DOCUMENTS = 60

Answers = list[dict[str, str | None]]  # of each document: {rule: reason}, None for one that stays


def datatrove(name: str, path: Path, texts: list[str], held: Path) -> Answers:
    """datatrove's answers, those that are not held yet computed and kept."""
    file = held / f"{name}.jsonl"
    known = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    answers = {row: found for row, digest, found in known if row < len(texts) and digest == _digest(texts[row])}
    missing = [row for row in range(len(texts)) if row not in answers]
    if missing:
        side = Side("peers/datatrove_filters.py", str(path), {**SETS, **ODD}[name][1], "1", peer="datatrove")
        for start in range(0, len(missing), CHUNK):
            rows = missing[start : start + CHUNK]
            found = {rule: side.run(rule=rule, rows=rows, decisions=True)["decisions"] for rule in RULES}
            with file.open("a") as lines:
                for place, row in enumerate(rows):
                    answers[row] = {rule: found[rule][place] for rule in RULES}
                    lines.write(json.dumps([row, _digest(texts[row]), answers[row]]) + "\n")
            print(f"{name}: datatrove {start + len(rows):,} of {len(missing):,}", flush=True)
        side.close()
    return [answers[row] for row in range(len(texts))]


def ours(name: str, path: Path, count: int, *mode: str) -> Answers:
    """Our answers, with our word rule or in a parity mode."""
    side = Side("peers/aigc_filters.py", str(path), {**SETS, **ODD}[name][0], "1", *mode)
    found = {rule: side.run(rule=rule, rows=list(range(count)), decisions=True)["decisions"] for rule in RULES}
    side.close()
    return [{rule: found[rule][row] for rule in RULES} for row in range(count)]


def _digest(text: str) -> str:
    return xxhash.xxh128_hexdigest(text.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=[*SETS, *ODD], default=[*SETS, *ODD])
    parser.add_argument("--answers", type=Path, default=HERE / ".envs/datatrove-answers")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_DOCUMENTS} documents; nothing is saved")
    arguments = parser.parse_args()
    arguments.answers.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"datatrove": versions_of("datatrove", "datatrove", "spacy", "jieba"), "sets": {}}
    with tempfile.TemporaryDirectory(prefix="aigc-bench-") as folder:
        for name in arguments.sets:
            path = odd_set(name, folder) if name in ODD else DATA / f"text/{name}.jsonl.gz"
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                texts = [json.loads(line)["text"] for line in lines][: QUICK_DOCUMENTS if arguments.quick else None]
            theirs = datatrove(name, path, texts, arguments.answers)
            entry: dict[str, Any] = {"documents": len(texts)}
            for label, mode in (("parity", ("datatrove",)), ("default words", ())):
                if label == "parity" or name not in ODD:
                    own = ours(name, path, len(texts), *mode)
                    found = {r: agreement([a[r] for a in own], [a[r] for a in theirs]) for r in RULES}
                    if label != "parity":  # reasons have other names there
                        found = {r: {k: v for k, v in f.items() if k != "same_reasons"} for r, f in found.items()}
                    entry[label] = found
            results["sets"][name] = entry
            print(name, json.dumps(entry, indent=1), flush=True)
    if not arguments.quick:
        save("agreement", results)


if __name__ == "__main__":
    main()
