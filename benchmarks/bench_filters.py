"""The filters of clean against datatrove's: MB/s, equal decisions and Cohen's kappa, rule by rule and as a chain.

    python benchmarks/bench_filters.py [--documents N] [--repeat N] [--quick]

The chain is GopherRepetition, GopherQuality, C4 (without terminal punctuation), FineWeb, early drop on both sides,
published limits on both sides. Ours uses its own word rule, so decisions differ a little; the Chinese figures compare
datatrove's jieba words with our rule for texts without spaces. Kernels are warm; bench_clean.py shows them cold.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from typing import Any

from side_by_side import DATA, Side, interleaved, median_s, ratio, save, versions_of

RULES = ("chain", "gopher_repetition", "gopher_quality", "c4_quality", "c4_terminal", "c4_paragraphs", "fineweb")
SETS = {"docs-en": ("en", "eng_Latn"), "poems-zh": ("zh", "cmn_Hani")}


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
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="60 documents, once")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.documents, arguments.repeat = 60, 1
    results: dict[str, Any] = {"datatrove": versions_of("datatrove", "datatrove", "spacy", "jieba"), "sets": {}}
    for name, (code, theirs_code) in SETS.items():
        path = DATA / f"text/{name}.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            documents = [json.loads(line) for line in lines]
        order = sorted(range(len(documents)), key=lambda i: hashlib.sha256(documents[i]["id"].encode()).hexdigest())
        rows = sorted(order[: arguments.documents])
        size = sum(len(documents[row]["text"].encode()) for row in rows) / 1e6
        entry: dict[str, Any] = {"documents": len(rows), "megabytes": round(size, 2), "rules": {}}
        for cores in (1, 2):
            sides = {
                "ours": Side("peers/aigc_filters.py", str(path), code, str(cores), cores=cores),
                "datatrove": Side(
                    "peers/datatrove_filters.py", str(path), theirs_code, str(cores), peer="datatrove", cores=cores
                ),
            }
            for rule in RULES if cores == 1 else RULES[:1]:
                repeat = arguments.repeat if rule == "chain" else 1
                answers = interleaved(sides, repeat, rule=rule, rows=rows, decisions=True)
                found = {
                    f"{side}_mb_per_s_{cores}": round(size / median_s(given), 3) for side, given in answers.items()
                }
                found[f"ratio_{cores}"] = round(ratio(answers, "ours", "datatrove"), 1)
                kept = [[why is None for why in answers[side][0]["decisions"]] for side in sides]
                found["equal"] = round(sum(a == b for a, b in zip(*kept, strict=True)) / len(rows), 4)
                found["kappa"] = round(kappa(*kept), 4)
                found["kept"], found["datatrove_kept"] = map(sum, kept)
                entry["rules"].setdefault(rule, {}).update(found)
                print(name, cores, rule, found, flush=True)
            for side in sides.values():
                side.close()
        results["sets"][name] = entry
    if not arguments.quick:
        save("filters", results)


if __name__ == "__main__":
    main()
