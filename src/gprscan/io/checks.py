"""Findings that apply to every format: what the samples and the redundant header fields say about each other."""

from __future__ import annotations

import numpy as np

from gprscan.model.findings import Finding

DEAD_SHARE = 0.01  # of the traces; single ones are common and harmless
WIDEST_SEPARATION = 200.0  # m; wide-angle soundings with low frequencies reach tens of metres


def samples(values: np.ndarray, where: str, *, skip: int = 0) -> list[Finding]:
    """Look at the samples themselves: nothing recorded, no numbers, or cut off at the recorder's range.

    Parameters
    ----------
    values : ndarray, shape (trace, channel, sample)
        Probe of the traces, as stored.
    where : str
        Name of the file.
    skip : int
        Leading samples that are not radar.
    """
    radar = values[..., skip:]
    known = radar[np.isfinite(radar)] if radar.dtype.kind == "f" else radar
    out = []
    if known.size < radar.size:
        what, then = "Samples are not finite numbers.", "They are kept; processing leaves them out."
        share = 1 - known.size / radar.size
        evidence = f"{share:.1%} of the samples of {radar.shape[0]} traces checked"
        out.append(Finding("samples-not-finite", "warning", what, where, evidence, then))
    if radar.size and (not known.size or known.min() == known.max()):
        what = "Nothing was recorded: the samples hold one value, or none."
        value = f"{known.flat[0]} throughout" if known.size else "no number"
        evidence = f"{value}, in {radar.shape[0]} traces checked"
        then = "Nothing can be detected in it. Check the antenna and its cable, or copy the file again."
        return [*out, Finding("no-signal", "error", what, where, evidence, then)]
    return out + dead_traces(radar, where) + clipping(values, skip=skip)


def dead_traces(radar: np.ndarray, where: str) -> list[Finding]:
    """Look for traces that hold one value throughout: an antenna that dropped out, or a copy that was filled up.

    Parameters
    ----------
    radar : ndarray, shape (trace, channel, sample)
        Probe of the traces, without status words.
    where : str
        Name of the file.
    """
    if radar.shape[-1] < 2:
        return []
    dead = (radar == radar[..., :1]).all(axis=-1)
    share = float(dead.mean())
    if share <= DEAD_SHARE:
        return []
    channels = np.flatnonzero(dead.any(axis=0))
    evidence = f"{share:.1%} of the {dead.size} traces checked"
    evidence += f", in channels {', '.join(str(c) for c in channels)}" if dead.shape[1] > 1 else ""
    then = "Nothing can be detected there. Check the antenna and its cable, or copy the file again."
    return [Finding("dead-traces", "warning", "Traces hold one value throughout.", where, evidence, then)]


def clipping(samples: np.ndarray, *, skip: int = 0) -> list[Finding]:
    """Look for samples that sit at the end of the recorder's range.

    Parameters
    ----------
    samples : ndarray, shape (trace, channel, sample)
        Probe of the traces, as stored.
    skip : int
        Leading samples that are not radar.

    Notes
    -----
    A sample counts as clipped where it equals the largest or smallest value of the probe and both its neighbours in
    time do too: a plateau of three. A single extreme value, or a dead trace, is no clipping.
    """
    radar = samples[..., skip:]
    if radar.shape[-1] < 3 or radar.size == 0:
        return []
    known = radar[np.isfinite(radar)] if radar.dtype.kind == "f" else radar
    if not known.size or known.min() == known.max():
        return []
    low, high = known.min(), known.max()
    count, traces = 0, np.zeros(radar.shape[0], dtype=bool)
    for limit in (low, high):
        at = radar == limit
        plateau = at[..., :-2] & at[..., 1:-1] & at[..., 2:]
        plateau[at.all(axis=-1)] = False
        if limit == 0 and radar.dtype.kind != "u":
            continue  # blanked samples are zero; zero is no end of a signed range
        count += int(plateau.sum())
        traces |= plateau.any(axis=(-2, -1))
    share = float(traces.mean())
    if count < 3 or share < 0.002:
        return []
    return [
        Finding(
            "clipped-samples",
            "warning" if share > 0.05 else "info",
            "The recorder's range was exceeded: samples are cut off at its limits.",
            f"{share:.1%} of the traces checked",
            f"{count} plateaus of three or more samples at {low} or {high} in {radar.shape[0]} traces checked",
            "Amplitudes and the polarity of the strongest echoes are not reliable there; arrival times are.",
        )
    ]


def time_triggered(where: str, evidence: str, advice: str = "") -> Finding:
    """Return the finding for a line that was recorded by the clock, or whose spacing is not known."""
    return Finding(
        "time-triggered",
        "warning",
        "The distance between traces is not recorded.",
        where,
        evidence,
        f"{advice} Without GNSS or marks, give it: gprscan.read(path, spacing=0.05), in m.".strip(),
    )


def disagreement(
    code: str, what: str, where: str, a: tuple[str, float], b: tuple[str, float], limit: float, consequence: str
) -> list[Finding]:
    """Compare two statements of one quantity.

    Parameters
    ----------
    a, b : (str, float)
        Name and value of each statement; `a` is the one that is used.
    limit : float
        Relative difference from which on it is worth a finding.
    """
    (name_a, value_a), (name_b, value_b) = a, b
    scale = max(abs(value_a), abs(value_b))
    if not (np.isfinite(value_a) and np.isfinite(value_b)) or scale == 0 or abs(value_a - value_b) <= limit * scale:
        return []
    difference = f" ({(value_b - value_a) / value_a:+.1%})" if value_a else ""
    evidence = f"{name_a} {value_a:g}, {name_b} {value_b:g}{difference}"
    return [Finding(code, "warning", what, where, evidence, consequence)]


def trace_count(where: str, key: str, stated: float | None, n_traces: int) -> list[Finding]:
    """Compare the number of traces that a header states with what the file holds."""
    if stated is None or int(stated) == n_traces:
        return []
    what = "The header and the size of the data file disagree on the number of traces."
    evidence = f"{key} {stated:g}, the data file holds {n_traces}"
    return [Finding("trace-count-disagreement", "warning", what, where, evidence, "The file's size rules.")]


def line_length(where: str, step: float, last: float, stop: float) -> list[Finding]:
    """Compare DISTANCE INTERVAL x LAST TRACE with STOP POSITION, all in m, as MALA and ImpulseRadar state them."""
    return disagreement(
        "spacing-disagreement",
        "The header states two lengths of the line.",
        where,
        ("DISTANCE INTERVAL x LAST TRACE, m", step * last),
        ("STOP POSITION, m", stop),
        0.03,
        "DISTANCE INTERVAL is used. Override it with gprscan.read(path, spacing=...).",
    )


def separation(value: float | None, where: str) -> tuple[float | None, list[Finding]]:
    """Return a distance between transmitter and receiver in m where it is one, and a finding where it cannot be."""
    if value is None or not value > 0:
        return None, []
    if value <= WIDEST_SEPARATION:
        return value, []
    what = "The distance between transmitter and receiver cannot be right."
    then = "It was left out. Give it: gprscan.read(path, separation=0.14), in m."
    return None, [Finding("separation-implausible", "warning", what, where, f"{value:g} m", then)]
