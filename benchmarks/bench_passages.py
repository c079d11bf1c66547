"""Sentences and paragraphs that occurred before: MB/s with and without the rules, datatrove's sentence dedup beside.

    python benchmarks/bench_passages.py [--sets docs-en poems-zh] [--cores 1 2] [--repeat N] [--quick]

Both sides go from files to files: ours from collected shards to cleaned ones, datatrove from JSON Lines through its
three stages to JSON Lines. Sentences are cut differently (ours by its own rule, datatrove by spaCy's, and it leaves out
punctuation and numbers when it compares), so what is left differs; both figures stand there. Results of several calls
are joined.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
from typing import Any

from side_by_side import DATA, HERE, Side, median_s, save, versions_of

SETS = {"docs-en": "eng_Latn", "poems-zh": "cmn_Hani"}
OURS: dict[str, list[Any]] = {
    "ours, neither rule": ["exact"],
    "ours, sentences": ["sentences", "exact"],
    "ours, paragraphs": ["paragraphs", "exact"],
    "ours, lines": [{"paragraphs": {"split": "lines"}}, "exact"],
    "ours, sentences and paragraphs": ["sentences", "paragraphs", "exact"],
}


def compare(name: str, cores: int, repeat: int, peer: bool) -> dict[str, Any]:
    """One set on one number of cores."""
    path = DATA / f"text/{name}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    ours = Side("peers/aigc_passages.py", str(path), str(cores), cores=cores)
    asked = {label: (ours, {"rules": rules}) for label, rules in OURS.items()}
    theirs = None
    if peer:
        arguments = (str(path), SETS[name], str(cores))
        theirs = Side("peers/datatrove_sentences.py", *arguments, peer="datatrove", cores=cores)
        asked["datatrove, sentences"] = theirs, {}
    memory = {label: ours.run(memory=True, rules=rules)["peak_mb"] for label, rules in OURS.items()}  # and warms up
    answers: dict[str, list[dict[str, Any]]] = {label: [] for label in asked}
    for _ in range(repeat):
        for label, (side, request) in asked.items():
            answers[label].append(side.run(**request))
    for side in filter(None, (ours, theirs)):
        side.close()
    found: dict[str, Any] = {"documents": len(texts), "megabytes": round(megabytes, 2), "repeats": repeat, "sides": {}}
    for label, given in answers.items():
        spent = statistics.median(answer["cpu_s"] for answer in given)
        found["sides"][label] = {
            "mb_per_s": round(megabytes / median_s(given), 2), "mb_per_cpu_s": round(megabytes / spent, 2),
            "documents_left": given[0]["documents"], "megabytes_left": round(given[0]["bytes"] / 1e6, 2),
        }  # fmt: skip
        if label in memory:
            found["sides"][label]["peak_anonymous_mb"] = memory[label]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--cores", nargs="+", type=int, default=[1])
    parser.add_argument("--without-peer", action="store_true", help="ours alone")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the small set on one core, once; nothing is saved")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sets, arguments.cores, arguments.repeat = ["poems-zh"], [1], 1
    path = HERE / "results/passages.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    results: dict[str, Any] = {"sets": known.get("sets", {})}
    if not arguments.without_peer:
        results["datatrove"] = versions_of("datatrove", "datatrove", "spacy", "jieba")
    for name in arguments.sets:
        for cores in [c for c in arguments.cores if c <= (os.cpu_count() or 1)]:
            found = compare(name, cores, arguments.repeat, not arguments.without_peer)
            results["sets"].setdefault(name, {})[f"{cores}_cores"] = found
            print(name, cores, json.dumps(found, indent=1))
    if not arguments.quick:
        save("passages", results)


if __name__ == "__main__":
    main()
