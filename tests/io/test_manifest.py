"""Every real file of the formats that gprscan reads gives the values that independent readers got from it."""

from __future__ import annotations

import csv
import hashlib
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model

FORMATS = ("dzt", "dt1", "rd3", "iprb", "gprmax", "segy", "su", "seg2", "ids_dt")
LEAST_FILES = {"dzt": 9, "dt1": 13, "rd3": 2, "iprb": 2, "gprmax": 3, "segy": 8, "su": 1, "seg2": 1, "ids_dt": 2}


@cache
def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "data" / "real" / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["format"] in FORMATS and row["n_traces"]]


def is_listed(row: dict[str, str], folder: Path) -> bool:
    """Are these the bytes whose values are listed? A copy that was damaged proves nothing about a reader."""
    return hashlib.sha256((folder / row["path"]).read_bytes()).hexdigest() == row["sha256"]


def skip_damaged(damaged: list[str]) -> None:
    """Count and name the files that could not be compared, once all the others were."""
    if damaged:
        pytest.skip(f"{len(damaged)} shared file(s) not the listed bytes: {', '.join(damaged)}; the others agree")


def samples(text: str) -> list[tuple[int, int, float]]:
    found = re.findall(r"\[(\d+),(\d+)\]=([-+.\deE]+)", text)
    return [(int(i), int(j), float(value)) for i, j, value in found]


def check(row: dict[str, str], folder: Path) -> None:
    line = gs.read(folder / row["path"])
    values = line["amplitude"].values
    assert values.shape == (int(row["n_traces"]), int(row["n_samples"]))
    listed = samples(row["samples"])
    assert len(listed) == 5
    for i, j, expected in listed:
        assert values[i, j] == pytest.approx(expected, rel=5e-8, abs=1e-12), (i, j)
    assert values.min() == pytest.approx(float(row["min"]), rel=1e-8)
    assert values.max() == pytest.approx(float(row["max"]), rel=1e-8)
    twin = folder / (row["path"] + ".npy")
    if twin.exists():
        # obspy's own decoding, every sample; the mean that the manifest lists for one of these is that of another reader
        np.testing.assert_array_equal(values.ravel(), np.load(twin).ravel())
    else:
        mean = float(row["mean"])
        assert values.mean(dtype="float64") == pytest.approx(
            mean, rel=1e-7, abs=1e-7 * np.abs(values.astype("f8")).max()
        )
    stated = re.match(r"[\d.]+", row["time_window_ns"])
    if stated:
        window = model.sampling_interval(line) * values.shape[1]
        assert window == pytest.approx(float(stated[0]), rel=2e-6)
    np.testing.assert_allclose(line["twt"][0], -line.attrs["time_zero"], atol=1e-9)


def test_every_listed_file_reproduces(shared: Path) -> None:
    folder = shared / "data" / "real"
    counts = dict.fromkeys(FORMATS, 0)
    damaged = []
    for row in rows(shared):
        if not is_listed(row, folder):
            damaged.append(row["path"])
            continue
        try:
            check(row, folder)
        except Exception as error:
            error.add_note(row["path"])
            raise
        counts[row["format"]] += 1
    skip_damaged(damaged)
    for name, least in LEAST_FILES.items():
        assert counts[name] >= least, f"only {counts[name]} real files of {name}"


def test_values_without_status_words(shared: Path) -> None:
    """What processing sees of a DZT has the extremes that the manifest lists without the two leading words."""
    checked, damaged = 0, []
    for row in rows(shared):
        found = re.search(r"excl\. samples 0-1: min=(\S+) max=(\S+) mean=", row["extra"] or "")
        if not found:
            continue
        if not is_listed(row, shared / "data" / "real"):
            damaged.append(row["path"])
            continue
        line = gs.read(shared / "data" / "real" / row["path"])
        assert line["status"].values[:2].all()
        assert not line["status"].values[2:].any()
        seen = model.amplitude(line)
        assert seen.min() == pytest.approx(float(found[1]), rel=1e-6)
        assert seen.max() == pytest.approx(float(found[2]), rel=1e-6)
        checked += 1
    skip_damaged(damaged)
    assert checked >= 9


def test_nominal_frequencies(shared: Path) -> None:
    expected = {
        "FILE____032.DZT": 400,
        "AMB_____001.DZT": 1500,
        "test_gssi.DZT": 200,
        "testdata.dzt": 400,
        "PRV01__072.DZT": 900,
        "DAT_0097.rd3": 250,
        "beach_0001_0.iprb": 300,
        "XLine A.DT1": 1000,
    }
    for row in rows(shared):
        name = Path(row["path"]).name
        if name in expected:
            line = gs.read(shared / "data" / "real" / row["path"])
            assert model.centre_frequency(line) == expected.pop(name)
    assert not expected


def test_matgpr_marks_against_its_own_list(shared: Path) -> None:
    folder = shared / "data" / "real" / "dzt" / "jjd2002__roadjin--GPR-processing-software-on-matlab__matgpr_8bit"
    line = gs.read(folder / "testdata.dzt")
    numbers = [int(float(word)) for word in re.findall(r"\d+(?:\.\d+)?", (folder / "testdata.mrk").read_text())]
    marks = (np.flatnonzero(line["mark"].values) + 1).tolist()  # the list is one-based
    assert len(marks) == 13
    assert set(marks) <= set(numbers)
    # one mark per metre by the header
    assert np.diff(line["distance"].values[np.flatnonzero(line["mark"].values)]) == pytest.approx(1.0)


def test_noggin_pick_of_the_vendor(shared: Path) -> None:
    """Sensors & Software's own pick table: 1.790 mV at 14.170 ft and 8.16 ns."""
    line = gs.read(shared / "data/real/dt1/irenexychen__gpr-data-classifier__noggin_n250_gps/LINEX1.DT1")
    trace = int(np.argmin(np.abs(line["distance"].values - 14.170 * 0.3048)))
    sample = int(np.argmin(np.abs(line["twt"].values - 8.16)))
    assert line["amplitude"].attrs["units"] == "mV"
    assert float(line["amplitude"][trace, sample]) == pytest.approx(1.790, abs=5e-4)
    assert float(line["distance"][-1]) == pytest.approx(19.2 * 0.3048)
    assert model.antenna_separation(line) == pytest.approx(0.9167 * 0.3048)
    assert line["longitude"].values.mean() == pytest.approx(-119.78527, abs=1e-4)
