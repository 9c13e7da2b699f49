"""The pipe rolled out: chainage along, clock angle across."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gprscan.errors import ParameterError
from gprscan.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
