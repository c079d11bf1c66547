"""The one way to compile a kernel: numba, cached in a folder named by the hash of all kernel sources."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core import config as numba_config

from aigc_cli.core import console
from aigc_cli.core.files import hash_text

# Argument types. Arrow buffers are read-only; numba passes writable arrays to a read-only parameter, not the reverse.
BYTES = types.Array(types.uint8, 1, "C", readonly=True)
OFFSETS = types.Array(types.int64, 1, "C", readonly=True)
U64 = types.Array(types.uint64, 1, "C", readonly=True)
I32 = types.Array(types.int32, 1, "C", readonly=True)
U32 = types.Array(types.uint32, 1, "C", readonly=True)
F64 = types.Array(types.float64, 1, "C", readonly=True)
INT64 = types.int64
F32 = types.Array(types.float32, 1, "C", readonly=True)
FLOAT64 = types.float64
OUT_F32 = types.Array(types.float32, 1, "C")
OUT_F32_2D = types.Array(types.float32, 2, "C")
OUT_F64 = types.Array(types.float64, 1, "C")
OUT_BYTES = types.Array(types.uint8, 1, "C")
OUT_I32 = types.Array(types.int32, 1, "C")
OUT_I64 = types.Array(types.int64, 1, "C")
OUT_I64_2D = types.Array(types.int64, 2, "C")
OUT_U64 = types.Array(types.uint64, 1, "C")
OUT_U64_2D = types.Array(types.uint64, 2, "C")
OUT_U32 = types.Array(types.uint32, 1, "C")


@functools.cache
def cache_folder() -> Path | None:
    """The folder for compiled kernels, or None where it cannot be written.

    Its name is the hash of the sources in all kernels/ folders and of this file: numba itself looks only at the file of
    the compiled function, and would keep old code after an edit of a function that it calls.
    """
    paths = [Path(__file__), *sorted(Path(__file__).parent.parent.glob("**/kernels/*.py"))]
    sources = [path.read_text(encoding="utf-8") for path in paths]
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(root).expanduser() / "aigc" / "kernels" / hash_text("\0".join(sources))[:16]
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder


@contextlib.contextmanager
def _numba_cache(folder: Path) -> Iterator[None]:
    """numba's cache folder for functions compiled inside; other users of numba keep theirs."""
    config: Any = numba_config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


@functools.cache
def _is_cached(folder: Path, module: str) -> bool:
    return next(folder.glob(f"*/{module.rpartition('.')[2]}.*.nbi"), None) is not None


@functools.cache
def _announce(again: str) -> None:
    """Say, once and only in the main process, why nothing happens for a while."""
    if multiprocessing.parent_process() is None:
        console.say(f"compiling the text kernels, some 20 seconds{again}")


def kernel(
    *arguments: Any, returns: Any = types.void, fastmath: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function for exactly these argument types when its module is imported, or load it from the cache.

    With `fastmath` sums of floats may be taken in another order, which lets them run in vectors.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        compile_now = functools.partial(
            numba.njit, returns(*arguments), nogil=True, error_model="numpy", fastmath=fastmath
        )
        folder = cache_folder()
        if folder is None:
            _announce(" (each time: the cache folder cannot be written)")
            return compile_now()(function)
        if not _is_cached(folder, function.__module__):
            _announce("")
        with _numba_cache(folder):
            try:
                return compile_now(cache=True)(function)
            except (OSError, RuntimeError):  # the disk filled up or the folder went away: compile without a cache
                return compile_now()(function)

    return decorate


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call; it becomes part of theirs."""
    return numba.njit(nogil=True, error_model="numpy", inline="never")(function)


def fast_inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """`inner` with sums of floats in any order."""
    return numba.njit(nogil=True, error_model="numpy", inline="never", forceinline=True, fastmath=True)(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """`inner` for what is called for every character: no call is left of it."""
    return numba.njit(nogil=True, error_model="numpy", inline="never", forceinline=True)(function)
