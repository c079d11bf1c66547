"""Word2Vec against gensim: words a second with one worker and two, and what the vectors know.

    python benchmarks/bench_word2vec.py [--quick] [--data docs-en.jsonl.gz] [--rounds N] [--seeds N] [--epochs N]

Both sides read one file of words between spaces, index it and train with the same options (skip-gram, 100 numbers,
window 5, 5 noise words, sample 0.001, min_count 5, 0.025 to 0.0001); indexing is part of the time. gensim takes the
faster of its two ways in (sentences, corpus_file), found in a first round. Quality: half of the occurrences of 500
words are replaced by twins; the share of twins that are each other's nearest neighbour, over seeds; similarity sets
beside. Prints words/s, ratios and shares; writes results/word2vec.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import DATA, ROOT, Side, machine, save, versions_of

TEXT = DATA / "text/docs-en.jsonl.gz"
LINE_WORDS, TWINS, TWIN_COUNT = 1000, 500, 100
OPTIONS: dict[str, Any] = {
    "algorithm": "skip-gram", "vector_size": 100, "window": 5, "negative": 5, "sample": 1e-3, "min_count": 5,
    "alpha": 0.025, "min_alpha": 1e-4,
}  # fmt: skip


def prepared(path: Path) -> list[list[str]]:
    """Lines of lower-case words."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    lines = []
    with opener(path, "rt", encoding="utf-8") as file:
        for row in file:
            words = re.findall(r"[a-z0-9_']+", json.loads(row)["text"].lower())
            lines += [words[i : i + LINE_WORDS] for i in range(0, len(words), LINE_WORDS)]
    return lines


def write(path: Path, lines: list[list[str]]) -> str:
    path.write_text("\n".join(" ".join(words) for words in lines) + "\n", encoding="utf-8")
    return str(path)


def twinned(lines: list[list[str]], seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """(lines in which half of the occurrences of TWINS words are twins, the pairs)."""
    random = np.random.default_rng(seed)
    counts = Counter(word for words in lines for word in words)
    able = sorted(word for word, count in counts.items() if count >= TWIN_COUNT and word.isalpha())
    chosen = set(random.choice(able, min(TWINS, len(able)), replace=False).tolist())
    made = [[f"{w}~" if w in chosen and random.random() < 0.5 else w for w in words] for words in lines]
    return made, [[word, f"{word}~"] for word in sorted(chosen)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the sample text, one epoch; writes nothing")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    text = given.data or (ROOT / "sample_data/text/en/stories.jsonl" if given.quick else TEXT)
    if not text.is_file():
        raise SystemExit(f"there is no {text}; give --data FILE.jsonl(.gz)")
    rounds, seeds = (1, 1) if given.quick else (given.rounds, given.seeds)
    lines = prepared(text)
    n_words = sum(map(len, lines))
    results: dict[str, Any] = {"data": text.name, "words": n_words, "options": {**OPTIONS, "epochs": given.epochs}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = write(folder / "plain.txt", lines)
        speed = []
        for workers in (1, 2):
            sides = {
                "ours": Side("peers/aigc_word2vec.py", cores=workers),
                "gensim": Side("peers/gensim_word2vec.py", peer="word2vec", cores=workers),
            }
            shared = {
                "text": plain,
                "out": str(folder / "x.bin"),
                "workers": workers,
                "epochs": given.epochs,
                **OPTIONS,
            }
            sides["ours"].run(**{**shared, "epochs": 1}, seed=0)  # loads the kernels
            ways = {way: sides["gensim"].run(task="train", by_file=way, seed=0, **{**shared, "epochs": 1})["seconds"]
                    for way in (False, True)}  # fmt: skip
            by_file = min(ways, key=lambda way: ways[way])
            found: dict[str, list[dict[str, Any]]] = {"ours": [], "gensim": []}
            for seed in range(rounds):
                found["ours"].append(sides["ours"].run(seed=seed, **shared))
                found["gensim"].append(sides["gensim"].run(task="train", by_file=by_file, seed=seed, **shared))
            for side in sides.values():
                side.close()
            row = {"workers": workers, "gensim_by_file": by_file}
            for key in ("seconds", "cpu_s"):
                medians = {side: statistics.median(a[key] for a in answers) for side, answers in found.items()}
                row[f"words_per_{key}"] = {s: round(n_words * given.epochs / m) for s, m in medians.items()}
                row[f"ratio_{key}"] = round(
                    statistics.median(t[key] / o[key] for t, o in zip(found["gensim"], found["ours"], strict=True)), 2
                )
            print(row, flush=True)
            speed.append(row)
        results["speed"] = speed
        quality: dict[str, list[dict[str, Any]]] = {"ours": [], "gensim": []}
        ours, gensim = Side("peers/aigc_word2vec.py"), Side("peers/gensim_word2vec.py", peer="word2vec")
        for seed in range(seeds):
            made, twins = twinned(lines, seed)
            path = write(folder / "twins.txt", made)
            for side, arguments in ((ours, {}), (gensim, {"task": "train", "by_file": False})):
                who, out = ("ours" if side is ours else "gensim"), str(folder / "y.bin")
                side.run(text=path, out=out, workers=1, seed=seed, epochs=given.epochs, **arguments, **OPTIONS)
                quality[who].append(gensim.run(task="judge", vectors=out, twins=twins))
            print({who: answers[-1] for who, answers in quality.items()}, flush=True)
        ours.close(), gensim.close()
    for measure in ("twins", "wordsim353", "simlex999"):
        values = {who: [a[measure] for a in answers] for who, answers in quality.items()}
        error = statistics.stdev(values["gensim"]) / len(values["gensim"]) ** 0.5 if seeds > 1 else 0.0
        results[measure] = {"mean": {w: round(statistics.mean(v), 4) for w, v in values.items()},
                            "standard_error_of_gensim": round(error, 4), "all": values}  # fmt: skip
        print(measure, results[measure]["mean"], "+-", round(error, 4))
    if not given.quick:
        save("word2vec", {**results, "after": machine(), "versions": versions_of("word2vec", "gensim")})


if __name__ == "__main__":
    main()
