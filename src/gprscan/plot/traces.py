"""Single traces: the A-scan at a body with its polarity, and wiggles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.errors import ParameterError
from gprscan.plot.picture import channel_index, channel_traces
from gprscan.plot.radargram import DEFAULT_FREQUENCY
from gprscan.units import C_AIR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# traces within this distance of the body are not part of its reference, and those beyond the second are not like it
_REFERENCE = (1.0, 4.0)
_BODY = "#d7191c"


def ascan(
    line: xr.Dataset,
    distance: float,
    ax: Axes | None = None,
    *,
    channel: int | str | None = None,
    twt: float | None = None,
    polarity: int | None = None,
    until: float | None = None,
) -> Axes:
    """Draw the trace at a body, the mean trace of its surroundings, and the polarity of its onset.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line, over ``twt``.
    distance : float
        Along the line in m (trace number where no distance is known).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure where not given.
    channel : int or str, optional
        Position or label of the channel.
    twt : float, optional
        Two-way time of the onset of the body's echo in ns.
    polarity : {-1, 0, 1}, optional
        Sign of the onset relative to the incident wave. An arrow shows it, beside one for the direct wave; up means the
        sign of the incident wave.
    until : float, optional
        Last time to draw, in ns.

    Returns
    -------
    matplotlib.axes.Axes
        The amplitude scale is chosen for the time around the body; the direct wave may leave it.
    """
    model.require_line(line, axis=names.TWT)
    traces, t = channel_traces(line, channel), np.asarray(line[names.TWT].values, dtype="float64")
    along = np.asarray(line[names.DISTANCE].values if names.DISTANCE in line.coords else np.arange(len(traces)))
    trace = traces[int(np.nanargmin(np.abs(along - distance)))]
    reference = _reference(traces, along, distance)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
    period = 1e3 / (model.centre_frequency(line) or DEFAULT_FREQUENCY)
    direct = model.antenna_separation(line) / C_AIR
    limit = _limit(trace, t, twt, direct, period)
    power = 3 * math.floor(math.log10(limit) / 3)
    trace, reference, limit = trace * 10.0**-power, reference * 10.0**-power, limit * 10.0**-power
    ax.plot(t, reference, color="#9a9a9a", linewidth=1.0, label="mean trace 1-4 m away")
    ax.plot(t, trace, color="black", linewidth=0.9, label=f"trace at {distance:.2f} m")
    ax.set_ylim(-limit, limit)
    ax.set_xlim(max(t[0], -2 * period), t[-1] if until is None else min(until, t[-1]))
    if twt is not None and polarity is not None:
        _arrows(ax, direct, twt, polarity)
    ax.axhline(0, color="#cccccc", linewidth=0.6, zorder=0)
    ax.set_xlabel("Two-way time (ns)")
    ax.set_ylabel("Amplitude" + (f" ($10^{{{power}}}$)" if power else ""))
    ax.legend(loc="lower right", fontsize=7, frameon=False, ncols=2)
    return ax


def _reference(traces: np.ndarray, along: np.ndarray, distance: float) -> np.ndarray:
    away = np.abs(along - distance)
    near = (away >= _REFERENCE[0]) & (away <= _REFERENCE[1])
    chosen = traces[near] if near.any() else traces
    known = np.isfinite(chosen)
    return np.where(known, chosen, 0).sum(axis=0, dtype="float64") / np.maximum(known.sum(axis=0), 1)


def _limit(trace: np.ndarray, t: np.ndarray, twt: float | None, direct: float, period: float) -> float:
    window = np.isfinite(trace)
    if twt is not None:
        near = window & (t >= max(twt - 0.6 * period, min(direct + 0.75 * period, twt))) & (t <= twt + 4 * period)
        window = near if near.any() else window
    peak = float(np.max(np.abs(trace[window]), initial=0.0))
    return 1.35 * peak if peak > 0 else 1.0


def _arrows(ax: Axes, direct: float, twt: float, polarity: int) -> None:
    """Draw the sign of the onset beside that of the direct wave: up is the sign of the incident wave, whatever it is.

    The arrows do not follow the lobes of the trace: the largest lobe of a thin body often has the sign opposite to its
    onset, since the echo of its bottom follows within a period.
    """
    words = "polarity undecided"
    if polarity:
        words = (
            "onset like the incident wave (air)"
            if polarity > 0
            else "onset opposite to the incident wave (metal, water)"
        )
    ax.axvline(twt, color=_BODY, linewidth=0.8, linestyle=(0, (3, 2)))
    _arrow(ax, direct, 1, "#555555", "direct wave", right=False)
    _arrow(ax, twt, int(polarity), _BODY, words, right=True)


def _arrow(ax: Axes, x: float, sign: int, colour: str, words: str, *, right: bool) -> None:
    frame = ax.get_xaxis_transform()  # x in ns, y in shares of the height
    if sign:
        low, high = (0.68, 0.94) if sign > 0 else (0.94, 0.68)
        style = {"arrowstyle": "-|>", "color": colour, "lw": 1.6}
        ax.annotate("", (x, high), xytext=(x, low), xycoords=frame, textcoords=frame, arrowprops=style)
    ax.annotate(
        words,
        (x, 0.96),
        xycoords=frame,
        xytext=(5 if right else -5, 0),
        textcoords="offset points",
        fontsize=7,
        color=colour,
        ha="left" if right else "right",
        va="top",
    )


def wiggle(
    line: xr.Dataset,
    ax: Axes | None = None,
    *,
    channel: int | str | None = None,
    distance: tuple[float, float] | None = None,
    every: int | None = None,
    gain: float = 1.0,
) -> Axes:
    """Draw traces as wiggles, positive lobes filled.

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure where not given.
    channel : int or str, optional
        Position or label of the channel.
    distance : (float, float), optional
        Part to show, m.
    every : int, optional
        Draw every so many traces; as many as give about 80 wiggles where not given.
    gain : float
        Width of the largest lobes in trace spacings, roughly.

    Returns
    -------
    matplotlib.axes.Axes
    """
    channel_index(line, channel)
    traces = channel_traces(line, channel)
    along = np.asarray(line[names.DISTANCE].values if names.DISTANCE in line.coords else np.arange(len(traces)))
    axis = np.asarray(line[str(line[names.AMPLITUDE].dims[-1])].values)
    inside = np.flatnonzero((along >= min(distance)) & (along <= max(distance))) if distance else np.arange(len(along))
    if not inside.size:
        msg = f"no traces between {distance} along the line: nothing to draw."
        raise ParameterError(msg)
    chosen = inside[:: every or max(inside.size // 80, 1)]
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(10, 4), layout="constrained")
    known = np.abs(traces[chosen][np.isfinite(traces[chosen])])
    scale = float(np.percentile(known, 99.5)) if known.any() else 1.0
    width = gain * (abs(float(along[chosen[-1]] - along[chosen[0]])) / max(chosen.size - 1, 1) or 1.0)
    for index in chosen:
        curve = along[index] + width * np.clip(traces[index] / scale, -1.5, 1.5)
        ax.plot(curve, axis, color="black", linewidth=0.5)
        ax.fill_betweenx(axis, along[index], curve, where=curve > along[index], color="black", linewidth=0)
    ax.set_xlabel("Distance (m)" if names.DISTANCE in line.coords else "Trace")
    ax.set_ylabel("Depth (m)" if names.DEPTH in line.dims else "Two-way time (ns)")
    ax.set_ylim(axis[-1], axis[0])
    return ax
