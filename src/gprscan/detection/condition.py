"""Conditioning: from raw traces to a section in which echoes can be searched and measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from gprscan.detection import interference, timing
from gprscan.detection.section import Section


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


def condition(traces: np.ndarray, x: np.ndarray, acq: Acquisition) -> Section:
    """Condition one channel of a block.

    Parameters
    ----------
    traces : ndarray of float32, shape (trace, sample)
        As recorded; NaN or zeros where missing. Left alone.
    x : ndarray, shape (trace,)
        Distance along the line, m.
    acq : Acquisition
        Sampling and antenna.

    Returns
    -------
    Section
    """
    a = np.array(traces, dtype=np.float32)
    valid = live_traces(a)
    a[~np.isfinite(a)] = 0.0
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
    a -= np.median(a, axis=1, keepdims=True)
    a[~valid] = 0.0
    clipped = clipped_samples(a, valid, acq.dt, acq.fc)
    if clipped.any():
        notes.append("the direct wave is clipped")
    shift = timing.align(a, valid, t, acq)
    a = timing.apply_shift(a, shift / acq.dt)
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
    a = dewow(a, acq.dt, acq.fc)
    a[~valid] = 0.0
    echo = a - background(a, valid, max(3, round(4.0 / acq.dx)))
    echo[~valid] = 0.0
    noise = interference.noise_level(echo, valid, acq.dt, acq.fc)
    fc = interference.measured_frequency(echo, valid, acq.dt, acq.fc, start=after)
    wavelet, reference = timing.reference_wavelet(direct, acq.dt, acq.fc)
    return Section(
        raw=a,
        echo=echo,
        cond=even_out(echo, valid, acq.dt, acq.fc, noise),
        t=t,
        x=np.asarray(x, dtype=float),
        dx=acq.dx,
        dt=acq.dt,
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


def live_traces(a: np.ndarray) -> np.ndarray:
    """Return which traces carry a record of their own: finite, not flat, and no copy of the trace before."""
    finite = np.isfinite(a).all(axis=1)
    spread = np.where(finite, np.nan_to_num(a).std(axis=1), 0.0)
    usual = np.median(spread[spread > 0]) if (spread > 0).any() else 0.0
    copy = np.zeros(a.shape[0], bool)
    copy[1:] = (a[1:] == a[:-1]).all(axis=1)
    return finite & (spread > 1e-3 * usual) & ~copy


def clipped_samples(a: np.ndarray, valid: np.ndarray, dt: float, fc: float) -> np.ndarray:
    """Flag samples held at full scale of the recorder or receiver.

    A clipped direct wave has plateaus longer than the crest of a pulse: a cosine stays within 6 % of its crest for a ninth
    of a period. The level of the two signs differs by the offset, and may be bent a little by the gain that was divided
    out.
    """
    out = np.zeros(a.shape, bool)
    if not valid.any():
        return out
    trace = np.median(a[valid], axis=0)
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


def dewow(a: np.ndarray, dt: float, fc: float) -> np.ndarray:
    """Remove what is slower than a quarter of the centre frequency, without shifting phases."""
    spread = 2.0 * 0.45 / (fc * dt)  # Gaussian low-pass: -6 dB at 0.21 fc
    half = int(4.0 * spread + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / spread) ** 2)
    held = np.pad(a, ((0, 0), (half, half)), mode="edge").astype(np.float64)
    slow = signal.oaconvolve(held, (kernel / kernel.sum())[None, :], mode="valid", axes=1)
    return (a - slow.astype(np.float32)).astype(np.float32)


def background(a: np.ndarray, valid: np.ndarray, window: int) -> np.ndarray:
    """Sliding median over traces: what does not change along the line.

    Medians are taken every quarter window and joined by straight lines; a median, unlike a mean, leaves the flat top of a
    body that is shorter than half the window alone.
    """
    n = a.shape[0]
    live = np.flatnonzero(valid)
    if live.size == 0:
        return np.zeros_like(a)
    if n <= 1.5 * window:
        return np.broadcast_to(np.median(a[live], axis=0), a.shape).astype(np.float32)
    centres = np.arange(window // 2, n - window // 2 + 1, max(window // 4, 1))
    medians = np.empty((centres.size, a.shape[1]), np.float32)
    for i, c in enumerate(centres):
        rows = live[(live >= c - window // 2) & (live < c + window // 2)]
        medians[i] = np.median(a[rows if rows.size else live], axis=0)
    place = np.interp(np.arange(n), centres, np.arange(centres.size))
    low = np.minimum(place.astype(int), max(centres.size - 2, 0))
    part = (place - low)[:, None].astype(np.float32)
    return medians[low] * (1 - part) + medians[np.minimum(low + 1, centres.size - 1)] * part


def even_out(echo: np.ndarray, valid: np.ndarray, dt: float, fc: float, noise: float) -> np.ndarray:
    """Even out amplitudes along time by the median over traces, band-pass, and limit bursts: for the search only."""
    band = np.clip(np.array([0.35, 2.2]) * fc * 2 * dt, 1e-3, 0.95)
    sos = signal.butter(3, band, "bandpass", output="sos")
    b = signal.sosfiltfilt(sos, echo, axis=1).astype(np.float32)
    if not valid.any():
        return b
    typical = np.median(np.abs(b[valid]), axis=0)
    width = max(3, round(2.0 / (fc * dt)))
    typical = ndimage.gaussian_filter1d(typical, width)
    floor = max(1e-4 * float(np.abs(b).max()), 0.5 * noise, 1e-20)
    b /= np.maximum(typical, floor)
    power = np.sqrt((b**2).mean(axis=1))
    usual = np.median(power[valid])
    b /= np.maximum(power / max(2.5 * usual, 1e-20), 1.0)[:, None]
    limit = 30.0
    b = limit * np.tanh(b / limit)
    b[~valid] = 0.0
    return b.astype(np.float32)
