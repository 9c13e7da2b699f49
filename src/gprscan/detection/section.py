"""The section: one channel of a line (or one block of it), conditioned once, shared by every detector."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

_BY_TRACE = ("raw", "echo", "cond", "x", "valid", "clipped", "time_zero_shift")
SOME = 600  # traces that are enough for what is typical of a block
RUN = 50  # neighbouring traces of such a sample


def some_of(valid: np.ndarray) -> np.ndarray:
    """Indices of valid traces, at most `SOME`, in runs of neighbours spread evenly over the block."""
    live = np.flatnonzero(valid)
    if live.size <= SOME:
        return live
    firsts = np.linspace(0, live.size - RUN, SOME // RUN).astype(int)
    return live[(firsts[:, None] + np.arange(RUN)).ravel()]


@dataclass
class Section:
    """One channel of one block of a line, ready to be searched.

    Attributes
    ----------
    raw : numpy.ndarray, shape (trace, sample), float32
        Un-gained traces: per-trace time zero aligned, DC and low-frequency wow removed, interference notched, close neighbours
        averaged (`group`), and no more samples of them kept than `gprscan.kernels.coherence.SAMPLES_PER_PERIOD` ask for. An acquisition gain is divided out
        where it was found (`gain`). Amplitudes and phases are measured here. Traces that are not `valid` are zero.
    echo : numpy.ndarray, shape (trace, sample), float32
        `raw` less the local background (the direct wave, flat layers and antenna ringing, by a sliding median over
        traces): what scatters. Still un-gained.
    cond : numpy.ndarray, shape (trace, sample), float32
        `echo` with its amplitude evened out along time, for the search of candidates only.
    t : numpy.ndarray, shape (sample,), float64
        Two-way travel time in ns from the corrected time zero (the envelope peak of the pulse leaves the antenna at 0).
    x : numpy.ndarray, shape (trace,), float64
        Distance along the line in m.
    dx, dt : float
        Mean trace spacing in m, interval in ns of the samples that are kept.
    fc, fc_nominal : float
        Centre frequency in GHz, as measured on the echoes and as the header has it.
    separation, height : float
        Transmitter-receiver distance and height of the antenna above the ground, m.
    valid : numpy.ndarray, shape (trace,), bool
        False where a trace is dead, NaN or a copy of its neighbour.
    clipped : numpy.ndarray, shape (trace, sample), bool
        True where the recorder was at full scale.
    wavelet : numpy.ndarray, shape (n,), float32
        Reference wavelet (odd length, sampled at `dt`, centred on its envelope peak, peak of the envelope 1) with the
        sign of the incident wave.
    reference : str
        Where `wavelet` comes from: "direct", "surface" or "nominal" (a Ricker wavelet at `fc`).
    noise : float
        Standard deviation of the incoherent noise late in the record as it was sampled, in the units of `raw`.
    direct_peak : float
        Envelope peak of the direct wave in `raw`; 0 where it cannot be seen.
    gain : numpy.ndarray, shape (sample of the record,), float32, or None
        Acquisition gain that was divided out, as a factor over time.
    time_zero_shift : numpy.ndarray, shape (trace,)
        Time in ns by which each trace's nominal time zero was corrected (positive: the record was late).
    channel : int
        Index of the channel in the line.
    offset : float
        Distance of the channel across the line in m, positive to the right.
    first_trace : int
        Index in the line of the first trace of this block.
    group : int
        Neighbouring traces of the line of which one of the section is the mean.
    core : tuple of float
        Range of `x` in m that this block answers for; outside of it lies the overlap with the neighbours.
    notes : list of str
        What conditioning found, for people.
    surface_index : float
        Refractive index of the ground at the surface (2.3: asphalt).
    incident : float or None
        Level of the incident wave, kept once `gprscan.detection.debond.incident_level` has measured it.
    banded : numpy.ndarray, shape (trace, sample), float32, or None
        `echo` in the antenna's band, kept once `gprscan.detection.condition.echo_in_band` has filtered it.
    """

    raw: np.ndarray
    echo: np.ndarray
    cond: np.ndarray
    t: np.ndarray
    x: np.ndarray
    dx: float
    dt: float
    fc: float
    fc_nominal: float
    separation: float
    height: float
    valid: np.ndarray
    clipped: np.ndarray
    wavelet: np.ndarray
    reference: str
    noise: float
    direct_peak: float
    gain: np.ndarray | None
    time_zero_shift: np.ndarray
    channel: int = 0
    offset: float = 0.0
    first_trace: int = 0
    group: int = 1
    core: tuple[float, float] = (-np.inf, np.inf)
    notes: list[str] = field(default_factory=list)
    surface_index: float = 2.3
    incident: float | None = None
    banded: np.ndarray | None = None

    @property
    def period(self) -> float:
        """One period of the antenna in ns."""
        return 1.0 / self.fc

    def part(self, low: float, high: float) -> Section:
        """Cut out the traces from `low` to `high` m; the arrays are views."""
        first, last = np.searchsorted(self.x, [low, high])
        return replace(self, banded=None, **{name: getattr(self, name)[first:last] for name in _BY_TRACE})

    def sample(self, t_ns: float) -> int:
        """Index of the sample nearest to a time in ns, clamped to the record."""
        return min(max(round((t_ns - float(self.t[0])) / self.dt), 0), self.t.size - 1)

    def trace(self, x_m: float) -> int:
        """Index of the trace nearest to a distance in m, clamped to the block."""
        return min(int(self.x.searchsorted(x_m - 0.5 * self.dx)), self.x.size - 1)
