"""Maps of a survey: tracks, coverage, and anomalies with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gprscan.errors import MissingPositionError
from gprscan.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def survey_map(
    anomalies: Any,
    tracks: Any = None,
    coverage: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the map of a survey, north up, in the CRS of its tables.

    Parameters
    ----------
    anomalies : geopandas.GeoDataFrame
        Anomaly table; bodies without geometry are not drawn. A thin circle is two standard deviations of the position.
    tracks, coverage : geopandas.GeoDataFrame, optional
        Lines and swaths, as in `gprscan.report.SurveyResult`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingPositionError
        If nothing has a position.
    """
    layers = [layer for layer in (anomalies, tracks, coverage) if layer is not None and layer.geometry.notna().any()]
    if not layers:
        msg = "nothing in this survey has a position, so there is no map. Give positions in survey.toml."
        raise MissingPositionError(msg)
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 8), layout="constrained")
    if coverage is not None and coverage.geometry.notna().any():
        coverage[coverage.geometry.notna()].plot(ax=ax, color="#dfe7ee", edgecolor="#b9c6d1", linewidth=0.5, zorder=1)
    if tracks is not None and tracks.geometry.notna().any():
        tracks[tracks.geometry.notna()].plot(ax=ax, color="#5c7a94", linewidth=1.0, zorder=2)
    _bodies(ax, anomalies[anomalies.geometry.notna()])
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.08)
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.grid(color="#e4e4e4", linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    geographic = layers[0].crs is not None and layers[0].crs.is_geographic
    ax.set_xlabel("Longitude (degree)" if geographic else "East (m)")
    ax.set_ylabel("Latitude (degree)" if geographic else "North (m)")
    ax.tick_params(axis="x", rotation=30)
    north = {"arrowstyle": "-|>", "color": "black", "lw": 1.5}
    ax.annotate("", (0.04, 0.97), xytext=(0.04, 0.83), xycoords="axes fraction", arrowprops=north)
    ax.text(0.04, 0.82, "N", transform=ax.transAxes, ha="center", va="top", fontweight="bold")
    return ax


def _bodies(ax: Axes, placed: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle

    for row, shape in zip(placed.to_dict("records"), placed.geometry, strict=True):
        colour = style.colour(row.get("kind"))
        centre = shape.representative_point()
        if shape.geom_type != "Point":
            placed.loc[placed.geometry == shape].plot(ax=ax, color=colour, alpha=0.4, edgecolor=colour, zorder=3)
        sigma = row.get("position_sigma_m")
        if sigma is not None and sigma == sigma:
            ax.add_patch(Circle((centre.x, centre.y), 2 * sigma, fill=False, edgecolor=colour, linewidth=0.7, zorder=4))
        ax.plot([centre.x], [centre.y], marker="o", markersize=5, color=colour, markeredgecolor="white", zorder=5)
    kinds = list(dict.fromkeys(str(kind) for kind in placed["kind"])) if "kind" in placed else []
    handles = [
        Line2D([], [], marker="o", linestyle="", color=style.colour(kind), label=style.kind_words(kind))
        for kind in kinds
    ]
    if handles:
        ax.legend(handles=handles, loc="best", prop={"family": list(style.fonts()), "size": 8})
