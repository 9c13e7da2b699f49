"""Reverse-time propagation: a recorded wave field, sent back from its line into the ground by the FDTD lattice.

The lattice and its absorbing layers are those of `gprscan.kernels.fdtd`; only the source differs: a sheet of current
along one row, driven by the record from its last sample to its first.
"""

from __future__ import annotations

import numpy as np

from gprscan.kernels.fdtd import fields_at_rest, strips, sweep
from gprscan.kernels.jit import kernel

NEARBY = 12  # rows by which what is stepped exceeds the way of the waves


@kernel
def send_back(ca, cb, courant, sheet, first, row, whole, half, reach):  # type: ignore[no-untyped-def]
    """Radiate from a row of nodes, and return the electric field after the last step.

    Parameters
    ----------
    ca, cb : float32 array, shape (nx, nz)
        Update coefficients of Ez.
    courant : float32
        ``c dt / dl``.
    sheet : float32 array, shape (step, node)
        Current of each node times ``eta0 / dl`` at the half steps, V/m.
    first, row : int
        Column of the first node and row of all.
    whole, half : float32 array, shape (3, layer), layer <= 16
        CPML profiles as in `gprscan.kernels.fdtd.fdtd_shot`.
    reach : int array, shape (step,)
        Number of rows from the top that waves can have reached.

    Returns
    -------
    float32 array, shape (nx, nz)
    """
    nx, nz = ca.shape
    layer = whole.shape[1]
    at_h, at_e = strips(whole, half)
    ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along = fields_at_rest(nx, nz, layer)
    for step in range(sheet.shape[0]):
        rows = min(reach[step], nz - 1)
        sweep(ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along, ca, cb, courant, at_h, at_e, whole, half, rows)
        for k in range(sheet.shape[1]):
            ez[first + k, row] -= cb[first + k, row] * sheet[step, k]
    return ez


@kernel
def correlate_pair(ca, cb, courant, pulse, echo, source, receiver, whole, half, every, window, product, light):  # type: ignore[no-untyped-def]
    """Add the correlation over time of the field of a transmitter with the record sent back from its receiver.

    The field of the transmitter is kept at every `every`-th step within the window alone; that must be often enough for its
    highest frequency.

    Parameters
    ----------
    ca, cb, courant, whole, half
        As in `send_back`, for a part of the lattice around the pair.
    pulse, echo : float32 array, shape (step,)
        Currents at the same half steps: what the transmitter sends, and the record, both from the start of the pulse.
    source, receiver : tuple of int
        Nodes (along, down).
    every : int
        Steps from one product to the next.
    window : tuple of int
        First and last column and row (left out) that are imaged.
    product, light : float32 array, shape (column, row)
        Added to: sums over time of the product of the two fields, and of the square of the transmitter's.
    """
    nx, nz = ca.shape
    layer, steps = whole.shape[1], pulse.shape[0]
    at_h, at_e = strips(whole, half)
    left, right, top, bottom = window
    kept = np.zeros((steps // every + 1, right - left, bottom - top), np.float32)
    for way in range(2):
        ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along = fields_at_rest(nx, nz, layer)
        i, k = source if way == 0 else receiver
        for step in range(steps):
            # where the waves have come, and on the way back those that still meet the transmitter's
            way_left = step + 1 if way == 0 else min(step + 1, steps - step)
            rows = min(k + NEARBY + int(np.ceil(courant * way_left)), nz - 1)
            sweep(ez, hx, hy, psi_hx, psi_ez_down, psi_hy, psi_ez_along, ca, cb, courant, at_h, at_e, whole, half, rows)
            ez[i, k] -= cb[i, k] * (pulse[step] if way == 0 else echo[steps - 1 - step])
            # the field after step n is that of the time n + 1, and on the way back that of steps - 1 - n
            time = step + 1 if way == 0 else steps - 1 - step
            if time % every:
                continue
            for n in range(right - left):
                for m in range(bottom - top):
                    if way == 0:
                        kept[time // every, n, m] = ez[left + n, top + m]
                    else:
                        product[n, m] += kept[time // every, n, m] * ez[left + n, top + m]
                        light[n, m] += kept[time // every, n, m] ** 2
