"""gensim's side of bench_word2vec.py: trains on a file of sentences, and judges vectors (its own and ours)."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from gensim.models import KeyedVectors, Word2Vec  # type: ignore
from gensim.models.word2vec import LineSentence  # type: ignore
from gensim.test.utils import datapath  # type: ignore
from side_by_side import cpu_s, serve  # type: ignore


def run(task: str, **given: Any) -> dict[str, Any]:
    return judge(**given) if task == "judge" else train(**given)


def train(text: str, out: str, workers: int, seed: int, by_file: bool, **options: Any) -> dict[str, Any]:
    """Vocabulary and training are timed, saving is not."""
    start, cpu = time.perf_counter(), cpu_s()
    source = {"corpus_file": text} if by_file else {"sentences": LineSentence(text)}
    shared = {"sg": int(options.pop("algorithm") == "skip-gram"), "hs": 0, "workers": workers, "seed": seed}
    model = Word2Vec(**source, **shared, **options)
    seconds, cpu = time.perf_counter() - start, cpu_s() - cpu
    model.wv.save_word2vec_format(out, binary=True)
    return {"seconds": seconds, "cpu_s": cpu, "words": len(model.wv)}


def judge(vectors: str, twins: list[list[str]]) -> dict[str, Any]:
    """Share of twins that are each other's nearest neighbour, and rank correlations with people's judgements."""
    found = KeyedVectors.load_word2vec_format(vectors, binary=True)
    known = [(a, b) for a, b in twins if a in found and b in found]
    near = [found.similar_by_word(a, topn=1)[0][0] == b for a, b in known]
    near += [found.similar_by_word(b, topn=1)[0][0] == a for a, b in known]
    sets = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
    rho = {name: float(found.evaluate_word_pairs(datapath(file))[1][0]) for name, file in sets.items()}
    return {"twins": sum(near) / max(1, len(near)), "judged": len(near), **rho}


if __name__ == "__main__":
    serve(run)
