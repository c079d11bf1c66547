"""Distances against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_cli.evaluate.pictures.distances import frechet, kernel, sliced_wasserstein
from aigc_cli.evaluate.pictures.neighbors import copied_share, nearest, nearness, principal, radii


@pytest.fixture
def random():
    return np.random.default_rng(0)


def with_moments(random, mean, covariance, n=400):
    """Rows whose sample mean and covariance are exactly these."""
    x = random.standard_normal((n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def test_frechet_of_commuting_covariances(random):
    """For covariances with the same axes it is the sum of squared differences of means and of deviations."""
    axes, _ = np.linalg.qr(random.standard_normal((5, 5)))
    deviations = np.array([[1.0, 2, 0.5, 3, 1], [2.0, 1, 0.5, 1, 4]])
    means = random.standard_normal((2, 5))
    sets = [with_moments(random, m, axes * d**2 @ axes.T) for m, d in zip(means, deviations, strict=True)]
    wanted = np.square(means[0] - means[1]).sum() + np.square(deviations[0] - deviations[1]).sum()
    assert frechet(*sets) == pytest.approx(wanted, rel=1e-9)


def test_frechet_against_the_product_s_own_root(random):
    a, b = (random.standard_normal((300, 4)) @ random.standard_normal((4, 4)) for _ in range(2))
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    values = np.linalg.eigvals(covariances[0] @ covariances[1])
    wanted = np.square(a.mean(0) - b.mean(0)).sum() + sum(map(np.trace, covariances)) - 2 * np.sqrt(values).real.sum()
    assert frechet(a, b) == pytest.approx(float(wanted), rel=1e-9)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    flat = np.repeat(a[:, :1], 4, axis=1)  # a singular covariance
    assert np.isfinite(frechet(flat, b))


def test_kernel_distance_by_brute_force_and_without_bias(random):
    a, b = random.standard_normal((20, 3)), random.standard_normal((15, 3)) + 0.3

    def k(x, y):
        return (x @ y / 3 + 1) ** 3

    within = [np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (a, b)]
    wanted = sum(within) - 2 * np.mean([k(x, y) for x in a for y in b])
    assert kernel(a, b) == pytest.approx(wanted, rel=1e-9)
    equal = [kernel(random.standard_normal((60, 3)), random.standard_normal((60, 3))) for _ in range(200)]
    assert abs(np.mean(equal)) < 3 * np.std(equal) / np.sqrt(200)
    with pytest.raises(ValueError, match="too few"):
        kernel(a[:1], b)


def test_sliced_wasserstein_of_a_shift(random):
    a, shift = random.standard_normal((500, 8)), random.standard_normal(8)
    assert sliced_wasserstein(a, a + shift, 4000) == pytest.approx(np.linalg.norm(shift) / np.sqrt(8), rel=0.05)
    assert sliced_wasserstein(a, a) == 0


def test_neighbourhoods_by_brute_force(random):
    real, made = random.standard_normal((30, 2)), random.standard_normal((25, 2)) * 1.5
    between = np.linalg.norm(real[:, None] - made, axis=2)
    reach = [np.sort(np.linalg.norm(x[:, None] - x, axis=2), axis=1)[:, 3] for x in (real, made)]
    np.testing.assert_allclose(radii(real, 3) ** 0.5, reach[0], rtol=1e-4)
    held = between <= reach[0][:, None] + 1e-6
    found = nearness(real, made, 3)
    assert found.density == pytest.approx(held.sum() / (3 * 25))
    assert found.coverage == held.any(1).mean() and found.precision == held.any(0).mean()
    assert found.recall == (between <= reach[1] + 1e-6).any(1).mean()
    distance, row = nearest(made, real)
    np.testing.assert_array_equal(row, between.argmin(0))
    np.testing.assert_allclose(distance, between.min(0), atol=1e-3)


def test_one_picture_again_and_again_covers_little(random):
    real = random.standard_normal((500, 4))
    assert nearness(real, random.standard_normal((500, 4))).coverage > 0.9
    stuck = nearness(real, real[:1] + 1e-4 * random.standard_normal((500, 4)))
    assert stuck.coverage < 0.1 and stuck.precision == 1.0


def test_copies_are_found_and_unseen_pictures_are_none(random):
    train, test, fresh = (random.standard_normal((400, 6)) for _ in range(3))
    made = np.concatenate([train[:100] + 1e-3, fresh[:300]])
    share, limit = copied_share(train, test, made)
    assert 0.25 <= share < 0.29 and limit > 0
    assert copied_share(train, test, fresh)[0] < 0.04


def test_principal_axes_are_numpys(random):
    x = random.standard_normal((200, 6)) @ random.standard_normal((6, 6)) + 3
    mean, axes = principal(x, 3)
    _, _, vh = np.linalg.svd(x - x.mean(0), full_matrices=False)
    np.testing.assert_allclose(mean, x.mean(0))
    np.testing.assert_allclose(np.abs(axes.T @ vh[:3].T), np.eye(3), atol=1e-6)
