"""Near-duplicates from text to clusters: MB/s, recall of known copies, verified precision; datatrove and Daft beside.

    python benchmarks/bench_minhash.py [--sets docs-en poems-zh] [--cores 1 2] [--repeat N] [--quick]

Ours and Daft get an Arrow column in memory, datatrove JSON Lines as its readers want them; only ours compares every
proposed pair by its true similarity. Recall: the share of known copies of which at most one document stays.
Precision: the share of removed documents whose similarity with the one that stays in their place reaches the threshold,
counted here with Python's sets of words as the default word rule cuts them. Results of several calls are joined.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import statistics
import tempfile
from typing import Any

from side_by_side import DATA, HERE, ROOT, Side, median_s, ratio, save, versions_of

SETS = {"docs-en": "eng_Latn", "poems-zh": "cmn_Hani"}
NGRAM = 5
OURS = {
    "ours": {},
    "ours, exact duplicates first": {"exact": True},
    "ours, 14 x 8 as the peers": {"bands": 14, "rows": 8},
}


def word_rule() -> Any:
    """The plain second implementation of the word rule that the tests compare the kernels with."""
    spec = importlib.util.spec_from_file_location("plain_words", ROOT / "tests/clean/conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.words


class Judge:
    """Recall and precision of {removed id: id that stays}."""

    def __init__(self, name: str) -> None:
        with gzip.open(DATA / f"text/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            self.texts = {d["id"]: d["text"] for d in map(json.loads, lines)}
        self.truth = json.loads((DATA / f"text/{name}.duplicates.json").read_text())
        self.words = word_rule()
        self.shingles: dict[str, set[tuple[str, ...]]] = {}

    def _set(self, name: str) -> set[tuple[str, ...]]:
        if name not in self.shingles:
            words = ["".join(c.lower() if c.isascii() else c for c in w) for w in self.words(self.texts[name])]
            last = max(len(words) - NGRAM + 1, min(len(words), 1))
            self.shingles[name] = {tuple(words[k : k + NGRAM]) for k in range(last)}
        return self.shingles[name]

    def similarity(self, one: str, other: str) -> float:
        """The true Jaccard similarity of two documents."""
        a, b = self._set(one), self._set(other)
        return len(a & b) / max(len(a | b), 1)

    def __call__(self, match: dict[str, str | None], threshold: float) -> dict[str, Any]:
        found: dict[str, Any] = {"removed": len(match)}
        for kind in ("exact", "near"):
            pairs = [p for p in self.truth[kind] if p[0] in self.texts and p[1] in self.texts]
            hit = [p[0] in match or p[1] in match for p in pairs]
            found |= {f"{kind}_pairs": len(pairs), f"{kind}_recall": round(sum(hit) / len(pairs), 4)}
            for share in sorted({p[2] for p in pairs if len(p) > 2}):
                part = [h for h, p in zip(hit, pairs, strict=True) if p[2] == share]
                found[f"near_recall_{share}"] = round(sum(part) / len(part), 4)
        alike = [other is not None and self.similarity(one, other) >= threshold for one, other in match.items()]
        return {**found, f"precision_at_{threshold}": round(sum(alike) / max(len(alike), 1), 4)}


def sides(name: str, cores: int, peers: list[str]) -> dict[str, Side]:
    """The sides that are asked in turns."""
    path = str(DATA / f"text/{name}.jsonl.gz")
    found = {label: Side("peers/aigc_minhash.py", path, cores=cores) for label in OURS}
    if "daft" in peers:
        found["daft"] = Side("peers/daft_minhash.py", path, peer="daft", cores=cores)
    if "datatrove" in peers:
        found["datatrove"] = Side("peers/datatrove_minhash.py", path, SETS[name], str(cores), peer="datatrove",
                                  cores=cores)  # fmt: skip
    return found


def compare(name: str, cores: int, repeat: int, peers: list[str]) -> dict[str, Any]:
    """One set on one number of cores."""
    judge = Judge(name)
    megabytes = sum(len(text.encode()) for text in judge.texts.values()) / 1e6
    running = sides(name, cores, peers)
    answers: dict[str, list[dict[str, Any]]] = {label: [] for label in running}
    quality = {}
    for label, side in running.items():  # the first, which is not timed: caches are filled, pages are mapped
        if label == "datatrove":
            continue
        answer = side.run(clusters=True, **OURS.get(label, {}))
        threshold = answer.get("threshold", 0.65)
        quality[label] = judge(answer["match"], threshold)
    for _ in range(repeat):
        for label, side in running.items():
            answers[label].append(side.run(clusters=label == "datatrove", **OURS.get(label, {})))
    if "datatrove" in running:
        quality["datatrove"] = judge(answers["datatrove"][0].pop("match"), 0.65)
    for side in running.values():
        side.close()
    entry: dict[str, Any] = {"documents": len(judge.texts), "megabytes": round(megabytes, 2), "repeats": repeat,
                             "sides": {}, "times_faster": {}}  # fmt: skip
    for label, given in answers.items():
        spent = statistics.median(a["cpu_s"] for a in given)
        entry["sides"][label] = {"mb_per_s": round(megabytes / median_s(given), 2),
                                 "mb_per_cpu_s": round(megabytes / spent, 2), **quality[label]}  # fmt: skip
    for peer in [p for p in peers if p in answers]:
        for label in OURS:
            theirs = statistics.median(a["cpu_s"] for a in answers[peer])
            own = statistics.median(a["cpu_s"] for a in answers[label])
            entry["times_faster"][f"{label} : {peer}"] = {
                "wall": round(ratio(answers, label, peer), 2), "cpu": round(theirs / own, 2),
            }  # fmt: skip
    return entry


def compilation(name: str) -> dict[str, Any]:
    """Seconds until the kernels are there: compiled into an empty cache, and loaded from it."""
    with tempfile.TemporaryDirectory() as cache:
        found: dict[str, Any] = {}
        for state in ("cold", "warm"):
            side = Side("peers/aigc_minhash.py", str(DATA / f"text/{name}.jsonl.gz"),
                        environment={"XDG_CACHE_HOME": cache})  # fmt: skip
            answer = side.run()
            side.close()
            found[state] = {"kernels_s": round(answer["kernels_s"], 2), "first_search_s": round(answer["seconds"], 2)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--peers", nargs="*", default=["daft", "datatrove"], choices=["daft", "datatrove"])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the small set on one core, once; nothing is saved")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sets, arguments.cores, arguments.repeat = ["poems-zh"], [1], 1
    path = HERE / "results/minhash.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    results: dict[str, Any] = {
        "daft": {**versions_of("daft", "daft", "pyarrow"), "configuration": "normalize, minhash(112, 5), 14 x 8 bands"},
        "datatrove": {**versions_of("datatrove", "datatrove", "spacy", "jieba"), "configuration": "14 x 8, 5-grams"},
        "ours": "25 x 5 bands, 5-word shingles, every pair verified at 0.65",
        "jit": compilation(arguments.sets[0]), "sets": known.get("sets", {}),
    }  # fmt: skip
    for name in arguments.sets:
        for cores in [c for c in arguments.cores if c <= (os.cpu_count() or 1)]:
            found = compare(name, cores, arguments.repeat, arguments.peers)
            results["sets"].setdefault(name, {})[f"{cores}_cores"] = found
            print(name, cores, json.dumps(found, indent=1))
    if not arguments.quick:
        save("minhash", results)


if __name__ == "__main__":
    main()
