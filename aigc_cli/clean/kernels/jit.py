"""The compiler of kernels under its former name; it stands in core, for packages before clean."""

from aigc_cli.core.jit import (
    BYTES,
    INT64,
    OFFSETS,
    OUT_BYTES,
    OUT_I64,
    OUT_I64_2D,
    OUT_U32,
    OUT_U64,
    OUT_U64_2D,
    U64,
    cache_folder,
    inner,
    kernel,
)

__all__ = [
    "BYTES",
    "INT64",
    "OFFSETS",
    "OUT_BYTES",
    "OUT_I64",
    "OUT_I64_2D",
    "OUT_U32",
    "OUT_U64",
    "OUT_U64_2D",
    "U64",
    "cache_folder",
    "inner",
    "kernel",
]
