"""Filters: a line in, a line out. Each is a registered step, a method of ``line.gpr`` and an entry of a recipe."""

from gprscan.filters.attributes import envelope
from gprscan.filters.background import background
from gprscan.filters.bands import bandpass
from gprscan.filters.baseline import dc, dewow
from gprscan.filters.gains import agc, gain_power
from gprscan.filters.time_zero import time_zero

__all__ = [
    "agc",
    "background",
    "bandpass",
    "dc",
    "dewow",
    "envelope",
    "gain_power",
    "time_zero",
]
