"""The compile policy of every kernel, in one place.

``fastmath`` keeps NaN and infinity legal: dead traces are NaN and must stay so. ``reassoc`` is added only where a sum
may be reordered (migration and coherence). Serial and parallel drivers are two named functions over one inlined row
function: the same function compiled both ways would share one cache file.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numba

_EXACT = {"nsz", "arcp", "contract", "afn"}
_SUMS = _EXACT | {"reassoc"}

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_COMMON: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a serial kernel whose rounding must not depend on the order of a sum."""
    return numba.njit(fastmath=_EXACT, **_COMMON)(function)


def parallel_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel with ``numba.prange``; call it from one Python thread only (see `gprscan.kernels`)."""
    return numba.njit(fastmath=_EXACT, parallel=True, **_COMMON)(function)


def sum_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a serial kernel in which sums may be reordered, so that they vectorise."""
    return numba.njit(fastmath=_SUMS, **_COMMON)(function)


def brief_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel that takes microseconds, in which sums may be reordered.

    It keeps the interpreter's lock: where several threads work, to queue for it again would take longer than the kernel.
    """
    return numba.njit(fastmath=_SUMS, **{**_COMMON, "nogil": False})(function)


def parallel_sum_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a parallel kernel in which sums may be reordered."""
    return numba.njit(fastmath=_SUMS, parallel=True, **_COMMON)(function)


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a piece that is inlined into the kernels that call it."""
    return numba.njit(inline="always", **_COMMON)(function)


@functools.cache
def _helpers(process: int, n: int) -> ThreadPoolExecutor:
    """Return threads that are kept, since starting one takes a millisecond; a forked process has none of its parent's."""
    return ThreadPoolExecutor(n, f"gprscan-{process}")


def share_out(work: Callable[[int, int], object], n: int, threads: int) -> None:
    """Call ``work(first, last)`` for parts of ``range(n)``, on several Python threads where `threads` is more than 1.

    For serial kernels, which give up the interpreter's lock: a parallel variant would have to be compiled as well, and
    that takes longer than all the rest. After an error or an interrupt no further part is begun, and those under way are
    waited for: what `work` writes to is the caller's.
    """
    if threads <= 1 or n <= 1:
        work(0, n)
        return
    size = -(-n // (4 * threads))
    starts = iter(range(0, n, size))
    helpers: list[Future[None]] = []

    def take() -> None:
        for first in starts:
            work(first, min(first + size, n))

    def help_out() -> None:
        helper: Future[None] = Future()
        helpers.append(helper)  # before it takes a part: once none is left, the list holds all that have one
        try:
            take()
        except BaseException as error:
            deque(starts, 0)  # used up: nobody begins another part
            helper.set_exception(error)
        else:
            helper.set_result(None)

    try:
        # this thread works as well: one more than there are processors would wait for the next balance of their load
        pool = _helpers(os.getpid(), threads - 1)
        with contextlib.suppress(RuntimeError):  # no thread to be had, as when the interpreter ends: alone, then
            for _ in range(threads - 1):
                pool.submit(help_out)
        take()
        for helper in helpers:
            helper.result()
    except BaseException:
        deque(starts, 0)
        wait(list(helpers))
        raise


CHUNK = 128  # traces that are transformed together: their spectra stay in the caches, and calls are few


def by_chunks(work: Callable[[slice], object], n: int, threads: int) -> None:
    """Call ``work(rows)`` for slices of `CHUNK` of `n` traces, shared out on the threads.

    Transforms take traces in groups of the width of a vector, and what is left over one by one, which rounds otherwise: so
    the bounds of the slices do not depend on the number of threads.
    """

    def run(first: int, last: int) -> None:
        for chunk in range(first, last):
            work(slice(chunk * CHUNK, min((chunk + 1) * CHUNK, n)))

    share_out(run, -(-n // CHUNK), threads)


def in_order(work: Callable[[_In], _Out], items: Iterable[_In], threads: int, *, spare: int = 0) -> Iterator[_Out]:
    """Yield ``work(item)`` for items in their order, as many of them at a time as there are threads.

    Each is worked on by one thread alone (see `threads`), and the items are taken by the caller's: no more of them are
    held than there are threads, and `spare` more, so that the threads have work while the caller is busy with what was
    yielded. With one thread it is the caller's.
    """
    if threads <= 1:
        yield from map(work, items)
        return
    ahead: deque[Future[_Out]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            ahead.append(pool.submit(work, item))
            del item
            if len(ahead) == threads + spare:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def threads() -> int:
    """Return how many threads a kernel may use here: one outside the main thread, where a parallel one can abort."""
    return numba.get_num_threads() if threading.current_thread() is threading.main_thread() else 1
