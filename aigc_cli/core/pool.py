"""Local worker processes: ordered and unordered maps that survive a dying worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from aigc_cli.core import console
from aigc_cli.core.device import threads
from aigc_cli.core.errors import DataError

A = TypeVar("A")
B = TypeVar("B")


def pool_map(function: Callable[[A], B], items: Iterable[A], workers: int | None = None) -> Iterator[B]:
    """function(item) for each item, in order, with at most 2 x workers in flight; for global steps."""
    workers = workers or threads()
    if workers == 1:
        yield from map(function, items)
        return
    with _pool(workers) as pool:
        waiting: list[Future[B]] = []
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        except BrokenProcessPool as error:
            raise DataError("a worker process was killed", "is memory short? try --workers 1") from error
        finally:
            for future in waiting:
                future.cancel()


def unordered(function: Callable[[A], B], items: Sequence[A], workers: int) -> Iterator[B]:
    """Results as they come. A worker that dies costs one retry of its item, alone; dying again is an error."""
    if workers == 1 or len(items) <= 1:
        yield from map(function, items)
        return
    left = dict(enumerate(items))
    while left:
        try:
            with _pool(min(workers, len(left))) as pool:
                queue = iter(list(left.items()))
                flying: dict[Future[B], int] = {}
                for index, item in queue:
                    flying[pool.submit(function, item)] = index
                    if len(flying) >= 2 * workers:
                        break
                while flying:
                    finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                    for future in finished:
                        result = future.result()
                        del left[flying.pop(future)]
                        yield result
                        for index, item in queue:
                            flying[pool.submit(function, item)] = index
                            break
        except BrokenProcessPool:
            console.warn("a worker process was killed; its work is done again in one process at a time")
            for index in list(left):
                try:
                    with _pool(1) as pool:
                        result = pool.submit(function, left[index]).result()
                except BrokenProcessPool as error:
                    raise DataError(
                        "a worker process was killed twice on the same input", "is memory short? try --workers 1"
                    ) from error
                del left[index]
                yield result


def _pool(workers: int) -> ProcessPoolExecutor:
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method), initializer=_start_worker)


def _start_worker() -> None:
    """One thread a worker, and Ctrl-C left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["AIGC_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    import pyarrow as pa

    pa.set_cpu_count(1)
