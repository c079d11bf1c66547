"""Our side of bench_word2vec.py."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import pyarrow as pa
from side_by_side import cpu_s, serve

from aigc_cli.train.words.options import Word2VecOptions
from aigc_cli.train.words.store import write_vectors
from aigc_cli.train.words.vocabulary import index
from aigc_cli.train.words.word2vec import Word2Vec


def run(text: str, out: str, workers: int, seed: int, **options: Any) -> dict[str, Any]:
    """Reading, indexing and training are timed, saving is not."""
    start, cpu = time.perf_counter(), cpu_s()
    names = {"vector_size": "dim", "negative": "negatives", "alpha": "lr", "min_alpha": "min_lr"}
    given = Word2VecOptions(**{names.get(k, k): v for k, v in options.items()}, threads=workers)
    column = pa.array(Path(text).read_text(encoding="utf-8").split("\n"), pa.large_string())
    corpus = index([column], lower=False, spaces=True, min_count=given.min_count)
    model = Word2Vec.fresh(corpus, given, seed)
    model.train(0, lambda done, result: None)
    seconds, cpu = time.perf_counter() - start, cpu_s() - cpu
    write_vectors(Path(out), corpus.words, model.vectors)
    return {"seconds": seconds, "cpu_s": cpu, "words": len(corpus.words)}


if __name__ == "__main__":
    serve(run)
