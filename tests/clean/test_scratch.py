"""Arrays in files: what they hold, and what happens when there is no room for them."""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from aigc_cli.clean.dedup import scratch
from aigc_cli.core.errors import AigcError


@contextlib.contextmanager
def no_file_above(n_bytes: int) -> Iterator[None]:
    """Writes beyond that size fail, as on a full disk; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fill", [0, -1])
@pytest.mark.parametrize("shape", [3, (5, 4), 1 << 20])
def test_arrays_in_files_and_in_memory(tmp_path, shape, fill):
    found = scratch.Scratch(tmp_path).array("a", shape, np.int64, fill)
    assert found.shape == np.empty(shape).shape and (found == fill).all() and found.flags.writeable
    assert (tmp_path / "a.array").exists() == (shape == 1 << 20)


def test_a_file_has_its_whole_place_on_the_disk(tmp_path):
    """A mapped file with holes would end the process with SIGBUS where the disk fills up later."""
    scratch.Scratch(tmp_path).array("a", 1 << 20, np.int64)
    assert (tmp_path / "a.array").stat().st_blocks * 512 >= 8 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE as Linux has it")
@pytest.mark.parametrize("fallocate", [True, False])
def test_no_room_for_an_array_is_an_error_before_anything_is_written(tmp_path, monkeypatch, fallocate):
    if not fallocate:
        monkeypatch.delattr(scratch.os, "posix_fallocate")
    with no_file_above(1 << 20), pytest.raises(AigcError, match=r"a\.array") as caught:
        scratch.Scratch(tmp_path).array("a", 1 << 20, np.int64)
    assert caught.value.hint


@pytest.mark.parametrize("columns", [0, 3])
def test_a_spool_holds_what_was_appended(tmp_path, columns):
    parts = [np.arange(n * max(columns, 1), dtype=np.uint64).reshape((n, columns) if columns else n) for n in (4, 0, 7)]
    spool = scratch.Scratch(tmp_path).spool("s", np.uint64, columns)
    for part in parts:
        spool.append(part)
    assert np.array_equal(spool.array(), np.concatenate(parts))
    empty = scratch.Scratch(tmp_path).spool("e", np.uint64, columns)
    assert len(empty.array()) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE as Linux has it")
@pytest.mark.parametrize("rows", [100, 100_000])
def test_no_room_for_a_spool_is_an_error_at_the_latest_when_it_is_read(tmp_path, rows):
    spool = scratch.Scratch(tmp_path).spool("s", np.uint64)
    with no_file_above(400), pytest.raises(AigcError, match=r"s\.spool"):
        spool.append(np.zeros(rows, np.uint64))
        spool.array()
