"""Two-dimensional FDTD stepping (TMz: Ez, Hx, Hy) with convolutional perfectly matched layers.

Equations: Yee, IEEE Trans. Antennas Propag. 14 (1966) 302-307, for the lattice; Roden and Gedney, Microwave Opt.
Technol. Lett. 27 (2000) 334-339, for the absorbing layers (CPML); Taflove and Hagness, Computational Electrodynamics
(3rd ed., 2005), section 3.6, for the lossy update.

Axes: the first is along the line, the second is down and contiguous. ``hx[i, k]`` sits half a cell below ``ez[i, k]``,
``hy[i, k]`` half a cell ahead of it. Magnetic fields are multiplied by the impedance of free space, so that both
updates carry the Courant number alone. Each trace is a shot of its own in a window that moves with the antennas.
"""

from __future__ import annotations

import numba
import numpy as np

from gprscan.kernels.jit import inline, kernel, parallel_kernel

STRIP = 16  # cells of a row that take the absorbing update: two vectors, whatever the layer's thickness up to it


@inline
def _update_h_row(ez, ez_next, hx, hy, courant, reach):  # type: ignore[no-untyped-def]
    for k in range(reach):
        hx[k] -= courant * (ez[k + 1] - ez[k])
        hy[k] += courant * (ez_next[k] - ez[k])


@inline
def _update_e_row(ez, hx, hy, hy_before, ca, cb, reach):  # type: ignore[no-untyped-def]
    for k in range(reach - 1):
        curl = (hy[k + 1] - hy_before[k + 1]) - (hx[k + 1] - hx[k])
        ez[k + 1] = ca[k + 1] * ez[k + 1] + cb[k + 1] * curl


@inline
def _absorb_h_down(ez, hx, psi, profile, courant, reach):  # type: ignore[no-untyped-def]
    for m in range(STRIP):
        slope = ez[m + 1] - ez[m]
        psi[m] = profile[0, m] * psi[m] + profile[1, m] * slope
        hx[m] -= courant * (psi[m] + profile[2, m] * slope)
    first = ez.shape[0] - 1 - STRIP
    if reach > first:
        low, low_h, low_psi, low_profile = ez[first:], hx[first:], psi[STRIP:], profile[:, STRIP:]
        for m in range(STRIP):
            slope = low[m + 1] - low[m]
            low_psi[m] = low_profile[0, m] * low_psi[m] + low_profile[1, m] * slope
            low_h[m] -= courant * (low_psi[m] + low_profile[2, m] * slope)


@inline
def _absorb_e_down(ez, hx, psi, profile, cb, reach):  # type: ignore[no-untyped-def]
    for m in range(STRIP):
        slope = hx[m + 1] - hx[m]
        psi[m] = profile[0, m] * psi[m] + profile[1, m] * slope
        ez[m + 1] -= cb[m + 1] * (psi[m] + profile[2, m] * slope)
    first = ez.shape[0] - 2 - STRIP
    if reach > first:
        low, low_h, low_cb, low_psi, low_profile = ez[first:], hx[first:], cb[first:], psi[STRIP:], profile[:, STRIP:]
        for m in range(STRIP):
            slope = low_h[m + 1] - low_h[m]
            low_psi[m] = low_profile[0, m] * low_psi[m] + low_profile[1, m] * slope
            low[m + 1] -= low_cb[m + 1] * (low_psi[m] + low_profile[2, m] * slope)


@inline
def strips(whole, half):  # type: ignore[no-untyped-def]
    """Profiles of both strips of a row, from the top down, zero where nothing is absorbed."""
    n = whole.shape[1]
    at_h = np.zeros((3, 2 * STRIP), np.float32)
    at_e = np.zeros((3, 2 * STRIP), np.float32)
    for m in range(n):
        at_h[:, n - 1 - m] = half[:, m]
        at_h[:, 2 * STRIP - n + m] = half[:, m]
    for m in range(1, n):
        at_e[:, n - m - 1] = whole[:, m]
        at_e[:, 2 * STRIP - n + m] = whole[:, m]
    return at_h, at_e


@inline
def _absorb_h_along(ez, ez_next, hy, psi, b, c, d, courant, reach):  # type: ignore[no-untyped-def]
    for k in range(reach):
        slope = ez_next[k] - ez[k]
        psi[k] = b * psi[k] + c * slope
        hy[k] += courant * (psi[k] + d * slope)


@inline
def _absorb_e_along(ez, hy, hy_before, psi, b, c, d, cb, reach):  # type: ignore[no-untyped-def]
    for k in range(reach):
        slope = hy[k] - hy_before[k]
        psi[k] = b * psi[k] + c * slope
        ez[k] += cb[k] * (psi[k] + d * slope)


@inline
def fields_at_rest(nx, nz, layer):  # type: ignore[no-untyped-def]
    """Return the fields Ez, Hx, Hy and the memories of the absorbing layers that `sweep` steps, all zero."""
    return (
        np.zeros((nx, nz), np.float32),
        np.zeros((nx, nz), np.float32),
        np.zeros((nx, nz), np.float32),
        np.zeros((nx, 2 * STRIP), np.float32),
        np.zeros((nx, 2 * STRIP), np.float32),
        np.zeros((2 * layer, nz), np.float32),
        np.zeros((2 * layer, nz), np.float32),
    )


