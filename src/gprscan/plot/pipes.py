"""The pipe rolled out, from the side, and across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gprscan.errors import ParameterError
from gprscan.plot import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from gprscan.geometry.pipe_frame import PipeFrame
    from gprscan.geometry.pipe_shape import BoreShape


def unrolled_pipe(
    anomalies: pd.DataFrame, axes: Axes | None = None, *, chainage: tuple[float, float] | None = None
) -> Axes:
    """Draw the bodies behind a pipe's wall on the wall rolled out, seen from inside.

    Parameters
    ----------
    anomalies : DataFrame
        Rows of `gprscan.detect` on lines inside one pipe.
    axes : matplotlib Axes, optional
        Where to draw; new ones if left out.
    chainage : (float, float), optional
        Range to show, m; that of the bodies if left out.

    Returns
    -------
    matplotlib Axes
        Chainage in m along, clock angle across: the crown in the middle, 90 degrees (right, looking downstream) above.

    Raises
    ------
    ParameterError
        If the table has no clock angles.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    if "clock_deg" not in anomalies:
        msg = "the table has no column clock_deg: it is not that of a line inside a pipe."
        raise ParameterError(msg)
    if axes is None:
        axes = plt.figure(figsize=(9, 3.2), layout="constrained").add_subplot()
    known = anomalies[np.isfinite(anomalies["clock_deg"].astype(float))]
    shown: dict[str, Rectangle] = {}
    for row in known.to_dict("records"):
        middle = (row["clock_deg"] + 180) % 360 - 180
        half = max(0.5 * ((row["clock_to_deg"] - row["clock_from_deg"]) % 360), 4.0)
        start = row["chainage_from_m"] if np.isfinite(row["chainage_from_m"]) else row["distance_m"]
        end = row["chainage_to_m"] if np.isfinite(row["chainage_to_m"]) else start
        width = max(end - start, 0.05)
        colour = style.colour(row["kind"])
        for turn in (-360, 0, 360):  # a body at the invert shows at both edges
            corner = (0.5 * (start + end - width), middle - half + turn)
            box = Rectangle(corner, width, 2 * half, facecolor=colour, edgecolor="0.2", alpha=0.8, lw=0.8)
            axes.add_patch(box)
            shown.setdefault(row["kind"], box)
        axes.annotate(
            f"{row['radial_from_outer_wall_m']:.2f} m",
            (0.5 * (start + end), middle + half),
            ha="center",
            va="bottom",
            fontsize=7,
            clip_on=True,
        )
    low, high = chainage or _range(known)
    axes.set(xlim=(low, high), ylim=(-180, 180), xlabel="chainage (m)", ylabel="clock angle (degrees)")
    axes.set_yticks([-180, -90, 0, 90, 180], ["180 invert", "270 left", "0 crown", "90 right", "180 invert"])
    axes.grid(visible=True, alpha=0.3)
    if shown:
        axes.legend(
            shown.values(),
            shown.keys(),
            fontsize=7,
            loc="lower right",
            title="distance from the wall",
            title_fontsize=7,
        )
    return axes


def _range(known: pd.DataFrame) -> tuple[float, float]:
    edges = known[["chainage_from_m", "chainage_to_m"]].to_numpy(float)
    edges = edges[np.isfinite(edges)]
    return (float(edges.min()) - 1.0, float(edges.max()) + 1.0) if edges.size else (0.0, 1.0)


def long_section(
    frame: PipeFrame,
    rows: list[dict[str, Any]],
    above: list[dict[str, Any]],
    axes: Axes,
    ground: Sequence[float] | None = None,
) -> Axes:
    """Draw a segment from the side: invert and crown, the road, its anomalies, and those of the road linked with them.

    Parameters
    ----------
    frame : PipeFrame
        The pipe on the map.
    rows : list of dict
        Anomalies of the pipe, with chainages, ``body_z``, ``kind`` and ``number``.
    above : list of dict
        Anomalies of the road, with ``x``, ``y`` and ``top_depth_m``.
    axes : matplotlib Axes
        Where to draw.
    ground : (float, float), optional
        Elevation of the road at the two manholes, m.
    """
    at = np.linspace(0.0, frame.length, 50)
    invert = frame.axes(at)[0][..., 2]
    axes.fill_between(at, invert, invert + frame.shape.height, color="0.85", label="bore")
    axes.plot(at, invert, color="0.3", lw=1)
    axes.plot(at, invert + frame.shape.height, color="0.3", lw=1)
    if ground is not None:
        axes.plot([0.0, frame.length], list(ground), color="#7a5230", lw=2, label="road")
    for row in rows:
        first, last, z = row["chainage_from_m"], row["chainage_to_m"], row.get("body_z")
        if z is None:
            continue
        axes.plot([first, max(last, first + 0.1)], [z, z], color=style.colour(row["kind"]), lw=5, solid_capstyle="butt")
        axes.annotate(
            str(row["number"]), (0.5 * (first + last), z), fontsize=8, xytext=(0, 4), textcoords="offset points"
        )
    for row in above:
        if ground is None or row.get("top_depth_m") is None:
            continue
        s = float(frame.find(np.array([row["x"], row["y"], float(np.mean(ground))]))[0])
        if not -1.0 <= s <= frame.length + 1.0:
            continue
        z = float(np.interp(s, [0.0, frame.length], ground)) - row["top_depth_m"]
        axes.plot([s], [z], "v", color=style.colour(row["kind"]), ms=9)
        axes.annotate(str(row["number"]), (s, z), fontsize=8, xytext=(6, 2), textcoords="offset points")
    axes.set(xlabel="chainage (m)", ylabel="elevation (m)")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=7, loc="lower left")
    return axes


def cross_section(shape: BoreShape, wall: float, row: dict[str, Any], axes: Axes) -> Axes:
    """Draw the bore, its wall and one anomaly outside it, looking with increasing chainage.

    Parameters
    ----------
    shape : BoreShape
        The bore.
    wall : float
        Thickness of the wall, m.
    row : dict
        An anomaly, with clock angles, ``radial_depth_m`` and ``kind``.
    axes : matplotlib Axes
        Where to draw.
    """
    turn = np.linspace(0.0, 360.0, 361)
    inner, normal = shape.wall(turn)
    outer = inner + wall * normal
    axes.fill(*outer.T, color="0.75")
    axes.fill(*inner.T, color="white")
    half = max(0.5 * ((row["clock_to_deg"] - row["clock_from_deg"]) % 360.0), 4.0)
    points, outward = shape.wall(row["clock_deg"] + np.linspace(-half, half, 25))
    near = points + row["radial_depth_m"] * outward
    axes.plot(*near.T, color=style.colour(row["kind"]), lw=6, solid_capstyle="butt")
    axes.set_title(
        f"{row['number']}: {row['kind']}, {row['clock_deg']:.0f}°, {row['chainage_from_m']:.2f} m", fontsize=8
    )
    axes.set_aspect("equal")
    reach = 0.5 * max(shape.width, shape.height) + wall + 0.3
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    axes.tick_params(labelsize=7)
    return axes
