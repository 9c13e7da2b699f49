"""Where each sample is: GNSS fixes, the track between them, arrays of antennas, and reference systems."""

from gprscan.geometry.array import channel_positions
from gprscan.geometry.centreline import Centreline, read_centreline
from gprscan.geometry.crs import checked_plane, default_crs, line_crs, project, resolve_crs, spatial_ref, unproject
from gprscan.geometry.external import apply_positions, on_road, on_track
from gprscan.geometry.fixes import Fixes
from gprscan.geometry.local_system import LocalSystem, load_local_system
from gprscan.geometry.nmea import NmeaLog, parse_sentence, write_gga, write_gst, write_rmc
from gprscan.geometry.options import PositionOptions
from gprscan.geometry.pipe_file import PipeFile, load_pipe_file
from gprscan.geometry.pipe_frame import PipeFrame, close_odometer
from gprscan.geometry.pipe_run import frame_of, place_run
from gprscan.geometry.pipe_shape import BoreShape
from gprscan.geometry.place import Location, locate, place, with_offsets, with_positions
from gprscan.geometry.placed import PlacedTrack, restore
from gprscan.geometry.track import Track, along_track, build_track, heading
from gprscan.geometry.track_file import TrackFile, read_track
from gprscan.geometry.wall import WallFrame
from gprscan.geometry.wall_file import WallFile, load_wall_file
from gprscan.geometry.wall_place import place_on_wall, wall_columns, wall_of

__all__ = [
    "BoreShape",
    "Centreline",
    "Fixes",
    "LocalSystem",
    "Location",
    "NmeaLog",
    "PipeFile",
    "PipeFrame",
    "PlacedTrack",
    "PositionOptions",
    "Track",
    "TrackFile",
    "WallFile",
    "WallFrame",
    "along_track",
    "apply_positions",
    "build_track",
    "channel_positions",
    "checked_plane",
    "close_odometer",
    "default_crs",
    "frame_of",
    "heading",
    "line_crs",
    "load_local_system",
    "load_pipe_file",
    "load_wall_file",
    "locate",
    "on_road",
    "on_track",
    "parse_sentence",
    "place",
    "place_on_wall",
    "place_run",
    "project",
    "read_centreline",
    "read_track",
    "resolve_crs",
    "restore",
    "spatial_ref",
    "unproject",
    "wall_columns",
    "wall_of",
    "with_offsets",
    "with_positions",
    "write_gga",
    "write_gst",
    "write_rmc",
]
