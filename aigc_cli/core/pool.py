"""Local worker processes: ordered and unordered maps that survive a dying worker."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from aigc_cli.core import console
from aigc_cli.core.device import threads
from aigc_cli.core.errors import DataError

A = TypeVar("A")
B = TypeVar("B")

_KILLED = "a worker process was killed; what was under way is done again, one process at a time"


def pool_map(function: Callable[[A], B], items: Iterable[A], workers: int | None = None) -> Iterator[B]:
    """function(item) for each item, in order, with at most 2 x workers in flight; for global steps.

    A worker that dies costs one retry of what was in flight, as in `unordered`.
    """
    workers = workers or threads()
    if workers == 1:
        yield from map(function, items)
        return
    left = iter(items)
    waiting = deque(itertools.islice(left, 2 * workers))  # in order; the first len(futures) of them are submitted
    while waiting:
        futures: deque[Future[B]] = deque()
        try:
            with _pool(workers) as pool:
                try:
                    while waiting:
                        futures.extend(pool.submit(function, item) for item in list(waiting)[len(futures) :])
                        result = futures[0].result()
                        waiting.popleft()
                        futures.popleft()
                        waiting.extend(itertools.islice(left, 1))
                        yield result
                finally:
                    for future in futures:
                        future.cancel()
        except BrokenProcessPool:
            console.warn(_KILLED)
            while waiting:
                yield _alone(function, waiting.popleft())
            waiting.extend(itertools.islice(left, 2 * workers))


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
            console.warn(_KILLED)
            for index in list(flying.values()):
                result = _alone(function, left[index])
                del left[index]
                yield result


def _alone(function: Callable[[A], B], item: A) -> B:
    """function(item) in a process of its own; DataError when that is killed, too."""
    try:
        with _pool(1) as pool:
            return pool.submit(function, item).result()
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process was killed twice on the same input", "is memory short? try --workers 1"
        ) from error


def _pool(workers: int) -> ProcessPoolExecutor:
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method), initializer=_start_worker)
    # All workers start with the first task. One that starts while another one dies is overlooked when the pool is
    # torn down, and then waited for without end.
    pool._safe_to_dynamically_spawn_children = False  # type: ignore[attr-defined]
    return pool


def _start_worker() -> None:
    """One thread a worker, and Ctrl-C left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["AIGC_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    import pyarrow as pa

    pa.set_cpu_count(1)
