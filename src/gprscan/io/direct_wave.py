"""A nominal time zero from the data, for files whose header does not tell."""

from __future__ import annotations

import numpy as np

from gprscan.model.findings import Finding
from gprscan.units import C_AIR

LEAST_PEAK = 0.3  # of the largest: the direct wave is strong, but a clipped surface echo may be stronger
LEAST_CONTRAST = 5.0  # over the median of the envelope: noise alone reaches about 4


def nominal_time_zero(
    sample: np.ndarray, dt: float, separation: float | None, where: str, evidence: str, *, skip: int = 0
) -> tuple[float, list[Finding]]:
    """Take time zero from the direct wave, where the header is silent.

    Parameters
    ----------
    sample : ndarray, shape (trace, channel, sample)
        Probe of the traces, as stored.
    dt : float
        Sampling interval in ns.
    separation : float or None
        Transmitter-receiver distance in m; the direct wave needs separation / c to arrive.
    where, evidence : str
        File, and what its header says, for the finding.
    skip : int
        Leading samples that are not radar.

    Returns
    -------
    float, list of Finding
        Time zero in ns after the first sample: the first strong peak of the median trace's envelope, less the travel
        time of the direct wave. 0 where there is no clear peak. The finding says which.
    """
    what = "The header does not tell time zero."
    with np.errstate(invalid="ignore"):  # a damaged float may be a signalling NaN
        at = first_arrival(np.asarray(sample[:, 0, skip:], dtype="float64"))
    if at is None:
        then = "Time is counted from the first sample; no clear direct wave was found either."
        return 0.0, [Finding("time-zero-unknown", "warning", what, where, evidence, then)]
    value = max(0.0, (at + skip) * dt - (separation or 0.0) / C_AIR)
    then = "It was set by the direct wave of the median trace; the step time_zero and the detection refine it."
    found = f"{evidence}; direct wave's envelope peaks {(at + skip) * dt:.2f} ns after the first sample"
    return value, [Finding("time-zero-estimated", "info", what, where, found, then)]


def first_arrival(traces: np.ndarray) -> int | None:
    """Return the sample of the first strong envelope peak of the median trace, None where nothing stands out.

    Parameters
    ----------
    traces : ndarray, shape (trace, sample)
        Any amplitudes.
    """
    median = np.median(traces, axis=0)
    n = median.size
    if n < 8 or not np.isfinite(median).all():
        return None
    # analytic signal by the one-sided spectrum
    spectrum = np.fft.fft(median - np.median(median))
    gain = np.zeros(n)
    gain[0] = 1.0
    gain[1 : (n + 1) // 2] = 2.0
    if n % 2 == 0:
        gain[n // 2] = 1.0
    envelope = np.abs(np.fft.ifft(spectrum * gain))
    largest = float(envelope.max())
    if largest <= LEAST_CONTRAST * float(np.median(envelope)) or largest == 0:
        return None
    inner = envelope[1:-1]
    peaks = np.flatnonzero((inner >= LEAST_PEAK * largest) & (inner >= envelope[:-2]) & (inner >= envelope[2:])) + 1
    return int(peaks[0]) if len(peaks) else None
