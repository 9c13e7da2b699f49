"""Conditioning: from raw traces to a section in which echoes can be searched and measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft, ndimage, signal

from gprscan.detection import interference, timing
from gprscan.detection.analytic import both_ways
from gprscan.detection.section import Section, some_of
from gprscan.kernels import conditioning, jit
from gprscan.kernels.coherence import SAMPLES_PER_PERIOD, group_means

# m per ns of the antenna's period: traces are averaged that lie closer than half of it, and then at most a fifth of a wavelength apart
CLOSE = 0.018
WIDEST = 0.047  # m between traces that are averages: a mesh of 10 cm is still seen twice per bar
FEWEST = 16  # traces that are left of a section
LEAST_SAMPLES = 32  # of a record that is searched, and of what is kept of it


@dataclass
class Acquisition:
    """What is known about how one channel was recorded: ns, m, GHz."""

    dt: float
    dx: float
    t_first: float
    fc: float
    separation: float
    height: float
    channel: int = 0
    offset: float = 0.0


def condition(traces: np.ndarray, x: np.ndarray, acq: Acquisition, *, whole: bool = False) -> Section:
    """Condition one channel of a block.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        As recorded; NaN or zeros where missing. Left alone.
    x : ndarray, shape (trace,)
        Distance along the line, m.
    acq : Acquisition
        Sampling and antenna.
    whole : bool
        Keep every trace and sample of the record, however close they are: for who measures a wall in fractions of a period.

    Returns
    -------
    Section
    """
    a = np.array(traces, dtype=np.float32)
    valid = live_traces(a)
    # a trace with samples that are not finite is not valid
    a[~valid] = 0.0
    notes: list[str] = []
    t = acq.t_first + acq.dt * np.arange(a.shape[1])

    gain = interference.acquisition_gain(a, valid, t, acq.dt, acq.fc)
    if gain is not None:
        # the offset of the receiver went through its gain as well: first the gain, then the offset
        a /= gain
        notes.append(
            f"an acquisition gain of up to {20 * np.log10(gain[-1] / gain[0]):.0f} dB was found and divided out"
        )
    # every few samples are enough for the offset
    a -= conditioning.trace_medians(a, max(1, int(0.1 / (acq.fc * acq.dt))), threads=jit.threads())[:, None]
    a[~valid] = 0.0
    clipped = clipped_samples(a, valid, acq.dt, acq.fc)
    if clipped.any():
        notes.append("the direct wave is clipped")
    shift = timing.align(a, valid, t, acq)
    a = timing.apply_shift(a, shift / acq.dt)
    if clipped.any():
        clipped = timing.apply_shift(clipped.astype(np.float32), shift / acq.dt) > 0.5
    direct = timing.fit_direct_wave(a, clipped, valid, t, acq)
    if direct is not None:
        t = t - direct.shift
        shift = shift + direct.shift
        if abs(direct.shift) > 0.1 / acq.fc:
            notes.append(f"time zero corrected by {direct.shift:+.2f} ns")
    after = int(np.searchsorted(t, 2.0 / acq.fc))
    removed = interference.remove_tones(a, valid, acq.dt, acq.fc, start=after)
    if removed:
        notes.append("interference removed at " + ", ".join(f"{f * 1e3:.0f} MHz" for f in removed))
    group = (
        1 if whole else max(1, min(int(CLOSE / (acq.fc * acq.dx) + 1e-6), int(WIDEST / acq.dx), valid.size // FEWEST))
    )
    x = np.asarray(x, dtype=float)
    if group > 1:
        a, clipped, x, shift, valid = _grouped(group, a, clipped, x, shift, valid)
    dx = group * acq.dx
    noise = _late_noise(a, valid, acq)
    finer = 1 if whole else int(1.0 / (SAMPLES_PER_PERIOD * acq.fc * acq.dt))
    every = max(1, min(finer, a.shape[1] // LEAST_SAMPLES))
    a, t, clipped, dt = dewowed(a, acq.dt, acq.fc, every), t[::every], clipped[:, ::every], every * acq.dt
    a[~valid] = 0.0
    echo = without_background(a, valid, max(3, round(4.0 / dx)))
    fc = interference.measured_frequency(echo, valid, dt, acq.fc, start=after // every)
    wavelet, reference = timing.reference_wavelet(direct, dt, acq.fc)
    return Section(
        raw=a,
        echo=echo,
        cond=even_out(echo, valid, dt, acq.fc, noise),
        t=t,
        x=x,
        dx=dx,
        group=group,
        dt=dt,
        fc=fc,
        fc_nominal=acq.fc,
        separation=acq.separation,
        height=acq.height,
        valid=valid,
        clipped=clipped,
        wavelet=wavelet,
        reference=reference,
        noise=noise,
        direct_peak=0.0 if direct is None else direct.peak,
        gain=gain,
        time_zero_shift=shift,
        channel=acq.channel,
        offset=acq.offset,
        notes=notes,
    )


def _grouped(
    group: int, a: np.ndarray, clipped: np.ndarray, x: np.ndarray, shift: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Make one trace of each group of neighbours: the mean of those that are valid, at the middle of the group.

    A sample is clipped where it is in any trace of the group.
    """
    n = valid.size // group
    means, alive = group_means(a, valid, group, threads=jit.threads())
    held = np.asarray(clipped[: n * group].reshape(n, group, -1).any(axis=1))
    middle = x[: n * group].reshape(n, group).mean(axis=1)
    late = group_means(shift[:, None].astype(np.float32), valid, group)[0][:, 0].astype(float)
    return means, held, middle, late, alive


