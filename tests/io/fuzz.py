"""Mutate files and read them: only `ReadError` and its children may come out, in time, within bounded memory.

    python -m tests.io.fuzz --count 2000                              every reader
    python -m tests.io.fuzz --count 100000 --log fuzz.jsonl           the long run; goes on where it was stopped
    python -m tests.io.fuzz --reader dzt --seed 7 --keep bad

A mutation truncates, extends, flips bits, sets fields to extremes, replaces numbers in text, empties a file, claims
huge sizes, or renames. It hits the data file or one of its side files. Every line that does come out is loaded whole.
A run is cut into batches of 2,000, each with its own seed, so that any of them repeats exactly. Allocations are traced
in one mutation of `--memory-every`; in the others the address space is limited, where the system allows it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import random
import re
import shutil
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import gprscan as gs
from gprscan.errors import ReadError
from gprscan.io import hdf5, recording
from tests.io import builders, makers

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

SECONDS = 2.0
SLACK_BYTES = 16 * 2**20
# beyond what is mapped already: SLACK_BYTES and what the allocator and lazily loaded libraries map for themselves
ADDRESS_BYTES = 256 * 2**20
BATCH = 2000
REMEMBERED = 100
IN_MEMORY = "/dev/shm"  # a file system in memory: the disk is not what is tested
IN_A_CHILD = (".nc", ".out", ".h5")
EXTREMES = [0, 1, -1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, -(2**31)]
TEXTS = [
    b"",
    b"0",
    b"-1",
    b"nan",
    b"inf",
    b"-inf",
    b"1e308",
    b"1e-308",
    b"99999999999999999999",
    b"2147483648",
    b"x",
    b"\x00\xff",
    b":,=\t",
]
SUFFIXES = [
    ".dzt",
    ".dt1",
    ".rd3",
    ".rd7",
    ".iprb",
    ".out",
    ".h5",
    ".nc",
    ".hd",
    ".rad",
    ".bin",
    ".sgy",
    ".su",
    ".dt",
    ".csv",
    ".dat",
    "",
]


def _dzt(folder: Path, channels: int, dtype: str) -> Path:
    path = builders.make_dzt(folder / "a.dzt", builders.radar(24, 64, dtype, channels))
    fixes = [f"$GSSIS,{s},-1\n{builders.gga(s, 114.03 + s * 1e-6, 22.7)}\r\n\n" for s in range(0, 24, 4)]
    (folder / "a.dzg").write_text("".join(fixes))
    (folder / "a.dzx").write_text(
        '<DZX xmlns="www.geophysical.com/DZX/1.02"><GlobalProperties><horizontalUnit>m</horizontalUnit>'
        "<unitsPerScan>0.05</unitsPerScan></GlobalProperties><ChannelProperties><channel>0</channel><centerFreqMHz>400</centerFreqMHz>"
        "</ChannelProperties><WayPt><scan>3</scan><mark>User</mark><distance>1</distance></WayPt></DZX>"
    )
    return path


def _dt1(folder: Path, dtype: str) -> Path:
    path = builders.make_dt1(folder / "a.dt1", builders.radar(24, 64, dtype))
    rows = [f"Trace #{t + 1} at position {t}\n{builders.gga(t, 114.03 + t * 1e-6, 22.7)}\n" for t in range(0, 24, 4)]
    (folder / "a.gps").write_text("".join(rows))
    return path


def _gp2(folder: Path) -> Path:
    path = builders.make_dt1(folder / "a.dt1", builders.radar(24, 64, "f4"))
    rows = [f'{t + 1},{t},{t},{t},"{builders.gga(t, 114.03 + t * 1e-6, 22.7)}"\r\n' for t in range(0, 24, 4)]
    head = ";Date=2007-Sep-26 15:50\r\ntraces,odo_tick,pos(m),time_elapsed(s),GPS\r\n"
    (folder / "a.gp2").write_text(head + "".join(rows))
    return path


def _cor(folder: Path) -> None:
    rows = [
        f"{t + 1}\t2025-03-14\t15:09:{t:02d}\t22.7\tN\t{114.03 + t * 1e-6}\tE\t12.5\tM\t0.8\r\n"
        for t in range(0, 24, 4)
    ]
    (folder / "a.cor").write_text("".join(rows))


def _mala(folder: Path, suffix: str, dtype: str) -> Path:
    _cor(folder)
    return builders.make_rd3(folder / f"a{suffix}", builders.radar(24, 64, dtype))


def _iprb(folder: Path) -> Path:
    _cor(folder)
    (folder / "a.mrk").write_text("HEADER VERSION:100\n3\t2025-03-14\n17\t2025-03-14\n")
    (folder / "a.time").write_text("1 2025-03-14 15:09:26.0\n24 2025-03-14 15:09:49.0\n")
    return builders.make_iprb(folder / "a.iprb", builders.radar(24, 64, "i4"))


def _netcdf(folder: Path) -> Path:
    line = gs.from_array(builders.radar(24, 64, "i2", 2).transpose(1, 0, 2), dt=0.5, spacing=0.1, frequency=400)
    return gs.write(gs.geometry.with_positions(line, 114.03 + np.arange(24) * 1e-6, np.full(24, 22.7)), folder / "a.nc")


def _placed() -> xr.Dataset:
    line = gs.from_array(builders.radar(24, 64, "i2"), dt=0.5, spacing=0.1, frequency=400, separation=0.2)
    return gs.geometry.with_positions(line, 114.03 + np.arange(24) * 1e-6, np.full(24, 22.7))


def _segy_of_ours(folder: Path) -> Path:
    return gs.write(_placed(), folder / "a.sgy")


def _text(folder: Path) -> Path:
    return gs.write(_placed(), folder / "a.csv")


def _seg2(folder: Path) -> Path:
    rows = [f"{t},{t + 1},22.7,{114.03 + t * 1e-6},12.5,1.1,0,8" for t in range(0, 24, 4)]
    (folder / "a.gps").write_text("\n".join(["6", *rows]))
    strings: dict[str, object] = {"SPR_SAMPLING_INTERVAL": 100, "SPR_SHAFT_INTERVAL": 0.1, "SPR_TRIGGER_MODE": "SHAFT"}
    strings |= {"SAMPLE_INTERVAL": "x", "ACQUISITION_DATE": "14/MAR/2025", "UNITS": "FEET"}
    marks: list[dict[str, object]] = [{"SPR_MARKER": t % 2} for t in range(24)]
    return makers.make_seg2(folder / "a.rad", builders.radar(24, 64, "i2"), strings=strings, trace_strings=marks)


def _fields() -> np.ndarray:
    fields = np.zeros((2, 200, 9))
    fields[:, :, 2] = builders.radar(2, 200, "f8")
    return fields


def _zarr(folder: Path) -> Path:
    return gs.write(_placed(), folder / "a.zarr")


def _gpz(folder: Path) -> Path:
    line = _dt1(folder, "f4")
    with zipfile.ZipFile(folder / "p.gpz", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (line, line.with_suffix(".HD"), line.with_suffix(".gps")):
            archive.write(path, path.name)
            path.unlink()
    return folder / "p.gpz"


def _ids(folder: Path) -> Path:
    rows = [f"{t},{0.1 * t},0,{503_082 + 0.1 * t},2511315,12.5,EPSG:4547,x" for t in range(4)]
    (folder / "a.gec").write_text("\n".join(["<UTM_ZONE>", "50", *rows]))
    return makers.make_ids(folder / "a.dt", builders.radar(24, 64, "i2"))


def _utsi(folder: Path) -> Path:
    rows = [builders.gga(t, 114.03 + t * 1e-6, 22.7) for t in range(0, 24, 4)]
    (folder / "a.gps").write_text("\n".join(rows))
    (folder / "a.gpt").write_text(" ".join(str(t + 1) for t in range(0, 24, 4)))
    return makers.make_utsi(folder / "a.dat", builders.radar(24, 64, "i2"))


SEEDS: dict[str, list[Callable[[Path], Path]]] = {
    "dzt": [lambda f: _dzt(f, 1, "i2"), lambda f: _dzt(f, 3, "i4"), lambda f: _dzt(f, 1, "i1")],
    "dt1": [lambda f: _dt1(f, "i2"), lambda f: _dt1(f, "f4"), _gp2],
    "rd3": [lambda f: _mala(f, ".rd3", "i2"), lambda f: _mala(f, ".rd7", "i4")],
    "iprb": [_iprb],
    "gprmax": [lambda f: builders.make_gprmax(f / "a.out", builders.radar(24, 64, "f4"))],
    "netcdf": [_netcdf],
    "segy": [
        lambda f: makers.make_segy(f / "a.sgy", builders.radar(24, 64, "f4"), code=1),
        lambda f: makers.make_segy(f / "a.sgy", builders.radar(24, 64, "i2"), code=3, order="<", extended=1),
        lambda f: makers.make_segy_2(f / "a.sgy", builders.radar(24, 64, "f4"), interval_us=0.0004, stated=-1),
        _segy_of_ours,
    ],
    "su": [lambda f: makers.make_su(f / "a.su", builders.radar(24, 64, "f4"), d1=0.4)],
    "seg2": [
        _seg2,
        lambda f: makers.make_seg2(f / "a.sg2", builders.radar(24, 64, "f4"), order=">", shuffled=True),
        lambda f: makers.make_seg2(f / "a.sg2", builders.radar(24, 64, "i2"), packed=True),
    ],
    "ids": [_ids],
    "text": [_text],
    "oko": [lambda f: makers.make_oko(f / "a.gpr2", builders.radar(24, 64, "f4"))],
    "vol": [
        lambda f: makers.make_vol(f / "a.vol", builders.radar(24, 64, "i4", 3).transpose(1, 0, 2)),
        lambda f: makers.make_vol(f / "a.vol", builders.radar(24, 64, "f4")),
    ],
    "gprmax2": [lambda f: makers.make_gprmax2(f / "a.out", _fields())],
    "zarr": [_zarr],
    "gpz": [_gpz],
    "cirp": [lambda f: makers.make_cirp(f / "a.gpr", builders.radar(24, 64, "i2"))],
    "utsi": [_utsi],
}


@dataclass
class Outcome:
    """What a run of mutations led to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    slowest: float = 0.0  # processor time, s
    largest: float = 0.0  # bytes allocated beyond four times the size of the files; SLACK_BYTES are allowed
    traced: int = 0

    def add(self, other: Outcome) -> None:
        """Add the outcome of a further run."""
        self.outcomes += other.outcomes
        self.bad += other.bad
        self.traced += other.traced
        self.slowest, self.largest = max(self.slowest, other.slowest), max(self.largest, other.largest)

    def summary(self) -> str:
        """Return the figures in a line."""
        counts = ", ".join(f"{name} {n}" for name, n in self.outcomes.most_common())
        memory = (
            f"; {self.traced} traced, at most {self.largest / 2**20:.1f} MiB beyond 4 x size" if self.traced else ""
        )
        return f"{self.outcomes.total() + len(self.bad)} mutations: {counts}; {len(self.bad)} bad; slowest {self.slowest:.2f} s{memory}"


