"""A batch of the fuzz driver on every reader; the long run is ``python -m tests.io.fuzz --count 100000``."""

from __future__ import annotations

import random

import pytest

from tests.io import fuzz


@pytest.mark.parametrize("reader", sorted(fuzz.SEEDS))
def test_mutated_files_raise_read_errors_only(reader: str) -> None:
    outcome = fuzz.run(reader, fuzz.BATCH, seed=1, memory_every=0)
    assert not outcome.bad
    # the mutations bite, and leave enough alive to be worth loading
    assert 0.05 < outcome.outcomes["read"] / fuzz.BATCH < 0.9
    assert outcome.slowest < fuzz.SECONDS


@pytest.mark.parametrize("reader", sorted(fuzz.SEEDS))
def test_no_more_memory_than_the_file_justifies(reader: str) -> None:
    outcome = fuzz.run(reader, 30, seed=2, memory_every=1)
    assert not outcome.bad
    assert outcome.largest < fuzz.SLACK_BYTES


def test_mutations_change_files_and_repeat() -> None:
    raw = bytes(range(256)) * 8
    first = [fuzz.mutate(raw, random.Random(i)) for i in range(200)]
    assert first == [fuzz.mutate(raw, random.Random(i)) for i in range(200)]
    assert sum(changed != raw for changed in first) > 190
    assert fuzz.mutate(b"", random.Random(3)) is not None
