"""What nearest neighbours say: fidelity, coverage, and whether training pictures were copied.

Shapes: N real rows, M generated rows, D features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK_ROWS = 1024
NEIGHBORS = 5  # Naeem et al. 2020, section 3
COPIED_QUANTILE = 0.01


def squared_distances(a_ND: np.ndarray, b_MD: np.ndarray) -> np.ndarray:
    """[N, M] of squared Euclidean distances, never below zero."""
    a, b = a_ND.astype(np.float32), b_MD.astype(np.float32)
    found = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * (a @ b.T)
    return np.maximum(found, 0.0)


def nearest(a_ND: np.ndarray, b_MD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distance, row of b) of the row of b that is nearest to each row of a."""
    distances, rows = [], []
    for start in range(0, len(a_ND), BLOCK_ROWS):
        block = squared_distances(a_ND[start : start + BLOCK_ROWS], b_MD)
        rows.append(block.argmin(1))
        distances.append(np.sqrt(block.min(1)))
    return np.concatenate(distances), np.concatenate(rows)


def radii(x_ND: np.ndarray, k: int) -> np.ndarray:
    """The distance of each row to its k-th nearest other row, squared."""
    if len(x_ND) <= k:
        raise ValueError(f"{len(x_ND)} pictures are too few; give more than {k}")
    found = []
    for start in range(0, len(x_ND), BLOCK_ROWS):
        block = squared_distances(x_ND[start : start + BLOCK_ROWS], x_ND)
        block[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf  # itself
        found.append(np.partition(block, k - 1, axis=1)[:, k - 1])
    return np.concatenate(found)


@dataclass(frozen=True)
class Nearness:
    """How two sets of pictures lie in one another.

    `density`: how many real neighbourhoods a generated picture lies in, over k (1 for real ones); `coverage`: share of
    real pictures with a generated one in their neighbourhood; `precision`: share of generated pictures in any real
    neighbourhood; `recall`: share of real pictures in any generated one's.
    """

    density: float
    coverage: float
    precision: float
    recall: float


def nearness(real_ND: np.ndarray, generated_MD: np.ndarray, k: int = NEIGHBORS) -> Nearness:
    """All four, neighbourhoods reaching to the k-th neighbour.

    Source: Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", equations 4 and 5;
    Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric", equations 1 and 2.
    """
    of_real, of_generated = radii(real_ND, k), radii(generated_MD, k)
    inside = np.zeros(len(generated_MD))
    covered = recalled = 0
    for start in range(0, len(real_ND), BLOCK_ROWS):
        block = squared_distances(real_ND[start : start + BLOCK_ROWS], generated_MD)
        held = block <= of_real[start : start + BLOCK_ROWS, None]
        inside += held.sum(0)
        covered += int(held.any(1).sum())
        recalled += int((block <= of_generated).any(1).sum())
    return Nearness(
        float(inside.mean() / k), covered / len(real_ND), float((inside > 0).mean()), recalled / len(real_ND)
    )


def copied_share(train_ND: np.ndarray, test_LD: np.ndarray, generated_MD: np.ndarray) -> tuple[float, float]:
    """(share of generated pictures nearer to a training picture than nearly all unseen ones are, that nearness).

    The limit is the 1 % quantile of the distances from test pictures to their nearest training picture: of real unseen
    pictures one in a hundred would count.
    """
    limit = float(np.quantile(nearest(test_LD, train_ND)[0], COPIED_QUANTILE))
    return float((nearest(generated_MD, train_ND)[0] < limit).mean()), limit


def principal(real_ND: np.ndarray, count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """(mean [D], axes [D, count]) of the real rows' largest variances: x -> (x - mean) @ axes."""
    mean = real_ND.mean(0, dtype=np.float64)
    centred = real_ND.astype(np.float64) - mean
    vectors = np.linalg.eigh(centred.T @ centred)[1]
    return mean, vectors[:, ::-1][:, : min(count, vectors.shape[1])]
