"""The learning-rate schedule: warm-up, stable, decay."""

from __future__ import annotations


def warmup_stable_decay(step: int, steps: int, warmup: int, decay: float, floor: float = 0.0) -> float:
    """The factor in (0, 1] on the peak learning rate at `step` = 0 ... steps - 1.

    Rises linearly over `warmup` steps, stays at 1, falls linearly towards `floor` over the last `decay` part.
    Source: Hu et al. 2024, "MiniCPM", section 4 (WSD); Haegele et al. 2024, "Scaling Laws and Compute-Optimal
    Training Beyond Fixed Training Durations", for the linear fall.

    >>> [round(warmup_stable_decay(s, 10, 2, 0.4), 2) for s in range(10)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    rising = (step + 1) / warmup if warmup > 0 else 1.0
    falling = (steps - step) / (decay * steps) if decay > 0 else 1.0
    return min(rising, 1.0, floor + (1.0 - floor) * min(falling, 1.0))