def mutate(raw: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy of some bytes."""
    data = bytearray(raw)
    kind = rng.randrange(10)
    at = rng.randrange(len(data)) if data else 0
    early = rng.randrange(min(len(data), 160)) if data else 0
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        return bytes(data) + rng.randbytes(rng.randrange(1, 300))
    if kind == 2:
        for _ in range(rng.randrange(1, 20)):
            where = rng.randrange(len(data)) if data else 0
            data[where : where + 1] = bytes([data[where] ^ (1 << rng.randrange(8))]) if data else b""
        return bytes(data)
    if kind in (3, 4):  # a field of the header at an extreme
        size = rng.choice((1, 2, 4, 8))
        value = rng.choice(EXTREMES) & (2 ** (8 * size) - 1)
        where = early if kind == 3 else at
        data[where : where + size] = value.to_bytes(size, rng.choice(("little", "big")))  # type: ignore[arg-type]
        return bytes(data)
    if kind in (5, 6):  # a number in the text at an extreme
        numbers = list(re.finditer(rb"-?\d+(?:\.\d+)?", raw[:20_000]))
        if numbers:
            chosen = rng.choice(numbers)
            return raw[: chosen.start()] + rng.choice(TEXTS) + raw[chosen.end() :]
        return bytes(data[::-1])
    if kind == 7:
        length = rng.randrange(1, 200)
        data[at : at + length] = bytes(min(length, len(data) - at))
        return bytes(data)
    if kind == 8:  # a block twice, or gone
        length = rng.randrange(1, 2000)
        return bytes(data[:at]) + bytes(data[at : at + length]) * rng.choice((0, 2)) + bytes(data[at + length :])
    return rng.choice((b"", b"\0", b"\n", rng.randbytes(rng.randrange(1, 3000))))


@contextlib.contextmanager
def address_space(limit: int) -> Iterator[None]:
    """Let the process map at most `limit` further bytes, so that a huge allocation is a MemoryError at once."""
    try:
        with open("/proc/self/statm") as file:
            mapped = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        mapped = 0
    if resource is None or not mapped:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def attempt(path: Path, total: int, outcome: Outcome, *, memory: bool, in_child: bool = False) -> str | None:
    """Read and load one file; return what went wrong, None where all is as it should be."""
    fault = None
    guard: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if memory:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
    elif not in_child:  # a child would inherit the limit
        guard = address_space(ADDRESS_BYTES + 4 * total)
    start = time.process_time()  # a loaded machine is no hang
    try:
        with guard, warnings.catch_warnings():
            warnings.simplefilter("error")  # noise that a user cannot act on
            fault = _read_whole(path, outcome)
    except BaseException as error:
        fault = f"{type(error).__name__}: {error}"
    seconds = time.process_time() - start
    outcome.slowest = max(outcome.slowest, seconds)
    if memory:
        grown = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        outcome.traced += 1
        outcome.largest = max(outcome.largest, grown - 4 * total)
        if grown > 4 * total + SLACK_BYTES:
            fault = f"allocated {grown} bytes for files of {total}"
    if seconds > SECONDS and not in_child:
        fault = f"took {seconds:.1f} s"
    return fault


def _read_whole(path: Path, outcome: Outcome) -> str | None:
    try:
        line = gs.read(path)
        line["amplitude"].values  # noqa: B018 - loads it
        line.load()
        outcome.outcomes["read"] += 1
    except ReadError as error:
        outcome.outcomes[type(error).__name__] += 1
        if len(str(error)) < 20:
            return f"says too little: {error!r}"
    return None


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives its last answers again for the same arguments, where allocations are not traced.

    Half of the mutations leave positions and distances as they were; fusing them anew shows nothing and takes longer than
    all of the rest. Arguments that differ in a single bit are computed.
    """
    answers: dict[bytes, bytes] = {}

    def inner(*args: Any, **options: Any) -> Any:
        if tracemalloc.is_tracing():
            return function(*args, **options)
        key = pickle.dumps((args, options))
        if key not in answers:
            if len(answers) >= REMEMBERED:
                answers.clear()
            answers[key] = pickle.dumps(function(*args, **options))
        return pickle.loads(answers[key])

    return inner


def run(reader: str, count: int, seed: int, *, keep: Path | None = None, memory_every: int = 1) -> Outcome:
    """Try `count` mutations on one reader.

    Parameters
    ----------
    reader : str
        Key of `SEEDS`.
    count, seed : int
        Mutations, and the seed of the random numbers: a run repeats exactly.
    keep : Path, optional
        Folder for the files that failed.
    memory_every : int
        Trace allocations in one mutation of so many, 0 for none; tracing makes everything slower.
    """
    rng = random.Random(f"{reader}-{seed}")
    outcome = Outcome()
    root = Path(tempfile.mkdtemp(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None))
    patience, hdf5.TIMEOUT_SECONDS = hdf5.TIMEOUT_SECONDS, SECONDS
    locate, recording.locate = recording.locate, remembered(recording.locate)
    try:
        originals = []
        for i, make in enumerate(SEEDS[reader]):
            (root / str(i)).mkdir()
            data = make(root / str(i))
            gs.read(data).load()
            originals.append((data, {p: p.read_bytes() for p in sorted(data.parent.rglob("*")) if p.is_file()}))
        for number in range(count):
            data, files = rng.choice(originals)
            victim = data if data in files and rng.random() < 0.5 else rng.choice(list(files))
            damaged = mutate(files[victim], rng)
            if rng.random() < 0.2:
                damaged = mutate(damaged, rng)
            victim.write_bytes(damaged)
            target = data
            if rng.random() < 0.1 and data in files:
                target = data.with_suffix(rng.choice(SUFFIXES))
                data.rename(target)
            clobbered = files[target] if target in files and target != data else b""
            total = sum(map(len, files.values())) - len(files[victim]) + len(damaged) - len(clobbered)
            traced = bool(memory_every) and number % memory_every == 0
            fault = attempt(target, total, outcome, memory=traced, in_child=data.suffix in IN_A_CHILD)
            if fault:
                outcome.bad.append(f"{reader} #{number} (seed {seed}): {victim.name}: {fault}")
                if keep is not None:
                    shutil.copytree(data.parent, keep / f"{reader}-{seed}-{number}", dirs_exist_ok=True)
            if target != data:
                target.unlink()
                data.write_bytes(files[data])
                if target in files:
                    target.write_bytes(files[target])
            victim.write_bytes(files[victim])
        for data, files in originals:
            left = {path: path.read_bytes() for path in data.parent.rglob("*") if path.is_file()}
            if left != files:
                outcome.bad.append(
                    f"{reader} (seed {seed}): reading left files behind, or changed them: {sorted(left)}"
                )
    finally:
        hdf5.TIMEOUT_SECONDS, recording.locate = patience, locate
        shutil.rmtree(root)
    return outcome


def logged(log: Path | None) -> dict[tuple[str, int], Outcome]:
    """Return the batches of earlier runs: reader and seed, and what they led to."""
    out: dict[tuple[str, int], Outcome] = {}
    for text in log.read_text().splitlines() if log is not None and log.exists() else []:
        row = json.loads(text)
        key = row.pop("reader"), row.pop("seed")
        out[key] = Outcome(**{**row, "outcomes": Counter(row["outcomes"])})
    return out


def main() -> int:
    """Run from the command line; the exit status is 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reader", choices=sorted(SEEDS), action="append")
    parser.add_argument("--count", type=int, default=BATCH)
    parser.add_argument("--seed", type=int, default=1, help="of the first batch; the next ones count up")
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    parser.add_argument("--memory-every", type=int, default=5)
    parser.add_argument("--log", type=Path, help="a line per batch; batches that are in it are not run again")
    options = parser.parse_args()
    done = logged(options.log)
    totals = {reader: Outcome() for reader in options.reader or sorted(SEEDS)}
    batches = [min(BATCH, options.count - at) for at in range(0, options.count, BATCH)]
    for number, count in enumerate(batches, start=options.seed):
        for reader, total in totals.items():
            outcome = done.get((reader, number))
            if outcome is None:
                outcome = run(reader, count, number, keep=options.keep, memory_every=options.memory_every)
                if options.log is not None:
                    with options.log.open("a") as file:
                        file.write(json.dumps({"reader": reader, "seed": number, **vars(outcome)}) + "\n")
            total.add(outcome)
    for reader, total in totals.items():
        sys.stdout.write(f"{reader}: {total.summary()}\n")
        for line in total.bad[:20]:
            sys.stdout.write(f"  {line}\n")
    return int(any(total.bad for total in totals.values()))


if __name__ == "__main__":
    sys.exit(main())
