"""What a user knows about positions and no side file says: the key ``positions`` of survey files and of `gprscan.read`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gprscan.errors import ParameterError, UnitsError
from gprscan.geometry.fixes import Fixes
from gprscan.units import parse

EXAMPLES = {
    "track": 'track = "base/rover.csv"  # CSV, GPX or NMEA log',
    "track_crs": 'track_crs = "EPSG:4547"  # of columns x and y of a CSV track',
    "clock_offset": "clock_offset = -28800  # s to add to the recorder's clock to get UTC; Beijing time is 8 h ahead",
    "lever_arm": "lever_arm = [0.0, 1.20]  # m, array minus GNSS antenna: to the right, forward",
    "lag": "lag = 0.20  # s by which positions come late; 0 to leave them as they are",
    "gnss_sigma": "gnss_sigma = 0.02  # m, one standard deviation of a fix per axis",
    "gnss_height": 'gnss_height = 1.85  # m, GNSS antenna above the ground; or "185 cm"',
    "vertical_datum": 'vertical_datum = "Yellow Sea 1985"  # what the receiver\'s heights refer to',
    "centreline": 'centreline = "longgang_road.csv"  # CSV (x, y[, chainage]) or GeoJSON',
    "centreline_crs": 'centreline_crs = "EPSG:4547"',
    "local_system": 'local_system = "local.toml"  # parameter file; adds local_x_m and local_y_m to the tables',
    "road": 'road = "Longgang Road"',
}


def _metres(value: Any) -> Any:
    try:
        return parse(value, "m") if isinstance(value, str) else value
    except UnitsError as error:
        raise ValueError(str(error)) from None


Metres = Annotated[float, BeforeValidator(_metres)]


class PositionOptions(BaseModel):
    """What is known about the positions of a line.

    Attributes
    ----------
    track : path, optional
        External track: CSV, GPX or NMEA log with time stamps, tied to the traces by time (a CSV also by trace or
        distance). It rules over the side files of the line.
    track_crs : str, optional
        Reference system of `x` and `y` in a CSV track.
    clock_offset : float
        Seconds to add to the recorder's clock to get the time of the track.
    lever_arm : (float, float), optional
        Middle of the array minus GNSS antenna, m: to the right, and forward.
    lag : float, optional
        Seconds by which positions come late. None: estimated where the data allow it.
    gnss_sigma : float, optional
        Standard deviation of the fixes per axis in m, instead of what the receiver states.
    gnss_height : float
        GNSS antenna above the ground, m.
    vertical_datum : str, optional
        What the receiver's heights refer to. Without it there is no `z`.
    centreline : path, optional
        Centreline of the road, CSV or GeoJSON, for chainages.
    centreline_crs : str, optional
        Reference system of `x` and `y` in a CSV centreline.
    local_system : path, optional
        Parameter file of a local coordinate system; anomalies get `local_x_m` and `local_y_m`.
    road : str
        Name of the road.
    """

    model_config = ConfigDict(extra="forbid")

    track: Path | None = None
    track_crs: str | None = None
    clock_offset: float = Field(default=0.0, allow_inf_nan=False)
    lever_arm: tuple[Metres, Metres] | None = None
    lag: float | None = Field(default=None, ge=-10, le=10)
    gnss_sigma: Metres | None = Field(default=None, gt=0)
    gnss_height: Metres = Field(default=0.0, ge=0, le=20)
    vertical_datum: str | None = Field(default=None, min_length=1)
    centreline: Path | None = None
    centreline_crs: str | None = None
    local_system: Path | None = None
    road: str = ""

    def with_accuracy(self, fixes: Fixes) -> Fixes:
        """Return the fixes with the stated standard deviation."""
        if self.gnss_sigma is None:
            return fixes
        out = fixes.take(np.arange(len(fixes)))
        out.sigma = np.full(len(fixes), self.gnss_sigma)
        return out

    def beside(self, folder: Path) -> PositionOptions:
        """Return the options with paths taken from a folder."""
        keys = ("track", "centreline", "local_system")
        paths = {name: folder / value for name in keys if (value := getattr(self, name)) is not None}
        return self.model_copy(update=paths)


def as_options(positions: Any) -> PositionOptions:
    """Return options from what a user passed as ``positions=``.

    Parameters
    ----------
    positions : PositionOptions, dict or None
        The options, or a dict of them.

    Raises
    ------
    ParameterError
        Naming each wrong key, and showing a right entry.
    """
    if positions is None:
        return PositionOptions()
    if isinstance(positions, PositionOptions):
        return positions
    if not isinstance(positions, dict):
        msg = f"positions is {positions!r}; a dict is needed, for example {{'lever_arm': (0.0, 1.2)}}."
        raise ParameterError(msg)
    try:
        return PositionOptions(**positions)
    except ValidationError as error:
        raise ParameterError("positions is not right:\n" + "\n".join(map(_explain, error.errors()))) from None
    except TypeError:
        msg = f"positions has keys that are no text: {list(positions)!r}."
        raise ParameterError(msg) from None


def _explain(item: Any) -> str:
    key = str(item["loc"][0])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, PositionOptions.model_fields, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?\n    right: {EXAMPLES[near[0]]}" if near else ""
        return f"  {key}: there is no such key{hint} Accepted: {', '.join(PositionOptions.model_fields)}."
    reason = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"  {key}: {reason[:1].lower() + reason[1:]} (given: {item.get('input')!r}).\n    right: {EXAMPLES[key]}"
