"""Migration of lines measured inside a pipe: axial lines behind the wall, and rings in polar coordinates."""

from __future__ import annotations

import numpy as np

from gprscan.kernels.pipe import stacked
from gprscan.migration.pipe_curves import PipeModel, two_way


def pipe_image(
    traces: np.ndarray,
    time: np.ndarray,
    step: float,
    model: PipeModel,
    depths: np.ndarray,
    *,
    ring: bool,
    aperture: float = 45.0,
) -> np.ndarray:
    """Return the migrated image of an axial line or of a closed ring.

    Parameters
    ----------
    traces : ndarray, shape (trace, sample)
        Echoes without the direct wave.
    time : ndarray, shape (sample,)
        Two-way time in ns.
    step : float
        Between traces: m along the axis, or radians round it.
    model : PipeModel
        Gap, wall and ground.
    depths : ndarray, shape (depth,)
        Outward from the inner wall surface, m.
    ring : bool
        Whether the traces go once round the pipe.
    aperture : float
        Half-angle in degrees, as seen from the point.

    Returns
    -------
    ndarray of float32, shape (trace, depth)
        Weighted mean along the diffraction curve of each point; ``cos^2`` taper over the aperture.
    """
    return stacked(
        np.asarray(traces, dtype=np.float32),
        *_curves(time, step, model, depths, ring, aperture, len(traces)),
        ring=ring,
    )


def _curves(
    time: np.ndarray, step: float, model: PipeModel, depths: np.ndarray, ring: bool, aperture: float, n: int
) -> tuple[np.ndarray, np.ndarray]:
    inner = model.radius - model.standoff if ring else 1.0
    reach = (depths + model.standoff) * np.tan(np.deg2rad(aperture)) / inner
    most = min(int(np.ceil(reach.max() / step)) + 1, (n - 1) // 2)
    lags = step * np.arange(-most, most + 1)
    dt = float(time[-1] - time[0]) / (time.size - 1)
    curves = np.stack([(two_way(model, float(d), lags, ring=ring) - time[0]) / dt for d in depths])
    part = np.abs(lags)[None, :] / np.maximum(reach, 1.5 * step)[:, None]
    weights = np.where(part < 1, np.cos(0.5 * np.pi * np.minimum(part, 1.0)) ** 2, 0.0)
    return curves, weights.astype(np.float32)
