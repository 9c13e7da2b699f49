"""A short run of the fuzz driver on every reader; the long one is ``python -m tests.io.fuzz --count 100000``."""

from __future__ import annotations

import random

import pytest

from tests.io import fuzz


@pytest.mark.parametrize(
    ("reader", "count"),
    [("dzt", 300), ("dt1", 300), ("rd3", 300), ("iprb", 300), ("segy", 200), ("seg2", 200), ("ids", 200)],
)
def test_mutated_files_raise_read_errors_only(reader: str, count: int) -> None:
    outcome = fuzz.run(reader, count, seed=1, memory_every=0)
    assert not outcome.bad
    # the mutations bite, and leave enough alive to be worth loading
    assert 0.2 < outcome.outcomes["read"] / count < 0.9
    assert outcome.slowest < fuzz.SECONDS


@pytest.mark.parametrize("reader", ["su", "text", "oko", "cirp", "utsi"])
def test_mutated_files_of_further_formats_raise_read_errors_only(reader: str) -> None:
    outcome = fuzz.run(reader, 150, seed=1, memory_every=0)
    assert not outcome.bad
    assert 10 < outcome.outcomes["read"] < 145


@pytest.mark.parametrize(("reader", "count"), [("gprmax", 120), ("netcdf", 60)])
def test_mutated_hdf5_files_raise_read_errors_only(reader: str, count: int) -> None:
    outcome = fuzz.run(reader, count, seed=1, memory_every=0)
    assert not outcome.bad
    assert outcome.outcomes["read"] < count


@pytest.mark.parametrize("reader", ["dzt", "dt1", "rd3", "iprb", "segy", "seg2", "ids", "text"])
def test_no_more_memory_than_the_file_justifies(reader: str) -> None:
    outcome = fuzz.run(reader, 40, seed=2, memory_every=1)
    assert not outcome.bad
    assert outcome.largest < fuzz.SLACK_BYTES


def test_mutations_change_files_and_repeat() -> None:
    raw = bytes(range(256)) * 8
    first = [fuzz.mutate(raw, random.Random(i)) for i in range(200)]
    assert first == [fuzz.mutate(raw, random.Random(i)) for i in range(200)]
    assert sum(changed != raw for changed in first) > 190
    assert fuzz.mutate(b"", random.Random(3)) is not None
