"""The sides of bench_tokenize.py: each encodes the same documents with the same vocabulary.

Usage: tokenizers_encode.py aigc|sentencepiece|tokenizers|tiktoken TOKENIZER_DIR DOCUMENTS.json THREADS. Every request
encodes all documents; {"memo": "cold"} first forgets what earlier ones left behind, where the side remembers words
(ours, tokenizers). Ids stay in the form in which the library gives them; the digest that shows that they are equal is
taken once, outside the time.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
from side_by_side import serve

SPACE, ESCAPE = "\u2581", "\ue000"


def escape(text: str) -> str:
    """As `aigc` escapes a text for sentencepiece."""
    return text.replace(ESCAPE, ESCAPE + "\ue0a0").replace(SPACE, ESCAPE + "\ue0b1")


def aigc(folder: Path, texts: list[str], threads: int):
    import pyarrow as pa

    from aigc_cli.models import tokenizer as module

    module.KERNEL_BYTES = 0
    tokenizer, column = module.Tokenizer.load(folder), pa.array(texts, pa.large_string())
    start = time.perf_counter()
    encoder = tokenizer._vocabulary.encoder
    prepared_s = time.perf_counter() - start

    def encode():
        ids, ends = tokenizer.encode_column(column, threads=threads)
        return (ids[a:b] for a, b in itertools.pairwise(ends))

    return encode, encoder.forget, prepared_s


def sentencepiece(folder: Path, texts: list[str], threads: int):
    import sentencepiece as library

    processor = library.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    texts = [escape(text) for text in texts]
    return lambda: processor.encode(texts, num_threads=threads), nothing, 0.0


def tokenizers(folder: Path, texts: list[str], threads: int):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True

    def forget():
        nonlocal tokenizer
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.encode_special_tokens = True

    def encode():
        return [one.ids for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return encode, forget, 0.0


def tiktoken(folder: Path, texts: list[str], threads: int):
    import tiktoken as library

    lines = (folder / "tokenizer.tiktoken").read_text().splitlines()
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
    steps = json.loads((folder / "tokenizer.json").read_text())["pre_tokenizer"]["pretokenizers"]
    encoding = library.Encoding("own", pat_str=steps[0]["pattern"]["Regex"], mergeable_ranks=ranks, special_tokens={})
    return lambda: encoding.encode_ordinary_batch(texts, num_threads=threads), nothing, 0.0


def nothing() -> None:
    """Forget nothing: the side remembers nothing."""


def digests(rows) -> list[str]:
    """One short hash a document."""
    return [hashlib.blake2b(np.asarray(ids, np.uint32).tobytes(), digest_size=6).hexdigest() for ids in rows]


def main() -> None:
    side, folder, documents, threads = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    texts = json.loads(documents.read_text())
    encode, forget, prepared_s = globals()[side](folder, texts, threads)

    def run(memo: str = "warm", digest: bool = False):
        if memo == "cold":
            forget()
        start, cpu = time.perf_counter(), time.process_time()
        rows = encode()
        seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
        answer = {"seconds": seconds, "cpu_s": cpu_s, "prepared_s": prepared_s}
        return {**answer, "digests": digests(rows)} if digest else answer

    serve(run)


if __name__ == "__main__":
    main()
