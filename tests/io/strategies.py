"""Lines of any shape, type, sampling and position, for property tests."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gprscan as gs


@st.composite
def lines(draw: st.DrawFn, *, dtypes: tuple[str, ...], channels: bool) -> xr.Dataset:
    """Draw a line.

    Parameters
    ----------
    dtypes : tuple of str
        Types of samples.
    channels : bool
        Whether lines may have several channels.
    """
    n_traces = draw(st.integers(1, 12))
    n_samples = draw(st.integers(2, 20))
    n_channels = draw(st.integers(2, 8)) if channels and draw(st.booleans()) else None
    shape = (n_traces, n_samples) if n_channels is None else (n_channels, n_traces, n_samples)
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    values = draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype, **finite)))
    positive = st.floats(1e-3, 1e3, allow_nan=False)
    line = gs.from_array(
        values,
        dt=draw(st.floats(1e-3, 10)),
        time_zero=draw(st.floats(-20, 50)),
        frequency=draw(st.none() | positive),
        separation=draw(st.none() | st.floats(1e-3, 5)),
        antenna_height=draw(st.none() | st.floats(0, 1)),
        channel_offsets=draw(st.lists(st.floats(-3, 3), min_size=n_channels, max_size=n_channels))
        if n_channels
        else None,
        distance=_distance(draw, n_traces),
    )
    if draw(st.booleans()):
        line = line.assign_coords(mark=("trace", draw(hnp.arrays("i1", n_traces, elements=st.integers(0, 1)))))
    return _placed(draw, line) if draw(st.booleans()) and n_traces > 1 else line


def _distance(draw: st.DrawFn, n: int) -> np.ndarray | None:
    kind = draw(st.sampled_from(["none", "even", "uneven"]))
    start = draw(st.sampled_from([0.0, 12.5]))
    if kind == "none" or n == 1:
        return None
    if kind == "even":
        return start + np.arange(n) * draw(st.floats(1e-3, 10))
    return start + np.cumsum(np.array(draw(st.lists(st.floats(0.01, 2), min_size=n, max_size=n)))) - 0.01


def _placed(draw: st.DrawFn, line: xr.Dataset) -> xr.Dataset:
    """Place a line by fixes at all of its traces or at some, which need not agree with its distances."""
    n = line.sizes["trace"]
    rows = np.arange(n)
    if draw(st.booleans()):
        rows = np.array(sorted(draw(st.sets(st.integers(0, n - 1), min_size=2))))
    lon, lat = draw(st.floats(-179, 178)), draw(st.floats(-79, 83))
    steps = st.floats(1e-7, 1e-5)
    longitude = lon + np.cumsum(draw(st.lists(steps, min_size=n, max_size=n)))
    latitude = lat + np.cumsum(draw(st.lists(steps, min_size=n, max_size=n)))
    start = np.datetime64("2024-02-28T23:59:58", "ns")
    time = start + np.arange(n) * np.timedelta64(draw(st.integers(1, 2000)), "ms")
    fixes = gs.geometry.Fixes(
        np.arange(n),
        longitude,
        latitude,
        quality=np.full(n, draw(st.integers(1, 5))),
        sigma=np.full(n, round(draw(st.floats(0.01, 3)), 3)) if draw(st.booleans()) else None,
        time=time if draw(st.booleans()) else None,
        height=np.full(n, round(draw(st.floats(-100, 4000)), 3)) if draw(st.booleans()) else None,
    )
    lever_arm = (0.3, 1.2) if draw(st.booleans()) else (0.0, 0.0)
    return gs.geometry.place(line, fixes.take(rows), lever_arm=lever_arm)