def _late_noise(a: np.ndarray, valid: np.ndarray, acq: Acquisition) -> float:
    """Noise of the last third of the record."""
    first = 2 * a.shape[1] // 3
    before = min(first, int(4.0 / (acq.fc * acq.dt)) + 1)  # samples that the filter looks at
    late = a[some_of(valid), first - before :]
    return interference.noise_level(dewowed(late, acq.dt, acq.fc)[:, before:])


def live_traces(a: np.ndarray) -> np.ndarray:
    """Return which traces carry a record of their own: finite, not flat, and no copy of the trace before."""
    spread = np.empty(a.shape[0])
    conditioning.trace_spread(np.ascontiguousarray(a, dtype=np.float32), spread)
    usual = np.median(spread[spread > 0]) if (spread > 0).any() else 0.0
    return spread > 1e-3 * usual


def clipped_samples(a: np.ndarray, valid: np.ndarray, dt: float, fc: float) -> np.ndarray:
    """Flag samples held at full scale of the recorder or receiver.

    A clipped direct wave has plateaus longer than the crest of a pulse: a cosine stays within 6 % of its crest for a ninth
    of a period. The level of the two signs differs by the offset, and may be bent a little by the gain that was divided
    out.
    """
    out = np.zeros(a.shape, bool)
    if not valid.any():
        return out
    trace = conditioning.median_trace(a[some_of(valid)])
    lengths, levels = [], []
    for sign in (1, -1):
        level = float((sign * trace).max())
        labels, count = ndimage.label(sign * trace > 0.94 * level)
        lengths.append(np.bincount(labels.ravel())[1:].max() * dt * fc if count and level > 0 else 0.0)
        levels.append(level)
    if max(lengths) < 0.17 or min(levels) < 0.4 * max(levels) or min(lengths) * max(lengths) < 0.13 * 0.17:
        return out
    out = (a > 0.92 * levels[0]) | (a < -0.92 * levels[1])
    out = ndimage.uniform_filter1d(out.astype(np.float32), 3, axis=1) > 0.99
    out[~valid] = False
    return out


