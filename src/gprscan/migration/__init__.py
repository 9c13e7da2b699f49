"""Migration: from two-way travel time to an image over depth."""

from gprscan.migration.kirchhoff import kirchhoff
from gprscan.migration.phase_shift import phase_shift
from gprscan.migration.stolt import stolt

__all__ = ["kirchhoff", "phase_shift", "stolt"]
