"""The track of a line as vendor formats take it: the fixes in degrees, and beside them the track made of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from gprscan import names
from gprscan.errors import MissingCRSError, WriteError
from gprscan.geometry import PlacedTrack, channel_positions, line_crs, unproject, write_gga, write_gst, write_rmc
from gprscan.io.source import Source
from gprscan.model.findings import Finding

RIGID = 2e-3  # m by which a channel may lie beside where offset and heading put it: the rounding of positions
LEAST_SPREAD = 0.01  # m between the outermost channels, from which their places tell a direction
# the columns of a track that was made before, with the text that loses nothing of use: 0.01 mm, and seven digits
COLUMNS = {"longitude": "%.10f", "latitude": "%.10f", "sigma": "%.7g", "heading": "%.9g"}
ESTIMATED = 6  # GGA fix quality: dead reckoning
FIXES = "fixes"  # checksum of the position file


@dataclass(frozen=True)
class Track:
    """Positions to write, one per trace: what the receiver said, and where that and the odometer put the line.

    Attributes
    ----------
    longitude, latitude : ndarray, shape (trace,)
        Of the GNSS antenna, degrees.
    quality, sigma, time, height : ndarray, shape (trace,)
        As the receiver stated them; the standard deviation is NaN where it stated none.
    height_datum : str
        What the heights refer to.
    lever_arm : tuple of float
        Middle of the antenna array, or the antenna, minus the GNSS antenna, m: (to the right, forward).
    placed : PlacedTrack or None
        Where the line lies; None where it has no place of its own for every trace.
    """

    longitude: np.ndarray
    latitude: np.ndarray
    quality: np.ndarray
    sigma: np.ndarray
    time: np.ndarray
    height: np.ndarray
    height_datum: str
    lever_arm: tuple[float, float]
    placed: PlacedTrack | None

    def rows(self) -> Iterator[int]:
        """Traces that have a position."""
        yield from np.flatnonzero(np.isfinite(self.longitude) & np.isfinite(self.latitude)).tolist()


def track_of(line: xr.Dataset) -> Track | None:
    """Return the track of a line in degrees: its longitude and latitude, else its x and y taken back; None without.

    Raises
    ------
    WriteError
        If its channels lie elsewhere than their offsets across the direction of travel say.
    """
    n = line.sizes[names.TRACE]
    placed = _placed(line)
    right = forward = 0.0
    sigma = line[names.FIX_SIGMA].values if names.FIX_SIGMA in line.coords else np.full(n, np.nan)
    if names.LONGITUDE in line.coords and names.LATITUDE in line.coords:
        lon, lat = line[names.LONGITUDE].values, line[names.LATITUDE].values
        # these are the receiver's, not the antenna's: of one channel of an array its offset counts too
        right, forward = (float(value) for value in line.attrs.get(names.LEVER_ARM, (0.0, 0.0)))
        if names.OFFSET in line.coords and line[names.OFFSET].size == 1:
            right += float(np.nan_to_num(line[names.OFFSET].values.item()))
    elif placed is not None:
        lon, lat, sigma = placed.longitude, placed.latitude, placed.sigma
    else:
        return None  # coordinates without a reference system mean nothing to a reader of degrees

    def get(name: str, fill: Any, dtype: str) -> np.ndarray:
        return line[name].values if name in line.coords else np.full(n, fill, dtype=dtype)

    return Track(
        np.asarray(lon, dtype="float64"),
        np.asarray(lat, dtype="float64"),
        get(names.FIX_QUALITY, ESTIMATED, "i2"),
        np.asarray(sigma, dtype="float64"),
        get(names.TIME, np.datetime64("NaT"), "datetime64[ns]"),
        get(names.GNSS_HEIGHT, np.nan, "f8"),
        str(line[names.GNSS_HEIGHT].attrs.get("datum", "")) if names.GNSS_HEIGHT in line.coords else "",
        (right, forward),
        placed,
    )


def _placed(line: xr.Dataset) -> PlacedTrack | None:
    """Return where a line lies, None where it has no place for every trace, or no reference system."""
    if names.X not in line.coords or names.Y not in line.coords:
        return None
    try:
        plane = line_crs(line)
    except MissingCRSError:
        return None
    x, y, heading = _middle(line)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    longitude, latitude = unproject(x, y, plane)
    unknown = np.full(x.size, np.nan)
    sigma = line[names.POSITION_SIGMA].values if names.POSITION_SIGMA in line.coords else unknown
    return PlacedTrack(longitude, latitude, np.asarray(sigma, dtype="float64"), unknown if heading is None else heading)


def _middle(line: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return x, y and heading of the middle of the array, or of the only antenna."""
    x, y = (line[name].values.astype("float64") for name in (names.X, names.Y))
    heading = line[names.HEADING].values.astype("float64") if names.HEADING in line.coords else None
    offsets = line[names.OFFSET].values if names.OFFSET in line.coords else np.zeros(())
    if x.ndim == 1:
        # channels with offsets that all lie in one place: a heading would move them apart on reading
        return x, y, None if offsets.ndim else heading
    if x.shape[0] == 1:
        return x[0], y[0], heading
    offsets = offsets.astype("float64") if offsets.ndim else np.zeros(x.shape[0])
    headings = [] if heading is None or not np.isfinite(heading).all() else [heading]
    if np.ptp(offsets) > LEAST_SPREAD:
        # across the line x grows by cos(heading) per metre, and y falls by its sine
        right, down = (np.polynomial.polynomial.polyfit(offsets, values, 1)[1] for values in (x, y))
        headings.append(np.degrees(np.arctan2(-down, right)) % 360.0)
    least = np.inf
    for found in [*headings, None]:
        x0, y0, off = _centre(x, y, offsets, found)
        if off <= RIGID:
            return x0, y0, found
        least = min(least, off)
    msg = (
        f"channels lie up to {least:.3f} m from where their offsets across the direction of travel put them. Vendor "
        "formats hold one track and an offset per channel: give the offsets with gprscan.geometry.with_offsets, or "
        "write .nc or .zarr."
    )
    raise WriteError(msg)