def dewowed(a: np.ndarray, dt: float, fc: float, every: int = 1) -> np.ndarray:
    """Traces without what is slower than a quarter of the centre frequency, their phases kept, and every so many samples of them.

    Before samples are left out, what they could not hold is filtered away.
    """
    spread = 2.0 * 0.45 / (fc * dt)  # Gaussian low-pass: -6 dB at 0.21 fc
    half = every * -(-int(4.0 * spread + 0.5) // every)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / spread) ** 2)
    n = a.shape[1]
    length = every * fft.next_fast_len(-(-(n + 2 * half) // every), real=True)
    frequency = np.arange(length // 2 + 1) * 2.0 * every / length  # over that of Nyquist of what is left
    fast = 1.0 if every == 1 else np.sin(0.5 * np.pi * np.clip((1.0 - frequency) / 0.25, 0.0, 1.0)) ** 2
    # the delay of the kernel is taken out of the slow part
    slow = fft.rfft(np.roll(np.pad(kernel / kernel.sum(), (0, length - kernel.size)), -half)).real
    response = ((1.0 - slow) * fast / every).astype(np.float32)[: length // every // 2 + 1]
    out = np.empty((a.shape[0], -(-n // every)), np.float32)

    def work(rows: slice) -> None:
        part = a[rows]
        held = np.empty((part.shape[0], length), np.float32)
        held[:, :half], held[:, half : half + n], held[:, half + n :] = part[:, :1], part, part[:, -1:]
        spectrum = fft.rfft(held, axis=1)[:, : response.size]
        spectrum *= response
        out[rows] = fft.irfft(spectrum, length // every, axis=1)[:, half // every : half // every + out.shape[1]]

    jit.by_chunks(work, a.shape[0], jit.threads())
    return out


def without_background(a: np.ndarray, valid: np.ndarray, window: int) -> np.ndarray:
    """Traces less their sliding median: without what does not change along the line. Zero where they are not valid.

    Medians are taken every quarter window and joined by straight lines; a median, unlike a mean, leaves the flat top of a
    body that is shorter than half the window alone.

    Parameters
    ----------
    a : ndarray of float32, shape (trace, sample)
        Traces; left alone.
    valid : ndarray of bool, shape (trace,)
        Which of them count.
    window : int
        Length of the median in traces.
    """
    n = a.shape[0]
    live = np.flatnonzero(valid)
    if live.size == 0:
        return np.zeros(a.shape, np.float32)
    out = np.empty(a.shape, np.float32)
    a = np.ascontiguousarray(a, dtype=np.float32)
    centres = np.array([n // 2]) if n <= 1.5 * window else _centres(n, window)
    reach = n if centres.size == 1 else window // 2
    starts, stops = np.searchsorted(live, centres - reach), np.searchsorted(live, centres + reach)
    empty = starts == stops
    starts[empty], stops[empty] = 0, live.size
    knots = conditioning.medians(a, live, starts, stops, threads=jit.threads())
    place = np.interp(np.arange(n), centres, np.arange(centres.size))
    conditioning.less_lines(a, knots, place, valid, out)
    return out


def _centres(n: int, window: int) -> np.ndarray:
    return np.arange(window // 2, n - window // 2 + 1, max(window // 4, 1))


def echo_in_band(section: Section) -> np.ndarray:
    """Echo in the antenna's band, filtered once for all that look at it; not to be changed."""
    s = section
    if s.banded is None:
        s.banded = band_limited(s.echo, s.dt, s.fc_nominal)
    return s.banded


def band_limited(a: np.ndarray, dt: float, fc: float) -> np.ndarray:
    """Zero-phase band of 0.3 to 2 times the centre frequency (GHz, dt in ns)."""
    return band_pass(a, dt, fc, 0.3, 2.0)


def band_pass(a: np.ndarray, dt: float, fc: float, low: float, high: float) -> np.ndarray:
    """Zero-phase Butterworth band of `low` to `high` times the centre frequency (GHz, dt in ns); float32."""
    return both_ways(a, _band(*np.clip(np.array([low, high]) * fc * 2 * dt, 1e-3, 0.95).tolist()))


@lru_cache(maxsize=16)
def _band(low: float, high: float) -> np.ndarray:
    """Second-order sections of a band over the Nyquist frequency; every block of a line has the same."""
    return np.asarray(signal.butter(3, (low, high), "bandpass", output="sos"))


def even_out(echo: np.ndarray, valid: np.ndarray, dt: float, fc: float, noise: float) -> np.ndarray:
    """Even out amplitudes along time by the median over traces, band-pass, and limit bursts: for the search only."""
    b = band_pass(echo, dt, fc, 0.35, 2.2)
    if not valid.any():
        return b
    typical = conditioning.median_trace(np.abs(b[some_of(valid)]))
    width = max(3, round(2.0 / (fc * dt)))
    typical = ndimage.gaussian_filter1d(typical, width)
    floor = max(1e-4 * max(float(b.max()), -float(b.min())), 0.5 * noise, 1e-20)
    power = np.empty(b.shape[0])
    conditioning.scale_samples(b, (1.0 / np.maximum(typical, floor)).astype(np.float32), power)
    usual = float(np.median(power[valid]))
    conditioning.limit_bursts(b, power, max(2.5 * usual, 1e-20), 30.0, valid)
    return b
