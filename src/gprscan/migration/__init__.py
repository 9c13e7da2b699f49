"""Migration: from two-way travel time to an image over depth."""

from gprscan.migration.kirchhoff import demigrate, kirchhoff, kirchhoff_least_squares
from gprscan.migration.phase_shift import phase_shift
from gprscan.migration.stolt import stolt

__all__ = ["demigrate", "kirchhoff", "kirchhoff_least_squares", "phase_shift", "stolt"]
