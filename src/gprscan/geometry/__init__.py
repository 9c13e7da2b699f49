"""Where each sample is: GNSS fixes, the track between them, arrays of antennas, and reference systems."""

from gprscan.geometry.array import channel_positions
from gprscan.geometry.crs import default_crs, line_crs, project, resolve_crs, spatial_ref, unproject
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.nmea import NmeaLog, parse_sentence, write_gga, write_gst, write_rmc
from gprscan.geometry.pipe_file import PipeFile, load_pipe_file
from gprscan.geometry.pipe_frame import PipeFrame, close_odometer
from gprscan.geometry.pipe_run import frame_of, place_run
from gprscan.geometry.pipe_shape import BoreShape
from gprscan.geometry.place import Location, locate, place, with_offsets, with_positions
from gprscan.geometry.track import Track, along_track, build_track, heading

__all__ = [
    "BoreShape",
    "Fixes",
    "Location",
    "NmeaLog",
    "PipeFile",
    "PipeFrame",
    "Track",
    "along_track",
    "build_track",
    "channel_positions",
    "close_odometer",
    "default_crs",
    "frame_of",
    "heading",
    "line_crs",
    "load_pipe_file",
    "locate",
    "parse_sentence",
    "place",
    "place_run",
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
