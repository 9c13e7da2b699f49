"""Work shared out on Python threads: every part once, in order where asked, and nothing left running after an error."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from gprscan.kernels import jit

PARTS = 12  # of `share_out` with three threads


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chunks_are_the_same_for_any_number_of_threads(threads: int) -> None:
    seen: list[tuple[int, int]] = []
    jit.by_chunks(lambda rows: seen.append((rows.start, rows.stop)), 5 * jit.CHUNK + 3, threads)
    bounds = [*range(0, 5 * jit.CHUNK + 1, jit.CHUNK), 5 * jit.CHUNK + 3]
    assert sorted(seen) == list(itertools.pairwise(bounds))


@pytest.mark.parametrize(("threads", "spare"), [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1)])
def test_items_keep_their_order_and_no_more_of_them_are_held_than_asked_for(threads: int, spare: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(9):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        time.sleep(0.02 if number % 2 == 0 else 0.0)
        return number * number

    for done, found in enumerate(jit.in_order(work, items(), threads, spare=spare)):
        assert found == done * done
        assert len(taken) <= done + threads + spare
    assert taken == list(range(9))


def test_what_goes_wrong_in_another_thread_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        list(jit.in_order(lambda number: 1 // number, [2, 1, 0, 3], 2))


@pytest.mark.parametrize("threads", [1, 2, 3, 40])
def test_every_part_is_worked_on_once(threads: int) -> None:
    seen: list[int] = []
    jit.share_out(lambda first, last: seen.extend(range(first, last)), 31, threads)
    assert sorted(seen) == list(range(31))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_nobody_works_on(error: type[BaseException]) -> None:
    begun: list[int] = []
    done: list[int] = []
    both, failing = threading.Barrier(3, timeout=60), threading.Event()

    def work(first: int, _last: int) -> None:
        if not failing.is_set():
            both.wait()
        if threading.current_thread() is threading.main_thread():
            failing.set()
            raise error
        begun.append(first)
        failing.wait(60)
        time.sleep(0.1)
        done.append(first)

    with pytest.raises(error):
        jit.share_out(work, PARTS, 3)
    assert done
    assert sorted(done) == sorted(begun)
    time.sleep(0.2)
    assert len(begun) == len(done) < PARTS - 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to a thread on this system")
def test_an_interrupt_while_the_last_part_is_waited_for() -> None:
    begun = threading.Event()
    done: list[int] = []

    def work(first: int, _last: int) -> None:
        if threading.current_thread() is threading.main_thread():
            begun.wait(60)
            return
        begun.set()
        time.sleep(0.1)  # by then the rest is done
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        done.append(first)

    # a process that a shell put into the background ignores the signal
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            jit.share_out(work, 8, 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(done) == 1


def test_the_error_of_a_helper_stops_the_others() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(first: int, _last: int) -> None:
        begun.append(first)
        if threading.current_thread() is not threading.main_thread():
            failed.set()
            raise ZeroDivisionError
        failed.wait(60)
        time.sleep(0.05)

    with pytest.raises(ZeroDivisionError):
        jit.share_out(work, PARTS, 3)
    assert len(begun) < PARTS


def test_one_thread_works_alone_where_the_interpreter_ends() -> None:
    script = """
import atexit
from gprscan.kernels.jit import share_out

def late():
    seen = []
    share_out(lambda first, last: seen.extend(range(first, last)), 40, 3)
    print(seen == list(range(40)))

atexit.register(late)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
