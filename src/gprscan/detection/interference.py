"""What the receiver adds: its time gain, its noise, and radio transmitters."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage, optimize, signal

from gprscan.detection.analytic import both_ways
from gprscan.detection.section import some_of
from gprscan.kernels import conditioning, jit
from gprscan.kernels.select import median

_LAW_LIMITS = (np.array([-5.0, 0.0, 0.0]), np.array([8.0, 5.0, 5.0]))  # of the three terms of a gain law
LEAST_NOISE = 0.1  # share of the late record


def _above_band(a: np.ndarray, dt: float, fc: float) -> np.ndarray | None:
    """Part of the traces above the antenna's band; None where the sampling leaves nothing there."""
    low = 3.0 * fc
    nyquist = 0.5 / dt
    if low > 0.7 * nyquist:
        return None
    sos = signal.butter(4, low / nyquist, "highpass", output="sos")
    return both_ways(a, sos)


def acquisition_gain(a: np.ndarray, valid: np.ndarray, t: np.ndarray, dt: float, fc: float) -> np.ndarray | None:
    """Estimate the time gain of the recorder from the growth of its own noise.

    Receiver noise is stationary before the gain is applied, so its standard deviation over the record is the gain. It is
    read above the antenna's band, where no echo is, and believed only if it is incoherent from trace to trace, present
    before the first arrival, a good part of what the end of the record holds (else what the filter lets through of weak
    echoes would pass for noise), and grows at least twofold.

    Returns
    -------
    ndarray of float32, shape (sample,), or None
        Gain as a factor, 1 at its lowest; None where there is none or it cannot be seen.
    """
    live = a[some_of(valid)]
    if live.shape[0] < 10:
        return None
    high = _above_band(live, dt, fc)
    if high is None or not _is_noise(high, dt, fc):
        return None
    high = high - conditioning.median_trace(high)
    level = 1.4826 * conditioning.median_trace(np.abs(high))
    late = slice(-live.shape[1] // 5, None)
    everything = 1.4826 * median(np.abs(live[:, late] - conditioning.median_trace(live[:, late])))
    if np.median(level[late]) < LEAST_NOISE * everything:
        return None
    width = max(3, round(0.15 / (fc * dt)))
    # padding at the start of the record is exactly constant, and the filter is not itself at the ends
    first = int(np.argmax(level > 2.5e-3 * level.max())) + width
    zero = max(int(np.searchsorted(t, 0.0)), first + 2 * width)
    if zero > level.size // 2:
        return None
    quiet = float(np.median(level[first:zero]))
    if quiet <= 0:
        return None
    log_level = np.log(np.maximum(ndimage.median_filter(level, 2 * width + 1, mode="nearest"), 1e-3 * quiet) / quiet)
    log_level[:first] = 0.0
    log_level[-width:] = np.median(log_level[-3 * width : -width])
    rising = optimize.isotonic_regression(log_level).x
    if rising[-1] < np.log(2.0):
        return None
    # the nominal time zero may be off by 2 ns
    slack = max(2.0, 0.5 / fc)
    starts = np.arange(
        np.searchsorted(t, -slack), np.searchsorted(t, slack + 0.5 / fc), max(round(0.04 / (fc * dt)), 1)
    )
    law, rms = _gain_law(starts, log_level, round(1.0 / (fc * dt)))
    smooth = ndimage.gaussian_filter1d(rising, width, mode="nearest")
    late = log_level.size // 3
    scatter = float(np.sqrt(np.mean((smooth - log_level)[late:] ** 2)))
    return np.exp(law if rms < 1.5 * scatter + 0.06 else smooth).astype(np.float32)


def _gain_law(starts: np.ndarray, log_gain: np.ndarray, period: int) -> tuple[np.ndarray, float]:
    """Log of the usual time gain, a power times an exponential from some start on, fitted robustly; and its late misfit.

    Robustly, since a receiver at full scale shows no noise, and a direct wave that jitters too much of it.
    """
    n = log_gain.size
    whole = np.arange(n)
    # every sample where the start is decided, a few hundred in all
    index = np.unique(np.r_[whole[: min(starts[-1] + 2 * period, n)][::2], np.linspace(0, n - 1, 120).astype(int)])
    measured = log_gain
    log_gain = log_gain[index]
    best = (np.inf, np.zeros(3), 0)
    tolerance = 0.12
    for start in starts:
        late = np.maximum(index - start, 1e-3) / period
        basis = np.stack([np.ones(late.size), np.log(late), late])
        after = index > start
        weight = after.astype(float)
        law = np.zeros(index.size)
        for _ in range(5):
            c = conditioning.bounded_least_squares(basis[:, after], log_gain[after], weight[after], *_LAW_LIMITS)
            law = np.where(after, np.maximum(c @ basis, 0.0), 0.0)
            weight = 1.0 / (1.0 + ((log_gain - law) / tolerance) ** 2) ** 2
        misfit = (log_gain - law) / tolerance
        # missing noise is what a receiver at full scale shows, and costs little; noise that the law lacks does not
        cost = float(np.where(misfit < 0, np.minimum(np.log1p(misfit**2), 1.5), np.log1p(misfit**2)).sum())
        if cost < best[0]:
            best = (cost, c, int(start))
    _, c, start = best
    late = np.maximum(whole - start, 1e-3) / period
    law = np.where(whole > start, np.maximum(c[0] + c[1] * np.log(late) + c[2] * late, 0.0), 0.0)
    return law, float(np.sqrt(np.mean((law - measured)[n // 3 :] ** 2)))


def _is_noise(high: np.ndarray, dt: float, fc: float) -> bool:
    """Is this incoherent from trace to trace, and nearly white? What echoes leave above the band is neither."""
    late = high[:, high.shape[1] // 2 :]
    energy = float((late**2).sum())
    if energy <= 0 or abs(float((late[1:] * late[:-1]).sum())) > 0.1 * energy:
        return False
    power = (np.abs(np.fft.rfft(late * np.hanning(late.shape[1]), axis=1)) ** 2).mean(axis=0)
    freq = np.fft.rfftfreq(late.shape[1], dt)
    upper = 0.45 / dt
    middle = 0.5 * (3.3 * fc + upper)
    low, high_part = (power[(freq >= f0) & (freq < f1)] for f0, f1 in ((3.3 * fc, middle), (middle, upper)))
    return low.size > 3 and high_part.size > 3 and bool(np.median(low) < 6.0 * np.median(high_part))


def noise_level(late: np.ndarray) -> float:
    """Standard deviation of the incoherent noise of neighbouring traces, late in the record: what they do not share."""
    if late.shape[0] < 3:
        return 0.0
    k = np.arange(1, late.shape[0] - 1, 3)  # enough for a median
    rough = late[k] - 0.5 * (late[k + 1] + late[k - 1])
    return float(1.4826 * median(np.abs(rough)) / np.sqrt(1.5))


def remove_tones(a: np.ndarray, valid: np.ndarray, dt: float, fc: float, start: int, most: int = 3) -> list[float]:
    """Subtract radio transmitters in place: steady tones, each with its own phase in every trace.

    A tone is a peak of the spectrum that is at most two bins wide and stands eight times above its surroundings in some
    group of traces. It is fitted by least squares, trace by trace, over the samples from `start` on.

    Returns
    -------
    list of float
        Frequencies in GHz of what was removed.
    """
    found: list[float] = []
    n = a.shape[1] - start
    if n < 64 or valid.sum() < 8:
        return found
    time = dt * np.arange(a.shape[1])
    some = some_of(valid)
    for _ in range(most):
        tail = a[some, start:]
        tail = tail - conditioning.median_trace(tail)
        n_fft = 4 * n
        spectrum = _powers(tail, n_fft)
        group = max(8, spectrum.shape[0] // 6)
        rows = [spectrum[i : i + group].mean(axis=0) for i in range(0, spectrum.shape[0] - group // 2, group)]
        ratios = np.array([row / (ndimage.median_filter(row, 8 * 8 + 1, mode="nearest") + 1e-30) for row in rows])
        freq = np.fft.rfftfreq(n_fft, dt)
        ratios[:, (freq < 0.12 * fc) | (freq > 3.0 * fc)] = 0.0
        k = int(np.argmax(ratios.max(axis=0)))
        if ratios[:, k].max() < 8.0 or not _is_steady(tail, time[start:], freq[k]):
            break
        found.append(float(freq[k]))
        _subtract_tone(a, valid, time, freq[k], start)
    return found


def _powers(traces: np.ndarray, length: int) -> np.ndarray:
    """Power spectra of traces under a Hann window, padded with zeros to `length`; float32."""
    taper = np.hanning(traces.shape[1]).astype(np.float32)
    out = np.empty((traces.shape[0], length // 2 + 1), np.float32)

    def work(rows: slice) -> None:
        spectrum = fft.rfft(traces[rows] * taper, length, axis=1)
        out[rows] = spectrum.real**2 + spectrum.imag**2

    jit.by_chunks(work, traces.shape[0], jit.threads())
    return out


def _is_steady(tail: np.ndarray, time: np.ndarray, tone: float) -> bool:
    """Does the tone last through the record at one level? Echoes and ringing decay, and lose their phase."""
    parts = np.array_split(np.arange(time.size), 3)
    wave = np.exp(-2j * np.pi * tone * time)
    whole = np.abs(tail @ wave) / time.size
    pieces = np.stack([np.abs(tail[:, p] @ wave[p]) / p.size for p in parts])
    strong = whole >= np.quantile(whole, 0.7)
    levels = pieces[:, strong].mean(axis=1)
    return bool(levels.min() > 0.5 * levels.max() and whole[strong].mean() > 0.6 * levels.mean())


def _subtract_tone(a: np.ndarray, valid: np.ndarray, time: np.ndarray, tone: float, start: int) -> None:
    span = time[-1] - time[start]
    candidates = tone + np.linspace(-0.5, 0.5, 11) / span
    some = some_of(valid)
    median = conditioning.median_trace(a[some, start:])
    tail = a[some, start:] - median
    powers = [np.abs(tail @ np.exp(-2j * np.pi * f * time[start:])) ** 2 for f in candidates]
    best = candidates[int(np.argmax([p.sum() for p in powers]))]
    basis = np.stack([np.cos(2 * np.pi * best * time), np.sin(2 * np.pi * best * time)])
    part = basis[:, start:]
    solve = (np.linalg.inv(part @ part.T) @ part).astype(np.float32)
    live = np.flatnonzero(valid)
    for rows in np.array_split(live, max(1, live.size // 512)):
        residual = a[rows, start:] - median
        coefficients = residual @ solve.T
        amplitude = np.hypot(coefficients[:, 0], coefficients[:, 1])
        # a trace without the tone shows what its noise and echoes project onto it: about rms * sqrt(2 / n) times a few
        there = amplitude > 4.0 * residual.std(axis=1) * np.sqrt(2.0 / residual.shape[1])
        a[rows[there]] -= coefficients[there] @ basis.astype(np.float32)


def measured_frequency(echo: np.ndarray, valid: np.ndarray, dt: float, fc: float, start: int) -> float:
    """Centre frequency of the echoes in GHz (power-weighted, noise floor removed), kept within 0.6 to 1.4 of nominal."""
    live = echo[some_of(valid), start:]
    if live.size == 0:
        return fc
    power = (np.abs(np.fft.rfft(live, axis=1)) ** 2).mean(axis=0)
    freq = np.fft.rfftfreq(live.shape[1], dt)
    floor = np.median(power[freq > 3 * fc]) if (freq > 3 * fc).any() else 0.0
    band = (freq > 0.3 * fc) & (freq < 2.2 * fc)
    weight = np.maximum(power[band] - floor, 0.0)
    if weight.sum() <= 0:
        return fc
    return float(np.clip((freq[band] * weight).sum() / weight.sum(), 0.6 * fc, 1.4 * fc))
