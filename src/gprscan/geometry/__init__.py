"""Where each sample is: GNSS fixes, the track between them, arrays of antennas, and reference systems."""

from gprscan.geometry.array import channel_positions
from gprscan.geometry.crs import default_crs, line_crs, project, resolve_crs, spatial_ref, unproject
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.nmea import NmeaLog, parse_sentence, write_gga, write_gst, write_rmc
from gprscan.geometry.place import Location, locate, place, with_offsets, with_positions
from gprscan.geometry.track import Track, along_track, build_track, heading

__all__ = [
    "Fixes",
    "Location",
    "NmeaLog",
    "Track",
    "along_track",
    "build_track",
    "channel_positions",
    "default_crs",
    "heading",
    "line_crs",
    "locate",
    "parse_sentence",
    "place",
    "project",
    "resolve_crs",
    "spatial_ref",
    "unproject",
    "with_offsets",
    "with_positions",
    "write_gga",
    "write_gst",
    "write_rmc",
]
