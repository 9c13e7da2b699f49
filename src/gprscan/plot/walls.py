"""The elevation of a wall: where its back is, and what lies in it and behind it, seen by someone who looks at the face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gprscan.errors import ParameterError
from gprscan.plot import style
from gprscan.plot.labels import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REACH = 0.6  # m from the nearest measured place beyond which a thickness is not drawn


def wall_elevation(rows: list[dict[str, Any]], lines: list[dict[str, Any]], axes: Axes | None = None) -> Axes:
    """Draw the elevation of a wall.

    Parameters
    ----------
    rows : list of dict
        Anomalies on the wall: ``kind, number, u_from_m, u_to_m, w_from_m, w_to_m, depth_into_wall_m``.
    lines : list of dict
        What each line of the wall knows: ``ends`` (u, w of its first and last trace, m), ``back_face`` (list of ``u``, ``w``,
        ``thickness_m``), and of the wall itself ``outline``, ``points``, ``drains``, ``nails``.
    axes : matplotlib Axes, optional
        Where to draw; new ones if left out.

    Returns
    -------
    matplotlib Axes
        u along, w up, in m and to one scale; the thickness in colour within 0.6 m of where it was measured.

    Raises
    ------
    ParameterError
        If there is no line.
    """
    import matplotlib.pyplot as plt

    if not lines:
        msg = "an elevation needs the lines that were measured on the wall."
        raise ParameterError(msg)
    if axes is None:
        axes = plt.figure(figsize=(9, 5), layout="constrained").add_subplot()
    wall = lines[0]
    corners = np.asarray(wall.get("outline") or _corners(lines), dtype="float64")
    _thickness(axes, lines, corners)
    axes.plot(*np.vstack([corners, corners[:1]]).T, color="0.2", lw=1.2, zorder=2)
    for line in lines:
        axes.plot(*np.asarray(line["ends"]).T, color="0.25", lw=0.8, ls=(0, (4, 3)), zorder=3)
    for key, mark, label in (("drains", "v", "weep hole (drawing)"), ("nails", "P", "nail (drawing)")):
        if wall.get(key):
            axes.plot(
                *np.asarray(wall[key]).T, mark, color="white", mec="0.1", ms=7, label=label, zorder=4, linestyle="none"
            )
    points = wall.get("points") or []
    if points:
        axes.plot([p[1] for p in points], [p[2] for p in points], "+", color="k", ms=9, label="control point", zorder=4)
    _bodies(axes, rows)
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.04 * float(np.ptp(corners, axis=0).max()) + 0.05
    axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    axes.set(xlabel="u, along the face (m)", ylabel="w, up the face (m)", aspect="equal")
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    if unique:
        style.legend_below(axes, unique.values(), unique.keys(), 4)
    return axes


def _corners(lines: list[dict[str, Any]]) -> list[list[float]]:
    ends = np.concatenate([np.asarray(line["ends"], dtype="float64") for line in lines])
    (left, low), (right, high) = ends.min(axis=0), ends.max(axis=0)
    return [[left, low], [right, low], [right, high], [left, high]]


def _thickness(axes: Axes, lines: list[dict[str, Any]], corners: np.ndarray) -> None:
    """Colour the face by the thickness measured along the lines; nothing far from them."""
    from matplotlib.path import Path
    from scipy.interpolate import RBFInterpolator
    from scipy.spatial import cKDTree

    backs = [back for line in lines for back in line.get("back_face") or [] if len(back["u"]) > 2]
    if not backs:
        return
    # a few places of each line are enough, and medians of their neighbourhoods follow the wall rather than its stones
    runs = [np.column_stack([back["u"], back["w"], back["thickness_m"]]).astype("float64") for back in backs]
    parts = [np.median(part, axis=0) for run in runs for part in np.array_split(run, max(min(30, len(run) // 3), 1))]
    places, values = np.stack(parts)[:, :2], np.stack(parts)[:, 2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    u, w = np.meshgrid(np.linspace(low[0], high[0], 160), np.linspace(low[1], high[1], 100))
    grid = np.column_stack([u.ravel(), w.ravel()])
    # along one line the surface is not known across it: there, the nearest value stands
    across = np.linalg.matrix_rank(places - places.mean(axis=0), tol=0.1) == 2 and len(places) >= 6
    if across:
        field = RBFInterpolator(places, values, kernel="linear", smoothing=0.1, neighbors=40)(grid).reshape(u.shape)
    else:
        field = values[cKDTree(places).query(grid)[1]].reshape(u.shape)
    away = cKDTree(np.concatenate(runs)[:, :2]).query(grid)[0].reshape(u.shape)
    field[(away > _REACH) | ~Path(corners).contains_points(grid, radius=1e-6).reshape(u.shape)] = np.nan
    drawn = axes.pcolormesh(
        u, w, np.ma.masked_invalid(field), cmap="YlGnBu", shading="nearest", zorder=1, rasterized=True
    )
    axes.figure.colorbar(drawn, ax=axes, label="thickness of the wall (m)", shrink=0.75, pad=0.02)


def _bodies(axes: Axes, rows: list[dict[str, Any]]) -> None:
    from matplotlib.patches import Rectangle

    places, texts = [], []
    for row in rows:
        u, w = 0.5 * (row["u_from_m"] + row["u_to_m"]), 0.5 * (row["w_from_m"] + row["w_to_m"])
        wide, tall = row["u_to_m"] - row["u_from_m"], row["w_to_m"] - row["w_from_m"]
        if row["kind"] == "rebar":
            axes.plot([u], [w], ".", color=style.colour("rebar"), ms=5, zorder=5, label=style.kind_words("rebar"))
            continue
        colour = style.colour(row["kind"])
        # across a single line the extent is not known: drawn 8 cm wide
        size = max(wide, 0.08), max(tall, 0.08)
        box = Rectangle(
            (u - size[0] / 2, w - size[1] / 2), *size, facecolor=colour, edgecolor="0.1", alpha=0.75, lw=0.8
        )
        box.set(zorder=5, label=style.kind_words(row["kind"]))
        axes.add_patch(box)
        depth = row.get("depth_into_wall_m")
        places.append((u, w + size[1] / 2))
        texts.append(f"{row['number']}" if depth is None else f"{row['number']} ({depth:.2f} m)")
    place_labels(axes, places, texts)
