"""Word vectors on disk: a Bundle's weights, and the files of word2vec."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core.errors import DataError
from aigc_cli.core.files import atomic_path, atomic_write

WORDS = "words.tsv"
FILES = {"binary": "vectors.bin", "text": "vectors.txt"}


def write_words(directory: Path, words: Sequence[str], counts: Sequence[int]) -> None:
    """words.tsv: a word and its count a line, in the order of the vectors."""
    lines = (f"{word}\t{count}\n" for word, count in zip(words, counts, strict=True))
    atomic_write(Path(directory) / WORDS, "".join(lines))


def read_words(directory: Path) -> tuple[list[str], np.ndarray]:
    """(words, counts) of a Bundle. DataError when the file is absent or damaged."""
    path = Path(directory) / WORDS
    try:
        rows = [line.rpartition("\t") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
        return [word for word, _, _ in rows], np.array([int(count) for *_, count in rows], np.int64)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}", "train the vectors again") from error


def write_vectors(path: Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """A file that gensim's KeyedVectors.load_word2vec_format reads: binary for .bin, else text.

    Source: word2vec.c: a line with both sizes; then for each word its name, a space, and its numbers (float32 little
    endian, or as text).
    """
    head = f"{len(words)} {vectors.shape[1]}\n".encode()
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(head)
        for word, vector in zip(words, np.ascontiguousarray(vectors, "<f4"), strict=True):
            if path.suffix == ".bin":
                file.write(word.encode() + b" " + vector.tobytes() + b"\n")
            else:
                file.write(f"{word} {' '.join(map(repr, vector.tolist()))}\n".encode())


def bundle_config(family: str, n_words: int, dim: int, options: dict[str, Any]) -> dict[str, Any]:
    """config.json of word vectors."""
    return {"model_type": family, "architectures": ["WordVectors"], "dtype": "float32", "vocab_size": n_words,
            "hidden_size": dim, "training": options}  # fmt: skip


def save_vectors(
    directory: Path, family: str, words: Sequence[str], counts: np.ndarray, vectors: np.ndarray, *, output: np.ndarray,
    options: dict[str, Any], file: str, card: str,
) -> None:  # fmt: skip
    """Writes a Bundle of word vectors: config.json, model.safetensors, words.tsv, README.md and a word2vec file."""
    from safetensors.numpy import save

    weights = {"embedding.weight": np.ascontiguousarray(vectors), "output.weight": np.ascontiguousarray(output)}
    atomic_write(directory / "model.safetensors", save(weights, metadata={"format": "np"}))
    config = bundle_config(family, len(words), vectors.shape[1], options)
    atomic_write(directory / "config.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    write_words(directory, words, counts.tolist())
    if file in FILES:
        write_vectors(directory / FILES[file], words, vectors)
    atomic_write(directory / "README.md", card)


def spans(ids: np.ndarray, size: int) -> Iterator[tuple[int, int]]:
    """Parts of the corpus of about `size` words, cut at ends of texts where one is near."""
    begin = 0
    ends = np.flatnonzero(ids < 0)
    while begin < len(ids):
        place = int(np.searchsorted(ends, begin + size))
        end = int(ends[place]) + 1 if place < len(ends) else len(ids)
        if end - begin > 2 * size:  # a text of many parts
            end = begin + size
        yield begin, end
        begin = end
