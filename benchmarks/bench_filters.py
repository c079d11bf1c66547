"""The filters of clean against datatrove's: MB/s, equal decisions and Cohen's kappa, rule by rule and as a chain.

    python benchmarks/bench_filters.py [--parity] [--sets NAME ...] [--cores N ...] [--documents N]
        [--repeat N] [--quick]

The chain is GopherRepetition, GopherQuality, C4 (without terminal punctuation), FineWeb, early drop on both sides,
published limits on both sides. Ours uses its own word rule, so decisions differ a little; the Chinese figures compare
datatrove's jieba words with our rule for texts without spaces. Kernels are warm; bench_clean.py shows them cold.

With --parity our side is `clean --parity datatrove`, and `same_reasons` must be 1: the share of documents with the same
decision and reason. Its memo of words is empty at the start of each measurement. The sets odd-en and odd-zh are 5,000
documents each made by odd_documents.py. Each set goes to a file of its own, results/parity-SET.json.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from odd_documents import documents as odd_documents
from side_by_side import DATA, HERE, Side, interleaved, median_s, ratio, save, versions_of

RULES = ("chain", "gopher_repetition", "gopher_quality", "c4_quality", "c4_terminal", "c4_paragraphs", "fineweb")
SETS = {"docs-en": ("en", "eng_Latn"), "poems-zh": ("zh", "cmn_Hani")}
ODD = {"odd-en": ("en", "eng_Latn"), "odd-zh": ("zh", "cmn_Hani")}
ODD_DOCUMENTS = 5000


def odd_set(name: str, folder: str) -> Path:
    """A file with the made-up documents of a set."""
    path = Path(folder) / f"{name}.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as lines:
        for number, text in enumerate(odd_documents(ODD_DOCUMENTS, ODD[name][0])):
            lines.write(json.dumps({"id": f"{name}-{number}", "text": text}) + "\n")
    return path


def kappa(ours: list[bool], theirs: list[bool]) -> float:
    """Cohen's kappa of two judges; 1 where both say the same of every document."""
    n = len(ours)
    agree = sum(a == b for a, b in zip(ours, theirs, strict=True)) / n
    yes, also = sum(ours) / n, sum(theirs) / n
    chance = yes * also + (1 - yes) * (1 - also)
    return 1.0 if chance == 1 else (agree - chance) / (1 - chance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, help="of each set, those with the lowest hash; default: all")
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2], help="the chain alone on more than one")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="60 documents, once")
    parser.add_argument("--parity", action="store_true", help="our side has datatrove's decisions")
    parser.add_argument("--sets", nargs="+", choices=[*SETS, *ODD], help="default: all, the odd ones with --parity")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.documents, arguments.repeat = 60, 1
    names = arguments.sets or ([*SETS, *ODD] if arguments.parity else list(SETS))
    results: dict[str, Any] = {"datatrove": versions_of("datatrove", "datatrove", "spacy", "jieba"), "sets": {}}
    with tempfile.TemporaryDirectory(prefix="aigc-bench-") as folder:
        for name in names:
            path = odd_set(name, folder) if name in ODD else DATA / f"text/{name}.jsonl.gz"
            results["sets"][name] = compare(name, path, arguments)
            if arguments.parity and not arguments.quick:
                save(f"parity-{name}", {**results, "sets": {name: results["sets"][name]}})
    if not (arguments.quick or arguments.parity):
        target = HERE / "results/filters.json"  # what other sizes gave before stays
        known = json.loads(target.read_text())["sets"] if target.is_file() else {}
        fresh = {f"{name}, {entry['documents']} documents": entry for name, entry in results["sets"].items()}
        save("filters", {**results, "sets": {**known, **fresh}})


def compare(name: str, path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures of one set of documents."""
    code, theirs_code = {**SETS, **ODD}[name]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    order = sorted(range(len(documents)), key=lambda i: hashlib.sha256(documents[i]["id"].encode()).hexdigest())
    rows = sorted(order[: arguments.documents])
    size = sum(len(documents[row]["text"].encode()) for row in rows) / 1e6
    entry: dict[str, Any] = {"documents": len(rows), "megabytes": round(size, 2), "rules": {}}
    own = ["datatrove"] if arguments.parity else []
    for cores in arguments.cores:
        sides = {
            "ours": Side("peers/aigc_filters.py", str(path), code, str(cores), *own, cores=cores),
            "datatrove": Side(
                "peers/datatrove_filters.py", str(path), theirs_code, str(cores), peer="datatrove", cores=cores
            ),
        }
        for rule in RULES if cores == 1 else RULES[:1]:
            repeat = arguments.repeat if rule == "chain" else 1
            answers = interleaved(sides, repeat, rule=rule, rows=rows, decisions=True)
            found = {f"{side}_mb_per_s_{cores}": round(size / median_s(given), 3) for side, given in answers.items()}
            found[f"ratio_{cores}"] = round(ratio(answers, "ours", "datatrove"), 1)
            found |= agreement(*(answers[side][0]["decisions"] for side in sides))
            entry["rules"].setdefault(rule, {}).update(found)
            print(name, cores, rule, found, flush=True)
        for side in sides.values():
            side.close()
    return entry


def agreement(ours: list[str | None], theirs: list[str | None]) -> dict[str, float]:
    """How far two lists of reasons (None: kept) say the same."""
    pairs = list(zip(ours, theirs, strict=True))
    kept = [[why is None for why in listed] for listed in (ours, theirs)]
    return {
        "equal": round(sum((a is None) == (b is None) for a, b in pairs) / len(pairs), 4),
        "same_reasons": sum(a == b for a, b in pairs) / len(pairs),
        "kappa": round(kappa(*kept), 4),
        "kept": sum(kept[0]),
        "datatrove_kept": sum(kept[1]),
    }


if __name__ == "__main__":
    main()