@inline
def sweep(  # type: ignore[no-untyped-def]
    ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along, ca, cb, courant, at_h, at_e, whole, half, rows
):
    """Step all fields of a window in time: H by half a step, then E; see `fdtd_shot` for the arguments."""
    nx = ca.shape[0]
    layer = whole.shape[1]
    right = nx - 1 - layer
    for i in range(nx - 1):
        # row i+1 of Ez is still old when row i of H is stepped, so that one sweep does both half steps
        _update_h_row(ez[i], ez[i + 1], hx[i], hy[i], courant, rows)
        _absorb_h_down(ez[i], hx[i], psi_hx[i], at_h, courant, rows)
        if i < layer:
            m = layer - 1 - i
            _absorb_h_along(ez[i], ez[i + 1], hy[i], psi_hy[i], half[0, m], half[1, m], half[2, m], courant, rows)
        elif i >= right:
            m = i - right
            _absorb_h_along(
                ez[i], ez[i + 1], hy[i], psi_hy[layer + m], half[0, m], half[1, m], half[2, m], courant, rows
            )
        if i == 0:
            continue
        _update_e_row(ez[i], hx[i], hy[i], hy[i - 1], ca[i], cb[i], rows)
        _absorb_e_down(ez[i], hx[i], psi_ez_down[i], at_e, cb[i], rows)
        if i < layer:
            m = layer - i
            _absorb_e_along(
                ez[i], hy[i], hy[i - 1], psi_ez_along[i], whole[0, m], whole[1, m], whole[2, m], cb[i], rows
            )
        elif i > right:
            m = i - right
            _absorb_e_along(
                ez[i], hy[i], hy[i - 1], psi_ez_along[layer + m], whole[0, m], whole[1, m], whole[2, m], cb[i], rows
            )


@kernel
def fdtd_shot(ca, cb, courant, current, source, receivers, whole, half, reach, every, record):  # type: ignore[no-untyped-def]
    """Radiate one pulse and record the electric field.

    Parameters
    ----------
    ca, cb : float32 array, shape (nx, nz)
        Update coefficients of Ez in the window; both zero on perfect conductors.
    courant : float32
        ``c dt / dl``.
    current : float32 array, shape (step,)
        Source current times ``eta0 / dl`` at the half steps, A ohm / m.
    source : int array, shape (2,)
        Node of the line source, (along, down).
    receivers : int array, shape (receiver, 2)
        Nodes at which Ez is recorded.
    whole, half : float32 array, shape (3, layer), layer <= 16
        CPML profiles b, c and 1/kappa - 1 from the inner to the outer face, at Ez nodes and half a cell outwards.
    reach : int array, shape (step,)
        Number of rows from the top that can still affect a record; deeper ones are left alone.
    every : int
        Keep one sample in `every` steps.
    record : float32 array, shape (receiver, sample)
        Filled with Ez; sample 0 is at the start of the current.
    """
    nx, nz = ca.shape
    layer = whole.shape[1]
    at_h, at_e = strips(whole, half)
    ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along = fields_at_rest(nx, nz, layer)
    for step in range(current.shape[0]):
        if step % every == 0 and step // every < record.shape[1]:
            for r in range(receivers.shape[0]):
                record[r, step // every] = ez[receivers[r, 0], receivers[r, 1]]
        rows = min(reach[step], nz - 1)
        sweep(ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along, ca, cb, courant, at_h, at_e, whole, half, rows)
        ez[source[0], source[1]] -= cb[source[0], source[1]] * current[step]


@inline
def _shot_in_window(  # type: ignore[no-untyped-def]
    t, ca, cb, courant, current, sources, receivers, starts, width, whole, half, reach, every, record
):
    start = starts[t]
    source = np.empty(2, np.int64)
    receiver = np.empty((1, 2), np.int64)
    source[0], source[1] = sources[t, 0] - start, sources[t, 1]
    receiver[0, 0], receiver[0, 1] = receivers[t, 0] - start, receivers[t, 1]
    fdtd_shot(
        ca[start : start + width],
        cb[start : start + width],
        courant,
        current,
        source,
        receiver,
        whole,
        half,
        reach,
        every,
        record[t : t + 1],
    )


@kernel
def fdtd_line_serial(  # type: ignore[no-untyped-def]
    ca, cb, courant, current, sources, receivers, starts, width, whole, half, reach, every, record
):
    """Simulate every trace of a line, one after the other; see `fdtd_line_parallel` for the arguments."""
    for t in range(record.shape[0]):
        _shot_in_window(
            t, ca, cb, courant, current, sources, receivers, starts, width, whole, half, reach, every, record
        )


@parallel_kernel
def fdtd_line_parallel(  # type: ignore[no-untyped-def]
    ca, cb, courant, current, sources, receivers, starts, width, whole, half, reach, every, record
):
    """Simulate every trace of a line, traces shared out over the threads.

    Parameters
    ----------
    ca, cb : float32 array, shape (nx, nz)
        Update coefficients of the whole line.
    courant, current, whole, half, reach, every
        As in `fdtd_shot`.
    sources, receivers : int array, shape (trace, 2)
        Nodes of the transmitter and the receiver of each trace, on the whole grid.
    starts : int array, shape (trace,)
        First column of each trace's window.
    width : int
        Columns in a window.
    record : float32 array, shape (trace, sample)
        Filled with Ez.
    """
    for t in numba.prange(record.shape[0]):
        _shot_in_window(
            t, ca, cb, courant, current, sources, receivers, starts, width, whole, half, reach, every, record
        )
