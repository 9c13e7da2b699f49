"""Taking targets' echoes out of a section, so that what crosses them or lies beneath them can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gprscan.detection.fit import Fit
from gprscan.detection.section import Section
from gprscan.kernels import cleaning, jit
from gprscan.units import C_AIR


def subtract(section: Section, arrays: tuple[np.ndarray, ...], targets: Sequence[Fit], *, coda: float) -> None:
    """Subtract fitted targets from arrays in place: their pulse and their coda, with the moveout of their top.

    The traces are flattened along the curve and cut into windows of a period and a half; in each, what all traces share is
    the tapered stack, and each trace's share of it is its projection on the stack, smoothed over neighbours (a rank-one
    model, as in CLEAN). Multiples and echoes from inside a body keep the moveout of its top and go with it; a target
    below has a moveout of its own and stays.

    Parameters
    ----------
    section : Section
        Gives the geometry.
    arrays : tuple of ndarray of float32, shape (trace, sample)
        Section's `echo` and `cond`, or copies.
    targets : sequence of Fit
        What is taken out, 1.3 times as far as each was fitted.
    coda : float
        How long after the pulse to go on, ns.
    """
    if not targets:
        return
    period = 1.0 / section.fc_nominal
    curves = np.array([(q.x, q.t, q.velocity, 1.3 * q.reach, q.reach) for q in targets])
    span = (round(1.2 * period / section.dt), round((1.2 * period + coda) / section.dt))
    cleaning.subtract_curves(
        arrays, section.x, section.valid, curves, (float(section.t[0]), section.dt), section.separation,
        2 * section.height / C_AIR, span, round(1.5 * period / section.dt), threads=jit.threads(),
    )  # fmt: skip