def _centre(
    x: np.ndarray, y: np.ndarray, offsets: np.ndarray, heading: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return where channels at these offsets have their middle, and by how far the worst of them misses it, m."""
    angle = np.zeros(x.shape[1]) if heading is None else np.radians(heading)
    offsets = np.zeros_like(offsets) if heading is None else offsets
    x, y = channel_positions(x, y, angle, -offsets)
    x0, y0 = x.mean(axis=0), y.mean(axis=0)
    return x0, y0, float(np.nan_to_num(np.hypot(x - x0, y - y0)).max())


def nmea_of(track: Track, trace: int) -> list[str]:
    """Return the sentences of one trace: RMC, GGA and, with a stated accuracy, GST."""
    time, lon, lat = track.time[trace], track.longitude[trace], track.latitude[trace]
    # GGA has no word for a quality that was not recorded: estimated, not measured
    quality = int(track.quality[trace]) if track.quality[trace] > 0 else ESTIMATED
    height = track.height[trace]
    sentences = [write_rmc(time, lon, lat), write_gga(time, lon, lat, quality, height, track.height_datum)]
    if np.isfinite(track.sigma[trace]):
        sentences.append(write_gst(time, track.sigma[trace]))
    return sentences


def listed(values: np.ndarray, text: str = "%g") -> list[str]:
    """Return numbers as words: one where all are the same, else one each."""
    same = bool((values == values[0]).all() or np.isnan(values).all()) if values.size else False
    return [text % value for value in (values[:1] if same else values).tolist()]


def fingerprint(fixes: str) -> str:
    """Return a checksum of the text of a position file; blanks and the ends of lines do not count."""
    return f"{zlib.crc32(' '.join(fixes.split()).encode()):08x}"


def placed_words(track: Track | None, fixes: str) -> dict[str, list[str]]:
    """Return the columns of a track that was made before, for headers that hold lists; empty without.

    Parameters
    ----------
    track : Track or None
        Of the line.
    fixes : str
        The text of the position file that is written beside it; its checksum becomes the column `FIXES`.
    """
    if track is None or track.placed is None:
        return {}
    columns = {name: listed(getattr(track.placed, name), text) for name, text in COLUMNS.items()}
    return {**columns, FIXES: [fingerprint(fixes)]}


def placed_beside(
    columns: Mapping[str, np.ndarray], fixes: str, side: Source | None, n_traces: int, source: str
) -> tuple[PlacedTrack | None, list[Finding]]:
    """Make a track of the columns of a header, as long as the position file beside it is the one it was written with.

    Parameters
    ----------
    fixes : str
        The checksum that the header notes.
    side : Source or None
        The position file.
    columns, n_traces, source
        As in `placed_from`.
    """
    track, findings = placed_from(columns, n_traces, source)
    if track is None or (side is not None and fingerprint(side.text()) == fixes):
        return track, findings
    what = "The position file is not the one that the track in the header was written with."
    evidence = f"{side.name} has changed" if side is not None else "there is none"
    then = "The track was left out; the line is placed by the position file."
    return None, [Finding("track-outdated", "warning", what, source, evidence, then)]


def placed_from(
    columns: Mapping[str, np.ndarray], n_traces: int, source: str
) -> tuple[PlacedTrack | None, list[Finding]]:
    """Make a track of the columns of a file.

    Parameters
    ----------
    columns : mapping
        Those of `COLUMNS` that the file has, each with a value per trace, or one for all of them.
    n_traces : int
        Traces of the line; fewer than were written where the file was cut off.
    source : str
        Name of the file, for findings.

    Returns
    -------
    PlacedTrack or None, list of Finding
        None where the file holds no track, or one with gaps, which is a finding.
    """
    given = {name: values for name, values in columns.items() if values.size}
    if not {"longitude", "latitude"} & set(given):
        return None, []
    whole = {name: _column(given.get(name, np.full(1, np.nan)), n_traces) for name in COLUMNS}
    places = np.stack([whole["longitude"], whole["latitude"]])
    good = (np.abs(places) <= [[180.0], [90.0]]).all(axis=0)
    negative = bool((whole["sigma"] < 0).any())
    if good.all() and not negative:
        return PlacedTrack(**whole), []
    evidence = "negative standard deviations" if negative else f"places for {int(good.sum())} of {n_traces} traces"
    what, then = "The track that the file holds is damaged.", "It was left out; the line is placed by its fixes."
    return None, [Finding("track-incomplete", "warning", what, source, evidence, then)]


def _column(values: np.ndarray, n_traces: int) -> np.ndarray:
    """Return one value per trace, NaN for those that are missing at the end."""
    if values.size == 1:
        return np.full(n_traces, values[0])
    out = np.full(n_traces, np.nan)
    out[: values.size] = values[:n_traces]
    return out
