"""What acquisition does to clean traces: noise, drift, interference, jitter, gain, lost traces, clipping, ringing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gprscan.errors import ParameterError

FLAG_OK, FLAG_MISSING, FLAG_DUPLICATE = 0, 1, 2


@dataclass(frozen=True)
class Acquisition:
    """How badly a line is recorded.

    Parameters
    ----------
    snr_db : float
        Size of the reference echo above the standard deviation of white noise, ``20 log10``.
    dc : float
        Constant offset as a fraction of the direct wave's peak.
    wow : float
        Slow decaying drift as a fraction of the direct wave's peak.
    interference : float
        Amplitude of a radio carrier over the reference echo, on part of the line.
    interference_to_end : bool
        The carrier stays on to the end of the line.
    time_zero_shift : tuple of float
        Smallest and largest added delay in ns, one draw per line.
    time_zero_jitter : float
        Standard deviation of a further delay per trace in ns.
    gain : bool
        Time gain, drawn at random.
    missing, duplicate : int
        Traces in a hundred that are zero, or repeat the one before.
    clip : tuple of float or None
        Range of the clipping level as a fraction of the direct wave's peak.
    ringing : tuple of float or None
        Range of the amplitude of horizontal bands over the reference echo.
    """

    snr_db: float
    dc: float = 0.0
    wow: float = 0.0
    interference: float = 0.0
    interference_to_end: bool = False
    time_zero_shift: tuple[float, float] = (0.0, 0.0)
    time_zero_jitter: float = 0.0
    gain: bool = False
    missing: int = 0
    duplicate: int = 0
    clip: tuple[float, float] | None = None
    ringing: tuple[float, float] | None = None


LEVELS = {
    "light": Acquisition(snr_db=20, dc=0.01, wow=0.01),
    "moderate": Acquisition(
        snr_db=10, dc=0.03, wow=0.04, interference=0.4, time_zero_shift=(0.8, 1.8), gain=True, missing=1, duplicate=1
    ),
    "severe": Acquisition(
        snr_db=5,
        dc=0.03,
        wow=0.08,
        interference=0.8,
        interference_to_end=True,
        time_zero_shift=(0.8, 2.0),
        time_zero_jitter=0.05,
        gain=True,
        missing=2,
        duplicate=2,
        clip=(0.38, 0.56),
        ringing=(2.5, 4.2),
    ),
}


@dataclass(frozen=True)
class Degraded:
    """A recorded line and what was done to it.

    Parameters
    ----------
    traces : float32 array, shape (trace, sample)
        What the recorder would have stored.
    shift : float32 array, shape (trace,)
        Added delay in ns.
    gain : float32 array, shape (sample,)
        Factor over time; divide to undo.
    flag : int8 array, shape (trace,)
        0 whole, 1 missing, 2 a repetition of the trace before.
    record : dict
        Every number drawn, for the truth record.
    """

    traces: NDArray[np.float32]
    shift: NDArray[np.float32]
    gain: NDArray[np.float32]
    flag: NDArray[np.int8]
    record: dict[str, Any]


def reference_echo(
    traces: NDArray[np.float32], dt: float, *, direct_ns: float, frequency: float
) -> tuple[float, float]:
    """Sizes against which noise and drift are measured.

    Parameters
    ----------
    traces : float array, shape (trace, sample)
        Clean traces.
    dt : float
        Sampling interval in ns.
    direct_ns : float
        Record time of the direct wave in ns.
    frequency : float
        Centre frequency in MHz.

    Returns
    -------
    reference, direct : float
        99.5 percentile of what differs from the mean trace after the direct wave (at least 0.3 % of its peak), and
        that peak.
    """
    direct = float(np.abs(traces).max())
    start = min(int((direct_ns + 1.5e3 / frequency) / dt), traces.shape[1] - 1)
    rest = np.abs(traces - traces.mean(axis=0))[:, start:]
    return max(float(np.percentile(rest, 99.5)), 0.003 * direct), direct


def degrade(
    traces: NDArray[np.float32],
    dt: float,
    acquisition: Acquisition,
    rng: np.random.Generator,
    *,
    direct_ns: float,
    frequency: float,
) -> Degraded:
    """Turn clean traces into recorded ones.

    Parameters
    ----------
    traces : float32 array, shape (trace, sample)
        Clean traces.
    dt : float
        Sampling interval in ns.
    acquisition : Acquisition
        How badly; `LEVELS` holds three.
    rng : numpy.random.Generator
        Source of randomness.
    direct_ns : float
        Record time of the direct wave in ns.
    frequency : float
        Centre frequency of the antenna in MHz.

    Returns
    -------
    Degraded
        In the order ringing, noise, interference, drift, delay, clipping, gain, lost traces.

    Raises
    ------
    ParameterError
        If `traces` is not (trace, sample).
    """
    if traces.ndim != 2 or 0 in traces.shape:
        msg = f"traces have shape {traces.shape}; (trace, sample) is needed, with at least one of each."
        raise ParameterError(msg)
    n, m = traces.shape
    time = np.arange(m) * dt
    reference, direct = reference_echo(traces, dt, direct_ns=direct_ns, frequency=frequency)
    record: dict[str, Any] = {"snr_db": acquisition.snr_db, "a_ref": reference, "direct_peak": direct}
    x = traces.astype("float64")
    if acquisition.ringing is not None:
        x += _ringing(time, acquisition.ringing, reference, direct_ns, frequency, rng, record)
    sigma = reference / 10 ** (acquisition.snr_db / 20)
    record["noise_std"] = sigma
    x += rng.normal(0.0, sigma, x.shape)
    if acquisition.interference > 0:
        x += _interference(n, time, acquisition, reference, frequency, rng, record)
    x += _drift(n, time, acquisition, direct, rng, record)
    shift = (
        np.full(n, rng.uniform(*acquisition.time_zero_shift)) + rng.normal(0.0, 1.0, n) * acquisition.time_zero_jitter
    )
    record["time_zero_shift_ns_mean"] = round(float(shift.mean()), 4)
    if np.any(shift):
        x = np.stack([np.interp(time - s, time, trace) for s, trace in zip(shift, x, strict=True)])
    if acquisition.clip is not None:
        fraction = float(rng.uniform(*acquisition.clip))
        record["clip_frac_direct"] = round(fraction, 3)
        x = np.clip(x, -fraction * direct, fraction * direct)
    gain = _gain(time, direct_ns, rng, record) if acquisition.gain else np.ones(m)
    x *= gain
    flag = _lose_traces(x, acquisition, rng, record)
    return Degraded(x.astype("float32"), shift.astype("float32"), gain.astype("float32"), flag, record)


def _ringing(
    time: NDArray[np.floating],
    amplitude: tuple[float, float],
    reference: float,
    direct_ns: float,
    frequency: float,
    rng: np.random.Generator,
    record: dict[str, Any],
) -> NDArray[np.floating]:
    """Bands that are the same in every trace: the antenna, or a metal frame, ringing on."""
    f, tau, a = rng.uniform(0.5, 1.0) * frequency * 1e-3, rng.uniform(8, 12), rng.uniform(*amplitude)
    record["ringing"] = {"freq_GHz": round(f, 4), "tau_ns": round(tau, 2), "amp_over_aref": round(a, 2)}
    late = np.maximum(time - direct_ns, 0.0)
    onset = 1.0 - np.exp(-late * f)
    bands: NDArray[np.floating] = a * reference * onset * np.exp(-late / tau) * np.sin(2 * np.pi * f * late)
    return bands


def _interference(
    n: int,
    time: NDArray[np.floating],
    acquisition: Acquisition,
    reference: float,
    frequency: float,
    rng: np.random.Generator,
    record: dict[str, Any],
) -> NDArray[np.floating]:
    """A radio carrier with a random phase in each trace, on part of the line."""
    f = float(rng.choice([0.0985, 0.42, 0.46, 0.88, 0.93]))
    first = int(rng.uniform(0.1, 0.35) * n)
    last = n if acquisition.interference_to_end else first + max(int(rng.uniform(0.3, 0.5) * n), 1)
    record["rfi"] = {"freq_GHz": f, "amp_over_aref": acquisition.interference, "traces": [first, min(last, n)]}
    carrier = np.zeros((n, time.size))
    phase = rng.uniform(0, 2 * np.pi, n)[:, None]
    carrier[first:last] = (acquisition.interference * reference * np.sin(2 * np.pi * f * time + phase))[first:last]
    return carrier


def _drift(
    n: int,
    time: NDArray[np.floating],
    acquisition: Acquisition,
    direct: float,
    rng: np.random.Generator,
    record: dict[str, Any],
) -> NDArray[np.floating]:
    """A constant, and the slow decay after the direct wave that dewow is for; both wander a little along the line."""
    tau, sign = float(rng.uniform(10, 24)), float(rng.choice([-1.0, 1.0]))
    record["dc_frac_direct"] = acquisition.dc
    record["wow"] = {"amp_frac_direct": acquisition.wow, "tau_ns": round(tau, 2)}
    wander = 1.0 + 0.2 * rng.standard_normal(n)[:, None]
    slow = (time / tau) * np.exp(1.0 - time / tau)
    return direct * (sign * acquisition.dc + acquisition.wow * wander * slow)


def _gain(
    time: NDArray[np.floating], direct_ns: float, rng: np.random.Generator, record: dict[str, Any]
) -> NDArray[np.floating]:
    """Power times exponential, as field units set it, capped at 300."""
    p, a = float(rng.uniform(0.5, 1.1)), float(rng.uniform(0.05, 0.14))
    record["gain"] = {"formula": "min(((t-t0)/0.5)^p*exp(0.5*a*(t-t0)),300)", "p": round(p, 3), "a_per_ns": round(a, 4)}
    late = np.maximum(time - direct_ns, 0.5)
    return np.minimum((late / 0.5) ** p * np.exp(0.5 * a * late), 300.0)


def _lose_traces(
    x: NDArray[np.floating], acquisition: Acquisition, rng: np.random.Generator, record: dict[str, Any]
) -> NDArray[np.int8]:
    """Zero some traces and repeat others, in place."""
    n = x.shape[0]
    missing, repeated = (int(np.ceil(k * n / 100)) if k else 0 for k in (acquisition.missing, acquisition.duplicate))
    chosen = rng.choice(np.arange(1, n), min(missing + repeated, n - 1), replace=False) if n > 1 else np.array([], int)
    lost, copies = np.sort(chosen[:missing]), np.sort(chosen[missing:])
    flag = np.zeros(n, "int8")
    for i in copies:
        x[i], flag[i] = x[i - 1], FLAG_DUPLICATE
    x[lost], flag[lost] = 0.0, FLAG_MISSING
    record["missing_traces"], record["duplicate_traces"] = lost.tolist(), copies.tolist()
    return flag
