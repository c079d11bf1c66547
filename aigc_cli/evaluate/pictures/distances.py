"""Distances between two sets of features.

Shapes: N and M rows (pictures), D features; everything in float64.
"""

from __future__ import annotations

import numpy as np

BLOCK_ROWS = 2048  # of a matrix of distances or kernels: memory


def frechet(a_ND: np.ndarray, b_MD: np.ndarray) -> float:
    """The Frechet distance of the Gaussians fitted to both sets: |m_a - m_b|^2 + tr(A + B - 2 (A B)^1/2).

    (A B)^1/2 has the trace of (A^1/2 B A^1/2)^1/2, which is symmetric, so that no complex numbers come in. It is
    biased: sets of N rows of one distribution are further apart the smaller N is.
    Source: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", equation 6; Dowson and Landau 1982.

    >>> x = np.array([[0.0], [2.0]])
    >>> frechet(x, x + 3)
    9.0
    """
    means = [x.mean(0) for x in (a_ND, b_MD)]
    a, b = (np.atleast_2d(np.cov(x.astype(np.float64), rowvar=False)) for x in (a_ND, b_MD))
    root = _root(a)
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0.0)).sum()
    distance = float(np.square(means[0] - means[1]).sum() + np.trace(a) + np.trace(b) - 2 * cross)
    return max(distance, 0.0)


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def kernel(a_ND: np.ndarray, b_MD: np.ndarray) -> float:
    """The squared maximum mean discrepancy under (x y / D + 1)^3, unbiased: 0 in the mean for equal distributions.

    Over all pairs, without subsets. Source: Binkowski et al. 2018, "Demystifying MMD GANs", section 4.
    """
    a, b = a_ND.astype(np.float64), b_MD.astype(np.float64)
    n, m, d = len(a), len(b), a.shape[1]
    if min(n, m) < 2:
        raise ValueError(f"{min(n, m)} pictures are too few; give two or more on each side")

    def total(x: np.ndarray, y: np.ndarray) -> float:
        return sum(float(((x[i : i + BLOCK_ROWS] @ y.T / d + 1) ** 3).sum()) for i in range(0, len(x), BLOCK_ROWS))

    def own(x: np.ndarray) -> float:
        return float(((np.square(x).sum(1) / d + 1) ** 3).sum())

    within = (total(a, a) - own(a)) / (n * (n - 1)) + (total(b, b) - own(b)) / (m * (m - 1))
    return within - 2 * total(a, b) / (n * m)


def sliced_wasserstein(a_ND: np.ndarray, b_MD: np.ndarray, directions: int = 256, seed: int = 0) -> float:
    """The mean over random directions of the 2-Wasserstein distance of what lies along them, squared and rooted.

    Both sets are read at the same N quantiles. Source: Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters
    of Measures", definition 3.
    """
    random = np.random.default_rng(seed)
    axes = random.standard_normal((a_ND.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    count = min(len(a_ND), len(b_MD))
    at = (np.arange(count) + 0.5) / count
    lines = [np.quantile(x @ axes, at, axis=0) for x in (a_ND, b_MD)]
    return float(np.sqrt(np.square(lines[0] - lines[1]).mean()))
