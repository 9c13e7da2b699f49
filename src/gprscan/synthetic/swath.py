"""Channels side by side, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gprscan.errors import ParameterError
from gprscan.synthetic.media import correlated_field

# distance in m at which the echoes of the fluctuation are alike by 1/e: along a line they are by .75 at .05 m, and a level
# ground knows no direction
_ALIKE = 0.093


@dataclass(frozen=True)
class Swath:
    """Channels at offsets across a line, in m; one at 0 for a line by itself."""

    offsets: tuple[float, ...]

    @property
    def size(self) -> int:
        """Number of channels."""
        return len(self.offsets)

    @property
    def pitch(self) -> float:
        """Distance of the channels in m; 1 for one channel."""
        return abs(self.offsets[1] - self.offsets[0]) if self.size > 1 else 1.0

    def field(self, n: int, spacing: float, correlation: float, rng: np.random.Generator) -> NDArray[np.floating]:
        """Draw a field on the surface of mean 0 and standard deviation 1, shape (trace, channel)."""
        across = correlation if self.size > 1 else 1.0
        # the outermost channels lie as far apart round the back of the periodic field as they do on the ground
        behind = (0, self.size - 1)
        shape, step = (n, self.size), (spacing, self.pitch)
        return correlated_field(shape, step, (correlation, across), rng, hurst=0.8, padding=behind)

    def mixture(self) -> NDArray[np.float32]:
        """Matrix that makes independent numbers per channel as alike as the echoes of neighbouring channels are."""
        apart = np.subtract.outer(self.offsets, self.offsets)
        alike = np.exp(-((apart / _ALIKE) ** 2))
        root: NDArray[np.float32] = np.linalg.cholesky(alike + 1e-9 * np.eye(self.size)).astype("float32")
        return root


LINE = Swath((0.0,))


def swath_of(offsets: Sequence[float] | None) -> Swath:
    """Check the offsets of channels.

    Parameters
    ----------
    offsets : sequence of float, optional
        Of each channel across the line in m, evenly spaced and rising; a line by itself without.

    Returns
    -------
    Swath
        The channels.

    Raises
    ------
    ParameterError
        If the channels are not evenly spaced, or not in order.
    """
    values = np.array([0.0] if offsets is None else offsets, dtype="float64")
    steps = np.diff(values)
    if (
        values.ndim != 1
        or not values.size
        or not np.isfinite(values).all()
        or np.any(steps <= 0)
        or np.ptp(steps if steps.size else [0.0]) > 1e-6
    ):
        msg = f"channels at {values.tolist()} m; give evenly spaced offsets from the lowest to the highest."
        raise ParameterError(msg)
    return Swath(tuple(values.tolist()))
