"""What the Configs and Shapes of all families share: bounds, numbers, the two dials. Stdlib only."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from aigc_cli.core.options import refused

# A config.json from elsewhere must not make us build a billion blocks; each bound is far above any published model.
BOUNDS = {
    "vocab_size": 1 << 24,
    "n_layer": 4096,
    "n_decoder_layer": 4096,
    "n_head": 4096,
    "n_kv_head": 4096,
    "head_dim": 1 << 16,
    "n_embd": 1 << 20,
    "n_ff": 1 << 22,
    "context": 1 << 22,
    "n_types": 1 << 16,
    "n_bucket": 1 << 16,
    "max_distance": 1 << 22,
}


def check_sizes(config: Any) -> None:
    """Raises ValueError where a field of a Config that BOUNDS names is no whole number from 1 to its bound."""
    for name, most in BOUNDS.items():
        value = getattr(config, name, 1)
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"{name} is {value!r}; give 1 to {most:,}")


def check_number(config: Any, name: str, least: float = 0, below: float = math.inf) -> None:
    """Raises ValueError where a field is no number from `least` to under `below`."""
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < below:
        end = "on" if below == math.inf else f"to below {below:g}"
        raise ValueError(f"{name} is {value!r}; give a number from {least:g} {end}")


def check_id(config: Any, name: str) -> None:
    """Raises ValueError where a field is no token of the vocabulary."""
    value = getattr(config, name)
    if type(value) is not int or not 0 <= value < config.vocab_size:
        raise ValueError(f"{name} is {value!r}; give 0 to {config.vocab_size - 1:,}")


def check_flag(config: Any, name: str) -> None:
    """Raises ValueError where a field is neither True nor False."""
    if type(getattr(config, name)) is not bool:
        raise ValueError(f"{name} is {getattr(config, name)!r}; give true or false")


def narrow_dial(depth: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """All widths from the number of blocks, for feed-forward layers with a gate; `given` ones (not None) stay.

    Width 48 x depth (rounded up to a multiple of 32, above 384 of 64), heads of 32 up to a width of 384 and of 64
    above, feed-forward 8/3 of the width, so that a gated block has the parameters of a classical one (Source: Shazeer
    2020, "GLU Variants Improve Transformer", section 3).

    >>> narrow_dial(4, {})
    {'n_embd': 192, 'head_dim': 32, 'n_head': 6, 'n_ff': 512}
    """
    kept = {name: value for name, value in given.items() if value is not None}
    width = kept.get("n_embd", _ceil(48 * depth, 32 if 48 * depth <= 384 else 64))
    head_dim = kept.get("head_dim", 32 if width <= 384 else 64)
    n_head, n_ff = max(1, width // head_dim), _ceil(width * 8 // 3, 64)
    return {"n_embd": width, "head_dim": head_dim, "n_head": n_head, "n_ff": n_ff, **kept}


def wide_dial(depth: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """The same for classical blocks: width 64 x depth, heads of 64 (32 below width 256), feed-forward 4 x the width.

    >>> wide_dial(12, {})
    {'n_embd': 768, 'n_head': 12, 'n_ff': 3072}
    """
    kept = {name: value for name, value in given.items() if value is not None}
    width = kept.get("n_embd", 64 * depth)
    return {"n_embd": width, "n_head": max(1, width // (64 if width >= 256 else 32)), "n_ff": 4 * width, **kept}


def _ceil(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


@contextlib.contextmanager
def from_options() -> Iterator[None]:
    """What a Config refuses was an option: its ValueError becomes the error that a user sees."""
    try:
        yield
    except ValueError as error:
        raise refused(error) from error
