"""Migration: from two-way travel time to an image over depth."""

from gprscan.migration.grid import c_scan, join_lines, place_on_plane
from gprscan.migration.kirchhoff import demigrate, kirchhoff, kirchhoff_least_squares
from gprscan.migration.phase_shift import phase_shift
from gprscan.migration.reverse_time import rtm
from gprscan.migration.stolt import stolt
from gprscan.migration.volume import kirchhoff_3d

__all__ = [
    "c_scan",
    "demigrate",
    "join_lines",
    "kirchhoff",
    "kirchhoff_3d",
    "kirchhoff_least_squares",
    "phase_shift",
    "place_on_plane",
    "rtm",
    "stolt",
]
