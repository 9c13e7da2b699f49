"""Migration: from two-way travel time to an image over depth."""

from gprscan.migration.kirchhoff import kirchhoff

__all__ = ["kirchhoff"]
