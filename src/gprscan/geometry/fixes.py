"""GNSS fixes as recorded: sparse, tied to traces, each with its quality."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gprscan.model.findings import Finding

# horizontal standard deviation in m that stands in for a receiver's own estimate (GST), by GGA quality: the magnitudes
# that makers state for autonomous, differential, fixed and float ambiguity, and dead-reckoned positions
SIGMA_BY_QUALITY = {1: 3.0, 2: 1.0, 3: 1.0, 4: 0.02, 5: 0.3, 6: 10.0, 7: 1.0, 8: 1.0, 9: 1.0}
UNKNOWN_SIGMA = 5.0


@dataclass
class Fixes:
    """Positions of the GNSS antenna, as recorded.

    Attributes
    ----------
    trace : ndarray of float, shape (fix,)
        Zero-based trace at which each fix was taken; may lie between traces.
    longitude, latitude : ndarray of float, shape (fix,)
        Degrees, WGS 84 or CGCS2000 (taken as identical).
    height : ndarray of float, shape (fix,)
        m, as the receiver gives it; NaN where blank.
    quality : ndarray of int, shape (fix,)
        GGA fix quality: 0 invalid, 1 autonomous, 2 differential, 4 RTK fixed, 5 RTK float; -1 not recorded.
    sigma : ndarray of float, shape (fix,)
        Horizontal standard deviation per axis in m; NaN where not recorded.
    time : ndarray of datetime64[ns], shape (fix,)
        UTC; NaT where not recorded.
    source : str
        Name of the file.
    height_datum : str
        What `height` refers to, empty where that is not known.
    findings : list of Finding
        What was noticed when they were read.
    """

    trace: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    height: np.ndarray | None = None
    quality: np.ndarray | None = None
    sigma: np.ndarray | None = None
    time: np.ndarray | None = None
    source: str = ""
    height_datum: str = ""
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trace = np.asarray(self.trace, dtype="float64")
        n = self.trace.size
        self.longitude = np.asarray(self.longitude, dtype="float64")
        self.latitude = np.asarray(self.latitude, dtype="float64")
        self.height = np.full(n, np.nan) if self.height is None else np.asarray(self.height, dtype="float64")
        self.quality = (
            np.full(n, -1, dtype="int16") if self.quality is None else np.asarray(self.quality, dtype="int16")
        )
        self.sigma = np.full(n, np.nan) if self.sigma is None else np.asarray(self.sigma, dtype="float64")
        nat = np.datetime64("NaT", "ns")
        self.time = np.full(n, nat) if self.time is None else np.asarray(self.time, dtype="datetime64[ns]")

    def __len__(self) -> int:
        return self.trace.size

    def take(self, chosen: np.ndarray) -> Fixes:
        """Return some of the fixes, by mask or by position."""
        arrays = {
            name: getattr(self, name)[chosen]
            for name in ("trace", "longitude", "latitude", "height", "quality", "sigma", "time")
        }
        return Fixes(**arrays, source=self.source, height_datum=self.height_datum, findings=list(self.findings))

    def sigmas(self) -> np.ndarray:
        """Return the standard deviation of each fix in m, by its quality where the receiver did not state one."""
        assert self.quality is not None
        assert self.sigma is not None
        usual = np.array([SIGMA_BY_QUALITY.get(int(q), UNKNOWN_SIGMA) for q in self.quality])
        return np.where(np.isfinite(self.sigma) & (self.sigma > 0), self.sigma, usual)
