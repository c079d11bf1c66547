"""Arrays that lie in files when they are large, so that memory does not grow with the input."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core.files import disk_errors

ZEROS = bytes(1 << 20)
IN_MEMORY_BYTES = 4 << 20  # a smaller array is ordinary memory
BLOCK = 1 << 20  # rows that are worked on at once where a copy is made


class Scratch:
    """A directory for temporary arrays; they go with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def array(self, name: str, shape: int | tuple[int, ...], dtype: Any, fill: int = 0) -> np.ndarray:
        """A new array."""
        if np.prod(shape) * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
            return np.full(shape, fill, dtype=dtype)
        path = self.directory / f"{name}.array"
        reserve(path, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        found = np.asarray(np.memmap(path, dtype=dtype, mode="r+", shape=shape))
        if fill:
            for start in range(0, len(found), BLOCK):
                found[start : start + BLOCK] = fill
        return found

    def spool(self, name: str, dtype: Any, columns: int = 0) -> Spool:
        """An array that grows."""
        return Spool(self.directory / f"{name}.spool", np.dtype(dtype), columns)


def reserve(path: Path, n_bytes: int) -> None:
    """A file of zeros whose place on the disk is taken: a full disk is an error here, not a SIGBUS at some write."""
    with disk_errors(path), open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, n_bytes)
            return
        for start in range(0, n_bytes, len(ZEROS)):  # macOS
            file.write(ZEROS[: n_bytes - start])


class Spool:
    """Appended arrays, one after another in a file."""

    def __init__(self, path: Path, dtype: np.dtype, columns: int) -> None:
        self._path, self._dtype, self._columns = path, dtype, columns
        self._file = open(path, "wb")  # noqa: SIM115 - closed by `array`
        self.length = 0

    def append(self, values: np.ndarray) -> None:
        """Add rows."""
        with disk_errors(self._path):  # not ndarray.tofile, whose errors do not say that the disk is full
            self._file.write(np.ascontiguousarray(values, dtype=self._dtype).reshape(-1).view(np.uint8).data)
        self.length += len(values)

    def array(self, writable: bool = False) -> np.ndarray:
        """All rows; nothing can be appended any more."""
        with disk_errors(self._path):
            self._file.close()
        shape = (self.length, self._columns) if self._columns else (self.length,)
        if not self.length:
            return np.zeros(shape, dtype=self._dtype)
        return np.asarray(np.memmap(self._path, dtype=self._dtype, mode="r+" if writable else "r", shape=shape))
