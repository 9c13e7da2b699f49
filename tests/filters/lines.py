"""Lines for the tests of the filters, made on the spot."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from gprscan import from_array

DT, SPACING, FREQUENCY, SEPARATION = 0.1, 0.05, 400.0, 0.15


def noise(shape: tuple[int, ...] = (40, 128), *, seed: int = 0, **options: Any) -> xr.Dataset:
    """A line of white noise."""
    samples = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    return line(samples, **options)


def line(samples: np.ndarray, **options: Any) -> xr.Dataset:
    """A line of a 400 MHz antenna at 0.1 ns and 5 cm."""
    settings: dict[str, Any] = {"dt": DT, "spacing": SPACING, "frequency": FREQUENCY, "separation": SEPARATION}
    return from_array(samples, **(settings | {"time_zero": 3.0} | options))


def ricker(time: np.ndarray, frequency: float = 0.4) -> np.ndarray:
    """A Ricker wavelet around time 0; time in ns, frequency in GHz."""
    u = (np.pi * frequency * time) ** 2
    return (1.0 - 2.0 * u) * np.exp(-u)


def damaged(samples: np.ndarray) -> np.ndarray:
    """The samples with a dead trace, a NaN trace and a gap."""
    broken = samples.copy()
    broken[..., 3, :] = 0.0
    broken[..., 7, :] = np.nan
    broken[..., 11, 20:30] = np.nan
    return broken


def values(result: xr.Dataset) -> np.ndarray:
    """The amplitudes."""
    return result["amplitude"].values
