"""Word vectors on a plane: the most frequent words where their two largest principal components put them."""

from __future__ import annotations

import numpy as np

from aigc_cli.core.errors import DataError
from aigc_cli.report.markup import Html, h, join
from aigc_cli.report.nodes import Node

MOST, COMMONEST = 120, 30  # words drawn; left out before them: words like "the", which stand near everything
WIDTH, HEIGHT, MARGIN = 760, 520, 40


def plane(vectors: np.ndarray) -> np.ndarray:
    """Positions [N, 2] of vectors [N, D]: the two principal components. Source: Pearson 1901; by the SVD."""
    centred = vectors - vectors.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * sizes[:2]


def word_map(node: Node) -> Html:
    """A map of words; nothing for a run that has none."""
    from aigc_cli.train.words.store import WORDS, read_words

    if not (node.directory / WORDS).is_file():
        return Html("")
    try:
        from safetensors.numpy import load_file

        vectors = load_file(node.directory / "model.safetensors")["embedding.weight"]
        words, _ = read_words(node.directory)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{node.directory} is damaged: {error}", "make that run again with --force") from error
    first = COMMONEST if len(words) > COMMONEST + MOST else 0
    words, vectors = words[first : first + MOST], vectors[first : first + MOST]
    if len(words) < 3 or vectors.shape[1] < 2:
        return Html("")
    places = plane(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
    low, span = places.min(0), np.maximum(np.ptp(places, 0), 1e-9)
    x, y = ((places - low) / span * (WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN) + MARGIN).T
    texts = [
        h(f'<text class="name" x="{a:.1f}" y="{b:.1f}" text-anchor="middle">{{}}</text>', word)
        for word, a, b in zip(words, x, y, strict=True)
    ]
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" style="width:{WIDTH}px"'
    note = "Frequent words, drawn where the two directions of greatest spread put them. What is near is used alike."
    return h(
        f'<h3>Words</h3><p class="note">{{}}</p><div class="scroll"><svg {size} role="img" '
        'aria-label="map of words">{}</svg></div>', note, join(texts),
    )  # fmt: skip
