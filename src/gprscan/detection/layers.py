"""Layers: what is tracked continuously along the line, and how thick the bound layer is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Interface:
    """One interface along a block.

    Attributes
    ----------
    t : numpy.ndarray, shape (trace,)
        Two-way time in ns from time zero; NaN where it is not tracked.
    depth : numpy.ndarray, shape (trace,)
        Depth below the ground in m; NaN where it is not tracked.
    sigma_t, sigma_depth : numpy.ndarray, shape (trace,)
        One total standard deviation of each.
    amplitude : numpy.ndarray, shape (trace,)
        Signed echo over the incident wave, after spreading.
    """

    t: np.ndarray
    depth: np.ndarray
    sigma_t: np.ndarray
    sigma_depth: np.ndarray
    amplitude: np.ndarray


@dataclass
class Layers:
    """Tracked interfaces of a section.

    Attributes
    ----------
    base : Interface or None
        Base of the bound layer (asphalt or concrete), None where it cannot be told.
    interfaces : list of Interface
        Interfaces below it, top to bottom.
    method : str
        How the base was found: "waveform", "reflection" or "none".
    """

    base: Interface | None = None
    interfaces: list[Interface] = field(default_factory=list)
    method: str = "none"
